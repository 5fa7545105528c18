//! What can hold a purge up: a signal, a file named `STOP`, a person who pauses.
//!
//! Looked at between batches only; a batch that has begun is finished or taken back by its driver.

use std::path::PathBuf;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::purge::fault::Fault;

/// Whether to go on between two batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Going {
    /// Yes.
    On,
    /// Not now; the process waits.
    Paused,
}

/// The ways to stop a purge.
#[derive(Clone, Debug)]
pub struct Halt {
    after_batch: CancellationToken,
    going: watch::Receiver<Going>,
    file: PathBuf,
}

impl Halt {
    /// The file in the purge's directory that stops it.
    pub const FILE: &str = "STOP";

    /// Heeds a token that means "after this batch", a switch, and the file in `directory`.
    pub fn new(
        after_batch: CancellationToken,
        going: watch::Receiver<Going>,
        directory: &std::path::Path,
    ) -> Self {
        Self {
            after_batch,
            going,
            file: directory.join(Self::FILE),
        }
    }

    /// Says no when the purge is to stop; waits as long as it is paused.
    pub async fn pass(&mut self) -> Result<(), Fault> {
        loop {
            self.check()?;
            if *self.going.borrow_and_update() == Going::On {
                return Ok(());
            }
            tokio::select! {
                () = self.after_batch.cancelled() => {}
                changed = self.going.changed() => if changed.is_err() {
                    return stopped("nobody is there to end the pause");
                }
            }
        }
    }

    /// Whether it is to stop, without waiting.
    pub fn check(&self) -> Result<(), Fault> {
        if self.after_batch.is_cancelled() {
            return stopped("asked to stop");
        }
        match self.file.symlink_metadata() {
            Ok(_) => stopped("there is a file STOP in the archive's directory"),
            Err(_) => Ok(()),
        }
    }

    /// Whether nothing stops it, and nobody has paused it.
    pub fn lets_pass(&self) -> bool {
        *self.going.borrow() == Going::On && self.check().is_ok()
    }

    /// The token, for what can be broken off in the middle without harm.
    pub fn token(&self) -> &CancellationToken {
        &self.after_batch
    }
}

fn stopped<T>(because: &str) -> Result<T, Fault> {
    Err(Fault::Stopped {
        because: because.to_owned(),
    })
}
