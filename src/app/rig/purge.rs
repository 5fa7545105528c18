//! Purges for tests: what a store would say about one, and how one could stand.

use std::path::PathBuf;

use super::{NOW, Rig, clutch, json};
use crate::app::archives::{Known, Whose};
use crate::app::dialog::steps::Proposal;
use crate::app::histogram::{Counting, Histogram};
use crate::app::work::{Job, Outcome, Task, Tidings};
use crate::app::{Answer, Effect, Generation, Msg};
use crate::core::aggregate::accumulator::Accumulator;
use crate::core::aggregate::even_edges;
use crate::core::event::Event;
use crate::core::instant::Micros;
use crate::core::profile::load;
use crate::core::purge::journal::Tally;
use crate::core::purge::plan::{
    CountExactness, Encoding, Identity, Month, Plan, Relation, RowOrder, Scope, Survey,
};
use crate::core::query::catalog::Catalog;
use crate::purge::dossier::Phase;
use crate::purge::facts::Facts;
use crate::purge::fault::Fault;
use crate::purge::progress::{Counts, Progress};
use crate::purge::receipt::{Confirmation, Receipt};
use crate::purge::wish::Wish;

const DAY: i64 = 86_400 * Micros::SECOND;

/// `count` events, evenly over 120 days, the newest just before [`NOW`].
pub fn history(count: i64) -> Vec<Event> {
    let users = ["alice", "bob", "ci-bot"];
    (1..=count)
        .map(|id| {
            let pick = usize::try_from(id).expect("small");
            let seconds = (id - count) * (120 * 86_400 / count) - 1;
            super::event(id, seconds, users[pick % 3], "DeletePod", 0)
        })
        .collect()
}

/// What a store would count for a cutoff.
fn survey(events: &[Event], cutoff: Micros) -> Survey {
    let goes = |event: &&Event| event.at().instant().is_some_and(|at| at < cutoff);
    let going: Vec<&Event> = events.iter().filter(goes).collect();
    let record = |event: &&Event| event.payload.text.to_string();
    let mut months: Vec<Month> = Vec::new();
    for event in events {
        let month = event.at().to_string()[..7].to_owned();
        if months.last().map(|known| &known.month) != Some(&month) {
            months.push(Month {
                month,
                going: 0,
                staying: 0,
            });
        }
        let last = months.last_mut().expect("pushed");
        if goes(&event) {
            last.going += 1;
        } else {
            last.staying += 1;
        }
    }
    Survey {
        selected: going.len() as u64,
        exactness: CountExactness::Exact,
        months,
        oldest: going.first().and_then(|event| event.at().instant()),
        newest: going.last().and_then(|event| event.at().instant()),
        first_rows: going.iter().take(5).map(record).collect(),
        last_rows: going.iter().rev().take(5).rev().map(record).collect(),
        first_kept: events
            .iter()
            .find(|event| !goes(event))
            .as_ref()
            .map(record),
        held: vec![("not handed on yet".to_owned(), 3)],
        timeless: vec![("NULL".to_owned(), 1)],
        related: Vec::new(),
        bytes: 320 * going.len() as u64,
    }
}

/// The plan of a scope over these events.
pub fn plan(events: &[Event], scope: Scope) -> Plan {
    let survey = survey(events, scope.cutoff);
    Plan {
        format: Plan::FORMAT,
        target: "postgres://prod".to_owned(),
        written_by: "auditail 0.1.0".to_owned(),
        scope,
        identity: Identity {
            server: "PostgreSQL 15".to_owned(),
            facts: Vec::new(),
        },
        relations: vec![Relation {
            schema: Some("public".to_owned()),
            name: "audit_events".to_owned(),
            columns: Vec::new(),
            key: vec!["id".to_owned()],
            parent: None,
            ddl: Vec::new(),
        }],
        profile: load::print(&clutch()),
        encoding: Encoding::CopyText,
        order: RowOrder::Key,
        survey,
        warnings: vec![
            "rows change for up to 60 s after they are written; changed rows stay".to_owned(),
        ],
        made_at: NOW,
    }
}

