//! The one piece of work on a purge that can be under way: what it is, how far it is, how it ended.
//!
//! Does not do it; the runtime does, with the engine of `purge`.

use std::path::PathBuf;

use crate::app::archives::{Rows, Whose};
use crate::app::secret::Secret;
use crate::app::{App, Effect, Generation};
use crate::core::instant::Micros;
use crate::core::purge::plan::Plan;
use crate::purge::facts::Facts;
use crate::purge::fault::Fault;
use crate::purge::halt::Going;
use crate::purge::progress::Progress;
use crate::purge::restore::RestoreReport;

/// Work on the purge in a directory.
#[derive(Clone, Debug)]
pub struct Job {
    /// The purge's directory.
    pub at: PathBuf,
    /// What is to be done.
    pub task: Task,
}

/// What is to be done with a purge.
#[derive(Clone, Debug)]
pub enum Task {
    /// Writes a plan down, archives what it names and reads the archive back.
    Begin(Box<Plan>),
    /// Archives and reads back what is missing of a purge that was begun.
    GoOn,
    /// Deletes what the verified archive holds.
    Delete {
        /// The phrase, where nobody has typed it yet.
        typed: Option<String>,
        /// Who deletes, where the reading role may not.
        as_whom: Option<Secret>,
    },
    /// Reads the archive back.
    Verify,
    /// Puts the archive's rows into a store.
    Restore {
        /// The store.
        into: Secret,
    },
}

impl Task {
    /// What the screen calls it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Begin(_) | Self::GoOn => "backup",
            Self::Delete { .. } => "delete",
            Self::Verify => "verify",
            Self::Restore { .. } => "restore",
        }
    }
}

/// What is told of work.
#[derive(Debug)]
pub enum Tidings {
    /// It goes on.
    Progress(Progress),
    /// There is a purge in the directory already, of this store or of another one; nothing was done.
    Found(Box<Facts>, Whose),
    /// It has ended. How the purge stands, where that can be told, and what came of it.
    Ended(Option<Box<Facts>>, Result<Outcome, Fault>),
}

/// How work has ended well.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// As far as it goes without a person.
    Done,
    /// Rows are back.
    Restored(RestoreReport),
}

/// Work under way.
#[derive(Clone, Debug)]
pub struct Work {
    /// Whose tidings are wanted.
    pub(super) generation: Generation,
    /// Where.
    pub at: PathBuf,
    /// What: the word of its task.
    pub word: &'static str,
    /// Whether it deletes: only that can be paused.
    pub pausing: Pausing,
    /// What was told last, of its own kind.
    pub progress: Option<Progress>,
    /// Why it waits.
    pub waiting: Option<String>,
    /// What a person should know, the newest last.
    pub notes: Vec<String>,
    /// When what is under way now began.
    began: Micros,
    /// Whether it was asked to stop.
    pub stopping: Stopping,
}

/// Whether work can be paused, and is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pausing {
    /// It cannot.
    Never,
    /// It can.
    Possible(Going),
}

/// Whether work was asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopping {
    /// No.
    No,
    /// Yes; what was begun is finished first.
    Asked,
}

impl Work {
    fn learn(&mut self, progress: Progress, now: Micros) {
        match progress {
            Progress::Waiting { because } => self.waiting = Some(because),
            Progress::Note { text } => self.notes.push(text),
            Progress::Reconnecting { attempt, error } => {
                self.waiting = Some(format!("connecting again, attempt {attempt}: {error}"));
            }
            Progress::Retrying { rows, attempt } => {
                self.waiting = Some(format!("{rows} locked rows, attempt {attempt}"));
            }
            Progress::Settling { transaction } => {
                self.waiting = Some(format!("asking what became of {transaction}"));
            }
            progress => {
                let before = self.progress.as_ref().map(std::mem::discriminant);
                if before != Some(std::mem::discriminant(&progress)) {
                    self.began = now;
                }
                self.waiting = None;
                self.progress = Some(progress);
            }
        }
    }

