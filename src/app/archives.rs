//! The Archives tab: every purge that this machine knows of, finished or not, and what can be done
//! with one.
//!
//! Selection is by directory; rows come and go.

use std::path::{Path, PathBuf};

use tui_input::InputRequest;

use crate::app::filter_bar::{Room, paste};
use crate::app::notice::Level;
use crate::app::secret::SecretLine;
use crate::app::work::{Job, Outcome, Task, Work};
use crate::app::{App, Effect, Generation, Page};
use crate::purge::dossier::Phase;
use crate::purge::facts::Facts;
use crate::purge::fault::Fault;
use crate::purge::restore::RestoreReport;

/// A directory that is known.
#[derive(Clone, Debug)]
pub struct Known {
    /// Where.
    pub directory: PathBuf,
    /// Of which store.
    pub whose: Whose,
    /// How the purge stands, or why that cannot be told.
    pub found: Result<Box<Facts>, Fault>,
}

/// Of which store an archive is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Of the one on the screen.
    ThisStore,
    /// Of another one.
    Another,
}

/// What came of the last work on an archive.
#[derive(Clone, Debug)]
pub enum Said {
    /// It is as it was written; so many rows were read back.
    Verified(u64),
    /// Rows are back.
    Restored(RestoreReport),
    /// It did not work.
    Failed(&'static str, Fault),
}

/// The state of the tab.
#[derive(Clone, Debug, Default)]
pub struct Archives {
    /// What is known; `None` before it was looked up.
    pub known: Option<Vec<Known>>,
    /// Into which store rows are to be put back, while that is being typed.
    pub asking: Option<SecretLine>,
    /// What came of the last work, and on which directory.
    pub said: Option<(PathBuf, Said)>,
    /// Whether work from here has moved rows into a store, or out of it.
    pub(super) rows: Rows,
    selected: Option<PathBuf>,
    pub(super) listed: Generation,
}

/// Where the rows of stores are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Rows {
    /// Where they were.
    #[default]
    Still,
    /// Some have gone, or are back.
    Moved,
}

impl Archives {
    /// The place of the selected directory among those known.
    pub fn place(&self) -> usize {
        let known = self.known.as_deref().unwrap_or_default();
        let wanted = self.selected.as_deref();
        let found = known
            .iter()
            .position(|known| Some(&*known.directory) == wanted);
        found.unwrap_or(0)
    }

    /// The selected one.
    pub fn selected(&self) -> Option<&Known> {
        self.known.as_deref()?.get(self.place())
    }

    /// The selected one, where it can be read.
    pub fn facts(&self) -> Option<&Facts> {
        self.selected()?.found.as_deref().ok()
    }

    fn select(&mut self, place: usize) {
        let known = self.known.as_deref().unwrap_or_default();
        self.selected = known
            .get(place.min(known.len().saturating_sub(1)))
            .map(|known| known.directory.clone());
    }

    /// Selects another one, so many lines away.
    pub(super) fn move_by(&mut self, delta: isize) {
        let place = self.place().saturating_add_signed(delta);
        self.select(place);
    }
}

impl App {
    /// Shows the tab.
    pub(super) fn show_archives(&mut self) -> Vec<Effect> {
        // Whoever comes from a purge wants to see that one.
        if let Some(facts) = self
            .dialog
            .as_ref()
            .and_then(|dialog| dialog.stands.as_ref())
            && self.page == Page::Purge
        {
            self.archives.selected = Some(facts.directory.clone());
        }
        self.page = Page::Archives;
        vec![self.list_archives()]
    }

    /// Looks up what is known.
    pub(super) fn list_archives(&mut self) -> Effect {
        let generation = self.next();
        self.archives.listed = generation;
        Effect::Archives(generation)
    }

