//! Instants as audit stores have them: microseconds since the Unix epoch, or one of the three
//! values a time column can hold that are not a moment.
//!
//! Does not parse what people type (that is `query::time`) and does not know time zones.

use std::borrow::Cow;
use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};

/// Microseconds since 1970-01-01T00:00:00Z, leap seconds ignored as in every store.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct Micros(pub i64);

impl Micros {
    /// One second.
    pub const SECOND: i64 = 1_000_000;

    /// The same instant for calendar arithmetic; `None` outside chrono's years (about ±262,000).
    pub fn to_utc(self) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp_micros(self.0)
    }

    /// The instant `micros` later; stays at the ends of the range instead of wrapping.
    #[must_use]
    pub fn plus(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    /// As it is displayed, made once: an export spells millions.
    pub fn spelled(self) -> String {
        self.to_utc().map_or_else(
            || format!("{}us", self.0),
            |at| at.to_rfc3339_opts(SecondsFormat::Micros, true),
        )
    }
}

impl From<DateTime<Utc>> for Micros {
    fn from(at: DateTime<Utc>) -> Self {
        Self(at.timestamp_micros())
    }
}

/// RFC 3339 in UTC with six digits, the form of every machine-readable output.
impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.spelled())
    }
}

/// When an event happened, as far as its store says.
///
/// The order is the stores' own: −∞ before every instant, +∞ after every instant; rows without a
/// time come last of all so that a sorted list keeps them together as a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum At {
    /// `-infinity`.
    NegInfinity,
    /// An instant.
    Instant(Micros),
    /// `infinity`.
    PosInfinity,
    /// NULL, missing, or a value that is not a time.
    Absent,
}

impl At {
    /// The instant, when it is one.
    pub fn instant(self) -> Option<Micros> {
        match self {
            Self::Instant(at) => Some(at),
            _ => None,
        }
    }

    /// Whether the row belongs to the dated part of its store (a plain list ordered by time), or
    /// to the section of rows whose time is infinite or absent.
    pub fn is_dated(self) -> bool {
        matches!(self, Self::Instant(_))
    }

    /// As it is displayed.
    pub fn spelled(self) -> Cow<'static, str> {
        match self {
            Self::NegInfinity => "-infinity".into(),
            Self::Instant(at) => at.spelled().into(),
            Self::PosInfinity => "infinity".into(),
            Self::Absent => "—".into(),
        }
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.spelled())
    }
}
