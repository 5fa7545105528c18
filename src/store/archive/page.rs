//! Pages: rounds of a sweep, their matches sent as they come, and word of how far it has looked.

use std::sync::{Arc, PoisonError};

use tokio::sync::mpsc::Sender;
use tokio_util::sync::CancellationToken;

use crate::core::event::Event;
use crate::store::archive::sweep::{Room, Sweep};
use crate::store::archive::{ArchiveStore, run, send};
use crate::store::{PageEnd, PageItem, PageRequest, PayloadNeed, Progress, StoreError};

/// Events sent in one piece at most.
const PIECE: usize = 500;

/// Bytes sent in one piece at most, give or take one event.
const PIECE_WEIGHT: usize = 4 * 1024 * 1024;

pub(super) async fn page(
    store: &ArchiveStore,
    request: PageRequest,
    out: Sender<PageItem>,
    stop: &CancellationToken,
) -> Result<PageEnd, StoreError> {
    let mut sweep = store.begin(&request);
    let mut left = request.limit.unwrap_or(usize::MAX);
    while left > 0 {
        let piece = piece(store, sweep, left.min(PIECE), request.payload, stop).await?;
        sweep = piece.sweep;
        left -= piece.events.len();
        let is_over = piece.events.is_empty() && piece.progress.is_none();
        if !piece.events.is_empty() {
            send(&out, PageItem::Events(piece.events), stop).await?;
        }
        if let Some(progress) = piece.progress {
            send(&out, PageItem::Progress(progress), stop).await?;
        }
        if is_over {
            return Ok(PageEnd::Exhausted);
        }
    }
    if request.limit.is_some() {
        store.keep(sweep);
    }
    Ok(PageEnd::Limit)
}

impl ArchiveStore {
    /// The sweep that ended where the page begins, or a new one.
    fn begin(&self, request: &PageRequest) -> Sweep {
        let mut sweeps = self.sweeps.lock().unwrap_or_else(PoisonError::into_inner);
        let place = sweeps
            .iter()
            .position(|sweep| sweep.goes_on(&request.predicate, &request.from));
        if let Some(place) = place {
            return sweeps.swap_remove(place);
        }
        let room = match request.limit {
            Some(_) => Room::PAGE,
            None => Room::EXPORT,
        };
        let predicate = Arc::clone(&request.predicate);
        Sweep::new(&self.stock, predicate, &request.from, room)
    }

    fn keep(&self, sweep: Sweep) {
        let mut sweeps = self.sweeps.lock().unwrap_or_else(PoisonError::into_inner);
        sweeps.retain(|other| other.way() != sweep.way());
        sweeps.push(sweep);
    }
}

/// What one job brought.
struct Piece {
    sweep: Sweep,
    events: Vec<Event>,
    /// After a round.
    progress: Option<Progress>,
}

async fn piece(
    store: &ArchiveStore,
    mut sweep: Sweep,
    most: usize,
    need: PayloadNeed,
    stop: &CancellationToken,
) -> Result<Piece, StoreError> {
    let stock = Arc::clone(&store.stock);
    run(stop, move |halt| {
        let progress = if sweep.is_ready() {
            None
        } else {
            sweep.round(&stock, halt)?
        };
        let mut events: Vec<Event> = Vec::new();
        let mut weight = 0;
        while events.len() < most
            && weight < PIECE_WEIGHT
            && let Some(event) = sweep.next_event(&stock, need)?
        {
            weight += event.weight();
            events.push(event);
        }
        Ok(Piece {
            sweep,
            events,
            progress,
        })
    })
    .await
}
