//! Purges for the screen: one piece of work at a time, on a thread of its own, because compressing
//! and syncing an archive must hold up neither a key nor the tail.
//!
//! Decides nothing about a purge; the engine does.

mod job;
mod lists;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use tokio::sync::mpsc::Sender;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::app::work::{Job, Tidings};
use crate::app::{Answer, Generation};
use crate::purge::fault::Fault;
use crate::purge::halt::Going;
use crate::runtime::effects::{Alarm, Report};
use crate::store::connect::OpenOptions;

pub use lists::{known, overview, survey};

/// How long work that was asked to stop may take to come to a place where it can go on later. Work
/// that is cut off after that is found in its journal as if the machine had stopped.
const PATIENCE: Duration = Duration::from_secs(10);

/// What purging needs to know of the store on the screen.
pub struct Purging {
    /// The target as it was given, with its password; `None` before there is one.
    pub target: Arc<dyn Fn() -> Option<String> + Send + Sync>,
    /// What else was said about it.
    pub options: OpenOptions,
    /// Where the directories of purges are remembered; `None` remembers none.
    pub known: Option<PathBuf>,
}

/// The place of the one piece of work.
pub struct Desk {
    means: Arc<Purging>,
    going: watch::Sender<Going>,
    stop: CancellationToken,
    /// Says that the thread has ended by closing.
    ended: Option<Receiver<()>>,
}

impl Desk {
    /// With nothing on it.
    pub fn new(means: Arc<Purging>) -> Self {
        Self {
            means,
            going: watch::Sender::new(Going::On),
            stop: CancellationToken::new(),
            ended: None,
        }
    }

    /// What it knows of the store.
    pub fn means(&self) -> &Arc<Purging> {
        &self.means
    }

    /// Begins work; former work has ended.
    pub fn begin(&mut self, generation: Generation, job: Job, out: Sender<Report>, alarm: Alarm) {
        self.stop = CancellationToken::new();
        self.going = watch::Sender::new(Going::On);
        let (ending, ended) = sync_channel(0);
        self.ended = Some(ended);
        let bench = job::Bench {
            means: self.means.clone(),
            stop: self.stop.clone(),
            going: self.going.subscribe(),
        };
        let failed = out.clone();
        let work = move || {
            let _alarm = alarm;
            bench.run(generation, job, &out);
            drop(ending);
        };
        let thread = std::thread::Builder::new().name("purge".to_owned());
        if let Err(error) = thread.spawn(work) {
            let fault = Fault::Files {
                message: format!("the system gives no thread: {error}"),
                hint: None,
            };
            let answer = Answer::Work(Tidings::Ended(None, Err(fault)));
            // A queue that is full at this moment belongs to a screen that is far behind; the next
            // attempt says it again.
            let _ = failed.try_send(Report::Answer(generation, answer));
        }
    }

    /// Pauses the work, or lets it go on.
    pub fn pause(&self, going: Going) {
        self.going.send_replace(going);
    }

    /// Asks the work to stop.
    pub fn stop(&self) {
        self.stop.cancel();
        self.going.send_replace(Going::On);
    }

    /// The same, and waits for it.
    pub fn end(&mut self) {
        self.stop();
        if let Some(ended) = self.ended.take() {
            let _ = ended.recv_timeout(PATIENCE);
        }
    }
}
