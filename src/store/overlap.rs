//! The bookkeeping of a best-effort tail: a window that is read again and again, a seen-set, and
//! the low end from which to read next. Pure; both drivers poll through it.
//!
//! ```text
//! begin(now)                  now is the server's instant, read before any row
//!   the newest UNDATED_MOST rows of each kind of undated row, newest first:
//!     undated(…)
//!     glance(id, version, at) and for those that are not the same: evaluate, record(…) → change
//!   rows with time ≥ low(), oldest first, in pieces:
//!     glance and record as above
//!     caught_up_to(time)      after each piece; checkpoint() may follow
//!   the rows of unsettled(), by id: glance and record
//! finish()                    everything was read; then completeness(), checkpoint()
//! ```
//!
//! A poll that breaks off begins again with `begin`; nothing is told twice. One that was still
//! reading a long backlog goes on after the last row it recorded.
//!
//! It does not read anything, and does not know what a row version is made of.

use std::collections::HashMap;
use std::time::Duration;

use crate::core::event::{Cursor, EventId, KeyPart};
use crate::core::instant::{At, Micros};
use crate::store::{Change, Checkpoint, Complete, TailFrom, TailLevel};

/// How long after its own time a row may become visible and still be found.
///
/// A row's time is set when its transaction begins (`now()`), and it shows at the commit. Request
/// handlers hold transactions for seconds: HTTP servers and poolers cut them at 15 to 30 s. Twice
/// that leaves room for clocks that differ a little, and a minute of rows is little to read again.
pub const OVERLAP: Duration = Duration::from_mins(1);

/// Rows remembered at most; about 30 MB. A busier store gets a shorter overlap, and
/// [`Overlap::level`] says so.
pub const SEEN_MOST: usize = 150_000;

/// Undated rows read and remembered at most per kind (−∞, +∞, absent); nothing but their key can
/// tell new ones from old.
pub const UNDATED_MOST: usize = 1_000;

/// Rows still open (pending) that are read again after they have left the overlap.
pub const UNSETTLED_MOST: usize = 1_000;

/// A row as a poll found it.
#[derive(Clone, Debug)]
pub struct Observed {
    /// Its place.
    pub cursor: Cursor,
    /// Its key.
    pub id: EventId,
    /// Differs whenever the row has changed: `xmin`, a digest.
    pub version: String,
    /// Whether it belongs to what is tailed.
    pub matches: Match,
    /// Whether it may still change.
    pub settlement: Settlement,
}

/// Whether a row satisfies the tail's predicate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// It does.
    Yes,
    /// It does not.
    No,
}

/// Whether a row may still change after it has left the overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// Nothing more is expected.
    Final,
    /// It waits for its end (pending): read again until it is final.
    Open,
}

/// What is known of a row before it is evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glance {
    /// Nothing new: it need not be evaluated.
    Same,
    /// Unknown or changed: evaluate and [`Overlap::record`] it.
    Look,
}

/// Events between two instants that may have been missed, for a gap in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missed {
    /// First instant concerned.
    pub from: Micros,
    /// Last instant concerned.
    pub to: Micros,
    /// Why.
    pub because: String,
}

/// Whether the tail's receiver has heard of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// Never.
    No,
    /// It has, or it knew the row before the tail began.
    Yes,
    /// It has, and was told later that the row matches no more.
    Withdrawn,
}

#[derive(Clone, Debug)]
struct Seen {
    /// `None` after a resume, until the row is read again.
    cursor: Option<Cursor>,
    version: Box<str>,
    told: Told,
    settlement: Settlement,
}

impl Seen {
    fn dated(&self) -> Option<Micros> {
        self.cursor.as_ref().and_then(|cursor| cursor.at.instant())
    }

    /// As a checkpoint keeps it. Rows of which nobody has heard are found anew by the window, unless
    /// they are open.
    fn export(&self) -> Option<String> {
        match (self.told, self.settlement) {
            (Told::No, Settlement::Final) => None,
            (Told::No, Settlement::Open) => Some(format!("-{}", self.version)),
            (Told::Yes, _) => Some(format!("+{}", self.version)),
            (Told::Withdrawn, _) => Some(format!("~{}", self.version)),
        }
    }

