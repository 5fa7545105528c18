//! Events on their way out, a few at a time.

use tokio::sync::mpsc::Sender;
use tokio_util::sync::CancellationToken;

use crate::core::event::{Cursor, Event};
use crate::store::{PageItem, StoreError};

const EVENTS: usize = 256;
const BYTES: usize = 512 * 1024;

/// Collects events and sends them on in pieces; knows where to go on after a break.
pub struct Batch<'b> {
    out: Sender<PageItem>,
    stop: &'b CancellationToken,
    events: Vec<Event>,
    weight: usize,
    /// The last event that was sent.
    sent: Option<Cursor>,
    /// How many more are wanted.
    pub left: Option<usize>,
}

impl<'b> Batch<'b> {
    /// A batch for at most `limit` events.
    pub fn new(out: Sender<PageItem>, limit: Option<usize>, stop: &'b CancellationToken) -> Self {
        Self {
            out,
            stop,
            events: Vec::new(),
            weight: 0,
            sent: None,
            left: limit,
        }
    }

    /// Whether no more events are wanted.
    pub fn is_full(&self) -> bool {
        self.left == Some(0)
    }

    /// The last event that was taken in.
    pub fn last(&self) -> Option<&Cursor> {
        let waiting = self.events.last().map(|event| &event.cursor);
        waiting.or(self.sent.as_ref())
    }

    /// Takes an event in; the caller has seen that there is room.
    pub async fn push(&mut self, event: Event) -> Result<(), StoreError> {
        self.left = self.left.map(|left| left.saturating_sub(1));
        self.weight += event.weight();
        self.events.push(event);
        if self.events.len() >= EVENTS || self.weight >= BYTES {
            self.flush().await?;
        }
        Ok(())
    }

    /// Takes events in, as many as there is room for, without touching each where they are a piece
    /// already.
    pub async fn extend(&mut self, mut events: Vec<Event>) -> Result<(), StoreError> {
        events.truncate(self.left.unwrap_or(usize::MAX));
        let weight: usize = events.iter().map(Event::weight).sum();
        if self.events.is_empty() && (BYTES / 2..=2 * BYTES).contains(&weight) {
            self.left = self.left.map(|left| left - events.len());
            self.events = events;
            return self.flush().await;
        }
        for event in events {
            self.push(event).await?;
        }
        Ok(())
    }

    /// Sends what there is.
    pub async fn flush(&mut self) -> Result<(), StoreError> {
        self.weight = 0;
        if self.events.is_empty() {
            return Ok(());
        }
        let events = std::mem::take(&mut self.events);
        self.sent = events.last().map(|event| event.cursor.clone());
        self.send(PageItem::Events(events)).await
    }

    /// Sends something else. A receiver that is gone ends the page as a stop does.
    pub async fn send(&self, item: PageItem) -> Result<(), StoreError> {
        tokio::select! {
            sent = self.out.send(item) => sent.map_err(|_| StoreError::Cancelled),
            () = self.stop.cancelled() => Err(StoreError::Cancelled),
        }
    }
}
