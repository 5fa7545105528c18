//! The connections that may change a file, each on a thread of its own: one to delete archived rows,
//! one to put them back.
//!
//! What they do in a transaction is `delete` and `restore`.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use tokio_util::sync::CancellationToken;

use crate::core::purge::decode::insert::form;
use crate::core::purge::plan::{Plan, Relation};
use crate::core::purge::row::RowMark;
use crate::core::sanitise::safe;
use crate::store::connect::OpenOptions;
use crate::store::purger::{Batch, Deleter, Left, Pressure, Restored, Restorer, Settled, Staged};
use crate::store::sqlite::open::{self, shown, statement_error};
use crate::store::sqlite::purge::delete::{self, Deletion, Work};
use crate::store::sqlite::purge::lock::PurgeLock;
use crate::store::sqlite::purge::model::{Minds, Model, refused};
use crate::store::sqlite::purge::restore::{self, Target};
use crate::store::sqlite::purge::sheet::Sheets;
use crate::store::sqlite::purge::table;
use crate::store::sqlite::worker::{Halt, Worker};
use crate::store::{BoxFuture, StoreError};

/// How long a transaction waits for others before it is tried again.
const BUSY: Duration = Duration::from_secs(2);

/// A connection that may change the file.
fn connection(path: &Path) -> Result<Connection, StoreError> {
    // The one for reading says in a sentence what is wrong with a file.
    drop(open::connection(path)?);
    let fail = |error: rusqlite::Error| statement_error(&error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(fail)?;
    // SQLite opens what it may not write for reading, and does not say so.
    if connection.is_readonly("main").map_err(fail)? {
        return Err(refused(
            format!("{} cannot be written to", shown(path)),
            "run it as a user who may write to the file and its directory",
        ));
    }
    connection.busy_timeout(BUSY).map_err(fail)?;
    connection
        .execute_batch(
            "PRAGMA foreign_keys=1; PRAGMA synchronous=FULL; PRAGMA trusted_schema=0; \
             PRAGMA cell_size_check=1; PRAGMA temp_store=FILE;",
        )
        .map_err(fail)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

fn schema_version(connection: &Connection) -> Result<i64, StoreError> {
    connection
        .query_row("PRAGMA main.schema_version", [], |row| row.get(0))
        .map_err(|error| statement_error(&error))
}

/// Which file it is now, by device and inode.
fn place_of(path: &Path) -> Option<(u64, u64)> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

/// What is the same for every batch.
#[derive(Debug)]
struct Terms {
    path: PathBuf,
    place: Option<(u64, u64)>,
    schema: i64,
    sheets: Sheets,
    minds: Minds,
}

impl Terms {
    /// Inside a transaction: nobody can change it any more before the end.
    fn check(&self, connection: &Connection) -> Result<(), StoreError> {
        if place_of(&self.path) != self.place {
            return Err(refused(
                format!("{} is another file than before", shown(&self.path)),
                "somebody has replaced it; make a new plan",
            ));
        }
        if schema_version(connection)? != self.schema {
            return Err(refused(
                format!("the schema of {} has changed", shown(&self.path)),
                "run it again: the tables are compared with the plan first",
            ));
        }
        Ok(())
    }
}

/// Opens the file to delete from it.
pub(super) async fn deleter(
    path: &Path,
    options: &OpenOptions,
    plan: &Plan,
    stop: &CancellationToken,
) -> Result<SqliteDeleter, StoreError> {
    let lock = PurgeLock::take(path)?;
    let file = path.to_owned();
    let worker = Worker::with("delete", move || connection(&file)).await?;
    let (path, options, plan) = (path.to_owned(), options.clone(), plan.clone());
    let terms = worker
        .run(stop, move |connection, _| {
            let model = Model::of_plan(connection, &path, &options, &plan)?;
            Ok(Terms {
                place: place_of(&path),
                schema: schema_version(connection)?,
                sheets: Sheets::new(&model.relations),
                minds: model.minds,
                path,
            })
        })
        .await?;
    Ok(SqliteDeleter {
        worker,
        terms: Arc::new(terms),
        _lock: lock,
    })
}

/// Deletes from a file nobody else purges.
#[derive(Debug)]
pub(super) struct SqliteDeleter {
    worker: Worker,
    terms: Arc<Terms>,
    _lock: PurgeLock,
}

/// Deletes in a transaction that is left open; `None` when nobody would let go of the file.
fn stage(
    connection: &Connection,
    terms: &Terms,
    batch: &Batch,
    halt: &Halt,
) -> Result<Option<Work>, StoreError> {
    if !delete::begin(connection, halt)? {
        return Ok(None);
    }
    let work = terms
        .check(connection)
        .and_then(|()| Deletion::new(connection, &terms.sheets, batch, terms.minds)?.run(halt));
    if work.is_err() {
        delete::roll_back(connection)?;
    }
    work.map(Some)
}

impl SqliteDeleter {
    /// Asks something about a batch.
    async fn ask<T: Send + 'static>(
        &self,
        batch: &Batch,
        stop: &CancellationToken,
        question: impl FnOnce(&Connection, &Terms, &Batch, &Halt) -> Result<T, StoreError>
        + Send
        + 'static,
    ) -> Result<T, StoreError> {
        let (terms, batch) = (Arc::clone(&self.terms), batch.clone());
        self.worker
            .run(stop, move |connection, halt| {
                question(connection, &terms, &batch, halt)
            })
            .await
    }
}

impl Deleter for SqliteDeleter {
    fn stage<'a>(
        &'a mut self,
        batch: &'a Batch,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Box<dyn Staged + 'a>, StoreError>> {
        Box::pin(async move {
            let events = batch.rows.first().map_or(0, |rows| rows.marks.len());
            let work = self.ask(batch, stop, stage).await?;
            let state = work.as_ref().map_or(State::Nothing, |_| State::Open);
            let work = work.unwrap_or_else(|| Work {
                deleted: vec![0; self.terms.sheets.0.len()],
                left: (0..events).map(|place| (place, Left::Locked)).collect(),
            });
            let left = work.left.iter().filter_map(|(place, why)| {
                let mark = batch.rows.first()?.marks.get(*place)?;
                Some((mark.clone(), *why))
            });
            Ok(Box::new(SqliteStaged {
                worker: &self.worker,
                name: work.name(),
                left: left.collect(),
                deleted: work.deleted,
                state,
            }) as Box<dyn Staged + 'a>)
        })
    }

    fn settle<'a>(
        &'a mut self,
        transaction: &'a str,
        batch: &'a Batch,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Settled, StoreError>> {
        let name = transaction.to_owned();
        Box::pin(self.ask(batch, stop, move |connection, terms, batch, _| {
            delete::settle(connection, &terms.sheets, &name, batch)
        }))
    }

    fn present<'a>(
        &'a mut self,
        batch: &'a Batch,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<u64, StoreError>> {
        Box::pin(self.ask(batch, stop, |connection, terms, batch, _| {
            delete::present(connection, &terms.sheets, batch)
        }))
    }

    fn pressure<'a>(
        &'a mut self,
        _: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Pressure, StoreError>> {
        Box::pin(async {
            Ok(Pressure {
                unseen: vec!["programs that wait for the file".to_owned()],
                ..Pressure::default()
            })
        })
    }
}

