//! The `_id` of a document as a row's key: parts that sort as the server sorts, and the value itself
//! wherever the parts do not say all of it.
//!
//! Does not know collations: text sorts by its bytes.

use std::cmp::Ordering;

use mongodb::bson::{Bson, Decimal128, Document, oid::ObjectId};

use crate::core::bson::render::{self, hex};
use crate::core::bson::{Element, Malformed, Raw, Value};
use crate::core::event::{EventId, KeyPart};
use crate::core::json::FlatJson;
use crate::core::purge::row::RowKey;

/// Objects in objects beyond this are nobody's key.
const DEEPEST: usize = 100;

/// The element `_id` of a document; `None` when it has none.
pub fn id_of(document: Raw<'_>) -> Result<Option<Element<'_>>, Malformed> {
    for element in document.elements() {
        let element = element?;
        if element.key == b"_id" {
            return Ok(Some(element));
        }
    }
    Ok(None)
}

/// The key of a row with this `_id`; `None` when the value cannot be named to the server again:
/// text that is not UTF-8, an object with one key twice.
pub fn of(id: &Element<'_>) -> Option<RowKey> {
    let mut parts = Vec::with_capacity(2);
    sortable(id.value, &mut parts, 0)?;
    if is_said(id.value) {
        return Some(RowKey(parts));
    }
    let mut raw = Vec::with_capacity(1 + id.bytes.len());
    raw.push(id.value.type_code());
    raw.extend_from_slice(id.bytes);
    parts.push(KeyPart::Bytes(raw.into()));
    let key = RowKey(parts);
    let named = Document::from_iter([(String::new(), value(&key)?)]);
    let named = named.to_vec().ok()?;
    (named.get(6..named.len() - 1) == Some(id.bytes)).then_some(key)
}

/// The `_id` a key stands for, as the server takes it; `None` for a key of another store.
pub fn value(key: &RowKey) -> Option<Bson> {
    match key.0.as_slice() {
        [KeyPart::Int(10), KeyPart::Int(number)] => Some(Bson::Int64(*number)),
        [KeyPart::Int(15), KeyPart::Text(text)] => Some(Bson::String(text.to_string())),
        [KeyPart::Int(35), KeyPart::Text(digits)] => {
            ObjectId::parse_str(digits).ok().map(Bson::ObjectId)
        }
        [.., KeyPart::Bytes(raw)] => {
            let document = around(raw)?;
            let mut read = Document::from_reader(&mut &document[..]).ok()?;
            read.remove("")
        }
        _ => None,
    }
}

/// A document around a value, with the shortest key there is.
fn around(raw: &[u8]) -> Option<Vec<u8>> {
    let (code, value) = raw.split_first()?;
    let length = u32::try_from(value.len() + 7).ok()?;
    Some([&length.to_le_bytes()[..], &[*code, 0], value, &[0]].concat())
}

/// The key as people, queries and outputs see it.
pub fn text(key: &RowKey) -> EventId {
    match key.0.as_slice() {
        [KeyPart::Int(10), KeyPart::Int(number)] => EventId::new(number.to_string()),
        [KeyPart::Int(15 | 35), KeyPart::Text(text)] => EventId::new(text.as_ref()),
        [.., KeyPart::Bytes(raw)] => {
            let document = around(raw);
            let raw = document.as_deref().and_then(|bytes| Raw::new(bytes).ok());
            match raw.and_then(|raw| raw.elements().next()) {
                Some(Ok(element)) => id_text(&element),
                _ => EventId::of_key(&key.0),
            }
        }
        parts => EventId::of_key(parts),
    }
}

/// The `_id` as people and outputs see it.
pub fn id_text(id: &Element<'_>) -> EventId {
    match id.value {
        Value::Text(text) if let Ok(text) = std::str::from_utf8(text) => EventId::new(text),
        Value::ObjectId(id) => {
            let mut digits = Vec::with_capacity(24);
            hex(&mut digits, id);
            // Digits are text, so that nothing is copied here.
            EventId::new(String::from_utf8(digits).unwrap_or_default())
        }
        Value::Document(document) | Value::Array(document) => {
            let mut text = String::new();
            // Arrays cannot be ids; whatever it is, its text tells it apart.
            let _ = render::render(document, &mut text);
            EventId::new(text)
        }
        value => {
            let mut text = String::new();
            render::scalar(&mut text, value);
            let json = FlatJson::parse(text.as_str());
            let scalar = json.as_ref().ok().and_then(|json| json.scalar(json.root()));
            EventId::new(scalar.as_ref().map_or("null", |scalar| scalar.text()))
        }
    }
}

/// Whether the sorting parts of a value say all of it.
fn is_said(value: Value<'_>) -> bool {
    matches!(
        value,
        Value::Int32(_) | Value::Int64(_) | Value::Text(_) | Value::ObjectId(_)
    )
}

/// Appends parts that sort as the server sorts values; no value's parts begin those of another that
/// is not equal to it.
fn sortable(value: Value<'_>, parts: &mut Vec<KeyPart>, depth: usize) -> Option<()> {
    parts.push(KeyPart::Int(value.rank()));
    let size = |bytes: &[u8]| KeyPart::Int(i64::try_from(bytes.len()).unwrap_or(i64::MAX));
    let digits = |bytes: &[u8]| {
        let mut text = Vec::with_capacity(2 * bytes.len());
        hex(&mut text, bytes);
        KeyPart::Text(String::from_utf8_lossy(&text).into())
    };
    match value {
        Value::MinKey | Value::MaxKey | Value::Undefined | Value::Null => {}
        Value::Int32(number) => parts.push(KeyPart::Int(number.into())),
        Value::Int64(number) => parts.push(KeyPart::Int(number)),
        Value::Double(number) => parts.push(double(number)),
        Value::Decimal(bytes) => parts.push(decimal(*bytes)),
        Value::Text(text) | Value::Symbol(text) | Value::Code(text) => parts.push(words(text)?),
        Value::ObjectId(id) => {
            // Nearly every key is one of these: its digits need no room of their own first.
            let text = id_digits(id);
            parts.push(KeyPart::Text(std::str::from_utf8(&text).ok()?.into()));
        }
        Value::Bool(is) => parts.push(KeyPart::Int(is.into())),
        Value::Date(millis) => parts.push(KeyPart::Int(millis)),
        Value::Timestamp(seconds, counter) => {
            parts.extend([KeyPart::Int(seconds.into()), KeyPart::Int(counter.into())]);
        }
        Value::Binary(subtype, bytes) => {
            parts.extend([size(bytes), KeyPart::Int(subtype.into()), digits(bytes)]);
        }
        Value::Regex(pattern, flags) => parts.extend([words(pattern)?, words(flags)?]),
        Value::DbPointer(namespace, id) => {
            parts.extend([size(namespace), digits(namespace), digits(id)]);
        }
        Value::Document(document) => members(document, parts, depth, Names::Compared)?,
        Value::Array(document) => members(document, parts, depth, Names::Ignored)?,
        Value::CodeWithScope(code, scope) => {
            parts.push(words(code)?);
            members(scope, parts, depth, Names::Compared)?;
        }
    }
    Some(())
}

fn id_digits(id: &[u8; 12]) -> [u8; 24] {
    let mut text = [0; 24];
    for (two, byte) in text.chunks_exact_mut(2).zip(id) {
        two[0] = render::DIGITS[usize::from(byte >> 4)];
        two[1] = render::DIGITS[usize::from(byte & 15)];
    }
    text
}

/// Whether the names of members take part in the order.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    Compared,
    Ignored,
}

