//! Questions about many events: each replaces the one of its kind before.

use std::sync::Arc;

use tokio::sync::mpsc::{Sender, channel};
use tokio_util::sync::CancellationToken;

use crate::app::answer::Answer;
use crate::app::usage::Reply;
use crate::app::{Effect, Generation};
use crate::core::aggregate::AggregateRequest;
use crate::runtime::effects::{PIECES, Report, Workers, contrast, facets, pass_on, send};
use crate::store::{Store, reading};

impl Workers {
    /// Counts many events.
    pub(super) fn take_counting(&mut self, store: Arc<dyn Store>, effect: Effect) {
        let (all, out) = (&self.all, self.out.clone());
        match effect {
            Effect::Histogram(generation, request) => {
                let stop = self.slots.histogram.renew(all);
                self.spawn(histogram(store, request, generation, out, stop));
            }
            Effect::Usage(generation, request) => {
                let stop = self.slots.usage.renew(all);
                self.spawn(usage(store, *request, generation, out, stop));
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

async fn histogram(
    store: Arc<dyn Store>,
    request: AggregateRequest,
    generation: Generation,
    out: Sender<Report>,
    stop: CancellationToken,
) {
    let (pieces, arriving) = channel(PIECES);
    let pass_on = pass_on(arriving, &out, generation, Answer::Counts);
    let (result, ()) = tokio::join!(store.aggregate(request, pieces, &stop), pass_on);
    // Buckets of time are few, so their numbers are always exact.
    let groups = result.map(|answer| answer.groups);
    send(&out, generation, Answer::CountsEnd(groups)).await;
}

async fn usage(
    store: Arc<dyn Store>,
    request: AggregateRequest,
    generation: Generation,
    out: Sender<Report>,
    stop: CancellationToken,
) {
    let (pieces, arriving) = channel(PIECES);
    let pass_on = pass_on(arriving, &out, generation, Answer::Usage);
    let (result, ()) = tokio::join!(store.aggregate(request, pieces, &stop), pass_on);
    send(
        &out,
        generation,
        Answer::UsageEnd(result.map(Reply::Numbers)),
    )
    .await;
}
