//! Events as an aligned table for people.
//!
//! Never holds more than its first rows: their widths decide for the rest, so that any number of
//! rows streams through.

use std::io::{self, Write};

use chrono_tz::Tz;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::core::column::{Column, Shown, record, texts};
use crate::core::event::{Event, Outcome};
use crate::core::instant::At;
use crate::core::sanitise::safe;
use crate::export::Printer;

/// Rows looked at before the widths are settled.
const MEASURED: usize = 500;
/// No column pads its values to more than this where nothing limits a line: one value of a megabyte would
/// make every row as long.
const WIDEST: usize = 200;
/// What separates two columns.
const GAP: &str = "  ";

/// How the table looks.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Columns of the terminal; `None` when nothing limits a line.
    pub width: Option<usize>,
    /// Zone of the times.
    pub tz: Tz,
    /// Whether outcomes are coloured.
    pub paint: Paint,
    /// Which characters may be used.
    pub charset: Charset,
}

/// Whether escape sequences may be printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// Text alone.
    Plain,
    /// ANSI colours.
    Ansi,
}

/// Which characters may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charset {
    /// All of Unicode.
    Unicode,
    /// ASCII only, for marks of our own; text from a store stays as it is.
    Ascii,
}

impl Charset {
    /// The mark for text that was cut.
    pub fn ellipsis(self) -> &'static str {
        match self {
            Self::Unicode => "…",
            Self::Ascii => "...",
        }
    }

    /// The mark for what is not there.
    pub fn absent(self) -> &'static str {
        match self {
            Self::Unicode => "—",
            Self::Ascii => "-",
        }
    }

    /// The mark for an estimate.
    pub fn about(self) -> &'static str {
        match self {
            Self::Unicode => "≈",
            Self::Ascii => "~",
        }
    }
}

/// Prints events as an aligned table.
pub struct TablePrinter<W> {
    out: W,
    look: Look,
    columns: Vec<Column>,
    waiting: Vec<Row>,
    widths: Option<Vec<usize>>,
}

struct Row {
    cells: Vec<String>,
    outcome: Option<Outcome>,
}

impl<W: Write> TablePrinter<W> {
    /// Prints these columns to `out`.
    pub fn new(out: W, look: Look, columns: Vec<Column>) -> Self {
        Self {
            out,
            look,
            columns,
            waiting: Vec::new(),
            widths: None,
        }
    }

    fn row(&self, event: &Event) -> Row {
        let record = record(self.columns.iter().map(|column| &column.shown), event);
        let cells = self
            .columns
            .iter()
            .map(|column| {
                if column.shown == Shown::At {
                    return clock(event.at(), self.look);
                }
                let values = texts(&column.shown, event, record.as_ref());
                if values.is_empty() {
                    return self.look.charset.absent().to_owned();
                }
                safe(&values.join(", ")).into_owned()
            })
            .collect();
        Row {
            cells,
            outcome: event.outcome,
        }
    }

    /// Settles the widths by the rows seen so far and prints them under the header.
    fn settle(&mut self) -> io::Result<()> {
        let headers: Vec<String> = self
            .columns
            .iter()
            .map(|column| match column.shown {
                Shown::At => format!("at ({})", self.look.tz),
                _ => safe(&column.name).into_owned(),
            })
            .collect();
        let mut widths: Vec<usize> = headers.iter().map(|header| header.width()).collect();
        for row in &self.waiting {
            for (width, cell) in widths.iter_mut().zip(&row.cells) {
                *width = (*width).max(cell.width());
            }
        }
        match self.look.width {
            Some(limit) => fit(&mut widths, limit),
            None => widths
                .iter_mut()
                .for_each(|width| *width = WIDEST.min(*width)),
        }
        let header = Row {
            cells: headers,
            outcome: None,
        };
        let waiting = std::mem::take(&mut self.waiting);
        self.widths = Some(widths);
        for row in std::iter::once(&header).chain(&waiting) {
            self.print(row)?;
        }
        Ok(())
    }

    fn print(&mut self, row: &Row) -> io::Result<()> {
        let mut line = String::new();
        let widths = self.widths.as_deref().unwrap_or_default();
        for (place, (cell, width)) in row.cells.iter().zip(widths).enumerate() {
            if place > 0 {
                line.push_str(GAP);
            }
            // A reader that is no terminal gets every value whole.
            let text = match self.look.width {
                Some(_) => clip(cell, *width, self.look.charset),
                None => cell.clone(),
            };
            let padding = width.saturating_sub(text.width());
            let painted = match (&self.columns[place].shown, row.outcome, self.look.paint) {
                (Shown::Outcome, Some(outcome), Paint::Ansi) => paint(&text, outcome),
                _ => text,
            };
            line.push_str(&painted);
            line.push_str(&" ".repeat(padding));
        }
        line.truncate(line.trim_end().len());
        line.push('\n');
        self.out.write_all(line.as_bytes())
    }
}