    /// The reverse of [`Seen::export`].
    fn import(text: &str) -> Self {
        let (told, version) = match text.split_at_checked(1) {
            Some(("-", version)) => (Told::No, version),
            Some(("~", version)) => (Told::Withdrawn, version),
            Some(("+", version)) => (Told::Yes, version),
            _ => (Told::Yes, text),
        };
        Self {
            cursor: None,
            version: version.into(),
            told,
            settlement: Settlement::Open,
        }
    }
}

/// Whether the rows of a poll are told or only remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// First poll of a tail from now on: what is there already is not told.
    Prime,
    /// First poll of a tail since an instant: dated rows are told, undated ones remembered.
    PrimeUndated,
    /// First poll after a resume: undated rows below the remembered ones are older than they.
    Resume,
    /// Every later poll.
    Follow,
}

/// What a tail remembers between polls. See the head of the module for the protocol.
#[derive(Debug)]
pub struct Overlap {
    width: i64,
    low: Micros,
    /// The low end when this poll began; a full memory may raise `low` while it reads.
    begun: Micros,
    now: Micros,
    to: Option<Micros>,
    phase: Phase,
    seen: HashMap<EventId, Seen>,
    most: usize,
    /// Per kind of undated row: rows before this one are older than the tail.
    floors: [Option<Cursor>; 3],
    pruned_at: Micros,
    /// How far a poll has come that reads a long backlog, while it lasts.
    reached: Option<Micros>,
    /// What the receiver has to be told of when the poll ends.
    missed: Vec<Missed>,
    /// Per kind of undated row: whether it was said that not all of them can be watched.
    warned: [Warned; 3],
}

/// Whether the receiver knows of a standing limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Warned {
    /// Not yet.
    #[default]
    No,
    /// Once is enough.
    Yes,
}

impl Overlap {
    /// A tail that begins now or at an instant, or goes on where a checkpoint left it. `changes` is
    /// how long rows are known to change after their time; the window is at least that wide.
    pub fn new(from: TailFrom, resume: Option<Checkpoint>, changes: Duration) -> Self {
        let width = i64::try_from(OVERLAP.max(changes).as_micros()).unwrap_or(i64::MAX);
        let mut overlap = Self {
            width,
            low: Micros(i64::MIN),
            begun: Micros(i64::MIN),
            now: Micros(i64::MIN),
            to: None,
            phase: Phase::Prime,
            seen: HashMap::new(),
            most: SEEN_MOST,
            floors: [None, None, None],
            pruned_at: Micros(i64::MIN),
            reached: None,
            missed: Vec::new(),
            warned: [Warned::No; 3],
        };
        if let Some(checkpoint) = resume {
            overlap.phase = Phase::Resume;
            overlap.low = checkpoint.to.plus(-width);
            overlap.to = Some(checkpoint.to);
            overlap.seen = checkpoint
                .seen
                .into_iter()
                .map(|(id, version)| (id, Seen::import(&version)))
                .collect();
        } else if let TailFrom::Since(since) = from {
            overlap.phase = Phase::PrimeUndated;
            overlap.low = since;
        }
        overlap
    }

    /// Begins a poll; `now` is the server's instant, read before the rows. Says so when the
    /// server's clock went back by more than the overlap.
    pub fn begin(&mut self, now: Micros) -> Option<Missed> {
        self.now = now;
        if self.phase == Phase::Prime && self.to.is_none() {
            self.low = now.plus(-self.width);
        }
        let missed = self.clock_went_back();
        self.begun = self.low;
        missed
    }

    fn clock_went_back(&mut self) -> Option<Missed> {
        let now = self.now;
        let to = self
            .to
            .filter(|to| now.0 < to.0.saturating_sub(self.width))?;
        let from = now.plus(-self.width);
        // New rows carry the new clock's times; a window that stayed above them would miss them all.
        self.low = self.low.min(from);
        self.to = Some(now);
        self.reached = None;
        Some(Missed {
            from,
            to,
            because: "the server's clock went back; events of this time may appear twice"
                .to_owned(),
        })
    }