    pub(super) fn listed(&mut self, known: Vec<Known>) -> Vec<Effect> {
        let unfinished = known.iter().find_map(|known| match &known.found {
            Ok(facts) if known.whose == Whose::ThisStore && facts.phase != Phase::Complete => {
                Some(facts.clone())
            }
            _ => None,
        });
        self.archives.known = Some(known);
        if let Some(dialog) = &mut self.dialog
            && dialog.stands.is_none()
            && self.work.is_none()
        {
            dialog.offer = unfinished;
        }
        Vec::new()
    }

    /// Shows the selected archive's events.
    pub(super) fn open_archive(&mut self) -> Vec<Effect> {
        let directory = self.archives.facts().map(|facts| facts.directory.clone());
        directory.into_iter().map(Effect::Visit).collect()
    }

    /// Reads the selected archive back.
    pub(super) fn verify_archive(&mut self) -> Vec<Effect> {
        let Some(at) = self.archives.facts().map(|facts| facts.directory.clone()) else {
            return Vec::new();
        };
        self.archives.said = None;
        let task = Task::Verify;
        self.begin(Job { at, task })
    }

    /// Asks into which store the selected archive's rows are to be put back.
    pub(super) fn ask_for_store(&mut self) -> Vec<Effect> {
        if let Some(facts) = self.archives.facts() {
            let target = facts.plan.target.clone();
            self.archives.asking = Some(SecretLine::holding(&target));
        }
        Vec::new()
    }

    /// Puts them back.
    pub(super) fn submit_store(&mut self) -> Vec<Effect> {
        let Some(line) = self.archives.asking.take() else {
            return Vec::new();
        };
        let into = line.secret();
        let Some(at) = self.archives.facts().map(|facts| facts.directory.clone()) else {
            return Vec::new();
        };
        if into.expose().is_empty() {
            return Vec::new();
        }
        self.archives.said = None;
        let task = Task::Restore { into };
        self.begin(Job { at, task })
    }

    pub(super) fn edit_store(&mut self, request: InputRequest) -> Vec<Effect> {
        if let Some(line) = &mut self.archives.asking {
            line.input.handle(request);
        }
        Vec::new()
    }

    pub(super) fn paste_store(&mut self, text: &str) -> Room {
        match &mut self.archives.asking {
            Some(line) => paste(&mut line.input, text),
            None => Room::Enough,
        }
    }

    /// Goes on with the selected purge.
    pub(super) fn resume_selected(&mut self) -> Vec<Effect> {
        match self.archives.facts().cloned() {
            Some(facts) => self.resume(Box::new(facts)),
            None => Vec::new(),
        }
    }

    /// Takes the selected directory off the list.
    pub(super) fn forget_archive(&mut self) -> Vec<Effect> {
        let Some(known) = self.archives.selected() else {
            return Vec::new();
        };
        let directory = known.directory.clone();
        let text = format!("{} is off the list; its files stay", directory.display());
        self.notify(Level::Info, text, None);
        let place = self.archives.place();
        if let Some(known) = &mut self.archives.known {
            known.retain(|known| known.directory != directory);
        }
        self.archives.select(place);
        vec![Effect::Forget(directory)]
    }

    /// Work on an archive has ended.
    pub(super) fn archive_said(
        &mut self,
        work: Work,
        facts: Option<&Facts>,
        result: &Result<Outcome, Fault>,
    ) {
        let said = match result {
            Ok(Outcome::Done) => Said::Verified(facts.map_or(0, |facts| facts.archived)),
            Ok(Outcome::Restored(report)) => Said::Restored(report.clone()),
            Err(fault) => Said::Failed(work.word, fault.clone()),
        };
        if self.page != Page::Archives {
            let (level, text) = match &said {
                Said::Failed(_, fault) => (Level::Error, fault.to_string()),
                _ => (Level::Info, format!("{} has ended", work.word)),
            };
            self.notify(level, text, Some("3 shows it".to_owned()));
        }
        self.archives.said = Some((work.at, said));
    }

    /// Whether this directory is worked on now.
    pub fn is_at_work_in(&self, directory: &Path) -> bool {
        self.work.as_ref().is_some_and(|work| work.at == directory)
    }
}
