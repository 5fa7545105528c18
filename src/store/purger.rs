//! What a store must offer so that old rows can be archived, verified and deleted. Opened apart from
//! the reading path, which cannot delete.
//!
//! The protocol that uses it is `purge`, the layer above; drivers neither write archives nor decide
//! what goes.

use std::sync::Arc;

use tokio::sync::mpsc::Sender;
use tokio_util::sync::CancellationToken;

use crate::core::instant::Micros;
use crate::core::profile::Profile;
use crate::core::purge::plan::{Encoding, Identity, Plan, Relation, RowOrder, Survey};
use crate::core::purge::row::{RawRows, RowKey, RowMark};
use crate::core::query::predicate::Predicate;
use crate::store::{BoxFuture, StoreError};

/// Bytes of rows after which a read ends where it holds a snapshot: a server keeps what others delete
/// meanwhile for it.
pub const READ_BYTES: usize = 16 << 20;

/// The purging side of a store. Reading rows happens on read-only sessions; only a [`Deleter`] can
/// delete.
pub trait Purger: Send + Sync {
    /// What is at the other end, and whether a purge is possible at all. Refusals are
    /// [`StoreError::Refused`], with the reason and what to do.
    fn probe<'a>(&'a self, stop: &'a CancellationToken)
    -> BoxFuture<'a, Result<Probe, StoreError>>;

    /// Counts and looks at what would go and what would stay.
    fn survey<'a>(
        &'a self,
        what: &'a Selection,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Survey, StoreError>>;

    /// Rows the server would select now: the third of the three counts.
    fn count<'a>(
        &'a self,
        what: &'a Selection,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<u64, StoreError>>;

    /// Reads event rows strictly after a place in the plan's order, and their related rows with
    /// them, in one short snapshot; ends after about `limit` rows or some [`READ_BYTES`] (more where
    /// nothing is kept for a reader), whichever comes first.
    /// Pieces come through `out` in order.
    fn read<'a>(
        &'a self,
        plan: &'a Plan,
        what: &'a Selection,
        after: Option<Place>,
        limit: usize,
        out: Sender<Piece>,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<ReadEnd, StoreError>>;

    /// Connects as somebody who may delete and takes the store's own lock against a second purge
    /// ([`StoreError::Refused`] when another holds it). The probe is repeated with these rights; a
    /// difference from the plan is refused.
    fn deleter<'a>(
        &'a self,
        plan: &'a Plan,
        as_whom: Option<&'a str>,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Box<dyn Deleter>, StoreError>>;

    /// Connects as somebody who may insert, for restoring an archive into the table it came from or
    /// into one equal to it.
    fn restorer<'a>(
        &'a self,
        plan: &'a Plan,
        into: RestoreInto,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Box<dyn Restorer>, StoreError>>;
}

/// What was found before anything was decided.
#[derive(Clone, Debug)]
pub struct Probe {
    /// Which store.
    pub identity: Identity,
    /// Events first, related relations after their parents.
    pub relations: Vec<Relation>,
    /// How rows become events.
    pub profile: Arc<Profile>,
    /// How they are written down.
    pub encoding: Encoding,
    /// In which order they are read.
    pub order: RowOrder,
    /// The server's clock.
    pub now: Micros,
    /// What the operator must be told and go on with: delete triggers, publications, a TTL index, a
    /// time without zone.
    pub warnings: Vec<String>,
}

/// Which rows a driver looks at. The server preselects; the archived bytes decide.
#[derive(Clone, Debug)]
pub struct Selection {
    /// Exclusive upper bound of the time; rows without a finite time are never selected.
    pub cutoff: Micros,
    /// The filter, and not any of the holds. May be compiled to a superset.
    pub predicate: Arc<Predicate>,
}

/// A place in the plan's order: the raw time where the plan orders by it, and the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// As the store spells it.
    pub time: Option<String>,
    /// The key's parts.
    pub key: RowKey,
}

/// Some rows, in order.
#[derive(Clone, Debug, Default)]
pub struct Piece {
    /// By relation of the plan: the events, then the rows related to them.
    pub rows: Vec<RawRows>,
    /// The raw times of the event rows, where the plan orders by them.
    pub times: Vec<String>,
}

/// Why a read ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadEnd {
    /// The limit was reached; there may be more.
    Limit,
    /// There is nothing more.
    Exhausted,
}