    /// Rows that are done and rows in all, where that can be told.
    pub fn rows(&self) -> Option<(u64, u64)> {
        match self.progress.as_ref()? {
            Progress::BackingUp { rows, left, of, .. } => {
                let read = rows + left;
                Some((read, (*of).max(read)))
            }
            Progress::Verifying { rows, of }
            | Progress::Drilling { rows, of }
            | Progress::Reconciling { rows, of }
            | Progress::Restoring { rows, of } => Some((*rows, *of)),
            _ => None,
        }
    }

    /// How long the rest will take at the speed so far, in microseconds; `None` before that is more
    /// than a guess.
    pub fn left(&self, (rows, of): (u64, u64), now: Micros) -> Option<i64> {
        let passed = now.0.saturating_sub(self.began.0);
        if rows == 0 || passed < Micros::SECOND {
            return None;
        }
        let rest = u128::from(of.saturating_sub(rows)) * u128::try_from(passed).ok()?;
        i64::try_from(rest / u128::from(rows)).ok()
    }
}

impl App {
    /// Begins work; there is none under way.
    pub(super) fn begin(&mut self, job: Job) -> Vec<Effect> {
        let generation = self.next();
        let pausing = match job.task {
            Task::Delete { .. } => Pausing::Possible(Going::On),
            _ => Pausing::Never,
        };
        self.work = Some(Work {
            generation,
            at: job.at.clone(),
            word: job.task.word(),
            pausing,
            progress: None,
            waiting: None,
            notes: Vec::new(),
            began: self.clock,
            stopping: Stopping::No,
        });
        vec![Effect::Work(generation, Box::new(job))]
    }

    /// Takes in what is told of the work under way.
    pub(super) fn heard_of_work(&mut self, tidings: Tidings) -> Vec<Effect> {
        let now = self.clock;
        match tidings {
            Tidings::Progress(progress) => {
                if let Some(dialog) = &mut self.dialog {
                    dialog.follow(&progress);
                }
                if let Some(work) = &mut self.work {
                    work.learn(progress, now);
                }
                Vec::new()
            }
            Tidings::Found(facts, whose) => {
                self.work = None;
                self.found_at_place(facts, whose);
                Vec::new()
            }
            Tidings::Ended(facts, result) => self.work_ended(facts, result),
        }
    }

    fn work_ended(
        &mut self,
        facts: Option<Box<Facts>>,
        result: Result<Outcome, Fault>,
    ) -> Vec<Effect> {
        let Some(work) = self.work.take() else {
            return Vec::new();
        };
        let changed = matches!(work.word, "delete" | "restore");
        if work.word == "verify" || work.word == "restore" {
            self.archive_said(work, facts.as_deref(), &result);
        } else {
            self.purge_ended(&work, facts, result);
        }
        let mut effects = vec![self.list_archives()];
        if changed {
            effects.extend(self.moved());
        }
        effects
    }

    /// Rows have gone or come that the screen shows or does not show.
    pub(super) fn moved(&mut self) -> Vec<Effect> {
        // The screen below this one has to hear of it, too.
        self.archives.rows = Rows::Moved;
        let mut effects = Vec::new();
        if self.description().is_some() {
            effects.extend(self.usage.unsettle());
            effects.extend(self.refresh());
        }
        effects
    }

    /// Whether work from this screen has moved rows into a store, or out of it.
    pub fn has_moved_rows(&self) -> bool {
        self.archives.rows == Rows::Moved
    }

    /// Pauses a deletion, or lets it go on.
    pub(super) fn toggle_work(&mut self) -> Vec<Effect> {
        let Some(work) = &mut self.work else {
            return Vec::new();
        };
        let Pausing::Possible(going) = &mut work.pausing else {
            return Vec::new();
        };
        *going = match going {
            Going::On => Going::Paused,
            Going::Paused => Going::On,
        };
        vec![Effect::Pause(*going)]
    }

    /// Asks the work to stop where it can go on later. `None` when there is none.
    pub(super) fn stop_work(&mut self) -> Option<Vec<Effect>> {
        let work = self.work.as_mut()?;
        work.stopping = Stopping::Asked;
        Some(vec![Effect::StopWork])
    }
}
