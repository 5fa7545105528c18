//! Reading the rows a purge selects, in the order of their key.
//!
//! Each slice is a job and a snapshot of its own: a file without a write-ahead log is closed to
//! writers while somebody reads it. What changes between two slices is noticed when rows are deleted.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::{Connection, params_from_iter};
use tokio::sync::mpsc::Sender;
use tokio_util::sync::CancellationToken;

use crate::core::event::KeyPart;
use crate::core::instant::{At, Micros};
use crate::core::purge::row::{RawRows, RowDigest, RowKey, RowMark, RowVersion};
use crate::store::StoreError;
use crate::store::purger::{Piece, READ_BYTES, ReadEnd, Selection};
use crate::store::sqlite::open::statement_error;
use crate::store::sqlite::purge::model::refused;
use crate::store::sqlite::purge::sheet::Sheets;
use crate::store::sqlite::row::Reader;
use crate::store::sqlite::shape::{Section, Shape, Sql};
use crate::store::sqlite::sql::compile;
use crate::store::sqlite::worker::{Halt, Worker};

/// The longest a slice reads without a pause for writers.
const SLICE: Duration = Duration::from_millis(100);

/// Bytes of a piece.
const PIECE: usize = 1024 * 1024;

/// The rows a server would select, one slice after the other.
#[derive(Clone, Debug)]
pub(super) struct Scan {
    pub(super) shape: Arc<Shape>,
    what: Selection,
    /// The key of the last row looked at.
    after: Option<RowKey>,
}

/// How a slice ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slice {
    /// There may be more.
    Paused,
    /// It looked at the last row.
    End,
}

impl Scan {
    pub(super) fn new(shape: Arc<Shape>, what: &Selection, after: Option<RowKey>) -> Self {
        Self {
            shape,
            what: what.clone(),
            after,
        }
    }

    fn statement(&self) -> Sql {
        let shape = &*self.shape;
        let mut sql = Sql::plain(format!(
            "SELECT TRUE, {} FROM {} WHERE ",
            shape.select(),
            shape.table
        ));
        let bounds = shape.bounds(None, Some(self.what.cutoff));
        sql.push(shape.section_sql(Section::Dated, &bounds));
        if let Some(near) = shape.near_sql(None, Some(self.what.cutoff)) {
            sql.push(Sql::plain(" AND "));
            sql.push(near);
        }
        sql.push(Sql::plain(" AND "));
        sql.push(compile(shape, &self.what.predicate).0);
        if let Some(after) = &self.after {
            sql.push(Sql::plain(" AND "));
            sql.push(Shape::beyond(&shape.sort, '>', &after.0));
        }
        sql.push(Sql::plain(format!(" ORDER BY {}", shape.sort.join(", "))));
        sql
    }

    /// Looks at rows until the time is up or `visit` has had enough of them.
    pub(super) fn slice(
        &mut self,
        connection: &Connection,
        halt: &Halt,
        visit: &mut dyn FnMut(&rusqlite::Row<'_>, Selected<'_>) -> Result<Appetite, StoreError>,
    ) -> Result<Slice, StoreError> {
        let began = Instant::now();
        let fail = |error: rusqlite::Error| statement_error(&error);
        let sql = self.statement();
        let shape = Arc::clone(&self.shape);
        let mut statement = connection.prepare_cached(&sql.text).map_err(fail)?;
        let mut rows = statement
            .query(params_from_iter(sql.values))
            .map_err(fail)?;
        let mut reader = Reader::default();
        while let Some(row) = rows.next().map_err(fail)? {
            if halt.is_asked() {
                return Err(StoreError::Cancelled);
            }
            let what = &self.what;
            let (at, key, is_selected, text) = reader.read(&shape, row, |event, record| {
                let is_before = matches!(event.at(), At::Instant(at) if at < what.cutoff);
                let is_selected = is_before && what.predicate.matches(&event, record);
                let text = is_selected.then(|| record.text().to_owned());
                (event.at(), RowKey(event.cursor.key), is_selected, text)
            })?;
            check_key(&key)?;
            let mut appetite = Appetite::More;
            if let (true, At::Instant(at), Some(record)) = (is_selected, at, &text) {
                let key = &key;
                appetite = visit(row, Selected { at, key, record })?;
            }
            self.after = Some(key);
            if appetite == Appetite::Enough || began.elapsed() > SLICE {
                return Ok(Slice::Paused);
            }
        }
        Ok(Slice::End)
    }
}

