//! Marked events and their notes.

use tui_input::Input;

use crate::app::inquiry::Panel;
use crate::app::notice::Level;
use crate::app::{App, Effect};
use crate::core::bookmark::Bookmark;
use crate::core::event::{Event, EventId};

/// Marked events of the store, in the order in which they were marked.
#[derive(Clone, Debug, Default)]
pub struct Marks(Vec<Bookmark>);

/// A note being typed.
#[derive(Clone, Debug)]
pub struct Note {
    /// The event it is about.
    pub event: Event,
    /// What is being typed.
    pub input: Input,
    /// Whether the event is marked already.
    pub is_marked: bool,
}

impl Marks {
    /// All of them, the one made last at the end.
    pub fn all(&self) -> &[Bookmark] {
        &self.0
    }

    /// The mark of an event.
    pub fn find(&self, id: &EventId) -> Option<&Bookmark> {
        self.0.iter().find(|mark| mark.id == *id)
    }

    /// The mark that was made last, of another event than this one.
    pub fn last_but(&self, id: &EventId) -> Option<&Bookmark> {
        self.0.iter().rev().find(|mark| mark.id != *id)
    }

    /// Marks an event, or changes its note.
    pub fn keep(&mut self, mark: Bookmark) {
        match self.0.iter_mut().find(|known| known.id == mark.id) {
            Some(known) => *known = mark,
            None => self.0.push(mark),
        }
    }
}

impl App {
    /// Asks for the note of a mark.
    pub(super) fn write_note(&mut self) -> Vec<Effect> {
        let Some(event) = self.subject().cloned() else {
            return Vec::new();
        };
        let known = self.inquiry.marks.find(&event.id);
        let note = Note {
            input: Input::from(known.map_or_else(String::new, |mark| mark.note.clone())),
            is_marked: known.is_some(),
            event,
        };
        self.push_panel(Panel::Note(note));
        Vec::new()
    }

    pub(super) fn keep_note(&mut self, note: &Note) -> Vec<Effect> {
        let mark = Bookmark::of(&note.event, note.input.value().trim(), self.now());
        self.inquiry.marks.keep(mark);
        let hint = "d on another event compares the two".to_owned();
        self.notify(Level::Info, "marked ◆", Some(hint));
        Vec::new()
    }
}
