//! Looking into one event: marks, and panels over the list that say more about it.
//!
//! Does not draw the panels, and fetches nothing itself.

pub mod compare;
mod lines;
pub mod listing;
pub mod marks;
pub mod sheet;

use tui_input::InputRequest;

use crate::app::answer::Fetched;
use crate::app::command::{CONTEXTS, InquiryAction, Motion, Scope};
use crate::app::filter_bar::{self, Room};
use crate::app::inquiry::compare::{Compare, Compared, Earlier};
use crate::app::inquiry::listing::Listing;
use crate::app::inquiry::marks::{Marking, Marks, Note};
use crate::app::inquiry::sheet::Sheet;
use crate::app::notice::Level;
use crate::app::{App, Effect, Focus, Generation, Overlay};
use crate::core::aggregate::{Aggregate, AggregateRequest};
use crate::core::bookmark::Bookmark;
use crate::core::event::{Cursor, Event};
use crate::core::query::predicate::Predicate;
use crate::store::StoreError;

/// What is to be done for a panel. A later wish of the same kind replaces a former one.
#[derive(Debug)]
pub enum Wanted {
    /// Fetch two events and compare them.
    Compare(Generation, Box<Earlier>, Box<Cursor>),
    /// Nobody waits for a comparison any more.
    StopCompare,
    /// Fetch an event.
    Find(Generation, Box<Cursor>),
    /// Look for the event that this is true of.
    Seek(Generation, Box<Predicate>),
    /// Look up the marks of a source, known by the words that open it.
    Marks(Generation, Vec<String>),
    /// Change them.
    Mark(Vec<String>, Marking),
    /// Count events, on the connection of the reports.
    Count(Generation, Box<AggregateRequest>),
}

/// What came of it.
#[derive(Debug)]
pub enum Told {
    /// Two events.
    Compared(Result<Compared, StoreError>),
    /// An event that was looked for.
    Found(Result<Option<Box<Fetched>>, StoreError>),
    /// The event that something is true of.
    Sought(Result<Option<Box<Event>>, StoreError>),
    /// Marks of former sessions, and what is wrong with them.
    Marks(Vec<Bookmark>, Option<String>),
    /// Numbers.
    Counted(Result<Aggregate, StoreError>),
}

/// What is known beside the list.
#[derive(Clone, Debug, Default)]
pub struct Inquiry {
    /// Marked events.
    pub marks: Marks,
    /// Whose comparison is awaited.
    pub(super) comparing: Generation,
    /// Whose event is awaited.
    finding: Generation,
    /// Whose event of a view is awaited.
    pub(super) seeking: Generation,
    /// Whose marks are awaited.
    loading: Generation,
    /// Whose numbers are awaited, where any are: whoever waits has the connection of the reports.
    counting: Option<Generation>,
}

impl Inquiry {
    /// Whose answer of this kind is awaited.
    pub(super) fn awaits(&self, told: &Told) -> Generation {
        match told {
            Told::Compared(_) => self.comparing,
            Told::Counted(_) => self.counting.unwrap_or_default(),
            Told::Found(_) => self.finding,
            Told::Sought(_) => self.seeking,
            Told::Marks(..) => self.loading,
        }
    }

    /// Whether a panel has the connection of the reports.
    pub(super) fn is_asking(&self) -> bool {
        self.counting.is_some()
    }
}

/// A panel over the list.
#[derive(Clone, Debug)]
pub enum Panel {
    /// The note of a mark, being typed.
    Note(Note),
    /// Two events.
    Compare(Compare),
    /// A user, or a resource.
    List(Box<Listing>),
    /// All marks.
    Marks(Sheet),
}

