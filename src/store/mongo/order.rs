//! The order of a collection: by a time field, then by `_id`; and both as parts of a cursor.
//!
//! MongoDB sorts values of different types one type after the other. One of them holds the dated
//! events: dates, numbers or text, whichever the collection keeps its times as. A document whose
//! time is of another type, an array, or missing belongs to the section without a time; nothing is
//! dropped.

use std::borrow::Cow;

use mongodb::bson::{Bson, Decimal128, Document, doc, oid::ObjectId};

use crate::core::bson::{Element, Raw, Value};
use crate::core::event::KeyPart;
use crate::core::instant::{At, Micros};
use crate::core::path::Path;
use crate::core::profile::moment::{decode_time, decode_whole};
use crate::core::profile::{TimeEncoding, TimeRule};
use crate::core::scalar::Scalar;

/// The earliest instant a time is read as, however long before it was.
pub const FIRST_INSTANT: Micros = Micros(-i64::MAX);

/// The type that holds the dated events of a collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bracket {
    /// BSON dates.
    Date,
    /// Numbers of any width.
    Number,
    /// ISO 8601 text; its order is that of its bytes.
    Text,
}

/// Whether a document may keep an array where the time is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrays {
    /// Known not to: the index on time has never seen one.
    None,
    /// Perhaps.
    Possible,
}

/// How a collection is ordered.
#[derive(Clone, Debug)]
pub struct Order {
    /// Where the time is.
    pub path: Path,
    /// The same as MongoDB writes it.
    pub field: String,
    /// What type it has.
    pub bracket: Bracket,
    /// How numbers and text are read.
    pub encoding: TimeEncoding,
    /// Whether arrays are to be reckoned with.
    pub arrays: Arrays,
}

/// Which way a list goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Newest first.
    Back,
    /// Oldest first.
    Forth,
}

impl Way {
    /// As `sort` wants it.
    pub fn sign(self) -> i32 {
        match self {
            Self::Back => -1,
            Self::Forth => 1,
        }
    }

    /// The operator that goes on from a value.
    pub fn beyond(self) -> &'static str {
        match self {
            Self::Back => "$lt",
            Self::Forth => "$gt",
        }
    }
}

/// One part of the section without a time, in the order of [`At`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// −∞, which only numbers can be.
    NegInfinity,
    /// +∞
    PosInfinity,
    /// Everything else.
    Absent,
}

impl Section {
    /// In the order in which they follow the oldest dated event.
    pub const ALL: [Self; 3] = [Self::NegInfinity, Self::PosInfinity, Self::Absent];

    /// The section of a place; `None` for dated ones.
    pub fn of(at: At) -> Option<Self> {
        match at {
            At::NegInfinity => Some(Self::NegInfinity),
            At::Instant(_) => None,
            At::PosInfinity => Some(Self::PosInfinity),
            At::Absent => Some(Self::Absent),
        }
    }
}

impl Order {
    /// The order a time rule gives to values of a type.
    pub fn new(rule: &TimeRule, bracket: Bracket, arrays: Arrays) -> Self {
        Self {
            field: rule.path.steps().join("."),
            path: rule.path.clone(),
            bracket,
            encoding: rule.encoding,
            arrays,
        }
    }

    /// When a document happened, and the value MongoDB sorts it by.
    pub fn place(&self, document: Raw<'_>) -> (At, KeyPart) {
        let found = document.at(self.path.steps().iter().map(|step| &**step));
        let absent = (At::Absent, KeyPart::Null);
        match (self.bracket, found) {
            (Bracket::Date, Some(Value::Date(millis))) => (
                At::Instant(Micros(millis.saturating_mul(1000)).max(FIRST_INSTANT)),
                KeyPart::Int(millis),
            ),
            (Bracket::Number, Some(value)) => {
                let Some(part) = whole(value).or_else(|| number(value)) else {
                    return absent;
                };
                let at = match &part {
                    KeyPart::Int(number) => decode_whole(self.encoding, *number),
                    KeyPart::Number(text) => {
                        decode_time(self.encoding, &Scalar::Number(Cow::Borrowed(text)))
                    }
                    _ => return absent,
                };
                match at {
                    At::Absent => absent,
                    at => (at, part),
                }
            }
            (Bracket::Text, Some(Value::Text(text))) => {
                let Ok(text) = std::str::from_utf8(text) else {
                    return absent;
                };
                match decode_time(self.encoding, &Scalar::Text(text.into())) {
                    at @ At::Instant(_) => (at, KeyPart::Text(text.into())),
                    _ => absent,
                }
            }
            _ => absent,
        }
    }