/// Members one after the other: type, name, value. An end is before every member.
fn members(document: Raw<'_>, parts: &mut Vec<KeyPart>, depth: usize, names: Names) -> Option<()> {
    if depth >= DEEPEST {
        return None;
    }
    for element in document.elements() {
        let element = element.ok()?;
        if names == Names::Compared {
            parts.push(KeyPart::Int(element.value.rank()));
            parts.push(words(element.key)?);
        }
        sortable(element.value, parts, depth + 1)?;
    }
    parts.push(KeyPart::Null);
    Some(())
}

fn words(bytes: &[u8]) -> Option<KeyPart> {
    let text = std::str::from_utf8(bytes).ok()?;
    Some(KeyPart::Text(text.into()))
}

/// A float by what it is worth exactly; NaN is before all numbers.
fn double(number: f64) -> KeyPart {
    match number.partial_cmp(&0.0) {
        None => KeyPart::Null,
        Some(Ordering::Less) if number.is_infinite() => {
            // Nothing that is a number is as small.
            KeyPart::Number("-1e9999999".into())
        }
        Some(Ordering::Greater) if number.is_infinite() => KeyPart::Number("1e9999999".into()),
        // Every double ends after at most 767 digits.
        Some(_) => KeyPart::Number(trimmed(&format!("{number:.766e}")).into()),
    }
}

