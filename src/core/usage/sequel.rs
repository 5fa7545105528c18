//! Which actions an error follows: a failure of the same user or the same session within five seconds
//! after them.
//!
//! Some events at a time, the newest ones first: they are held, then the failures of their time are
//! remembered, then they are judged. What lies before the oldest event that was judged with all its
//! failures is not counted, and the answer says from when on it holds. Does not read any store.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::ops::ControlFlow;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::core::event::{Event, Field};
use crate::core::instant::Micros;
use crate::core::usage::plan::Slice;

/// How long after an action an error is its sequel.
pub const WITHIN: i64 = 5 * Micros::SECOND;

/// Failures remembered at a time, at most: 16 bytes each, twice.
pub const MOST_FAILURES: usize = 200_000;

/// Events looked at, at most.
pub const MOST_EVENTS: usize = 200_000;

/// Failures looked at for one report, at most.
const MOST_LOOKED_AT: usize = 5 * MOST_FAILURES;

/// Events held at first: something is known soon.
pub const FEW: usize = 500;

/// Events held later on, at most; about 5 MB.
pub const MANY: usize = 50_000;

/// Different actions counted at most.
const MOST_ACTIONS: usize = 100_000;

/// An action, and what came after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Followed {
    /// `None`: the events that have no action.
    pub value: Option<String>,
    /// Events with it.
    pub events: u64,
    /// Those that an error followed.
    pub followed: u64,
}

/// An event that is not judged yet.
#[derive(Debug)]
struct Passing {
    at: Micros,
    /// Hashes of its user and its session.
    whose: SmallVec<[u64; 2]>,
    actions: SmallVec<[Option<Arc<str>>; 1]>,
}

/// Counts actions and errors after them.
#[derive(Debug, Default)]
pub struct Sequels {
    hasher: RandomState,
    /// The newest first.
    held: Vec<Passing>,
    /// By hash of the user or the session: the instants of their failures, newest first.
    failures: HashMap<u64, Vec<Micros>>,
    remembered: usize,
    /// Failures that were looked at, of all times.
    looked_at: usize,
    /// Older failures than this are not known.
    known_since: Option<Micros>,
    judged: usize,
    names: HashSet<Arc<str>>,
    actions: HashMap<Option<Arc<str>>, (u64, u64)>,
    /// Older events than this are not counted.
    sampled_since: Option<Micros>,
}

impl Sequels {
    /// Holds an event; they come newest first. Breaks when there are too many.
    pub fn hold(&mut self, event: &Event) -> ControlFlow<()> {
        let Some(at) = event.at().instant() else {
            return ControlFlow::Continue(());
        };
        if self.judged + self.held.len() >= MOST_EVENTS {
            self.sampled_since = Some(at.plus(1));
            return ControlFlow::Break(());
        }
        let mut actions = SmallVec::new();
        for action in event.all(Field::Action) {
            let action = Some(self.name(action.text()));
            if !actions.contains(&action) {
                actions.push(action);
            }
        }
        if actions.is_empty() {
            actions.push(None);
        }
        self.held.push(Passing {
            at,
            whose: self.whose(event),
            actions,
        });
        ControlFlow::Continue(())
    }

    /// Actions are few, and events many.
    fn name(&mut self, action: &str) -> Arc<str> {
        if let Some(known) = self.names.get(action) {
            return Arc::clone(known);
        }
        let name: Arc<str> = action.into();
        if self.names.len() < MOST_ACTIONS {
            self.names.insert(Arc::clone(&name));
        }
        name
    }

    /// The time of the events that are held; `None` where there are none.
    pub fn stretch(&self) -> Option<Slice> {
        // The order of a store may be that of its texts.
        let times = || self.held.iter().map(|passing| passing.at);
        Some(Slice {
            since: times().min()?,
            until: times().max()?.plus(1),
        })
    }

