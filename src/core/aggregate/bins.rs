//! Numbers in bins of equal ratio: counts of bins add up over any parts of a store, and percentiles read
//! from them are within 1 % of the numbers themselves.
//!
//! Does not know what the numbers measure.

use crate::core::scalar::is_number;

/// Upper end of a bin over its lower one. The geometric mean of the two is within 0.95 % of either,
/// which leaves room for rounding to four digits.
const RATIO: f64 = 1.019;

/// What is smaller counts as zero.
const SMALLEST: f64 = 1e-6;

/// The bin of a number as its store spells it. `None` for what is no number, and for negative ones: no
/// length is below zero.
pub fn bin(text: &str) -> Option<usize> {
    let number: f64 = is_number(text).then(|| text.parse().ok()).flatten()?;
    if !number.is_finite() || number < 0.0 {
        return None;
    }
    if number < SMALLEST {
        return Some(0);
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the logarithm of a finite number over the smallest one"
    )]
    let above = ((number / SMALLEST).ln() / RATIO.ln()).floor() as usize;
    Some(above + 1)
}

/// The number that stands for a bin.
pub fn middle(bin: usize) -> f64 {
    let Some(above) = bin.checked_sub(1) else {
        return 0.0;
    };
    #[expect(
        clippy::cast_precision_loss,
        reason = "there are forty thousand bins at most"
    )]
    let above = above as f64 + 0.5;
    SMALLEST * RATIO.powf(above)
}

/// The number that so many of a hundred do not exceed: the smallest with at least as many at or below
/// it, as `percentile_disc` has it. `None` of nothing. `bins` ascend, each with how many are in it.
pub fn percentile(bins: &[(usize, u64)], of_hundred: u64) -> Option<f64> {
    let total: u64 = bins.iter().map(|(_, count)| count).sum();
    let rank = total.saturating_mul(of_hundred).div_ceil(100).max(1);
    let mut below = 0;
    bins.iter().find_map(|(bin, count)| {
        below += count;
        (below >= rank).then(|| middle(*bin))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_length_is_in_no_bin() {
        for text in [
            "", "null", "-1", "-0.5", "1e999", "0x10", " 7", "NaN", "inf",
        ] {
            assert_eq!(bin(text), None, "{text}");
        }
        assert_eq!(
            (bin("0"), bin("-0"), bin("1e-9")),
            (Some(0), Some(0), Some(0))
        );
        assert_eq!(percentile(&[], 50), None);
        assert_eq!(percentile(&[(0, 3)], 99), Some(0.0));
    }

    proptest! {
        #[test]
        fn percentiles_are_within_a_percent(
            mut numbers in prop::collection::vec(1e-6_f64..1e9, 1..300), share in 1_u64..=100,
        ) {
            numbers.sort_by(f64::total_cmp);
            let mut bins: Vec<(usize, u64)> = Vec::new();
            for number in &numbers {
                let bin = bin(&number.to_string()).expect("a length");
                match bins.last_mut().filter(|(last, _)| *last == bin) {
                    Some((_, count)) => *count += 1,
                    None => bins.push((bin, 1)),
                }
            }
            prop_assert!(bins.is_sorted());
            let rank = (numbers.len() as u64 * share).div_ceil(100);
            let exact = numbers[usize::try_from(rank).expect("few") - 1];
            let found = percentile(&bins, share).expect("there are numbers");
            prop_assert!((found / exact - 1.0).abs() <= 0.01, "{} for {}", found, exact);
        }
    }
}
