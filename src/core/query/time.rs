//! Times as people type them: RFC 3339, `2026-08`, `today`, `-3h`, `90d`.

use crate::core::instant::Micros;
use crate::core::query::resolve::Moment;

/// What a typed time covers: an instant is a period of no length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// First instant in it.
    pub start: Micros,
    /// First instant after it; equal to `start` for an instant.
    pub end: Micros,
}

/// Reads a time. `Err` is a sentence that says what is wrong with it.
pub fn period(text: &str, moment: Moment) -> Result<Period, String> {
    todo!()
}

/// Reads a length of time such as `30s`, `15m`, `3h`, `90d`, `2w` in microseconds.
pub fn length(text: &str) -> Result<i64, String> {
    todo!()
}