/// `1.500e3` as `1.5e3`.
fn trimmed(text: &str) -> String {
    match text.split_once('e') {
        Some((digits, exponent)) => {
            let digits = digits.trim_end_matches('0').trim_end_matches('.');
            format!("{digits}e{exponent}")
        }
        None => text.to_owned(),
    }
}

fn decimal(bytes: [u8; 16]) -> KeyPart {
    let text = Decimal128::from_bytes(bytes).to_string();
    match text.as_str() {
        "Infinity" => KeyPart::Number("1e9999999".into()),
        "-Infinity" => KeyPart::Number("-1e9999999".into()),
        text if text.ends_with("NaN") => KeyPart::Null,
        text => KeyPart::Number(text.into()),
    }
}

#[cfg(test)]
mod tests {
    use mongodb::bson::{
        Binary, DateTime, DbPointer, JavaScriptCodeWithScope, Timestamp, Uuid, doc,
        spec::BinarySubtype,
    };

    use super::*;

    fn key(value: &Bson) -> (RowKey, EventId) {
        let bytes = doc! {"_id": value.clone()}.to_vec().expect("bson");
        let raw = Raw::new(&bytes).expect("a document");
        let id = id_of(raw).expect("well formed").expect("an id");
        (of(&id).expect("it can be named"), id_text(&id))
    }

    fn bin(subtype: u8, bytes: &[u8]) -> Bson {
        Bson::Binary(Binary {
            subtype: BinarySubtype::from(subtype),
            bytes: bytes.to_vec(),
        })
    }

    fn dec(text: &str) -> Bson {
        Bson::Decimal128(text.parse().expect("a number"))
    }

