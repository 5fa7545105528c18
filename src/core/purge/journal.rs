//! What has been done, line by line, each chained to the one before.
//!
//! A line is `crc32c sequence previous json`: eight hexadecimal digits over the rest of the line, a
//! number from 0 on, the first sixteen hexadecimal digits of the SHA-256 of the line before (zeros
//! for the first), and one [`Entry`]. A broken last line is a torn write: it is cut off, and that is
//! noted. A broken line anywhere else, an unknown entry, or a gap is refused: somebody or something
//! has changed the record.

use serde::{Deserialize, Serialize};

use crate::core::instant::Micros;

/// A fact about a purge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "snake_case", deny_unknown_fields)]
pub enum Entry {
    /// `plan.json` is there, with this hash.
    Plan {
        /// Of the file's bytes.
        plan: String,
    },
    /// The journal's last line was torn and has been cut off.
    Mended {
        /// Bytes cut off.
        bytes: u64,
    },
    /// A segment's files are durable.
    Segment(SegmentEntry),
    /// Reading came to the end: there are no more segments than these.
    Manifest {
        /// The hash over all segments' hashes, in order.
        root: String,
        /// Rows in the archive, by relation.
        rows: Vec<u64>,
    },
    /// Everything was read back and is as it should be.
    Verified {
        /// As in `Manifest`.
        root: String,
        /// Rows the server would select now.
        server_rows: u64,
        /// Why the counts differ, where they do.
        differences: Vec<String>,
        /// The restore drill, when one was made.
        drill: Option<String>,
    },
    /// Somebody said yes.
    Confirmed {
        /// As in `Verified`.
        root: String,
        /// As in `Plan`.
        plan: String,
        /// The operating system's user.
        who: String,
        /// The machine.
        host: String,
        /// Its clock.
        when: Micros,
        /// The typed phrase or the options that stood for it.
        how: String,
    },
    /// A batch is about to be committed; written and synced before the COMMIT is sent.
    Intent(IntentEntry),
    /// That batch's fate is known.
    Done(DoneEntry),
    /// Every archived row is accounted for.
    Complete(Tally),
    /// The run ended before its end; it can be resumed.
    Stopped {
        /// Why.
        because: String,
    },
    /// Something is not as it should be; a person has to look.
    Attention {
        /// What.
        because: String,
    },
}

impl Entry {
    /// Whether it must be on stable storage before anything else happens.
    pub fn must_be_durable(&self) -> bool {
        !matches!(self, Self::Done(_) | Self::Stopped { .. })
    }
}

/// A finished segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SegmentEntry {
    /// From 1 on, without gaps.
    pub number: u32,
    /// One for each relation of the plan, in its order.
    pub parts: Vec<SegmentPart>,
    /// Where reading goes on: raw time (empty with `RowOrder::Key`) and key of the last row that was
    /// read, whether it was archived or not.
    pub last: Mark,
    /// Rows that were read and stayed: by the filter, by a hold.
    pub left: u64,
}

/// One relation's files of a segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SegmentPart {
    /// Rows.
    pub rows: u64,
    /// Bytes of plain payload.
    pub plain_bytes: u64,
    /// Bytes of the compressed payload's file.
    pub payload_bytes: u64,
    /// SHA-256 of the payload's file.
    pub payload: String,
    /// Bytes of the sidecar's file.
    pub sidecar_bytes: u64,
    /// SHA-256 of the sidecar's file.
    pub sidecar: String,
    /// First and last instant.
    pub oldest: Option<Micros>,
    /// Last instant.
    pub newest: Option<Micros>,
}

/// A place in the order of a relation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mark {
    /// The raw time as the store spells it; `None` where the key alone orders.
    pub time: Option<String>,
    /// The key as its event's id spells it, see `RowKey`; a JSON value a part.
    pub key: Vec<serde_json::Value>,
}

/// A batch about to be committed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IntentEntry {
    /// Which segment.
    pub segment: u32,
    /// First event row of the batch in the segment, from 0.
    pub first: u64,
    /// Event rows of the batch, whatever became of them.
    pub rows: u64,
    /// Rows the transaction deletes, by relation.
    pub deletes: Vec<u64>,
    /// What became of the others.
    pub left: LeftRows,
    /// How the store names the transaction, to ask about it later: `xid 1234 timeline 1`; an lsid
    /// and number.
    pub transaction: String,
}

/// Archived rows that were not deleted, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeftRows {
    /// No longer there: somebody else, or a TTL.
    pub gone: u64,
    /// Not as archived; they stay. The keys as ids.
    pub changed: Vec<String>,
    /// Locked by somebody at every try.
    pub locked: Vec<String>,
    /// A hold has been added since.
    pub held: Vec<String>,
    /// The server kept it: a trigger, a foreign key.
    pub refused: Vec<String>,
}

/// What became of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DoneEntry {
    /// As in its intent.
    pub segment: u32,
    /// As in its intent.
    pub first: u64,
    /// How it is known.
    pub fate: Fate,
}

/// The end of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// The server said so.
    Committed,
    /// The answer was lost; asked later, the server said that it was committed.
    FoundCommitted,
    /// It was not committed; the batch is done again.
    RolledBack,
}

/// The sum of a purge. `archived` is the sum of all others, or the purge is not complete.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tally {
    /// Event rows in the archive.
    pub archived: u64,
    /// Event rows deleted by this purge.
    pub deleted: u64,
    /// Related rows deleted, by relation after the first.
    pub related: Vec<u64>,
    /// Already gone when their turn came.
    pub gone: u64,
    /// Changed since the backup; they stayed.
    pub changed: u64,
    /// Locked; they stayed.
    pub locked: u64,
    /// Held; they stayed.
    pub held: u64,
    /// Kept by the server.
    pub refused: u64,
}
