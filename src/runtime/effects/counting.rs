//! Questions about many events: each replaces the one of its kind before.

use std::sync::Arc;

use tokio::sync::mpsc::{Sender, channel};
use tokio_util::sync::CancellationToken;

use crate::app::answer::Answer;
use crate::app::usage::Reply;
use crate::app::{Effect, Generation};
use crate::core::aggregate::{Aggregate, AggregateRequest};
use crate::core::usage::Usage;
use crate::runtime::effects::{PIECES, Report, Workers, contrast, facets, pass_on, send};
use crate::store::reading::{self, Heard, Hearing};
use crate::store::{AggregateItem, Store, StoreError};

impl Workers {
    /// Counts many events.
    pub(super) fn take_counting(&mut self, store: Arc<dyn Store>, effect: Effect) {
        let (all, out) = (&self.all, self.out.clone());
        match effect {
            Effect::Histogram(generation, request) => {
                let stop = self.slots.histogram.renew(all);
                self.spawn(count(store, request, HISTOGRAM, generation, out, stop));
            }
            Effect::Usage(generation, request) => {
                let stop = self.slots.usage.renew(all);
                self.spawn(count(store, *request, REPORT, generation, out, stop));
            }
            Effect::Facet(generation, ask) => {
                let stop = self.slots.facet.renew(all);
                self.spawn(facets::answer(store, *ask, generation, out, stop));
            }
            Effect::Contrast(generation, request) => {
                let stop = self.slots.contrast.renew(all);
                self.spawn(contrast::compare(store, *request, generation, out, stop));
            }
            Effect::ReadUsage(generation, usage) => {
                let stop = self.slots.usage.renew(all);
                self.spawn(read(store, *usage, generation, out, stop));
            }
            other => self.take_stop(other),
        }
    }
}

/// Makes a report from events, and tells what is known until it is whole.
async fn read(
    store: Arc<dyn Store>,
    usage: Usage,
    generation: Generation,
    out: Sender<Report>,
    stop: CancellationToken,
) {
    let mut tell = |heard| {
        if let Heard::Answer(known) = heard {
            // Where nobody has time for it, the next one says more.
            let part = Answer::UsageSoFar(Box::new(known));
            let _ = out.try_send(Report::Answer(generation, part));
        }
    };
    let read = reading::report(&*store, &usage, &stop, Hearing::Parts, &mut tell).await;
    let whole = read.map(|answer| Reply::Report(Box::new(answer)));
    send(&out, generation, Answer::UsageEnd(whole)).await;
}

/// How numbers become answers: while more are to come, and when they are all.
type Told = (
    fn(AggregateItem) -> Answer,
    fn(Result<Aggregate, StoreError>) -> Answer,
);

/// Buckets of time are few, so their numbers are always exact.
const HISTOGRAM: Told = (Answer::Counts, |result| {
    Answer::CountsEnd(result.map(|answer| answer.groups))
});

const REPORT: Told = (Answer::Usage, |result| {
    Answer::UsageEnd(result.map(Reply::Numbers))
});

async fn count(
    store: Arc<dyn Store>,
    request: AggregateRequest,
    (partly, whole): Told,
    generation: Generation,
    out: Sender<Report>,
    stop: CancellationToken,
) {
    let (pieces, arriving) = channel(PIECES);
    let pass_on = pass_on(arriving, &out, generation, partly);
    let (result, ()) = tokio::join!(store.aggregate(request, pieces, &stop), pass_on);
    send(&out, generation, whole(result)).await;
}
