//! Reads the events of a comparison, stretch by stretch, and says what they show so far.

use std::sync::Arc;

use tokio::sync::mpsc::{Sender, channel};
use tokio_util::sync::CancellationToken;

use crate::app::Generation;
use crate::app::answer::Answer;
use crate::app::contrast::{ContrastRequest, Reading};
use crate::core::contrast::probe::{Probe, Walk};
use crate::core::contrast::tally::Tally;
use crate::core::event::Event;
use crate::core::json::FlatJson;
use crate::core::query::predicate::{Atom, Predicate};
use crate::runtime::effects::{PIECES, Report, send};
use crate::store::{PageFrom, PageItem, PageRequest, PayloadNeed, Store, StoreError};

/// After so many stretches of the rest what is known is shown.
const STEP: usize = 8;

/// Compares.
pub async fn compare(
    store: Arc<dyn Store>,
    request: ContrastRequest,
    generation: Generation,
    out: Sender<Report>,
    stop: CancellationToken,
) {
    let mut tally = Tally::new(&request.profile, request.rush);
    let mut result = Ok(());
    for (number, probe) in request.probes.iter().enumerate() {
        result = read(&*store, &request.predicate, probe, &mut tally, &stop).await;
        if result.is_err() {
            break;
        }
        let stretches = number + 1;
        if stretches % STEP == 0 || stretches == request.probes.len() {
            let reading = Reading {
                verdict: tally.verdict(),
                habits: tally.habits(),
                read: tally.read(),
                stretches,
            };
            send(&out, generation, Answer::Contrast(Box::new(reading))).await;
        }
    }
    send(&out, generation, Answer::ContrastEnd(result)).await;
}

/// Reads one stretch.
async fn read(
    store: &dyn Store,
    predicate: &Predicate,
    probe: &Probe,
    tally: &mut Tally,
    stop: &CancellationToken,
) -> Result<(), StoreError> {
    let within = Predicate::Atom(Atom::At {
        since: Some(probe.since),
        until: Some(probe.until),
    });
    let request = PageRequest {
        predicate: Arc::new(predicate.clone().and(within)),
        from: PageFrom::Newest,
        limit: Some(usize::try_from(probe.most).unwrap_or(usize::MAX)),
        // Any path of a record may be what is different.
        payload: PayloadNeed::Whole,
    };
    let (pieces, mut arriving) = channel(PIECES);
    let take = async {
        let mut walk = Walk::new(probe);
        while let Some(item) = arriving.recv().await {
            if let PageItem::Events(events) = item {
                take(tally, &mut walk, &events);
            }
        }
    };
    let (result, ()) = tokio::join!(store.page(request, pieces, stop), take);
    tally.close(probe.side);
    result.map(|_| ())
}

fn take(tally: &mut Tally, walk: &mut Walk<'_>, events: &[Event]) {
    for event in events {
        // A record that is no JSON still has fields.
        let record = FlatJson::parse(&*event.payload.text);
        let nothing = || FlatJson::parse("{}");
        if let Ok(record) = record.or_else(|_| nothing()) {
            tally.pass(walk, event, &record);
        }
    }
}
