//! The zone in which times are shown, and how they are spelled on the screen.
//!
//! Does not read what people type; that is `core::query::time`.

use chrono::{DateTime, NaiveDate};
use chrono_tz::Tz;

use crate::core::instant::{At, Micros};

/// Which zones the screen knows, and which one is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    choices: Vec<Tz>,
    shown: usize,
}

impl Zone {
    /// Begins with `typed`, the zone in which typed times are read; cycles through UTC and `local`.
    pub fn new(typed: Tz, local: Tz) -> Self {
        let mut choices = vec![typed];
        for tz in [Tz::UTC, local] {
            if !choices.contains(&tz) {
                choices.push(tz);
            }
        }
        Self { choices, shown: 0 }
    }

    /// Shows the next one.
    pub fn cycle(&mut self) {
        self.shown = (self.shown + 1) % self.choices.len();
    }

    /// Shows this one.
    pub fn show(&mut self, tz: Tz) {
        let known = self.choices.iter().position(|choice| *choice == tz);
        self.shown = known.unwrap_or_else(|| {
            self.choices.push(tz);
            self.choices.len() - 1
        });
    }

    /// The one that is shown.
    pub fn tz(&self) -> Tz {
        self.choices[self.shown]
    }

    /// The name on the screen.
    pub fn name(&self) -> &'static str {
        self.choices[self.shown].name()
    }

    fn local(&self, at: Micros) -> Option<DateTime<Tz>> {
        Some(at.to_utc()?.with_timezone(&self.choices[self.shown]))
    }

    /// The calendar day of an instant.
    pub fn day(&self, at: Micros) -> Option<NaiveDate> {
        Some(self.local(at)?.date_naive())
    }

    /// `12:04:05.118`
    pub fn clock(&self, at: Micros) -> String {
        self.spell(at, "%H:%M:%S%.3f")
    }

    /// `2026-11-20 12:04`
    pub fn minute(&self, at: Micros) -> String {
        self.spell(at, "%Y-%m-%d %H:%M")
    }

    /// `2026-11-20 12:04:05.118301 UTC`, or the word for a time that is not an instant.
    pub fn full(&self, at: At) -> String {
        match at {
            At::Instant(at) => {
                let offset = if self.choices[self.shown] == Tz::UTC {
                    "UTC"
                } else {
                    "%:z"
                };
                self.spell(at, &format!("%Y-%m-%d %H:%M:%S%.6f {offset}"))
            }
            At::NegInfinity => "-infinity".to_owned(),
            At::PosInfinity => "infinity".to_owned(),
            At::Absent => "no time".to_owned(),
        }
    }

    fn spell(&self, at: Micros, format: &str) -> String {
        match self.local(at) {
            Some(at) => at.format(format).to_string(),
            None => at.to_string(),
        }
    }
}

/// A length of time as people say it: `0.2 s`, `14 s`, `3 min`, `5 h`, `12 d`.
pub fn length(micros: i64) -> String {
    let tenths = micros.max(0) / 100_000;
    match tenths / 10 {
        0..10 => format!("{}.{} s", tenths / 10, tenths % 10),
        seconds @ 10..120 => format!("{seconds} s"),
        seconds @ 120..7_200 => format!("{} min", seconds / 60),
        seconds @ 7_200..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cycling_comes_round() {
        let mut zone = Zone::new(Tz::UTC, Tz::Europe__Berlin);
        let at = Micros(1_768_478_645_118_301);
        assert_eq!(
            (zone.name(), zone.clock(at).as_str()),
            ("UTC", "12:04:05.118")
        );
        zone.cycle();
        assert_eq!(
            zone.full(At::Instant(at)),
            "2026-01-15 13:04:05.118301 +01:00"
        );
        zone.cycle();
        assert_eq!(zone.full(At::Instant(at)), "2026-01-15 12:04:05.118301 UTC");
        assert_eq!(Zone::new(Tz::UTC, Tz::UTC).choices.len(), 1);
    }

    #[test]
    fn lengths_are_short() {
        for (micros, expected) in [
            (-5, "0.0 s"),
            (230_000, "0.2 s"),
            (14_900_000, "14 s"),
            (180_000_000, "3 min"),
            (18_000_000_000, "5 h"),
            (1_036_800_000_000, "12 d"),
        ] {
            assert_eq!(length(micros), expected);
        }
    }
}
