//! A purge as somebody types it into the dialog, before the server's clock makes a scope of it.

use chrono_tz::Tz;

use crate::core::instant::Micros;
use crate::core::profile::Profile;
use crate::core::purge::plan::Scope;
use crate::core::query::catalog::Catalog;
use crate::core::query::resolve::Moment;
use crate::core::query::time;
use crate::purge::fault::Fault;
use crate::purge::scope::freeze;

/// Which events are to go, as typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Events before this go: `90d`, `2026-08`, an instant.
    pub before: String,
    /// Of these, only those that the filter selects; empty means all.
    pub filter: String,
    /// Events that stay, however old; one text a hold.
    pub keep: Vec<String>,
    /// The zone of times typed without one.
    pub tz: Tz,
}

impl Wish {
    /// The scope it means at this instant of the server's clock, in a store with these names.
    pub fn scope(&self, now: Micros, profile: &Profile, catalog: &Catalog) -> Result<Scope, Fault> {
        let scope = Scope {
            cutoff: cutoff(&self.before, Moment { now, tz: self.tz })?,
            filter: self.filter.trim().to_owned(),
            keep: self
                .keep
                .iter()
                .map(|text| text.trim().to_owned())
                .collect(),
            now,
            tz: self.tz.name().to_owned(),
            names: Vec::new(),
        };
        freeze(scope, profile, catalog)
    }
}

/// The instant that a typed cutoff means: so long ago, or the beginning of a period.
pub fn cutoff(text: &str, moment: Moment) -> Result<Micros, Fault> {
    let text = text.trim();
    let wrong = |message: String| Fault::Usage {
        message,
        hint: Some("write 90d, 26w, 2026-08 or 2026-08-23".to_owned()),
    };
    if text.is_empty() {
        return Err(wrong("there is no cutoff: nothing would go".to_owned()));
    }
    match time::period(text, moment) {
        Ok(period) => Ok(period.start),
        Err(error) => Err(wrong(format!("the cutoff {text}: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cutoff_is_an_age_or_a_time() {
        // 2026-01-15T12:04:05Z
        let now = Micros(1_768_478_645_000_000);
        let moment = Moment { now, tz: Tz::UTC };
        let shown = |text: &str| cutoff(text, moment).map(|at| at.to_string()).ok();
        assert_eq!(shown("90d").as_deref(), Some("2025-10-17T12:04:05.000000Z"));
        assert_eq!(
            shown(" 2025-08 ").as_deref(),
            Some("2025-08-01T00:00:00.000000Z")
        );
        for wrong in ["", "  ", "90x", "2025-13"] {
            assert!(cutoff(wrong, moment).is_err(), "{wrong}");
        }
    }
}
