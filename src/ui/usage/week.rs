//! Events by weekday and hour: a block for each hour, higher where more happens.

use ratatui::layout::Rect;

use crate::ui::histogram::BLOCKS;
use crate::ui::pen::Pen;
use crate::ui::theme::Role;

/// Lines it takes: a day each, and the hours.
pub const HEIGHT: u16 = 8;

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// Columns of the names.
const NAMES: u16 = 6;

/// Draws the week.
pub fn draw(pen: &mut Pen<'_>, lines: &[Option<Rect>], week: &[[u64; 24]; 7]) {
    let most = week.iter().flatten().copied().max().unwrap_or(0).max(1);
    for ((line, name), hours) in lines.iter().zip(DAYS).zip(week) {
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
}

/// Columns of an hour.
fn wide(line: Rect) -> u16 {
    (line.width.saturating_sub(NAMES + 1) / 24).clamp(1, 3)
}