/// A selected row.
pub(super) struct Selected<'s> {
    pub(super) at: Micros,
    pub(super) key: &'s RowKey,
    /// Its JSON text.
    pub(super) record: &'s str,
}

/// Whether a visitor wants more rows in this slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Appetite {
    More,
    Enough,
}

/// Keys that cannot be put in order, or not found again.
fn check_key(key: &RowKey) -> Result<(), StoreError> {
    let is_odd = |part: &KeyPart| match part {
        KeyPart::Null => true,
        KeyPart::Number(number) => !number.parse::<f64>().is_ok_and(f64::is_finite),
        _ => false,
    };
    if key.0.iter().any(is_odd) {
        return Err(refused(
            "a row has a key that is NULL or infinite, so it cannot be told apart".to_owned(),
            "give it another key first",
        ));
    }
    Ok(())
}

/// A mark of a rendered row.
fn mark(
    key: RowKey,
    bytes: &[u8],
    at: Micros,
    parent: Option<RowKey>,
) -> Result<RowMark, StoreError> {
    /// As many bytes as SQLite takes for a statement.
    const LONGEST: usize = 1_000_000_000;
    let length = u32::try_from(bytes.len())
        .ok()
        .filter(|_| bytes.len() <= LONGEST)
        .ok_or_else(|| {
            refused(
                "a row is too large to be written as a statement SQLite reads".to_owned(),
                "keep it with --keep",
            )
        })?;
    Ok(RowMark {
        key,
        version: RowVersion::default(),
        digest: RowDigest::of(bytes),
        at: At::Instant(at),
        length,
        parent,
    })
}

fn append(rows: &mut RawRows, mark: RowMark, bytes: &[u8]) {
    rows.payload.extend_from_slice(bytes);
    rows.marks.push(mark);
}

/// A piece, and where the scan stands after it.
fn piece(
    connection: &mut Connection,
    halt: &Halt,
    mut scan: Scan,
    sheets: &Sheets,
    most: usize,
) -> Result<(Piece, Scan, Slice), StoreError> {
    // Parents and children of one moment.
    let snapshot = connection
        .transaction()
        .map_err(|error| statement_error(&error))?;
    let mut piece = Piece {
        rows: vec![RawRows::default(); sheets.0.len()],
        times: Vec::new(),
    };
    let (shape, mut size) = (Arc::clone(&scan.shape), 0);
    let first = 2 + shape.sort.len();
    // The archived columns are the record's without generated ones.
    let places: Vec<usize> = sheets.0[0]
        .columns
        .iter()
        .filter_map(|name| {
            let is_it = |column: &crate::core::record::Column| {
                crate::store::sqlite::shape::quoted(&column.name) == *name
            };
            Some(first + shape.columns.iter().position(is_it)?)
        })
        .collect();
    let mut bytes = Vec::new();
    let end = scan.slice(&snapshot, halt, &mut |row, selected| {
        let fail = |error: rusqlite::Error| statement_error(&error);
        bytes.clear();
        sheets.0[0]
            .render_at(row, &places, &mut bytes)
            .map_err(fail)?;
        size += bytes.len();
        let own = mark(selected.key.clone(), &bytes, selected.at, None)?;
        append(&mut piece.rows[0], own, &bytes);
        for relation in 1..sheets.0.len() {
            let related = sheets
                .rows(&snapshot, relation, selected.key)
                .map_err(fail)?;
            for found in related {
                size += found.bytes.len();
                let parent = Some(selected.key.clone());
                let mark = mark(found.key, &found.bytes, selected.at, parent)?;
                append(&mut piece.rows[relation], mark, &found.bytes);
            }
        }
        let is_enough = size >= PIECE || piece.rows[0].marks.len() >= most;
        Ok(if is_enough {
            Appetite::Enough
        } else {
            Appetite::More
        })
    })?;
    drop(snapshot);
    Ok((piece, scan, end))
}

