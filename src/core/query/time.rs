//! Times as people type them: RFC 3339, `2026-08`, `today`, `-3h`, `90d`.
//!
//! Does not read what stores write; that is `profile::moment`.

use chrono::{Datelike, Days, Months, NaiveDate, NaiveDateTime, TimeDelta, Weekday};
use chrono_tz::Tz;

use crate::core::calendar;
use crate::core::instant::Micros;
use crate::core::query::resolve::Moment;
use crate::core::suggest::nearest;

/// What a typed time covers: an instant is a period of no length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// First instant in it.
    pub start: Micros,
    /// First instant after it; equal to `start` for an instant.
    pub end: Micros,
    /// The last place an instant was written to, in microseconds: a second for `10:05:30`, a
    /// millisecond for `10:05:30.123`.
    pub precision: i64,
}

impl Period {
    fn instant(at: Micros, precision: i64) -> Self {
        Self {
            start: at,
            end: at,
            precision,
        }
    }

    /// First instant after all the text can mean: the end of a period, or of the second (or
    /// fraction) an instant was written to.
    pub fn after(&self) -> Micros {
        self.end.max(self.start.plus(self.precision))
    }
}

/// Words and forms offered for completion, with what they mean.
pub const WORDS: [(&str, &str); 17] = [
    ("now", "this instant"),
    ("today", "since midnight"),
    ("yesterday", "the day before today"),
    ("-15m", "15 minutes ago"),
    ("-1h", "an hour ago"),
    ("-24h", "24 hours ago"),
    ("-7d", "7 days ago"),
    ("-30d", "30 days ago"),
    ("-90d", "90 days ago"),
    ("monday", "the last Monday"),
    ("tuesday", "the last Tuesday"),
    ("wednesday", "the last Wednesday"),
    ("thursday", "the last Thursday"),
    ("friday", "the last Friday"),
    ("saturday", "the last Saturday"),
    ("sunday", "the last Sunday"),
    ("tomorrow", "the day after today"),
];

/// Lengths offered for completion.
pub const LENGTHS: [(&str, &str); 6] = [
    ("30s", "half a minute"),
    ("5m", "5 minutes"),
    ("1h", "an hour"),
    ("24h", "24 hours"),
    ("7d", "7 days"),
    ("90d", "90 days"),
];

/// Units of lengths, in microseconds.
const UNITS: [(&str, i64); 7] = [
    ("us", 1),
    ("ms", 1_000),
    ("s", Micros::SECOND),
    ("m", 60 * Micros::SECOND),
    ("h", 3_600 * Micros::SECOND),
    ("d", 86_400 * Micros::SECOND),
    ("w", 7 * 86_400 * Micros::SECOND),
];

/// Reads a time. `Err` is a sentence that says what is wrong with it.
///
/// Zone-less times are read in the moment's zone. One that a change of the clocks repeats is the
/// earlier instant, one that it skips is the instant of the change; so later text never means an
/// earlier instant, and a period is never negative.
pub fn period(text: &str, moment: Moment) -> Result<Period, String> {
    let text = text.trim();
    if let Some(named) = named(text, moment) {
        return named;
    }
    let (sign, unsigned) = match text.strip_prefix('+') {
        Some(rest) => (1, rest),
        None => (-1, text.strip_prefix('-').unwrap_or(text)),
    };
    let looks_like_length = unsigned.starts_with(|c: char| c.is_ascii_digit())
        && unsigned.ends_with(|c: char| c.is_ascii_lowercase())
        && unsigned.chars().all(char::is_alphanumeric);
    if looks_like_length {
        let distance = length(unsigned)?;
        let at = moment.now.plus(distance.saturating_mul(sign));
        return Ok(Period::instant(at, 1));
    }
    Written::read(text, moment)?.period(moment.tz)
}

/// Reads a length of time such as `30s`, `15m`, `1h30m`, `90d`, `2w` in microseconds.
pub fn length(text: &str) -> Result<i64, String> {
    let mut total: i64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        let letters = after
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let number: i64 = match number.parse() {
            Ok(number) => number,
            Err(_) if number.is_empty() => return Err(not_a_length(text)),
            Err(_) => return Err(format!("`{text}` is too long")),
        };
        let micros = UNITS
            .into_iter()
            .find_map(|(name, micros)| (name == unit).then_some(micros))
            .ok_or_else(|| unknown_unit(text, unit))?;
        total = number
            .checked_mul(micros)
            .and_then(|part| total.checked_add(part))
            .ok_or_else(|| format!("`{text}` is too long"))?;
        rest = after;
    }
    if text.is_empty() {
        return Err(not_a_length(text));
    }
    Ok(total)
}

fn not_a_length(text: &str) -> String {
    format!("`{text}` is not a length of time; write 30s, 15m, 3h, 90d or 2w")
}

