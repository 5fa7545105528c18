//! The demo's own store: a private SQLite file in the form of Clutch's table, or of the one DronaHQ's
//! logger fills, and the thread that goes on writing to it as the running product would.
//!
//! The only code here that writes, and only to files it made itself. What is written is made up by
//! `crate::demo`.

use std::collections::HashMap;
use std::fs::{self, OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fastrand::Rng;
use rusqlite::{Connection, Statement, params};
use tempfile::TempDir;

use crate::core::instant::Micros;
use crate::demo::dronahq::{self, Record};
use crate::demo::{DemoAction, DemoRow, Live, Ticket};
use crate::store::StoreError;
use crate::store::sqlite::open::{shown, statement_error};

/// A row of a product's table.
pub trait ProductRow: Send {
    /// The file's name in its directory.
    const FILE: &'static str;
    /// The table, with the product's names of the types: they are what its profile looks for.
    const TABLE: &'static str;
    /// Built when the rows are there, which is faster than row by row.
    const INDEXES: &'static str;
    /// Puts one row in.
    const INSERT: &'static str;

    /// Runs [`ProductRow::INSERT`].
    fn insert(&self, statement: &mut Statement<'_>) -> rusqlite::Result<usize>;
}

impl ProductRow for DemoRow {
    const FILE: &'static str = "audit.db";
    const TABLE: &'static str = "CREATE TABLE audit_events (
    id INTEGER PRIMARY KEY,
    occurred_at TIMESTAMPTZ,
    details JSONB,
    sent BOOLEAN DEFAULT FALSE
);";
    const INDEXES: &'static str = "CREATE INDEX sort_audit_events ON audit_events (occurred_at);
CREATE INDEX sent_audit_events ON audit_events (sent) WHERE sent = FALSE;";
    const INSERT: &'static str =
        "INSERT INTO audit_events (occurred_at, details, sent) VALUES (?, ?, ?)";

    fn insert(&self, statement: &mut Statement<'_>) -> rusqlite::Result<usize> {
        statement.execute(params![
            self.occurred_at.to_string(),
            self.details,
            self.sent
        ])
    }
}

impl ProductRow for Record {
    const FILE: &'static str = "dronahq.db";
    const TABLE: &'static str = "CREATE TABLE dhq_audit_log (
    id INTEGER PRIMARY KEY,
    level VARCHAR(16) NOT NULL,
    message TEXT NOT NULL,
    meta JSON,
    timestamp TIMESTAMPTZ NOT NULL
);";
    const INDEXES: &'static str = "CREATE INDEX timestamp_1 ON dhq_audit_log (timestamp);";
    const INSERT: &'static str =
        "INSERT INTO dhq_audit_log (level, message, meta, timestamp) VALUES (?, ?, ?, ?)";

    fn insert(&self, statement: &mut Statement<'_>) -> rusqlite::Result<usize> {
        statement.execute(params![
            self.level,
            self.message,
            self.meta_json(),
            self.logged_at().to_string()
        ])
    }
}

/// SQLite's mark for files of one application: a kept file is only written to when it bears it.
const MARK: i32 = 0x4155_444d;

/// Rows handed from the thread that makes them up to the one that writes them.
const BATCH: usize = 500;

/// Batches that may wait between the two.
const BATCHES: usize = 8;

/// The longest sleep of the writer, so that it never lies idle for the sake of a clock that jumped.
const NAP: Duration = Duration::from_secs(1);

/// Where the demo's file lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a directory of its own that is removed at the end.
    Temporary,
    /// In this directory, for good.
    Kept(PathBuf),
}

/// A demo store; a temporary one is removed when this is dropped.
#[derive(Debug)]
pub struct DemoFile {
    path: PathBuf,
    rows: Option<u64>,
    _directory: Option<TempDir>,
}

