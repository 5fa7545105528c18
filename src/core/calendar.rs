//! Days, weeks and months as the calendar of a zone has them: where they begin, whatever the clocks
//! do in between.
//!
//! Does not know what is counted in them.

use chrono::{
    DateTime, Datelike as _, Days, LocalResult, Months, NaiveDate, NaiveDateTime, NaiveTime,
    TimeDelta, TimeZone as _, Timelike as _, Utc,
};
use chrono_tz::Tz;

use crate::core::instant::Micros;

/// A part of a calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Period {
    /// From midnight to midnight: 23, 24 or 25 hours, as the zone has it.
    Day,
    /// From Monday to Monday (ISO 8601).
    Week,
    /// From the first to the first.
    Month,
}

/// More periods than this are asked for by mistake.
pub const MOST: usize = 10_000;

impl Period {
    /// All of them, with the words for them.
    pub const ALL: [(Self, &str); 3] = [
        (Self::Day, "day"),
        (Self::Week, "week"),
        (Self::Month, "month"),
    ];

    /// Its word.
    pub fn word(self) -> &'static str {
        let word = Self::ALL.iter().find(|(period, _)| *period == self);
        word.map_or("", |(_, word)| word)
    }

    /// The first day of the period that a day is in.
    fn first(self, day: NaiveDate) -> Option<NaiveDate> {
        match self {
            Self::Day => Some(day),
            Self::Week => {
                let since_monday = u64::from(day.weekday().num_days_from_monday());
                day.checked_sub_days(Days::new(since_monday))
            }
            Self::Month => day.with_day(1),
        }
    }

    /// The first day of the next period, from the first day of one.
    fn next(self, first: NaiveDate) -> Option<NaiveDate> {
        match self {
            Self::Day => first.checked_add_days(Days::new(1)),
            Self::Week => first.checked_add_days(Days::new(7)),
            Self::Month => first.checked_add_months(Months::new(1)),
        }
    }

    /// Where the periods begin that `[since, until)` touches, and where the last of them ends:
    /// ascending, two instants or more. `None` when there are more than [`MOST`], or when calendars
    /// do not reach that far. A day that a zone left out is no period of its own.
    pub fn edges(self, since: Micros, until: Micros, tz: Tz) -> Option<Vec<Micros>> {
        let mut first = self.first(since.to_utc()?.with_timezone(&tz).date_naive())?;
        let mut edges = vec![instant(first.and_time(NaiveTime::MIN), tz)];
        loop {
            first = self.next(first)?;
            let edge = instant(first.and_time(NaiveTime::MIN), tz);
            if edges.last().is_some_and(|last| *last < edge) {
                edges.push(edge);
            }
            if edges.len() > MOST {
                return None;
            }
            if edge >= until && edges.len() > 1 {
                return Some(edges);
            }
        }
    }
}

/// The day of the week, 0 for Monday, and the hour of the day in a zone.
pub fn hour_of_week(at: Micros, tz: Tz) -> Option<(usize, usize)> {
    let local = at.to_utc()?.with_timezone(&tz);
    Some((
        local.weekday().num_days_from_monday() as usize,
        local.hour() as usize,
    ))
}

/// Where the hours of a zone's clocks begin that `[since, until)` touches, and where the last of
/// them ends, as [`Period::edges`] does; at most `most` of them. Clocks that change by a part of an
/// hour make one that is shorter or longer.
pub fn hours(since: Micros, until: Micros, tz: Tz, most: usize) -> Option<Vec<Micros>> {
    const HOUR: i64 = 3_600 * Micros::SECOND;
    let into_hour = |at: Micros| -> Option<i64> {
        let local = at.to_utc()?.with_timezone(&tz);
        let seconds = i64::from(local.minute() * 60 + local.second());
        Some(seconds * Micros::SECOND + i64::from(local.timestamp_subsec_micros()))
    };
    let mut edges = vec![Micros(since.0 - into_hour(since)?)];
    let mut last = edges[0];
    while last < until || edges.len() < 2 {
        let next = last.plus(HOUR);
        // Another offset from UTC by now: the hour that has begun since then.
        let next = Micros((next.0 - into_hour(next)?).max(last.0 + 1));
        edges.push(next);
        last = next;
        if edges.len() > most {
            return None;
        }
    }
    Some(edges)
}

/// The instant of a wall clock: the earlier one when it comes twice, the change when it is skipped.
pub fn instant(local: NaiveDateTime, tz: Tz) -> Micros {
    Micros::from(in_zone(local, tz))
}

