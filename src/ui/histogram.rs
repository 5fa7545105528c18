//! Events over time: one line for all of them, one for those that went wrong, and the range.

mod brush;

use ratatui::layout::Rect;

use crate::app::histogram::{Counting, per_column};
use crate::app::layout::Regions;
use crate::app::{App, Focus};
use crate::core::instant::Micros;
use crate::ui::number::short;
use crate::ui::pen::{Pen, width};
use crate::ui::region;
use crate::ui::theme::Role;

/// Lines it takes without the line of labels.
pub const HEIGHT: u16 = 2;

/// Bars of a column, from low to high.
pub const BLOCKS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

/// Lines it takes while it has the keys, without the line below.
pub const TALL: u16 = 6;

/// Columns of the words in front of the bars.
const WORDS: u16 = 8;

/// Draws the strip into the lines it is given.
pub fn draw(pen: &mut Pen<'_>, area: Rect, app: &App, regions: &mut Regions) {
    let bars = Rect {
        x: area.x + WORDS,
        width: area.width.saturating_sub(WORDS + 1),
        ..area
    };
    regions.histogram = region(bars);
    let histogram = &app.histogram;
    let is_stacked = app.focus == Focus::Timeline;
    let (events, failed) = if is_stacked {
        (("█ events", Role::Bar), ("▒ failed", Role::BarFailed))
    } else {
        (("events", Role::Dim), ("failed", Role::Dim))
    };
    // What the bars are.
    pen.put(area.x + 1, area.y, WORDS, events.0, events.1);
    pen.put(area.x + 1, area.y + 1, WORDS, failed.0, failed.1);
    let note = match &histogram.counting {
        Counting::Waiting if app.description().is_some() => "counting…".to_owned(),
        Counting::Stopped => "not counted: stopped".to_owned(),
        Counting::Failed(why) => format!("not counted: {why}"),
        _ => String::new(),
    };
    if !note.is_empty() || histogram.all().is_empty() {
        pen.put(bars.x, bars.y, bars.width, &note, Role::Dim);
        return;
    }
    if is_stacked {
        let bars = Rect {
            height: area.height.saturating_sub(1).max(1),
            ..bars
        };
        let cells = histogram.cells(usize::from(bars.width));
        brush::stacked(pen, bars, &cells);
        if let Some(stroke) = app.brush.stroke(&cells) {
            brush::marks(pen, bars, app, &cells, stroke);
        }
        return;
    }
    let all = spread(histogram.all(), usize::from(bars.width));
    let failed = spread(histogram.failed(), usize::from(bars.width));
    // One scale for both, or a single failure would stand as high as a thousand events.
    let most = all.iter().copied().max().unwrap_or(0).max(1);
    let used = line(pen, bars, bars.y, (&all, most), Role::Bar);
    line(pen, bars, bars.y + 1, (&failed, most), Role::BarFailed);
    if area.height > HEIGHT {
        labels(pen, bars, used, app);
    }
}

/// Bars as high and as wide as an area.
pub fn towers(pen: &mut Pen<'_>, area: Rect, counts: &[u64], role: Role) {
    let columns = stretched(counts, usize::from(area.width));
    let most = columns.iter().copied().max().unwrap_or(0).max(1);
    let eighths = u128::from(area.height) * 8;
    for (x, count) in (area.x..).zip(&columns) {
        // Whatever is there can be seen, also beside a spike.
        let high = (u128::from(*count) * eighths).div_ceil(u128::from(most));
        for (place, y) in (area.y..area.bottom()).rev().enumerate() {
            let below = place as u128 * 8;
            if high > below {
                let level = (high - below).min(8) - 1;
                let block = BLOCKS[usize::try_from(level).unwrap_or(0)];
                pen.put(x, y, 1, block, role);
            }
        }
    }
}

/// Numbers per column of exactly so many, each the mean of its buckets in thousandths: columns of
/// three and of four buckets are as high as each other.
fn stretched(counts: &[u64], columns: usize) -> Vec<u64> {
    let mean = |column: usize| {
        let first = column * counts.len() / columns;
        let end = ((column + 1) * counts.len() / columns).max(first + 1);
        let sum: u64 = counts[first..end].iter().sum();
        sum.saturating_mul(1_000).div_ceil((end - first) as u64)
    };
    match counts {
        [] => Vec::new(),
        _ => (0..columns).map(mean).collect(),
    }
}

/// One line of bars. Gives how many columns it took.
fn line(pen: &mut Pen<'_>, bars: Rect, y: u16, (columns, most): (&[u64], u64), role: Role) -> u16 {
    let mut x = bars.x;
    for count in columns {
        if *count > 0 {
            // Whatever is there can be seen, also beside a spike.
            let level = (count * 8).div_ceil(most).clamp(1, 8) - 1;
            let block = BLOCKS[usize::try_from(level).unwrap_or(0)];
            pen.put(x, y, 1, block, role);
        }
        x += 1;
    }
    x - bars.x
}

/// Numbers per column: buckets are widened evenly, or added up where there are more than columns.
fn spread(counts: &[u64], columns: usize) -> Vec<u64> {
    if counts.is_empty() || columns == 0 {
        return Vec::new();
    }
    let per = per_column(counts.len(), columns);
    if per > 1 {
        return counts.chunks(per).map(|chunk| chunk.iter().sum()).collect();
    }
    let wide = columns / counts.len();
    counts
        .iter()
        .flat_map(|count| std::iter::repeat_n(*count, wide))
        .collect()
}

fn labels(pen: &mut Pen<'_>, bars: Rect, used: u16, app: &App) {
    let Some((since, until)) = app.histogram.range() else {
        return;
    };
    let area = Rect {
        y: bars.y + 2,
        height: 1,
        width: used.max(60).min(bars.width),
        ..bars
    };
    let left = app.zone.minute(since);
    let total = match &app.histogram.counting {
        Counting::Partial(Some(share)) => {
            format!(
                "{} so far, {:.0} % looked at",
                short(app.histogram.total()),
                share * 100.0
            )
        }
        Counting::Partial(None) => format!("{} so far", short(app.histogram.total())),
        _ => {
            let buckets = app.histogram.all().len();
            let per = per_column(buckets, usize::from(bars.width));
            let wide = |number: usize| i64::try_from(number).unwrap_or(1).max(1);
            let each = (until.0 - since.0) / wide(buckets) * wide(per);
            let failed = app.histogram.failed().iter().sum();
            let (all, failed) = (short(app.histogram.total()), short(failed));
            format!("{all} · {failed} failed · {} each", span(each))
        }
    };
    let right = if until >= app.now() {
        "now".to_owned()
    } else {
        app.zone.minute(until)
    };
    let after = pen.put(area.x, area.y, area.width, &left, Role::Dim);
    let cells = u16::try_from(width(&total)).unwrap_or(0);
    let middle = (area.x + area.width.saturating_sub(cells) / 2).max(after + 2);
    let start = pen.right(area, &[(&right, Role::Dim)]);
    let room = start.saturating_sub(middle + 2).min(cells);
    pen.put(middle, area.y, room, &total, Role::Dim);
}

/// The width of a bucket: `15 s`, `3 h`, `1 d`.
pub(super) fn span(micros: i64) -> String {
    let seconds = micros / Micros::SECOND;
    match seconds {
        ..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_add_up_to_the_same_total_or_repeat() {
        assert_eq!(spread(&[1, 2, 3, 4, 5], 2), [6, 9]);
        assert_eq!(spread(&[1, 2], 5), [1, 1, 2, 2]);
        assert!(spread(&[], 5).is_empty());
    }
}
