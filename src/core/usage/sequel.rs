//! Which actions an error follows: a failure of the same user or the same session within five seconds
//! after them.
//!
//! Of one stretch of time after the other, the newest first, failures are remembered, then events go
//! by. Both are bounded: what lies before the oldest event that was looked at with all its failures is
//! not judged, and the answer says from when on it holds. Does not read any store.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::ops::ControlFlow;

use crate::core::event::{Event, Field};
use crate::core::instant::Micros;
use crate::core::usage::plan::Slice;

/// How long after an action an error is its sequel.
pub const WITHIN: i64 = 5 * Micros::SECOND;

/// Failures remembered at most: 16 bytes each, twice.
pub const MOST_FAILURES: usize = 200_000;

/// Events looked at, at most.
pub const MOST_EVENTS: usize = 200_000;

/// Different actions counted at most.
const MOST_ACTIONS: usize = 100_000;

/// The newest stretch; each one before is twice as long, up to [`LONGEST`].
const SHORTEST: i64 = 3_600 * Micros::SECOND;

/// No stretch is longer: most of its failures could be older than any event that is looked at.
const LONGEST: i64 = 4 * 24 * SHORTEST;

/// A range in stretches, the newest first: short ones at first, so that something is known soon.
pub fn stretches(range: Slice) -> impl Iterator<Item = Slice> {
    let mut until = range.until;
    let mut length = SHORTEST;
    std::iter::from_fn(move || {
        let since = range.since.max(until.plus(-length));
        let stretch = Slice { since, until };
        length = LONGEST.min(2 * length);
        until = since;
        (stretch.since < stretch.until).then_some(stretch)
    })
}

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

/// Counts actions and errors after them.
#[derive(Debug, Default)]
pub struct Sequels {
    hasher: RandomState,
    /// By hash of the user or the session: the instants of their failures, newest first.
    failures: HashMap<u64, Vec<Micros>>,
    remembered: usize,
    looked_at: usize,
    /// Older failures than this are not known.
    known_since: Option<Micros>,
    actions: HashMap<Option<String>, (u64, u64)>,
    /// Older events than this are not counted.
    sampled_since: Option<Micros>,
}

impl Sequels {
    /// Begins with a stretch before all that was looked at; its failures come next.
    pub fn begin(&mut self) {
        self.failures.clear();
        self.remembered = 0;
    }

    /// Whether nothing older is counted.
    pub fn are_over(&self) -> bool {
        self.sampled_since.is_some()
    }

    /// Remembers a failure; they come newest first. Breaks when there are too many.
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
        ControlFlow::Continue(())
    }

    /// Counts an event; they come newest first. Breaks when what follows cannot be judged.
    pub fn pass(&mut self, event: &Event) -> ControlFlow<()> {
        let Some(at) = event.at().instant() else {
            return ControlFlow::Continue(());
        };
        let is_known = self.known_since.is_none_or(|since| at >= since);
        let is_full = self.looked_at >= MOST_EVENTS || self.actions.len() >= MOST_ACTIONS;
        if is_full || !is_known {
            self.sampled_since = Some(at.plus(1));
            return ControlFlow::Break(());
        }
        let is_followed = self.whose(event).any(|who| {
            let after = self.failures.get(&who).map_or(&[][..], Vec::as_slice);
            // The oldest of those that came later.
            let later = after.partition_point(|failure| *failure > at);
            later
                .checked_sub(1)
                .is_some_and(|next| after[next] <= at.plus(WITHIN))
        });
        let mut count = |action: Option<String>| {
            let (events, followed) = self.actions.entry(action).or_default();
            *events += 1;
            *followed += u64::from(is_followed);
        };
        let actions = event.all(Field::Action);
        if actions.len() == 0 {
            count(None);
        }
        let mut different: Vec<String> = Vec::new();
        for action in actions {
            if !different.iter().any(|known| known == action.text()) {
                different.push(action.text().to_owned());
            }
        }
        for action in different {
            count(Some(action));
        }
        self.looked_at += 1;
        ControlFlow::Continue(())
    }

    /// Users and sessions with the same name are not the same.
    fn whose(&self, event: &Event) -> impl Iterator<Item = u64> + use<> {
        let fields = [Field::Actor, Field::Session];
        let named = fields.map(|field| {
            let name = event.first(field)?;
            Some(self.hasher.hash_one((field as usize, name)))
        });
        named.into_iter().flatten()
    }

    /// The actions most often followed by an error first, then the most frequent; and the instant from
    /// which on they were counted, where that was not all of the range.
    pub fn answer(&self) -> (Vec<Followed>, Option<Micros>) {
        let actions = self.actions.iter();
        let mut rows: Vec<Followed> = actions
            .map(|(value, (events, followed))| Followed {
                value: value.clone(),
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
        for failure in failures {
            assert!(sequels.fail(failure).is_continue());
        }
        for event in events {
            assert!(sequels.pass(event).is_continue());
        }
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
    fn stretches_are_the_range_the_newest_first() {
        let hour = 3_600 * Micros::SECOND;
        let of = |since: i64, until: i64| {
            let (since, until) = (Micros(since), Micros(until));
            stretches(Slice { since, until }).collect::<Vec<_>>()
        };
        assert_eq!(of(5, 5), []);
        let all = of(7, 90 * 24 * hour);
        assert_eq!(all[0].until, Micros(90 * 24 * hour));
        assert_eq!(all[0].since, Micros((90 * 24 - 1) * hour));
        assert!(all.windows(2).all(|two| two[0].since == two[1].until));
        assert_eq!(all.last().map(|last| last.since), Some(Micros(7)));
        assert!(all.len() < 40, "{}", all.len());
    }

    #[test]
    fn what_is_not_known_is_not_judged() {
        let mut sequels = Sequels::default();
        let count = i64::try_from(MOST_FAILURES).expect("small");
        for n in 0..count {
            assert!(
                sequels
                    .fail(&event(10 * count - n, "ann", "x", ""))
                    .is_continue()
            );
        }
        assert!(sequels.fail(&event(5 * count, "ann", "x", "")).is_break());
        assert!(
            sequels
                .pass(&event(5 * count + 1, "ann", "x", ""))
                .is_continue()
        );
        assert!(sequels.pass(&event(5 * count, "ann", "x", "")).is_break());
        let (rows, since) = sequels.answer();
        assert_eq!((rows[0].events, since), (1, Some(Micros(5 * count + 1))));
    }
}
