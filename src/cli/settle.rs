//! `tail --settled`: an event is printed once its outcome is final, or once its profile says that
//! it will not change any more.
//!
//! Pure: time is what the store's completeness says.

use std::collections::{HashMap, VecDeque};

use crate::core::event::{Event, EventId, Outcome};
use crate::core::instant::Micros;
use crate::core::profile::Changes;
use crate::store::{Change, TailEvent};

/// Events held back, and what was printed of those that may be told again.
#[derive(Debug)]
pub struct Settling {
    changes: Changes,
    held: HashMap<EventId, Event>,
    told: HashMap<EventId, Told>,
    /// Ids of `told`, oldest first.
    order: VecDeque<EventId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Told {
    outcome: Option<Outcome>,
    at: Option<Micros>,
}

impl Settling {
    /// Events held at most; when more are pending, the next ones are printed as they are.
    const HELD_MOST: usize = 20_000;
    /// Events remembered as printed at most.
    const TOLD_MOST: usize = 200_000;

    /// Nothing held yet. `told` is what a former run had printed: such events are printed again
    /// only with another outcome.
    pub fn new(
        changes: Changes,
        told: impl IntoIterator<Item = (EventId, Option<Outcome>)>,
    ) -> Self {
        let mut settling = Self {
            changes,
            held: HashMap::new(),
            told: HashMap::new(),
            order: VecDeque::new(),
        };
        for (id, outcome) in told {
            settling.remember(id, Told { outcome, at: None });
        }
        settling
    }

    /// Takes a new or changed event; gives back what is to be printed now.
    pub fn take(&mut self, incoming: TailEvent) -> Option<TailEvent> {
        let TailEvent { change, event } = incoming;
        if change == Change::Unmatched && self.held.remove(&event.id).is_some() {
            return None;
        }
        let known = self.told.get(&event.id).copied();
        if known.is_some_and(|told| told.outcome == event.outcome) {
            return None;
        }
        if known.is_none() && self.waits(&event) {
            self.held.insert(event.id.clone(), event);
            return None;
        }
        Some(self.tell(event))
    }

    /// What will not change any more by `now`, the instant the tail is complete to, oldest first.
    pub fn due(&mut self, now: Micros) -> Vec<TailEvent> {
        let Changes::Within(seconds) = self.changes else {
            return Vec::new();
        };
        let settled = now.plus(-i64::from(seconds) * Micros::SECOND);
        let mut due: Vec<Event> = self
            .held
            .extract_if(|_, event| event.at().instant().is_none_or(|at| at <= settled))
            .map(|(_, event)| event)
            .collect();
        due.sort_by(|a, b| a.cursor.cmp(&b.cursor));
        due.into_iter().map(|event| self.tell(event)).collect()
    }

    /// How far the output is complete when the tail is complete to `to`: not beyond what is held.
    pub fn complete_to(&self, to: Micros) -> Micros {
        self.held
            .values()
            .filter_map(|event| event.at().instant())
            .fold(to, Micros::min)
    }

    /// Whether an event is held back.
    pub fn holds(&self, id: &EventId) -> bool {
        self.held.contains_key(id)
    }

    /// How many are held back.
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// What was printed at or after an instant, for a run that goes on from there.
    pub fn told_since(&self, from: Micros) -> Vec<(EventId, Option<Outcome>)> {
        self.told
            .iter()
            .filter(|(_, told)| told.at.is_none_or(|at| at >= from))
            .map(|(id, told)| (id.clone(), told.outcome))
            .collect()
    }

    fn waits(&self, event: &Event) -> bool {
        event.outcome == Some(Outcome::Pending)
            && event.at().is_dated()
            && matches!(self.changes, Changes::Within(_))
            && self.held.len() < Self::HELD_MOST
    }

    fn tell(&mut self, event: Event) -> TailEvent {
        self.held.remove(&event.id);
        let told = Told {
            outcome: event.outcome,
            at: event.at().instant(),
        };
        let change = match self.remember(event.id.clone(), told) {
            None => Change::New,
            Some(_) => Change::Update,
        };
        TailEvent { change, event }
    }

    fn remember(&mut self, id: EventId, told: Told) -> Option<Told> {
        let before = self.told.insert(id.clone(), told);
        if before.is_none() {
            self.order.push_back(id);
            if self.order.len() > Self::TOLD_MOST {
                let oldest = self.order.pop_front();
                oldest.and_then(|id| self.told.remove(&id));
            }
        }
        before
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::instant::At;
    use crate::export::tests::event;

    fn at(id: &str, micros: i64, outcome: Outcome) -> TailEvent {
        let mut event = event();
        event.id = EventId::new(id);
        event.cursor.at = At::Instant(Micros(micros));
        event.outcome = Some(outcome);
        TailEvent {
            change: Change::New,
            event,
        }
    }

    fn ids(events: &[TailEvent]) -> Vec<&str> {
        events.iter().map(|event| event.event.id.as_str()).collect()
    }

    const MINUTE: i64 = 60 * Micros::SECOND;

    #[test]
    fn pending_events_wait_for_their_outcome() {
        let mut settling = Settling::new(Changes::Within(60), []);
        assert!(settling.take(at("a", 0, Outcome::Pending)).is_none());
        assert_eq!(settling.complete_to(Micros(MINUTE)), Micros(0));
        let told = settling.take(at("a", 0, Outcome::Denied)).expect("final");
        assert_eq!(told.change, Change::New);
        assert_eq!(settling.complete_to(Micros(MINUTE)), Micros(MINUTE));
        assert!(
            settling.take(at("a", 0, Outcome::Denied)).is_none(),
            "told already"
        );
        let changed = settling
            .take(at("a", 0, Outcome::Failed))
            .expect("another outcome");
        assert_eq!(changed.change, Change::Update);
    }

    #[test]
    fn pending_events_are_told_when_their_time_is_over() {
        let mut settling = Settling::new(Changes::Within(60), []);
        assert!(settling.take(at("b", 2, Outcome::Pending)).is_none());
        assert!(settling.take(at("a", 1, Outcome::Pending)).is_none());
        assert!(settling.due(Micros(MINUTE)).is_empty());
        assert_eq!(ids(&settling.due(Micros(MINUTE + 2))), ["a", "b"]);
        assert!(settling.due(Micros(9 * MINUTE)).is_empty());
        let late = settling
            .take(at("a", 1, Outcome::Ok))
            .expect("it ended after all");
        assert_eq!(late.change, Change::Update);
    }

    #[test]
    fn stores_that_never_change_hold_nothing() {
        let mut settling = Settling::new(Changes::Never, []);
        assert!(settling.take(at("a", 0, Outcome::Pending)).is_some());
    }

    #[test]
    fn an_event_that_matches_no_more_before_it_was_told_is_dropped() {
        let mut settling = Settling::new(Changes::Within(60), []);
        assert!(settling.take(at("a", 0, Outcome::Pending)).is_none());
        let mut gone = at("a", 0, Outcome::Ok);
        gone.change = Change::Unmatched;
        assert!(settling.take(gone).is_none());
        assert_eq!(settling.held(), 0);
    }

    #[test]
    fn a_second_run_tells_nothing_twice() {
        let mut first = Settling::new(Changes::Within(60), []);
        assert!(first.take(at("a", 5, Outcome::Ok)).is_some());
        let mut second = Settling::new(Changes::Within(60), first.told_since(Micros(5)));
        assert!(second.take(at("a", 5, Outcome::Ok)).is_none());
        assert!(first.told_since(Micros(6)).is_empty());
    }
}
