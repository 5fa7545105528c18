//! Marked events and their notes.

use tui_input::Input;

use crate::app::answer::Fetched;
use crate::app::inquiry::sheet::{Aim, Row, Sheet, Tone};
use crate::app::inquiry::{Panel, Wanted};
use crate::app::notice::Level;
use crate::app::paging::Paging;
use crate::app::timeline::{Edge, Timeline, order};
use crate::app::{App, Effect, Focus};
use crate::core::bookmark::Bookmark;
use crate::core::event::{Cursor, Event, EventId};
use crate::core::query::predicate::Predicate;
use crate::store::StoreError;

/// Marked events of the store, in the order in which they were marked.
#[derive(Clone, Debug, Default)]
pub struct Marks(Vec<Bookmark>);

/// A change of the marks that are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Marking {
    /// This one is made, or has another note.
    Keep(Box<Bookmark>),
    /// This event's is gone.
    Drop(EventId),
}

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

    /// Takes what former sessions have kept; what was marked since stays as it is.
    pub fn load(&mut self, kept: Vec<Bookmark>) {
        let since = std::mem::replace(&mut self.0, kept);
        for mark in since {
            self.keep(mark);
        }
    }

    /// Forgets the mark of an event.
    pub fn forget(&mut self, id: &EventId) {
        self.0.retain(|mark| mark.id != *id);
    }

    /// The marked event that is older than this place; the newest one when there is none.
    pub fn older_than(&self, cursor: Option<&Cursor>) -> Option<&Bookmark> {
        let newest = |marks: &mut dyn Iterator<Item = &'_ Bookmark>| -> Option<EventId> {
            marks
                .max_by(|a, b| order(&a.cursor, &b.cursor))
                .map(|mark| mark.id.clone())
        };
        let is_older = |mark: &&Bookmark| cursor.is_none_or(|at| order(&mark.cursor, at).is_lt());
        let id =
            newest(&mut self.0.iter().filter(is_older)).or_else(|| newest(&mut self.0.iter()))?;
        self.find(&id)
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
        self.inquiry.marks.keep(mark.clone());
        let hint = "d on another event compares the two, M lists all marks".to_owned();
        self.notify(Level::Info, "marked ◆", Some(hint));
        self.change_marks(Marking::Keep(Box::new(mark)))
    }

    /// Tells whoever keeps them. A store without a name of its own keeps none.
    fn change_marks(&self, marking: Marking) -> Vec<Effect> {
        let source = self.settings.opening.words.clone();
        if source.is_empty() {
            return Vec::new();
        }
        vec![Effect::Inquiry(Wanted::Mark(source, marking))]
    }

    /// Asks for the marks of former sessions.
    pub(in crate::app) fn load_marks(&mut self) -> Vec<Effect> {
        let source = self.settings.opening.words.clone();
        if source.is_empty() {
            return Vec::new();
        }
        let generation = self.next();
        self.inquiry.loading = generation;
        vec![Effect::Inquiry(Wanted::Marks(generation, source))]
    }

    /// Lists the marks, the newest event first.
    pub(super) fn list_marks(&mut self) -> Vec<Effect> {
        self.push_panel(Panel::Marks(Sheet::default()));
        self.refill_marks();
        Vec::new()
    }

    fn refill_marks(&mut self) {
        let mut marks: Vec<&Bookmark> = self.inquiry.marks.all().iter().collect();
        marks.sort_by(|a, b| order(&b.cursor, &a.cursor));
        let row = |mark: &&Bookmark| {
            let text = match mark.note.as_str() {
                "" => mark.about.clone(),
                note => format!("{note}  · {}", mark.about),
            };
            let row = Row::new(Tone::Plain, self.zone.full(mark.cursor.at), text);
            row.to(Aim::Mark(mark.id.clone()))
        };
        let mut rows: Vec<Row> = marks.iter().map(row).collect();
        if rows.is_empty() {
            rows.push(Row::new(
                Tone::Quiet,
                "",
                "nothing is marked; m marks an event",
            ));
        }
        let title = format!("marked events · {}", self.zone.name());
        if let Some(Panel::Marks(sheet)) = self.panel_mut() {
            sheet.fill(title, rows);
        }
    }

    /// Forgets the selected mark of the list.
    pub(super) fn drop_mark(&mut self) -> Vec<Effect> {
        let selected = match self.panel_mut() {
            Some(Panel::Marks(sheet)) => sheet.row().and_then(|row| row.aim.clone()),
            _ => None,
        };
        let Some(Aim::Mark(id)) = selected else {
            return Vec::new();
        };
        self.inquiry.marks.forget(&id);
        self.refill_marks();
        self.change_marks(Marking::Drop(id))
    }

    /// Goes to the marked event before the selected one, after the oldest to the newest.
    pub(super) fn next_mark(&mut self) -> Vec<Effect> {
        let at = self.timeline.selected().map(|event| &event.cursor);
        let mark = self.inquiry.marks.older_than(at);
        if let Some(id) = mark.map(|mark| mark.id.clone()) {
            return self.go_to_mark(&id);
        }
        let hint = Some("m marks the selected event".to_owned());
        self.notify(Level::Info, "nothing is marked", hint);
        Vec::new()
    }

    /// Goes to a marked event; fetches it where it is not held.
    pub(super) fn go_to_mark(&mut self, id: &EventId) -> Vec<Effect> {
        // An inspector that is being read would stay where it is.
        if self.focus == Focus::Inspector {
            self.focus = Focus::List;
        }
        if self.timeline.find(id).is_some() {
            self.timeline.pause();
            let middle = usize::from(self.regions.list.height) / 2;
            self.timeline.select(id, middle);
            return self.sync_inspector();
        }
        let Some(mark) = self.inquiry.marks.find(id) else {
            return Vec::new();
        };
        let cursor = Box::new(mark.cursor.clone());
        let generation = self.next();
        self.inquiry.finding = generation;
        vec![Effect::Inquiry(Wanted::Find(generation, cursor))]
    }

    /// A marked event that was not held, fetched.
    pub(super) fn found_mark(
        &mut self,
        result: Result<Option<Box<Fetched>>, StoreError>,
    ) -> Vec<Effect> {
        let fetched = match result {
            Ok(Some(fetched)) => fetched,
            Ok(None) => {
                let hint = Some("M, then d forgets the mark".to_owned());
                let text = "the marked event is not in the store any more: it was purged";
                self.notify(Level::Error, text, hint);
                return Vec::new();
            }
            Err(error) => return self.failed(&error),
        };
        let Fetched { event, tree } = *fetched;
        let predicate = &self.question.predicate;
        let is_shown = match &tree {
            Ok(tree) => predicate.matches(&event, tree.json()),
            Err(_) => **predicate == Predicate::All,
        };
        if !is_shown {
            let text = format!("the filter hides the marked event: {}", self.question.text);
            let hint = Some("x removes the filter".to_owned());
            self.notify(Level::Info, text, hint);
            return Vec::new();
        }
        self.begin_window_at(event)
    }

    /// A new window around one event; what lies on both sides of it is loaded next.
    pub(in crate::app) fn begin_window_at(&mut self, event: Event) -> Vec<Effect> {
        let id = event.id.clone();
        self.timeline = Timeline::default();
        self.columns.forget_widths();
        self.timeline.pause();
        self.columns.measure([&event]);
        self.timeline.insert_page(vec![event]);
        self.timeline.newer = Edge::Open;
        self.timeline
            .select(&id, usize::from(self.regions.list.height) / 2);
        self.question.reset = None;
        self.question.page = self.next();
        self.question.paging = Paging::Idle;
        let mut effects = self.load_more();
        effects.extend(self.sync_inspector());
        effects
    }
}
