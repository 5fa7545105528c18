//! From a document as the server sends it to an event.

use std::sync::Arc;

use crate::core::bson::key::{id_of, id_text};
use crate::core::bson::{Element, Malformed, Raw, Value, render};
use crate::core::event::{Cursor, Event, EventId, Payload};
use crate::core::json::{FlatJson, Node};
use crate::core::profile::Profile;
use crate::core::profile::evaluate::timeless;
use crate::core::query::predicate::Predicate;
use crate::store::mongo::order::{Order, key};
use crate::store::{PayloadNeed, StoreError};

/// Turns documents into events; keeps its buffers between them.
pub struct RowReader<'r> {
    /// How documents become events.
    pub profile: &'r Profile,
    /// The collection's order.
    pub order: &'r Order,
    /// How much of each payload is wanted.
    pub need: PayloadNeed,
    text: String,
    nodes: Vec<Node>,
}

/// A document without an `_id`, as views may have, is told apart by nothing.
const NO_ID: Element<'static> = Element {
    key: b"_id",
    value: Value::Null,
    bytes: b"",
};

impl<'r> RowReader<'r> {
    /// A reader of one collection.
    pub fn new(profile: &'r Profile, order: &'r Order, need: PayloadNeed) -> Self {
        Self {
            profile,
            order,
            need,
            text: String::new(),
            nodes: Vec::new(),
        }
    }

    /// The place of a document, without looking at the rest of it.
    pub fn cursor(&self, document: Raw<'_>) -> Result<(Cursor, EventId), StoreError> {
        let id = id_of(document).map_err(malformed)?.unwrap_or(NO_ID);
        let (at, time) = self.order.place(document);
        Ok((
            Cursor {
                at,
                time,
                key: key(&id),
            },
            id_text(&id),
        ))
    }

    /// Reads a document; `None` when it does not satisfy the predicate it is checked against.
    pub fn read(
        &mut self,
        document: Raw<'_>,
        check: Option<&Predicate>,
    ) -> Result<Option<Event>, StoreError> {
        self.visit(document, check, |event, _| event)
    }

    /// As [`RowReader::read`], with a look at the record.
    pub fn visit<T>(
        &mut self,
        document: Raw<'_>,
        check: Option<&Predicate>,
        visit: impl FnOnce(Event, &FlatJson<'_>) -> T,
    ) -> Result<Option<T>, StoreError> {
        let (cursor, id) = self.cursor(document)?;
        let nodes = std::mem::take(&mut self.nodes);
        let record = render::record(document, &mut self.text, nodes).map_err(malformed)?;
        let (outcome, values) = timeless(self.profile, &record);
        let mut event = Event {
            id,
            // The order of the store decides what has a time; see `order`.
            cursor,
            outcome,
            values,
            payload: Payload::whole(Arc::<str>::default()),
        };
        let is_wanted = check.is_none_or(|predicate| predicate.matches(&event, &record));
        let visited = is_wanted.then(|| {
            event.payload = match self.need {
                PayloadNeed::Head | PayloadNeed::Only(_) => Payload::bounded(record.text()),
                PayloadNeed::Whole => Payload::whole(record.text()),
            };
            visit(event, &record)
        });
        self.nodes = record.into_nodes();
        Ok(visited)
    }
}

/// Bytes that are not BSON.
pub fn malformed(error: Malformed) -> StoreError {
    StoreError::Failed {
        message: error.to_string(),
        hint: Some("check the server's data files with validate".to_owned()),
    }
}