    /// The poll reads every row whose time is at or after this.
    pub fn low(&self) -> Micros {
        self.low
    }

    /// Whether a row has to be looked at. A range that a driver reads may be wider than the window
    /// (a zone-less hour that comes twice, text that is no time): a row before the window is news
    /// only if it is remembered, because nothing would tell the second reading from the first.
    pub fn glance(&self, id: &EventId, version: &str, at: At) -> Glance {
        match self.seen.get(id) {
            Some(seen) if seen.cursor.is_some() && &*seen.version == version => Glance::Same,
            None if at.instant().is_some_and(|at| at < self.begun) => Glance::Same,
            Some(_) | None => Glance::Look,
        }
    }

    /// Takes a row in and says what the tail's receiver is to be told of it.
    pub fn record(&mut self, row: Observed) -> Option<Change> {
        let section = undated_kind(row.cursor.at);
        let is_old = |floor: &Cursor| row.cursor < *floor;
        if section.is_some_and(|kind| self.floors[kind].as_ref().is_some_and(is_old)) {
            return None;
        }
        let known = self.seen.get(&row.id);
        let told = known.map_or(Told::No, |seen| seen.told);
        let is_silent = match known {
            Some(seen) => *seen.version == *row.version,
            None => match self.phase {
                Phase::Prime => true,
                Phase::PrimeUndated => section.is_some(),
                Phase::Resume | Phase::Follow => false,
            },
        };
        let is_same = known.is_some() && is_silent;
        let (change, told) = match (row.matches, told) {
            (_, told) if is_same => (None, told),
            (Match::Yes, Told::No) => (Some(Change::New), Told::Yes),
            (Match::Yes, Told::Yes | Told::Withdrawn) => (Some(Change::Update), Told::Yes),
            (Match::No, Told::Yes) => (Some(Change::Unmatched), Told::Withdrawn),
            (Match::No, told) => (None, told),
        };
        let is_past = row.cursor.at.instant().is_some_and(|at| at < self.low);
        if is_past && row.settlement == Settlement::Final {
            self.seen.remove(&row.id);
        } else {
            let seen = Seen {
                cursor: Some(row.cursor),
                version: row.version.into(),
                told,
                settlement: row.settlement,
            };
            self.seen.insert(row.id, seen);
        }
        if self.seen.len() > self.most {
            self.shrink();
        }
        change.filter(|_| !is_silent)
    }

    /// Every row before this instant has been recorded: the window need not hold them any longer
    /// than the overlap asks for.
    pub fn caught_up_to(&mut self, at: Micros) {
        self.raise(at.min(self.now.plus(-self.width)));
        // A tail from now on has remembered nothing before the end of its first poll.
        if self.phase != Phase::Prime && self.low > self.begun {
            self.reached = Some(self.low.plus(self.width).min(self.now));
        }
    }

    /// Takes in which undated rows there are, newest first, at most [`UNDATED_MOST`] of each kind;
    /// comes before they are recorded. Where a kind has more, the rest counts as older than the
    /// tail, for good.
    pub fn undated(&mut self, newest_first: &[(Cursor, EventId)]) {
        for kind in 0..self.floors.len() {
            let rows = || {
                newest_first
                    .iter()
                    .filter(move |(cursor, _)| undated_kind(cursor.at) == Some(kind))
            };
            if rows().count() < UNDATED_MOST {
                continue;
            }
            let because = if !rows().all(|(cursor, _)| is_counted(cursor))
                && std::mem::replace(&mut self.warned[kind], Warned::Yes) == Warned::No
            {
                Some("only those with the highest keys are watched, and new ones may have others")
            } else if matches!(self.phase, Phase::Resume | Phase::Follow)
                && !rows().any(|(_, id)| self.seen.contains_key(id))
            {
                Some("all of those read are new, and there may have been more")
            } else {
                None
            };
            self.missed.extend(because.map(|because| Missed {
                from: self.to.unwrap_or(self.now),
                to: self.now,
                because: format!("{UNDATED_MOST} or more events have no time: {because}"),
            }));
            let lowest = match self.phase {
                // What the former run remembered reached down to its own floor.
                Phase::Resume => rows().rfind(|(_, id)| self.seen.contains_key(id)),
                Phase::Prime | Phase::PrimeUndated | Phase::Follow => rows().next_back(),
            };
            let floor = lowest.map(|(cursor, _)| cursor.clone());
            self.floors[kind] = floor.max(self.floors[kind].take());
        }
        let floors = &self.floors;
        self.seen.retain(|_, seen| {
            let Some(cursor) = &seen.cursor else {
                return true;
            };
            undated_kind(cursor.at)
                .and_then(|kind| floors[kind].as_ref())
                .is_none_or(|floor| cursor >= floor)
        });
    }

