//! What the rest of the program speaks of: an event, its fields, and the cursor that finds it
//! again.
//!
//! Does not know how a row becomes an event; that is `profile`.

use std::cmp::Ordering;
use std::fmt::{self, Write as _};
use std::sync::Arc;

use crate::core::instant::At;
use crate::core::scalar::{self, Scalar};

mod values;

pub use values::Values;

/// The store's own key as text, unique in its store. Composite keys are a JSON array of their
/// parts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(Arc<str>);

impl EventId {
    /// Takes the key as the store spells it.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The id of a key: the text of its one part, or a JSON array. Bytes are spelled `\x00ff`; NULL
    /// is in an array always, as no text is.
    pub fn of_key(key: &[KeyPart]) -> Self {
        if let [part] = key
            && let Some(text) = part.text()
        {
            return Self(text);
        }
        let parts: Vec<serde_json::Value> = key
            .iter()
            .map(|part| match part {
                KeyPart::Int(number) => (*number).into(),
                other => other
                    .text()
                    .map_or(serde_json::Value::Null, |text| (*text).into()),
            })
            .collect();
        Self::new(serde_json::Value::Array(parts).to_string())
    }

    /// The key as the store spells it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One column of a driver's sort key in the store's own precision.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum KeyPart {
    /// NULL.
    Null,
    /// An integer key.
    Int(i64),
    /// Any other number, in decimal spelling: never a float, which would lose rows that are close.
    Number(Arc<str>),
    /// Text, a uuid, a timestamp as its store prints it; ordered by bytes.
    Text(Arc<str>),
    /// Text that is not UTF-8, as some stores hold it: its bytes, ordered among the texts.
    RawText(Arc<[u8]>),
    /// A binary key.
    Bytes(Arc<[u8]>),
}

impl KeyPart {
    /// As an id spells it; `None` for NULL.
    fn text(&self) -> Option<Arc<str>> {
        match self {
            Self::Null => None,
            Self::Int(number) => Some(number.to_string().into()),
            Self::Number(text) | Self::Text(text) => Some(Arc::clone(text)),
            Self::RawText(bytes) | Self::Bytes(bytes) => Some(hex(bytes).into()),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Int(_) | Self::Number(_) => 1,
            Self::Text(_) | Self::RawText(_) => 2,
            Self::Bytes(_) => 3,
        }
    }
}

impl Ord for KeyPart {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => a.cmp(b),
            (Self::Number(a), Self::Number(b)) => {
                scalar::compare_numbers(a, b).unwrap_or_else(|| a.cmp(b))
            }
            (Self::Int(a), Self::Number(b)) => {
                scalar::compare_numbers(&a.to_string(), b).unwrap_or(Ordering::Less)
            }
            (Self::Number(a), Self::Int(b)) => {
                scalar::compare_numbers(a, &b.to_string()).unwrap_or(Ordering::Greater)
            }
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Text(a), Self::RawText(b)) => a.as_bytes().cmp(b),
            (Self::RawText(a), Self::Text(b)) => (**a).cmp(b.as_bytes()),
            (Self::RawText(a), Self::RawText(b)) | (Self::Bytes(a), Self::Bytes(b)) => a.cmp(b),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for KeyPart {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A place in a store's order (time, then key). Paging and selection go by it, never by a row
/// number.
///
/// `at` sorts events of one window in the client; `time` is the very value the store compares, in
/// its own precision, and is what a driver sends back.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// When, for people and for sorting in the window.
    pub at: At,
    /// The raw value of the time column, as the driver will send it back.
    pub time: KeyPart,
    /// The key columns.
    pub key: Vec<KeyPart>,
}

impl Ord for Cursor {
    fn cmp(&self, other: &Self) -> Ordering {
        self.at
            .cmp(&other.at)
            .then_with(|| self.time.cmp(&other.time))
            .then_with(|| self.key.cmp(&other.key))
    }
}

impl PartialOrd for Cursor {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// What became of the request an event speaks of. Absent (an `Option`) where the store does not
/// say: that is shown as `—`, never as ok.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// It was done.
    Ok,
    /// It was tried and went wrong.
    Failed,
    /// It was refused.
    Denied,
    /// It has begun and the store does not know the end yet.
    Pending,
}

impl Outcome {
    /// Every outcome, in the order they are offered.
    pub const ALL: [Self; 4] = [Self::Ok, Self::Failed, Self::Denied, Self::Pending];

    /// The word for it, in queries, on the screen and in outputs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Denied => "denied",
            Self::Pending => "pending",
        }
    }

    /// The outcome with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.word() == word)
    }
}

/// The fields of an event that hold values of the record (all but id, time and outcome, which have
/// types of their own).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// Who.
    Actor,
    /// What was done.
    Action,
    /// Where it belongs: a service, app, connector, collection.
    Service,
    /// Class of record: READ, CREATE, a level, a source.
    Kind,
    /// What it was done to; a list.
    Resource,
    /// The store's own words for the outcome.
    Status,
    /// Correlation id.
    Session,
    /// Address or client.
    Origin,
    /// How long it took, in milliseconds.
    Duration,
}

