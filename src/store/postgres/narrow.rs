//! Rows of which only a few parts are wanted: the server sends those and no more.
//!
//! Pages of whole records are read by `rows` alone.

use std::sync::Arc;

use smallvec::SmallVec;
use tokio_postgres::Row;

use crate::core::aggregate::Subject;
use crate::core::event::{Cursor, Event, EventId, Field, KeyPart, Payload, Values};
use crate::core::instant::{At, Micros};
use crate::core::path::Path;
use crate::core::profile::{TimeEncoding, ValueExpr};
use crate::core::scalar::Scalar;
use crate::store::Parts;
use crate::store::postgres::answer::{raw, text};
use crate::store::postgres::layout::{KeyColumn, Layout, TimeForm, Way};
use crate::store::postgres::project::{Projection, Selection};
use crate::store::postgres::sql::plain::{is_plain, is_string};
use crate::store::postgres::sql::quote::ident;
use crate::store::postgres::stamp::Stamp;

/// What is sent of each row.
pub struct Narrow {
    /// What of the events is wanted.
    pub parts: Parts,
    selection: Selection,
    /// What stands around the parts in a record, where that does not depend on them.
    around: Option<Vec<String>>,
    /// Which part is an instant in the server's binary form.
    stamp: Option<usize>,
    direct: Option<Direct>,
}

/// Where all that an event is made of is sent as it is: no record has to be put together.
struct Direct {
    /// Which part is the key, a whole number.
    key: usize,
    /// Which part is the instant.
    stamp: usize,
    /// Which part is the only value of a field.
    fields: Vec<(Field, usize)>,
    nothing: Arc<str>,
}

impl Narrow {
    /// For some parts of events. `None`: whole rows have to be read.
    pub fn new(layout: &Layout, parts: Parts) -> Option<Self> {
        // Documents in text columns are taken apart here.
        if !layout.folded.is_empty() {
            return None;
        }
        let mut projection = Projection::default();
        for field in wanted(parts) {
            projection.need(&Subject::Field(field), &layout.profile);
        }
        if parts.has_outcome() {
            projection.need(&Subject::Outcome, &layout.profile);
        }
        let key = layout.key.iter().filter_map(KeyColumn::name);
        for column in key.chain([layout.time.name.as_str()]) {
            projection.need(&Subject::Path(Path::new([column])), &layout.profile);
        }
        let mut selection = projection.select(&layout.table);
        let stamp = match layout.time.form {
            TimeForm::Instant => selection.resend(&layout.time.name, layout.time.sql.clone()),
            _ => None,
        };
        Some(Self {
            parts,
            around: selection.around(),
            direct: stamp.and_then(|stamp| Direct::new(layout, parts, &selection, stamp)),
            selection,
            stamp,
        })
    }

    /// The select list: the parts as text, the instant as it is, then the row's place where that is the
    /// key.
    pub fn selected(&self, layout: &Layout) -> String {
        let columns = 0..self.selection.columns.len();
        let mut columns: Vec<String> = columns.map(|place| self.column(place)).collect();
        if layout.is_keyed_by_place() {
            columns.push(layout.place().to_owned());
        }
        columns.join(", ")
    }

    fn column(&self, place: usize) -> String {
        let column = &self.selection.columns[place];
        if self.stamp == Some(place) {
            column.clone()
        } else {
            format!("({column})::text")
        }
    }

    /// The rows of some conditions by time alone, strings of documents without quotes.
    pub fn statement(&self, layout: &Layout, conditions: &str, way: Way, limit: usize) -> String {
        let name = free_name(layout);
        let (mut inner, mut outer) = (Vec::new(), Vec::new());
        for (place, plain) in self.selection.plain.iter().enumerate() {
            outer.push(match plain {
                None => self.column(place),
                Some(plain) => {
                    // Made further in, so that the server takes it out of the document once.
                    inner.push(format!("{plain} AS {name}{place}"));
                    let made = format!("t.{name}{place}");
                    let exact = self.column(place);
                    format!(
                        "CASE WHEN {} THEN {made} ELSE {exact} END",
                        is_string(&made)
                    )
                }
            });
        }
        let columns = self.selection.paths().map(Path::column);
        let mut columns: Vec<String> = columns
            .map(|column| format!("t.{}", ident(column)))
            .collect();
        columns.sort_unstable();
        columns.dedup();
        inner.extend(columns);
        let order = format!("ORDER BY {} {}", layout.time.sql, way.word());
        format!(
            "SELECT {} FROM (SELECT {} FROM {} WHERE {conditions} {order} LIMIT {limit}) t {order}",
            outer.join(", "),
            inner.join(", "),
            layout.from(),
        )
    }