impl<W: Write> Printer for TablePrinter<W> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        let row = self.row(event);
        if self.widths.is_some() {
            return self.print(&row);
        }
        self.waiting.push(row);
        if self.waiting.len() >= MEASURED {
            self.settle()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn finish(&mut self) -> io::Result<Option<String>> {
        if self.widths.is_none() {
            self.settle()?;
        }
        self.out.flush()?;
        Ok(None)
    }
}

/// A time as people read it, to the millisecond, in the table's zone.
pub fn clock(at: At, look: Look) -> String {
    match at {
        At::Instant(instant) => instant.to_utc().map_or_else(
            || instant.to_string(),
            |utc| {
                let local = utc.with_timezone(&look.tz);
                local.format("%Y-%m-%d %H:%M:%S%.3f").to_string()
            },
        ),
        At::Absent => look.charset.absent().to_owned(),
        infinite => infinite.to_string(),
    }
}

/// The word of an outcome in its colour; the word alone says everything too.
pub fn paint(text: &str, outcome: Outcome) -> String {
    let code = match outcome {
        Outcome::Ok => 32,
        Outcome::Failed => 31,
        Outcome::Denied => 35,
        Outcome::Pending => 33,
    };
    format!("\u{1b}[{code}m{text}\u{1b}[0m")
}

/// Takes width from the widest column until the line fits; no column gets narrower than this.
fn fit(widths: &mut [usize], limit: usize) {
    const LEAST: usize = 6;
    let gaps = GAP.len() * widths.len().saturating_sub(1);
    loop {
        let total = widths.iter().sum::<usize>() + gaps;
        let Some(widest) = widths.iter_mut().max() else {
            return;
        };
        if total <= limit || *widest <= LEAST {
            return;
        }
        *widest -= 1;
    }
}

/// The text in at most `width` columns, with a mark when something was cut.
pub fn clip(text: &str, width: usize, charset: Charset) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mark = charset.ellipsis();
    let room = width.saturating_sub(mark.width());
    let mut used = 0;
    let kept = text.chars().take_while(|character| {
        used += character.width().unwrap_or_default();
        used <= room
    });
    let mut clipped: String = kept.collect();
    clipped.push_str(mark);
    clipped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::event::{Field, Values};
    use crate::core::scalar::Scalar;
    use crate::export::tests::event;

    fn printed(look: Look, events: &[Event]) -> String {
        let mut bytes = Vec::new();
        let mut printer = TablePrinter::new(&mut bytes, look, Column::glance());
        for event in events {
            printer.event(event).expect("a vector takes everything");
        }
        printer.finish().expect("a vector takes everything");
        drop(printer);
        String::from_utf8(bytes).expect("UTF-8")
    }

    const LOOK: Look = Look {
        width: Some(80),
        tz: Tz::UTC,
        paint: Paint::Plain,
        charset: Charset::Unicode,
    };

    #[test]
    fn lines_fit_the_terminal_and_obey_nothing() {
        let mut wild = event();
        let action = format!("\u{1b}[2J{}", "漢字".repeat(60));
        wild.values = Values::of(&[(Field::Action, Scalar::Text(action.into()))]);
        let table = printed(LOOK, &[wild, event()]);
        assert_eq!(table.lines().count(), 3);
        for line in table.lines() {
            assert!(line.width() <= 80, "{line}");
            assert!(!line.contains('\u{1b}'), "{line:?}");
        }
        assert!(table.contains("␛[2J"));
        assert!(table.contains('…'));
    }

    #[test]
    fn later_rows_stream_in_the_settled_widths() {
        let mut long = event();
        let actor = Scalar::Text("x".repeat(200).into());
        long.values = Values::of(&[(Field::Actor, actor)]);
        let mut events = vec![event(); MEASURED];
        events.push(long);
        let table = printed(LOOK, &events);
        let widths: Vec<usize> = table.lines().map(UnicodeWidthStr::width).collect();
        assert_eq!(widths.len(), MEASURED + 2);
        assert!(widths.iter().all(|width| *width <= 80));
    }

    #[test]
    fn a_stream_gets_the_longest_value_whole_and_other_rows_are_not_as_long() {
        let mut long = event();
        let actor = "x".repeat(200_000);
        long.values = Values::of(&[(Field::Actor, Scalar::Text(actor.as_str().into()))]);
        let look = Look {
            width: None,
            ..LOOK
        };
        let mut events = vec![long.clone(), event()];
        events.resize_with(MEASURED, event);
        events.push(long);
        let table = printed(look, &events);
        let lines: Vec<&str> = table.lines().collect();
        assert!(lines[1].contains(&actor) && lines[MEASURED + 1].contains(&actor));
        assert!(lines[2].width() < 3 * WIDEST, "{}", lines[2].width());
    }

    #[test]
    fn an_empty_result_still_has_a_header() {
        assert!(printed(LOOK, &[]).starts_with("at (UTC)"));
    }
}
