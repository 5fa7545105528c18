//! Times as stores write them: ISO 8601 and PostgreSQL text, and numbers since the epoch.
//!
//! Does not read what people type; that is `query::time`.

use chrono::{LocalResult, NaiveDateTime, Offset as _, TimeDelta, TimeZone as _};
use chrono_tz::Tz;

use crate::core::instant::{At, Micros};
use crate::core::profile::TimeEncoding;
use crate::core::scalar::{Scalar, is_number};

const MICROS_PER_DAY: i64 = 86_400 * Micros::SECOND;

/// Decodes a time. Unreadable values are [`At::Absent`], `infinity` and `-infinity` are themselves.
///
/// Text may carry an offset, which then decides; without one it is UTC, or the wall clock of the
/// zone of [`TimeEncoding::Zoneless`]. A zone-less time that a DST change makes ambiguous is the
/// earlier instant, one that it skips is read with the offset before the change. Digits below a
/// microsecond are rounded, halves away from zero; instants beyond the range of [`Micros`] are its
/// ends.
pub fn decode_time(encoding: TimeEncoding, value: &Scalar<'_>) -> At {
    let text = match value {
        Scalar::Text(text) | Scalar::Number(text) => text.trim(),
        Scalar::Bool(_) => return At::Absent,
    };
    match text {
        "infinity" | "Infinity" => return At::PosInfinity,
        "-infinity" | "-Infinity" => return At::NegInfinity,
        _ => {}
    }
    let micros = match encoding {
        TimeEncoding::Instant | TimeEncoding::Zoneless(_) if matches!(value, Scalar::Number(_)) => {
            None
        }
        TimeEncoding::Instant => clock(text).map(|clock| clock.instant(Tz::UTC)),
        TimeEncoding::Zoneless(zone) => clock(text).map(|clock| clock.instant(zone)),
        TimeEncoding::EpochSeconds => scaled(text, 6),
        TimeEncoding::EpochMillis => scaled(text, 3),
        TimeEncoding::EpochMicros => scaled(text, 0),
        TimeEncoding::EpochNanos => scaled(text, -3),
    };
    micros.map_or(At::Absent, |micros| At::Instant(Micros(micros)))
}

/// As [`decode_time`] of an integer's digits.
pub fn decode_whole(encoding: TimeEncoding, number: i64) -> At {
    let number = i128::from(number);
    let micros = match encoding {
        TimeEncoding::Instant | TimeEncoding::Zoneless(_) => return At::Absent,
        TimeEncoding::EpochSeconds => number * 1_000_000,
        TimeEncoding::EpochMillis => number * 1_000,
        TimeEncoding::EpochMicros => number,
        TimeEncoding::EpochNanos => (number + 500 * number.signum()) / 1_000,
    };
    let last = i128::from(i64::MAX);
    let micros = i64::try_from(micros.clamp(-last, last)).unwrap_or_default();
    At::Instant(Micros(micros))
}

/// The number times ten to the `power`, rounded to an integer in decimal arithmetic: a float would
/// move `1580728336.864` by a fraction of a microsecond.
fn scaled(text: &str, power: i64) -> Option<i64> {
    if !is_number(text) {
        return None;
    }
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(unsigned) => (true, unsigned),
        None => (false, text),
    };
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => {
            let exponent = &unsigned[at + 1..];
            // An exponent beyond i32 is beyond every instant, or below every microsecond.
            let limit = if exponent.starts_with('-') {
                i32::MIN
            } else {
                i32::MAX
            };
            (&unsigned[..at], exponent.parse().unwrap_or(limit))
        }
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut digits = whole
        .bytes()
        .chain(fraction.bytes())
        .map(|digit| i64::from(digit - b'0'));
    let places = i64::try_from(whole.len()).ok()? + i64::from(exponent) + power;
    let mut micros: i64 = 0;
    let mut place = 0;
    while place < places {
        let Some(digit) = digits.next() else {
            // Only zeros follow; nothing but zero stays in range for long.
            if micros == 0 {
                break;
            }
            micros = micros.saturating_mul(10);
            place += 1;
            if micros == i64::MAX {
                break;
            }
            continue;
        };
        micros = micros.saturating_mul(10).saturating_add(digit);
        place += 1;
    }
    if place == places && places >= 0 && digits.next().is_some_and(|digit| digit >= 5) {
        micros = micros.saturating_add(1);
    }
    Some(if negative { -micros } else { micros })
}

