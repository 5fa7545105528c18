//! A thread that owns one connection: SQLite blocks, and the runtime must not.
//!
//! Knows nothing of audit events. Jobs run one after another; a stopped job is interrupted inside
//! SQLite, and only that job.

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, InterruptHandle};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::store::StoreError;
use crate::store::sqlite::open;

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// Jobs that may wait; more than this and the caller waits instead.
const QUEUE: usize = 8;

/// A request to stop that comes between two statements interrupts nothing, so it is repeated.
const REPEAT: Duration = Duration::from_millis(10);

/// One connection and its thread, which ends when this is dropped and the job in hand is done.
pub(super) struct Worker {
    jobs: mpsc::Sender<Job>,
    interrupt: Arc<InterruptHandle>,
}

/// Tells a job to stop.
#[derive(Debug, Default)]
pub(super) struct Halt {
    asked: AtomicBool,
    /// Whether the job is in hand; interrupting at any other time would hit somebody else's.
    running: Mutex<bool>,
}

impl Halt {
    /// Whether the job was told to stop; jobs ask between rows.
    pub(super) fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    fn ask(&self, interrupt: &InterruptHandle) {
        self.asked.store(true, Ordering::Relaxed);
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if *running {
            interrupt.interrupt();
        }
    }

    fn set_running(&self, is_running: bool) {
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = is_running;
    }
}

/// Stops the job when nobody waits for it any longer.
struct Waiting {
    halt: Arc<Halt>,
    interrupt: Arc<InterruptHandle>,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.halt.ask(&self.interrupt);
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Worker")
    }
}

impl Worker {
    /// Opens the file for reading on a new thread of this name.
    pub(super) async fn spawn(purpose: &'static str, path: PathBuf) -> Result<Self, StoreError> {
        Self::with(purpose, move || open::connection(&path)).await
    }

    /// Opens a connection on a new thread of this name.
    pub(super) async fn with(
        purpose: &'static str,
        open: impl FnOnce() -> Result<Connection, StoreError> + Send + 'static,
    ) -> Result<Self, StoreError> {
        let (jobs, mut queue) = mpsc::channel::<Job>(QUEUE);
        let (ready, opened) = oneshot::channel();
        let body = move || {
            let mut connection = match open() {
                Ok(connection) => connection,
                Err(error) => {
                    // Nobody waits for the answer any more: there is nobody to tell.
                    let _ = ready.send(Err(error));
                    return;
                }
            };
            if ready.send(Ok(connection.get_interrupt_handle())).is_err() {
                return;
            }
            while let Some(job) = queue.blocking_recv() {
                job(&mut connection);
            }
        };
        thread::Builder::new()
            .name(format!("sqlite-{purpose}"))
            .spawn(body)
            .map_err(|error| failed(&error.to_string()))?;
        let interrupt = opened
            .await
            .map_err(|_| failed("it ended while opening"))??;
        Ok(Self {
            jobs,
            interrupt: Arc::new(interrupt),
        })
    }

    /// Leaves a job to be done when its turn comes, for those who cannot wait: destructors.
    pub(super) fn post(&self, job: impl FnOnce(&mut Connection) + Send + 'static) {
        // A queue that is full or closed has an owner that sees to the connection itself.
        let _ = self.jobs.try_send(Box::new(job));
    }

    /// Runs a job and waits for it. When `stop` is cancelled the job is interrupted and this gives
    /// [`StoreError::Cancelled`] as soon as it has ended.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        stop: &CancellationToken,
        job: impl FnOnce(&mut Connection, &Halt) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let waiting = Waiting {
            halt: Arc::new(Halt::default()),
            interrupt: Arc::clone(&self.interrupt),
        };
        let (answer, mut answered) = oneshot::channel();
        let halt = Arc::clone(&waiting.halt);
        let job: Job = Box::new(move |connection| {
            halt.set_running(true);
            let result = if halt.is_asked() {
                Err(StoreError::Cancelled)
            } else {
                job(connection, &halt)
            };
            halt.set_running(false);
            let _ = answer.send(result);
        });
        tokio::select! {
            () = stop.cancelled() => return Err(StoreError::Cancelled),
            sent = self.jobs.send(job) => sent.map_err(|_| failed("it has ended"))?,
        }
        tokio::select! {
            result = &mut answered => return result.map_err(|_| failed("it has ended"))?,
            () = stop.cancelled() => {}
        }
        loop {
            waiting.halt.ask(&self.interrupt);
            tokio::select! {
                _ = &mut answered => return Err(StoreError::Cancelled),
                () = tokio::time::sleep(REPEAT) => {}
            }
        }
    }
}

fn failed(why: &str) -> StoreError {
    StoreError::Failed {
        message: format!("the SQLite thread cannot work: {why}"),
        hint: None,
    }
}