    /// Rows to read by id as well, after the window was read: still open but out of the window, or
    /// known from a former run and not met yet. At most [`UNSETTLED_MOST`].
    pub fn unsettled(&self) -> Vec<EventId> {
        self.seen
            .iter()
            .filter(|(_, seen)| seen.cursor.is_none() || self.is_open_past(seen))
            .map(|(id, _)| id.clone())
            .take(UNSETTLED_MOST)
            .collect()
    }

    /// Ends a poll in which everything was read. Says what may have been missed: open rows that had
    /// to be given up, undated rows beyond those that are read.
    #[must_use]
    pub fn finish(&mut self) -> Vec<Missed> {
        self.to = self.to.max(Some(self.now));
        self.reached = None;
        self.phase = Phase::Follow;
        self.raise(self.now.plus(-self.width));
        self.seen.retain(|_, seen| seen.cursor.is_some());
        self.give_up_oldest_open();
        std::mem::take(&mut self.missed)
    }

    /// How complete the tail is; `None` before the first poll has ended.
    pub fn completeness(&self) -> Option<Complete> {
        let held = self.now.0.saturating_sub(self.low.0).clamp(0, self.width);
        // A tail since an instant asked for no more; only a full memory makes the overlap shorter.
        let overlap = if self.seen.len() > self.most / 2 {
            held
        } else {
            self.width
        };
        Some(Complete {
            to: self.to?,
            level: TailLevel::BestEffort {
                overlap: Duration::from_micros(u64::try_from(overlap).unwrap_or(0)),
            },
        })
    }

    /// What another process needs to go on; `None` before anything is complete. While a poll reads a
    /// long backlog, that is as far as it has come: what lies before is remembered no longer.
    pub fn checkpoint(&self) -> Option<Checkpoint> {
        let exported = |(id, seen): (&EventId, &Seen)| Some((id.clone(), seen.export()?));
        Some(Checkpoint {
            to: self.to.max(self.reached)?,
            seen: self.seen.iter().filter_map(exported).collect(),
        })
    }

    /// Whether a row is still open and the window does not reach it any more.
    fn is_open_past(&self, seen: &Seen) -> bool {
        seen.settlement == Settlement::Open && seen.dated().is_some_and(|at| at < self.low)
    }

    fn raise(&mut self, low: Micros) {
        self.low = self.low.max(low);
        if self.low < self.pruned_at.plus(Micros::SECOND) && self.seen.len() < self.most {
            return;
        }
        self.pruned_at = self.low;
        let low = self.low;
        self.seen.retain(|_, seen| {
            seen.settlement == Settlement::Open || seen.dated().is_none_or(|at| at >= low)
        });
    }

    /// Forgets the oldest quarter of the window. Rows that share one instant go together, or the
    /// next poll would tell those forgotten a second time. Open rows stay, as far as there is room
    /// for them.
    fn shrink(&mut self) {
        let in_window = |at: &Micros| *at >= self.low;
        let dated = self.seen.values().filter_map(Seen::dated);
        let mut times: Vec<_> = dated.filter(in_window).collect();
        let quarter = times.len() / 4;
        if times.is_empty() {
            return;
        }
        let (_, cut, _) = times.select_nth_unstable(quarter);
        let low = cut.plus(1).max(self.low);
        self.low = low;
        self.pruned_at = low;
        self.seen.retain(|_, seen| {
            seen.settlement == Settlement::Open || seen.dated().is_none_or(|at| at >= low)
        });
        self.give_up_oldest_open();
    }