    /// The condition that holds for every dated document, and perhaps for some with an array.
    pub fn dated(&self) -> Document {
        match self.bracket {
            Bracket::Date => doc! {"$gte": date(i64::MIN), "$lte": date(i64::MAX)},
            Bracket::Number => doc! {"$gt": f64::NEG_INFINITY, "$lt": f64::INFINITY},
            // Only what begins like a year can be decoded.
            Bracket::Text => doc! {"$gte": "+", "$lt": ":"},
        }
    }

    /// The condition that holds for every document of a part of the undated section, and perhaps
    /// for dated ones with an array; `None` when there can be none.
    pub fn undated(&self, section: Section) -> Option<Document> {
        let field = self.field.as_str();
        let outside = match (section, self.bracket) {
            (Section::NegInfinity, Bracket::Number) => {
                return Some(doc! {field: f64::NEG_INFINITY});
            }
            (Section::PosInfinity, Bracket::Number) => return Some(doc! {field: f64::INFINITY}),
            (Section::NegInfinity | Section::PosInfinity, _) => return None,
            (Section::Absent, Bracket::Date) => doc! {field: {"$not": {"$gte": date(i64::MIN)}}},
            (Section::Absent, Bracket::Number) => {
                doc! {field: {"$not": {"$gte": f64::NEG_INFINITY}}}
            }
            // Text that does not decode lies among the dates; only a look at each tells.
            (Section::Absent, Bracket::Text) => return Some(doc! {}),
        };
        if self.arrays == Arrays::None {
            return Some(outside);
        }
        let mut ways = vec![outside];
        let mut prefix = String::new();
        for step in self.path.steps() {
            prefix.push_str(step);
            ways.push(doc! {prefix.as_str(): {"$type": "array"}});
            prefix.push('.');
        }
        Some(doc! {"$or": ways})
    }

    /// The value of a cursor's time as MongoDB compares it.
    pub fn time(&self, part: &KeyPart) -> Bson {
        match (self.bracket, part) {
            (Bracket::Date, KeyPart::Int(millis)) => date(*millis),
            (_, part) => part_to_bson(part),
        }
    }

    /// A value that MongoDB sorts at or before a raw time: the time itself, unless its text may
    /// stand for more than one number.
    pub fn at_most(&self, part: &KeyPart) -> Bson {
        match part {
            KeyPart::Number(text) => text.parse::<f64>().map_or_else(
                |_| self.time(part),
                |number| Bson::Double(number.next_down()),
            ),
            part => self.time(part),
        }
    }
}

/// A BSON date.
pub fn date(millis: i64) -> Bson {
    Bson::DateTime(mongodb::bson::DateTime::from_millis(millis))
}

/// A number without loss; `None` for other types and NaN.
fn number(value: Value<'_>) -> Option<KeyPart> {
    Some(match value {
        Value::Int32(number) => KeyPart::Int(number.into()),
        Value::Int64(number) => KeyPart::Int(number),
        Value::Double(number) if number.is_nan() => return None,
        // Debug's text reads back as the same float; infinities are spelled as core knows them.
        Value::Double(number) if number.is_infinite() => KeyPart::Number(
            if number > 0.0 {
                "Infinity"
            } else {
                "-Infinity"
            }
            .into(),
        ),
        Value::Double(number) => KeyPart::Number(format!("{number:?}").into()),
        Value::Decimal(bytes) => {
            let text = Decimal128::from_bytes(*bytes).to_string();
            if text.ends_with("NaN") {
                return None;
            }
            KeyPart::Number(text.into())
        }
        _ => return None,
    })
}

/// A double without a fraction, as most times are: the server compares it as it does an integer.
fn whole(value: Value<'_>) -> Option<KeyPart> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        #[expect(clippy::cast_possible_truncation, reason = "whole and exact")]
        Value::Double(number) if number.fract() == 0.0 && number.abs() < EXACT => {
            Some(KeyPart::Int(number as i64))
        }
        _ => None,
    }
}

/// The `_id` of a document as a cursor keeps it: the rank of its type, then its value. Both in the
/// server's order, so that ids of several types in one collection page without loss. Where the
/// order does not tell the value, its bytes come last.
pub fn key(id: &Element<'_>) -> Vec<KeyPart> {
    let mut parts = Vec::with_capacity(2);
    in_order(id.value, id.bytes, &mut parts);
    let is_composed = matches!(
        id.value,
        Value::Document(_)
            | Value::Array(_)
            | Value::Binary(..)
            | Value::Date(_)
            | Value::Timestamp(..)
    );
    if is_composed {
        parts.push(raw_part(id.value, id.bytes));
    }
    parts
}

