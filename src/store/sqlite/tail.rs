//! Following a file: when SQLite says that something has changed, the overlap is read again.
//!
//! This waits and tells; `window` reads, and `store::overlap` decides what is new or has changed.

mod window;

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::mpsc::Sender;
use tokio_util::sync::CancellationToken;

use crate::core::instant::{At, Micros};
use crate::store::follow::{self, Outlet};
use crate::store::overlap::{Missed, Overlap};
use crate::store::sqlite::SqliteStore;
use crate::store::sqlite::look::clock;
use crate::store::sqlite::open::{lost, statement_error};
use crate::store::sqlite::shape::Section;
use crate::store::sqlite::tail::window::{Reading, Watch, by_id, undated};
use crate::store::sqlite::walk::{Pause, Walk};
use crate::store::sqlite::worker::{Halt, Worker};
use crate::store::{StoreError, TailItem, TailRequest};

/// Between two looks at the file while it changes.
const BUSY_WAIT: Duration = Duration::from_millis(250);

/// Between two looks when nothing has changed for a while.
const IDLE_WAIT: Duration = Duration::from_secs(1);

/// How long without a change counts as a while.
const IDLE_AFTER: Duration = Duration::from_secs(10);

/// One job's time; nobody else uses this connection, so it only bounds how much a piece holds.
const SLICE: Duration = Duration::from_millis(200);

pub(super) async fn tail(
    store: &SqliteStore,
    request: TailRequest,
    out: Sender<TailItem>,
    stop: &CancellationToken,
) -> Result<(), StoreError> {
    let changes = follow::changing_for(store.shape.profile.changes);
    let watch = Arc::new(Watch {
        shape: Arc::clone(&store.shape),
        predicate: request.predicate,
        need: request.payload,
        overlap: Mutex::new(Overlap::new(request.from, request.resume, changes)),
        told: Mutex::default(),
    });
    let mut follower = Follower {
        store,
        watch,
        outlet: Outlet::new(out, stop),
        stop,
        seen: None,
        file: None,
    };
    let result = follower.follow().await;
    if matches!(result, Err(StoreError::Cancelled)) {
        // A receiver that is gone keeps no place.
        drop(follower.close().await);
    }
    result
}

struct Follower<'a> {
    store: &'a SqliteStore,
    watch: Arc<Watch>,
    outlet: Outlet<'a>,
    stop: &'a CancellationToken,
    /// SQLite's count of other connections' changes at the last poll.
    seen: Option<i64>,
    /// Device and inode of the open file; an open file stays what it was when it is replaced.
    file: Option<(u64, u64)>,
}

