//! What becomes of the screen when the store is gone for a while: following begins again, and what
//! got no answer is asked again once there are answers.
//!
//! A tail that is under way reconnects by itself; this begins those that could not.

use std::time::Duration;

use crate::app::contrast;
use crate::app::histogram::Counting;
use crate::app::inspector::Body;
use crate::app::notice::Level;
use crate::app::paging::Paging;
use crate::app::{App, Effect, Live};
use crate::store::StoreError;

/// Before a tail is begun again; with each attempt that fails twice as long.
const FIRST: Duration = Duration::from_secs(1);

/// But not longer than this.
const LONGEST: Duration = Duration::from_secs(30);

/// Whether the same question may get an answer later.
fn passes(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Connect { .. } | StoreError::Lost { .. } | StoreError::Busy { .. }
    )
}

impl App {
    /// Following has ended.
    pub(super) fn tail_ended(&mut self, result: Result<(), StoreError>) -> Vec<Effect> {
        self.unwatch();
        match result {
            Err(error) if passes(&error) => self.wait_for_store(&error),
            other => {
                self.live = Live::Ended;
                other.map_or_else(|error| self.failed(&error), |()| Vec::new())
            }
        }
    }

    fn wait_for_store(&mut self, error: &StoreError) -> Vec<Effect> {
        let attempt = match self.live {
            Live::Reconnecting { attempt, .. } => attempt.saturating_add(1),
            _ => 1,
        };
        if attempt == 1 {
            let hint = error.hint().map(str::to_owned);
            self.notify(Level::Error, error.to_string(), hint);
        }
        self.live = Live::Reconnecting {
            attempt,
            error: error.to_string(),
        };
        let generation = self.next();
        self.question.retry = generation;
        let longer = FIRST.saturating_mul(1 << (attempt - 1).min(8));
        vec![Effect::Watch(generation, longer.min(LONGEST))]
    }

    /// There are answers again: what got none is asked once more.
    pub(super) fn recover(&mut self) -> Vec<Effect> {
        self.resume_failed_page();
        let mut effects = self.load_more();
        // A tail that is begun again tells a part of what the former one told, and who does not hold
        // those events cannot know that they were counted.
        if self.histogram.counting != Counting::Stopped {
            effects.extend(self.draw_over_time());
            effects.push(self.count());
        }
        let unread = self.inspector.as_ref();
        let unread = unread.filter(|open| matches!(open.body, Body::Failed(_)));
        if let Some(event) = unread.map(|open| open.event.clone()) {
            effects.extend(self.inspect(event));
        }
        self.facets.retry();
        effects.extend(self.ask_facets());
        self.usage.retry();
        effects.extend(self.retry_listing());
        effects.extend(self.ask_usage());
        let compared = self.contrast.as_ref().map(|contrast| &contrast.state);
        if matches!(compared, Some(contrast::State::Failed(_))) {
            effects.extend(self.find_differences());
        }
        effects
    }

    fn resume_failed_page(&mut self) {
        if self.question.paging == Paging::Failed {
            self.question.paging = Paging::Idle;
        }
    }
}
