//! Counts the values of a facet: all of them where that is quick, those of the newest events where
//! it is not.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Report, pass_on, send};
use crate::app::facets::facet::{Ask, Basis, Counted, How};
use crate::app::{Answer, Generation};
use crate::core::aggregate::accumulator::Accumulator;
use crate::core::aggregate::{AggregateRequest, GroupKey, Subject};
use crate::core::event::Event;
use crate::core::json::FlatJson;
use crate::store::{
    AggregateItem, PageFrom, PageItem, PageRequest, PayloadNeed, Store, StoreError,
};

/// How long all events may take to be counted before the newest have to do, and the same again for
/// those.
const BOUND: Duration = Duration::from_secs(3);

/// Events of a sample at most.
const NEWEST: u64 = 10_000;

/// Bytes of whole records read for a sample at most.
const BYTES: usize = 64 * 1024 * 1024;

/// Pieces of an answer, or of a page, that wait.
const PIECES: usize = 2;

/// Why a sample ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// There are no more events.
    All,
    /// There may be more.
    Enough,
}

/// Runs a facet's question and sends what comes of it.
pub(super) async fn answer(
    store: Arc<dyn Store>,
    ask: Ask,
    generation: Generation,
    out: Sender<Report>,
    stop: CancellationToken,
) {
    let (pieces, arriving) = channel(PIECES);
    let pass_on = pass_on(arriving, &out, generation, Answer::Facet);
    let (result, ()) = tokio::join!(count(&*store, ask, pieces, &stop), pass_on);
    send(&out, generation, Answer::FacetEnd(result)).await;
}

/// Answers a facet's question. How far a long one is goes to `out`.
pub async fn count(
    store: &dyn Store,
    ask: Ask,
    out: Sender<AggregateItem>,
    stop: &CancellationToken,
) -> Result<Counted, StoreError> {
    let Ask { request, how } = ask;
    if how == How::Sampled {
        drop(out);
        return sample(store, request, stop).await;
    }
    let hurry = stop.child_token();
    let mut counting = store.aggregate(request.clone(), out, &hurry);
    let answer = tokio::select! {
        answer = &mut counting => answer,
        () = tokio::time::sleep(BOUND), if how == How::Bounded => {
            hurry.cancel();
            // The server is at rest before it is asked again.
            counting.await
        }
    };
    match answer {
        Err(StoreError::Cancelled) if !stop.is_cancelled() => sample(store, request, stop).await,
        answer => Ok(Counted {
            answer: answer?,
            basis: Basis::All,
        }),
    }
}

/// Counts the newest events that match.
async fn sample(
    store: &dyn Store,
    request: AggregateRequest,
    stop: &CancellationToken,
) -> Result<Counted, StoreError> {
    let is_outside_fields = request
        .keys
        .iter()
        .any(|key| matches!(key, GroupKey::Value(Subject::Path(_) | Subject::Own(_))));
    let payload = if is_outside_fields {
        PayloadNeed::Whole
    } else {
        PayloadNeed::Head
    };
    let page = PageRequest {
        predicate: request.predicate.clone(),
        from: PageFrom::Newest,
        // Without a limit it is no page for somebody to look at, and does not hold those up.
        limit: None,
        payload,
    };
    let (out, pieces) = channel(PIECES);
    let enough = stop.child_token();
    let mut counts = Accumulator::new(request);
    let reading = store.page(page, out, &enough);
    let counting = async {
        let (end, read) = feed(&mut counts, pieces, payload).await;
        if end == End::Enough {
            enough.cancel();
        }
        (end, read)
    };
    let (result, (end, read)) = tokio::join!(reading, counting);
    if stop.is_cancelled() {
        return Err(StoreError::Cancelled);
    }
    let basis = match end {
        End::Enough => Basis::Newest(read),
        End::All => {
            result?;
            Basis::All
        }
    };
    Ok(Counted {
        answer: counts.answer(),
        basis,
    })
}

async fn feed(
    counts: &mut Accumulator,
    mut pieces: Receiver<PageItem>,
    payload: PayloadNeed,
) -> (End, u64) {
    let (began, mut read, mut bytes) = (Instant::now(), 0, 0);
    while let Some(item) = pieces.recv().await {
        if let PageItem::Events(events) = item {
            for event in &events {
                feed_one(counts, event, payload);
                read += 1;
                bytes += event.payload.text.len();
                if read == NEWEST || bytes > BYTES {
                    return (End::Enough, read);
                }
            }
        }
        // A few events tell more than none after a long wait.
        if read > 0 && began.elapsed() > BOUND {
            return (End::Enough, read);
        }
    }
    (End::All, read)
}

/// Counts an event of a page: it matches.
fn feed_one(counts: &mut Accumulator, event: &Event, payload: PayloadNeed) {
    let text = match payload {
        PayloadNeed::Whole => &*event.payload.text,
        PayloadNeed::Head | PayloadNeed::Only(_) => "{}",
    };
    if let Ok(record) = FlatJson::parse(text) {
        counts.feed_times(event, &record, 1);
    }
}
