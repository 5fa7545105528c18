//! Following an archive: nothing new ever comes, and that is said.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{Sender, channel};
use tokio_util::sync::CancellationToken;

use crate::core::event::EventId;
use crate::core::instant::Micros;
use crate::core::query::predicate::{Atom, Predicate};
use crate::store::archive::{ArchiveStore, page, send};
use crate::store::{
    Change, Complete, PageFrom, PageItem, PageRequest, StoreError, TailEvent, TailFrom, TailItem,
    TailLevel, TailRequest,
};

/// Between two words that nothing has come.
const WAIT: Duration = Duration::from_secs(1);

/// Pieces under way.
const PIECES: usize = 4;

pub(super) async fn tail(
    store: &ArchiveStore,
    request: TailRequest,
    out: Sender<TailItem>,
    stop: &CancellationToken,
) -> Result<(), StoreError> {
    let since = match (&request.resume, request.from) {
        (Some(checkpoint), _) => Some(checkpoint.to),
        (None, TailFrom::Since(since)) => Some(since),
        (None, TailFrom::Now) => None,
    };
    if let Some(since) = since {
        let seen = request
            .resume
            .iter()
            .flat_map(|checkpoint| &checkpoint.seen);
        let seen: HashSet<&EventId> = seen.map(|(id, _)| id).collect();
        let later = Predicate::Atom(Atom::At {
            since: Some(since),
            until: None,
        });
        let wanted = PageRequest {
            predicate: Arc::new((*request.predicate).clone().and(later)),
            from: PageFrom::Oldest,
            limit: None,
            payload: request.payload,
        };
        let (pieces, read) = channel(PIECES);
        let telling = async {
            // A reader that has gone ends the page, too.
            let mut read = read;
            while let Some(piece) = read.recv().await {
                let PageItem::Events(events) = piece else {
                    continue;
                };
                let unseen = events.into_iter().filter(|event| !seen.contains(&event.id));
                let told = unseen.map(|event| TailEvent {
                    change: Change::New,
                    event,
                });
                send(&out, TailItem::Events(told.collect()), stop).await?;
            }
            Ok::<_, StoreError>(())
        };
        let (read, told) = tokio::join!(page::page(store, wanted, pieces, stop), telling);
        told?;
        read?;
    }
    loop {
        let complete = Complete {
            to: clock(),
            level: TailLevel::Exact("archive, read only"),
        };
        send(&out, TailItem::Complete(complete), stop).await?;
        tokio::select! {
            () = stop.cancelled() => return Err(StoreError::Cancelled),
            () = tokio::time::sleep(WAIT) => {}
        }
    }
}

/// An archive has no clock of its own.
pub(super) fn clock() -> Micros {
    Micros::from(chrono::Utc::now())
}