impl DemoFile {
    /// Makes the file and fills it, all or nothing. Blocks; a kept file of a former run is taken as
    /// it is.
    pub fn create<R: ProductRow>(
        place: &Place,
        rows: impl Iterator<Item = R> + Send,
    ) -> Result<Self, StoreError> {
        let (parent, directory) = match place {
            Place::Temporary => {
                let directory = tempfile::Builder::new()
                    .prefix("auditail-demo-")
                    .permissions(Permissions::from_mode(0o700))
                    .tempdir()
                    .map_err(|error| cannot("make a temporary directory", &error.to_string()))?;
                (directory.path().to_owned(), Some(directory))
            }
            Place::Kept(parent) => {
                fs::create_dir_all(parent).map_err(|error| {
                    cannot(&format!("make {}", shown(parent)), &error.to_string())
                })?;
                (parent.clone(), None)
            }
        };
        let path = parent.join(R::FILE);
        if path.exists() {
            check_mark(&path)?;
            return Ok(Self {
                path,
                rows: None,
                _directory: directory,
            });
        }
        // Under another name until it is whole: what a crash leaves is never taken for a store.
        let partial = parent.join(format!("{}.partial", R::FILE));
        let rows = fill(&partial, rows)?;
        fs::rename(&partial, &path)
            .map_err(|error| cannot(&format!("name {}", shown(&path)), &error.to_string()))?;
        Ok(Self {
            path,
            rows: Some(rows),
            _directory: directory,
        })
    }

    /// The file, to be opened like any other.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many rows were written; `None` when the file was there already.
    pub fn rows(&self) -> Option<u64> {
        self.rows
    }
}

fn cannot(what: &str, why: &str) -> StoreError {
    StoreError::Failed {
        message: format!("cannot {what} for the demo: {why}"),
        hint: None,
    }
}

fn check_mark(path: &Path) -> Result<(), StoreError> {
    let mark = Connection::open(path)
        .and_then(|file| file.query_row("PRAGMA application_id", [], |row| row.get::<_, i32>(0)));
    if matches!(mark, Ok(MARK)) {
        return Ok(());
    }
    Err(StoreError::Refused {
        message: format!("{} is there and not the demo's", shown(path)),
        hint: Some("give --keep another directory".to_owned()),
    })
}

fn fill<R: ProductRow>(
    path: &Path,
    rows: impl Iterator<Item = R> + Send,
) -> Result<u64, StoreError> {
    let create = || {
        // SQLite gives its -wal and -shm the permissions of the file.
        let mut options = OpenOptions::new();
        options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)
    };
    create().map_err(|error| cannot(&format!("create {}", shown(path)), &error.to_string()))?;
    thread::scope(|scope| {
        let (sender, batches) = sync_channel(BATCHES);
        scope.spawn(move || make_up(rows, &sender));
        write(path, &batches)
    })
    .map_err(|error| statement_error(&error))
}

/// Making rows up costs about as much as writing them, so it has a thread of its own.
fn make_up<R>(rows: impl Iterator<Item = R>, sender: &SyncSender<Vec<R>>) {
    let mut batch = Vec::with_capacity(BATCH);
    for row in rows {
        batch.push(row);
        if batch.len() == BATCH
            && sender
                .send(std::mem::replace(&mut batch, Vec::with_capacity(BATCH)))
                .is_err()
        {
            return;
        }
    }
    // The writer is gone only when it has failed, and it tells of that itself.
    let _ = sender.send(batch);
}

fn write<R: ProductRow>(path: &Path, batches: &Receiver<Vec<R>>) -> rusqlite::Result<u64> {
    let mut file = Connection::open(path)?;
    // A file that is thrown away when anything goes wrong needs no journal.
    file.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")?;
    file.pragma_update(None, "application_id", MARK)?;
    let transaction = file.transaction()?;
    transaction.execute_batch(R::TABLE)?;
    let mut written = 0;
    {
        let mut insert = transaction.prepare(R::INSERT)?;
        while let Ok(batch) = batches.recv() {
            for row in &batch {
                row.insert(&mut insert)?;
            }
            written += batch.len() as u64;
        }
    }
    transaction.execute_batch(R::INDEXES)?;
    transaction.commit()?;
    file.execute_batch("PRAGMA journal_mode = WAL;")?;
    Ok(written)
}

/// What goes on while somebody watches.
#[derive(Debug)]
pub enum Script {
    /// A running Clutch: inserts and updates.
    Clutch(Live),
    /// A running DronaHQ, which only inserts.
    DronaHq(Live, Rng),
}