/// A date, a time of day and perhaps an offset, as read.
#[derive(Debug)]
struct Clock {
    days: i64,
    micros: i64,
    offset_seconds: Option<i64>,
}

impl Clock {
    fn local(&self) -> i64 {
        self.days
            .saturating_mul(MICROS_PER_DAY)
            .saturating_add(self.micros)
    }

    fn instant(&self, zone: Tz) -> i64 {
        let local = self.local();
        let offset = match self.offset_seconds {
            Some(seconds) => seconds,
            None if zone == Tz::UTC => 0,
            None => offset_in(zone, local),
        };
        local.saturating_sub(offset * Micros::SECOND)
    }
}

/// The zone's offset in seconds at a wall clock.
fn offset_in(zone: Tz, local: i64) -> i64 {
    let Some(naive) = Micros(local).to_utc().map(|at| at.naive_utc()) else {
        return 0;
    };
    // A skipped wall clock is read with the offset before the change; the widest jump ever made
    // was a whole day.
    (0..48)
        .find_map(|hours| {
            let probe: NaiveDateTime = naive.checked_sub_signed(TimeDelta::hours(hours))?;
            match zone.offset_from_local_datetime(&probe) {
                LocalResult::None => None,
                LocalResult::Single(offset) => Some(offset),
                LocalResult::Ambiguous(earlier, later) => {
                    Some(if hours == 0 { earlier } else { later })
                }
            }
        })
        .map_or(0, |offset| i64::from(offset.fix().local_minus_utc()))
}

/// Reads `YYYY-MM-DD[(T| )hh:mm[:ss[.f…]]][ ][Z|±hh[[:]mm[:ss]]][ BC]`; years have four digits or
/// more, a sign is allowed (`-0043` is 44 BC).
fn clock(text: &str) -> Option<Clock> {
    let (text, before_christ) = match text.strip_suffix(" BC") {
        Some(text) => (text, true),
        None => (text, false),
    };
    let mut reader = Reader(text.as_bytes());
    let sign = match reader.one_of(b"+-") {
        Some(b'-') => -1,
        _ => 1,
    };
    let (year, length) = reader.digits();
    if !(4..=7).contains(&length) {
        return None;
    }
    let year = if before_christ { 1 - year } else { sign * year };
    reader.one_of(b"-")?;
    let month = reader.pair()?;
    reader.one_of(b"-")?;
    let day = reader.pair()?;
    let days = days_from_civil(year, month, day)?;
    let mut micros = 0;
    let mut offset_seconds = None;
    if reader.one_of(b"Tt ").is_some() {
        micros = time_of_day(&mut reader)?;
        reader.one_of(b" ");
        offset_seconds = offset(&mut reader)?;
    }
    reader.0.is_empty().then_some(Clock {
        days,
        micros,
        offset_seconds,
    })
}

