//! Batches become events beside the conversation with the server: while some are decoded, the next
//! one is asked for. Worth it for exports; a page of a list is decoded where it stands.

use std::collections::VecDeque;
use std::sync::Arc;

use mongodb::raw_batch_cursor::RawBatch;
use tokio::task::JoinHandle;

use crate::core::event::Event;
use crate::core::profile::Profile;
use crate::core::query::predicate::Predicate;
use crate::store::mongo::order::Order;
use crate::store::mongo::page::documents;
use crate::store::mongo::rows::RowReader;
use crate::store::{PayloadNeed, StoreError};

/// Batches that are decoded while another is asked for.
const AT_ONCE: usize = 2;
/// Larger batches come one after the other, so that only one of them is in memory.
const LARGE: usize = 2 * 1024 * 1024;

/// How documents become events.
pub struct Decoder {
    /// The profile.
    pub profile: Arc<Profile>,
    /// The collection's order.
    pub order: Arc<Order>,
    /// How much of each payload is wanted.
    pub need: PayloadNeed,
    /// What every document is checked against, where the server's condition is wider.
    pub check: Option<Arc<Predicate>>,
}

/// Whether batches are decoded while others are asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// One at a time, where it stands.
    InStep,
    /// Some at a time.
    Ahead,
}

/// A batch as events.
pub struct Decoded {
    /// Documents it had.
    pub read: i64,
    /// Those that belong to the answer.
    pub events: Vec<Event>,
}

/// Batches on their way to becoming events, in the order in which they came.
pub struct Ahead {
    decoder: Arc<Decoder>,
    pace: Pace,
    waiting: VecDeque<JoinHandle<Result<Decoded, StoreError>>>,
    ready: VecDeque<Result<Decoded, StoreError>>,
    is_large: bool,
}

impl Ahead {
    /// Nothing is on its way yet.
    pub fn new(decoder: Arc<Decoder>, pace: Pace) -> Self {
        Self {
            decoder,
            pace,
            waiting: VecDeque::new(),
            ready: VecDeque::new(),
            is_large: false,
        }
    }

    /// Takes the next batch.
    pub fn take(&mut self, batch: RawBatch) {
        self.is_large = size(&batch) > LARGE;
        let decoder = Arc::clone(&self.decoder);
        match self.pace {
            Pace::InStep => self.ready.push_back(decoder.decode(&batch)),
            Pace::Ahead => self
                .waiting
                .push_back(tokio::task::spawn_blocking(move || decoder.decode(&batch))),
        }
    }

    /// The oldest batch, when there is no room for another beside it.
    pub async fn due(&mut self) -> Result<Option<Decoded>, StoreError> {
        let most = if self.is_large { 0 } else { AT_ONCE };
        if self.ready.is_empty() && self.waiting.len() <= most {
            return Ok(None);
        }
        self.next().await
    }

    /// The oldest batch; `None` when nothing is on its way.
    pub async fn next(&mut self) -> Result<Option<Decoded>, StoreError> {
        if let Some(ready) = self.ready.pop_front() {
            return ready.map(Some);
        }
        let Some(task) = self.waiting.pop_front() else {
            return Ok(None);
        };
        match task.await {
            Ok(decoded) => decoded.map(Some),
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime is on its way out.
                Err(_) => Err(StoreError::Cancelled),
            },
        }
    }
}

impl Decoder {
    fn decode(&self, batch: &RawBatch) -> Result<Decoded, StoreError> {
        let mut reader = RowReader::new(&self.profile, &self.order, self.need);
        let mut decoded = Decoded {
            read: 0,
            events: Vec::new(),
        };
        for document in documents(batch)? {
            decoded.read += 1;
            decoded
                .events
                .extend(reader.read(document?, self.check.as_deref())?);
        }
        Ok(decoded)
    }
}

fn size(batch: &RawBatch) -> usize {
    batch
        .doc_slices()
        .map_or(0, |documents| documents.as_bytes().len())
}