    /// One value of every type and some more, as the server sorts them.
    #[expect(clippy::too_many_lines, reason = "a list of values")]
    fn sorted() -> Vec<Bson> {
        let pointer = |namespace: &str, byte: u8| -> Bson {
            let raw = [
                &u32::try_from(namespace.len() + 1)
                    .expect("short")
                    .to_le_bytes()[..],
                namespace.as_bytes(),
                &[0],
                &[byte; 12],
            ]
            .concat();
            let document = around(&[&[0x0c][..], &raw].concat()).expect("short");
            let mut read = Document::from_reader(&document[..]).expect("bson");
            let pointer: DbPointer = match read.remove("") {
                Some(Bson::DbPointer(pointer)) => pointer,
                other => panic!("{other:?}"),
            };
            Bson::DbPointer(pointer)
        };
        let scope = |code: &str, scope: Document| {
            Bson::JavaScriptCodeWithScope(JavaScriptCodeWithScope {
                code: code.to_owned(),
                scope,
            })
        };
        vec![
            Bson::MinKey,
            Bson::Null,
            Bson::Double(f64::NAN),
            Bson::Double(f64::NEG_INFINITY),
            dec("-1E+6000"),
            Bson::Double(f64::MIN),
            Bson::Int64(i64::MIN),
            Bson::Double(-0.1),
            dec("-0.1"),
            Bson::Int32(0),
            Bson::Double(f64::from_bits(1)),
            dec("0.1"),
            Bson::Double(0.1),
            Bson::Int64(9_007_199_254_740_992),
            dec("9007199254740992.5"),
            Bson::Int64(9_007_199_254_740_993),
            Bson::Double(1e300),
            dec("1E+6000"),
            Bson::Double(f64::INFINITY),
            Bson::String(String::new()),
            Bson::String("10".to_owned()),
            Bson::Symbol("5".to_owned()),
            Bson::String("9".to_owned()),
            Bson::String("a\0b".to_owned()),
            Bson::String("é".to_owned()),
            Bson::Document(doc! {}),
            Bson::Document(doc! {"a": 1}),
            Bson::Document(doc! {"a": 1, "b": 1}),
            Bson::Document(doc! {"a": 1.5}),
            Bson::Document(doc! {"b": 0}),
            Bson::Document(doc! {"a": "x"}),
            Bson::Document(doc! {"a": {}}),
            Bson::Document(doc! {"a": [1]}),
            Bson::Document(doc! {"a": [1, 2]}),
            bin(0, &[]),
            bin(0, &[255]),
            bin(5, &[0]),
            bin(0, &[0, 1]),
            Uuid::from_bytes([17; 16]).into(),
            Bson::ObjectId(ObjectId::from_bytes([1; 12])),
            Bson::ObjectId(ObjectId::from_bytes([255; 12])),
            Bson::Boolean(false),
            Bson::Boolean(true),
            Bson::DateTime(DateTime::from_millis(i64::MIN)),
            Bson::DateTime(DateTime::from_millis(-5)),
            Bson::DateTime(DateTime::from_millis(5)),
            Bson::Timestamp(Timestamp {
                time: 1,
                increment: 9,
            }),
            Bson::Timestamp(Timestamp {
                time: u32::MAX,
                increment: 0,
            }),
            pointer("b", 1),
            pointer("aa", 0),
            Bson::JavaScriptCode("f".to_owned()),
            Bson::JavaScriptCode("g".to_owned()),
            scope("f", doc! {}),
            scope("f", doc! {"x": 1}),
            scope("g", doc! {}),
            Bson::MaxKey,
        ]
    }

    #[test]
    fn keys_sort_as_the_server_sorts() {
        for pair in sorted().windows(2) {
            let (one, other) = (key(&pair[0]).0, key(&pair[1]).0);
            assert!(one < other, "{pair:?}\n{one:?}\n{other:?}");
        }
    }

    #[test]
    fn keys_name_their_values_and_have_their_text() {
        for value in sorted() {
            let (key, shown) = key(&value);
            let back = super::value(&key).expect("a value");
            assert!(
                back == value || format!("{back}") == format!("{value}"),
                "{back:?} {value:?}"
            );
            assert_eq!(text(&key), shown, "{value:?}");
            let spelled = crate::core::purge::key::spell(&key);
            assert_eq!(crate::core::purge::key::read(&spelled), Some(key));
        }
    }

    #[test]
    fn what_cannot_be_named_has_no_key() {
        // {"_id": {"a": 1, "a": 2}} and {"_id": "\xff"}
        let twice = [
            &[30, 0, 0, 0, 3][..],
            b"_id\0",
            &[19, 0, 0, 0, 0x10],
            b"a\0",
            &[1, 0, 0, 0, 0x10],
            b"a\0",
            &[2, 0, 0, 0, 0, 0],
        ]
        .concat();
        let text = [&[16, 0, 0, 0, 2][..], b"_id\0", &[2, 0, 0, 0, 0xff, 0, 0]].concat();
        for mut bytes in [twice, text] {
            let length = u32::try_from(bytes.len()).expect("short").to_le_bytes();
            bytes[..4].copy_from_slice(&length);
            let raw = Raw::new(&bytes).expect("a document");
            let id = id_of(raw).expect("well formed").expect("an id");
            assert_eq!(of(&id), None);
        }
    }
}
