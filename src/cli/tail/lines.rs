//! The lines of a tail: data on stdout, what happens to the connection on stderr.

use std::io::{self, BufWriter, Stdout, Write};
use std::time::Duration;

use unicode_width::UnicodeWidthStr;

use crate::cli::arguments::{Common, Tail, TailFormat};
use crate::cli::narrate;
use crate::cli::output::{self, Destination};
use crate::core::column::Column;
use crate::core::event::{Event, Field};
use crate::core::instant::Micros;
use crate::core::sanitise::safe;
use crate::export::Printer;
use crate::export::json::{JsonPrinter, Layout, write_text};
use crate::export::table::{Look, Paint, clip, clock, paint};
use crate::store::{Change, Complete, TailEvent, TailLevel};

/// Prints what a tail brings.
pub struct Lines {
    form: Form,
    ledger: Ledger,
}

enum Form {
    Text(BufWriter<Stdout>, Look),
    Ndjson(JsonPrinter<Stdout>),
}

/// Whether completeness is part of the output.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ledger {
    With,
    Without,
}

impl Lines {
    /// Prints to stdout as the command line says.
    pub fn new(arguments: &Tail, common: &Common) -> Self {
        let medium = Destination::stdout().medium();
        Self {
            form: match arguments.format {
                TailFormat::Text => {
                    Form::Text(BufWriter::new(io::stdout()), output::look(medium, common))
                }
                TailFormat::Ndjson => Form::Ndjson(JsonPrinter::new(
                    io::stdout(),
                    Layout::Lines,
                    medium,
                    Column::all(),
                )),
            },
            ledger: if arguments.with_ledger {
                Ledger::With
            } else {
                Ledger::Without
            },
        }
    }

    /// Prints events and hands them to the reader.
    pub fn events(&mut self, events: impl Iterator<Item = TailEvent>) -> io::Result<()> {
        for TailEvent { change, event } in events {
            match &mut self.form {
                Form::Ndjson(printer) => printer.changed(&event, change)?,
                Form::Text(out, look) => writeln!(out, "{}", line(&event, change, *look))?,
            }
        }
        self.flush()
    }

    /// Prints how complete the output is, if that is wanted.
    pub fn complete(&mut self, complete: &Complete) -> io::Result<()> {
        if self.ledger == Ledger::Without {
            return Ok(());
        }
        let level = match &complete.level {
            TailLevel::Exact(means) => (*means).to_owned(),
            TailLevel::BestEffort { overlap } => {
                format!("best effort (overlap {} s)", overlap.as_secs())
            }
        };
        match &mut self.form {
            Form::Ndjson(printer) => {
                let mut json =
                    format!("{{\"complete_to\":\"{}\",\"level\":", complete.to).into_bytes();
                write_text(&mut json, &level);
                json.push(b'}');
                printer.line(&String::from_utf8_lossy(&json))?;
            }
            Form::Text(out, _) => writeln!(out, "complete to {}, {level}", complete.to)?,
        }
        self.flush()
    }

    /// Tells of a gap; it is part of the ledger, too.
    pub fn gap(&mut self, from: Micros, to: Micros, because: &str) -> io::Result<()> {
        narrate::say(&format!(
            "events between {from} and {to} may be missing: {because}"
        ));
        if self.ledger == Ledger::With
            && let Form::Ndjson(printer) = &mut self.form
        {
            let mut json =
                format!("{{\"gap_from\":\"{from}\",\"gap_to\":\"{to}\",\"because\":").into_bytes();
            write_text(&mut json, because);
            json.push(b'}');
            printer.line(&String::from_utf8_lossy(&json))?;
        }
        self.flush()
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.form {
            Form::Text(out, _) => out.flush(),
            Form::Ndjson(printer) => printer.flush(),
        }
    }
}

/// Tells that the connection is gone.
pub fn reconnecting(attempt: u32, error: &str, wait: Duration) {
    narrate::say(&format!(
        "connection lost: {error}; attempt {attempt} in {:.1} s",
        wait.as_secs_f64()
    ));
}

/// Tells that the connection is back.
pub fn reconnected() {
    narrate::say("connected again; nothing was lost, the overlap is read again");
}

/// Tells how many events were held back when the tail ended.
pub fn left_behind(held: usize) {
    if held > 0 {
        narrate::say(&format!("{held} event(s) still pending were not printed"));
    }
}

/// An event on one line: time, outcome, who, what, to what, and the store's words for it.
fn line(event: &Event, change: Change, look: Look) -> String {
    let absent = look.charset.absent();
    let word = event
        .outcome
        .map_or(absent, crate::core::event::Outcome::word);
    let first = |field| event.first(field).map_or(absent.into(), safe);
    let resources: Vec<String> = event
        .all(Field::Resource)
        .map(|value| value.text().to_owned())
        .collect();
    let mut rest = format!("{}  {}", first(Field::Actor), first(Field::Action));
    if !resources.is_empty() {
        rest.push_str("  ");
        rest.push_str(&safe(&resources.join(", ")));
    }
    if let Some(status) = event.first(Field::Status) {
        rest.push_str("  ");
        rest.push_str(&safe(status));
    }
    match change {
        Change::New => {}
        Change::Update => rest.push_str("  (changed)"),
        Change::Unmatched => rest.push_str("  (changed, matches no more)"),
    }
    let time = clock(event.at(), look);
    let padding = " ".repeat(7_usize.saturating_sub(word.width()));
    let room = look.width.map_or(usize::MAX, |width| {
        width.saturating_sub(time.width() + 4 + word.width() + padding.len())
    });
    let word = match (event.outcome, look.paint) {
        (Some(outcome), Paint::Ansi) => paint(word, outcome),
        _ => word.to_owned(),
    };
    format!(
        "{time}  {word}{padding}  {}",
        clip(&rest, room, look.charset)
    )
}
