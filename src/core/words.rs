//! Many words of which a value may be one: what a list in a query is when it is too long to be typed.
//!
//! Equal means what it means for a single unquoted word.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use crate::core::scalar::{Scalar, compare_numbers, is_number};

/// Different words, sorted.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Words {
    words: Vec<Arc<str>>,
    /// Those that are numbers in another spelling than that of a whole number.
    odd: Vec<Arc<str>>,
}

impl FromIterator<Arc<str>> for Words {
    fn from_iter<I: IntoIterator<Item = Arc<str>>>(words: I) -> Self {
        let mut words: Vec<Arc<str>> = words.into_iter().collect();
        words.sort_unstable();
        words.dedup();
        let odd = words
            .iter()
            .filter(|word| is_number(word) && !is_whole(word));
        Self {
            odd: odd.cloned().collect(),
            words,
        }
    }
}

impl Words {
    /// Whether a value is equal to one of them.
    pub fn accept(&self, value: &Scalar<'_>) -> bool {
        let is_equal = |word: &Arc<str>, number: &str| {
            compare_numbers(number, word).is_some_and(Ordering::is_eq)
        };
        match value {
            Scalar::Text(_) | Scalar::Bool(_) => self.hold(value.text()),
            Scalar::Number(number) if is_whole(number) => {
                self.hold(number) || self.odd.iter().any(|word| is_equal(word, number))
            }
            Scalar::Number(number) => self.numbers().any(|word| is_equal(word, number)),
        }
    }

    fn hold(&self, text: &str) -> bool {
        self.words
            .binary_search_by(|word| (**word).cmp(text))
            .is_ok()
    }

    /// All of them, by their bytes.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Arc<str>> {
        self.words.iter()
    }

    /// Those that are numbers.
    pub fn numbers(&self) -> impl Iterator<Item = &Arc<str>> {
        self.words.iter().filter(|word| is_number(word))
    }
}

/// A million names help nobody who reads a log.
impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Words({})", self.words.len())
    }
}

/// Whether a number has no other spelling among whole numbers.
fn is_whole(number: &str) -> bool {
    let digits = number.strip_prefix('-').unwrap_or(number);
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    is_plain && (!digits.starts_with('0') || number == "0")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::core::query::predicate::{Literal, Test};

    proptest! {
        #[test]
        fn one_of_them_is_what_a_list_of_words_is(
            words in prop::collection::vec("-?[0-2]{1,2}(\\.[05])?(e[01])?|[a-c]{0,2}|true", 0..6),
            value in prop_oneof![
                "-?(0|[1-9][0-9]?)(\\.[05])?(e[01])?".prop_map(|n| Scalar::Number(n.into())),
                "-?[0-2]{1,2}|[a-c]{0,2}|true".prop_map(|text| Scalar::Text(text.into())),
                any::<bool>().prop_map(Scalar::Bool),
            ],
        ) {
            let single = |word: &String| Test::Equals(Literal::Bare(word.clone())).accepts(&value);
            let expected = words.iter().any(single);
            let words: Words = words.iter().map(|word| Arc::from(word.as_str())).collect();
            prop_assert_eq!(words.accept(&value), expected);
        }
    }
}
