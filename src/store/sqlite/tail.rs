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
use crate::core::profile::Changes;
use crate::store::overlap::{Missed, Overlap};
use crate::store::sqlite::SqliteStore;
use crate::store::sqlite::look::clock;
use crate::store::sqlite::open::{lost, statement_error};
use crate::store::sqlite::page::send;
use crate::store::sqlite::shape::Section;
use crate::store::sqlite::tail::window::{Reading, Watch, by_id, undated};
use crate::store::sqlite::walk::{Pause, Walk};
use crate::store::sqlite::worker::{Halt, Worker};
use crate::store::{StoreError, TailEvent, TailItem, TailRequest};

/// Between two looks at the file while it changes.
const BUSY_WAIT: Duration = Duration::from_millis(250);

/// Between two looks when nothing has changed for a while.
const IDLE_WAIT: Duration = Duration::from_secs(1);

/// How long without a change counts as a while.
const IDLE_AFTER: Duration = Duration::from_secs(10);

/// Between two checkpoints.
const CHECKPOINT: Duration = Duration::from_secs(1);

/// One job's time; nobody else uses this connection, so it only bounds how much a piece holds.
const SLICE: Duration = Duration::from_millis(200);

/// The longest wait between two attempts to read a file that cannot be read.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

pub(super) async fn tail(
    store: &SqliteStore,
    request: TailRequest,
    out: Sender<TailItem>,
    stop: &CancellationToken,
) -> Result<(), StoreError> {
    let changes = match store.shape.profile.changes {
        Changes::Never => Duration::ZERO,
        Changes::Within(seconds) => Duration::from_secs(seconds.into()),
    };
    let watch = Arc::new(Watch {
        shape: Arc::clone(&store.shape),
        predicate: request.predicate,
        need: request.payload,
        overlap: Mutex::new(Overlap::new(request.from, request.resume, changes)),
    });
    let mut follower = Follower {
        store,
        watch,
        out,
        stop,
        seen: None,
        at_rest: false,
        file: None,
    };
    let result = follower.follow().await;
    // Only a tail that has ended between two polls knows exactly what was sent.
    if follower.at_rest && matches!(result, Err(StoreError::Cancelled)) {
        let checkpoint = follower.watch.overlap().checkpoint();
        if let Some(checkpoint) = checkpoint {
            // The receiver may have gone too; a moment is enough for one that has not.
            let sent = follower.out.send(TailItem::Checkpoint(checkpoint));
            let _ = tokio::time::timeout(Duration::from_millis(500), sent).await;
        }
    }
    result
}

struct Follower<'a> {
    store: &'a SqliteStore,
    watch: Arc<Watch>,
    out: Sender<TailItem>,
    stop: &'a CancellationToken,
    /// SQLite's count of other connections' changes at the last poll.
    seen: Option<i64>,
    /// Whether everything that was recorded has been sent.
    at_rest: bool,
    /// Device and inode of the open file; an open file stays what it was when it is replaced.
    file: Option<(u64, u64)>,
}

impl Follower<'_> {
    async fn follow(&mut self) -> Result<(), StoreError> {
        let mut worker = Worker::spawn("tail", self.store.path.clone()).await?;
        let mut checkpointed = Instant::now();
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
            self.at_rest = true;
            let complete = self.watch.overlap().completeness();
            if let Some(complete) = complete {
                self.send(TailItem::Complete(complete)).await?;
            }
            if checkpointed.elapsed() >= CHECKPOINT {
                checkpointed = Instant::now();
                let checkpoint = self.watch.overlap().checkpoint();
                if let Some(checkpoint) = checkpoint {
                    self.send(TailItem::Checkpoint(checkpoint)).await?;
                }
            }
            let is_idle = changed.elapsed() >= IDLE_AFTER;
            self.wait(if is_idle { IDLE_WAIT } else { BUSY_WAIT })
                .await?;
        }
    }

    async fn wait(&self, time: Duration) -> Result<(), StoreError> {
        tokio::select! {
            () = self.stop.cancelled() => Err(StoreError::Cancelled),
            () = self.out.closed() => Err(StoreError::Cancelled),
            () = tokio::time::sleep(time) => Ok(()),
        }
    }

    async fn send(&self, item: TailItem) -> Result<(), StoreError> {
        send(&self.out, item, self.stop).await
    }

    /// Opens the file again, as often as it takes.
    async fn reconnect(
        &mut self,
        attempt: &mut u32,
        mut error: String,
    ) -> Result<Worker, StoreError> {
        loop {
            let wait = BUSY_WAIT
                .saturating_mul(1 << (*attempt).min(7))
                .min(LONGEST_WAIT);
            *attempt += 1;
            let item = TailItem::Reconnecting {
                attempt: *attempt,
                error,
                wait,
            };
            self.send(item).await?;
            self.wait(wait).await?;
            // The new connection counts its changes from elsewhere.
            self.seen = None;
            self.file = None;
            match Worker::spawn("tail", self.store.path.clone()).await {
                Ok(worker) => {
                    self.send(TailItem::Reconnected).await?;
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
            self.at_rest = false;
            self.dated(worker).await?;
            self.undated(worker).await?;
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

    async fn gap(&self, missed: Option<Missed>) -> Result<(), StoreError> {
        let Some(Missed { from, to, because }) = missed else {
            return Ok(());
        };
        self.send(TailItem::Gap { from, to, because }).await
    }

    async fn dated(&self, worker: &Worker) -> Result<(), StoreError> {
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
                Ok((walk, reading.told, pause))
            };
            let (after, told, pause) = worker.run(self.stop, job).await?;
            walk = after;
            self.tell(told).await?;
            if pause == Pause::End {
                return Ok(());
            }
        }
    }

    async fn undated(&self, worker: &Worker) -> Result<(), StoreError> {
        let watch = Arc::clone(&self.watch);
        let told = worker.run(self.stop, move |connection, halt| {
            undated(connection, &watch, halt)
        });
        self.tell(told.await?).await
    }

    async fn unsettled(&self, worker: &Worker) -> Result<(), StoreError> {
        let ids = self.watch.overlap().unsettled();
        if ids.is_empty() {
            return Ok(());
        }
        let watch = Arc::clone(&self.watch);
        let told = worker.run(self.stop, move |connection, _| {
            by_id(connection, &watch, &ids)
        });
        self.tell(told.await?).await
    }

    async fn tell(&self, told: Vec<TailEvent>) -> Result<(), StoreError> {
        if told.is_empty() {
            return Ok(());
        }
        self.send(TailItem::Events(told)).await
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
