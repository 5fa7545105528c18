//! From a row as the server sends it to an event.

use std::borrow::Cow;
use std::sync::Arc;

use tokio_postgres::Row;

use crate::core::event::{Cursor, Event, EventId, KeyPart, Payload};
use crate::core::json::{FlatJson, Node};
use crate::core::profile::evaluate::{fields, outcome, time, timeless};
use crate::core::query::predicate::Predicate;
use crate::core::scalar::Scalar;
use crate::store::postgres::answer::text;
use crate::store::postgres::layout::{KeyColumn, Layout, Way};
use crate::store::postgres::narrow::Narrow;
use crate::store::{PayloadNeed, StoreError};

/// Turns rows into events; keeps the parser's memory between them.
pub struct RowReader<'l> {
    layout: &'l Layout,
    need: PayloadNeed,
    /// Checked on every row, when the server's condition was wider.
    recheck: Option<&'l Predicate>,
    /// Where the server sends no more than some parts.
    narrow: Option<Narrow>,
    nodes: Vec<Node>,
    /// Memory for a record of parts.
    put_together: String,
    nothing: Arc<str>,
}

/// A row that was read.
pub enum Read {
    /// It belongs to the answer.
    Event(Event),
    /// The server let it through, the predicate does not.
    Other(Cursor),
}

impl<'l> RowReader<'l> {
    /// Reads rows of a layout.
    pub fn new(layout: &'l Layout, need: PayloadNeed, recheck: Option<&'l Predicate>) -> Self {
        let narrow = match need {
            // A row that is checked again is wanted whole.
            PayloadNeed::Only(parts) if recheck.is_none() => Narrow::new(layout, parts),
            _ => None,
        };
        Self {
            layout,
            need,
            recheck,
            narrow,
            nodes: Vec::new(),
            put_together: String::new(),
            nothing: Arc::default(),
        }
    }

    /// The select list of the statements whose rows it reads.
    pub fn selected(&self) -> String {
        let narrow = self.narrow.as_ref();
        narrow.map_or_else(
            || self.layout.selected(),
            |narrow| narrow.selected(self.layout),
        )
    }

    /// So many rows of some conditions by time alone.
    pub fn statement(&self, conditions: &str, way: Way, limit: usize) -> String {
        let layout = self.layout;
        if let Some(narrow) = &self.narrow {
            return narrow.statement(layout, conditions, way, limit);
        }
        format!(
            "SELECT {} FROM {} WHERE {conditions} ORDER BY {} {} LIMIT {limit}",
            layout.selected(),
            layout.from(),
            layout.time.sql,
            way.word(),
        )
    }

    /// Reads one row of [`RowReader::selected`] or [`RowReader::statement`].
    pub fn read(&mut self, row: &Row) -> Result<Read, StoreError> {
        let memory = &mut self.put_together;
        let narrow = self.narrow.as_ref();
        if let Some(event) = narrow.and_then(|narrow| narrow.event(row, memory)) {
            return Ok(Read::Event(event));
        }
        self.with_record(row, |reader, record, place| {
            let event = reader.event(record, place);
            match reader.recheck {
                Some(predicate) if !predicate.matches(&event, record) => Read::Other(event.cursor),
                _ => Read::Event(event),
            }
        })
    }

