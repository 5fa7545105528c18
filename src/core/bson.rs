//! BSON as it lies in memory: a walk over elements that copies nothing and decodes no document.
//!
//! Does not know what JSON looks like; see `render`.

pub mod key;
pub mod render;

/// The bytes of a document or array, its length prefix included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raw<'a>(&'a [u8]);

/// Bytes that are not BSON. The server checks what it stores, so this means a broken transport or a
/// broken data file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a document is not valid BSON")]
pub struct Malformed;

/// A value. Text is bytes: servers do not check its encoding.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// 64-bit float.
    Double(f64),
    /// Text.
    Text(&'a [u8]),
    /// Sub-document.
    Document(Raw<'a>),
    /// Array; its keys are "0", "1" …
    Array(Raw<'a>),
    /// Bytes and their subtype.
    Binary(u8, &'a [u8]),
    /// Deprecated; treated as null.
    Undefined,
    /// Twelve bytes.
    ObjectId(&'a [u8; 12]),
    /// Boolean.
    Bool(bool),
    /// Milliseconds since the epoch.
    Date(i64),
    /// Null.
    Null,
    /// Pattern and flags.
    Regex(&'a [u8], &'a [u8]),
    /// Deprecated: namespace and id.
    DbPointer(&'a [u8], &'a [u8; 12]),
    /// `JavaScript`.
    Code(&'a [u8]),
    /// Deprecated; compares as text.
    Symbol(&'a [u8]),
    /// `JavaScript` and its variables.
    CodeWithScope(&'a [u8], Raw<'a>),
    /// 32-bit integer.
    Int32(i32),
    /// The oplog's own time: seconds and a counter.
    Timestamp(u32, u32),
    /// 64-bit integer.
    Int64(i64),
    /// 128-bit decimal, little-endian.
    Decimal(&'a [u8; 16]),
    /// Before everything.
    MinKey,
    /// After everything.
    MaxKey,
}

impl Value<'_> {
    /// The type's code in BSON, one byte.
    pub fn type_code(&self) -> u8 {
        match self {
            Self::Double(_) => 0x01,
            Self::Text(_) => 0x02,
            Self::Document(_) => 0x03,
            Self::Array(_) => 0x04,
            Self::Binary(..) => 0x05,
            Self::Undefined => 0x06,
            Self::ObjectId(_) => 0x07,
            Self::Bool(_) => 0x08,
            Self::Date(_) => 0x09,
            Self::Null => 0x0a,
            Self::Regex(..) => 0x0b,
            Self::DbPointer(..) => 0x0c,
            Self::Code(_) => 0x0d,
            Self::Symbol(_) => 0x0e,
            Self::CodeWithScope(..) => 0x0f,
            Self::Int32(_) => 0x10,
            Self::Timestamp(..) => 0x11,
            Self::Int64(_) => 0x12,
            Self::Decimal(_) => 0x13,
            Self::MinKey => 0xff,
            Self::MaxKey => 0x7f,
        }
    }

    /// The place of the type in the server's order of types.
    pub fn rank(&self) -> i64 {
        match self {
            Self::MinKey => -1,
            Self::Undefined => 0,
            Self::Null => 5,
            Self::Double(_) | Self::Int32(_) | Self::Int64(_) | Self::Decimal(_) => 10,
            Self::Text(_) | Self::Symbol(_) => 15,
            Self::Document(_) => 20,
            Self::Array(_) => 25,
            Self::Binary(..) => 30,
            Self::ObjectId(_) => 35,
            Self::Bool(_) => 40,
            Self::Date(_) => 45,
            Self::Timestamp(..) => 47,
            Self::Regex(..) => 50,
            Self::DbPointer(..) => 55,
            Self::Code(_) => 60,
            Self::CodeWithScope(..) => 65,
            Self::MaxKey => 127,
        }
    }
}

/// A key and its value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Element<'a> {
    /// The key's bytes.
    pub key: &'a [u8],
    /// The value.
    pub value: Value<'a>,
    /// The value's own bytes, without type and key.
    pub bytes: &'a [u8],
}

impl<'a> Raw<'a> {
    /// Takes a document's bytes; its length prefix must be its length.
    pub fn new(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let length = bytes
            .first_chunk()
            .map(|length| u32::from_le_bytes(*length));
        let fits = length.is_some_and(|length| length as usize == bytes.len());
        (fits && bytes.len() >= 5 && bytes.last() == Some(&0))
            .then_some(Self(bytes))
            .ok_or(Malformed)
    }

    /// All of its bytes.
    pub fn bytes(self) -> &'a [u8] {
        self.0
    }

    /// Its elements in order.
    pub fn elements(self) -> Elements<'a> {
        Elements {
            rest: &self.0[4..self.0.len() - 1],
        }
    }

    /// The first value under a key.
    pub fn get(self, key: &str) -> Option<Value<'a>> {
        let mut elements = self.elements();
        elements.find_map(|element| {
            let element = element.ok()?;
            (element.key == key.as_bytes()).then_some(element.value)
        })
    }

    /// What a path of keys leads to, through documents only: an array on the way is no way.
    pub fn at<'s>(self, steps: impl IntoIterator<Item = &'s str>) -> Option<Value<'a>> {
        let mut value = Value::Document(self);
        for step in steps {
            let Value::Document(document) = value else {
                return None;
            };
            value = document.get(step)?;
        }
        Some(value)
    }
}

