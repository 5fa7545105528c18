//! The short questions: one event, the span, a sample, a plan, the time.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, Row, params_from_iter};
use tokio_util::sync::CancellationToken;

use crate::core::event::{Cursor, Event};
use crate::core::instant::{At, Micros};
use crate::core::purge::insert::quoted;
use crate::core::query::catalog::Catalog;
use crate::core::query::predicate::Predicate;
use crate::store::membership::{LONGEST, MOST, PairRows, Pairs};
use crate::store::sqlite::open::statement_error;
use crate::store::sqlite::row::{Reader, part_of, payload};
use crate::store::sqlite::shape::{RawBounds, Section, Shape};
use crate::store::sqlite::walk::Walk;
use crate::store::sqlite::worker::{Halt, Worker};
use crate::store::sqlite::{SqliteStore, choose};
use crate::store::{Explanation, PageFrom, PayloadNeed, StoreError};

/// Events a catalogue learns from.
const LEARN: usize = 200;

/// A sample is to be there at once, even where rows are huge.
const LEARN_FOR: Duration = Duration::from_millis(250);

pub(super) async fn fetch(
    store: &SqliteStore,
    cursor: &Cursor,
    stop: &CancellationToken,
) -> Result<Option<Event>, StoreError> {
    let (shape, cursor) = (Arc::clone(&store.shape), cursor.clone());
    let job = move |connection: &mut Connection, _: &Halt| {
        let sql = shape.one(&cursor);
        let mut statement = connection
            .prepare_cached(&sql.text)
            .map_err(|error| statement_error(&error))?;
        let mut rows = statement
            .query(params_from_iter(sql.values))
            .map_err(|error| statement_error(&error))?;
        let Some(row) = rows.next().map_err(|error| statement_error(&error))? else {
            return Ok(None);
        };
        let event = Reader::default().read(&shape, row, |mut event, record| {
            event.payload = payload(record, PayloadNeed::Whole);
            event
        })?;
        Ok(Some(event))
    };
    store.browse.run(stop, job).await
}

/// Two columns of another table.
pub(super) async fn pairs(
    store: &SqliteStore,
    pairs: Pairs,
    stop: &CancellationToken,
) -> Result<Option<PairRows>, StoreError> {
    let job = move |connection: &mut Connection, _: &Halt| {
        let [one, other] = pairs.columns.map(|column| quoted(&column));
        let table = match pairs.table.split_once('.') {
            Some((schema, name)) => format!("{}.{}", quoted(schema), quoted(name)),
            None => quoted(&pairs.table),
        };
        // With the table's name before it no column can be taken for a text.
        let text = |name: &str| {
            format!(
                "substr(CASE typeof(t.{name}) WHEN 'blob' THEN hex(t.{name}) \
                 ELSE CAST(t.{name} AS TEXT) END, 1, {})",
                LONGEST + 1
            )
        };
        let statement = format!(
            "SELECT {}, {} FROM {table} t WHERE t.{one} IS NOT NULL AND t.{other} IS NOT NULL LIMIT {}",
            text(&one),
            text(&other),
            MOST + 1
        );
        let mut statement = connection
            .prepare(&statement)
            .map_err(|error| statement_error(&error))?;
        let text = |row: &Row<'_>, at| -> rusqlite::Result<String> {
            let bytes = row.get_ref(at)?.as_bytes()?;
            Ok(String::from_utf8_lossy(bytes).into_owned())
        };
        let rows = statement.query_map([], |row| Ok((text(row, 0)?, text(row, 1)?)));
        let rows = rows.and_then(Iterator::collect);
        rows.map(Some).map_err(|error| statement_error(&error))
    };
    store.heavy().await?.run(stop, job).await
}

pub(super) async fn catalog(
    store: &SqliteStore,
    stop: &CancellationToken,
) -> Result<Catalog, StoreError> {
    let mut catalog = Catalog::new(&store.description.name, &store.shape.profile);
    let shape = Arc::clone(&store.shape);
    let job = move |connection: &mut Connection, halt: &Halt| {
        let mut left = LEARN;
        let mut walk = Walk::new(&shape, Arc::new(Predicate::All), &PageFrom::Newest);
        walk.advance(connection, &shape, LEARN_FOR, halt, &mut |event, record| {
            catalog.learn(&event, record);
            left -= 1;
            if left == 0 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })?;
        Ok(catalog)
    };
    store.browse.run(stop, job).await
}

impl SqliteStore {
    /// First and last instant of the dated rows, in the order of the raw column.
    pub(super) async fn span_on(
        &self,
        worker: &Worker,
        stop: &CancellationToken,
    ) -> Result<Option<(Micros, Micros)>, StoreError> {
        let shape = Arc::clone(&self.shape);
        let job = move |connection: &mut Connection, _: &Halt| {
            let first = end_of(connection, &shape, "ASC")?;
            let last = end_of(connection, &shape, "DESC")?;
            Ok(first.zip(last))
        };
        worker.run(stop, job).await
    }
}

/// The outermost raw time that is an instant. A few that look like times and are none are passed
/// over.
fn end_of(connection: &Connection, shape: &Shape, way: &str) -> Result<Option<Micros>, StoreError> {
    let range = shape.section_sql(Section::Dated, &RawBounds::default());
    let (time, table) = (&shape.time, &shape.table);
    let query = format!(
        "SELECT {time} FROM {table} WHERE {} ORDER BY {time} {way}",
        range.text
    );
    let mut statement = connection
        .prepare_cached(&query)
        .map_err(|error| statement_error(&error))?;
    let mut rows = statement
        .query(params_from_iter(range.values))
        .map_err(|error| statement_error(&error))?;
    while let Some(row) = rows.next().map_err(|error| statement_error(&error))? {
        let value = row.get_ref(0).map_err(|error| statement_error(&error))?;
        if let At::Instant(at) = shape.at_of(&part_of(value)) {
            return Ok(Some(at));
        }
    }
    Ok(None)
}

pub(super) async fn explain(
    store: &SqliteStore,
    predicate: &Predicate,
    stop: &CancellationToken,
) -> Result<Explanation, StoreError> {
    let (shape, predicate) = (Arc::clone(&store.shape), Arc::new(predicate.clone()));
    let job = move |connection: &mut Connection, _: &Halt| {
        let walk = Walk::new(&shape, predicate, &PageFrom::Newest);
        let sql = walk.statement(&shape).unwrap_or_default();
        let plan = choose::plan(connection, &sql.text, sql.values.clone())?;
        let indexes = plan.iter().filter_map(|line| index_in(line)).collect();
        let exactness = walk.exactness();
        Ok(Explanation {
            statement: sql.text,
            plan,
            indexes,
            exactness,
        })
    };
    store.browse.run(stop, job).await
}

/// The index a line of a plan names: `SEARCH t USING [COVERING] INDEX name (…)`.
fn index_in(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("INDEX ")?;
    Some(rest.split(" (").next().unwrap_or(rest).to_owned())
}

pub(super) async fn now(
    store: &SqliteStore,
    stop: &CancellationToken,
) -> Result<Micros, StoreError> {
    store
        .browse
        .run(stop, |connection, _| clock(connection))
        .await
}

/// SQLite's clock is the machine's; it knows milliseconds.
pub(super) fn clock(connection: &Connection) -> Result<Micros, StoreError> {
    let query = "SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000";
    let micros: Option<i64> = connection
        .query_row(query, [], |row| row.get(0))
        .optional()
        .map_err(|error| statement_error(&error))?;
    Ok(Micros(micros.unwrap_or_default()))
}
