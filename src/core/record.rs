//! Rows as JSON: the one place where a driver's typed columns become the text of a payload.
//!
//! A record is the row as it is. Drivers write each column with [`RecordWriter`], so that the same
//! value looks the same from every store.

use std::fmt::Write as _;

use crate::core::json::nodes::Escapes;
use crate::core::json::{self, FlatJson, Node};
use crate::core::profile::ColumnKind;

/// A column of a table, or a dotted key of sampled documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name, unquoted.
    pub name: String,
    /// What it holds.
    pub kind: ColumnKind,
    /// The store's own name of the type, for people.
    pub type_name: String,
    /// Whether an index starts with it.
    pub indexed: bool,
    /// Whether it is part of the primary key.
    pub key: bool,
}

/// Builds `{"column":value,…}` in a reused buffer.
///
/// Values: integers and numbers as JSON numbers (NaN and infinities as text), booleans, JSON as it
/// stands, everything else as text. PostgreSQL writes its rows itself (`row_to_json`), in the same
/// form.
///
/// `begin`, one call per column, `finish`; then again for the next row.
#[derive(Debug, Default)]
pub struct RecordWriter {
    text: String,
    nodes: Vec<Node>,
}

impl RecordWriter {
    /// Starts a record; the allocation of the former one is used again.
    pub fn begin(&mut self) {
        self.text.clear();
        self.text.push('{');
    }

    /// Ends the record and lends its JSON text.
    pub fn finish(&mut self) -> &str {
        self.text.push('}');
        &self.text
    }

    fn name(&mut self, name: &str) {
        if self.text.len() > 1 {
            self.text.push(',');
        }
        quote(&mut self.text, name);
        self.text.push(':');
    }

    /// NULL.
    pub fn null(&mut self, name: &str) {
        self.name(name);
        self.text.push_str("null");
    }

    /// A boolean.
    pub fn bool(&mut self, name: &str, value: bool) {
        self.name(name);
        self.text.push_str(if value { "true" } else { "false" });
    }

    /// An integer.
    pub fn int(&mut self, name: &str, value: i64) {
        self.name(name);
        // Writing to a String cannot fail.
        let _ = write!(self.text, "{value}");
    }

    /// A float in the shortest spelling that reads back as the same float; text when it is not
    /// finite.
    pub fn float(&mut self, name: &str, value: f64) {
        if value.is_finite() {
            self.name(name);
            let _ = write!(self.text, "{value:?}");
        } else if value.is_nan() {
            self.text(name, "NaN");
        } else {
            self.text(name, if value > 0.0 { "Infinity" } else { "-Infinity" });
        }
    }

    /// Text.
    pub fn text(&mut self, name: &str, value: &str) {
        self.name(name);
        quote(&mut self.text, value);
    }

    /// Text of a store that does not check its encoding. Each byte that is not UTF-8 is shown as
    /// `\x9b`, so nothing is dropped and nothing is obeyed.
    pub fn unchecked_text(&mut self, name: &str, value: &[u8]) {
        self.name(name);
        self.text.push('"');
        for chunk in value.utf8_chunks() {
            escape(&mut self.text, chunk.valid());
            for byte in chunk.invalid() {
                let _ = write!(self.text, "\\\\x{byte:02x}");
            }
        }
        self.text.push('"');
    }

    /// JSON as it stands when it is JSON, text otherwise.
    pub fn json_or_text(&mut self, name: &str, value: &str) {
        if json::check(value, &mut self.nodes) {
            self.name(name);
            self.text.push_str(value);
        } else {
            self.text(name, value);
        }
    }

    /// Bytes, as `\x` and hexadecimal digits.
    pub fn bytes(&mut self, name: &str, value: &[u8]) {
        self.name(name);
        self.text.push_str("\"\\\\x");
        for byte in value {
            self.text.push(hex_digit(byte >> 4));
            self.text.push(hex_digit(byte & 15));
        }
        self.text.push('"');
    }
}

fn hex_digit(nibble: u8) -> char {
    char::from(b"0123456789abcdef"[usize::from(nibble & 15)])
}

/// The record with these text columns as the documents they hold; `None` when none of them holds
/// one. What [`RecordWriter::json_or_text`] does for stores whose rows the server writes.
pub fn unfolded(record: &FlatJson<'_>, columns: &[&str]) -> Option<String> {
    let mut text = String::new();
    let mut done = 0;
    let mut nodes = Vec::new();
    for node in record.children(record.root()) {
        let raw = record.raw(node);
        let is_meant =
            raw.starts_with('"') && record.key(node).is_some_and(|key| columns.contains(&&*key));
        let Some(inside) = record.scalar(node).filter(|_| is_meant) else {
            continue;
        };
        let inside = inside.text();
        if json::check(inside, &mut nodes) {
            let span = record.span(node);
            text.push_str(&record.text()[done..span.start]);
            text.push_str(inside);
            done = span.end;
        }
    }
    (done > 0).then(|| {
        text.push_str(&record.text()[done..]);
        text
    })
}

/// Appends `value` as a JSON string, quotes included.
pub fn quote(text: &mut String, value: &str) {
    text.push('"');
    escape(text, value);
    text.push('"');
}