    /// Remembers a failure of that time or soon after it; they come newest first. Breaks when there
    /// are too many.
    pub fn fail(&mut self, event: &Event) -> ControlFlow<()> {
        let Some(at) = event.at().instant() else {
            return ControlFlow::Continue(());
        };
        if self.remembered >= MOST_FAILURES {
            self.known_since = Some(at.plus(1));
            return ControlFlow::Break(());
        }
        for who in self.whose(event) {
            self.failures.entry(who).or_default().push(at);
        }
        self.remembered += 1;
        self.looked_at += 1;
        ControlFlow::Continue(())
    }

    /// Counts the events that are held, and forgets the failures. Events stay held that are older than
    /// the failures which were remembered: those of their time come next.
    pub fn judge(&mut self) {
        for instants in self.failures.values_mut() {
            instants.sort_unstable_by(|a, b| b.cmp(a));
        }
        let held = std::mem::take(&mut self.held);
        let since = self.known_since;
        let (known, older): (Vec<_>, Vec<_>) =
            (held.into_iter()).partition(|passing| since.is_none_or(|since| passing.at >= since));
        let is_stuck = known.is_empty() || self.looked_at >= MOST_LOOKED_AT;
        for passing in known {
            if self.actions.len() >= MOST_ACTIONS {
                self.sampled_since = Some(passing.at.plus(1));
                return;
            }
            self.count(passing);
        }
        match older.first() {
            Some(first) if is_stuck => self.sampled_since = Some(first.at.plus(1)),
            _ => self.held = older,
        }
        self.failures.clear();
        self.remembered = 0;
        self.known_since = None;
    }

    fn count(&mut self, passing: Passing) {
        let at = passing.at;
        let is_followed = passing.whose.iter().any(|who| {
            let after = self.failures.get(who).map_or(&[][..], Vec::as_slice);
            // The oldest of those that came later.
            let later = after.partition_point(|failure| *failure > at);
            later
                .checked_sub(1)
                .is_some_and(|next| after[next] <= at.plus(WITHIN))
        });
        for action in passing.actions {
            let (events, followed) = self.actions.entry(action).or_default();
            *events += 1;
            *followed += u64::from(is_followed);
        }
        self.judged += 1;
    }

    /// Whether nothing older is counted.
    pub fn are_over(&self) -> bool {
        self.sampled_since.is_some()
    }

    /// Users and sessions with the same name are not the same.
    fn whose(&self, event: &Event) -> SmallVec<[u64; 2]> {
        let fields = [Field::Actor, Field::Session];
        let named = fields.into_iter().filter_map(|field| {
            let name = event.first(field)?;
            Some(self.hasher.hash_one((field as usize, name)))
        });
        named.collect()
    }