fn unknown_unit(text: &str, unit: &str) -> String {
    match unit {
        "" => format!("`{text}` has no unit; write s, m, h, d or w after the number"),
        "mo" | "M" | "month" | "months" | "y" | "year" | "years" => {
            format!("months and years are not all equally long; write days instead of `{text}`")
        }
        _ => format!("`{unit}` is not a unit of time; there are s, m, h, d and w"),
    }
}

/// A day by its name, `now`, or `None` for anything else.
fn named(text: &str, moment: Moment) -> Option<Result<Period, String>> {
    if text == "now" {
        return Some(Ok(Period::instant(moment.now, 1)));
    }
    let back = match text {
        "today" => 0,
        "yesterday" => 1,
        "tomorrow" => -1,
        _ => {
            // chrono reads `mon` and `monday`, in either case.
            let wanted: Weekday = text.parse().ok()?;
            i64::from(today(moment)?.weekday().days_since(wanted))
        }
    };
    let date = today(moment)?.checked_sub_signed(TimeDelta::days(back))?;
    Some(Written::date(date).period(moment.tz))
}

fn today(moment: Moment) -> Option<NaiveDate> {
    let now = moment.now.to_utc()?;
    Some(now.with_timezone(&moment.tz).date_naive())
}

/// How far a time was written out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    /// Down to seconds or a fraction; its last place in microseconds.
    Instant(i64),
}

/// A calendar time as written, with its offset if it has one.
#[derive(Clone, Copy, Debug)]
struct Written {
    local: NaiveDateTime,
    step: Step,
    offset_minutes: Option<i64>,
}

impl Written {
    fn date(date: NaiveDate) -> Self {
        Self {
            local: date.into(),
            step: Step::Day,
            offset_minutes: None,
        }
    }

    fn read(text: &str, moment: Moment) -> Result<Self, String> {
        let unreadable = || unreadable(text);
        if text.get(2..3) == Some(":") {
            let date = today(moment).ok_or_else(unreadable)?;
            return Self::clock(date, text).ok_or_else(unreadable)?;
        }
        let (year, rest) = digits(text, 4).ok_or_else(unreadable)?;
        let mut step = Step::Year;
        let (mut month, mut day) = (1, 1);
        let mut rest = rest;
        if let Some(after) = rest.strip_prefix('-') {
            (month, rest) = digits(after, 2).ok_or_else(unreadable)?;
            step = Step::Month;
            if let Some(after) = rest.strip_prefix('-') {
                (day, rest) = digits(after, 2).ok_or_else(unreadable)?;
                step = Step::Day;
            }
        }
        let date = date(year, month, day)?;
        match rest.strip_prefix(['T', 't', ' ']) {
            Some(clock) if step == Step::Day => Self::clock(date, clock).ok_or_else(unreadable)?,
            None if rest.is_empty() => Ok(Self {
                step,
                ..Self::date(date)
            }),
            _ => Err(unreadable()),
        }
    }

    /// `10`, `10:05`, `10:05:30.123`, each perhaps with an offset; `None` when it is none of them.
    fn clock(date: NaiveDate, text: &str) -> Option<Result<Self, String>> {
        let (hour, mut rest) = digits(text, 2)?;
        let (mut minute, mut second, mut micros) = (0, 0, 0);
        let mut step = Step::Hour;
        if let Some(after) = rest.strip_prefix(':') {
            (minute, rest) = digits(after, 2)?;
            step = Step::Minute;
            if let Some(after) = rest.strip_prefix(':') {
                (second, rest) = digits(after, 2)?;
                step = Step::Instant(Micros::SECOND);
                if let Some(after) = rest.strip_prefix(['.', ',']) {
                    let precision;
                    (micros, precision, rest) = fraction(after)?;
                    step = Step::Instant(precision);
                }
            }
        }
        let offset_minutes = offset(rest).ok()?;
        for (name, value, most) in [
            ("hour", hour, 23),
            ("minute", minute, 59),
            ("second", second, 60),
        ] {
            if value > most {
                return Some(Err(format!("there is no {name} {value} in `{text}`")));
            }
        }
        // A leap second is the first of the next minute, as in every store.
        let since_midnight = TimeDelta::seconds((hour * 60 + minute) * 60 + second)
            + TimeDelta::microseconds(micros);
        let local = NaiveDateTime::from(date).checked_add_signed(since_midnight)?;
        Some(Ok(Self {
            local,
            step,
            offset_minutes,
        }))
    }

