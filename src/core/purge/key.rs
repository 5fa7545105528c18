//! Keys as journals and sidecars spell them, and back.
//!
//! A part that JSON has no exact word for is an object with one member that names its kind.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::core::event::KeyPart;
use crate::core::purge::row::RowKey;

/// For a file.
pub fn spell(key: &RowKey) -> Vec<Value> {
    key.0.iter().map(spelled).collect()
}

/// From a file; `None` when it is no key.
pub fn read(parts: &[Value]) -> Option<RowKey> {
    Some(RowKey(parts.iter().map(part).collect::<Option<_>>()?))
}

/// A part of it.
pub fn spelled(part: &KeyPart) -> Value {
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
    fn keys_come_back() {
        let key = RowKey(vec![
            KeyPart::Null,
            KeyPart::Int(i64::MIN),
            KeyPart::Number("1.10".into()),
            KeyPart::Text("ü\0".into()),
            KeyPart::RawText([0xff, 0].into()),
            KeyPart::Bytes([1, 2].into()),
        ]);
        assert_eq!(read(&spell(&key)), Some(key));
        assert_eq!(read(&[json!({"float": 1.5})]), None);
    }
}