fn time_of_day(reader: &mut Reader<'_>) -> Option<i64> {
    let hours = reader.pair()?;
    reader.one_of(b":")?;
    let minutes = reader.pair()?;
    let seconds = if reader.one_of(b":").is_some() {
        reader.pair()?
    } else {
        0
    };
    // 60 is a leap second, which no store counts: it is the next minute's first.
    if hours > 23 || minutes > 59 || seconds > 60 {
        return None;
    }
    let mut micros = 0;
    if reader.one_of(b".,").is_some() {
        let mut unit = Micros::SECOND;
        let (mut any, mut below) = (false, None);
        while let Some(digit) = reader.digit() {
            any = true;
            unit /= 10;
            micros += digit * unit;
            if unit == 0 && below.is_none() {
                below = Some(digit);
            }
        }
        if !any {
            return None;
        }
        micros += i64::from(below.is_some_and(|digit| digit >= 5));
    }
    Some(((hours * 60 + minutes) * 60 + seconds) * Micros::SECOND + micros)
}

/// The offset in seconds; `Some(None)` when there is none, `None` when it cannot be read.
#[expect(
    clippy::option_option,
    reason = "no offset and a wrong one are different"
)]
fn offset(reader: &mut Reader<'_>) -> Option<Option<i64>> {
    let sign = match reader.one_of(b"Zz+-") {
        None => return Some(None),
        Some(b'Z' | b'z') => return Some(Some(0)),
        Some(b'-') => -1,
        Some(_) => 1,
    };
    let mut seconds = reader.pair()? * 3600;
    for unit in [60, 1] {
        let colon = reader.one_of(b":").is_some();
        if reader.0.is_empty() && !colon {
            break;
        }
        let part = reader.pair()?;
        if part > 59 {
            return None;
        }
        seconds += part * unit;
    }
    Some(Some(sign * seconds))
}

/// Days since 1970-01-01 of a date of the proleptic Gregorian calendar (year 0 is 1 BC).
fn days_from_civil(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=last).contains(&day) {
        return None;
    }
    // Years begin in March here, so that the leap day is the last of its year.
    let (year, month) = if month <= 2 {
        (year - 1, month + 9)
    } else {
        (year, month - 3)
    };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

struct Reader<'t>(&'t [u8]);

