//! What a purge tells while it works: one closed list, for a dialog, for narration and for
//! `-o json` alike.

use serde::Serialize;
use tokio::sync::mpsc::Sender;

use crate::core::purge::journal::Tally;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "progress", rename_all = "snake_case")]
pub enum Progress {
    /// Rows are being read and written down.
    BackingUp {
        /// Rows in the archive.
        rows: u64,
        /// Rows that were read and stay.
        left: u64,
        /// How many the plan expects at most.
        of: u64,
        /// Finished segments.
        segments: u32,
        /// Bytes of plain payload.
        bytes: u64,
    },
    /// The archive is whole.
    BackedUp {
        /// Rows in it.
        rows: u64,
        /// The hash over everything.
        root: String,
    },
    /// The archive is being read back.
    Verifying {
        /// Rows that were as they should be.
        rows: u64,
        /// Rows in the archive.
        of: u64,
    },
    /// It is as it should be.
    Verified(Counts),
    /// A restore drill puts rows into a scratch table.
    Drilling {
        /// Rows that read back equal.
        rows: u64,
        /// Rows in the archive.
        of: u64,
    },
    /// A former process left a commit without an answer; the server is asked.
    Settling {
        /// How the store names the transaction.
        transaction: String,
    },
    /// A batch is committed.
    Deleting {
        /// Sums so far.
        tally: Tally,
        /// Rows of the next batch.
        batch: usize,
        /// Archived rows that had their turn, a second.
        rate: f64,
        /// How far the slowest replica is behind, in seconds, where it can be seen.
        replica_seconds: Option<f64>,
        /// The same in bytes.
        replica_bytes: Option<u64>,
        /// Sessions that wait for locks.
        sessions_waiting: Option<u64>,
        /// What is not watched, because this role cannot see it.
        unseen: Vec<String>,
    },
    /// Nothing is deleted for a moment.
    Waiting {
        /// Why: `replica 12.0 s behind`.
        because: String,
    },
    /// The connection is gone; another attempt follows.
    Reconnecting {
        /// 1, 2, 3 …
        attempt: u32,
        /// What happened.
        error: String,
    },
    /// Locked rows have another try.
    Retrying {
        /// How many.
        rows: u64,
        /// 1 to 3.
        attempt: u32,
    },
    /// Archived keys are looked for in the store.
    Reconciling {
        /// Keys looked for.
        rows: u64,
        /// Rows in the archive.
        of: u64,
    },
    /// Everything is accounted for.
    Complete(Tally),
    /// Archived rows are put back.
    Restoring {
        /// Rows that are there, put back or equal.
        rows: u64,
        /// Rows in the archive.
        of: u64,
    },
    /// Something a person should know.
    Note {
        /// One sentence.
        text: String,
    },
}

/// Rows counted three ways, and why the numbers differ.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// By the server when the plan was made.
    pub planned: u64,
    /// In the archive, each read back.
    pub archived: u64,
    /// By the server now.
    pub server: u64,
    /// One sentence each.
    pub differences: Vec<String>,
    /// The hash over everything in the archive.
    pub root: String,
    /// The restore drill, when one was made.
    pub drill: Option<String>,
}

/// Where progress goes. Nobody listening is no reason to stop.
#[derive(Clone, Debug)]
pub struct Told(Sender<Progress>);

impl Told {
    /// To a bounded channel.
    pub fn new(out: Sender<Progress>) -> Self {
        Self(out)
    }

    /// Tells; waits for a listener that is slow.
    pub async fn tell(&self, progress: Progress) {
        let _ = self.0.send(progress).await;
    }

    /// Tells from a thread that is not the runtime's.
    pub fn tell_blocking(&self, progress: Progress) {
        let _ = self.0.blocking_send(progress);
    }
}
