//! What every store can do, and the words stores and the rest of the program exchange.
//!
//! Drivers live below: `store::sqlite`, `store::postgres`, `store::mongo`. Nothing here can delete.

pub mod archive;
pub mod choice;
pub mod connect;
pub mod follow;
pub mod membership;
pub mod mongo;
pub mod overlap;
pub mod postgres;
pub mod purger;
pub mod reading;
pub mod secret;
pub mod sqlite;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::Sender;
use tokio_util::sync::CancellationToken;

use crate::core::aggregate::{Aggregate, AggregateRequest, Group};
use crate::core::event::{Cursor, Event, EventId, Field};
use crate::core::instant::{At, Micros};
use crate::core::profile::Profile;
use crate::core::query::catalog::Catalog;
use crate::core::query::predicate::Predicate;
use crate::core::record::Column;
use crate::store::membership::{PairRows, Pairs};

/// A boxed future, so that the trait can be used as `dyn Store`.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// An audit store, opened for reading.
///
/// Long answers arrive in pieces through `out` (bounded by the caller) and end when the future
/// does. A cancelled `stop` ends the server's work too and gives [`StoreError::Cancelled`]; a
/// dropped receiver does the same.
pub trait Store: Send + Sync + 'static {
    /// What was found on connecting. Cheap: already known.
    fn description(&self) -> Arc<Description>;

    /// A sample of names and values (bounded: newest events of one page), for completion and
    /// resolution.
    fn catalog<'a>(
        &'a self,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Catalog, StoreError>>;

    /// Events in the store's order, by keyset, in pieces.
    fn page<'a>(
        &'a self,
        request: PageRequest,
        out: Sender<PageItem>,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<PageEnd, StoreError>>;

    /// One event with its whole payload; `None` when it is gone.
    fn fetch<'a>(
        &'a self,
        cursor: &'a Cursor,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Option<Event>, StoreError>>;

    /// Groups and their numbers; partial answers first where the whole takes long.
    fn aggregate<'a>(
        &'a self,
        request: AggregateRequest,
        out: Sender<AggregateItem>,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Aggregate, StoreError>>;

    /// How many events match.
    fn count<'a>(
        &'a self,
        predicate: &'a Predicate,
        mode: CountMode,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Count, StoreError>>;

    /// First and last instant of the dated events; `None` for an empty store.
    fn span<'a>(
        &'a self,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Option<(Micros, Micros)>, StoreError>>;

    /// What the store would do for a predicate: statement, plan, index.
    fn explain<'a>(
        &'a self,
        predicate: &'a Predicate,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Explanation, StoreError>>;

    /// New and changed events from now on (or from an instant), for ever; reconnects by itself and
    /// says so. Ends only when stopped, when the receiver is gone, or on an error that waiting
    /// cannot mend.
    fn tail<'a>(
        &'a self,
        request: TailRequest,
        out: Sender<TailItem>,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<(), StoreError>>;

    /// What the store can and cannot do for us, for `doctor`.
    fn examine<'a>(
        &'a self,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Vec<Finding>, StoreError>>;

    /// The rows of two columns of another table as text, those that have both; `None` where there are
    /// no other tables. One more than [`membership::MOST`] tells that there are more.
    fn pairs<'a>(
        &'a self,
        pairs: Pairs,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Option<PairRows>, StoreError>>;

    /// The store's own clock, for freezing relative times.
    fn now<'a>(&'a self, stop: &'a CancellationToken) -> BoxFuture<'a, Result<Micros, StoreError>>;
}

/// What was found on connecting.
#[derive(Clone, Debug)]
pub struct Description {
    /// Short name for the status line: `prod-pg`, a file's name, a database.
    pub name: String,
    /// `schema.table` or table.
    pub relation: String,
    /// `PostgreSQL 15.18`, `SQLite 3.51`.
    pub server: String,
    /// How rows become events.
    pub profile: Arc<Profile>,
    /// Why this table and this profile.
    pub evidence: Vec<String>,
    /// The table's columns.
    pub columns: Vec<Column>,
    /// What the role could do to the table.
    pub access: Access,
    /// How the bytes travel: `TLS verified`, `no TLS (loopback)`, `unix socket`, `file`.
    pub transport: String,
    /// Rows, estimated by the store.
    pub estimate: Option<u64>,
    /// Whether questions about a part of the time read a part of the rows.
    pub time: TimeAccess,
}

/// How rows of a time are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeAccess {
    /// An index, or the order of the rows, leads to them.
    Direct,
    /// All rows are looked at.
    Scan,
}

impl TimeAccess {
    /// How it is where an index is there or is not.
    pub fn indexed(is_indexed: bool) -> Self {
        if is_indexed { Self::Direct } else { Self::Scan }
    }
}

