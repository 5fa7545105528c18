//! BSON as JSON text: the payload of an event from MongoDB.
//!
//! ```text
//! 7 (int, long) → 7                      7.0 (double) → 7.0       NaN, ±Infinity → "NaN" …
//! Decimal128    → its digits: 12.50      ObjectId → "6954aa00c1d2e3f4a5b6c7d8"
//! Date          → "2026-01-01T00:00:00.130Z" (as many digits as the year has)
//! Binary        → "\\x00ff", a UUID as "c8edabc3-f738-4ca3-b68d-ab92a91478a3"
//! Symbol        → text                   undefined → null
//! Timestamp, regex, code, DBPointer, MinKey, MaxKey → "Timestamp(1767225600, 1)", "Regex(/^a/i)" …
//! ```
//!
//! What is text here is text for the query language. `filter` relies on this table: the words in
//! the last line begin with their [`EXOTIC`] name, so that ordinary text never needs them.
//!
//! winston-mongodb writes `.` and `$` in keys as `[dot]` and `[$]`; they are shown as they were.

use std::fmt;

use mongodb::bson::{Decimal128, oid::ObjectId};

use crate::core::bson::{Elements, Malformed, Raw, Value};
use crate::core::json::nodes::{Escapes, Nodes};
use crate::core::json::{FlatJson, Node};
use crate::core::record::quote_bytes;
use crate::core::scalar::is_number;

/// How the texts of rare types begin.
pub const EXOTIC: [&str; 6] = [
    "Timestamp(",
    "Regex(",
    "Code(",
    "DBPointer(",
    "MinKey()",
    "MaxKey()",
];

/// Appends a document as JSON.
pub fn render(document: Raw<'_>, out: &mut String) -> Result<(), Malformed> {
    written(out, Vec::new(), |sheet| sheet.document(document)).1
}

/// Makes a document the record that [`FlatJson::parse`] would find in its JSON, without looking at
/// the JSON again. The text and the nodes are those of a former record, to be used again.
pub fn record<'t>(
    document: Raw<'_>,
    text: &'t mut String,
    nodes: Vec<Node>,
) -> Result<FlatJson<'t>, Malformed> {
    text.clear();
    let (nodes, result) = written(text, nodes, |sheet| sheet.document(document));
    result.map(|()| FlatJson::written(text, nodes))
}

/// Appends anything but a document or an array.
pub fn scalar(out: &mut String, value: Value<'_>) {
    let _ = written(out, Vec::new(), |sheet| {
        sheet.scalar(value);
        Ok(())
    });
}

/// Nearly all text is UTF-8: it is checked once, as a whole, and looked at piece by piece only when
/// that fails.
fn written(
    out: &mut String,
    nodes: Vec<Node>,
    write: impl Fn(&mut Sheet) -> Result<(), Malformed>,
) -> (Nodes, Result<(), Malformed>) {
    let start = out.len();
    let mut sheet = Sheet {
        out: std::mem::take(out).into_bytes(),
        texts: Texts::Trusted,
        nodes: Nodes::reusing(nodes),
    };
    let mut result = write(&mut sheet);
    match String::from_utf8(sheet.out) {
        Ok(text) => {
            *out = text;
            return (sheet.nodes, result);
        }
        Err(error) => sheet.out = error.into_bytes(),
    }
    sheet.out.truncate(start);
    sheet.texts = Texts::Examined;
    sheet.nodes = Nodes::reusing(sheet.nodes.into_vec());
    result = write(&mut sheet);
    match String::from_utf8(sheet.out) {
        Ok(text) => *out = text,
        Err(_) => result = Err(Malformed),
    }
    (sheet.nodes, result)
}

/// Whether each text is looked at before it is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Texts {
    /// What is written may not be UTF-8.
    Trusted,
    /// Bytes that are not UTF-8 are spelled out.
    Examined,
}

/// Where the JSON is written.
struct Sheet {
    out: Vec<u8>,
    texts: Texts,
    /// Where what stands.
    nodes: Nodes,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Container {
    Object,
    Array,
}

impl Container {
    fn start(self) -> u8 {
        if self == Self::Object { b'{' } else { b'[' }
    }

