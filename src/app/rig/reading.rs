//! Reports that are read from events, of the events in memory.

use crate::app::rig::{Rig, clutch};
use crate::core::aggregate::Certainty;
use crate::core::event::Event;
use crate::core::query::predicate::Predicate;
use crate::core::usage::answer::{Answer, Ranking};
use crate::core::usage::calls::Call;
use crate::core::usage::plan::Window;
use crate::core::usage::sequel::Sequels;
use crate::core::usage::trouble::Troubles;
use crate::core::usage::{Report, Usage};

impl Rig {
    /// A report that is read from events.
    pub(super) fn read(&self, usage: &Usage) -> Answer {
        match usage.report {
            Report::Calls => self.calls(usage),
            Report::Traces => self.troubles(usage),
            _ => self.followed(usage),
        }
    }

    /// The newest first.
    fn newest<'a>(&'a self, predicate: &'a Predicate) -> Vec<&'a Event> {
        let mut events: Vec<&Event> = self.matching(predicate).collect();
        events.sort_by_key(|event| std::cmp::Reverse(event.at()));
        events
    }

    fn calls(&self, usage: &Usage) -> Answer {
        let listed = usage.listed();
        let events = self.newest(&listed);
        let rows = events.iter().take(usage.top);
        Answer::Calls(Ranking {
            rows: rows.map(|event| Call::of(event, &clutch())).collect(),
            total: events.len(),
            certainty: Certainty::Exact,
        })
    }

    fn troubles(&self, usage: &Usage) -> Answer {
        let mut troubles = Troubles::default();
        for window in [Window::Range, Window::Before] {
            for event in self.newest(&usage.failures(window)) {
                assert!(troubles.take(event, window).is_continue());
            }
        }
        Answer::troubles(usage, troubles.answer())
    }

    fn followed(&self, usage: &Usage) -> Answer {
        let mut sequels = Sequels::default();
        for event in self.newest(&usage.listed()) {
            assert!(sequels.hold(event).is_continue());
        }
        let failures = sequels.stretch().map(Usage::failures_after);
        for event in failures.iter().flat_map(|failures| self.newest(failures)) {
            assert!(sequels.fail(event).is_continue());
        }
        sequels.judge();
        Answer::followed(usage, &sequels)
    }
}
