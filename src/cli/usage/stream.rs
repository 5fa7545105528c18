//! Reports that are read from events instead of counts: calls, and what errors follow.
//!
//! Does not know what the events say; `core::usage` does.

use std::ops::ControlFlow;
use std::sync::Arc;

use tokio::sync::mpsc;

use crate::cli::arguments::Common;
use crate::cli::narrate::ProgressLine;
use crate::cli::output;
use crate::cli::session::Session;
use crate::core::aggregate::Certainty;
use crate::core::event::Event;
use crate::core::query::predicate::Predicate;
use crate::core::usage::Usage;
use crate::core::usage::answer::{Answer, Ranking};
use crate::core::usage::calls::Call;
use crate::core::usage::plan::Window;
use crate::core::usage::sequel::{MOST_EVENTS, MOST_FAILURES, Sequels};
use crate::core::usage::trouble::{MOST_FAILURES as MOST_TRACED, Troubles};
use crate::store::{PageFrom, PageItem, PageRequest, PayloadNeed, StoreError};

/// Pieces of a page under way.
const PIECES: usize = 4;

/// The newest calls.
pub async fn calls(
    session: &Session,
    usage: &Usage,
    common: &Common,
) -> Result<Answer, StoreError> {
    let profile = Arc::clone(&session.description.profile);
    let mut calls = Vec::new();
    let mut total = 0;
    let reading = Reading {
        predicate: usage.listed(),
        // One more than is shown tells whether there are more.
        most: usage.top.saturating_add(1),
        payload: PayloadNeed::Whole,
    };
    reading
        .read(session, common, |event| {
            total += 1;
            if calls.len() < usage.top {
                calls.push(Call::of(event, &profile));
            }
            ControlFlow::Continue(())
        })
        .await?;
    Ok(Answer::Calls(Ranking {
        rows: calls,
        total,
        certainty: Certainty::Exact,
    }))
}

/// Which actions errors follow.
pub async fn followed(
    session: &Session,
    usage: &Usage,
    common: &Common,
) -> Result<Answer, StoreError> {
    let mut sequels = Sequels::default();
    if usage.can_follow() {
        Reading::heads(usage.failures_after(), MOST_FAILURES)
            .read(session, common, |event| sequels.fail(event))
            .await?;
        Reading::heads(usage.listed(), MOST_EVENTS)
            .read(session, common, |event| sequels.pass(event))
            .await?;
    }
    Ok(Answer::followed(usage, sequels))
}

/// Failures by what they said and where it happened, beside those of the range before.
pub async fn traces(
    session: &Session,
    usage: &Usage,
    common: &Common,
) -> Result<Answer, StoreError> {
    let mut troubles = Troubles::default();
    if usage.has_outcomes() {
        for window in [Window::Range, Window::Before] {
            let failures = Reading {
                predicate: usage.failures(window),
                // One more tells whether there are more.
                most: MOST_TRACED + 1,
                // Where it happened may stand at the end of a long record.
                payload: PayloadNeed::Whole,
            };
            failures
                .read(session, common, |event| troubles.take(event, window))
                .await?;
        }
    }
    Ok(Answer::troubles(usage, troubles))
}

/// Events, newest first.
struct Reading {
    predicate: Predicate,
    most: usize,
    payload: PayloadNeed,
}

impl Reading {
    /// The newest events, and one more, which tells whether there are more; payloads are of no use.
    fn heads(predicate: Predicate, most: usize) -> Self {
        Self {
            predicate,
            most: most + 1,
            payload: PayloadNeed::Head,
        }
    }

    /// Reads until there is nothing more, or nobody wants more.
    async fn read(
        self,
        session: &Session,
        common: &Common,
        mut visit: impl FnMut(&Event) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let (out, items) = mpsc::channel(PIECES);
        let request = PageRequest {
            predicate: Arc::new(self.predicate),
            from: PageFrom::Newest,
            limit: Some(self.most),
            payload: self.payload,
        };
        let mut progress = ProgressLine::new(output::charset(common));
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
                    PageItem::Progress(step) => progress.update(step),
                }
            }
            ControlFlow::Continue(())
        };
        let page = session.store.page(request, out, &session.stop);
        let (end, visited) = tokio::join!(page, visiting);
        progress.clear();
        match end {
            Err(StoreError::Cancelled) if visited.is_break() && !session.stop.is_cancelled() => {
                Ok(())
            }
            end => end.map(|_| ()),
        }
    }
}
