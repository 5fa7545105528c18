//! Reports that are read from events, of the events in memory.

use crate::app::rig::{Rig, clutch};
use crate::core::aggregate::Certainty;
use crate::core::event::Event;
use crate::core::usage::answer::{Answer, Ranking};
use crate::core::usage::calls::Call;
use crate::core::usage::sequel::Sequels;
use crate::core::usage::{Report, Usage};

impl Rig {
    /// A report that is read from events.
    pub(super) fn read(&self, usage: &Usage) -> Answer {
        let listed = usage.listed();
        let mut events: Vec<&Event> = self.matching(&listed).collect();
        events.sort_by_key(|event| std::cmp::Reverse(event.at()));
        if usage.report != Report::Calls {
            let mut sequels = Sequels::default();
            let failures = usage.failures_after();
            let mut failed: Vec<&Event> = self.matching(&failures).collect();
            failed.sort_by_key(|event| std::cmp::Reverse(event.at()));
            assert!(
                failed
                    .into_iter()
                    .all(|event| sequels.fail(event).is_continue())
            );
            assert!(
                events
                    .into_iter()
                    .all(|event| sequels.pass(event).is_continue())
            );
            return Answer::followed(usage, sequels);
        }
        let rows = events.iter().take(usage.top);
        Answer::Calls(Ranking {
            rows: rows.map(|event| Call::of(event, &clutch())).collect(),
            total: events.len(),
            certainty: Certainty::Exact,
        })
    }
}