impl Panel {
    /// The scopes whose keys are open in it.
    pub fn scopes(&self) -> &'static [Scope] {
        let wanted: &[Scope] = match self {
            Self::Note(_) => &[Scope::Line, Scope::Always],
            Self::Compare(_) | Self::List(_) | Self::Marks(_) => &[Scope::Panel, Scope::Always],
        };
        let row = CONTEXTS.iter().find(|row| **row == wanted);
        row.copied().unwrap_or(&[Scope::Always])
    }

    /// Scrolls, or moves the selection, by lines in a panel of `height` lines.
    pub fn move_by(&mut self, delta: isize, height: usize) {
        match self {
            Self::Note(_) => {}
            Self::Compare(compare) => compare.scroll_by(delta, height),
            Self::List(listing) => listing.sheet.move_by(delta, height),
            Self::Marks(sheet) => sheet.move_by(delta, height),
        }
    }

    /// Its lines, where they lead somewhere.
    pub fn sheet(&self) -> Option<&Sheet> {
        match self {
            Self::List(listing) => Some(&listing.sheet),
            Self::Marks(sheet) => Some(sheet),
            Self::Note(_) | Self::Compare(_) => None,
        }
    }

    pub(super) fn edit(&mut self, request: InputRequest) {
        if let Self::Note(note) = self {
            note.input.handle(request);
        }
    }

    pub(super) fn paste(&mut self, text: &str) -> Room {
        match self {
            Self::Note(note) => filter_bar::paste(&mut note.input, text),
            Self::Compare(_) | Self::List(_) | Self::Marks(_) => Room::Enough,
        }
    }
}

impl App {
    /// The event that a question is about: the open one while it is being read.
    pub(super) fn subject(&self) -> Option<&Event> {
        match (&self.inspector, self.focus) {
            (Some(open), Focus::Inspector) => Some(&open.event),
            _ => self.timeline.selected(),
        }
    }

    pub(super) fn perform_on_inquiry(&mut self, action: InquiryAction) -> Vec<Effect> {
        match action {
            InquiryAction::Mark => self.write_note(),
            InquiryAction::DiffMarked => self.diff_with_mark(),
            InquiryAction::DiffPrevious => self.diff_with_previous(),
            InquiryAction::User => self.look_into_user(),
            InquiryAction::Resource => self.look_into_resource(),
            InquiryAction::Marks => self.list_marks(),
            InquiryAction::NextMark => self.next_mark(),
            InquiryAction::DropMark => self.drop_mark(),
            InquiryAction::Go => self.go_from_panel(),
            InquiryAction::Unchanged => {
                if let Some(Panel::Compare(compare)) = self.panel_mut() {
                    compare.toggle_unchanged();
                }
                Vec::new()
            }
        }
    }

    pub(super) fn panel_mut(&mut self) -> Option<&mut Panel> {
        match self.overlays.last_mut() {
            Some(Overlay::Panel(panel)) => Some(panel),
            _ => None,
        }
    }

    pub(super) fn push_panel(&mut self, panel: Panel) {
        self.overlays.push(Overlay::Panel(Box::new(panel)));
    }

    /// Enter in the line of a panel.
    pub(super) fn submit_panel(&mut self, panel: Panel) -> Vec<Effect> {
        match panel {
            Panel::Note(note) => self.keep_note(&note),
            Panel::Compare(_) | Panel::List(_) | Panel::Marks(_) => Vec::new(),
        }
    }

    /// Closes the topmost panel.
    pub(super) fn back_from_panel(&mut self) -> Vec<Effect> {
        let gone = self.overlays.pop();
        gone.map_or_else(Vec::new, |gone| self.closed(&gone))
    }

    /// A panel was left: nobody waits for what it asked.
    pub(super) fn closed(&mut self, overlay: &Overlay) -> Vec<Effect> {
        match overlay {
            Overlay::Panel(panel) => match **panel {
                Panel::Compare(_) => {
                    self.inquiry.comparing = self.next();
                    vec![Effect::Inquiry(Wanted::StopCompare)]
                }
                Panel::List(_) => self.stop_panel().unwrap_or_default(),
                Panel::Note(_) | Panel::Marks(_) => Vec::new(),
            },
            _ => Vec::new(),
        }
    }

    pub(super) fn inquiry_told(&mut self, told: Told) -> Vec<Effect> {
        match told {
            Told::Compared(result) => self.compared(result),
            Told::Counted(result) => self.counted_for_panel(result),
            Told::Found(result) => self.found_mark(result),
            Told::Sought(result) => self.sought(result),
            Told::Marks(kept, trouble) => {
                self.inquiry.marks.load(kept);
                if let Some(sentence) = trouble {
                    self.notify(Level::Error, sentence, None);
                }
                Vec::new()
            }
        }
    }

    pub(super) fn move_panel(&mut self, motion: Motion) -> Vec<Effect> {
        let height = usize::from(self.regions.reader.height);
        if let Some(panel) = self.panel_mut() {
            panel.move_by(super::motion::delta(motion, height), height);
        }
        Vec::new()
    }
}

#[cfg(test)]
mod tests;
