//! Leaf values: text, numbers kept as the decimal text the store gave, booleans.
//!
//! Numbers are never turned into floats, so `9007199254740993` and `0.1` stay what they are.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

/// A leaf of a payload, borrowed from it where that is possible.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scalar<'a> {
    /// A JSON string, unescaped.
    Text(Cow<'a, str>),
    /// A JSON number in its own spelling (`1e3` stays `1e3`).
    Number(Cow<'a, str>),
    /// A JSON boolean.
    Bool(bool),
}

impl<'a> Scalar<'a> {
    /// The value as people read it and as bare words and globs see it.
    pub fn text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Number(text) => text,
            Self::Bool(true) => "true",
            Self::Bool(false) => "false",
        }
    }

    /// Whether a word typed without quotes means this value: the same text, the same boolean, or an
    /// equal number (`7` is the number 7.0 and the text "7").
    pub fn is_word(&self, word: &str) -> bool {
        match self {
            Self::Number(number) if is_plain(number) && is_plain(word) => **number == *word,
            Self::Number(number) => compare_numbers(number, word) == Some(Ordering::Equal),
            Self::Text(_) | Self::Bool(_) => self.text() == word,
        }
    }

    /// [`Scalar::text`], for as long as the leaf's source lives.
    pub fn into_text(self) -> Cow<'a, str> {
        match self {
            Self::Text(text) | Self::Number(text) => text,
            Self::Bool(true) => Cow::Borrowed("true"),
            Self::Bool(false) => Cow::Borrowed("false"),
        }
    }

    /// The same value, owning its text.
    pub fn into_owned(self) -> Scalar<'static> {
        match self {
            Self::Text(text) => Scalar::Text(Cow::Owned(text.into_owned())),
            Self::Number(text) => Scalar::Number(Cow::Owned(text.into_owned())),
            Self::Bool(value) => Scalar::Bool(value),
        }
    }
}

impl fmt::Display for Scalar<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// A decimal number taken apart: sign, digits without leading and trailing zeros, and the power of
/// ten of the first digit's left side (0.d₁d₂d₃… × 10^exponent).
#[derive(Debug, PartialEq, Eq)]
struct Decimal<'a> {
    negative: bool,
    digits: Cow<'a, [u8]>,
    exponent: i64,
}

/// Whether `text` is a number in JSON's spelling (an optional sign, digits, an optional fraction
/// and exponent). A leading `+` or a bare `.5` is not.
pub fn is_number(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut at = usize::from(bytes.first() == Some(&b'-'));
    let digits = |at: &mut usize| {
        let from = *at;
        while bytes.get(*at).is_some_and(u8::is_ascii_digit) {
            *at += 1;
        }
        *at > from
    };
    if !digits(&mut at) {
        return false;
    }
    if bytes.get(at) == Some(&b'.') {
        at += 1;
        if !digits(&mut at) {
            return false;
        }
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        at += 1;
        if matches!(bytes.get(at), Some(b'+' | b'-')) {
            at += 1;
        }
        if !digits(&mut at) {
            return false;
        }
    }
    at == bytes.len()
}

/// Whether `text` is a whole number in the one spelling it has without signs, points and powers.
/// Such numbers are equal when their texts are.
fn is_plain(text: &str) -> bool {
    text == "0"
        || (!text.is_empty()
            && !text.starts_with('0')
            && text.bytes().all(|byte| byte.is_ascii_digit()))
}

fn decimal(text: &str) -> Option<Decimal<'_>> {
    if !is_number(text) {
        return None;
    }
    let negative = text.starts_with('-');
    let unsigned = text.trim_start_matches('-');
    let (mantissa, power) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], saturating_exponent(&unsigned[at + 1..])),
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: Cow<'_, [u8]> = if fraction.is_empty() {
        Cow::Borrowed(whole.as_bytes())
    } else {
        Cow::Owned([whole.as_bytes(), fraction.as_bytes()].concat())
    };
    let leading = digits.iter().take_while(|d| **d == b'0').count();
    let trailing = digits[leading..]
        .iter()
        .rev()
        .take_while(|d| **d == b'0')
        .count();
    let end = digits.len() - trailing;
    if leading == digits.len() {
        return Some(Decimal {
            negative: false,
            digits: Cow::Borrowed(b""),
            exponent: 0,
        });
    }
    let exponent =
        i64::try_from(whole.len()).unwrap_or(i64::MAX) - i64::try_from(leading).unwrap_or(i64::MAX);
    Some(Decimal {
        negative,
        digits: match digits {
            Cow::Borrowed(bytes) => Cow::Borrowed(&bytes[leading..end]),
            Cow::Owned(bytes) => Cow::Owned(bytes[leading..end].to_vec()),
        },
        exponent: exponent.saturating_add(power),
    })
}

/// An exponent too long for an `i64` still sorts as "enormous" or "vanishing".
fn saturating_exponent(text: &str) -> i64 {
    text.parse().unwrap_or(if text.starts_with('-') {
        i64::MIN / 4
    } else {
        i64::MAX / 4
    })
}

/// Compares two numbers in JSON's spelling as decimals, exactly; `None` when either is not one.
pub fn compare_numbers(a: &str, b: &str) -> Option<Ordering> {
    let (a, b) = (decimal(a)?, decimal(b)?);
    let magnitude = |x: &Decimal<'_>, y: &Decimal<'_>| {
        // Zero has no digits, so it must lose against any non-zero before exponents are looked at.
        match (x.digits.is_empty(), y.digits.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => x
                .exponent
                .cmp(&y.exponent)
                .then_with(|| x.digits.cmp(&y.digits)),
        }
    };
    Some(match (a.negative, b.negative) {
        (false, true) => Ordering::Greater,
        (true, false) => Ordering::Less,
        (false, false) => magnitude(&a, &b),
        (true, true) => magnitude(&b, &a),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_compare_as_decimals() {
        for (a, b, expected) in [
            ("7", "7.0", Ordering::Equal),
            ("1e3", "1000", Ordering::Equal),
            ("0", "-0.0", Ordering::Equal),
            ("9007199254740993", "9007199254740992", Ordering::Greater),
            ("-2", "-10", Ordering::Greater),
            ("0.1", "0.09", Ordering::Greater),
            ("1e400", "1e399", Ordering::Greater),
            ("-1", "0", Ordering::Less),
            ("0", "1e-400", Ordering::Less),
            ("12", "112", Ordering::Less),
            ("120", "12", Ordering::Greater),
        ] {
            assert_eq!(compare_numbers(a, b), Some(expected), "{a} against {b}");
            assert_eq!(
                compare_numbers(b, a),
                Some(expected.reverse()),
                "{b} against {a}"
            );
        }
    }

    #[test]
    fn words_mean_values_that_are_equal() {
        let number = |text: &'static str| Scalar::Number(text.into());
        for (value, word, same) in [
            (number("7"), "7", true),
            (number("7"), "17", false),
            (number("7.0"), "7", true),
            (number("7"), "07", true),
            (number("0"), "-0", true),
            (number("7"), "seven", false),
            (Scalar::Text("7".into()), "7", true),
            (Scalar::Text("7.0".into()), "7", false),
            (Scalar::Bool(true), "true", true),
            (Scalar::Bool(true), "True", false),
        ] {
            assert_eq!(value.is_word(word), same, "{value:?} {word}");
        }
    }

    #[test]
    fn only_json_numbers_are_numbers() {
        for text in ["", "-", "+1", ".5", "1.", "0x10", "1e", "NaN", "1 "] {
            assert!(!is_number(text), "{text:?}");
        }
    }
}