    /// The actions most often followed by an error first, then the most frequent; and the instant from
    /// which on they were counted, where that was not all of the range.
    pub fn answer(&self) -> (Vec<Followed>, Option<Micros>) {
        let actions = self.actions.iter();
        let mut rows: Vec<Followed> = actions
            .map(|(value, (events, followed))| Followed {
                value: value.as_deref().map(str::to_owned),
                events: *events,
                followed: *followed,
            })
            .collect();
        let size = |row: &Followed| std::cmp::Reverse((row.followed, row.events));
        rows.sort_unstable_by(|a, b| {
            size(a)
                .cmp(&size(b))
                // What has no name comes last.
                .then_with(|| a.value.is_none().cmp(&b.value.is_none()))
                .then_with(|| a.value.cmp(&b.value))
        });
        (rows, self.sampled_since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::event::sample;
    use crate::core::instant::At;

    fn event(at: i64, who: &str, action: &str, session: &str) -> Event {
        let texts = [
            (Field::Actor, who),
            (Field::Action, action),
            (Field::Session, session),
        ];
        sample(At::Instant(Micros(at)), &texts, "{}")
    }

    fn followed(failures: &[Event], events: &[Event]) -> Vec<(Option<String>, u64, u64)> {
        let mut sequels = Sequels::default();
        for event in events {
            assert!(sequels.hold(event).is_continue());
        }
        for failure in failures {
            assert!(sequels.fail(failure).is_continue());
        }
        sequels.judge();
        let (rows, since) = sequels.answer();
        assert_eq!(since, None);
        rows.into_iter()
            .map(|row| (row.value, row.events, row.followed))
            .collect()
    }

    #[test]
    fn an_error_follows_within_five_seconds_and_of_the_same_user_or_session() {
        let second = Micros::SECOND;
        let failures = [
            event(20 * second, "ann", "x", "s1"),
            event(10 * second, "ann", "x", ""),
        ];
        let table = [
            // Not its own sequel, nor that of what came at the same time.
            (20 * second, "ann", "s1", 0),
            (20 * second - 1, "ann", "", 1),
            (15 * second, "ben", "s1", 1),
            (15 * second - 1, "ben", "s1", 0),
            // Sessions are no users.
            (19 * second, "s1", "ann", 0),
            (19 * second, "", "", 0),
            (5 * second, "ann", "", 1),
            (5 * second - 1, "ann", "", 0),
            (12 * second, "ann", "", 0),
        ];
        for (at, who, session, expected) in table {
            let found = followed(&failures, &[event(at, who, "open", session)]);
            assert_eq!(
                found,
                [(Some("open".to_owned()), 1, expected)],
                "{at} {who} {session}"
            );
        }
    }

    #[test]
    fn what_is_judged_later_knows_nothing_of_former_failures() {
        let mut sequels = Sequels::default();
        let second = Micros::SECOND;
        assert_eq!(sequels.stretch(), None);
        let _ = sequels.hold(&event(90 * second, "ann", "late", ""));
        let _ = sequels.hold(&event(60 * second, "ann", "late", ""));
        let stretch = sequels.stretch().expect("events are held");
        assert_eq!(
            (stretch.since.0, stretch.until.0),
            (60 * second, 90 * second + 1)
        );
        // So many that those of the older event are not known; its own time begins anew.
        let count = i64::try_from(MOST_FAILURES).expect("small");
        for n in 0..count {
            assert!(
                sequels
                    .fail(&event(92 * second - n, "ann", "x", ""))
                    .is_continue()
            );
        }
        assert!(sequels.fail(&event(61 * second, "ann", "x", "")).is_break());
        sequels.judge();
        assert!(!sequels.are_over());
        // Those of the older one come next; where nothing more is judged, that is the end.
        let stretch = sequels.stretch().expect("one is held");
        assert_eq!(
            (stretch.since.0, stretch.until.0),
            (60 * second, 60 * second + 1)
        );
        let _ = sequels.fail(&event(61 * second, "ann", "x", ""));
        sequels.judge();
        assert_eq!(sequels.stretch(), None);
        let (rows, since) = sequels.answer();
        assert_eq!((rows[0].events, rows[0].followed, since), (2, 2, None));
        let _ = sequels.hold(&event(50 * second, "ann", "late", ""));
        for n in 0..=count {
            let _ = sequels.fail(&event(54 * second - n, "ben", "x", ""));
        }
        sequels.judge();
        assert_eq!(sequels.answer().1, Some(Micros(50 * second + 1)));

        let mut sequels = Sequels::default();
        for (at, failure) in [(90, 92), (60, 66)] {
            let _ = sequels.hold(&event(at * second, "ann", "a", ""));
            let _ = sequels.fail(&event(failure * second, "ann", "x", ""));
            sequels.judge();
        }
        let (rows, since) = sequels.answer();
        assert_eq!((rows[0].events, rows[0].followed, since), (2, 1, None));
    }

    #[test]
    fn so_many_events_are_looked_at_and_no_more() {
        let mut sequels = Sequels::default();
        let count = i64::try_from(MOST_EVENTS).expect("small");
        for n in 0..count {
            assert!(
                sequels
                    .hold(&event(count - n, "ann", "a", ""))
                    .is_continue()
            );
            if n % 50_000 == 7 {
                sequels.judge();
            }
        }
        assert!(!sequels.are_over());
        assert!(sequels.hold(&event(-3, "ann", "a", "")).is_break());
        sequels.judge();
        let (rows, since) = sequels.answer();
        assert_eq!((rows[0].events, since), (200_000, Some(Micros(-2))));
    }
}