/// Reads pieces into `out` until a limit is reached or there is nothing more.
pub(super) async fn read(
    worker: &Worker,
    mut scan: Scan,
    sheets: Sheets,
    limit: usize,
    out: Sender<Piece>,
    stop: &CancellationToken,
) -> Result<ReadEnd, StoreError> {
    let sheets = Arc::new(sheets);
    let (mut left, mut bytes) = (limit, 0);
    loop {
        if left == 0 || bytes >= READ_BYTES {
            return Ok(ReadEnd::Limit);
        }
        let (sheets, most) = (Arc::clone(&sheets), left);
        let (found, after, end) = worker
            .run(stop, move |connection, halt| {
                piece(connection, halt, scan, &sheets, most)
            })
            .await?;
        scan = after;
        let rows = found.rows[0].marks.len();
        left = left.saturating_sub(rows);
        bytes += found
            .rows
            .iter()
            .map(|rows| rows.payload.len())
            .sum::<usize>();
        if rows > 0 {
            tokio::select! {
                sent = out.send(found) => sent.map_err(|_| StoreError::Cancelled)?,
                () = stop.cancelled() => return Err(StoreError::Cancelled),
            }
        }
        if end == Slice::End {
            return Ok(ReadEnd::Exhausted);
        }
    }
}

/// The number of selected rows.
pub(super) async fn count(
    worker: &Worker,
    mut scan: Scan,
    stop: &CancellationToken,
) -> Result<u64, StoreError> {
    let mut count = 0;
    loop {
        let (more, after, end) = worker
            .run(stop, move |connection, halt| {
                let mut more = 0_u64;
                let end = scan.slice(connection, halt, &mut |_, _| {
                    more += 1;
                    Ok(Appetite::More)
                })?;
                Ok((more, scan, end))
            })
            .await?;
        count += more;
        scan = after;
        if end == Slice::End {
            return Ok(count);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::core::query::predicate::Predicate;
    use crate::store::connect::OpenOptions;
    use crate::store::sqlite::choose;
    use crate::store::sqlite::purge::model::Model;

    /// Whatever indexes there are: a slice that sorted its rows would read all of them each time.
    #[test]
    fn no_slice_sorts_the_table() {
        for (key, constraint, parts) in [
            ("id INTEGER PRIMARY KEY", ")", 1),
            ("id TEXT PRIMARY KEY", ")", 1),
            ("id TEXT", ", PRIMARY KEY (id, sent)) WITHOUT ROWID", 2),
        ] {
            let dir = tempfile::tempdir().expect("a directory");
            let path = dir.path().join("t.db");
            let schema = format!(
                "CREATE TABLE audit_events ({key}, occurred_at TIMESTAMPTZ, details JSONB, sent BOOLEAN{constraint};
                 CREATE INDEX by_time ON audit_events (occurred_at);
                 WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
                 INSERT INTO audit_events SELECT i, '2026-01-01T00:00:00Z', '{{}}', 1 FROM n;
                 ANALYZE;"
            );
            let file = Connection::open(&path).expect("a file");
            file.execute_batch(&schema).expect("a table");
            let reader =
                crate::store::sqlite::open::connection(Path::new(&path)).expect("a reader");
            let model = Model::find(&reader, &path, &OpenOptions::default()).expect("a model");
            let what = Selection {
                cutoff: Micros(1_780_000_000_000_000),
                predicate: Arc::new(Predicate::All),
            };
            let after = Some(RowKey(vec![KeyPart::Int(0); parts]));
            for after in [None, after] {
                let scan = Scan::new(Arc::new(model.shape.clone()), &what, after);
                let sql = scan.statement();
                let plan = choose::plan(&reader, &sql.text, sql.values).expect("a plan");
                assert!(
                    !plan.iter().any(|line| line.contains("TEMP B-TREE")),
                    "{plan:?}"
                );
                if scan.after.is_some() {
                    assert!(
                        plan.iter().any(|line| line.starts_with("SEARCH")),
                        "{plan:?}"
                    );
                }
            }
        }
    }
}
