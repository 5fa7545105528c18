//! Events by weekday and hour: a block for each hour, higher where more happens.

use chrono_tz::Tz;
use ratatui::layout::Rect;

use crate::core::usage::answer::Week;
use crate::ui::histogram::BLOCKS;
use crate::ui::number::short;
use crate::ui::pen::Pen;
use crate::ui::theme::Role;

/// Lines it takes: a day each, the hours, and the one that leads somewhere.
pub const HEIGHT: u16 = 9;

/// The line of the busiest hour.
pub const BUSIEST: usize = 8;

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// Columns of the names.
const NAMES: u16 = 6;

/// Draws the week.
pub fn draw(pen: &mut Pen<'_>, lines: &[Option<Rect>], week: &Week, tz: Tz) {
    let Week { days, busiest } = week;
    let most = days.iter().flatten().copied().max().unwrap_or(0).max(1);
    for ((line, name), hours) in lines.iter().zip(DAYS).zip(days.iter()) {
        let Some(line) = line else { continue };
        let wide = wide(*line);
        pen.put(line.x + 2, line.y, NAMES, name, Role::Dim);
        for (hour, count) in (0_u16..).zip(hours) {
            if *count == 0 {
                continue;
            }
            // Whatever is there can be seen.
            let level = (u128::from(*count) * 8)
                .div_ceil(u128::from(most))
                .clamp(1, 8)
                - 1;
            let block = BLOCKS[usize::try_from(level).unwrap_or(0)];
            for column in 0..wide {
                let x = line.x + NAMES + hour * wide + column;
                pen.put(x, line.y, 1, block, Role::Bar);
            }
        }
    }
    if let Some(Some(line)) = lines.get(DAYS.len()) {
        for hour in (0..24).step_by(6) {
            let x = line.x + NAMES + hour * wide(*line);
            pen.put(x, line.y, 3, &format!("{hour:02}"), Role::Dim);
        }
    }
    if let (Some(Some(line)), Some(busiest)) = (lines.get(BUSIEST), busiest) {
        let at = busiest.since.to_utc();
        let at = at.map(|utc| utc.with_timezone(&tz).format("%a %Y-%m-%d %H:%M"));
        let at = at.map_or_else(|| busiest.since.to_string(), |at| at.to_string());
        let text = format!("busiest {at}, {}", short(busiest.events));
        let room = line.width.saturating_sub(2);
        pen.put(line.x + 2, line.y, room, &text, Role::Text);
    }
}

/// Columns of an hour.
fn wide(line: Rect) -> u16 {
    (line.width.saturating_sub(NAMES + 1) / 24).clamp(1, 3)
}