    fn end(self) -> u8 {
        if self == Self::Object { b'}' } else { b']' }
    }
}

impl Sheet {
    fn document(&mut self, document: Raw<'_>) -> Result<(), Malformed> {
        // Documents nest as deep as their writer liked; the stack of this thread does not.
        let mut open: Vec<(Elements<'_>, Container)> = Vec::new();
        let mut inside = document.elements();
        let mut container = Container::Object;
        self.nodes.open(self.out.len());
        self.out.push(b'{');
        let mut first = true;
        loop {
            let Some(element) = inside.next() else {
                self.out.push(container.end());
                self.nodes.close(self.out.len());
                let Some(outer) = open.pop() else {
                    return Ok(());
                };
                (inside, container) = outer;
                first = false;
                continue;
            };
            let element = element?;
            if !first {
                self.out.push(b',');
            }
            first = false;
            if container == Container::Object {
                self.key(element.key);
            }
            let (nested, kind) = match element.value {
                Value::Document(nested) => (nested, Container::Object),
                Value::Array(nested) => (nested, Container::Array),
                leaf => {
                    let start = self.out.len();
                    let escapes = self.scalar(leaf);
                    self.nodes.leaf(start, self.out.len(), escapes);
                    continue;
                }
            };
            self.nodes.open(self.out.len());
            self.out.push(kind.start());
            open.push((std::mem::replace(&mut inside, nested.elements()), container));
            container = kind;
            first = true;
        }
    }

    fn key(&mut self, key: &[u8]) {
        let start = self.out.len();
        let restored = (key.contains(&b'['))
            .then(|| std::str::from_utf8(key).ok())
            .flatten()
            .map(|key| key.replace("[dot]", ".").replace("[$]", "$"));
        let escapes = match restored {
            Some(key) => quote_bytes(&mut self.out, key.as_bytes()),
            None => self.text(key),
        };
        self.nodes.key(start + 1, escapes);
        self.out.push(b':');
    }

    /// Numbers, and words in quotes that need no others.
    fn word(&mut self, word: &str) -> Escapes {
        self.out.extend_from_slice(word.as_bytes());
        Escapes::None
    }

    fn integer(&mut self, number: i64) -> Escapes {
        let mut digits = itoa::Buffer::new();
        self.word(digits.format(number))
    }

    /// A double in the shortest spelling that reads back as the same double.
    fn double(&mut self, number: f64) -> Escapes {
        let is_whole = number.fract() == 0.0 && number.abs() < 1e15;
        // The negative zero has no integer to it.
        if is_whole && (number.is_sign_positive() || number < 0.0) {
            #[expect(clippy::cast_possible_truncation, reason = "whole and small")]
            self.integer(number as i64);
            self.word(".0")
        } else if number.is_finite() {
            self.word(&format!("{number:?}"))
        } else if number.is_nan() {
            self.word("\"NaN\"")
        } else {
            self.word(if number > 0.0 {
                "\"Infinity\""
            } else {
                "\"-Infinity\""
            })
        }
    }

    fn scalar(&mut self, value: Value<'_>) -> Escapes {
        match value {
            Value::Double(number) => self.double(number),
            Value::Int32(number) => self.integer(number.into()),
            Value::Int64(number) => self.integer(number),
            Value::Decimal(bytes) => {
                let number = Decimal128::from_bytes(*bytes).to_string();
                if is_number(&number) {
                    self.word(&number)
                } else {
                    quote_bytes(&mut self.out, number.as_bytes())
                }
            }
            Value::Bool(value) => self.word(if value { "true" } else { "false" }),
            Value::Null | Value::Undefined => self.word("null"),
            Value::Text(bytes) | Value::Symbol(bytes) => self.text(bytes),
            Value::ObjectId(id) => {
                self.out.push(b'"');
                hex(&mut self.out, id);
                self.word("\"")
            }
            Value::Date(millis) => {
                self.out.push(b'"');
                date(&mut self.out, millis);
                self.word("\"")
            }
            Value::Binary(subtype, bytes) => binary(&mut self.out, subtype, bytes),
            Value::Document(_) | Value::Array(_) => Escapes::None,
            Value::Regex(..)
            | Value::DbPointer(..)
            | Value::Code(_)
            | Value::CodeWithScope(..)
            | Value::Timestamp(..)
            | Value::MinKey
            | Value::MaxKey => quote_bytes(&mut self.out, exotic(value).as_bytes()),
        }
    }

    /// Text that nobody has checked: bytes that are not UTF-8 are shown as `\x9b`.
    fn text(&mut self, bytes: &[u8]) -> Escapes {
        if self.texts == Texts::Trusted || std::str::from_utf8(bytes).is_ok() {
            return quote_bytes(&mut self.out, bytes);
        }
        let mut shown = String::with_capacity(bytes.len() + 16);
        for chunk in bytes.utf8_chunks() {
            shown.push_str(chunk.valid());
            for byte in chunk.invalid() {
                let _ = fmt::Write::write_fmt(&mut shown, format_args!("\\x{byte:02x}"));
            }
        }
        quote_bytes(&mut self.out, shown.as_bytes())
    }
}

/// The text of a type that audit logs hardly ever have.
fn exotic(value: Value<'_>) -> String {
    let lossy = String::from_utf8_lossy;
    match value {
        Value::Timestamp(seconds, counter) => format!("Timestamp({seconds}, {counter})"),
        Value::Regex(pattern, flags) => format!("Regex(/{}/{})", lossy(pattern), lossy(flags)),
        Value::Code(code) => format!("Code({})", lossy(code)),
        Value::CodeWithScope(code, scope) => {
            let mut variables = String::new();
            let shown = render(scope, &mut variables).map_or("…", |()| &*variables);
            format!("Code({}, {shown})", lossy(code))
        }
        Value::DbPointer(namespace, id) => {
            format!(
                "DBPointer({}, {})",
                lossy(namespace),
                ObjectId::from_bytes(*id)
            )
        }
        Value::MinKey => "MinKey()".to_owned(),
        _ => "MaxKey()".to_owned(),
    }
}

fn binary(out: &mut Vec<u8>, subtype: u8, bytes: &[u8]) -> Escapes {
    out.push(b'"');
    let mut escapes = Escapes::None;
    if let (4, Ok(bytes)) = (subtype, <&[u8; 16]>::try_from(bytes)) {
        for (place, part) in [
            &bytes[..4],
            &bytes[4..6],
            &bytes[6..8],
            &bytes[8..10],
            &bytes[10..],
        ]
        .into_iter()
        .enumerate()
        {
            if place > 0 {
                out.push(b'-');
            }
            hex(out, part);
        }
    } else {
        escapes = Escapes::Some;
        out.extend_from_slice(b"\\\\x");
        hex(out, bytes);
    }
    out.push(b'"');
    escapes
}

/// Of hexadecimal numbers.
pub const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Appends two lower-case digits for each byte.
pub fn hex(out: &mut Vec<u8>, bytes: &[u8]) {
    out.reserve(bytes.len() * 2);
    for byte in bytes {
        out.push(DIGITS[usize::from(byte >> 4)]);
        out.push(DIGITS[usize::from(byte & 15)]);
    }
}

/// Appends an instant as RFC 3339 with three digits. Years beyond 9999 have more digits, years
/// before 0 a sign: chrono ends long before BSON does.
pub fn date(out: &mut Vec<u8>, millis: i64) {
    const DAY: i64 = 86_400_000;
    let (days, rest) = (millis.div_euclid(DAY), millis.rem_euclid(DAY));
    let (year, month, day) = civil(days);
    if year < 0 {
        out.push(b'-');
    }
    let year = year.unsigned_abs();
    if year > 9_999 {
        out.extend_from_slice(year.to_string().as_bytes());
    } else {
        digits(out, year, 4);
    }
    let parts = [
        (b'-', month, 2),
        (b'-', day, 2),
        (b'T', rest / 3_600_000, 2),
        (b':', rest / 60_000 % 60, 2),
        (b':', rest / 1000 % 60, 2),
        (b'.', rest % 1000, 3),
    ];
    for (before, number, width) in parts {
        out.push(before);
        digits(out, number.unsigned_abs(), width);
    }
    out.push(b'Z');
}

fn digits(out: &mut Vec<u8>, number: u64, width: u32) {
    for place in (0..width).rev() {
        let digit = number / 10_u64.pow(place) % 10;
        out.push(b"0123456789"[usize::try_from(digit).unwrap_or(0)]);
    }
}

/// Year, month and day of a day since 1970-01-01, proleptic Gregorian (the algorithm of Howard
/// Hinnant's `civil_from_days`).
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use mongodb::bson::{
        self, Binary, Bson, DateTime, Document, Regex, Timestamp, doc, oid::ObjectId,
        spec::BinarySubtype,
    };
    use proptest::prelude::*;