/// Somebody who may delete, holding the store's lock.
pub trait Deleter: Send {
    /// Opens a transaction, deletes those of the rows that are still as archived, compares what the
    /// server hands back, byte for byte, with the archive, and leaves the transaction open. Any
    /// difference it cannot account for rolls back and is [`StoreError::Refused`].
    fn stage<'a>(
        &'a mut self,
        batch: &'a Batch,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Box<dyn Staged + 'a>, StoreError>>;

    /// Another one for batches beside this one's, on a connection of its own, where the store can do
    /// two at a time. What this one holds against a second purge is held for both: they count as one
    /// purge until both are gone, and this one makes no connection by itself any more
    /// ([`StoreError::Lost`]). `None`: one batch at a time.
    fn second<'a>(
        &'a mut self,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Option<Box<dyn Deleter>>, StoreError>> {
        let _ = stop;
        Box::pin(async { Ok(None) })
    }

    /// What became of a transaction whose COMMIT was not answered, by its name and, where the store
    /// has forgotten it, by looking for the batch's rows.
    fn settle<'a>(
        &'a mut self,
        transaction: &'a str,
        batch: &'a Batch,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Settled, StoreError>>;

    /// How many of these rows are there, whatever they look like.
    fn present<'a>(
        &'a mut self,
        batch: &'a Batch,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<u64, StoreError>>;

    /// Whether no row has a key from `least` to `most`, both included; `None` where keys may sort
    /// otherwise here than there.
    fn is_free<'a>(
        &'a mut self,
        least: &'a RowKey,
        most: &'a RowKey,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Option<bool>, StoreError>> {
        let _ = (least, most, stop);
        Box::pin(async { Ok(None) })
    }

    /// How hard the server is pressed, as far as this role can see.
    fn pressure<'a>(
        &'a mut self,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Pressure, StoreError>>;
}

/// Rows of a segment that was re-read and re-hashed in this process just before.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// By relation of the plan. Related rows follow their parents: all archived rows of the batch's
    /// events and no others.
    pub rows: Vec<RawRows>,
}

/// An open transaction whose deletions equal the archive.
pub trait Staged: Send {
    /// How the store names the transaction.
    fn transaction(&self) -> &str;
    /// Rows deleted, by relation.
    fn deleted(&self) -> &[u64];
    /// Event rows that were not, and why.
    fn left(&self) -> &[(RowMark, Left)];
    /// Commits. [`StoreError::Lost`] means that the outcome is not known.
    fn commit<'a>(self: Box<Self>) -> BoxFuture<'a, Result<(), StoreError>>
    where
        Self: 'a;
    /// Takes it back.
    fn rollback<'a>(self: Box<Self>) -> BoxFuture<'a, Result<(), StoreError>>
    where
        Self: 'a;
}

/// Why an archived row was not deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Left {
    /// It is not there any more.
    Gone,
    /// It is there, and not as archived; or its related rows are not.
    Changed,
    /// Somebody holds a lock on it; worth another try later.
    Locked,
    /// The server kept it: a trigger, a foreign key.
    Refused,
}

/// What became of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It was committed.
    Committed,
    /// It was not, and will not be.
    RolledBack,
    /// It is still open; ask again.
    InProgress,
}

/// How hard the server is pressed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pressure {
    /// Position in the write-ahead log, in bytes; differences are what deletion costs.
    pub wal: Option<u64>,
    /// How far the slowest replica is behind, in bytes.
    pub replica_bytes: Option<u64>,
    /// How long the slowest replica is behind, in seconds.
    pub replica_seconds: Option<f64>,
    /// Sessions that wait for locks.
    pub waiting: Option<u64>,
    /// What this role cannot see, in words: it is not watched.
    pub unseen: Vec<String>,
}

/// Where an archive goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestoreInto {
    /// Its own table.
    Table,
    /// A scratch table that is dropped at the end: the drill.
    Scratch,
}

/// Somebody who may insert.
pub trait Restorer: Send {
    /// Puts rows into a staging place, reads them back and compares their digests, then inserts what
    /// is missing. Running it again changes nothing.
    fn restore<'a>(
        &'a mut self,
        batch: &'a Batch,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Restored, StoreError>>;

    /// Ends it: drops staging and scratch places.
    fn finish<'a>(
        self: Box<Self>,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<(), StoreError>>
    where
        Self: 'a;
}

/// What became of a restored batch, over all relations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// Rows that were missing and are there now.
    pub inserted: u64,
    /// Rows that were there, equal.
    pub equal: u64,
    /// Keys that are there with other contents; they were left alone.
    pub conflicts: Vec<String>,
    /// Keys whose row reads back otherwise than archived (a trigger, another column type).
    pub altered: Vec<String>,
}
