//! The purge dialog: six steps on one screen, from what is to go to the receipt.
//!
//! What is typed and what is known are kept here; `steps` says what follows from what. Leaving the
//! screen changes nothing: whoever comes back finds the step that was left.

pub mod steps;
mod tidings;

use std::sync::Arc;

use tui_input::Input;

use crate::app::histogram::Histogram;
use crate::app::secret::{Secret, SecretLine};
use crate::app::{Generation, Page};
use crate::core::event::Field as EventField;
use crate::core::instant::{At, Micros};
use crate::core::json::FlatJson;
use crate::core::profile::Profile;
use crate::core::profile::evaluate::evaluate;
use crate::core::purge::plan::Plan;
use crate::core::query::diagnostic::Diagnostic;
use crate::purge::dossier::Phase;
use crate::purge::facts::Facts;
use crate::purge::fault::Fault;
use crate::purge::progress::Progress;
use crate::purge::wish::Wish;

/// The cutoff that is suggested; nothing anywhere else suggests one.
const SUGGESTED: &str = "90d";

/// What is typed to go on with a deletion that somebody has confirmed before.
pub const GO_ON: &str = "go on";

/// A step of the dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// What goes.
    Scope,
    /// Where the archive goes.
    Place,
    /// Rows are archived.
    BackUp,
    /// The archive is read back.
    Verify,
    /// Somebody says yes, and rows are deleted.
    Delete,
    /// What was done.
    Receipt,
}

impl Step {
    /// All of them with their words, in order.
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::Scope, "scope"),
        (Self::Place, "place"),
        (Self::BackUp, "backup"),
        (Self::Verify, "verify"),
        (Self::Delete, "delete"),
        (Self::Receipt, "receipt"),
    ];
}

/// A line of the first step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Before when.
    Cutoff,
    /// Which of these.
    Filter,
    /// What stays.
    Keep,
}

impl Field {
    /// All of them with their words, in order.
    pub const ALL: [(Self, &'static str); 3] = [
        (Self::Cutoff, "older than"),
        (Self::Filter, "only"),
        (Self::Keep, "but keep"),
    ];
}

/// How far the look at the store has come.
#[derive(Clone, Debug)]
pub enum Surveying {
    /// The store counts.
    Waiting,
    /// This is what it means, and where the archive could go.
    Done(Box<Plan>, Sights),
    /// It could not be told.
    Failed(Fault),
}

/// Rows worth a look, in a few words each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sights {
    /// The oldest that goes.
    pub oldest: Option<Sight>,
    /// The newest that goes.
    pub newest: Option<Sight>,
    /// The first that stays because of the cutoff.
    pub kept: Option<Sight>,
}

/// A row in a few words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sight {
    /// When.
    pub at: Option<Micros>,
    /// Who did what to what; the record where the profile finds none of these.
    pub words: String,
}

/// The state of the dialog.
#[derive(Clone, Debug)]
pub struct Dialog {
    /// Where it is.
    pub step: Step,
    /// Which line of the first step has the keys.
    pub field: Field,
    /// Before when, as typed.
    pub cutoff: Input,
    /// Which of these, as typed.
    pub filter: Input,
    /// What stays, as typed.
    pub keep: Input,
    /// What is wrong with the line that has the keys.
    pub doubts: Vec<Diagnostic>,
    /// What it would mean.
    pub surveying: Surveying,
    /// Events over time, to draw the cutoff in.
    pub overview: Histogram,
    /// Where the archive goes, as typed.
    pub place: Input,
    /// An unfinished purge that could be gone on with instead.
    pub offer: Option<Box<Facts>>,
    /// How the purge stands, once there is a directory.
    pub stands: Option<Box<Facts>>,
    /// The phrase, as typed.
    pub phrase: Input,
    /// Who deletes, while that is being typed.
    pub role: Option<SecretLine>,
    /// What went wrong last.
    pub fault: Option<Fault>,
    pub(super) as_whom: Option<Secret>,
    /// What the survey answers, or is to answer.
    pub(super) asked: Option<Wish>,
    pub(super) surveyed: Generation,
    pub(super) overviewed: Generation,
    pub(super) from: Page,
}

