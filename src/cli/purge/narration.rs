//! A purge's progress on stderr, for people, or as JSON lines on stdout.

use std::io::{IsTerminal, Write};

use crate::cli::arguments::purge::Form;
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::core::number::grouped;
use crate::core::sanitise::safe;
use crate::purge::progress::Progress;

/// Tells what happens.
pub struct Narration {
    form: Form,
    /// Whether the last line on the terminal is to be written over.
    is_open: bool,
}

/// How long a line lasts.
enum Line {
    /// Until the next one replaces it.
    Passing(String),
    /// It stays.
    Lasting(String),
}

impl Narration {
    /// Nothing is told yet.
    pub fn new(form: Form) -> Self {
        Self {
            form,
            is_open: false,
        }
    }

    /// Tells one step.
    pub fn tell(&mut self, progress: &Progress) -> Result<(), Failure> {
        match self.form {
            Form::Json => match serde_json::to_string(progress) {
                Ok(line) => output::print(&format!("{line}\n")),
                Err(_) => Ok(()),
            },
            Form::Text => {
                self.show(line(progress));
                Ok(())
            }
        }
    }

    /// Leaves the terminal's line.
    pub fn end(&mut self) {
        if std::mem::take(&mut self.is_open) {
            let _ = std::io::stderr().lock().write_all(b"\n");
        }
    }

    fn show(&mut self, line: Line) {
        let is_terminal = std::io::stderr().is_terminal();
        let mut stderr = std::io::stderr().lock();
        let begin = if self.is_open { "\r\x1b[K" } else { "" };
        // A stderr that cannot be written to is no reason to stop.
        let _ = match line {
            Line::Passing(text) if is_terminal => {
                self.is_open = true;
                write!(stderr, "\r\x1b[K{}", safe(&text)).and_then(|()| stderr.flush())
            }
            Line::Passing(_) => Ok(()),
            Line::Lasting(text) => {
                self.is_open = false;
                writeln!(stderr, "{begin}{}", safe(&text))
            }
        };
    }
}

fn line(progress: &Progress) -> Line {
    let of = |rows: u64, of: u64| format!("{} of {} rows", grouped(rows), grouped(of));
    match progress {
        Progress::BackingUp {
            rows,
            of: most,
            segments,
            bytes,
            ..
        } => Line::Passing(format!(
            "backup: {}, {segments} segments, {} MiB",
            of(*rows, *most),
            bytes >> 20
        )),
        Progress::BackedUp { rows, root } => {
            Line::Lasting(format!("backup: {} rows, root {root}", grouped(*rows)))
        }
        Progress::Verifying { rows, of: all } => {
            Line::Passing(format!("verify: {}", of(*rows, *all)))
        }
        Progress::Verified(counts) => Line::Lasting(verified(counts)),
        Progress::Drilling { rows, of: all } => {
            Line::Passing(format!("restore drill: {}", of(*rows, *all)))
        }
        Progress::Settling { transaction } => {
            Line::Lasting(format!("asking what became of {transaction}"))
        }
        Progress::Deleting {
            tally, batch, rate, ..
        } => Line::Passing(format!(
            "delete: {}, {rate:.0} rows/s, batches of {batch}",
            of(tally.deleted, tally.archived)
        )),
        Progress::Waiting { because } => Line::Passing(format!("waiting: {because}")),
        Progress::Reconnecting { attempt, error } => {
            Line::Lasting(format!("connecting again, attempt {attempt}: {error}"))
        }
        Progress::Retrying { rows, attempt } => {
            Line::Lasting(format!("{} locked rows, attempt {attempt}", grouped(*rows)))
        }
        Progress::Reconciling { rows, of: all } => {
            Line::Passing(format!("reconcile: {}", of(*rows, *all)))
        }
        Progress::Complete(tally) => Line::Lasting(format!(
            "complete: {} rows deleted of {} archived",
            grouped(tally.deleted),
            grouped(tally.archived)
        )),
        Progress::Restoring { rows, of: all } => {
            Line::Passing(format!("restore: {}", of(*rows, *all)))
        }
        Progress::Note { text } => Line::Lasting(text.clone()),
    }
}

fn verified(counts: &crate::purge::progress::Counts) -> String {
    let mut text = format!(
        "verified: {} rows planned, {} archived, {} on the server",
        grouped(counts.planned),
        grouped(counts.archived),
        grouped(counts.server)
    );
    for difference in counts.differences.iter().chain(&counts.drill) {
        text.push_str("; ");
        text.push_str(difference);
    }
    text
}