fn escape(text: &mut String, value: &str) {
    let mut rest = value;
    loop {
        let plain = json::plain_bytes(rest.as_bytes());
        text.push_str(&rest[..plain]);
        let Some(byte) = rest.as_bytes().get(plain) else {
            return;
        };
        text.push_str(escaped(*byte));
        rest = &rest[plain + 1..];
    }
}

/// Appends bytes as a JSON string, quotes included: text when the bytes are. Tells whether it has
/// escapes.
pub fn quote_bytes(out: &mut Vec<u8>, value: &[u8]) -> Escapes {
    let mut escapes = Escapes::None;
    out.push(b'"');
    let mut rest = value;
    loop {
        let plain = json::plain_bytes(rest);
        out.extend_from_slice(&rest[..plain]);
        let Some(byte) = rest.get(plain) else {
            break;
        };
        escapes = Escapes::Some;
        out.extend_from_slice(escaped(*byte).as_bytes());
        rest = &rest[plain + 1..];
    }
    out.push(b'"');
    escapes
}

/// How JSON spells a byte that cannot stand in a string as it is.
fn escaped(byte: u8) -> &'static str {
    const CONTROLS: [&str; 32] = [
        "\\u0000", "\\u0001", "\\u0002", "\\u0003", "\\u0004", "\\u0005", "\\u0006", "\\u0007",
        "\\b", "\\t", "\\n", "\\u000b", "\\f", "\\r", "\\u000e", "\\u000f", "\\u0010", "\\u0011",
        "\\u0012", "\\u0013", "\\u0014", "\\u0015", "\\u0016", "\\u0017", "\\u0018", "\\u0019",
        "\\u001a", "\\u001b", "\\u001c", "\\u001d", "\\u001e", "\\u001f",
    ];
    match byte {
        b'"' => "\\\"",
        b'\\' => "\\\\",
        control => CONTROLS[usize::from(control & 31)],
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one(write: impl Fn(&mut RecordWriter)) -> String {
        let mut writer = RecordWriter::default();
        writer.begin();
        write(&mut writer);
        writer.finish().to_owned()
    }

    #[test]
    fn values_without_a_json_form_are_text() {
        assert_eq!(
            one(|w| {
                w.float("a", f64::NAN);
                w.float("b", 1.5);
                w.float("c", f64::NEG_INFINITY);
                w.float("d", f64::INFINITY);
                w.float("e", 1e300);
                w.float("f", 0.1);
                w.null("g");
                w.bool("h", true);
                w.int("i", i64::MIN);
                w.bytes("j", &[0, 0x9b, 255]);
            }),
            r#"{"a":"NaN","b":1.5,"c":"-Infinity","d":"Infinity","e":1e300,"f":0.1,"g":null,"h":true,"i":-9223372036854775808,"j":"\\x009bff"}"#
        );
    }

    #[test]
    fn bad_bytes_are_shown_not_dropped() {
        assert_eq!(
            one(|w| w.unchecked_text("t", b"a\x9b31m\xe2\x82\"")),
            r#"{"t":"a\\x9b31m\\xe2\\x82\""}"#
        );
    }

    #[test]
    fn only_json_stands_as_json() {
        assert_eq!(
            one(|w| w.json_or_text("t", "{\"a\":1}")),
            r#"{"t":{"a":1}}"#
        );
        assert_eq!(
            one(|w| w.json_or_text("t", "{\"a\":")),
            r#"{"t":"{\"a\":"}"#
        );
        assert_eq!(
            one(|w| w.json_or_text("t", r#""\ud800""#)),
            r#"{"t":"\ud800"}"#
        );
    }

    #[test]
    fn documents_kept_as_text_are_unfolded() {
        let record = |text: &'static str| FlatJson::parse(text).expect("JSON");
        let meta = r#"{"id":7,"meta":"{\"a\":{\"b\":1}}","other":"{}"}"#;
        assert_eq!(
            unfolded(&record(meta), &["meta"]).as_deref(),
            Some(r#"{"id":7,"meta":{"a":{"b":1}},"other":"{}"}"#)
        );
        for as_it_is in [r#"{"meta":"{\"a\":"}"#, r#"{"meta":null}"#, r#"{"x":"{}"}"#] {
            assert_eq!(unfolded(&record(as_it_is), &["meta"]), None, "{as_it_is}");
        }
    }

    proptest! {
        #[test]
        fn text_reads_back(name in ".*", value in ".*", control in "[\\x00-\\x7f]*") {
            let text = one(|w| {
                w.text(&name, &value);
                w.text("~control", &control);
            });
            let read: serde_json::Value = serde_json::from_str(&text).expect("json");
            prop_assert_eq!(read[&name].as_str(), Some(&*value));
            prop_assert_eq!(read["~control"].as_str(), Some(&*control));
            let mut bytes = Vec::new();
            quote_bytes(&mut bytes, value.as_bytes());
            quote_bytes(&mut bytes, control.as_bytes());
            let mut text = String::new();
            quote(&mut text, &value);
            quote(&mut text, &control);
            prop_assert_eq!(bytes, text.into_bytes());
        }
    }
}
