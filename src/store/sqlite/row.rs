//! From a row of SQLite to a record and an event.
//!
//! Does not decide which rows are read; see `walk`.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use rusqlite::Row;
use rusqlite::types::ValueRef;

use crate::core::event::{Cursor, Event, EventId, KeyPart, Payload};
use crate::core::json::{FlatJson, Node};
use crate::core::profile::evaluate::evaluate;
use crate::core::purge::insert::SqlValue;
use crate::core::record::RecordWriter;
use crate::store::sqlite::open::statement_error;
use crate::store::sqlite::shape::Shape;
use crate::store::{PayloadNeed, StoreError};

/// Columns before the sort key in every statement of `walk`: the superset condition and the time.
const TIME: usize = 1;
/// Where the sort key begins.
const SORT: usize = 2;

/// A value as a part of a cursor.
pub(super) fn part_of(value: ValueRef<'_>) -> KeyPart {
    match value {
        ValueRef::Null => KeyPart::Null,
        ValueRef::Integer(int) => KeyPart::Int(int),
        // The shortest spelling that reads back as the same float.
        ValueRef::Real(real) => KeyPart::Number(format!("{real:?}").into()),
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => KeyPart::Text(text.into()),
            Err(_) => KeyPart::RawText(bytes.into()),
        },
        ValueRef::Blob(bytes) => KeyPart::Bytes(bytes.into()),
    }
}

/// Reads rows, reusing its buffers.
#[derive(Debug, Default)]
pub(super) struct Reader {
    writer: RecordWriter,
    nodes: Vec<Node>,
}

impl Reader {
    /// Makes an event of the row and hands it to `visit` with its record. The payload is still
    /// empty there; [`payload`] makes it when the event is wanted.
    pub(super) fn read<T>(
        &mut self,
        shape: &Shape,
        row: &Row<'_>,
        visit: impl FnOnce(Event, &FlatJson<'_>) -> T,
    ) -> Result<T, StoreError> {
        let (time, key) = place_of(shape, row).map_err(|error| statement_error(&error))?;
        let id = id_of(shape, row, &key).map_err(|error| statement_error(&error))?;
        let nodes = std::mem::take(&mut self.nodes);
        let text = write(&mut self.writer, shape, row).map_err(|error| statement_error(&error))?;
        let record = FlatJson::parse_into(text, nodes).map_err(|error| StoreError::Failed {
            message: format!("the row {id} cannot be shown as JSON: {error}"),
            hint: None,
        })?;
        let evaluated = evaluate(&shape.profile, &record);
        let event = Event {
            id,
            cursor: Cursor {
                at: evaluated.at,
                time,
                key,
            },
            outcome: evaluated.outcome,
            values: evaluated.values,
            payload: Payload::whole(""),
        };
        let result = visit(event, &record);
        self.nodes = record.into_nodes();
        Ok(result)
    }
}

/// A value of a row with its storage class.
pub(super) fn value_at<'r>(row: &'r Row<'_>, place: usize) -> rusqlite::Result<SqlValue<'r>> {
    Ok(match row.get_ref(place)? {
        ValueRef::Null => SqlValue::Null,
        ValueRef::Integer(int) => SqlValue::Int(int),
        ValueRef::Real(real) => SqlValue::Real(real),
        ValueRef::Text(bytes) => SqlValue::Text(bytes.into()),
        ValueRef::Blob(bytes) => SqlValue::Blob(bytes.into()),
    })
}

/// The record's JSON text.
fn write<'w>(
    writer: &'w mut RecordWriter,
    shape: &Shape,
    row: &Row<'_>,
) -> rusqlite::Result<&'w str> {
    let first = SORT + shape.sort.len();
    writer.begin();
    for (place, column) in shape.columns.iter().enumerate() {
        value_at(row, first + place)?.show(&column.name, column.kind, writer);
    }
    Ok(writer.finish())
}

/// A digest of everything the row holds: it differs when the row has changed. Stable within one
/// version of the program; another one's checkpoint costs a repetition of the overlap, no loss.
pub(super) fn version_of(shape: &Shape, row: &Row<'_>) -> rusqlite::Result<String> {
    let first = SORT + shape.sort.len();
    let mut hasher = DefaultHasher::new();
    for place in first..first + shape.columns.len() {
        match row.get_ref(place)? {
            ValueRef::Null => 0_u8.hash(&mut hasher),
            ValueRef::Integer(int) => (1_u8, int).hash(&mut hasher),
            ValueRef::Real(real) => (2_u8, real.to_bits()).hash(&mut hasher),
            ValueRef::Text(bytes) => (3_u8, bytes).hash(&mut hasher),
            ValueRef::Blob(bytes) => (4_u8, bytes).hash(&mut hasher),
        }
    }
    Ok(format!("{:016x}", hasher.finish()))
}

/// As much of a record as is asked for.
pub(super) fn payload(record: &FlatJson<'_>, need: PayloadNeed) -> Payload {
    match need {
        PayloadNeed::Head | PayloadNeed::Only(_) => Payload::bounded(record.text()),
        PayloadNeed::Whole => Payload::whole(record.text()),
    }
}

/// Raw time of a row.
pub(super) fn time_of(row: &Row<'_>) -> rusqlite::Result<KeyPart> {
    Ok(part_of(row.get_ref(TIME)?))
}

/// Raw time and sort key of a row.
pub(super) fn place_of(shape: &Shape, row: &Row<'_>) -> rusqlite::Result<(KeyPart, Vec<KeyPart>)> {
    let time = time_of(row)?;
    let key = (SORT..SORT + shape.sort.len())
        .map(|place| Ok(part_of(row.get_ref(place)?)))
        .collect::<rusqlite::Result<_>>()?;
    Ok((time, key))
}

/// The id of a row.
pub(super) fn id_of(shape: &Shape, row: &Row<'_>, key: &[KeyPart]) -> rusqlite::Result<EventId> {
    if shape.id.is_empty() {
        return Ok(EventId::of_key(key));
    }
    let first = SORT + shape.sort.len();
    let parts = shape
        .id
        .iter()
        .map(|place| Ok(part_of(row.get_ref(first + place)?)))
        .collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(EventId::of_key(&parts))
}