impl Field {
    /// Every field in the order of the outputs.
    pub const ALL: [Self; 9] = [
        Self::Actor,
        Self::Action,
        Self::Service,
        Self::Kind,
        Self::Resource,
        Self::Status,
        Self::Session,
        Self::Origin,
        Self::Duration,
    ];

    /// The key in profiles, queries and NDJSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Actor => "actor",
            Self::Action => "action",
            Self::Service => "service",
            Self::Kind => "kind",
            Self::Resource => "resource",
            Self::Status => "status",
            Self::Session => "session",
            Self::Origin => "origin",
            Self::Duration => "duration_ms",
        }
    }

    /// The field with this key.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.name() == name)
    }
}

/// The record as JSON text. Lists carry a bounded head of large ones; the inspector fetches the
/// rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// JSON text; valid JSON only when `extent` is `Whole`.
    pub text: Arc<str>,
    /// Whether this is all of it.
    pub extent: Extent,
}

/// How much of a payload is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    Whole,
    /// The first bytes of it.
    Head {
        /// Length of the whole, in bytes.
        bytes: u64,
    },
}

impl Payload {
    /// The most a list keeps of one payload, in bytes.
    pub const HEAD: usize = 16 * 1024;

    /// Takes a whole payload.
    pub fn whole(text: impl Into<Arc<str>>) -> Self {
        Self {
            text: text.into(),
            extent: Extent::Whole,
        }
    }

    /// Keeps at most [`Payload::HEAD`] bytes, cut at a character.
    #[must_use]
    pub fn bounded(text: &str) -> Self {
        if text.len() <= Self::HEAD {
            return Self::whole(text);
        }
        let cut = text.floor_char_boundary(Self::HEAD);
        Self {
            text: Arc::from(&text[..cut]),
            extent: Extent::Head {
                bytes: text.len() as u64,
            },
        }
    }
}

/// One audit event, for people and for queries.
///
/// Every field is a list: most hold one value or none, `resource` often more. An empty list is an
/// absent value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The store's key.
    pub id: EventId,
    /// The place in the store's order; `cursor.at` is when it happened.
    pub cursor: Cursor,
    /// What became of it, if the store says.
    pub outcome: Option<Outcome>,
    /// Values by [`Field`].
    pub values: Values,
    /// The record itself.
    pub payload: Payload,
}

impl Event {
    /// When it happened.
    pub fn at(&self) -> At {
        self.cursor.at
    }

    /// All values of a field.
    pub fn all(&self, field: Field) -> impl ExactSizeIterator<Item = Scalar<'_>> + Clone {
        self.values.all(field)
    }

    /// The first value of a field, as text.
    pub fn first(&self, field: Field) -> Option<&str> {
        self.values.first(field)
    }

    /// Bytes this event holds on to, for windows with a budget.
    pub fn weight(&self) -> usize {
        size_of::<Self>()
            + self.values.weight()
            + self.payload.text.len()
            + self.id.as_str().len() * 2
    }
}

/// Bytes as PostgreSQL spells them: `\x00ff`.
pub fn hex(bytes: &[u8]) -> String {
    let mut digits = "\\x".to_owned();
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

/// An event of a time with these fields, where they say something, for tests.
#[cfg(test)]
pub(crate) fn sample(at: At, texts: &[(Field, &str)], record: &str) -> Event {
    let named = texts.iter().filter(|(_, text)| !text.is_empty());
    let values: Vec<_> = named
        .map(|(field, text)| (*field, Scalar::Text((*text).to_owned().into())))
        .collect();
    Event {
        id: EventId::new("1"),
        cursor: Cursor {
            at,
            time: KeyPart::Null,
            key: Vec::new(),
        },
        outcome: None,
        values: Values::of(&values),
        payload: Payload::whole(record),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integer_keys_sort_as_integers() {
        assert!(KeyPart::Int(9) < KeyPart::Int(10));
        assert!(KeyPart::Number("9.5".into()) < KeyPart::Int(10));
        assert!(KeyPart::Null < KeyPart::Int(i64::MIN));
    }

    #[test]
    fn field_index_is_its_place_in_all() {
        for (place, field) in Field::ALL.into_iter().enumerate() {
            assert_eq!(field as usize, place);
            assert_eq!(Field::from_name(field.name()), Some(field));
        }
    }

    #[test]
    fn an_id_tells_keys_apart() {
        let text = |text: &str| KeyPart::Text(text.into());
        for (key, id) in [
            (vec![KeyPart::Int(7)], "7"),
            (vec![KeyPart::Number("1.50".into())], "1.50"),
            (vec![text("a b")], "a b"),
            (vec![text("")], ""),
            (vec![KeyPart::Null], "[null]"),
            (vec![KeyPart::Bytes([0, 255].as_slice().into())], "\\x00ff"),
            (
                vec![KeyPart::Int(7), text("7"), KeyPart::Null],
                r#"[7,"7",null]"#,
            ),
        ] {
            assert_eq!(EventId::of_key(&key).as_str(), id, "{key:?}");
        }
    }
}
