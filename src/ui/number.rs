//! Numbers of events as people read them.

use crate::core::number::grouped;
use crate::store::Count;

/// `842`, `41,203`, `1.2M`: all digits up to six, then rounded.
pub fn short(number: u64) -> String {
    match number {
        0..1_000_000 => grouped(number),
        1_000_000..1_000_000_000 => tenths(number, 1_000_000, "M"),
        _ => tenths(number, 1_000_000_000, "G"),
    }
}

/// A count, with `≈` where it is an estimate.
pub fn count(count: Count) -> String {
    match count {
        Count::Exact(number) => grouped(number),
        Count::Estimate(number) => format!("≈{}", short(number)),
    }
}

fn tenths(number: u64, unit: u64, suffix: &str) -> String {
    format!("{}.{}{suffix}", number / unit, number % unit * 10 / unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_honest() {
        for (number, expected) in [
            (0, "0"),
            (842, "842"),
            (41_203, "41,203"),
            (1_250_000, "1.2M"),
        ] {
            assert_eq!(short(number), expected);
        }
        assert_eq!(count(Count::Estimate(1_250_000)), "≈1.2M");
        assert_eq!(count(Count::Exact(1_250_000)), "1,250,000");
    }
}