fn in_zone(local: NaiveDateTime, tz: Tz) -> DateTime<Utc> {
    match tz.from_local_datetime(&local) {
        LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => at.with_timezone(&Utc),
        LocalResult::None => {
            let (mut low, mut high) = (local - TimeDelta::days(2), local);
            // The skipped stretch ends at `local` or later and begins after `low`.
            while high - low > TimeDelta::microseconds(1) {
                let middle = low + (high - low) / 2;
                match tz.from_local_datetime(&middle) {
                    LocalResult::None => high = middle,
                    _ => low = middle,
                }
            }
            tz.from_local_datetime(&low)
                .latest()
                .map_or(local.and_utc(), |at| at.with_timezone(&Utc))
                + TimeDelta::microseconds(1)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Micros {
        Micros::from(
            DateTime::parse_from_rfc3339(text)
                .expect(text)
                .with_timezone(&Utc),
        )
    }

    #[test]
    fn periods_begin_where_the_calendar_of_the_zone_says() {
        let table: [(Period, Tz, &str, &str, &[&str]); 4] = [
            // The clocks of Berlin go back: a day of 25 hours.
            (
                Period::Day,
                Tz::Europe__Berlin,
                "2026-10-24T22:00:00Z",
                "2026-10-26T00:00:00Z",
                &[
                    "2026-10-24T22:00:00Z",
                    "2026-10-25T23:00:00Z",
                    "2026-10-26T23:00:00Z",
                ],
            ),
            // Weeks begin on Monday, and a half-hour offset is one, too.
            (
                Period::Week,
                Tz::Asia__Kolkata,
                "2026-11-21T12:00:00Z",
                "2026-11-21T13:00:00Z",
                &["2026-11-15T18:30:00Z", "2026-11-22T18:30:00Z"],
            ),
            (
                Period::Month,
                Tz::America__St_Johns,
                "2026-02-28T12:00:00Z",
                "2026-03-31T12:00:00Z",
                &[
                    "2026-02-01T03:30:00Z",
                    "2026-03-01T03:30:00Z",
                    "2026-04-01T02:30:00Z",
                ],
            ),
            // 30 December 2011 did not happen in Apia.
            (
                Period::Day,
                Tz::Pacific__Apia,
                "2011-12-29T12:00:00Z",
                "2011-12-30T12:00:00Z",
                &[
                    "2011-12-29T10:00:00Z",
                    "2011-12-30T10:00:00Z",
                    "2011-12-31T10:00:00Z",
                ],
            ),
        ];
        for (period, tz, since, until, edges) in table {
            check(period, tz, [since, until], edges);
        }
    }

    fn check(period: Period, tz: Tz, [since, until]: [&str; 2], edges: &[&str]) {
        let found = period.edges(at(since), at(until), tz).expect("edges");
        let found: Vec<String> = found.iter().map(Micros::to_string).collect();
        let expected: Vec<String> = edges.iter().map(|edge| at(edge).to_string()).collect();
        assert_eq!(found, expected, "{period:?} {tz}");
    }

    #[test]
    fn the_ends_of_a_range_are_in_periods() {
        // An empty range, and one that ends before it begins.
        for until in ["2026-01-01T05:00:00Z", "2025-01-01T05:00:00Z"] {
            let day = ["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"];
            check(Period::Day, Tz::UTC, ["2026-01-01T05:00:00Z", until], &day);
        }
        // A range that ends with a period does not touch the next one.
        let month = ["2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"];
        check(Period::Month, Tz::UTC, month, &month);
        assert_eq!(
            Period::Day.edges(
                at("1900-01-01T00:00:00Z"),
                at("2026-01-01T00:00:00Z"),
                Tz::UTC
            ),
            None
        );
    }

    proptest! {
        #[test]
        fn edges_enclose_the_range_and_ascend(
            since in 0_i64..2_000_000_000_000_000, hours_long in 0_i64..20_000, zone in 0..5_usize,
        ) {
            let tz = [
                Tz::UTC, Tz::Europe__Berlin, Tz::Asia__Kathmandu, Tz::Australia__Lord_Howe,
                Tz::Pacific__Apia,
            ][zone];
            let since = Micros(since);
            let until = since.plus(hours_long * 3_600 * Micros::SECOND);
            let all = Period::ALL.iter().map(|(period, _)| period.edges(since, until, tz));
            for edges in all.chain([hours(since, until, tz, 30_000)]) {
                let edges = edges.expect("not too many");
                prop_assert!(edges.windows(2).all(|pair| pair[0] < pair[1]));
                prop_assert!(edges[0] <= since && *edges.last().unwrap() >= until);
                prop_assert!(edges.len() == 2 || edges[edges.len() - 2] < until);
            }
        }

        // Until 2011 the clocks of St. John's changed a minute after midnight, within an hour.
        #[test]
        fn an_hour_of_the_clock_is_one(
            since in 1_400_000_000_000_000_i64..2_000_000_000_000_000, zone in 0..4_usize,
        ) {
            let tz = [
                Tz::UTC, Tz::Europe__Berlin, Tz::Asia__Kathmandu, Tz::America__St_Johns,
            ][zone];
            let since = Micros(since);
            let until = since.plus(200 * 24 * 3_600 * Micros::SECOND);
            let edges = hours(since, until, tz, 10_000).expect("few");
            for pair in edges.windows(2) {
                let begin = hour_of_week(pair[0], tz);
                prop_assert_eq!(begin, hour_of_week(Micros(pair[1].0 - 1), tz));
            }
        }
    }
}