    fn period(self, tz: Tz) -> Result<Period, String> {
        let start = self.instant(self.local, tz);
        let end = match self.step {
            Step::Year => self.local.checked_add_months(Months::new(12)),
            Step::Month => self.local.checked_add_months(Months::new(1)),
            Step::Day => self.local.checked_add_days(Days::new(1)),
            Step::Hour => self.local.checked_add_signed(TimeDelta::hours(1)),
            Step::Minute => self.local.checked_add_signed(TimeDelta::minutes(1)),
            Step::Instant(precision) => return Ok(Period::instant(start, precision)),
        };
        let end = end.ok_or_else(|| format!("{} is too far away", self.local))?;
        Ok(Period {
            start,
            end: self.instant(end, tz),
            precision: 1,
        })
    }

    fn instant(self, local: NaiveDateTime, tz: Tz) -> Micros {
        match self.offset_minutes {
            Some(minutes) => Micros(
                (local - TimeDelta::minutes(minutes))
                    .and_utc()
                    .timestamp_micros(),
            ),
            None => calendar::instant(local, tz),
        }
    }
}

fn date(year: i64, month: i64, day: i64) -> Result<NaiveDate, String> {
    let part = |value: i64| u32::try_from(value).unwrap_or(0);
    let year = i32::try_from(year).unwrap_or(0);
    let first = NaiveDate::from_ymd_opt(year, part(month), 1)
        .ok_or_else(|| format!("there is no month {month:02}"))?;
    first.with_day(part(day)).ok_or_else(|| {
        let days = first.num_days_in_month();
        format!(
            "there is no {year:04}-{month:02}-{day:02}: {} has {days} days",
            first.format("%B %Y")
        )
    })
}

/// Exactly `count` digits and what follows them.
fn digits(text: &str, count: usize) -> Option<(i64, &str)> {
    let head = text.get(..count)?;
    let only_digits = head.bytes().all(|byte| byte.is_ascii_digit());
    let more = text[count..].starts_with(|c: char| c.is_ascii_digit());
    (only_digits && !more).then_some(())?;
    Some((head.parse().ok()?, &text[count..]))
}

/// Digits after the point: microseconds, their last place in microseconds, what follows. Digits
/// below a microsecond are cut.
fn fraction(text: &str) -> Option<(i64, i64, &str)> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    let kept = &digits[..digits.len().min(6)];
    let number: i64 = kept.parse().ok()?;
    let precision = 10_i64.pow(6 - u32::try_from(kept.len()).ok()?);
    Some((number * precision, precision, rest))
}

/// The text is no offset.
struct NoOffset;

/// Minutes east of UTC; `Ok(None)` when nothing is written.
fn offset(text: &str) -> Result<Option<i64>, NoOffset> {
    let sign = match text.chars().next() {
        None => return Ok(None),
        Some('Z' | 'z') if text.len() == 1 => return Ok(Some(0)),
        Some('+') => 1,
        Some('-') => -1,
        Some(_) => return Err(NoOffset),
    };
    let unsigned = &text[1..];
    let (hours, minutes) = match unsigned.len() {
        2 => Some((unsigned, "00")),
        4 => unsigned.split_at_checked(2),
        _ => unsigned.split_once(':'),
    }
    .ok_or(NoOffset)?;
    match (digits(hours, 2), digits(minutes, 2)) {
        (Some((hours @ 0..=23, "")), Some((minutes @ 0..=59, ""))) => {
            Ok(Some(sign * (hours * 60 + minutes)))
        }
        _ => Err(NoOffset),
    }
}