    /// Shows a row's event and record, if they belong to the answer.
    pub fn visit(
        &mut self,
        row: &Row,
        visit: &mut impl FnMut(&Event, &FlatJson<'_>),
    ) -> Result<(), StoreError> {
        self.with_record(row, |reader, record, place| {
            let event = reader.event(record, place);
            if reader
                .recheck
                .is_none_or(|predicate| predicate.matches(&event, record))
            {
                visit(&event, record);
            }
        })
    }

    fn with_record<T>(
        &mut self,
        row: &Row,
        read: impl FnOnce(&Self, &FlatJson<'_>, Option<&str>) -> T,
    ) -> Result<T, StoreError> {
        let mut put_together = std::mem::take(&mut self.put_together);
        let (json, at) = match &self.narrow {
            Some(narrow) => {
                let at = narrow.write(row, &mut put_together);
                (Cow::Borrowed(put_together.as_str()), at)
            }
            None => (text(row, 0).unwrap_or_default(), 1),
        };
        let nodes = std::mem::take(&mut self.nodes);
        let record = self
            .layout
            .record(json, nodes)
            .map_err(|error| StoreError::Failed {
                message: format!("{}: a row is {error}", self.layout.table.label()),
                hint: None,
            })?;
        let place = if self.layout.is_keyed_by_place() {
            text(row, at)
        } else {
            None
        };
        let result = read(self, &record, place.as_deref());
        // One huge record must not keep its memory for the rest of the list.
        if record.len() < 100_000 {
            self.nodes = record.into_nodes();
        }
        self.put_together = put_together;
        Ok(result)
    }

    fn event(&self, record: &FlatJson<'_>, place: Option<&str>) -> Event {
        let (profile, narrow) = (&self.layout.profile, &self.narrow);
        let (outcome, values) = match narrow.as_ref().map(|narrow| narrow.parts) {
            None => timeless(profile, record),
            Some(parts) => (
                parts
                    .has_outcome()
                    .then(|| outcome(profile, record))
                    .flatten(),
                fields(profile, record, |field| parts.has(field)),
            ),
        };
        let key = key(self.layout, record, place);
        let cursor = Cursor {
            at: time(profile, record),
            time: key_part(record, &self.layout.time.name),
            key,
        };
        let payload = match self.need {
            _ if narrow.is_some() => Payload::whole(Arc::clone(&self.nothing)),
            PayloadNeed::Head | PayloadNeed::Only(_) => Payload::bounded(record.text()),
            PayloadNeed::Whole => Payload::whole(record.text()),
        };
        Event {
            id: id(&cursor.key),
            cursor,
            outcome,
            values,
            payload,
        }
    }
}

/// The key of a row, from its record and its place.
pub fn key(layout: &Layout, record: &FlatJson<'_>, place: Option<&str>) -> Vec<KeyPart> {
    let part = |column: &KeyColumn| match column.name() {
        Some(name) => key_part(record, name),
        None => place
            .and_then(|place| column.in_place(place))
            .map_or(KeyPart::Null, KeyPart::Int),
    };
    layout.key.iter().map(part).collect()
}

/// A column of a record as a part of a key.
pub fn key_part(record: &FlatJson<'_>, name: &str) -> KeyPart {
    match record
        .get(record.root(), name)
        .and_then(|node| record.scalar(node))
    {
        None => KeyPart::Null,
        Some(Scalar::Number(number)) => number
            .parse()
            .map_or_else(|_| KeyPart::Number(Arc::from(&*number)), KeyPart::Int),
        Some(other) => KeyPart::Text(Arc::from(other.text())),
    }
}

/// The key an id was made of; `None` when it is not one of this table's.
pub fn key_of(id: &EventId, parts: usize) -> Option<Vec<KeyPart>> {
    // `007` is a text, not the number 7.
    let part = |text: &str| match text.parse::<i64>() {
        Ok(number) if number.to_string() == text => KeyPart::Int(number),
        _ => KeyPart::Text(text.into()),
    };
    if parts == 1 {
        return Some(vec![part(id.as_str())]);
    }
    let values: Vec<serde_json::Value> = serde_json::from_str(id.as_str()).ok()?;
    let key: Vec<KeyPart> = values
        .iter()
        .map(|value| match value {
            serde_json::Value::Null => KeyPart::Null,
            serde_json::Value::String(text) => KeyPart::Text(text.as_str().into()),
            other => part(&other.to_string()),
        })
        .collect();
    (key.len() == parts).then_some(key)
}

/// The key as an id: its text, or a JSON array of several.
pub fn id(key: &[KeyPart]) -> EventId {
    EventId::of_key(key)
}
