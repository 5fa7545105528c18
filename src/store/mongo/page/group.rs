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
    /// Whether a document of this time belongs to it.
    pub fn holds(&self, time: &KeyPart) -> bool {
        self.time
            .as_ref()
            .is_none_or(|mine| mine.cmp(time) == Ordering::Equal)
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

    /// Puts the documents in order.
    pub fn sort(&mut self, way: Way) {
        self.events.sort_by(|a, b| match way {
            Way::Back => b.cursor.key.cmp(&a.cursor.key),
            Way::Forth => a.cursor.key.cmp(&b.cursor.key),
        });
    }

    /// The documents; nothing stays but their memory, as most instants have one document only.
    pub fn drain(&mut self) -> impl Iterator<Item = Event> + '_ {
        self.time = None;
        self.weight = 0;
        self.events.drain(..)
    }
}