fn unreadable(text: &str) -> String {
    match nearest(text, WORDS.into_iter().map(|(word, _)| word)) {
        Some(word) => format!("`{text}` is not a time; did you mean `{word}`?"),
        None => format!(
            "`{text}` is not a time; write 2026-08, 2026-08-14, 2026-08-14T10:05:30Z, today or -3h"
        ),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use chrono::{DateTime, Utc};

    use super::*;

    fn moment(tz: Tz) -> Moment {
        Moment {
            // A Friday.
            now: instant("2026-11-20T15:04:05.678901Z"),
            tz,
        }
    }

    fn instant(text: &str) -> Micros {
        Micros::from(
            DateTime::parse_from_rfc3339(text)
                .expect(text)
                .with_timezone(&Utc),
        )
    }

    #[rstest]
    #[case("2026", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z")]
    #[case("2026-08", "2026-08-01T00:00:00Z", "2026-09-01T00:00:00Z")]
    #[case("2026-12", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z")]
    #[case("2024-02-29", "2024-02-29T00:00:00Z", "2024-03-01T00:00:00Z")]
    #[case("2026-08-14T10", "2026-08-14T10:00:00Z", "2026-08-14T11:00:00Z")]
    #[case("2026-08-14 10:05", "2026-08-14T10:05:00Z", "2026-08-14T10:06:00Z")]
    #[case(
        "2026-08-14T10:05:30.123",
        "2026-08-14T10:05:30.123Z",
        "2026-08-14T10:05:30.123Z"
    )]
    #[case(
        "2026-08-14T10:05:30+05:30",
        "2026-08-14T04:35:30Z",
        "2026-08-14T04:35:30Z"
    )]
    #[case(
        "2026-08-14T10:05-0100",
        "2026-08-14T11:05:00Z",
        "2026-08-14T11:06:00Z"
    )]
    #[case("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z", "2017-01-01T00:00:00Z")]
    #[case("today", "2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z")]
    #[case("yesterday", "2026-11-19T00:00:00Z", "2026-11-20T00:00:00Z")]
    #[case("friday", "2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z")]
    #[case("Sat", "2026-11-14T00:00:00Z", "2026-11-15T00:00:00Z")]
    #[case("09:30", "2026-11-20T09:30:00Z", "2026-11-20T09:31:00Z")]
    #[case("now", "2026-11-20T15:04:05.678901Z", "2026-11-20T15:04:05.678901Z")]
    #[case("2026-08-14t10:05z", "2026-08-14T10:05:00Z", "2026-08-14T10:06:00Z")]
    #[case("-3h", "2026-11-20T12:04:05.678901Z", "2026-11-20T12:04:05.678901Z")]
    #[case("90d", "2026-08-22T15:04:05.678901Z", "2026-08-22T15:04:05.678901Z")]
    #[case("+1h30m", "2026-11-20T16:34:05.678901Z", "2026-11-20T16:34:05.678901Z")]
    fn times_in_utc(#[case] text: &str, #[case] start: &str, #[case] end: &str) {
        let period = period(text, moment(Tz::UTC)).expect(text);
        assert_eq!((period.start, period.end), (instant(start), instant(end)));
    }

    #[rstest]
    #[case::summer("2026-08-14", "2026-08-13T22:00:00Z", "2026-08-14T22:00:00Z")]
    #[case::day_of_23_hours("2026-03-29", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z")]
    #[case::day_of_25_hours("2026-10-25", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z")]
    #[case::skipped("2026-03-29T02:30", "2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z")]
    #[case::end_skipped("2026-03-29T01", "2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z")]
    #[case::twice("2026-10-25T02:30:00", "2026-10-25T00:30:00Z", "2026-10-25T00:30:00Z")]
    #[case::both_hours("2026-10-25T02", "2026-10-25T00:00:00Z", "2026-10-25T02:00:00Z")]
    #[case::offset_wins("2026-08-14T10:00:00Z", "2026-08-14T10:00:00Z", "2026-08-14T10:00:00Z")]
    fn times_in_berlin(#[case] text: &str, #[case] start: &str, #[case] end: &str) {
        let period = period(text, moment(Tz::Europe__Berlin)).expect(text);
        assert_eq!((period.start, period.end), (instant(start), instant(end)));
    }

    #[test]
    fn a_day_a_zone_left_out_is_the_instant_of_the_change() {
        let skipped = period("2011-12-30", moment(Tz::Pacific__Apia)).expect("a date");
        let change = instant("2011-12-30T10:00:00Z");
        assert_eq!((skipped.start, skipped.end), (change, change));
    }

    #[rstest]
    #[case("2026-08-14T10:05:30Z", 1_000_000)]
    #[case("2026-08-14T10:05:30.12Z", 10_000)]
    #[case("2026-08-14T10:05:30.1234567Z", 1)]
    #[case("-3h", 1)]
    fn an_instant_covers_what_it_was_written_to(#[case] text: &str, #[case] micros: i64) {
        let period = period(text, moment(Tz::UTC)).expect(text);
        assert_eq!(period.after(), period.start.plus(micros));
    }

    #[test]
    fn mistakes_are_told_apart() {
        let told: Vec<String> = [
            "2026-02-30",
            "2026-13",
            "2026-08-14T25:00",
            "2026-08-14T10:61",
            "tuday",
            "",
            "soon!",
            "20260814",
            "3mo",
            "5",
            "-5x",
            "99999999999999999999d",
            "2026-08-14X",
            "2026-08-14T10:05+25:00",
        ]
        .into_iter()
        .map(|text| period(text, moment(Tz::UTC)).expect_err(text))
        .collect();
        insta::assert_snapshot!(told.join("\n"));
    }

    #[rstest]
    #[case("30s", 30_000_000)]
    #[case("250ms", 250_000)]
    #[case("1h30m", 5_400_000_000)]
    #[case("2w", 1_209_600_000_000)]
    fn lengths(#[case] text: &str, #[case] micros: i64) {
        assert_eq!(length(text), Ok(micros));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_time_or_a_sentence(text in ".{0,30}|[0-9TZ:+. -]{0,30}|[0-9]{0,25}[a-z]{0,3}") {
            let berlin = moment(Tz::Europe__Berlin);
            if let Ok(period) = period(&text, berlin) {
                proptest::prop_assert!(period.start <= period.end);
            }
        }
    }
}
