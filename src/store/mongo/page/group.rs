//! Documents of one instant, put in the order of their ids.

use std::cmp::Ordering;

use crate::core::event::{Event, KeyPart};
use crate::store::mongo::order::Way;

/// Documents of one instant that are put in order here; more are sorted by the server.
const GROUP: usize = 5_000;
/// And their weight.
const GROUP_BYTES: usize = 8 << 20;

/// Documents of one instant, until the next instant tells that they are all.
#[derive(Default)]
pub struct Group {
    /// The instant.
    pub time: Option<KeyPart>,
    events: Vec<Event>,
    weight: usize,
}

impl Group {
    /// Whether there is one, and a document of this time belongs to it.
    pub fn is_open_for(&self, time: &KeyPart) -> bool {
        self.time
            .as_ref()
            .is_some_and(|mine| mine.cmp(time) == Ordering::Equal)
    }

    /// Takes a document in.
    pub fn add(&mut self, event: Event) {
        self.time.get_or_insert_with(|| event.cursor.time.clone());
        self.weight += event.weight();
        self.events.push(event);
    }

    /// Whether the server had better sort it.
    pub fn is_too_large(&self) -> bool {
        self.events.len() > GROUP || (self.events.len() > 1 && self.weight > GROUP_BYTES)
    }

    /// The documents in order; nothing stays.
    pub fn take(&mut self, way: Way) -> Vec<Event> {
        self.time = None;
        self.weight = 0;
        let mut events = std::mem::take(&mut self.events);
        by_key(&mut events, way);
        events
    }
}

fn by_key(events: &mut [Event], way: Way) {
    events.sort_by(|a, b| match way {
        Way::Back => b.cursor.key.cmp(&a.cursor.key),
        Way::Forth => a.cursor.key.cmp(&b.cursor.key),
    });
}

/// Puts the documents of each instant in order, but for the last instant, of which more may come.
/// Tells where that one begins.
pub fn settle(events: &mut [Event], way: Way) -> usize {
    let mut begin = 0;
    for next in 1..events.len() {
        if events[begin].cursor.time.cmp(&events[next].cursor.time) != Ordering::Equal {
            if next - begin > 1 {
                by_key(&mut events[begin..next], way);
            }
            begin = next;
        }
    }
    begin
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::event::{Cursor, EventId, Payload, Values};
    use crate::core::instant::{At, Micros};

    fn event(time: i64, key: i64) -> Event {
        Event {
            id: EventId::new(""),
            cursor: Cursor {
                at: At::Instant(Micros(time)),
                time: KeyPart::Int(time),
                key: vec![KeyPart::Int(key)],
            },
            outcome: None,
            values: Values::default(),
            payload: Payload::whole(""),
        }
    }

    #[test]
    fn each_instant_is_put_in_order_but_for_the_last() {
        for (given, settled, last) in [
            (&[(9, 1)][..], &[(9, 1)][..], 0),
            (&[(9, 1), (9, 3)], &[(9, 1), (9, 3)], 0),
            (
                &[(9, 1), (9, 3), (8, 2), (7, 5), (7, 6)],
                &[(9, 3), (9, 1), (8, 2), (7, 5), (7, 6)],
                3,
            ),
        ] {
            let mut events: Vec<Event> = given.iter().map(|(t, k)| event(*t, *k)).collect();
            assert_eq!(settle(&mut events, Way::Back), last);
            let expected: Vec<Event> = settled.iter().map(|(t, k)| event(*t, *k)).collect();
            assert_eq!(events, expected);
        }
    }
}
