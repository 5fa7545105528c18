//! What follows from what in the purge dialog: which line has the keys, what Enter means, what the
//! store's answers lead to.
//!
//! Only the typed phrase reaches a deletion.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;

use tui_input::{Input, InputRequest};

use crate::app::command::Direction;
use crate::app::dialog::{Dialog, Field, GO_ON, Step, Surveying};
use crate::app::filter_bar::{Room, paste};
use crate::app::histogram::Histogram;
use crate::app::secret::SecretLine;
use crate::app::work::{Job, Task};
use crate::app::{App, Effect, Page};
use crate::core::instant::Micros;
use crate::core::purge::plan::Plan;
use crate::core::query::catalog::Catalog;
use crate::core::query::diagnostic::Severity;
use crate::core::query::parse::parse;
use crate::core::query::predicate::Predicate;
use crate::core::query::resolve::{Resolved, resolve};
use crate::purge::dossier::Phase;
use crate::purge::facts::Facts;
use crate::purge::fault::Fault;
use crate::purge::wish::{self, Wish};

/// Buckets of the histogram at most: enough for several in a column of a wide screen.
const BUCKETS: usize = 480;

/// What was found out about a wish, and where its archive could go.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// What would be done.
    pub plan: Plan,
    /// A directory that is free.
    pub place: PathBuf,
}

/// Which line of the dialog has the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// A line of the first step.
    Scope(Field),
    /// The directory.
    Place,
    /// The phrase.
    Phrase,
    /// Who deletes.
    Role,
}

impl App {
    /// Shows the dialog: the one that was left, or a new one.
    pub(in crate::app) fn open_dialog(&mut self) -> Vec<Effect> {
        let from = std::mem::replace(&mut self.page, Page::Purge);
        if let Some(dialog) = &mut self.dialog {
            if from != Page::Purge {
                dialog.from = from;
            }
            return Vec::new();
        }
        self.dialog = Some(Dialog::new(from));
        let mut effects = self.survey();
        effects.push(self.list_archives());
        effects
    }

    /// Begins another purge; one that was begun stays where it is.
    pub(in crate::app) fn another_purge(&mut self) -> Vec<Effect> {
        self.dialog = None;
        self.open_dialog()
    }

    /// Shows a purge that was begun, and does what is missing until a person is needed.
    pub(in crate::app) fn resume(&mut self, facts: Box<Facts>) -> Vec<Effect> {
        let from = std::mem::replace(&mut self.page, Page::Purge);
        let (at, phase) = (facts.directory.clone(), facts.phase);
        self.dialog = Some(Dialog::at(facts, from));
        match phase {
            Phase::Planned | Phase::BackedUp => self.begin(Job {
                at,
                task: Task::GoOn,
            }),
            _ => Vec::new(),
        }
    }

    /// Goes on with the unfinished purge that is on offer.
    pub(in crate::app) fn resume_offer(&mut self) -> Vec<Effect> {
        let offer = self.dialog.as_mut().and_then(|dialog| dialog.offer.take());
        match offer {
            Some(facts) => {
                let from = self
                    .dialog
                    .as_ref()
                    .map_or(Page::Events, |dialog| dialog.from);
                self.page = from;
                self.resume(facts)
            }
            None => Vec::new(),
        }
    }

    /// The line that has the keys, when the dialog is on the screen.
    pub fn dialog_line(&self) -> Option<Line> {
        let dialog = self.dialog.as_ref().filter(|_| self.page == Page::Purge)?;
        if self.work.is_some() {
            return None;
        }
        match dialog.step {
            Step::Scope => Some(Line::Scope(dialog.field)),
            Step::Place => Some(Line::Place),
            Step::Delete if dialog.role.is_some() => Some(Line::Role),
            Step::Delete => Some(Line::Phrase),
            Step::BackUp | Step::Verify | Step::Receipt => None,
        }
    }

    fn dialog_input(&mut self) -> Option<&mut Input> {
        let line = self.dialog_line()?;
        let dialog = self.dialog.as_mut()?;
        match line {
            Line::Scope(field) => Some(dialog.line_mut(field)),
            Line::Place => Some(&mut dialog.place),
            Line::Phrase => Some(&mut dialog.phrase),
            Line::Role => dialog.role.as_mut().map(|line| &mut line.input),
        }
    }

    /// Edits the line that has the keys.
    pub(in crate::app) fn edit_dialog(&mut self, request: InputRequest) -> Vec<Effect> {
        if let Some(input) = self.dialog_input() {
            input.handle(request);
        }
        self.doubt();
        Vec::new()
    }

    /// Types a pasted text into it.
    pub(in crate::app) fn paste_dialog(&mut self, text: &str) -> Room {
        let room = match self.dialog_input() {
            Some(input) => paste(input, text),
            None => Room::Enough,
        };
        self.doubt();
        room
    }

