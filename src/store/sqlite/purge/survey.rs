//! What would go and what would stay, from one pass over the table.
//!
//! Counts only; which rows are archived is decided when they are read.

use std::collections::BTreeMap;
use std::sync::Arc;

use rusqlite::Connection;
use tokio_util::sync::CancellationToken;

use crate::core::event::{EventId, KeyPart};
use crate::core::instant::{At, Micros};
use crate::core::purge::plan::{CountExactness, Month, Survey};
use crate::store::StoreError;
use crate::store::purger::Selection;
use crate::store::sqlite::open::statement_error;
use crate::store::sqlite::purge::model::Model;
use crate::store::sqlite::purge::scan::{Appetite, Scan, Selected, Slice};
use crate::store::sqlite::purge::sheet::Sheets;
use crate::store::sqlite::row::part_of;
use crate::store::sqlite::worker::{Halt, Worker};

/// How many of the oldest and newest rows are shown.
const SHOWN: usize = 5;

/// A record longer than this is not shown whole.
const LONGEST: usize = 2 * 1024;

/// A row worth showing.
type Sight = (Micros, String);

/// What the pass has seen so far.
#[derive(Debug, Default)]
struct Findings {
    going: BTreeMap<String, u64>,
    all: BTreeMap<String, u64>,
    selected: u64,
    bytes: u64,
    related: Vec<u64>,
    oldest: Vec<Sight>,
    newest: Vec<Sight>,
    first_kept: Option<(Micros, Vec<KeyPart>)>,
    timeless: BTreeMap<&'static str, u64>,
}

/// Surveys the file.
pub(super) async fn survey(
    worker: &Worker,
    model: Arc<Model>,
    what: &Selection,
    stop: &CancellationToken,
) -> Result<Survey, StoreError> {
    let mut findings = Findings::default();
    let mut scan = Scan::new(Arc::new(model.shape.clone()), what, None);
    loop {
        let model = Arc::clone(&model);
        let (found, after, end) = worker
            .run(stop, move |connection, halt| {
                let end = findings.look(connection, halt, &mut scan, &model)?;
                Ok((findings, scan, end))
            })
            .await?;
        (findings, scan) = (found, after);
        if end == Slice::End {
            break;
        }
    }
    let cutoff = what.cutoff;
    worker
        .run(stop, move |connection, halt| {
            findings.census(connection, halt, &model, cutoff)?;
            let first_kept = findings.first_kept_text(connection, &model)?;
            Ok(findings.told(&model, first_kept))
        })
        .await
}

impl Findings {
    /// A slice of the rows that go.
    fn look(
        &mut self,
        connection: &Connection,
        halt: &Halt,
        scan: &mut Scan,
        model: &Model,
    ) -> Result<Slice, StoreError> {
        let sheets = Sheets::new(&model.relations);
        self.related.resize(sheets.0.len(), 0);
        scan.slice(connection, halt, &mut |_, selected| {
            self.selected += 1;
            // About what the statement takes.
            self.bytes += selected.record.len() as u64;
            *self.going.entry(month(selected.at)).or_default() += 1;
            self.keep_outermost(&selected);
            for relation in 1..sheets.0.len() {
                let rows = sheets
                    .rows(connection, relation, selected.key)
                    .map_err(|error| statement_error(&error))?;
                self.related[relation] += rows.len() as u64;
                self.bytes += rows.iter().map(|row| row.bytes.len() as u64).sum::<u64>();
            }
            Ok(Appetite::More)
        })
    }

    fn keep_outermost(&mut self, selected: &Selected<'_>) {
        let at = selected.at;
        let is_old = self.oldest.len() < SHOWN || self.oldest.last().is_some_and(|row| at < row.0);
        let is_new =
            self.newest.len() < SHOWN || self.newest.first().is_some_and(|row| at >= row.0);
        if !is_old && !is_new {
            return;
        }
        let text = bounded(selected);
        if is_old {
            let place = self.oldest.partition_point(|row| row.0 <= at);
            self.oldest.insert(place, (at, text.clone()));
            self.oldest.truncate(SHOWN);
        }
        if is_new {
            let place = self.newest.partition_point(|row| row.0 <= at);
            self.newest.insert(place, (at, text));
            let surplus = self.newest.len().saturating_sub(SHOWN);
            self.newest.drain(..surplus);
        }
    }