    use super::*;
    use crate::core::json::is_json;

    fn json(document: &Document) -> String {
        shown(&document.to_vec().expect("bson"))
    }

    /// The JSON; what was noted down about it is what the parser finds.
    fn shown(bytes: &[u8]) -> String {
        let mut out = String::new();
        let raw = Raw::new(bytes).expect("a document");
        let noted = record(raw, &mut out, Vec::new()).expect("well formed");
        let parsed = FlatJson::parse(noted.text().to_owned()).expect("JSON");
        assert_eq!(format!("{noted:?}"), format!("{parsed:?}"));
        out
    }

    #[test]
    fn every_type_has_its_form() {
        let id = ObjectId::parse_str("6954aa00c1d2e3f4a5b6c7d8").expect("an id");
        let uuid = bson::Uuid::parse_str("c8edabc3-f738-4ca3-b68d-ab92a91478a3").expect("a uuid");
        let document = doc! {
            "i": 7, "l": 9_007_199_254_740_993_i64, "d": 7.0, "e": 0.1, "n": f64::NAN,
            "m": f64::NEG_INFINITY,
            "dec": "12.50".parse::<Decimal128>().expect("a number"),
            "big": "1E+6000".parse::<Decimal128>().expect("a number"),
            "id": id, "at": DateTime::from_millis(1_767_225_600_130),
            "far": DateTime::from_millis(253_402_300_800_000),
            "bc": DateTime::from_millis(-62_167_219_200_001),
            "bin": Binary { subtype: BinarySubtype::Generic, bytes: vec![0, 255] },
            "u": uuid, "b": true, "z": Bson::Null, "un": Bson::Undefined,
            "ts": Timestamp { time: 5, increment: 1 },
            "re": Bson::RegularExpression(Regex {
                pattern: "^a\"".try_into().expect("a pattern"),
                options: "i".try_into().expect("flags"),
            }),
            "s": Bson::Symbol("x".to_owned()), "min": Bson::MinKey, "max": Bson::MaxKey,
            "js": Bson::JavaScriptCode("f()".to_owned()),
            "a": [1, [], {}, ["x\n\u{1b}"]],
        };
        assert_eq!(
            json(&document),
            r#"{"i":7,"l":9007199254740993,"d":7.0,"e":0.1,"n":"NaN","m":"-Infinity","dec":12.50,"big":1E+6000,"id":"6954aa00c1d2e3f4a5b6c7d8","at":"2026-01-01T00:00:00.130Z","far":"10000-01-01T00:00:00.000Z","bc":"-0001-12-31T23:59:59.999Z","bin":"\\x00ff","u":"c8edabc3-f738-4ca3-b68d-ab92a91478a3","b":true,"z":null,"un":null,"ts":"Timestamp(5, 1)","re":"Regex(/^a\"/i)","s":"x","min":"MinKey()","max":"MaxKey()","js":"Code(f())","a":[1,[],{},["x\n\u001b"]]}"#
        );
    }