impl Reader<'_> {
    fn one_of(&mut self, set: &[u8]) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        if !set.contains(first) {
            return None;
        }
        self.0 = rest;
        Some(*first)
    }

    fn digit(&mut self) -> Option<i64> {
        let (first, rest) = self.0.split_first()?;
        if !first.is_ascii_digit() {
            return None;
        }
        self.0 = rest;
        Some(i64::from(first - b'0'))
    }

    fn pair(&mut self) -> Option<i64> {
        Some(self.digit()? * 10 + self.digit()?)
    }

    /// At most seven digits, so that nothing overflows; their value and number.
    fn digits(&mut self) -> (i64, usize) {
        let (mut value, mut length) = (0, 0);
        while length < 7 {
            let Some(digit) = self.digit() else { break };
            value = value * 10 + digit;
            length += 1;
        }
        (value, length)
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, SecondsFormat};
    use proptest::prelude::*;

    use super::*;

    fn text(encoding: TimeEncoding, value: &str) -> At {
        decode_time(encoding, &Scalar::Text(value.into()))
    }

    fn number(encoding: TimeEncoding, value: &str) -> At {
        decode_time(encoding, &Scalar::Number(value.into()))
    }

    fn at(rfc3339: &str) -> At {
        let moment = DateTime::parse_from_rfc3339(rfc3339).expect(rfc3339);
        At::Instant(Micros(moment.timestamp_micros()))
    }

    #[test]
    fn texts_of_stores_are_read() {
        for (value, same) in [
            (
                "2026-01-02 03:04:05.678901+00",
                "2026-01-02T03:04:05.678901Z",
            ),
            (
                "2026-01-02T03:04:05.678901+00:00",
                "2026-01-02T03:04:05.678901Z",
            ),
            ("2026-01-02 03:04:05", "2026-01-02T03:04:05Z"),
            ("2026-01-02T03:04", "2026-01-02T03:04:00Z"),
            ("2026-01-02", "2026-01-02T00:00:00Z"),
            ("2026-01-02t03:04:05z", "2026-01-02T03:04:05Z"),
            ("2026-01-02 03:04:05 +0530", "2026-01-02T03:04:05+05:30"),
            ("2026-01-02 03:04:05-08", "2026-01-02T03:04:05-08:00"),
            (
                "2026-01-02 03:04:05.1234565+00",
                "2026-01-02T03:04:05.123457Z",
            ),
            (
                "2026-01-02 03:04:05.1234564999+00",
                "2026-01-02T03:04:05.123456Z",
            ),
            ("2026-01-02 03:04:59.9999999+00", "2026-01-02T03:05:00Z"),
            ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
            ("2000-02-29 00:00:00+00", "2000-02-29T00:00:00Z"),
            ("0000-03-01T00:00:00Z", "0000-03-01T00:00:00Z"),
        ] {
            assert_eq!(text(TimeEncoding::Instant, value), at(same), "{value}");
        }
        let ides = text(TimeEncoding::Instant, "0044-03-15 00:00:00+00 BC");
        assert_eq!(ides, text(TimeEncoding::Instant, "-0043-03-15T00:00:00Z"));
        assert_eq!(ides, At::Instant(Micros(-63_517_824_000 * Micros::SECOND)));
        assert_eq!(
            text(TimeEncoding::Instant, "1890-01-02 03:04:05-00:01:15"),
            at("1890-01-02T03:05:20Z")
        );
        assert_eq!(text(TimeEncoding::Instant, "-infinity"), At::NegInfinity);
        assert_eq!(
            text(TimeEncoding::EpochSeconds, "Infinity"),
            At::PosInfinity
        );
    }

    #[test]
    fn what_is_no_time_is_absent() {
        for value in [
            "",
            "yesterday",
            "2026-13-01",
            "2026-02-29",
            "2026-01-02 24:00:00",
            "26-01-02",
            "2026-01-02T",
            "2026-01-02 03:04:05.",
            "2026-01-02 03:04:05+0",
            "2026-01-02 03:04:05+00:",
            "2026-01-02 03:04:05Zulu",
            "2026-1-2",
            "2026-01-02 03:60",
            "12345678-01-01",
        ] {
            assert_eq!(text(TimeEncoding::Instant, value), At::Absent, "{value:?}");
        }
        assert_eq!(number(TimeEncoding::Instant, "1580728336"), At::Absent);
        assert_eq!(text(TimeEncoding::EpochSeconds, "NaN"), At::Absent);
        assert_eq!(
            decode_time(TimeEncoding::Instant, &Scalar::Bool(true)),
            At::Absent
        );
    }

    #[test]
    fn epochs_are_decimal_numbers() {
        for (encoding, value, micros) in [
            (
                TimeEncoding::EpochSeconds,
                "1580728336.864",
                1_580_728_336_864_000,
            ),
            (
                TimeEncoding::EpochSeconds,
                "1580728336",
                1_580_728_336_000_000,
            ),
            (TimeEncoding::EpochSeconds, "0.0000005", 1),
            (TimeEncoding::EpochSeconds, "-0.0000005", -1),
            (TimeEncoding::EpochSeconds, "0.00000049", 0),
            (
                TimeEncoding::EpochSeconds,
                "1.580728336864e9",
                1_580_728_336_864_000,
            ),
            (
                TimeEncoding::EpochMillis,
                "1580728336864",
                1_580_728_336_864_000,
            ),
            (
                TimeEncoding::EpochMillis,
                "1580728336864.5",
                1_580_728_336_864_500,
            ),
            (
                TimeEncoding::EpochMicros,
                "1580728336864001",
                1_580_728_336_864_001,
            ),
            (
                TimeEncoding::EpochNanos,
                "1580728336864001499",
                1_580_728_336_864_001,
            ),
            (
                TimeEncoding::EpochNanos,
                "1580728336864001500",
                1_580_728_336_864_002,
            ),
            (TimeEncoding::EpochNanos, "-499", 0),
            (TimeEncoding::EpochNanos, "5e-999999999999", 0),
            (TimeEncoding::EpochSeconds, "0e999999999999", 0),
            (TimeEncoding::EpochSeconds, "1e300", i64::MAX),
            (TimeEncoding::EpochSeconds, "-1e99999999999", -i64::MAX),
        ] {
            assert_eq!(
                number(encoding, value),
                At::Instant(Micros(micros)),
                "{value}"
            );
        }
    }

    #[test]
    fn wall_clocks_follow_their_zone() {
        for (zone, value, same) in [
            (
                Tz::Europe__Berlin,
                "2026-01-02 03:04:05",
                "2026-01-02T03:04:05+01:00",
            ),
            (
                Tz::Europe__Berlin,
                "2026-07-02 03:04:05",
                "2026-07-02T03:04:05+02:00",
            ),
            // Twice on the night clocks go back: the earlier one.
            (
                Tz::Europe__Berlin,
                "2026-10-25 02:30:00",
                "2026-10-25T02:30:00+02:00",
            ),
            // Never on the night they go forward: the offset before the change.
            (
                Tz::Europe__Berlin,
                "2026-03-29 02:30:00",
                "2026-03-29T02:30:00+01:00",
            ),
            (
                Tz::America__New_York,
                "2026-11-01 01:30:00",
                "2026-11-01T01:30:00-04:00",
            ),
            // Samoa skipped a whole day.
            (
                Tz::Pacific__Apia,
                "2011-12-30 12:00:00",
                "2011-12-30T12:00:00-10:00",
            ),
            (
                Tz::Australia__Lord_Howe,
                "2026-10-04 02:15:00",
                "2026-10-04T02:15:00+10:30",
            ),
            // An offset in the text decides.
            (
                Tz::Europe__Berlin,
                "2026-01-02 03:04:05Z",
                "2026-01-02T03:04:05Z",
            ),
        ] {
            assert_eq!(
                text(TimeEncoding::Zoneless(zone), value),
                at(same),
                "{value}"
            );
        }
    }

    proptest! {
        #[test]
        fn whole_numbers_are_decoded_as_their_digits_are(number: i64, place in 0..64_u32) {
            for number in [number >> place, i64::MIN, i64::MAX, 499, 500, -500, -501] {
                for encoding in [
                    TimeEncoding::EpochSeconds, TimeEncoding::EpochMillis,
                    TimeEncoding::EpochMicros, TimeEncoding::EpochNanos, TimeEncoding::Instant,
                ] {
                    let digits = Scalar::Number(number.to_string().into());
                    prop_assert_eq!(decode_whole(encoding, number), decode_time(encoding, &digits));
                }
            }
        }

        #[test]
        fn agrees_with_chrono(micros in -62_135_596_800_000_000_i64..253_402_300_800_000_000) {
            let moment = Micros(micros).to_utc().expect("in range");
            let expected = At::Instant(Micros(micros));
            for printed in [
                moment.to_rfc3339_opts(SecondsFormat::Micros, true),
                moment.format("%Y-%m-%d %H:%M:%S%.6f+00").to_string(),
            ] {
                prop_assert_eq!(text(TimeEncoding::Instant, &printed), expected, "{}", printed);
            }
        }

        #[test]
        fn agrees_with_integer_arithmetic(micros in any::<i64>()) {
            prop_assume!(micros != i64::MIN);
            let sign = if micros < 0 { "-" } else { "" };
            let (whole, fraction) = (micros.unsigned_abs() / 1_000_000, micros.unsigned_abs() % 1_000_000);
            let seconds = format!("{sign}{whole}.{fraction:06}");
            prop_assert_eq!(number(TimeEncoding::EpochSeconds, &seconds), At::Instant(Micros(micros)));
            prop_assert_eq!(number(TimeEncoding::EpochMicros, &micros.to_string()), At::Instant(Micros(micros)));
        }
    }
}