/// Whether a staged transaction still waits for its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The file was locked: none was begun.
    Nothing,
    Open,
    Ended,
}

/// An open transaction.
struct SqliteStaged<'d> {
    worker: &'d Worker,
    name: String,
    deleted: Vec<u64>,
    left: Vec<(RowMark, Left)>,
    state: State,
}

impl SqliteStaged<'_> {
    async fn end(
        &mut self,
        how: impl FnOnce(&Connection) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<(), StoreError> {
        self.state = State::Ended;
        // Once begun it is not stopped: it would not be known how it ended.
        let job = move |connection: &mut Connection, _: &Halt| how(connection);
        self.worker.run(&CancellationToken::new(), job).await
    }
}

impl Staged for SqliteStaged<'_> {
    fn transaction(&self) -> &str {
        &self.name
    }

    fn deleted(&self) -> &[u64] {
        &self.deleted
    }

    fn left(&self) -> &[(RowMark, Left)] {
        &self.left
    }

    fn commit<'a>(mut self: Box<Self>) -> BoxFuture<'a, Result<(), StoreError>>
    where
        Self: 'a,
    {
        Box::pin(async move {
            if self.state == State::Nothing {
                return Ok(());
            }
            self.end(delete::commit).await
        })
    }

    fn rollback<'a>(mut self: Box<Self>) -> BoxFuture<'a, Result<(), StoreError>>
    where
        Self: 'a,
    {
        Box::pin(async move { self.end(delete::roll_back).await })
    }
}