/// A purge of 120 days of events that keeps 90 of them, in `/srv/NAME`.
pub fn facts(name: &str, phase: Phase) -> Box<Facts> {
    let events = history(40);
    let scope = Scope {
        cutoff: NOW.plus(-90 * DAY),
        filter: String::new(),
        keep: Vec::new(),
        now: NOW,
        tz: "UTC".to_owned(),
        names: Vec::new(),
    };
    let mut plan = plan(&events, scope);
    plan.survey.selected = 60;
    let rows = if phase >= Phase::BackedUp { 60 } else { 0 };
    let root = "b3f28f350dd1585ee9c6f4a935a5533e4e3e116d19a14b683f03ab633a616501".to_owned();
    let tally = Tally {
        archived: if phase >= Phase::Deleting { rows } else { 0 },
        deleted: if phase >= Phase::Deleting {
            rows - 1
        } else {
            0
        },
        changed: u64::from(phase >= Phase::Deleting),
        ..Tally::default()
    };
    let receipt = (phase == Phase::Complete).then(|| receipt(&plan, &root, &tally));
    Box::new(Facts {
        directory: PathBuf::from(format!("/srv/{name}")),
        phase,
        archived: rows,
        bytes: 79_000,
        range: plan.survey.oldest.zip(plan.survey.newest),
        root: (phase >= Phase::BackedUp).then(|| root.clone()),
        verified: (phase >= Phase::Verified).then(|| Counts {
            planned: rows,
            archived: rows,
            server: rows - 1,
            differences: vec![
                "1 row in the archive and no longer on the server: changed or deleted by somebody since"
                    .to_owned(),
            ],
            root,
            drill: None,
        }),
        phrase: "delete 60 rows from public.audit_events".to_owned(),
        tally,
        receipt,
        plan,
    })
}

fn receipt(plan: &Plan, root: &str, tally: &Tally) -> Receipt {
    Receipt {
        target: plan.target.clone(),
        relations: vec!["public.audit_events".to_owned()],
        scope: plan.scope.clone(),
        identity: plan.identity.clone(),
        plan: "0".repeat(64),
        root: root.to_owned(),
        confirmed: Some(Confirmation {
            who: "sre".to_owned(),
            host: "bastion".to_owned(),
            when: NOW,
            how: "delete 60 rows from public.audit_events".to_owned(),
        }),
        tally: tally.clone(),
        changed: vec!["17".to_owned()],
        locked: Vec::new(),
        held: Vec::new(),
        refused: Vec::new(),
        remarks: vec!["stopped: asked to stop".to_owned()],
        anchor: None,
        space: "the table's space is used again by new rows after the next VACUUM".to_owned(),
        written_by: plan.written_by.clone(),
    }
}

/// A known archive of the store on the screen.
pub fn known(name: &str, phase: Phase) -> Known {
    let facts = facts(name, phase);
    Known {
        directory: facts.directory.clone(),
        whose: Whose::ThisStore,
        found: Ok(facts),
    }
}

impl Rig {
    pub(super) fn answer_on_purges(&mut self, effect: Effect) -> Option<(Generation, Answer)> {
        Some(match effect {
            Effect::Survey(generation, wish, catalog) => {
                let proposal = self.proposal(&wish, &catalog).map(Box::new);
                (generation, Answer::Surveyed(proposal))
            }
            Effect::Overview(generation, predicate, columns) => {
                let at = || self.events.iter().filter_map(|event| event.at().instant());
                let first = at().min().unwrap_or(NOW);
                let mut histogram = Histogram::new(even_edges(first, NOW, columns));
                let mut counts = Accumulator::new(histogram.request(predicate));
                for event in &self.events {
                    counts.feed(event, &json(event));
                }
                histogram.fill(&counts.answer().groups, Counting::Done);
                (generation, Answer::Overview(Ok(histogram)))
            }
            Effect::Archives(generation) => (generation, Answer::Archives(self.known.clone())),
            other => {
                self.effects.push(other);
                return None;
            }
        })
    }

