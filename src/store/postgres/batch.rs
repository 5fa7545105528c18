//! Events on their way out of a page, and runs of one instant put in order.
//!
//! Does not know where they come from.

use tokio::sync::mpsc::Sender;
use tokio_util::sync::CancellationToken;

use crate::core::event::{Event, KeyPart};
use crate::store::postgres::layout::Way;
use crate::store::{PageItem, StoreError};

/// Events on their way out, a few at a time.
pub struct Batch {
    out: Sender<PageItem>,
    events: Vec<Event>,
    weight: usize,
}

impl Batch {
    /// Nothing is on its way yet.
    pub fn new(out: Sender<PageItem>) -> Self {
        Self {
            out,
            events: Vec::new(),
            weight: 0,
        }
    }

    const EVENTS: usize = 256;
    const BYTES: usize = 512 * 1024;

    /// Whether nobody takes events any more.
    pub fn is_closed(&self) -> bool {
        self.out.is_closed()
    }

    /// One more.
    pub async fn push(&mut self, event: Event, stop: &CancellationToken) -> Result<(), StoreError> {
        self.weight += event.weight();
        self.events.push(event);
        if self.events.len() >= Self::EVENTS || self.weight >= Self::BYTES {
            self.flush(stop).await?;
        }
        Ok(())
    }

    /// Hands out what is held.
    pub async fn flush(&mut self, stop: &CancellationToken) -> Result<(), StoreError> {
        self.weight = 0;
        if self.events.is_empty() {
            return Ok(());
        }
        let events = std::mem::take(&mut self.events);
        self.send(PageItem::Events(events), stop).await
    }

    /// A receiver that is gone ends the page as a stop does.
    pub async fn send(&self, item: PageItem, stop: &CancellationToken) -> Result<(), StoreError> {
        tokio::select! {
            sent = self.out.send(item) => sent.map_err(|_| StoreError::Cancelled),
            () = stop.cancelled() => Err(StoreError::Cancelled),
        }
    }
}

/// Events of one instant that the server sent in any order: an order by time alone is that of the
/// index, and nothing has to be sorted there.
pub struct Ties {
    way: Way,
    held: Vec<Event>,
    weight: usize,
}

impl Ties {
    /// For a list that goes this way.
    pub fn new(way: Way) -> Self {
        Self {
            way,
            held: Vec::new(),
            weight: 0,
        }
    }

    /// Whether an event ends the run that is held.
    pub fn are_ended_by(&self, event: &Event) -> bool {
        let first = self.held.first();
        first.is_some_and(|first| first.cursor.time != event.cursor.time)
    }

    /// When the run is.
    pub fn instant(&self) -> Option<&KeyPart> {
        self.held.first().map(|event| &event.cursor.time)
    }

    /// Whether the run is more than anybody should have to hold: the server can sort it.
    pub fn are_heavy(&self) -> bool {
        self.held.len() > 1 && self.weight > Self::BYTES
    }

    const BYTES: usize = 16 * 1024 * 1024;

    /// Holds one more of the run.
    pub fn hold(&mut self, event: Event) {
        self.weight += event.weight();
        self.held.push(event);
    }

    /// The run in the order of the list.
    pub fn release(&mut self) -> impl Iterator<Item = Event> {
        if self.held.len() > 1 {
            self.held
                .sort_unstable_by(|a, b| a.cursor.key.cmp(&b.cursor.key));
            if self.way == Way::Back {
                self.held.reverse();
            }
        }
        self.weight = 0;
        self.held.drain(..)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::core::event::{Cursor, EventId, Payload, Values};
    use crate::core::instant::{At, Micros};

    fn event(key: i64, bytes: usize) -> Event {
        Event {
            id: EventId::new(key.to_string()),
            cursor: Cursor {
                at: At::Instant(Micros(0)),
                time: KeyPart::Int(0),
                key: vec![KeyPart::Int(key)],
            },
            outcome: None,
            values: Values::of(&[]),
            payload: Payload::whole(Arc::from("x".repeat(bytes))),
        }
    }

    #[test]
    fn a_run_is_heavy_when_it_is_one_and_large() {
        let mut ties = Ties::new(Way::Back);
        // Alone it has to be held whatever it weighs.
        ties.hold(event(1, Ties::BYTES + 1));
        assert!(!ties.are_heavy());
        ties.hold(event(2, 1));
        assert!(ties.are_heavy());
        let keys: Vec<String> = ties.release().map(|event| event.id.to_string()).collect();
        assert_eq!(keys, ["2", "1"]);
        for key in 3..1_000 {
            ties.hold(event(key, 1_000));
        }
        assert!(!ties.are_heavy());
    }
}