impl Script {
    fn live(&self) -> &Live {
        match self {
            Self::Clutch(live) | Self::DronaHq(live, _) => live,
        }
    }

    /// Writes what is due at `now`.
    fn write(
        &mut self,
        file: &mut Connection,
        ids: &mut HashMap<Ticket, i64>,
        now: Micros,
    ) -> rusqlite::Result<()> {
        match self {
            Self::Clutch(live) => {
                let actions = live.take(now);
                if actions.is_empty() {
                    return Ok(());
                }
                let transaction = file.transaction()?;
                for action in actions {
                    act(&transaction, ids, action)?;
                }
                transaction.commit()
            }
            Self::DronaHq(live, rng) => {
                for record in dronahq::live(live, rng, now) {
                    record.insert(&mut *file.prepare_cached(Record::INSERT)?)?;
                }
                Ok(())
            }
        }
    }
}

/// A running product: writes as it falls due, until it is dropped.
#[derive(Debug)]
pub struct LiveWriter {
    leash: Option<SyncSender<()>>,
    thread: Option<JoinHandle<Result<(), StoreError>>>,
}

impl LiveWriter {
    /// Starts writing on a thread of its own.
    pub fn start(file: &DemoFile, script: Script) -> Result<Self, StoreError> {
        let (leash, held) = sync_channel(0);
        let path = file.path.clone();
        let thread = thread::Builder::new()
            .name("demo-writer".to_owned())
            .spawn(move || go_on(&path, script, &held))
            .map_err(|error| cannot("start the writer", &error.to_string()))?;
        Ok(Self {
            leash: Some(leash),
            thread: Some(thread),
        })
    }

    /// Whether it has ended by itself.
    pub fn is_over(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Stops it, and says what went wrong if it had ended by itself.
    pub fn stop(mut self) -> Result<(), StoreError> {
        self.end()
    }

    fn end(&mut self) -> Result<(), StoreError> {
        drop(self.leash.take());
        let Some(thread) = self.thread.take() else {
            return Ok(());
        };
        thread
            .join()
            .unwrap_or_else(|_| Err(cannot("go on writing", "its thread has panicked")))
    }
}

impl Drop for LiveWriter {
    fn drop(&mut self) {
        // Its directory may go next; nothing can be told from here.
        let _ = self.end();
    }
}

fn go_on(path: &Path, mut script: Script, held: &Receiver<()>) -> Result<(), StoreError> {
    let fail = |error: rusqlite::Error| statement_error(&error);
    let mut file = Connection::open(path).map_err(fail)?;
    file.busy_timeout(Duration::from_secs(5)).map_err(fail)?;
    file.execute_batch("PRAGMA synchronous = NORMAL;")
        .map_err(fail)?;
    let mut ids = HashMap::new();
    loop {
        script.write(&mut file, &mut ids, clock()).map_err(fail)?;
        let micros = script.live().due().0.saturating_sub(clock().0);
        let wait = Duration::from_micros(u64::try_from(micros).unwrap_or_default()).min(NAP);
        match held.recv_timeout(wait) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
    }
}

fn act(
    file: &Connection,
    ids: &mut HashMap<Ticket, i64>,
    action: DemoAction,
) -> rusqlite::Result<()> {
    match action {
        DemoAction::Insert { ticket, row } => {
            row.insert(&mut *file.prepare_cached(DemoRow::INSERT)?)?;
            ids.insert(ticket, file.last_insert_rowid());
        }
        DemoAction::Update {
            ticket, details, ..
        } => {
            if let Some(id) = ids.get(&ticket) {
                file.prepare_cached("UPDATE audit_events SET details = ? WHERE id = ?")?
                    .execute(params![details, id])?;
            }
        }
        DemoAction::Sent { ticket } => {
            if let Some(id) = ids.remove(&ticket) {
                file.prepare_cached("UPDATE audit_events SET sent = TRUE WHERE id = ?")?
                    .execute([id])?;
            }
        }
    }
    Ok(())
}

fn clock() -> Micros {
    // Before 1970 nothing is due.
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
