//! An event that somebody wants to find again, with a note.
//!
//! Does not keep itself anywhere, and does not know whether its event is still in the store.

use serde_json::{Value, json};

use crate::core::event::{Cursor, Event, EventId, Field, KeyPart, hex};
use crate::core::instant::{At, Micros};

/// A marked event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bookmark {
    /// The event's id.
    pub id: EventId,
    /// Its place in the store.
    pub cursor: Cursor,
    /// What it was, in a few words: who, what.
    pub about: String,
    /// What somebody wrote about it; may be empty.
    pub note: String,
    /// When it was marked.
    pub made: Micros,
}

/// Bytes of a note.
const LONGEST_NOTE: usize = 2_000;

/// Bytes of what an event was.
const LONGEST_ABOUT: usize = 200;

impl Bookmark {
    /// Marks an event.
    pub fn of(event: &Event, note: &str, made: Micros) -> Self {
        let words = [Field::Actor, Field::Action].map(|field| event.first(field));
        let mut about = words.into_iter().flatten().collect::<Vec<_>>().join(" ");
        about.truncate(about.floor_char_boundary(LONGEST_ABOUT));
        Self {
            id: event.id.clone(),
            cursor: event.cursor.clone(),
            about,
            note: note[..note.floor_char_boundary(LONGEST_NOTE)].to_owned(),
            made,
        }
    }
}

impl Bookmark {
    /// One line of JSON that [`Bookmark::read`] reads back.
    pub fn line(&self) -> String {
        let at = match self.cursor.at {
            At::Instant(at) => json!(at.0),
            At::NegInfinity => json!("-infinity"),
            At::PosInfinity => json!("infinity"),
            At::Absent => Value::Null,
        };
        let key: Vec<Value> = self.cursor.key.iter().map(part).collect();
        json!({
            "id": self.id.as_str(),
            "at": at,
            "time": part(&self.cursor.time),
            "key": key,
            "about": self.about,
            "note": self.note,
            "made": self.made.0,
        })
        .to_string()
    }

    /// Reads a line; `None` when it is no mark.
    pub fn read(line: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(line).ok()?;
        let text = |name: &str| value.get(name)?.as_str().map(str::to_owned);
        let at = match value.get("at")? {
            Value::Null => At::Absent,
            Value::String(word) if word == "-infinity" => At::NegInfinity,
            Value::String(word) if word == "infinity" => At::PosInfinity,
            at => At::Instant(Micros(at.as_i64()?)),
        };
        let key = value.get("key")?.as_array()?;
        Some(Self {
            id: EventId::new(text("id")?),
            cursor: Cursor {
                at,
                time: read_part(value.get("time")?)?,
                key: key.iter().map(read_part).collect::<Option<_>>()?,
            },
            about: text("about")?,
            note: text("note")?,
            made: Micros(value.get("made")?.as_i64()?),
        })
    }
}

/// A part of a key with the name of its kind, so that `7` and `"7"` stay apart.
fn part(part: &KeyPart) -> Value {
    match part {
        KeyPart::Null => Value::Null,
        KeyPart::Int(number) => json!({ "int": number }),
        KeyPart::Number(text) => json!({ "number": &**text }),
        KeyPart::Text(text) => json!({ "text": &**text }),
        KeyPart::RawText(bytes) => json!({ "raw": hex(bytes) }),
        KeyPart::Bytes(bytes) => json!({ "bytes": hex(bytes) }),
    }
}

fn read_part(value: &Value) -> Option<KeyPart> {
    if value.is_null() {
        return Some(KeyPart::Null);
    }
    let (kind, value) = value.as_object()?.iter().next()?;
    Some(match kind.as_str() {
        "int" => KeyPart::Int(value.as_i64()?),
        "number" => KeyPart::Number(value.as_str()?.into()),
        "text" => KeyPart::Text(value.as_str()?.into()),
        "raw" => KeyPart::RawText(read_hex(value.as_str()?)?.into()),
        "bytes" => KeyPart::Bytes(read_hex(value.as_str()?)?.into()),
        _ => return None,
    })
}

/// Reads what [`hex`] spells.
fn read_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("\\x")?.as_bytes();
    let pairs = digits.chunks(2);
    pairs
        .map(|pair| {
            let pair = std::str::from_utf8(pair)
                .ok()
                .filter(|pair| pair.len() == 2)?;
            u8::from_str_radix(pair, 16).ok()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_read_back_whatever_their_keys_are() {
        let parts = [
            KeyPart::Null,
            KeyPart::Int(i64::MIN),
            KeyPart::Number("1.50".into()),
            KeyPart::Text("7\u{202e}\n".into()),
            KeyPart::RawText([0xff, b'a'].as_slice().into()),
            KeyPart::Bytes([0, 1, 255].as_slice().into()),
        ];
        for at in [
            At::Absent,
            At::NegInfinity,
            At::PosInfinity,
            At::Instant(Micros(-5)),
        ] {
            for time in &parts {
                let mark = Bookmark {
                    id: EventId::new("a\"b"),
                    cursor: Cursor {
                        at,
                        time: time.clone(),
                        key: parts.to_vec(),
                    },
                    about: "alice DeletePod".to_owned(),
                    note: "ask\u{1b}[2J bob".to_owned(),
                    made: Micros(7),
                };
                let line = mark.line();
                assert!(!line.contains('\n'));
                assert_eq!(Bookmark::read(&line), Some(mark));
            }
        }
        for rubbish in [
            "",
            "{}",
            "null",
            "[1]",
            r#"{"id":"1","at":"soon"}"#,
            "\u{0}\u{1}",
        ] {
            assert_eq!(Bookmark::read(rubbish), None, "{rubbish:?}");
        }
    }
}
