//! The forms of a report: a table for people, JSON and CSV for programs.

mod cells;
mod document;

use std::borrow::Cow;

use unicode_width::UnicodeWidthStr as _;

use crate::cli::arguments::Common;
use crate::cli::failure::Failure;
use crate::cli::output::{self, Destination};
use crate::cli::usage::form::cells::{Cell, cells};
use crate::core::instant::Micros;
use crate::core::number::grouped;
use crate::core::sanitise::safe;
use crate::core::scalar::is_number;
use crate::core::usage::Usage;
use crate::core::usage::answer::Answer;
use crate::export::csv as csv_export;
use crate::export::table::clip;

pub use document::json;

/// Values wider than this are cut in a table.
const WIDEST: usize = 60;

/// Between two columns.
const GAP: &str = "  ";

/// Where a column's cells stand.
#[derive(Clone, Copy)]
enum Side {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// A column of numbers has some, and no text below its title.
fn side(cells: &[Vec<Cell>], column: usize) -> Side {
    let mut below = cells.iter().skip(1).filter_map(|row| row.get(column));
    let is_text = below.any(|cell| matches!(cell, Cell::Text(text) if !is_number(text)));
    if is_text || column == 0 {
        Side::Left
    } else {
        Side::Right
    }
}

/// As people read it.
pub fn table(usage: &Usage, answer: &Answer, common: &Common) -> String {
    let look = output::look(Destination::stdout().medium(), common);
    let cells = cells(usage, answer);
    let columns = 0..cells.first().map_or(0, Vec::len);
    let sides: Vec<Side> = columns.clone().map(|column| side(&cells, column)).collect();
    let cells: Vec<Vec<String>> = cells
        .into_iter()
        .map(|row| {
            let shown = row.into_iter().map(|cell| match cell {
                Cell::Absent => look.charset.absent().to_owned(),
                Cell::Number(number) => grouped(number),
                Cell::Millis(millis) => digits(millis),
                Cell::Percent(percent) => format!("{percent:.1}"),
                Cell::Text(text) => clip(&safe(&text), WIDEST, look.charset),
            });
            shown.collect()
        })
        .collect();
    let widths: Vec<usize> = columns
        .map(|column| {
            let width = |row: &Vec<String>| row.get(column).map_or(0, |cell| cell.width());
            cells.iter().map(width).max().unwrap_or_default()
        })
        .collect();
    let mut text = format!(
        "{} {} to {} {}\n",
        usage.report.name(),
        local(usage, usage.since),
        local(usage, usage.until),
        usage.tz
    );
    for row in &cells {
        let mut line = String::new();
        for ((cell, width), side) in row.iter().zip(&widths).zip(&sides) {
            let space = " ".repeat(width - cell.width());
            line.push_str(if line.is_empty() { "" } else { GAP });
            line.push_str(&match side {
                Side::Left => format!("{cell}{space}"),
                Side::Right => format!("{space}{cell}"),
            });
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// The cells as spreadsheets read them, below their titles.
pub fn rows(usage: &Usage, answer: &Answer) -> Vec<Vec<String>> {
    cells(usage, answer)
        .into_iter()
        .map(|row| {
            let fields = row.into_iter().map(|cell| match cell {
                Cell::Absent => String::new(),
                Cell::Number(number) => number.to_string(),
                Cell::Millis(millis) => digits(millis),
                Cell::Percent(percent) => format!("{percent:.1}"),
                Cell::Text(text) => text,
            });
            fields.collect()
        })
        .collect()
}

/// As spreadsheets read it.
pub fn csv(rows: &[Vec<String>]) -> Result<String, Failure> {
    let medium = Destination::stdout().medium();
    let bytes = csv_export::table(rows, medium)
        .map_err(|error| Failure::output("standard output", &error))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// As many digits as are sure, and one more.
fn digits(millis: f64) -> String {
    let decimals = match millis {
        1000.0.. => 0,
        100.0.. => 1,
        10.0.. => 2,
        _ => 3,
    };
    format!("{millis:.decimals$}")
}

/// A moment on the clocks of the report's zone; the beginning of a day is its date alone.
pub fn local(usage: &Usage, at: Micros) -> Cow<'static, str> {
    let Some(utc) = at.to_utc() else {
        return Cow::Owned(at.to_string());
    };
    let text = utc
        .with_timezone(&usage.tz)
        .format("%Y-%m-%d %H:%M")
        .to_string();
    match text.strip_suffix(" 00:00") {
        Some(date) => Cow::Owned(date.to_owned()),
        None => Cow::Owned(text),
    }
}
