//! Instants in PostgreSQL's binary form: a quarter of what it costs the server to print them.
//!
//! Does not know what they are of.

/// Microseconds since 2000-01-01 00:00 UTC; the two ends of the range are the infinities (PostgreSQL's
/// `datatype/timestamp.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp(pub i64);

/// From PostgreSQL's epoch to that of Unix.
const EPOCH: i64 = 946_684_800_000_000;
const DAY: i64 = 86_400_000_000;

impl Stamp {
    /// Of the bytes of a `timestamptz`. `None`: they are something else.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(i64::from_be_bytes).map(Self)
    }

    /// Microseconds since the Unix epoch, in the years that are spelled with four digits.
    pub fn unix(self) -> Option<i64> {
        const FIRST: i64 = -62_135_596_800_000_000;
        const END: i64 = 253_402_300_800_000_000;
        let unix = self.0.checked_add(EPOCH)?;
        (FIRST..END).contains(&unix).then_some(unix)
    }

    /// As `to_json` writes it in a session in UTC, without the quotes: `2026-01-02T03:04:05.6+00:00`.
    pub fn spell(self, out: &mut String) {
        match self.0 {
            i64::MIN => return out.push_str("-infinity"),
            i64::MAX => return out.push_str("infinity"),
            _ => {}
        }
        let (year, month, day) = civil(self.0.div_euclid(DAY));
        let since_midnight = self.0.rem_euclid(DAY);
        let seconds = since_midnight / 1_000_000;
        // There is no year 0: the one before 1 is 1 BC.
        let (year, era) = if year > 0 {
            (year, "")
        } else {
            (1 - year, " BC")
        };
        // No more than one look at a whole text: this runs for every row of an export.
        let mut spelled = *b"000000-00-00T00:00:00.000000";
        for (end, number) in [
            (6, year),
            (9, month),
            (12, day),
            (15, seconds / 3600),
            (18, seconds / 60 % 60),
            (21, seconds % 60),
            (28, since_midnight % 1_000_000),
        ] {
            digits(number, &mut spelled[..end]);
        }
        let spelled = str::from_utf8(&spelled).unwrap_or_default();
        // Four digits at least.
        let begin = spelled[..2]
            .bytes()
            .take_while(|digit| *digit == b'0')
            .count();
        out.push_str(if since_midnight % 1_000_000 == 0 {
            &spelled[begin..21]
        } else {
            spelled[begin..].trim_end_matches('0')
        });
        out.push_str("+00:00");
        out.push_str(era);
    }
}

/// Year, month and day of a day since 2000-01-01, in the proleptic Gregorian calendar. The server's
/// range is wider than that of the calendar's crate. After Howard Hinnant, "chrono-Compatible Low-Level
/// Date Algorithms", `civil_from_days`.
fn civil(day: i64) -> (i64, i64, i64) {
    // From 0000-03-01: the leap day is the last of such a year.
    let day = day + 730_425;
    let era = day.div_euclid(146_097);
    let of_era = day.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, of_year - (153 * from_march + 2) / 5 + 1)
}

/// Writes a number that is not negative over the zeros that a text ends with.
fn digits(number: i64, text: &mut [u8]) {
    let mut rest = number;
    for place in text.iter_mut().rev() {
        if rest == 0 {
            return;
        }
        #[expect(clippy::cast_sign_loss, reason = "a digit")]
        let digit = (rest % 10) as u8;
        *place = b'0' + digit;
        rest /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelled(stamp: i64) -> String {
        let mut out = String::new();
        Stamp(stamp).spell(&mut out);
        out
    }

    #[test]
    fn instants_are_spelled_as_json_has_them() {
        assert_eq!(spelled(0), "2000-01-01T00:00:00+00:00");
        assert_eq!(spelled(-1), "1999-12-31T23:59:59.999999+00:00");
        assert_eq!(spelled(600_000), "2000-01-01T00:00:00.6+00:00");
        assert_eq!(spelled(5_097_600_000_000), "2000-02-29T00:00:00+00:00");
        assert_eq!(
            spelled(9_223_371_331_199_999_999),
            "294276-12-31T23:59:59.999999+00:00"
        );
        assert_eq!(spelled(i64::MAX), "infinity");
        assert_eq!(spelled(i64::MIN), "-infinity");
    }

    #[test]
    fn every_day_is_the_calendars() {
        let start = chrono::NaiveDate::from_ymd_opt(2000, 1, 1).expect("a day");
        // Every day of nine centuries, and then some far away.
        let near = -200_000..130_000;
        let far = (-90_000_000..90_000_000).step_by(99_991);
        for day in near.chain(far) {
            let date = start
                .checked_add_signed(chrono::TimeDelta::days(day))
                .expect("within its range");
            let year = i64::from(chrono::Datelike::year(&date));
            let (month, of_month) = (chrono::Datelike::month(&date), chrono::Datelike::day(&date));
            assert_eq!(civil(day), (year, month.into(), of_month.into()), "{day}");
        }
    }

    #[test]
    fn only_years_of_four_digits_are_instants_at_once() {
        assert_eq!(Stamp(0).unix(), Some(946_684_800_000_000));
        assert_eq!(Stamp(i64::MAX).unix(), None);
        assert_eq!(Stamp(i64::MIN).unix(), None);
        let year_1 = Stamp(-63_082_281_600_000_000);
        assert_eq!(spelled(year_1.0), "0001-01-01T00:00:00+00:00");
        assert!(year_1.unix().is_some());
        assert_eq!(spelled(year_1.0 - 1), "0001-12-31T23:59:59.999999+00:00 BC");
        assert_eq!(Stamp(year_1.0 - 1).unix(), None);
    }
}