    fn give_up_oldest_open(&mut self) {
        let mut open: Vec<Micros> = self
            .seen
            .values()
            .filter(|seen| self.is_open_past(seen))
            .filter_map(Seen::dated)
            .collect();
        if open.len() <= UNSETTLED_MOST {
            return;
        }
        open.sort_unstable();
        // A tenth at a time, so that the notice comes once in a hundred rows and not with each.
        let (from, to) = (open[0], open[open.len() - UNSETTLED_MOST * 9 / 10]);
        self.seen
            .retain(|_, seen| seen.dated().is_none_or(|at| at > to));
        self.missed.push(Missed {
            from,
            to,
            because: format!(
                "more than {UNSETTLED_MOST} events are still pending; the oldest are no longer re-read"
            ),
        });
    }
}

/// Whether a new row's key is higher than those before it, as far as one key can tell: integers are
/// counted up, texts and uuids come in any order.
fn is_counted(cursor: &Cursor) -> bool {
    cursor
        .key
        .iter()
        .all(|part| matches!(part, KeyPart::Int(_)))
}

/// Place of a kind of undated row among the floors; `None` for dated rows.
fn undated_kind(at: At) -> Option<usize> {
    match at {
        At::NegInfinity => Some(0),
        At::Instant(_) => None,
        At::PosInfinity => Some(1),
        At::Absent => Some(2),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    const S: i64 = Micros::SECOND;

    /// A row of the modelled store. `commit` is when it becomes visible.
    #[derive(Clone, Debug)]
    struct Row {
        at: At,
        commit: i64,
        version: u32,
        open: bool,
        matches: bool,
    }

    fn observed(key: i64, row: &Row) -> Observed {
        Observed {
            cursor: Cursor {
                at: row.at,
                time: KeyPart::Null,
                key: vec![KeyPart::Int(key)],
            },
            id: EventId::new(key.to_string()),
            version: row.version.to_string(),
            matches: if row.matches { Match::Yes } else { Match::No },
            settlement: if row.open {
                Settlement::Open
            } else {
                Settlement::Final
            },
        }
    }

    /// Reads as a driver does and returns what it told.
    fn poll(overlap: &mut Overlap, now: i64, rows: &BTreeMap<i64, Row>) -> Vec<(i64, Change)> {
        let visible: BTreeMap<_, _> = rows.iter().filter(|(_, row)| row.commit <= now).collect();
        overlap.begin(Micros(now));
        let mut told = Vec::new();
        let mut look = |overlap: &mut Overlap, key: i64| {
            let row = observed(key, visible[&key]);
            if overlap.glance(&row.id, &row.version, row.cursor.at) == Glance::Look {
                told.extend(overlap.record(row).map(|change| (key, change)));
            }
        };
        let undated: Vec<_> = visible
            .iter()
            .rev()
            .filter(|(_, row)| !row.at.is_dated())
            .collect();
        let ids: Vec<_> = undated
            .iter()
            .map(|(key, row)| (observed(***key, row).cursor, EventId::new(key.to_string())))
            .collect();
        overlap.undated(&ids);
        for (key, _) in undated {
            look(overlap, **key);
        }
        let mut window: Vec<_> = visible
            .iter()
            .filter_map(|(key, row)| row.at.instant().map(|at| (at, **key)))
            // Some drivers cannot help reading more than the window.
            .filter(|(at, _)| *at >= overlap.low().plus(-5 * S))
            .collect();
        window.sort_unstable();
        for piece in window.chunks(3) {
            for (_, key) in piece {
                look(overlap, *key);
            }
            overlap.caught_up_to(piece[piece.len() - 1].0);
        }
        for id in overlap.unsettled() {
            look(overlap, id.as_str().parse().expect("an integer key"));
        }
        assert_eq!(overlap.finish(), []);
        told
    }

    #[derive(Clone, Debug)]
    enum Step {
        Insert {
            late: i64,
            open: bool,
            matches: bool,
        },
        Undated,
        Update {
            pick: usize,
            matches: bool,
        },
        Pass(i64),
        Poll,
        Restart,
    }

    fn steps(latest: i64) -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => (0..latest, any::<bool>(), prop::bool::weighted(0.8))
                .prop_map(|(late, open, matches)| Step::Insert { late, open, matches }),
            1 => Just(Step::Undated),
            3 => (any::<usize>(), prop::bool::weighted(0.8))
                .prop_map(|(pick, matches)| Step::Update { pick, matches }),
            3 => (1..20 * S).prop_map(Step::Pass),
            1 => (1..200 * S).prop_map(Step::Pass),
            4 => Just(Step::Poll),
            1 => Just(Step::Restart),
        ];
        prop::collection::vec(step, 1..80)
    }

    /// A store, a tail, and what the tail has told so far.
    struct Model {
        now: i64,
        rows: BTreeMap<i64, Row>,
        heard: BTreeMap<i64, (u32, Told)>,
        overlap: Overlap,
    }

    impl Model {
        fn begin() -> Self {
            let mut overlap = Overlap::new(TailFrom::Now, None, Duration::ZERO);
            poll(&mut overlap, 1_000 * S, &BTreeMap::new());
            Self {
                now: 1_000 * S,
                rows: BTreeMap::new(),
                heard: BTreeMap::new(),
                overlap,
            }
        }

        fn insert(&mut self, at: At, late: i64, open: bool, matches: bool) {
            let key = i64::try_from(self.rows.len()).expect("few rows");
            let commit = self.now + late;
            let row = Row {
                at,
                commit,
                version: 0,
                open,
                matches,
            };
            self.rows.insert(key, row);
        }

        fn update(&mut self, pick: usize, matches: bool) {
            let key = i64::try_from(pick % self.rows.len().max(1)).expect("few rows");
            let low = self.overlap.low();
            let Some(row) = self.rows.get_mut(&key) else {
                return;
            };
            // The promise holds for rows that are undated, in the window, or open.
            let is_read = row.at.instant().is_none_or(|at| at >= low) || row.open;
            if self.heard.contains_key(&key) && is_read {
                row.version += 1;
                row.matches = matches;
                row.open = row.open && pick.is_multiple_of(2);
            }
        }

        /// The plain answer of a poll: what is visible and was not told, in which version.
        fn expected(&mut self) -> Vec<(i64, Change)> {
            let mut expected = Vec::new();
            for (key, row) in self.rows.iter().filter(|(_, row)| row.commit <= self.now) {
                let was = self.heard.get(key).copied();
                let (change, told) = match (was, row.matches) {
                    (Some((version, told)), _) if version == row.version => (None, told),
                    (None | Some((_, Told::No)), true) => (Some(Change::New), Told::Yes),
                    (None | Some((_, Told::No)), false) => (None, Told::No),
                    (Some(_), true) => (Some(Change::Update), Told::Yes),
                    (Some((_, Told::Yes)), false) => (Some(Change::Unmatched), Told::Withdrawn),
                    (Some((_, Told::Withdrawn)), false) => (None, Told::Withdrawn),
                };
                expected.extend(change.map(|change| (*key, change)));
                self.heard.insert(*key, (row.version, told));
            }
            expected
        }

        fn step(&mut self, step: &Step) -> Result<(), TestCaseError> {
            match step {
                Step::Insert {
                    late,
                    open,
                    matches,
                } => {
                    self.insert(At::Instant(Micros(self.now)), *late, *open, *matches);
                }
                Step::Undated => {
                    let kinds = [At::Absent, At::NegInfinity, At::PosInfinity];
                    self.insert(kinds[self.rows.len() % 3], 0, false, true);
                }
                Step::Update { pick, matches } => self.update(*pick, *matches),
                Step::Pass(time) => self.now += time,
                Step::Poll => {
                    let expected = self.expected();
                    let mut told = poll(&mut self.overlap, self.now, &self.rows);
                    told.sort_unstable_by_key(|(key, _)| *key);
                    prop_assert_eq!(told, expected);
                }
                Step::Restart => {
                    let checkpoint = self.overlap.checkpoint();
                    self.overlap = Overlap::new(TailFrom::Now, checkpoint, Duration::ZERO);
                }
            }
            Ok(())
        }
    }

    fn run(steps: &[Step]) -> Result<(), TestCaseError> {
        let mut model = Model::begin();
        let end = [Step::Pass(200 * S), Step::Poll];
        steps
            .iter()
            .chain(&end)
            .try_for_each(|step| model.step(step))
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn every_row_is_new_once_and_every_change_an_update(steps in steps(60 * S)) {
            run(&steps)?;
        }
    }

    #[test]
    fn the_property_fails_for_rows_later_than_the_overlap() {
        use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
        let config = ProptestConfig {
            cases: 600,
            failure_persistence: None,
            ..ProptestConfig::default()
        };
        let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
        let mut runner = TestRunner::new_with_rng(config, rng);
        let outcome = runner.run(&steps(180 * S), |steps| run(&steps));
        assert!(
            outcome.is_err(),
            "rows up to 180 s late went unnoticed, so the model checks nothing"
        );
    }

    #[test]
    fn a_full_memory_shortens_the_overlap_and_says_so() {
        let mut overlap = Overlap::new(TailFrom::Now, None, Duration::ZERO);
        overlap.most = 100;
        overlap.begin(Micros(0));
        assert_eq!(overlap.finish(), []);
        overlap.begin(Micros(50 * S));
        for key in 0..150 {
            let row = Row {
                at: At::Instant(Micros(key * S / 3)),
                commit: 0,
                version: 0,
                open: false,
                matches: true,
            };
            assert_eq!(overlap.record(observed(key, &row)), Some(Change::New));
        }
        assert!(overlap.seen.len() <= 100);
        assert_eq!(overlap.finish(), []);
        let complete = overlap.completeness().expect("a poll has ended");
        let TailLevel::BestEffort { overlap: width } = complete.level else {
            panic!("an overlap proves nothing: {complete:?}");
        };
        assert!(
            width < OVERLAP && width > Duration::from_secs(20),
            "{width:?}"
        );
    }

    #[test]
    fn a_bulk_load_at_one_instant_is_told_once_and_held_within_bounds() {
        let mut overlap = Overlap::new(TailFrom::Now, None, Duration::ZERO);
        overlap.most = 100;
        overlap.begin(Micros(0));
        assert_eq!(overlap.finish(), []);
        let rows: BTreeMap<i64, Row> = (0..500)
            .map(|key| {
                let at = At::Instant(Micros(S));
                (
                    key,
                    Row {
                        at,
                        commit: 0,
                        version: 0,
                        open: false,
                        matches: true,
                    },
                )
            })
            .collect();
        assert_eq!(poll(&mut overlap, 2 * S, &rows).len(), 500);
        assert!(overlap.seen.len() <= 100);
        assert_eq!(poll(&mut overlap, 3 * S, &rows), []);
    }

    #[test]
    fn a_clock_that_goes_back_is_reported() {
        let mut overlap = Overlap::new(TailFrom::Now, None, Duration::ZERO);
        assert_eq!(overlap.begin(Micros(1_000 * S)), None);
        assert_eq!(overlap.finish(), []);
        let missed = overlap.begin(Micros(500 * S)).expect("it went back");
        assert_eq!(
            (missed.from, missed.to),
            (Micros(440 * S), Micros(1_000 * S))
        );
        assert_eq!(overlap.low(), Micros(440 * S));
    }

    #[test]
    fn open_rows_are_given_up_oldest_first_and_in_the_open() {
        let mut overlap = Overlap::new(TailFrom::Since(Micros(0)), None, Duration::ZERO);
        overlap.begin(Micros(10_000 * S));
        for key in 0..=i64::try_from(UNSETTLED_MOST).expect("small") {
            let at = At::Instant(Micros(key * S));
            let row = Row {
                at,
                commit: 0,
                version: 0,
                open: true,
                matches: true,
            };
            overlap.record(observed(key, &row));
        }
        let missed = overlap.finish();
        assert_eq!(missed[0].from, Micros(0));
        assert!(overlap.unsettled().len() <= UNSETTLED_MOST);
        assert!(!overlap.unsettled().contains(&EventId::new("0")));
    }

    #[test]
    fn a_full_memory_keeps_open_rows_or_says_that_it_does_not() {
        let mut overlap = Overlap::new(TailFrom::Since(Micros(0)), None, Duration::ZERO);
        overlap.most = 100;
        overlap.begin(Micros(10_000 * S));
        for key in 0..300 {
            let row = Row {
                at: At::Instant(Micros(key * S)),
                commit: 0,
                version: 0,
                open: key == 0,
                matches: true,
            };
            overlap.record(observed(key, &row));
        }
        assert_eq!(overlap.unsettled(), [EventId::new("0")]);
        assert_eq!(overlap.finish(), []);
    }

    /// What a poll says it missed when these undated rows are there, in a tail that knows `before`.
    fn missed_undated(before: &[KeyPart], after: &[KeyPart]) -> Vec<Vec<Missed>> {
        let mut overlap = Overlap::new(TailFrom::Now, None, Duration::ZERO);
        let mut missed = Vec::new();
        for (now, keys) in [(1, before), (2, after), (3, after)] {
            overlap.begin(Micros(now * S));
            let rows: Vec<_> = keys
                .iter()
                .map(|key| {
                    let key = vec![key.clone()];
                    let id = EventId::new(format!("{key:?}"));
                    let (at, time) = (At::Absent, KeyPart::Null);
                    (Cursor { at, time, key }, id)
                })
                .collect();
            overlap.undated(&rows);
            for (cursor, id) in rows {
                overlap.record(Observed {
                    cursor,
                    id,
                    version: String::new(),
                    matches: Match::Yes,
                    settlement: Settlement::Final,
                });
            }
            missed.push(overlap.finish());
        }
        missed
    }

    #[test]
    fn undated_rows_beyond_those_read_are_not_missed_in_silence() {
        let most = i64::try_from(UNDATED_MOST).expect("small");
        let counted =
            |from: i64| -> Vec<_> { (from..from + most).rev().map(KeyPart::Int).collect() };
        let said = |missed: Vec<Vec<Missed>>| missed.iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(said(missed_undated(&counted(0), &counted(5))), [0, 0, 0]);
        assert_eq!(said(missed_undated(&counted(0), &counted(most))), [0, 1, 0]);
        let random: Vec<_> = (0..most)
            .rev()
            .map(|n| KeyPart::Text(format!("{n:06}").into()))
            .collect();
        assert_eq!(said(missed_undated(&random, &random)), [1, 0, 0]);
    }

    #[test]
    fn a_tail_that_ends_in_a_long_backlog_goes_on_where_it_stood() {
        let row = |key: i64| Row {
            at: At::Instant(Micros(key * S)),
            commit: 0,
            version: 0,
            open: false,
            matches: true,
        };
        let mut overlap = Overlap::new(TailFrom::Since(Micros(0)), None, Duration::ZERO);
        overlap.begin(Micros(10_000 * S));
        let undated = Row {
            at: At::Absent,
            ..row(-1)
        };
        let seen = observed(-1, &undated);
        overlap.undated(&[(seen.cursor.clone(), seen.id.clone())]);
        assert_eq!(overlap.record(seen), None);
        assert_eq!(overlap.checkpoint(), None, "nothing has been reached");
        for key in 0..500 {
            overlap.record(observed(key, &row(key)));
        }
        overlap.caught_up_to(Micros(499 * S));
        let checkpoint = overlap.checkpoint().expect("it has come somewhere");

        let mut rows: BTreeMap<i64, Row> = (0..600).map(|key| (key, row(key))).collect();
        rows.insert(-1, undated);
        let mut next = Overlap::new(TailFrom::Now, Some(checkpoint), Duration::ZERO);
        let told = poll(&mut next, 10_001 * S, &rows);
        let keys: Vec<i64> = told.iter().map(|(key, _)| *key).collect();
        assert_eq!(keys, (500..600).collect::<Vec<_>>());
    }
}