    /// The event of a row, where nothing but strings and the instant has to be looked at. `memory` is
    /// for what is put together on the way.
    pub fn event(&self, row: &Row, memory: &mut String) -> Option<Event> {
        self.direct.as_ref()?.event(row, memory)
    }

    /// A record with nothing but the parts; and which column the row's place is.
    pub fn write(&self, row: &Row, out: &mut String) -> usize {
        let count = self.selection.columns.len();
        out.clear();
        if let Some([before @ .., last]) = self.around.as_deref() {
            for (place, before) in before.iter().enumerate() {
                out.push_str(before);
                if !self.value(row, place, out) {
                    out.push_str("null");
                }
            }
            out.push_str(last);
        } else {
            let values: Vec<Option<String>> = (0..count)
                .map(|place| {
                    let mut json = String::new();
                    self.value(row, place, &mut json).then_some(json)
                })
                .collect();
            out.push_str(&self.selection.record(&values));
        }
        count
    }

    /// Appends a part as JSON; whether there is any.
    fn value(&self, row: &Row, place: usize, out: &mut String) -> bool {
        if self.stamp != Some(place) {
            let value = text(row, place);
            let json = value
                .as_deref()
                .map(|text| self.selection.json(place, text));
            out.push_str(&json.unwrap_or_default());
            return value.is_some();
        }
        let stamp = raw(row, place).and_then(Stamp::of);
        if let Some(stamp) = stamp {
            out.push('"');
            stamp.spell(out);
            out.push('"');
        }
        stamp.is_some()
    }
}

/// The beginning of a name that no column has.
fn free_name(layout: &Layout) -> String {
    let mut name = "plain_".to_owned();
    let columns = &layout.table.columns;
    while columns.iter().any(|column| column.name.starts_with(&name)) {
        name.push('_');
    }
    name
}

fn wanted(parts: Parts) -> impl Iterator<Item = Field> {
    Field::ALL
        .into_iter()
        .filter(move |field| parts.has(*field))
}

impl Direct {
    fn new(layout: &Layout, parts: Parts, selection: &Selection, stamp: usize) -> Option<Self> {
        let profile = &layout.profile;
        let key = layout.key.first().and_then(KeyColumn::name)?;
        let is_time = profile.time.path == Path::new([layout.time.name.as_str()])
            && profile.time.encoding == TimeEncoding::Instant;
        if parts.has_outcome() || !layout.is_keyed_by_number() || !is_time {
            return None;
        }
        let mut fields = Vec::new();
        for field in wanted(parts) {
            match profile.field(field) {
                ValueExpr::Absent => {}
                ValueExpr::Path(path) => {
                    let place = selection.place(path)?;
                    selection.plain[place].as_ref()?;
                    fields.push((field, place));
                }
                _ => return None,
            }
        }
        Some(Self {
            key: selection.place(&Path::new([key]))?,
            stamp,
            fields,
            nothing: Arc::default(),
        })
    }

    fn event(&self, row: &Row, memory: &mut String) -> Option<Event> {
        let stamp = raw(row, self.stamp).and_then(Stamp::of)?;
        let at = At::Instant(Micros(stamp.unix()?));
        let mut found = SmallVec::<[_; Field::ALL.len()]>::new();
        for (field, place) in &self.fields {
            if let Some(value) = text(row, *place) {
                if !is_plain(&value) {
                    return None;
                }
                found.push((*field, Scalar::Text(value)));
            }
        }
        let key = text(row, self.key)?;
        memory.clear();
        stamp.spell(memory);
        Some(Event {
            // The server spells a number as its id is spelled.
            id: EventId::new(&*key),
            cursor: Cursor {
                at,
                time: KeyPart::Text(memory.as_str().into()),
                key: vec![KeyPart::Int(key.parse().ok()?)],
            },
            outcome: None,
            values: Values::of(&found),
            payload: Payload::whole(Arc::clone(&self.nothing)),
        })
    }
}
