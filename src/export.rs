//! Events as text for other programs and for people: NDJSON, JSON, CSV, an aligned table.
//!
//! Printers write what they are given, in the order they are given it; they know nothing of stores
//! and decide nothing about which events.

pub mod csv;
pub mod json;
pub mod table;

use std::io;

use crate::core::event::Event;

/// Where text ends up. On a terminal nothing in it may be obeyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    /// A person looks at it.
    Terminal,
    /// A file or another program; bytes stay what they are.
    Stream,
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

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::core::event::{Cursor, EventId, Field, KeyPart, Outcome, Payload, Values};
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