impl Dialog {
    /// At its first step.
    pub fn new(from: Page) -> Self {
        Self {
            step: Step::Scope,
            field: Field::Cutoff,
            cutoff: Input::new(SUGGESTED.to_owned()),
            filter: Input::default(),
            keep: Input::default(),
            doubts: Vec::new(),
            surveying: Surveying::Waiting,
            overview: Histogram::default(),
            place: Input::default(),
            offer: None,
            stands: None,
            phrase: Input::default(),
            role: None,
            fault: None,
            as_whom: None,
            asked: None,
            surveyed: Generation::default(),
            overviewed: Generation::default(),
            from,
        }
    }

    /// At the step that a purge has come to.
    pub fn at(facts: Box<Facts>, from: Page) -> Self {
        let mut dialog = Self::new(from);
        dialog.stand(facts);
        dialog
    }

    /// Takes in how the purge stands.
    pub(super) fn stand(&mut self, facts: Box<Facts>) {
        self.step = match facts.phase {
            Phase::Planned => Step::BackUp,
            Phase::BackedUp => Step::Verify,
            Phase::Verified | Phase::Confirmed | Phase::Deleting => Step::Delete,
            Phase::Complete => Step::Receipt,
        };
        self.offer = None;
        self.stands = Some(facts);
    }

    /// Goes along with the work.
    pub(super) fn follow(&mut self, progress: &Progress) {
        match progress {
            Progress::BackingUp { .. } if self.step < Step::BackUp => self.step = Step::BackUp,
            Progress::BackedUp { .. } if self.step < Step::Verify => self.step = Step::Verify,
            _ => {}
        }
    }

    /// A line of the first step.
    pub fn line(&self, field: Field) -> &Input {
        match field {
            Field::Cutoff => &self.cutoff,
            Field::Filter => &self.filter,
            Field::Keep => &self.keep,
        }
    }

    pub(super) fn line_mut(&mut self, field: Field) -> &mut Input {
        match field {
            Field::Cutoff => &mut self.cutoff,
            Field::Filter => &mut self.filter,
            Field::Keep => &mut self.keep,
        }
    }

    /// A line for who deletes: what was typed before, or the purge's target, whose user is changed
    /// more quickly than all of it is typed.
    pub(super) fn role_to_mend(&self) -> SecretLine {
        match (&self.as_whom, &self.stands) {
            (Some(typed), _) => SecretLine::holding(typed.expose()),
            (None, Some(facts)) => SecretLine::holding(&facts.plan.target),
            (None, None) => SecretLine::default(),
        }
    }

    /// The plan of the purge, or the one that was surveyed.
    pub fn plan(&self) -> Option<&Plan> {
        match (&self.stands, &self.surveying) {
            (Some(facts), _) => Some(&facts.plan),
            (None, Surveying::Done(plan, _)) => Some(plan),
            (None, _) => None,
        }
    }

    /// What has to be typed before anything is deleted.
    pub fn demanded(&self) -> Option<&str> {
        let facts = self.stands.as_ref()?;
        match facts.phase {
            Phase::Verified => Some(&facts.phrase),
            Phase::Confirmed | Phase::Deleting => Some(GO_ON),
            Phase::Planned | Phase::BackedUp | Phase::Complete => None,
        }
    }
}

impl Sights {
    /// Of a plan, as its profile reads the rows.
    pub fn of(plan: &Plan, profile: &Arc<Profile>) -> Self {
        let sight = |record: Option<&String>| record.map(|text| Sight::of(text, profile));
        Self {
            oldest: sight(plan.survey.first_rows.first()),
            newest: sight(plan.survey.last_rows.last()),
            kept: sight(plan.survey.first_kept.as_ref()),
        }
    }
}

impl Sight {
    fn of(record: &str, profile: &Profile) -> Self {
        const TOLD: [EventField; 3] = [EventField::Actor, EventField::Action, EventField::Resource];
        let Ok(json) = FlatJson::parse(record) else {
            return Self {
                at: None,
                words: record.to_owned(),
            };
        };
        let event = evaluate(profile, &json);
        let words: Vec<&str> = TOLD
            .into_iter()
            .filter_map(|field| event.values.first(field))
            .collect();
        Self {
            at: match event.at {
                At::Instant(at) => Some(at),
                At::NegInfinity | At::PosInfinity | At::Absent => None,
            },
            words: if words.is_empty() {
                record.to_owned()
            } else {
                words.join("  ")
            },
        }
    }
}

#[cfg(test)]
mod tests;