    /// Looks at a line of the first step as it is typed.
    fn doubt(&mut self) {
        let line = self.dialog_line();
        let Some(dialog) = &mut self.dialog else {
            return;
        };
        // What is typed anew is not what was wrong; who may delete stays to be read.
        if line != Some(Line::Role) {
            dialog.fault = None;
        }
        let Some(Line::Scope(field)) = line else {
            return;
        };
        let Some(dialog) = &self.dialog else { return };
        let doubts = match field {
            Field::Cutoff => Vec::new(),
            Field::Filter | Field::Keep => self.meant(dialog.line(field).value()).diagnostics,
        };
        if let Some(dialog) = &mut self.dialog {
            dialog.doubts = doubts;
        }
    }

    fn meant(&self, text: &str) -> Resolved {
        resolve(&parse(text), &self.lasting_names(), self.moment())
    }

    /// What a purge may name: who is in a group today is not what it archived.
    fn lasting_names(&self) -> Cow<'_, Catalog> {
        if self.catalog.groups.is_none() {
            return Cow::Borrowed(&self.catalog);
        }
        Cow::Owned(Catalog {
            groups: None,
            ..self.catalog.clone()
        })
    }

    /// The instant of the cutoff as it is typed.
    pub fn typed_cutoff(&self) -> Option<Result<Micros, Fault>> {
        let dialog = self.dialog.as_ref()?;
        Some(wish::cutoff(dialog.cutoff.value(), self.moment()))
    }

    /// Goes to another line or step.
    pub(in crate::app) fn next_field(&mut self, direction: Direction) -> Vec<Effect> {
        let Some(line) = self.dialog_line() else {
            return Vec::new();
        };
        let Some(dialog) = &mut self.dialog else {
            return Vec::new();
        };
        match (line, direction) {
            (Line::Scope(field), _) => {
                let at = Field::ALL.iter().position(|(known, _)| *known == field);
                let step = match direction {
                    Direction::Forward => 1,
                    Direction::Backward => Field::ALL.len() - 1,
                };
                dialog.field = Field::ALL[(at.unwrap_or(0) + step) % Field::ALL.len()].0;
            }
            (Line::Place, Direction::Backward) => {
                dialog.step = Step::Scope;
                dialog.fault = None;
            }
            (Line::Role, Direction::Backward) => dialog.role = None,
            (Line::Place | Line::Phrase | Line::Role, _) => {}
        }
        self.doubt();
        Vec::new()
    }

    /// Takes the filter of the screen for the purge.
    pub(in crate::app) fn take_filter(&mut self) -> Vec<Effect> {
        let text = self.question.text.clone();
        if let Some(dialog) = &mut self.dialog
            && dialog.step == Step::Scope
        {
            dialog.filter = Input::new(text);
            dialog.field = Field::Filter;
        }
        self.doubt();
        Vec::new()
    }

    /// What is typed into the first step.
    fn wish(&self) -> Option<Wish> {
        let dialog = self.dialog.as_ref()?;
        let keep = dialog.keep.value().trim();
        Some(Wish {
            before: dialog.cutoff.value().trim().to_owned(),
            filter: dialog.filter.value().trim().to_owned(),
            keep: (!keep.is_empty())
                .then(|| keep.to_owned())
                .into_iter()
                .collect(),
            tz: self.settings.tz,
        })
    }

    /// Whether the numbers on the screen are those of what is typed.
    pub fn is_surveyed(&self) -> bool {
        self.dialog
            .as_ref()
            .is_some_and(|dialog| dialog.asked.is_some() && dialog.asked == self.wish())
    }

    /// Asks the store what the wish means.
    pub(in crate::app) fn survey(&mut self) -> Vec<Effect> {
        let Some(wish) = self.wish() else {
            return Vec::new();
        };
        let (surveyed, overviewed) = (self.next(), self.next());
        let meant = self.meant(&wish.filter);
        let catalog = Box::new(self.lasting_names().into_owned());
        let Some(dialog) = &mut self.dialog else {
            return Vec::new();
        };
        let is_other = dialog.asked.as_ref().map(|asked| &asked.filter) != Some(&wish.filter);
        dialog.asked = Some(wish.clone());
        dialog.surveying = Surveying::Waiting;
        dialog.surveyed = surveyed;
        dialog.fault = None;
        let mut effects = vec![Effect::Survey(surveyed, Box::new(wish), catalog)];
        let is_sound = |resolved: &Resolved| {
            let mut found = resolved.diagnostics.iter();
            found.all(|doubt| doubt.severity == Severity::Warning)
        };
        if is_other && is_sound(&meant) {
            let predicate = meant.predicate.unwrap_or(Predicate::All);
            dialog.overviewed = overviewed;
            dialog.overview = Histogram::default();
            effects.push(Effect::Overview(overviewed, Arc::new(predicate), BUCKETS));
        }
        effects
    }

    /// Enter in a line of the dialog.
    pub(in crate::app) fn submit_dialog(&mut self) -> Vec<Effect> {
        match self.dialog_line() {
            Some(Line::Scope(_)) => self.submit_scope(),
            Some(Line::Place) => self.submit_place(),
            Some(Line::Phrase) => self.submit_phrase(),
            Some(Line::Role) => self.submit_role(),
            None => Vec::new(),
        }
    }

    fn submit_scope(&mut self) -> Vec<Effect> {
        let is_surveyed = self.is_surveyed();
        let Some(dialog) = &mut self.dialog else {
            return Vec::new();
        };
        match &dialog.surveying {
            Surveying::Waiting if is_surveyed => {}
            Surveying::Done(plan, _) if is_surveyed => {
                if plan.survey.selected == 0 {
                    self.complain(
                        "nothing would go",
                        "choose a later cutoff or another filter",
                    );
                } else {
                    dialog.step = Step::Place;
                }
            }
            _ => return self.survey(),
        }
        Vec::new()
    }

    pub(super) fn complain(&mut self, message: &str, hint: &str) {
        if let Some(dialog) = &mut self.dialog {
            dialog.fault = Some(Fault::refused(message, hint));
        }
    }

    fn submit_place(&mut self) -> Vec<Effect> {
        let Some(dialog) = &mut self.dialog else {
            return Vec::new();
        };
        let typed = dialog.place.value().trim();
        let Surveying::Done(plan, _) = &dialog.surveying else {
            return Vec::new();
        };
        if typed.is_empty() {
            let hint = "a directory that does not exist yet, or an empty one";
            self.complain("the archive needs a directory", hint);
            return Vec::new();
        }
        let job = Job {
            at: PathBuf::from(typed),
            task: Task::Begin(plan.clone()),
        };
        dialog.fault = None;
        self.begin(job)
    }

    fn submit_phrase(&mut self) -> Vec<Effect> {
        let Some(dialog) = &mut self.dialog else {
            return Vec::new();
        };
        let Some(demanded) = dialog.demanded().map(str::to_owned) else {
            return Vec::new();
        };
        if dialog.phrase.value().trim() != demanded {
            let message = "that is not the phrase; nothing was deleted";
            self.complain(message, &format!("type exactly: {demanded}"));
            return Vec::new();
        }
        dialog.phrase = Input::default();
        self.delete((demanded != GO_ON).then_some(demanded))
    }

    fn submit_role(&mut self) -> Vec<Effect> {
        let Some(dialog) = &mut self.dialog else {
            return Vec::new();
        };
        let Some(typed) = dialog.role.as_ref().map(SecretLine::secret) else {
            return Vec::new();
        };
        // Enter alone never deletes: what was tried already is not tried again by a habit.
        if typed.expose().is_empty() || typed == dialog.role_to_mend().secret() {
            let hint = "name another role; Shift-Tab goes back to the phrase";
            self.complain("this role was tried already", hint);
            return Vec::new();
        }
        dialog.role = None;
        dialog.as_whom = Some(typed);
        // Only a role was missing: the phrase was typed just before.
        self.delete(None)
    }

    fn delete(&mut self, typed: Option<String>) -> Vec<Effect> {
        let Some(dialog) = &mut self.dialog else {
            return Vec::new();
        };
        let Some(facts) = &dialog.stands else {
            return Vec::new();
        };
        dialog.fault = None;
        let job = Job {
            at: facts.directory.clone(),
            task: Task::Delete {
                typed,
                as_whom: dialog.as_whom.clone(),
            },
        };
        self.begin(job)
    }

    /// Enter where no line has the keys: another attempt, or the end.
    pub(in crate::app) fn proceed(&mut self) -> Vec<Effect> {
        let Some(dialog) = &mut self.dialog else {
            return Vec::new();
        };
        match (dialog.step, &dialog.stands) {
            (Step::BackUp | Step::Verify, Some(facts)) => {
                let at = facts.directory.clone();
                dialog.fault = None;
                self.begin(Job {
                    at,
                    task: Task::GoOn,
                })
            }
            _ => self.leave_dialog(),
        }
    }

    /// Back to where the dialog was opened; what it knows is kept until there is nothing to do.
    pub(in crate::app) fn leave_dialog(&mut self) -> Vec<Effect> {
        let Some(dialog) = &mut self.dialog else {
            self.page = Page::Events;
            return Vec::new();
        };
        // A phrase half typed would spoil the next one.
        dialog.phrase = Input::default();
        self.page = dialog.from;
        if dialog.step == Step::Receipt {
            self.dialog = None;
        }
        Vec::new()
    }
}