impl Follower<'_> {
    async fn follow(&mut self) -> Result<(), StoreError> {
        let mut worker = Worker::spawn("tail", self.store.path.clone()).await?;
        let mut changed = Instant::now();
        let mut attempt = 0;
        loop {
            match self.poll(&worker).await {
                Ok(Polled::Changed) => changed = Instant::now(),
                Ok(Polled::Same) => {}
                Err(StoreError::Lost { message, .. }) => {
                    worker = self.reconnect(&mut attempt, message).await?;
                    continue;
                }
                Err(error) => return Err(error),
            }
            attempt = 0;
            let complete = self.watch.overlap().completeness();
            if let Some(complete) = complete {
                self.outlet.send(TailItem::Complete(complete)).await?;
            }
            self.save_when_due().await?;
            let is_idle = changed.elapsed() >= IDLE_AFTER;
            let wait = if is_idle { IDLE_WAIT } else { BUSY_WAIT };
            self.outlet.sleep(wait).await?;
        }
    }

    /// Sends what is left, and where the tail stands.
    async fn close(&mut self) -> Result<(), StoreError> {
        self.tell().await?;
        self.save().await
    }

    async fn save_when_due(&mut self) -> Result<(), StoreError> {
        if self.outlet.is_due() {
            self.save().await?;
        }
        Ok(())
    }

    async fn save(&mut self) -> Result<(), StoreError> {
        let checkpoint = self.watch.overlap().checkpoint();
        self.outlet.save(checkpoint).await
    }

    /// Opens the file again, as often as it takes.
    async fn reconnect(
        &mut self,
        attempt: &mut u32,
        mut error: String,
    ) -> Result<Worker, StoreError> {
        loop {
            *attempt += 1;
            let wait = follow::wait_before(*attempt);
            let item = TailItem::Reconnecting {
                attempt: *attempt,
                error,
                wait,
            };
            self.outlet.send(item).await?;
            self.outlet.sleep(wait).await?;
            // The new connection counts its changes from elsewhere.
            self.seen = None;
            self.file = None;
            match Worker::spawn("tail", self.store.path.clone()).await {
                Ok(worker) => {
                    self.outlet.send(TailItem::Reconnected).await?;
                    return Ok(worker);
                }
                Err(failure) => error = failure.to_string(),
            }
        }
    }

    async fn poll(&mut self, worker: &Worker) -> Result<Polled, StoreError> {
        let path = self.store.path.clone();
        let (version, now, file) = worker
            .run(self.stop, move |connection, _| look(connection, &path))
            .await?;
        let known = *self.file.get_or_insert(file);
        if known != file {
            return Err(lost("another file has taken its name"));
        }
        let missed = self.watch.overlap().begin(now);
        self.gap(missed).await?;
        let is_same = self.seen == Some(version);
        if !is_same {
            self.undated(worker).await?;
            self.dated(worker).await?;
            self.unsettled(worker).await?;
        }
        let all = self.watch.overlap().finish();
        for missed in all {
            self.gap(Some(missed)).await?;
        }
        self.seen = Some(version);
        Ok(if is_same {
            Polled::Same
        } else {
            Polled::Changed
        })
    }

    async fn gap(&mut self, missed: Option<Missed>) -> Result<(), StoreError> {
        let Some(Missed { from, to, because }) = missed else {
            return Ok(());
        };
        self.outlet.send(TailItem::Gap { from, to, because }).await
    }

    async fn dated(&mut self, worker: &Worker) -> Result<(), StoreError> {
        let low = self.watch.overlap().low();
        let mut walk = Walk::forward(&self.watch.shape, &[Section::Dated], Some(low));
        loop {
            let watch = Arc::clone(&self.watch);
            let job = move |connection: &mut Connection, halt: &Halt| {
                let mut reading = Reading::new(&watch);
                let shape = &watch.shape;
                let pause = walk.advance_rows(connection, shape, SLICE, halt, &mut |row| {
                    reading.take(row)?;
                    Ok(reading.flow())
                })?;
                if let (Some(At::Instant(at)), true) = (walk.looked_to, pause != Pause::End) {
                    watch.overlap().caught_up_to(shape.settled_before(at));
                }
                Ok((walk, pause))
            };
            let (after, pause) = worker.run(self.stop, job).await?;
            walk = after;
            self.tell().await?;
            self.save_when_due().await?;
            if pause == Pause::End {
                return Ok(());
            }
        }
    }

    async fn undated(&mut self, worker: &Worker) -> Result<(), StoreError> {
        let watch = Arc::clone(&self.watch);
        let read = worker.run(self.stop, move |connection, halt| {
            undated(connection, &watch, halt)
        });
        read.await?;
        self.tell().await
    }

    async fn unsettled(&mut self, worker: &Worker) -> Result<(), StoreError> {
        let ids = self.watch.overlap().unsettled();
        if ids.is_empty() {
            return Ok(());
        }
        let watch = Arc::clone(&self.watch);
        let read = worker.run(self.stop, move |connection, _| {
            by_id(connection, &watch, &ids)
        });
        read.await?;
        self.tell().await
    }

    async fn tell(&mut self) -> Result<(), StoreError> {
        let told = std::mem::take(&mut *self.watch.told());
        if told.is_empty() {
            return Ok(());
        }
        self.outlet.send(TailItem::Events(told)).await
    }
}

/// What a poll found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Polled {
    /// Nobody has written since the last one.
    Same,
    /// Somebody has.
    Changed,
}

/// Whether anybody has written, then the time: rows committed before it are in what is read next.
/// And which file bears the name now.
fn look(connection: &Connection, path: &Path) -> Result<(i64, Micros, (u64, u64)), StoreError> {
    let file = fs::metadata(path).map_err(|error| lost(&error.to_string()))?;
    let version = connection
        .query_row("PRAGMA data_version", [], |row| row.get(0))
        .map_err(|error| statement_error(&error))?;
    Ok((version, clock(connection)?, (file.dev(), file.ino())))
}
