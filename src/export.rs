//! Events as text for other programs and for people: NDJSON, JSON, CSV, an aligned table.
//!
//! Printers write what they are given, in the order they are given it; they know nothing of stores
//! and decide nothing about which events.

pub mod csv;
pub mod json;
pub mod table;

use std::borrow::Cow;
use std::io;
use std::sync::Arc;

use crate::core::event::{Event, Field};
use crate::core::json::{FlatJson, Kind};
use crate::core::path::Path;
use crate::core::profile::{OwnField, evaluate};

/// Where text ends up. On a terminal nothing in it may be obeyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    /// A person looks at it.
    Terminal,
    /// A file or another program; bytes stay what they are.
    Stream,
}

/// What a column shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The store's key.
    Id,
    /// When.
    At,
    /// What became of it.
    Outcome,
    /// An event field.
    Field(Field),
    /// The whole record.
    Payload,
    /// A name of the profile's own.
    Own(Arc<OwnField>),
    /// A place in the payload.
    Path(Path),
}

/// A column of an output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its header, and its key in JSON.
    pub name: String,
    /// What it shows.
    pub shown: Shown,
}

impl Column {
    /// The columns of machine-readable outputs, in the order that scripts rely on.
    pub fn all() -> Vec<Self> {
        let [actor, action, service, kind, resource, rest @ ..] = Field::ALL.map(Shown::Field);
        let mut shown = vec![Shown::Id, Shown::At, actor, action, service, kind, resource];
        shown.push(Shown::Outcome);
        shown.extend(rest);
        shown.push(Shown::Payload);
        shown.into_iter().map(Self::plain).collect()
    }

    /// The columns of the table, as many as a person reads at a glance.
    pub fn glance() -> Vec<Self> {
        [
            Shown::At,
            Shown::Outcome,
            Shown::Field(Field::Actor),
            Shown::Field(Field::Action),
            Shown::Field(Field::Resource),
            Shown::Field(Field::Status),
        ]
        .into_iter()
        .map(Self::plain)
        .collect()
    }

    /// A column under its usual name.
    pub fn plain(shown: Shown) -> Self {
        let name = match &shown {
            Shown::Id => "id".to_owned(),
            Shown::At => "at".to_owned(),
            Shown::Outcome => "outcome".to_owned(),
            Shown::Payload => "payload".to_owned(),
            Shown::Field(field) => field.name().to_owned(),
            Shown::Own(own) => own.name.clone(),
            Shown::Path(path) => format!(".{path}"),
        };
        Self { name, shown }
    }

    /// Whether showing it needs the record taken apart.
    fn reads_record(&self) -> bool {
        matches!(self.shown, Shown::Own(_) | Shown::Path(_))
    }
}

/// Something that prints events.
pub trait Printer {
    /// Prints one event.
    fn event(&mut self, event: &Event) -> io::Result<()>;

    /// Hands everything printed so far to the reader.
    fn flush(&mut self) -> io::Result<()>;

    /// Ends the output; the result is what a person should be told about it, if anything.
    fn finish(&mut self) -> io::Result<Option<String>>;
}

/// The record of an event taken apart, when a column asks for it and the payload is all there.
fn record<'e>(columns: &[Column], event: &'e Event) -> Option<FlatJson<'e>> {
    columns
        .iter()
        .any(Column::reads_record)
        .then(|| FlatJson::parse(&*event.payload.text).ok())
        .flatten()
}

/// The values a text column shows: leaves as people read them, containers as JSON.
fn texts<'e>(
    column: &'e Column,
    event: &'e Event,
    record: Option<&'e FlatJson<'e>>,
) -> Vec<Cow<'e, str>> {
    match (&column.shown, record) {
        (Shown::Id, _) => vec![Cow::Borrowed(event.id.as_str())],
        (Shown::At, _) => vec![Cow::Owned(event.at().to_string())],
        (Shown::Outcome, _) => event
            .outcome
            .map(|outcome| Cow::Borrowed(outcome.word()))
            .into_iter()
            .collect(),
        (Shown::Payload, _) => vec![Cow::Borrowed(&*event.payload.text)],
        (Shown::Field(field), _) => {
            let values = event.all(*field);
            values.map(crate::core::scalar::Scalar::into_text).collect()
        }
        (Shown::Own(own), Some(record)) => evaluate::values(&own.expr, record)
            .into_iter()
            .map(|value| Cow::Owned(value.text().to_owned()))
            .collect(),
        (Shown::Path(path), Some(record)) => path
            .nodes(record)
            .into_iter()
            .map(|node| match record.kind(node) {
                Kind::Array | Kind::Object => Cow::Borrowed(record.raw(node)),
                _ => Cow::Owned(
                    record
                        .scalar(node)
                        .map(|value| value.text().to_owned())
                        .unwrap_or_default(),
                ),
            })
            .collect(),
        (Shown::Own(_) | Shown::Path(_), None) => Vec::new(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::core::event::{Cursor, EventId, KeyPart, Outcome, Payload, Values};
    use crate::core::instant::{At, Micros};
    use crate::core::scalar::Scalar;

    /// An event with a value in most fields.
    pub(crate) fn event() -> Event {
        let values = Values::of(&[
            (Field::Actor, Scalar::Text("maya@example.com".into())),
            (Field::Action, Scalar::Text("DeletePod".into())),
            (Field::Resource, Scalar::Text("prod/api/api-0".into())),
            (Field::Status, Scalar::Text("PERMISSION_DENIED".into())),
            (Field::Status, Scalar::Text("permission denied".into())),
            (Field::Duration, Scalar::Number("12.5".into())),
        ]);
        Event {
            id: EventId::new("42"),
            cursor: Cursor {
                at: At::Instant(Micros(1_767_323_045_678_901)),
                time: KeyPart::Int(1_767_323_045_678_901),
                key: vec![KeyPart::Int(42)],
            },
            outcome: Some(Outcome::Denied),
            values,
            payload: Payload::whole(r#"{"id":42}"#),
        }
    }
}
