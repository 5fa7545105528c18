//! The demo's material: audit events as Lyft Clutch writes them, made up, seeded and reproducible.
//!
//! Pure: drivers put the rows into a store. [`History`] is what is there when the demo starts,
//! [`Live`] what happens while somebody watches.

use crate::core::instant::Micros;

/// One row of Clutch's `audit_events`; the store gives the id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoRow {
    /// `occurred_at`
    pub occurred_at: Micros,
    /// `details`: a JSON object as text.
    pub details: String,
    /// `sent`
    pub sent: bool,
}

/// How much history there is to be. The same plan gives the same rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Other seeds give other people's days.
    pub seed: u64,
    /// How many rows.
    pub events: u64,
    /// Where the history ends; it begins [`Plan::DAYS`] earlier.
    pub now: Micros,
}

impl Plan {
    /// How far the history reaches back.
    pub const DAYS: i64 = 120;
}

/// Names a row that [`Live`] inserted, until the driver knows its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// What a running Clutch does to its table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DemoAction {
    /// A request began (no `response_body` yet), or something finished was logged at once.
    Insert {
        /// For the updates that follow.
        ticket: Ticket,
        /// The row.
        row: DemoRow,
    },
    /// The response arrived. PostgreSQL: `details = details || patch`.
    Update {
        /// Which row.
        ticket: Ticket,
        /// The keys Clutch writes with the response.
        patch: String,
        /// The details with the patch applied, for stores that cannot do it.
        details: String,
    },
    /// The poller has handed the row to its sinks: `sent = true`. The last action of its ticket.
    Sent {
        /// Which row.
        ticket: Ticket,
    },
}

/// The rows of a [`Plan`], oldest first.
#[derive(Debug)]
pub struct History {
    plan: Plan,
}

impl History {
    /// Begins a history.
    pub fn new(plan: Plan) -> Self {
        Self { plan }
    }
}

impl Iterator for History {
    type Item = DemoRow;

    fn next(&mut self) -> Option<DemoRow> {
        todo!("{:?}", self.plan)
    }
}

/// What happens while somebody watches: a few events a second, most of them pending first.
#[derive(Debug)]
pub struct Live {
    seed: u64,
}

impl Live {
    /// Begins at `now`, with `rate` new requests a second on average.
    pub fn new(seed: u64, rate: f64, now: Micros) -> Self {
        let _ = (rate, now);
        Self { seed }
    }

    /// When the next action is due.
    pub fn due(&self) -> Micros {
        todo!("{}", self.seed)
    }

    /// What was due at or before `now`, in order of time.
    pub fn take(&mut self, now: Micros) -> Vec<DemoAction> {
        todo!("{now}")
    }
}
