//! Comparisons of the store in memory.

use crate::app::Answer;
use crate::app::contrast::{ContrastRequest, Reading};
use crate::app::rig::{Rig, json};
use crate::core::contrast::probe::Walk;
use crate::core::contrast::tally::Tally;
use crate::core::query::predicate::{Atom, Predicate};

impl Rig {
    pub(super) fn contrasted(&self, request: &ContrastRequest) -> Vec<Answer> {
        let mut tally = Tally::new(&request.profile, request.rush);
        for probe in &request.probes {
            let within = Predicate::Atom(Atom::At {
                since: Some(probe.since),
                until: Some(probe.until),
            });
            let wanted = Predicate::clone(&request.predicate).and(within);
            let most = usize::try_from(probe.most).expect("small");
            let mut walk = Walk::new(probe);
            let mut newest_first: Vec<_> = self.matching(&wanted).collect();
            newest_first.sort_by_key(|event| std::cmp::Reverse(event.at()));
            for event in newest_first.into_iter().take(most) {
                tally.pass(&mut walk, event, &json(event));
            }
            tally.close(probe.side);
        }
        let reading = Reading {
            verdict: tally.verdict(),
            habits: tally.habits(),
            read: tally.read(),
            stretches: request.probes.len(),
        };
        vec![
            Answer::Contrast(Box::new(reading)),
            Answer::ContrastEnd(Ok(())),
        ]
    }
}
