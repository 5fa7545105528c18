//! From an archived row to an event, exactly as its store showed it.

use crate::core::event::{Cursor, Event, KeyPart, Payload};
use crate::core::instant::{At, Micros};
use crate::core::json::{FlatJson, Node};
use crate::core::profile::evaluate::timeless;
use crate::core::purge::decode;
use crate::core::purge::row::RowKey;
use crate::core::sanitise::safe;
use crate::store::archive::stock::Stock;
use crate::store::{PayloadNeed, StoreError};

/// An archived row.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) at: Micros,
    pub(super) key: RowKey,
    pub(super) bytes: Vec<u8>,
}

impl Row {
    /// Room for one.
    pub(super) fn empty() -> Self {
        Self {
            at: Micros(0),
            key: RowKey(Vec::new()),
            bytes: Vec::new(),
        }
    }

    /// Bytes it holds on to.
    pub(super) fn weight(&self) -> usize {
        self.bytes.capacity() + size_of::<Self>() + self.key.0.len() * size_of::<KeyPart>() * 2
    }

    pub(super) fn cursor(&self) -> Cursor {
        Cursor {
            at: At::Instant(self.at),
            time: KeyPart::Null,
            key: self.key.0.clone(),
        }
    }
}

/// Reads rows, reusing its buffers.
#[derive(Debug, Default)]
pub(super) struct Reader {
    nodes: Vec<Node>,
}

impl Reader {
    /// Makes an event of a row and hands it to `visit` with its record. The payload is still empty
    /// there; [`payload`] makes it when the event is wanted.
    pub(super) fn read<T>(
        &mut self,
        stock: &Stock,
        row: &Row,
        visit: impl FnOnce(Event, &FlatJson<'_>) -> T,
    ) -> Result<T, StoreError> {
        let id = decode::id(stock.plan.encoding, &row.key);
        let unreadable = |error: String| StoreError::Failed {
            message: format!(
                "{}: the row {} cannot be understood: {}",
                safe(&stock.place.shown()),
                safe(id.as_str()),
                safe(&error)
            ),
            hint: None,
        };
        let text = stock
            .decoder
            .record(&row.bytes)
            .map_err(|error| unreadable(error.to_string()))?;
        let nodes = std::mem::take(&mut self.nodes);
        let record =
            FlatJson::parse_into(text, nodes).map_err(|error| unreadable(error.to_string()))?;
        let (outcome, values) = timeless(&stock.profile, &record);
        let event = Event {
            id,
            cursor: row.cursor(),
            outcome,
            values,
            payload: Payload::whole(""),
        };
        let result = visit(event, &record);
        self.nodes = record.into_nodes();
        Ok(result)
    }

    /// The event of a row with its payload.
    pub(super) fn event(
        &mut self,
        stock: &Stock,
        row: &Row,
        need: PayloadNeed,
    ) -> Result<Event, StoreError> {
        self.read(stock, row, |mut event, record| {
            event.payload = match need {
                PayloadNeed::Head | PayloadNeed::Only(_) => Payload::bounded(record.text()),
                PayloadNeed::Whole => Payload::whole(record.text()),
            };
            event
        })
    }
}
