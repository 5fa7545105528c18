//! Names and values as SQL text, safe whatever they contain.

pub use crate::core::event::hex;

/// A quoted identifier.
pub fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text literal. A NUL cannot be in a PostgreSQL text and ends none: it is replaced by U+FFFD, so
/// that a comparison with it is false.
pub fn text(value: &str) -> String {
    let mut quoted = String::with_capacity(value.len() + 3);
    // E'' reads backslashes the same way whatever standard_conforming_strings says.
    if value.contains('\\') {
        quoted.push('E');
    }
    quoted.push('\'');
    for c in value.chars() {
        match c {
            '\'' => quoted.push_str("''"),
            '\\' => quoted.push_str("\\\\"),
            '\0' => quoted.push('\u{fffd}'),
            c => quoted.push(c),
        }
    }
    quoted.push('\'');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_escapes_from_quotes() {
        assert_eq!(ident("a\"b"), "\"a\"\"b\"");
        assert_eq!(text("o'x"), "'o''x'");
        assert_eq!(text("a\\'b"), "E'a\\\\''b'");
        assert_eq!(text("\0"), "'\u{fffd}'");
    }
}