/// What the role could do to the table. The session itself is read-only in either case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nothing but read.
    ReadOnly,
    /// It holds a privilege to change or delete rows.
    RoleCanWrite,
    /// This program made the rows up itself: there is nothing to be careful with.
    Generated,
    /// They are a purge's archive: nobody changes it, and nothing new comes.
    Archive(Archived),
}

/// How much of what was to be archived is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Archived {
    /// All of it.
    Whole,
    /// What was sealed before the backup stopped.
    Unfinished,
}

/// A page of events.
#[derive(Clone, Debug)]
pub struct PageRequest {
    /// Which events.
    pub predicate: Arc<Predicate>,
    /// From where, in which direction.
    pub from: PageFrom,
    /// How many at most; `None` streams all there are.
    pub limit: Option<usize>,
    /// Whether payloads come whole (exports) or as bounded heads (lists).
    pub payload: PayloadNeed,
}

/// Where a page begins and which way it goes. Newest first: rows without a usable time come after
/// the oldest dated row (`-infinity`, `infinity`, absent, in the order of
/// [`At`]'s section, each by key descending). Oldest first is exactly the reverse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PageFrom {
    /// The newest event, going back.
    Newest,
    /// The oldest end, going forward.
    Oldest,
    /// Strictly before (older than) a cursor, going back.
    Before(Cursor),
    /// Strictly after (newer than) a cursor, going forward.
    After(Cursor),
}

/// How much of each payload a page carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadNeed {
    /// At most [`crate::core::event::Payload::HEAD`] bytes each.
    Head,
    /// All of it.
    Whole,
    /// None of it, nor of the event more than these: a store may leave everything else out.
    Only(Parts),
}

/// Parts of events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parts(u16);

impl Parts {
    /// And this field.
    #[must_use]
    pub fn with(self, field: Field) -> Self {
        Self(self.0 | 1 << field as u16)
    }

    /// And what became of them.
    #[must_use]
    pub fn with_outcome(self) -> Self {
        Self(self.0 | Self::OUTCOME)
    }

    /// Whether a field is among them.
    pub fn has(self, field: Field) -> bool {
        self.0 & (1 << field as u16) != 0
    }

    /// Whether the outcome is.
    pub fn has_outcome(self) -> bool {
        self.0 & Self::OUTCOME != 0
    }

    /// Fields are fewer.
    const OUTCOME: u16 = 1 << 15;
}

/// A piece of a page.
#[derive(Clone, Debug)]
pub enum PageItem {
    /// Events in the order of the page.
    Events(Vec<Event>),
    /// How far the search has come.
    Progress(Progress),
}

/// How far a search that no index helps has come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Everything on this side of it has been looked at.
    pub looked_to: At,
    /// Share of the time range that was looked at, 0 to 1, where it can be told.
    pub fraction: Option<f64>,
}

/// Why a page ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageEnd {
    /// The limit was reached; there may be more.
    Limit,
    /// There is nothing more in this direction.
    Exhausted,
}

/// A piece of an aggregate.
#[derive(Clone, Debug)]
pub enum AggregateItem {
    /// What is known so far; replaces the former one.
    Partial(Vec<Group>, Progress),
}

/// How exactly to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountMode {
    /// Whatever costs little.
    Estimate,
    /// Every matching row.
    Exact,
}

/// A number of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// Exactly this many.
    Exact(u64),
    /// About this many; shown with `≈`.
    Estimate(u64),
}

/// How a store would answer a predicate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The statement as sent.
    pub statement: String,
    /// The server's plan, a line each.
    pub plan: Vec<String>,
    /// Names of the indexes in the plan.
    pub indexes: Vec<String>,
    /// Whether the store decides alone, or `matches` re-checks what it returns.
    pub exactness: Exactness,
}

/// Whether a store's condition is the predicate, or something wider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exactness {
    /// The condition is the predicate.
    Exact,
    /// The condition lets more through; every row is re-checked.
    Superset,
}

/// A tail.
#[derive(Clone, Debug)]
pub struct TailRequest {
    /// Which events.
    pub predicate: Arc<Predicate>,
    /// From when; earlier events are not repeated.
    pub from: TailFrom,
    /// What a former run of the same tail had already shown; its overlap is not repeated.
    pub resume: Option<Checkpoint>,
    /// Whether payloads come whole (lines for scripts) or as bounded heads (lists).
    pub payload: PayloadNeed,
}

/// Where a tail stands: enough to go on in another process without a loss or a repetition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Complete to this instant.
    pub to: Micros,
    /// Ids and row versions shown within the overlap before `to`, and everything after it.
    pub seen: Vec<(EventId, String)>,
}

/// Where a tail begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TailFrom {
    /// With what is committed after the tail began.
    Now,
    /// With everything at or after this instant.
    Since(Micros),
}