impl Drop for SqliteStaged<'_> {
    fn drop(&mut self) {
        if self.state == State::Open {
            // Writers wait for it; should this not get through, the next batch begins with it.
            self.worker.post(|connection| {
                let _ = delete::roll_back(connection);
            });
        }
    }
}

/// Opens the file to put rows back into it.
pub(super) async fn restorer(
    path: &Path,
    options: &OpenOptions,
    plan: &Plan,
    stop: &CancellationToken,
) -> Result<SqliteRestorer, StoreError> {
    let file = path.to_owned();
    let worker = Worker::with("restore", move || connection(&file)).await?;
    let (planned, table) = (plan.relations.clone(), options.table.clone());
    let target = worker
        .run(stop, move |connection, _| {
            target(connection, &planned, table.as_deref())
        })
        .await?;
    Ok(SqliteRestorer {
        worker,
        target: Arc::new(target),
    })
}

/// The tables that rows go into: those of the plan, the first by another name where one was given.
fn target(
    connection: &Connection,
    planned: &[Relation],
    table: Option<&str>,
) -> Result<Target, StoreError> {
    let mut relations = planned.to_vec();
    for (place, relation) in relations.iter_mut().enumerate() {
        if let (0, Some(table)) = (place, table) {
            table
                .strip_prefix("main.")
                .unwrap_or(table)
                .clone_into(&mut relation.name);
        }
        let found = table::relation(connection, &relation.name).map_err(StoreError::from)?;
        let has = |name: &String| found.columns.iter().any(|column| column.name == *name);
        let missing = relation.columns.iter().find(|column| !has(&column.name));
        if let Some(column) = missing {
            return Err(refused(
                format!("{} has no column {}", safe(&found.name), safe(&column.name)),
                "restore into a table like the one the rows came from; the archive's README.txt makes one",
            ));
        }
        if found.key != relation.key {
            return Err(refused(
                format!(
                    "{} has another key than the rows' own table",
                    safe(&found.name)
                ),
                "restore into a table like the one the rows came from; the archive's README.txt makes one",
            ));
        }
        relation.name = found.name;
    }
    restore::make_staging(connection, &relations).map_err(|error| statement_error(&error))?;
    Ok(Target {
        sheets: Sheets::new(&relations),
        forms: planned.iter().map(form).collect(),
    })
}

/// Restores into a file of its own that is gone afterwards.
pub(super) async fn drill(
    plan: &Plan,
    stop: &CancellationToken,
) -> Result<SqliteRestorer, StoreError> {
    // A file without a name is private, on disk, and removed by SQLite.
    let scratch = || Connection::open("").map_err(|error| statement_error(&error));
    let worker = Worker::with("drill", scratch).await?;
    let planned = plan.relations.clone();
    let target = worker
        .run(stop, move |connection, _| {
            // The tables that the rows refer to are not here.
            connection
                .execute_batch("PRAGMA foreign_keys=0;")
                .map_err(|error| statement_error(&error))?;
            restore::make_tables(connection, &planned)?;
            target(connection, &planned, None)
        })
        .await?;
    Ok(SqliteRestorer {
        worker,
        target: Arc::new(target),
    })
}

/// Puts rows back.
#[derive(Debug)]
pub(super) struct SqliteRestorer {
    worker: Worker,
    target: Arc<Target>,
}

impl Restorer for SqliteRestorer {
    fn restore<'a>(
        &'a mut self,
        batch: &'a Batch,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Restored, StoreError>> {
        let (target, batch) = (Arc::clone(&self.target), batch.clone());
        let job = move |connection: &mut Connection, halt: &Halt| {
            restore::restore(connection, &target, &batch, halt)
        };
        Box::pin(self.worker.run(stop, job))
    }

    fn finish<'a>(
        self: Box<Self>,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<(), StoreError>>
    where
        Self: 'a,
    {
        Box::pin(async move {
            let relations = self.target.forms.len();
            self.worker
                .run(stop, move |connection, _| {
                    restore::drop_staging(connection, relations)
                })
                .await
        })
    }
}