    /// The times of all rows, from an index on them where there is one.
    fn census(
        &mut self,
        connection: &Connection,
        halt: &Halt,
        model: &Model,
        cutoff: Micros,
    ) -> Result<(), StoreError> {
        let fail = |error: rusqlite::Error| statement_error(&error);
        let shape = &model.shape;
        let query = format!("SELECT {} FROM {}", shape.select_place(), shape.table);
        let mut statement = connection.prepare_cached(&query).map_err(fail)?;
        let mut rows = statement.query([]).map_err(fail)?;
        while let Some(row) = rows.next().map_err(fail)? {
            if halt.is_asked() {
                return Err(StoreError::Cancelled);
            }
            let time = part_of(row.get_ref(0).map_err(fail)?);
            let At::Instant(at) = shape.at_of(&time) else {
                *self.timeless.entry(kind_of(&time)).or_default() += 1;
                continue;
            };
            *self.all.entry(month(at)).or_default() += 1;
            let is_first = self.first_kept.as_ref().is_none_or(|first| at < first.0);
            if at >= cutoff && is_first {
                let key = (1..=shape.sort.len())
                    .map(|place| Ok(part_of(row.get_ref(place)?)))
                    .collect::<rusqlite::Result<_>>()
                    .map_err(fail)?;
                self.first_kept = Some((at, key));
            }
        }
        Ok(())
    }

    fn first_kept_text(
        &self,
        connection: &Connection,
        model: &Model,
    ) -> Result<Option<String>, StoreError> {
        let Some((at, key)) = &self.first_kept else {
            return Ok(None);
        };
        let key = crate::core::purge::row::RowKey(key.clone());
        let events = &Sheets::new(&model.relations).0[0];
        let found = events
            .one(connection, &key)
            .map_err(|error| statement_error(&error))?;
        let record = found.and_then(|row| {
            crate::core::purge::decode::insert::record(&model.relations[0], &row.bytes).ok()
        });
        let key = &key;
        Ok(record.map(|record| {
            bounded(&Selected {
                at: *at,
                key,
                record: &record,
            })
        }))
    }

    fn told(self, model: &Model, first_kept: Option<String>) -> Survey {
        let months = self.all.keys().chain(self.going.keys());
        let months: std::collections::BTreeSet<_> = months.cloned().collect();
        let number = |of: &BTreeMap<String, u64>, month: &String| of.get(month).copied();
        let months = months
            .into_iter()
            .map(|month| {
                let going = number(&self.going, &month).unwrap_or_default();
                let all = number(&self.all, &month).unwrap_or_default();
                // Rows may have come and gone between the two passes.
                let staying = all.saturating_sub(going);
                Month {
                    month,
                    going,
                    staying,
                }
            })
            .collect();
        let related = model.relations.iter().zip(&self.related).skip(1);
        let texts = |sights: &[Sight]| sights.iter().map(|sight| sight.1.clone()).collect();
        Survey {
            selected: self.selected,
            exactness: CountExactness::Exact,
            months,
            oldest: self.oldest.first().map(|sight| sight.0),
            newest: self.newest.last().map(|sight| sight.0),
            first_rows: texts(&self.oldest),
            last_rows: texts(&self.newest),
            first_kept,
            held: Vec::new(),
            timeless: self
                .timeless
                .into_iter()
                .map(|(kind, count)| (kind.to_owned(), count))
                .collect(),
            related: related
                .map(|(relation, count)| (relation.name.clone(), *count))
                .collect(),
            bytes: self.bytes,
        }
    }
}

fn kind_of(time: &KeyPart) -> &'static str {
    match time {
        KeyPart::Null => "NULL",
        KeyPart::Text(text) if &**text == "-infinity" => "-infinity",
        KeyPart::Text(text) if &**text == "infinity" => "infinity",
        _ => "not a time",
    }
}

fn month(at: Micros) -> String {
    at.to_utc().map_or_else(
        || "outside the calendar".to_owned(),
        |at| at.format("%Y-%m").to_string(),
    )
}

/// The record, or what it is where it is long.
fn bounded(selected: &Selected<'_>) -> String {
    if selected.record.len() <= LONGEST {
        return selected.record.to_owned();
    }
    let id = EventId::of_key(&selected.key.0);
    serde_json::json!({
        "id": id.as_str(),
        "at": selected.at.to_string(),
        "bytes": selected.record.len(),
    })
    .to_string()
}