/// What a value is compared by. A document is compared member by member: type, name, value.
fn in_order(value: Value<'_>, bytes: &[u8], parts: &mut Vec<KeyPart>) {
    parts.push(KeyPart::Int(value.rank()));
    match value {
        Value::Text(text) if let Ok(text) = std::str::from_utf8(text) => {
            parts.push(KeyPart::Text(text.into()));
        }
        Value::Date(millis) => parts.push(KeyPart::Int(millis)),
        Value::Timestamp(seconds, count) => {
            parts.extend([seconds, count].map(|part| KeyPart::Int(part.into())));
        }
        Value::Binary(subtype, bytes) => {
            let length = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
            parts.extend([length, subtype.into()].map(KeyPart::Int));
            parts.push(KeyPart::Bytes(bytes.into()));
        }
        Value::Document(inner) | Value::Array(inner) => {
            // Broken bytes end the comparison, and the bytes themselves go on with it.
            for member in inner.elements().map_while(Result::ok) {
                let at = parts.len();
                in_order(member.value, member.bytes, parts);
                parts.insert(at + 1, KeyPart::Bytes(member.key.into()));
            }
            // A document that ends comes before one that goes on.
            parts.push(KeyPart::Int(i64::MIN));
        }
        value => parts.push(number(value).unwrap_or_else(|| raw_part(value, bytes))),
    }
}

fn raw_part(value: Value<'_>, bytes: &[u8]) -> KeyPart {
    if let Value::ObjectId(id) = value {
        let mut part = [value.type_code(); 13];
        part[1..].copy_from_slice(id);
        return KeyPart::Bytes(part.into());
    }
    let code = std::iter::once(value.type_code());
    KeyPart::Bytes(code.chain(bytes.iter().copied()).collect())
}

/// The `_id` a key stands for; `None` for a key of another store.
pub fn id_of(key: &[KeyPart]) -> Option<Bson> {
    let [KeyPart::Int(_), .., last] = key else {
        return None;
    };
    let KeyPart::Bytes(bytes) = last else {
        return Some(part_to_bson(last));
    };
    let (code, value) = bytes.split_first()?;
    if let (0x07, Ok(id)) = (*code, <[u8; 12]>::try_from(value)) {
        return Some(Bson::ObjectId(ObjectId::from_bytes(id)));
    }
    // A document around the value, with the shortest key there is.
    let length = u32::try_from(value.len() + 7).ok()?;
    let document = [&length.to_le_bytes()[..], &[*code, 0], value, &[0]].concat();
    let mut read = Document::from_reader(&mut &document[..]).ok()?;
    read.remove("")
}

fn part_to_bson(part: &KeyPart) -> Bson {
    match part {
        KeyPart::Int(number) => Bson::Int64(*number),
        KeyPart::Number(text) => match text.parse::<f64>() {
            // A double's own text; a decimal may say more than a double can.
            Ok(number) if !number.is_finite() || format!("{number:?}") == **text => number.into(),
            _ => text
                .parse::<Decimal128>()
                .map_or(Bson::Null, Bson::Decimal128),
        },
        KeyPart::Text(text) => Bson::String(text.to_string()),
        KeyPart::Null | KeyPart::RawText(_) | KeyPart::Bytes(_) => Bson::Null,
    }
}

/// The ids that are shown with this text; seldom more than one exists.
pub fn ids_with_text(text: &str) -> Vec<Bson> {
    let mut ids = vec![Bson::String(text.to_owned())];
    ids.extend(ObjectId::parse_str(text).map(Bson::ObjectId));
    ids.extend(text.parse::<i64>().map(Bson::Int64));
    ids.extend(text.parse::<f64>().map(Bson::Double));
    ids.extend(text.parse::<Decimal128>().map(Bson::Decimal128));
    ids.extend(mongodb::bson::Uuid::parse_str(text).map(Bson::from));
    ids
}

#[cfg(test)]
mod tests {
    use mongodb::bson::{Binary, Uuid, spec::BinarySubtype};
    use rstest::rstest;

    use super::*;
    use crate::core::bson::key::id_text;
    use crate::core::event::EventId;

    fn id(value: impl Into<Bson>) -> (Vec<KeyPart>, EventId) {
        let bytes = doc! {"_id": value.into()}.to_vec().expect("bson");
        let raw = Raw::new(&bytes).expect("a document");
        let element = raw.elements().next().expect("one").expect("well formed");
        (key(&element), id_text(&element))
    }

    fn binary(bytes: &[u8]) -> Bson {
        Bson::Binary(Binary {
            subtype: BinarySubtype::Generic,
            bytes: bytes.to_vec(),
        })
    }

