//! Strings of a document as they are instead of as JSON: to quote them is most of the server's work
//! of sending them.
//!
//! A text that may stand for anything else has to be asked for as JSON: the number 7 and the text `7`
//! look the same without quotes, and are not the same value.

use std::borrow::Cow;

/// What JSON calls a value without a first character of its own.
const WORDS: [&str; 3] = ["true", "false", "null"];

/// SQL that says whether an expression with the collation `C` is a text that no other JSON value looks
/// like, and which is no JSON itself. NULL where there is no text.
pub fn is_string(text: &str) -> String {
    let words = WORDS
        .map(|word| format!("{text} <> '{word}'"))
        .join(" AND ");
    // None of the characters that a number, a list, an object or a quoted text begins with.
    format!("({text} >= '\\' AND {text} < '{{' AND {words} OR {text} >= ';' AND {text} < '[')")
}

/// The same of a text that was sent.
pub fn is_plain(text: &str) -> bool {
    let first = text.as_bytes().first();
    first.is_some_and(|first| matches!(first, b';'..=b'Z' | b'\\'..=b'z')) && !WORDS.contains(&text)
}

/// A text that was sent, as JSON.
pub fn json(text: &str) -> Cow<'_, str> {
    if !is_plain(text) {
        return Cow::Borrowed(text);
    }
    let quoted = serde_json::value::to_raw_value(text);
    Cow::Owned(quoted.map_or_else(|_| "null".to_owned(), |raw| raw.get().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_json_is_taken_for_a_string() {
        for json in [
            "7", "-7", "true", "false", "null", "{}", "[1]", "\"a\"", "\"true\"", "",
        ] {
            assert!(!is_plain(json), "{json}");
        }
    }

    #[test]
    fn names_are_strings_and_get_their_quotes_back() {
        for (text, quoted) in [
            ("alice@example.com", "\"alice@example.com\""),
            ("DescribePod", "\"DescribePod\""),
            ("trueish", "\"trueish\""),
            ("a\"b\\c\u{7}", "\"a\\\"b\\\\c\\u0007\""),
            ("\\x", "\"\\\\x\""),
        ] {
            assert!(is_plain(text), "{text}");
            assert_eq!(json(text), quoted);
        }
    }
}
