//! Pages through the library: what a scroll costs at the newest end and deep in the past.

use std::sync::Arc;
use std::time::{Duration, Instant};

use auditail::core::event::{Cursor, Event};
use auditail::core::instant::Micros;
use auditail::core::query::predicate::{Atom, Predicate};
use auditail::store::connect::{OpenOptions, open};
use auditail::store::{PageFrom, PageItem, PageRequest, PayloadNeed, Store};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::measure::median;

/// Rows of a page.
const PAGE: usize = 200;
/// Pages measured at each place.
const PAGES: usize = 40;

/// Middle times of a page at the newest end and just below an instant.
pub async fn newest_and_deep(target: &str, instant: i64) -> (Duration, Duration) {
    let options = OpenOptions::default();
    let store = open(target, &options).await.expect("the database opens");
    let everything = Arc::new(Predicate::All);
    let below = Predicate::Atom(Atom::At {
        since: None,
        until: Some(Micros(instant)),
    });
    let deep = page(&*store, Arc::new(below), PageFrom::Newest).await;
    let top = page(&*store, Arc::clone(&everything), PageFrom::Newest).await;
    let deep = walk(&*store, &everything, last(&deep)).await;
    let newest = walk(&*store, &everything, last(&top)).await;
    (newest, deep)
}

async fn walk(store: &dyn Store, everything: &Arc<Predicate>, from: Cursor) -> Duration {
    let mut cursor = from;
    let mut times = Vec::with_capacity(PAGES);
    for _ in 0..PAGES {
        let begun = Instant::now();
        let events = page(store, Arc::clone(everything), PageFrom::Before(cursor)).await;
        times.push(begun.elapsed());
        cursor = last(&events);
    }
    median(times)
}

fn last(events: &[Event]) -> Cursor {
    events.last().expect("a page of events").cursor.clone()
}

async fn page(store: &dyn Store, predicate: Arc<Predicate>, from: PageFrom) -> Vec<Event> {
    let (out, mut pieces) = mpsc::channel(4);
    let stop = CancellationToken::new();
    let request = PageRequest {
        predicate,
        from,
        limit: Some(PAGE),
        payload: PayloadNeed::Head,
    };
    let collect = async {
        let mut events = Vec::with_capacity(PAGE);
        while let Some(piece) = pieces.recv().await {
            if let PageItem::Events(more) = piece {
                events.extend(more);
            }
        }
        events
    };
    let (end, events) = tokio::join!(store.page(request, out, &stop), collect);
    end.expect("a page");
    events
}
