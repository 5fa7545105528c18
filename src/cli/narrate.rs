//! What is said on stderr: failures, limits, progress. stdout is data and is written elsewhere.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use crate::cli::failure::{Failure, Kind};
use crate::core::sanitise::safe;
use crate::export::table::Charset;
use crate::store::Progress;

/// Says one thing on a line of its own. A stderr that cannot be written to is no reason to stop.
pub fn say(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{}", safe(text));
}

/// Says why a command did not end well; a closed pipe and a signal explain themselves.
pub fn explain(failure: &Failure) {
    if matches!(
        failure.kind,
        Kind::PipeClosed | Kind::Interrupted | Kind::Terminated
    ) {
        return;
    }
    let mut text = String::new();
    for (place, line) in failure.message.lines().enumerate() {
        text.push_str(if place == 0 { "error: " } else { "  " });
        text.push_str(&safe(line));
        text.push('\n');
    }
    for hint in &failure.hints {
        text.push_str("hint: ");
        text.push_str(&safe(hint));
        text.push('\n');
    }
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// A number of rows as people say it: `842`, `12.3k`, `1.2M`.
pub fn rows(number: u64) -> String {
    let (unit, letter) = match number {
        0..10_000 => return number.to_string(),
        10_000..1_000_000 => (1_000, 'k'),
        1_000_000..1_000_000_000 => (1_000_000, 'M'),
        _ => (1_000_000_000, 'G'),
    };
    let tenths = number / (unit / 10);
    format!("{}.{}{letter}", tenths / 10, tenths % 10)
}

/// A line on a terminal's stderr that tells how far a search has come; nothing elsewhere.
pub struct ProgressLine {
    shown: Option<Instant>,
    charset: Charset,
}

impl ProgressLine {
    const EVERY: Duration = Duration::from_millis(200);

    /// Nothing is shown yet.
    pub fn new(charset: Charset) -> Self {
        Self {
            shown: None,
            charset,
        }
    }

    /// Tells how far the search has come, a few times a second at most.
    pub fn update(&mut self, progress: Progress) {
        let due = self.shown.is_none_or(|at| at.elapsed() >= Self::EVERY);
        if !due || !std::io::stderr().is_terminal() {
            return;
        }
        self.shown = Some(Instant::now());
        let share = progress
            .fraction
            .map(|fraction| format!(" ({:.0} %)", fraction * 100.0))
            .unwrap_or_default();
        let mark = self.charset.ellipsis();
        let line = format!("\r\u{1b}[Klooked to {}{share} {mark}", progress.looked_to);
        let mut stderr = std::io::stderr().lock();
        let _ = stderr
            .write_all(line.as_bytes())
            .and_then(|()| stderr.flush());
    }

    /// Wipes the line, so that other text can follow.
    pub fn clear(&mut self) {
        if self.shown.take().is_some() {
            let _ = std::io::stderr().lock().write_all(b"\r\x1b[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::rows;

    #[test]
    fn rows_are_rounded_down_to_three_digits_or_so() {
        for (number, text) in [
            (0, "0"),
            (9_999, "9999"),
            (12_345, "12.3k"),
            (1_250_000, "1.2M"),
            (5_000_000_000, "5.0G"),
        ] {
            assert_eq!(rows(number), text);
        }
    }
}
