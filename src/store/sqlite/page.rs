//! Pages: a walk, its matches sent as they come, and word of how far it has looked.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::mpsc::Sender;
use tokio_util::sync::CancellationToken;

use crate::core::event::Event;
use crate::core::instant::{At, Micros};
use crate::store::sqlite::SqliteStore;
use crate::store::sqlite::row::payload;
use crate::store::sqlite::walk::{Pause, Walk};
use crate::store::sqlite::worker::{Halt, Worker};
use crate::store::{PageEnd, PageFrom, PageItem, PageRequest, PayloadNeed, Progress, StoreError};

/// How long one job may keep the connection from others: what a person does not notice.
const SLICE: Duration = Duration::from_millis(60);

/// Events sent in one piece at most.
const PIECE: usize = 500;

/// Bytes sent in one piece at most, give or take one event.
const PIECE_WEIGHT: usize = 4 * 1024 * 1024;

pub(super) async fn page(
    store: &SqliteStore,
    request: PageRequest,
    out: Sender<PageItem>,
    stop: &CancellationToken,
) -> Result<PageEnd, StoreError> {
    // An export takes as long as it takes: it must not stand before what a person waits for.
    let worker = match request.limit {
        Some(_) => &store.browse,
        None => store.heavy().await?,
    };
    let mut walk = Walk::new(&store.shape, Arc::clone(&request.predicate), &request.from);
    let mut left = request.limit.unwrap_or(usize::MAX);
    let mut course = None;
    while left > 0 {
        let piece = piece(store, worker, walk, left.min(PIECE), request.payload, stop).await?;
        walk = piece.walk;
        left -= piece.events.len();
        if !piece.events.is_empty() {
            send(&out, PageItem::Events(piece.events), stop).await?;
        }
        match piece.pause {
            Pause::End => return Ok(PageEnd::Exhausted),
            Pause::Visitor => {}
            Pause::Budget => {
                if course.is_none() {
                    course = Some(Course::find(store, worker, &request, stop).await?);
                }
                if let (Some(course), Some(looked_to)) = (&course, walk.looked_to) {
                    send(&out, PageItem::Progress(course.progress(looked_to)), stop).await?;
                }
            }
        }
    }
    Ok(PageEnd::Limit)
}

/// What one job brought.
struct Piece {
    walk: Walk,
    events: Vec<Event>,
    pause: Pause,
}

async fn piece(
    store: &SqliteStore,
    worker: &Worker,
    mut walk: Walk,
    most: usize,
    need: PayloadNeed,
    stop: &CancellationToken,
) -> Result<Piece, StoreError> {
    let shape = Arc::clone(&store.shape);
    let job = move |connection: &mut Connection, halt: &Halt| {
        let mut events: Vec<Event> = Vec::new();
        let mut weight = 0;
        let pause = walk.advance(connection, &shape, SLICE, halt, &mut |mut event, record| {
            event.payload = payload(record, need);
            weight += event.weight();
            events.push(event);
            if events.len() >= most || weight >= PIECE_WEIGHT {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })?;
        Ok(Piece {
            walk,
            events,
            pause,
        })
    };
    worker.run(stop, job).await
}

/// Hands a piece over; a receiver that is gone stops the work.
pub(super) async fn send<T>(
    out: &Sender<T>,
    item: T,
    stop: &CancellationToken,
) -> Result<(), StoreError> {
    tokio::select! {
        () = stop.cancelled() => Err(StoreError::Cancelled),
        sent = out.send(item) => sent.map_err(|_| StoreError::Cancelled),
    }
}

/// From where to where a walk goes in time, for its progress.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Course {
    /// First and last instant; `None` where there is none.
    ends: Option<(Micros, Micros)>,
}

impl Course {
    pub(super) async fn find(
        store: &SqliteStore,
        worker: &Worker,
        request: &PageRequest,
        stop: &CancellationToken,
    ) -> Result<Self, StoreError> {
        let Some((oldest, newest)) = store.span_on(worker, stop).await? else {
            return Ok(Self { ends: None });
        };
        let (since, until) = request.predicate.time_bounds();
        let oldest = since.map_or(oldest, |since| since.max(oldest));
        let newest = until.map_or(newest, |until| until.min(newest));
        let ends = match &request.from {
            PageFrom::Newest => (newest, oldest),
            PageFrom::Oldest => (oldest, newest),
            PageFrom::Before(cursor) => (cursor.at.instant().unwrap_or(newest), oldest),
            PageFrom::After(cursor) => (cursor.at.instant().unwrap_or(oldest), newest),
        };
        Ok(Self { ends: Some(ends) })
    }

    pub(super) fn progress(self, looked_to: At) -> Progress {
        let share = |(first, last): (Micros, Micros)| {
            let done = looked_to.instant()?.0.abs_diff(first.0);
            let all = last.0.abs_diff(first.0);
            #[expect(
                clippy::cast_precision_loss,
                reason = "a share of a range is for a bar"
            )]
            let share = done as f64 / all as f64;
            (all > 0).then_some(share.clamp(0.0, 1.0))
        };
        Progress {
            looked_to,
            fraction: self.ends.and_then(share),
        }
    }
}