    #[rstest]
    #[case(Bson::Int32(7), "7")]
    #[case(Bson::Int64(i64::MIN), "-9223372036854775808")]
    #[case(Bson::Double(0.1), "0.1")]
    #[case(Bson::Decimal128("0.10".parse().expect("a number")), "0.10")]
    #[case(Bson::String("x\"y".to_owned()), "x\"y")]
    #[case(Bson::ObjectId(ObjectId::from_bytes([171; 12])), "abababababababababababab")]
    #[case(Bson::Boolean(true), "true")]
    #[case(date(0), "1970-01-01T00:00:00.000Z")]
    #[case(Uuid::from_bytes([17; 16]).into(), "11111111-1111-1111-1111-111111111111")]
    #[case(binary(&[9]), "\\x09")]
    #[case(Bson::Document(doc! {"a": 1, "b": "c"}), r#"{"a":1,"b":"c"}"#)]
    #[case(Bson::MaxKey, "MaxKey()")]
    fn ids_come_back(#[case] value: Bson, #[case] text: &str) {
        let (key, shown) = id(value.clone());
        assert_eq!(shown.as_str(), text);
        let back = id_of(&key).expect("an id");
        match (&value, &back) {
            (Bson::Int32(a), Bson::Int64(b)) => assert_eq!(i64::from(*a), *b),
            _ => assert_eq!(back, value),
        }
    }

    #[test]
    fn ids_sort_as_the_server_sorts() {
        let sorted = [
            Bson::MinKey,
            Bson::Double(-1.5),
            Bson::Int32(9),
            Bson::Int64(10),
            Bson::Decimal128("10.5".parse().expect("a number")),
            Bson::String("10".to_owned()),
            Bson::String("9".to_owned()),
            Bson::Document(doc! {}),
            Bson::Document(doc! {"b": 7}),
            Bson::Document(doc! {"a": "x", "n": 9}),
            Bson::Document(doc! {"a": "x", "n": 10_i64}),
            Bson::Document(doc! {"a": "x", "n": 256, "m": 1}),
            Bson::Document(doc! {"a": "y", "n": 1.5}),
            Bson::Document(doc! {"a": {}, "n": 1}),
            Bson::Document(doc! {"a": {"b": 1}}),
            binary(&[9]),
            binary(&[1; 300]),
            binary(&[1; 513]),
            Bson::ObjectId(ObjectId::from_bytes([1; 12])),
            Bson::ObjectId(ObjectId::from_bytes([255; 12])),
            Bson::Boolean(false),
            date(-5),
            date(3),
            date(256),
            Bson::MaxKey,
        ];
        for pair in sorted.windows(2) {
            assert!(id(pair[0].clone()).0 < id(pair[1].clone()).0, "{pair:?}");
        }
    }

    #[rstest]
    #[case(
        Bracket::Date,
        TimeEncoding::Instant,
        date(1_500),
        At::Instant(Micros(1_500_000))
    )]
    #[case(
        Bracket::Date,
        TimeEncoding::Instant,
        date(i64::MAX),
        At::Instant(Micros(i64::MAX))
    )]
    #[case(Bracket::Date, TimeEncoding::Instant, Bson::Int64(5), At::Absent)]
    #[case(Bracket::Date, TimeEncoding::Instant, Bson::Array(vec![date(1)]), At::Absent)]
    #[case(
        Bracket::Number,
        TimeEncoding::EpochMillis,
        Bson::Double(1.5),
        At::Instant(Micros(1_500))
    )]
    #[case(
        Bracket::Number,
        TimeEncoding::EpochMillis,
        Bson::Int32(2),
        At::Instant(Micros(2_000))
    )]
    #[case(
        Bracket::Number,
        TimeEncoding::EpochMillis,
        Bson::Double(f64::NAN),
        At::Absent
    )]
    #[case(
        Bracket::Number,
        TimeEncoding::EpochMillis,
        Bson::Double(f64::NEG_INFINITY),
        At::NegInfinity
    )]
    #[case(Bracket::Text, TimeEncoding::Instant, Bson::String("1970-01-01T00:00:01Z".into()), At::Instant(Micros(1_000_000)))]
    #[case(Bracket::Text, TimeEncoding::Instant, Bson::String("soon".into()), At::Absent)]
    fn places(
        #[case] bracket: Bracket,
        #[case] encoding: TimeEncoding,
        #[case] value: Bson,
        #[case] expected: At,
    ) {
        let rule = TimeRule {
            path: Path::parse("a.t").expect("a path"),
            encoding,
        };
        let order = Order::new(&rule, bracket, Arrays::Possible);
        let bytes = doc! {"a": {"t": value}}.to_vec().expect("bson");
        let (at, part) = order.place(Raw::new(&bytes).expect("a document"));
        assert_eq!(at, expected);
        if bracket == Bracket::Date && at != At::Absent {
            assert!(matches!(order.time(&part), Bson::DateTime(_)));
        }
    }
}
