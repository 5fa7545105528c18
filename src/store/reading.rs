//! Reports that are read from events instead of counts: calls, and what errors follow.
//!
//! Does not know what the events say; `core::usage` does.

use std::ops::ControlFlow;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::core::aggregate::Certainty;
use crate::core::event::{Event, Field};
use crate::core::query::predicate::Predicate;
use crate::core::usage::answer::{Answer, Ranking};
use crate::core::usage::calls::Call;
use crate::core::usage::plan::Window;
use crate::core::usage::sequel::{MOST_EVENTS, MOST_FAILURES, Sequels};
use crate::core::usage::trouble::{MOST_FAILURES as MOST_TRACED, Troubles};
use crate::core::usage::{Report, Usage};
use crate::store::{
    PageFrom, PageItem, PageRequest, Parts, PayloadNeed, Progress, Store, StoreError,
};

/// Pieces of a page under way.
const PIECES: usize = 4;

/// Makes a report that [`Report::is_read`]; `tell` hears how far that is.
pub async fn report(
    store: &dyn Store,
    usage: &Usage,
    stop: &CancellationToken,
    tell: &mut (dyn FnMut(Progress) + Send),
) -> Result<Answer, StoreError> {
    let reader = Reader { store, stop };
    match usage.report {
        Report::Calls => reader.calls(usage, tell).await,
        Report::Traces => reader.traces(usage, tell).await,
        _ => reader.followed(usage, tell).await,
    }
}

struct Reader<'r> {
    store: &'r dyn Store,
    stop: &'r CancellationToken,
}

impl Reader<'_> {
    /// The newest calls.
    async fn calls(
        &self,
        usage: &Usage,
        tell: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Answer, StoreError> {
        let profile = Arc::clone(&self.store.description().profile);
        let (mut calls, mut total) = (Vec::new(), 0);
        self.read(
            usage.listed(),
            usage.top,
            PayloadNeed::Whole,
            tell,
            |event| {
                total += 1;
                if calls.len() < usage.top {
                    calls.push(Call::of(event, &profile));
                }
                ControlFlow::Continue(())
            },
        )
        .await?;
        Ok(Answer::Calls(Ranking {
            rows: calls,
            total,
            certainty: Certainty::Exact,
        }))
    }

    /// Which actions errors follow.
    async fn followed(
        &self,
        usage: &Usage,
        tell: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Answer, StoreError> {
        let mut sequels = Sequels::default();
        if usage.can_follow() {
            let who = Parts::default().with(Field::Actor).with(Field::Session);
            let need = PayloadNeed::Only(who.with(Field::Action));
            self.read(usage.failures_after(), MOST_FAILURES, need, tell, |event| {
                sequels.fail(event)
            })
            .await?;
            self.read(usage.listed(), MOST_EVENTS, need, tell, |event| {
                sequels.pass(event)
            })
            .await?;
        }
        Ok(Answer::followed(usage, sequels))
    }

    /// Failures by what they said and where it happened, beside those of the range before.
    async fn traces(
        &self,
        usage: &Usage,
        tell: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Answer, StoreError> {
        let mut troubles = Troubles::default();
        if usage.has_outcomes() {
            for window in [Window::Range, Window::Before] {
                // Where it happened may stand at the end of a long record.
                let need = PayloadNeed::Whole;
                let failures = usage.failures(window);
                self.read(failures, MOST_TRACED, need, tell, |event| {
                    troubles.take(event, window)
                })
                .await?;
            }
        }
        Ok(Answer::troubles(usage, troubles))
    }

    /// Reads events, newest first, until there is nothing more, or nobody wants more: one beyond
    /// `most` tells that there are more.
    async fn read(
        &self,
        predicate: Predicate,
        most: usize,
        payload: PayloadNeed,
        tell: &mut (dyn FnMut(Progress) + Send),
        mut visit: impl FnMut(&Event) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let (out, items) = mpsc::channel(PIECES);
        let request = PageRequest {
            predicate: Arc::new(predicate),
            from: PageFrom::Newest,
            limit: Some(most.saturating_add(1)),
            payload,
        };
        let visiting = async {
            // Dropped at the end: the store stops when nobody listens.
            let mut items = items;
            while let Some(item) = items.recv().await {
                match item {
                    PageItem::Events(events) => {
                        if events.iter().any(|event| visit(event).is_break()) {
                            return ControlFlow::Break(());
                        }
                    }
                    PageItem::Progress(step) => tell(step),
                }
            }
            ControlFlow::Continue(())
        };
        let page = self.store.page(request, out, self.stop);
        let (end, visited) = tokio::join!(page, visiting);
        match end {
            Err(StoreError::Cancelled) if visited.is_break() && !self.stop.is_cancelled() => Ok(()),
            end => end.map(|_| ()),
        }
    }
}
