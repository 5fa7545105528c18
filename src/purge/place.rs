//! Places in a plan's order as the journal spells them, and back.
//!
//! A key part that JSON has no exact word for is an object with one member that names its kind.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::core::event::KeyPart;
use crate::core::purge::journal::Mark;
use crate::core::purge::row::RowKey;
use crate::store::purger::Place;

/// For the journal.
pub fn mark(place: &Place) -> Mark {
    Mark {
        time: place.time.clone(),
        key: place.key.0.iter().map(spelled).collect(),
    }
}

/// From the journal; `None` when it does not name a place.
pub fn place(mark: &Mark) -> Option<Place> {
    Some(Place {
        time: mark.time.clone(),
        key: RowKey(mark.key.iter().map(part).collect::<Option<_>>()?),
    })
}

fn spelled(part: &KeyPart) -> Value {
    match part {
        KeyPart::Null => Value::Null,
        KeyPart::Int(number) => json!(number),
        KeyPart::Text(text) => json!(text.as_ref()),
        KeyPart::Number(text) => json!({"number": text.as_ref()}),
        KeyPart::RawText(bytes) => json!({"raw_text": bytes.as_ref()}),
        KeyPart::Bytes(bytes) => json!({"bytes": bytes.as_ref()}),
    }
}

fn part(value: &Value) -> Option<KeyPart> {
    Some(match value {
        Value::Null => KeyPart::Null,
        Value::Number(number) => KeyPart::Int(number.as_i64()?),
        Value::String(text) => KeyPart::Text(text.as_str().into()),
        Value::Object(object) => {
            let (kind, value) = object.iter().next()?;
            match kind.as_str() {
                "number" => KeyPart::Number(value.as_str()?.into()),
                "raw_text" => KeyPart::RawText(bytes(value)?),
                "bytes" => KeyPart::Bytes(bytes(value)?),
                _ => return None,
            }
        }
        Value::Bool(_) | Value::Array(_) => return None,
    })
}

fn bytes(value: &Value) -> Option<Arc<[u8]>> {
    serde_json::from_value::<Vec<u8>>(value.clone())
        .ok()
        .map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_come_back() {
        let there = Place {
            time: Some("2026-01-01 00:00:00.000001+00".to_owned()),
            key: RowKey(vec![
                KeyPart::Null,
                KeyPart::Int(i64::MIN),
                KeyPart::Number("1.10".into()),
                KeyPart::Text("ü\0".into()),
                KeyPart::RawText([0xff, 0].into()),
                KeyPart::Bytes([1, 2].into()),
            ]),
        };
        assert_eq!(place(&mark(&there)), Some(there));
        let odd = Mark {
            time: None,
            key: vec![json!({"float": 1.5})],
        };
        assert_eq!(place(&odd), None);
    }
}
