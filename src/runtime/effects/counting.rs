//! Questions about many events: each replaces the one of its kind before.

use std::sync::Arc;

use tokio::sync::mpsc::{Sender, channel};
use tokio_util::sync::CancellationToken;

use crate::app::answer::Answer;
use crate::app::usage::Reply;
use crate::app::{Effect, Generation};
use crate::core::aggregate::{Aggregate, AggregateRequest};
use crate::runtime::effects::{PIECES, Report, Workers, contrast, facets, pass_on, send};
use crate::store::{AggregateItem, Store, StoreError, reading};

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
                self.ask(generation, async move {
                    let read = reading::report(&*store, &usage, &stop, &mut |_| {}).await;
                    Answer::UsageEnd(read.map(|answer| Reply::Report(Box::new(answer))))
                });
            }
            other => self.take_stop(other),
        }
    }
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
