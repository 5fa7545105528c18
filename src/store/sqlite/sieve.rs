//! The sieve of the conditions in [`super::sql`]: a function of our own inside SQLite that rules a
//! value out in one pass, where SQLite's `instr` would need one slow pass for each word.
//!
//! It rules out only what certainly does not match; `matches` decides about the rest.

use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::ValueRef;

/// `auditail_sieve(value, needle…)`: false when the value cannot hold all needles. The first letter
/// of a needle is its [`Needle`].
pub(super) const SIEVE: &str = "auditail_sieve";

/// What a needle is; the rest of its text is what is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needle {
    /// Text as it stands.
    Exact,
    /// Text, whatever the case of its ASCII letters.
    AnyCase,
    /// Digits: a number equal to them, or text that is just them.
    Number,
}

impl Needle {
    const ALL: [(Self, u8); 3] = [
        (Self::Exact, b'='),
        (Self::AnyCase, b'~'),
        (Self::Number, b'#'),
    ];

    /// The needle as an argument of the function.
    pub(super) fn argument(self, text: &str) -> String {
        let mark = Self::ALL
            .iter()
            .find(|(kind, _)| *kind == self)
            .map_or(b'=', |(_, mark)| *mark);
        format!("{}{text}", char::from(mark))
    }

    fn read(argument: &[u8]) -> Option<(Self, &[u8])> {
        let (mark, text) = argument.split_first()?;
        let (kind, _) = Self::ALL.iter().find(|(_, known)| known == mark)?;
        Some((*kind, text))
    }

    /// `text` is UTF-8 without a backslash.
    fn may_be_in(self, text: &str, needle: &[u8]) -> bool {
        match self {
            Self::Exact => std::str::from_utf8(needle).is_ok_and(|needle| text.contains(needle)),
            Self::AnyCase => holds_any_case(text.as_bytes(), needle),
            Self::Number => holds_number(text.as_bytes(), needle),
        }
    }
}

/// Teaches a connection the function.
pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function(SIEVE, -1, flags, |context| {
        let digits;
        let bytes = match context.get_raw(0) {
            ValueRef::Text(bytes) => bytes,
            ValueRef::Integer(int) => {
                digits = int.to_string();
                digits.as_bytes()
            }
            // NULL holds nothing; the others are shown in ways that SQLite does not know.
            ValueRef::Null => return Ok(false),
            ValueRef::Real(_) | ValueRef::Blob(_) => return Ok(true),
        };
        let Ok(text) = std::str::from_utf8(bytes) else {
            return Ok(true);
        };
        let holds_all = (1..context.len()).all(|place| match context.get_raw(place) {
            ValueRef::Text(argument) => {
                Needle::read(argument).is_none_or(|(kind, needle)| kind.may_be_in(text, needle))
            }
            _ => true,
        });
        // A word that is not there may still be spelled with escapes.
        Ok(holds_all || bytes.contains(&b'\\'))
    })
}

fn holds_any_case(text: &[u8], needle: &[u8]) -> bool {
    let Some(first) = needle.first() else {
        return true;
    };
    let (lower, upper) = (first.to_ascii_lowercase(), first.to_ascii_uppercase());
    let Some(last) = text.len().checked_sub(needle.len()) else {
        return false;
    };
    text[..=last].iter().enumerate().any(|(at, byte)| {
        (*byte == lower || *byte == upper)
            && text[at..at + needle.len()].eq_ignore_ascii_case(needle)
    })
}

/// Whether the digits stand alone somewhere, or some number has a point or an exponent: that one
/// may be spelled otherwise and still be equal.
fn holds_number(text: &[u8], digits: &[u8]) -> bool {
    let begins = |byte: u8| {
        matches!(
            byte,
            b':' | b',' | b'[' | b'"' | b' ' | b'\n' | b'\t' | b'\r'
        )
    };
    let mut at = 0;
    while let Some(step) = text[at..].iter().position(u8::is_ascii_digit) {
        let from = at + step;
        let length = text[from..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        at = from + length;
        let before = from.checked_sub(1).map(|before| text[before]);
        if !before.is_none_or(|byte| begins(byte) || byte == b'-') {
            continue;
        }
        let after = text.get(at).copied();
        let is_odd = matches!(after, Some(b'.' | b'e' | b'E'));
        if is_odd || (&text[from..at] == digits && before != Some(b'-')) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::core::json::FlatJson;
    use crate::core::json::NodeId;
    use crate::core::query::predicate::{Literal, Test};
    use crate::core::record::quote;

    #[test]
    fn numbers_stand_alone() {
        for (text, expected) in [
            (r#"{"code":7}"#, true),
            (r#"{"code": 7}"#, true),
            (r#"{"code":[1,7]}"#, true),
            (r#"{"code":"7"}"#, true),
            ("7", true),
            (r#"{"code":70}"#, false),
            (r#"{"code":17}"#, false),
            (r#"{"code":-7}"#, false),
            (r#"{"pod":"pod-7-x"}"#, false),
            (r#"{"pod":"pod7"}"#, false),
            (r#"{"code":7.0}"#, true),
            (r#"{"code":70e-1}"#, true),
            (r#"{"ip":"a1.2"}"#, false),
        ] {
            assert_eq!(holds_number(text.as_bytes(), b"7"), expected, "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever a value is: if the test accepts it, the sieve lets its document through.
        #[test]
        fn nothing_that_matches_is_ruled_out(
            value in prop_oneof![
                "[a-cA-C0-9 .e-]{0,6}".prop_map(|text| { let mut json = String::new(); quote(&mut json, &text); json }),
                "-?(0|[1-9][0-9]{0,2})(\\.[0-9]{1,2})?(e-?[0-9])?",
            ],
            word in "[a-cA-C0-9]{1,3}",
        ) {
            let document = format!(r#"{{"k":{value}}}"#);
            let json = FlatJson::parse(document.as_str()).expect("JSON");
            let found = json.get(NodeId(0), "k").and_then(|node| json.scalar(node)).expect("a leaf");
            let bare = Literal::Bare(word.clone());
            let kind = match bare.number() {
                Some(number) if !number.starts_with('0') && number.bytes().all(|byte| byte.is_ascii_digit()) => Needle::Number,
                Some(_) => return Ok(()),
                None => Needle::Exact,
            };
            if Test::Equals(bare).accepts(&found) {
                prop_assert!(kind.may_be_in(&document, word.as_bytes()), "{} in {}", word, document);
            }
            if Test::Contains(word.clone()).accepts(&found) {
                prop_assert!(Needle::AnyCase.may_be_in(&document, word.as_bytes()));
            }
        }
    }
}