/// A piece of a tail.
#[derive(Clone, Debug)]
pub enum TailItem {
    /// New and changed events, oldest first.
    Events(Vec<TailEvent>),
    /// Everything committed before the server's instant `to` has been sent.
    Complete(Complete),
    /// Where the tail stands; follows `Complete` at most once a second and when it is stopped.
    Checkpoint(Checkpoint),
    /// The connection is gone; the next attempt follows after the wait.
    Reconnecting {
        /// 1, 2, 3 …
        attempt: u32,
        /// What happened, sanitised.
        error: String,
        /// How long until the next attempt.
        wait: Duration,
    },
    /// The connection is back; nothing was lost, the overlap is read again.
    Reconnected,
    /// Events between these instants could not be followed and may be missing.
    Gap {
        /// First instant not followed.
        from: Micros,
        /// Last instant not followed.
        to: Micros,
        /// Why.
        because: String,
    },
}

/// A new or changed event.
#[derive(Clone, Debug)]
pub struct TailEvent {
    /// New or changed.
    pub change: Change,
    /// The event as it is now.
    pub event: Event,
}

/// What happened to an event of a tail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It was not there before.
    New,
    /// It was, and its row has changed.
    Update,
    /// It was shown, and after a change it matches the predicate no more.
    Unmatched,
}

/// How complete a tail is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complete {
    /// The server's instant, read before the rows.
    pub to: Micros,
    /// How sure that is.
    pub level: TailLevel,
}

/// How sure a tail is of having seen everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TailLevel {
    /// Proven; the word in brackets names the means: `exact (locks)`.
    Exact(&'static str),
    /// An overlap of this length is read again and again; rows that commit later than it after
    /// their own time are missed.
    BestEffort {
        /// The overlap.
        overlap: Duration,
    },
}

/// Something `doctor` has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad.
    pub level: FindingLevel,
    /// What about: `index on time`, `privileges`.
    pub subject: String,
    /// What was found, one sentence.
    pub message: String,
    /// The exact statement or step that would mend it.
    pub remedy: Option<String>,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FindingLevel {
    /// As it should be.
    Good,
    /// Works, could be better.
    Advice,
    /// Something will not work.
    Problem,
}

/// What can go wrong with a store. Every message names the object and what to do; text from the
/// server has passed the sanitiser; passwords are never part of it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The target cannot be understood: exit code 2.
    #[error("{message}")]
    Target {
        /// One sentence.
        message: String,
        /// What to try.
        hint: Option<String>,
    },
    /// No connection, or no login: exit code 3.
    #[error("{message}")]
    Connect {
        /// One sentence.
        message: String,
        /// What to try.
        hint: Option<String>,
    },
    /// The server asks for a password and none is known: exit code 3. Somebody at a terminal may be
    /// asked for it.
    #[error("{message}")]
    NoPassword {
        /// One sentence.
        message: String,
        /// What to try.
        hint: Option<String>,
    },
    /// The server answered with an error, or the table is not usable: exit code 1.
    #[error("{message}")]
    Failed {
        /// One sentence.
        message: String,
        /// What to try.
        hint: Option<String>,
    },
    /// The server would not answer just now, for a reason that passes: exit code 1. The same request
    /// may be made again, and a tail makes it.
    #[error("{message}")]
    Busy {
        /// One sentence.
        message: String,
        /// What to try.
        hint: Option<String>,
    },
    /// Refused for safety: exit code 4.
    #[error("{message}")]
    Refused {
        /// One sentence.
        message: String,
        /// What to try.
        hint: Option<String>,
    },
    /// This role may not do it, another one may: exit code 4.
    #[error("{message}")]
    NotAllowed {
        /// One sentence.
        message: String,
        /// What to try.
        hint: Option<String>,
    },
    /// The connection broke in the middle; the same request may be made again.
    #[error("the connection to {name} was lost: {message}")]
    Lost {
        /// Which store.
        name: String,
        /// What the system or the server said.
        message: String,
    },
    /// Stopped on request.
    #[error("stopped")]
    Cancelled,
}

impl StoreError {
    /// What to try next, where there is advice.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Target { hint, .. }
            | Self::Connect { hint, .. }
            | Self::NoPassword { hint, .. }
            | Self::Failed { hint, .. }
            | Self::Busy { hint, .. }
            | Self::Refused { hint, .. }
            | Self::NotAllowed { hint, .. } => hint.as_deref(),
            Self::Lost { .. } => Some("can it still be reached? The same may be asked again"),
            Self::Cancelled => None,
        }
    }
}

/// The event with this id, wherever it stands in a list.
pub fn position(events: &[Event], id: &EventId) -> Option<usize> {
    events.iter().position(|event| event.id == *id)
}