    #[test]
    fn keys_are_shown_as_they_were() {
        let document = doc! {"a[dot]b": 1, "[$]where": {"x[dot]y[dot]z": 2}, "li[ne": 3, "q\"": 4};
        assert_eq!(
            json(&document),
            r#"{"a.b":1,"$where":{"x.y.z":2},"li[ne":3,"q\"":4}"#
        );
    }

    #[test]
    fn depth_costs_no_stack() {
        let mut bytes = doc! {}.to_vec().expect("bson");
        for _ in 0..100_000 {
            let length = u32::try_from(bytes.len() + 8).expect("small").to_le_bytes();
            bytes = [&length[..], &[3, b'a', 0], &bytes, &[0]].concat();
            if bytes.len() > 1_000_000 {
                break;
            }
        }
        assert!(shown(&bytes).len() > 10_000);
    }

    #[test]
    fn text_that_is_not_utf8_is_shown() {
        let mut bytes = doc! {"t": "ab"}.to_vec().expect("bson");
        let at = bytes.len() - 4;
        bytes[at] = 0x9b;
        assert_eq!(shown(&bytes), r#"{"t":"\\x9bb"}"#);
    }

    proptest! {
        #[test]
        fn dates_are_chronos(millis in -62_000_000_000_000_i64..253_402_300_799_999) {
            let mut out = Vec::new();
            date(&mut out, millis);
            let chrono = chrono::DateTime::from_timestamp_millis(millis).expect("in range");
            let expected = chrono.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
            prop_assert_eq!(out, expected.into_bytes());
        }

        #[test]
        fn doubles_are_written_as_debug_does(number: f64, thousands in -1e16..1e16) {
            for number in [number, thousands, thousands.trunc(), thousands.trunc() / 8.0, -0.0] {
                let mut out = String::new();
                scalar(&mut out, Value::Double(number));
                let debug = format!("{number:?}");
                let expected = if number.is_finite() { debug } else { out.clone() };
                prop_assert_eq!(out, expected);
            }
        }

        #[test]
        fn any_document_is_json(text in ".*", key in "[^\u{0}]*", number: f64, millis: i64) {
            let document = doc! {
                key.clone(): text.clone(),
                "n": [number, DateTime::from_millis(millis), {key: Bson::MaxKey}],
            };
            let out = json(&document);
            prop_assert!(is_json(&out), "{}", out);
        }
    }
}