    fn proposal(&self, wish: &Wish, catalog: &Catalog) -> Result<Proposal, Fault> {
        let scope = wish.scope(NOW, &clutch(), catalog)?;
        Ok(Proposal {
            plan: plan(&self.events, scope),
            place: PathBuf::from("/srv/purge-audit_events"),
        })
    }

    /// The work that was asked for last, taken off the list.
    pub fn job(&mut self) -> Option<Job> {
        let is_work = |effect: &Effect| matches!(effect, Effect::Work(..));
        let place = self.effects.iter().rposition(is_work)?;
        match self.effects.remove(place) {
            Effect::Work(_, job) => Some(*job),
            _ => None,
        }
    }

    /// Whether a deletion was asked for.
    pub fn deletes(&self) -> bool {
        let deletes = |effect: &Effect| matches!(effect, Effect::Work(_, job) if matches!(job.task, Task::Delete { .. }));
        self.effects.iter().any(deletes)
    }

    /// Something is told of the work under way.
    pub fn hear(&mut self, tidings: Tidings) -> &mut Self {
        let generation = self.app.work.as_ref().expect("work").generation;
        self.tell(Msg::Answer(generation, Answer::Work(tidings)));
        self
    }

    /// The work goes on.
    pub fn progress(&mut self, progress: Progress) -> &mut Self {
        self.hear(Tidings::Progress(progress))
    }

    /// The work ends well.
    pub fn end(&mut self, facts: Box<Facts>) -> &mut Self {
        self.hear(Tidings::Ended(Some(facts), Ok(Outcome::Done)))
    }

    /// The work ends otherwise.
    pub fn end_with(&mut self, facts: Option<Box<Facts>>, fault: Fault) -> &mut Self {
        self.hear(Tidings::Ended(facts, Err(fault)))
    }

    /// So much later.
    pub fn later(&mut self, seconds: i64) -> &mut Self {
        let now = self.app.clock();
        self.tell(Msg::Clock(now.plus(seconds * Micros::SECOND)));
        self
    }

    /// The dialog at its confirmation.
    pub fn at_confirmation() -> Self {
        let mut rig = Self::new(history(40));
        rig.press("P enter enter");
        rig.job().expect("a backup");
        rig.end(facts("new", Phase::Verified));
        rig
    }

    /// The dialog while it deletes.
    pub fn deleting() -> Self {
        let mut rig = Self::at_confirmation();
        rig.press("'delete 60 rows from public.audit_events' enter");
        rig.later(2).progress(Progress::Deleting {
            tally: Tally {
                archived: 20,
                deleted: 19,
                changed: 1,
                ..Tally::default()
            },
            batch: 1_000,
            rate: 9.6,
            replica_seconds: Some(0.24),
            replica_bytes: None,
            sessions_waiting: Some(0),
            unseen: vec!["replica lag in bytes".to_owned()],
        });
        rig
    }
}

/// What a server without the right to delete says.
pub fn not_allowed() -> Fault {
    Fault::Store(crate::store::StoreError::NotAllowed {
        message: "this role has no permission to delete from public.audit_events".to_owned(),
        hint: Some("GRANT SELECT, DELETE ON public.audit_events TO the role".to_owned()),
    })
}

/// An archive that was changed.
pub fn broken() -> Known {
    let directory = PathBuf::from("/srv/broken");
    Known {
        found: Err(Fault::refused(
            "/srv/broken/JOURNAL is not as it was written: line 3 has another checksum",
            "nothing is deleted by an archive that is not whole",
        )),
        whose: Whose::Another,
        directory,
    }
}