/// Walks over the elements of a document; ends after the first error.
#[derive(Clone, Debug)]
pub struct Elements<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Elements<'a> {
    type Item = Result<Element<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let element = self.element().ok_or(Malformed);
        if element.is_err() {
            self.rest = &[];
        }
        Some(element)
    }
}

impl<'a> Elements<'a> {
    fn element(&mut self) -> Option<Element<'a>> {
        let code = self.take(1)?[0];
        let key = self.cstring()?;
        let before = self.rest;
        let value = self.value(code)?;
        let bytes = &before[..before.len() - self.rest.len()];
        Some(Element { key, value, bytes })
    }

    fn value(&mut self, code: u8) -> Option<Value<'a>> {
        Some(match code {
            0x01 => Value::Double(f64::from_le_bytes(*self.chunk()?)),
            0x02 => Value::Text(self.string()?),
            0x03 => Value::Document(self.document()?),
            0x04 => Value::Array(self.document()?),
            0x05 => self.binary()?,
            0x06 => Value::Undefined,
            0x07 => Value::ObjectId(self.chunk()?),
            0x08 => Value::Bool(self.take(1)?[0] != 0),
            0x09 => Value::Date(i64::from_le_bytes(*self.chunk()?)),
            0x0a => Value::Null,
            0x0b => Value::Regex(self.cstring()?, self.cstring()?),
            0x0c => Value::DbPointer(self.string()?, self.chunk()?),
            0x0d => Value::Code(self.string()?),
            0x0e => Value::Symbol(self.string()?),
            0x0f => {
                self.length()?;
                Value::CodeWithScope(self.string()?, self.document()?)
            }
            0x10 => Value::Int32(i32::from_le_bytes(*self.chunk()?)),
            0x11 => {
                let counter = u32::from_le_bytes(*self.chunk()?);
                Value::Timestamp(u32::from_le_bytes(*self.chunk()?), counter)
            }
            0x12 => Value::Int64(i64::from_le_bytes(*self.chunk()?)),
            0x13 => Value::Decimal(self.chunk()?),
            0xff => Value::MinKey,
            0x7f => Value::MaxKey,
            _ => return None,
        })
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    fn chunk<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(taken)
    }

    fn length(&mut self) -> Option<usize> {
        Some(u32::from_le_bytes(*self.chunk()?) as usize)
    }

    fn cstring(&mut self) -> Option<&'a [u8]> {
        let end = self.rest.iter().position(|byte| *byte == 0)?;
        let text = self.take(end)?;
        self.take(1)?;
        Some(text)
    }

    fn string(&mut self) -> Option<&'a [u8]> {
        let length = self.length()?;
        let text = self.take(length)?;
        text.split_last().map(|(_, text)| text)
    }

    fn document(&mut self) -> Option<Raw<'a>> {
        let length = u32::from_le_bytes(*self.rest.first_chunk()?) as usize;
        Raw::new(self.take(length)?).ok()
    }

    fn binary(&mut self) -> Option<Value<'a>> {
        let length = self.length()?;
        let subtype = self.take(1)?[0];
        let bytes = self.take(length)?;
        // The oldest subtype repeats its length inside.
        let bytes = if subtype == 2 { bytes.get(4..)? } else { bytes };
        Some(Value::Binary(subtype, bytes))
    }
}

#[cfg(test)]
mod tests {
    use mongodb::bson::{self, doc};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_path_goes_through_documents_only() {
        let bytes = doc! {"a": {"b": 7}, "c": [{"b": 8}]}
            .to_vec()
            .expect("bson");
        let raw = Raw::new(&bytes).expect("a document");
        assert_eq!(raw.at(["a", "b"]), Some(Value::Int32(7)));
        assert_eq!(raw.at(["c", "b"]), None);
        assert_eq!(raw.at(["c", "0", "b"]), None);
        assert_eq!(raw.at(["a", "b", "c"]), None);
    }

    proptest! {
        #[test]
        fn broken_bytes_are_an_error_and_nothing_else(
            at in 0_usize..60, byte: u8, cut in 0_usize..60,
        ) {
            let document = doc! {"a": "text", "b": [1.5, {"c": bson::oid::ObjectId::new()}], "d": 1_i64};
            let mut bytes = document.to_vec().expect("bson");
            let place = at % bytes.len();
            bytes[place] = byte;
            bytes.truncate(bytes.len() - cut % bytes.len());
            if let Ok(raw) = Raw::new(&bytes) {
                prop_assert!(raw.elements().take(bytes.len()).count() < bytes.len());
            }
        }
    }
}
