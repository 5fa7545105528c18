//! The whole state of the screen, and the one function that changes it: `update(Msg) -> Effects`.
//!
//! Pure and total: never awaits, never reads a clock, never draws. What it wants done it says with
//! an [`Effect`]; what came of it arrives as a [`Msg`].

pub mod answer;
pub mod archives;
pub mod asking;
pub mod brush;
pub mod columns;
pub mod command;
pub mod connection;
pub mod contrast;
pub mod dialog;
pub mod facets;
pub mod filter_bar;
pub mod fuzzy;
pub mod histogram;
pub mod inquiry;
pub mod inspector;
pub mod keymap;
pub mod layout;
pub mod line;
pub mod motion;
pub mod notice;
pub mod opening;
pub mod overlay;
pub mod paging;
pub mod perform;
pub mod pointer;
pub mod press;
pub mod question;
pub mod recovery;
pub mod secret;
pub mod take;
pub mod timeline;
pub mod trail;
pub mod usage;
pub mod view;
pub mod work;
pub mod zone;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use crate::app::answer::Answer;
use crate::app::archives::Archives;
use crate::app::brush::Brush;
use crate::app::columns::Columns;
use crate::app::command::Scope;
pub use crate::app::connection::{Connection, Live};
use crate::app::contrast::{Contrast, ContrastRequest};
use crate::app::dialog::Dialog;
use crate::app::facets::Facets;
use crate::app::facets::facet::Ask;
use crate::app::filter_bar::FilterBar;
use crate::app::histogram::Histogram;
use crate::app::inquiry::{Inquiry, Wanted};
use crate::app::inspector::{Inspector, Wrap};
use crate::app::keymap::{Chord, Keymap};
use crate::app::layout::Regions;
use crate::app::notice::{Level, Notice, Notices};
use crate::app::opening::Told;
pub use crate::app::opening::{Settings, Way};
pub use crate::app::overlay::Overlay;
pub use crate::app::pointer::{Pointer, PointerKind};
use crate::app::question::Question;
use crate::app::timeline::Timeline;
use crate::app::trail::Trail;
use crate::app::usage::Board;
use crate::app::view::{Named, Views};
use crate::app::work::{Job, Work};
use crate::app::zone::Zone;
use crate::core::aggregate::AggregateRequest;
use crate::core::event::Event;
use crate::core::instant::Micros;
use crate::core::query::catalog::Catalog;
use crate::core::query::predicate::Predicate;
use crate::core::query::resolve::Moment;
use crate::core::usage::Usage;
use crate::purge::halt::Going;
use crate::purge::wish::Wish;
use crate::store::{Access, Complete, Description, PageRequest, TailRequest};

/// Number of an effect. An answer with another number than the last one asked for is stale.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Generation(pub u64);

/// What happened.
#[derive(Debug)]
pub enum Msg {
    /// The time here, before anything else that happened at it.
    Clock(Micros),
    /// A key.
    Key(Chord),
    /// Text was pasted.
    Paste(String),
    /// The mouse, when it is on.
    Mouse(Pointer),
    /// A frame was drawn, with its parts here.
    Laid(Regions),
    /// The terminal has another size, or was used by somebody else.
    Disturbed,
    /// From what was shown over it, rows were moved into a store, or out of one.
    Moved,
    /// A wait is over.
    Waited(Generation),
    /// Something that was asked for.
    Answer(Generation, Answer),
    /// Filters of former sessions, oldest first.
    History(Vec<String>),
    /// The views that have names, and what was done with their file, in a sentence.
    Views(Vec<Named>, Option<String>),
    /// Something outside the store did not work; one sentence.
    Trouble(String),
}

/// What is to be done. A later effect of the same kind replaces a former one: its work is
/// cancelled.
#[derive(Debug)]
pub enum Effect {
    /// Open the store.
    Open(Generation),
    /// Sample names and values.
    Catalog(Generation),
    /// Who is in which group, of the store's own tables.
    Groups(Generation),
    /// Load a page.
    Page(Generation, PageRequest),
    /// Count by time.
    Histogram(Generation, AggregateRequest),
    /// Ask for a part of a report.
    Usage(Generation, Box<AggregateRequest>),
    /// Look into an event.
    Inquiry(Wanted),
    /// Read a report from events.
    ReadUsage(Generation, Box<Usage>),
    /// Stop asking for reports, on the server too.
    StopUsage,
    /// Count the values of a facet.
    Facet(Generation, Box<Ask>),
    /// Stop counting them, on the server too.
    StopFacets,
    /// Compare the events of a part of the time with those of the rest.
    Contrast(Generation, Box<ContrastRequest>),
    /// Stop comparing, on the server too.
    StopContrast,
    /// Count cheaply.
    Count(Generation, Arc<Predicate>),
    /// First and last instant.
    Span(Generation),
    /// Follow.
    Tail(Generation, TailRequest),
    /// Fetch a whole record.
    Fetch(Generation, Box<Event>),
    /// Ask how a filter would be answered.
    Explain(Generation, Arc<Predicate>),
    /// Find out what a purge would do; the names are those that its texts may use.
    Survey(Generation, Box<Wish>, Box<Catalog>),
    /// Count by time from the first event to now, in about so many buckets.
    Overview(Generation, Arc<Predicate>, usize),
    /// Work on a purge. There is no other work under way.
    Work(Generation, Box<Job>),
    /// Pause the work, or let it go on.
    Pause(Going),
    /// Stop the work where it can go on later.
    StopWork,
    /// Look up the archives that are known.
    Archives(Generation),
    /// Show an archive over this store, until the user leaves it.
    Visit(PathBuf),
    /// Take an archive off that list.
    Forget(PathBuf),
    /// Stop following.
    StopTail,
    /// Stop loading and counting, on the server too.
    StopQuery,
    /// Say so after a while.
    Wait(Generation, Duration),
    /// Say so after a while in which no other such wish came.
    Watch(Generation, Duration),
    /// Put text on the clipboard.
    Copy(String),
    /// Keep a filter for later sessions.
    Remember(String),
    /// Keep a view under its name.
    SaveView(Box<Named>),
    /// Forget the view of this name.
    DeleteView(String),
    /// Switch the mouse.
    Mouse(Mouse),
    /// Draw every cell again.
    Redraw,
    /// Give the terminal to the shell.
    Suspend,
    /// End.
    Quit,
}

/// What fills the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// The events.
    Events,
    /// Reports about them.
    Usage,
    /// Archives and unfinished purges.
    Archives,
    /// The purge dialog.
    Purge,
}

/// Which pane has the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Focus {
    /// The event list.
    List,
    /// The filter's line.
    Filter,
    /// The inspector.
    Inspector,
    /// The facets.
    Facets,
    /// The histogram, with the brush.
    Timeline,
    /// What is different under the brush.
    Contrast,
}

/// Whether the program gets the mouse, or the terminal keeps it for selecting text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mouse {
    /// The terminal keeps it.
    Off,
    /// Wheel and click work.
    On,
}

/// The state of the screen.
#[derive(Debug)]
pub struct App {
    /// What it began with.
    pub settings: Settings,
    /// Who is in which group, as the store itself says.
    told: Told,
    /// Whether there is a store.
    pub connection: Connection,
    /// What fills the screen.
    pub page: Page,
    /// Which pane of the events has the keys.
    pub focus: Focus,
    /// What lies over the panes; the last one on top.
    pub overlays: Vec<Overlay>,
    /// The events held.
    pub timeline: Timeline,
    /// The columns of their list.
    pub columns: Columns,
    /// The filter's line.
    pub filter: FilterBar,
    /// The open event.
    pub inspector: Option<Inspector>,
    /// Events over time.
    pub histogram: Histogram,
    /// The stretch of it that is being chosen.
    pub brush: Brush,
    /// What is different in it.
    pub contrast: Option<Contrast>,
    /// The views before and after this one.
    pub trail: Trail,
    /// What was asked and how far the answer is.
    pub question: Question,
    /// How following goes.
    pub live: Live,
    /// How complete it is.
    pub complete: Option<Complete>,
    /// The zone of all times.
    pub zone: Zone,
    /// Reports about the events.
    pub usage: Board,
    /// Views of the user's.
    pub views: Views,
    /// What is known of single events.
    pub inquiry: Inquiry,
    /// The most frequent values beside the events.
    pub facets: Facets,
    /// The purge dialog, open or left.
    pub dialog: Option<Dialog>,
    /// The archives that are known.
    pub archives: Archives,
    /// Work on a purge.
    pub work: Option<Work>,
    /// What happened.
    pub notices: Notices,
    /// What was searched for last.
    pub needle: String,
    /// Who gets the mouse.
    pub mouse: Mouse,
    keymap: Keymap,
    pressed: Vec<Chord>,
    catalog: Catalog,
    regions: Regions,
    wrap: Wrap,
    clock: Micros,
    /// The store's clock minus ours.
    skew: i64,
    drawn: Micros,
    /// When the tail last said anything, by our clock.
    heard: Micros,
    dirty: Dirty,
    last: Generation,
}

/// Whether the screen shows something else than the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dirty {
    Yes,
    No,
}

/// After this long without a frame, a tail that says nothing but "still complete" is worth one.
const QUIET: i64 = 60 * Micros::SECOND;

/// From this silence of the tail on the screen does not call itself live.
const SILENT: i64 = 5 * Micros::SECOND;

impl App {
    /// The screen before anything is known, and what to do first.
    pub fn new(settings: Settings) -> (Self, Vec<Effect>) {
        let mut app = Self {
            zone: Zone::new(settings.tz, settings.local),
            settings,
            told: Told::Nothing,
            connection: Connection::Opening,
            page: Page::Events,
            focus: Focus::List,
            overlays: Vec::new(),
            timeline: Timeline::default(),
            columns: Columns::default(),
            filter: FilterBar::default(),
            inspector: None,
            histogram: Histogram::default(),
            brush: Brush::default(),
            contrast: None,
            trail: Trail::default(),
            question: Question::default(),
            live: Live::Off,
            complete: None,
            usage: Board::default(),
            views: Views::default(),
            inquiry: Inquiry::default(),
            facets: Facets::default(),
            dialog: None,
            archives: Archives::default(),
            work: None,
            notices: Notices::default(),
            needle: String::new(),
            mouse: Mouse::Off,
            keymap: Keymap::default(),
            pressed: Vec::new(),
            catalog: Catalog::default(),
            regions: Regions::default(),
            wrap: Wrap::Cut,
            clock: Micros(0),
            skew: 0,
            drawn: Micros(0),
            heard: Micros(0),
            dirty: Dirty::Yes,
            last: Generation::default(),
        };
        app.prepare_view();
        let effects = app.open();
        (app, effects)
    }

    /// Takes in what happened and says what is to be done.
    pub fn update(&mut self, msg: Msg) -> Vec<Effect> {
        if !self.is_quiet(&msg) {
            self.dirty = Dirty::Yes;
        }
        let mut effects = self.take_in(msg);
        effects.extend(self.leave_contrast());
        self.leave_narrowing();
        effects
    }

    fn take_in(&mut self, msg: Msg) -> Vec<Effect> {
        match msg {
            Msg::Clock(now) => {
                self.clock = now;
                Vec::new()
            }
            Msg::Key(chord) => self.key(chord),
            Msg::Paste(text) => self.paste(&text),
            Msg::Mouse(pointer) => self.pointer(pointer),
            Msg::Laid(regions) => {
                self.regions = regions;
                self.drawn = self.clock;
                let mut effects = self.load_more();
                let before = self.usage.far();
                effects.extend(self.ask_usage());
                effects.extend(self.ask_facets());
                // What is known already is seen in the next frame.
                if self.usage.far() != before {
                    self.dirty = Dirty::Yes;
                }
                effects
            }
            Msg::Disturbed => Vec::new(),
            Msg::Moved => self.moved(),
            Msg::Waited(generation) => self.waited(generation),
            Msg::Answer(generation, answer) => self.answer(generation, answer),
            Msg::History(entries) => {
                self.filter.history.load(entries);
                Vec::new()
            }
            Msg::Views(saved, said) => self.told_views(saved, said),
            Msg::Trouble(sentence) => {
                self.notify(Level::Error, sentence, None);
                Vec::new()
            }
        }
    }

    /// Messages that leave the picture as it is. A tail that stands still says so often; that alone
    /// is drawn seldom, so that an idle screen costs nothing.
    fn is_quiet(&self, msg: &Msg) -> bool {
        match msg {
            Msg::Clock(_) | Msg::Laid(_) | Msg::History(_) => true,
            Msg::Answer(_, Answer::Tail(item)) => {
                self.is_still(item) && self.clock.0 - self.drawn.0 < QUIET
            }
            _ => false,
        }
    }

    /// How long the tail has said nothing, once that is worth a word.
    pub fn silence(&self) -> Option<i64> {
        let silent = self.clock.0.saturating_sub(self.heard.0);
        let expected = matches!(self.live, Live::Starting | Live::On);
        (expected && silent >= SILENT).then_some(silent)
    }

    /// Whether a frame is due; the question resets it.
    pub fn take_dirty(&mut self) -> bool {
        std::mem::replace(&mut self.dirty, Dirty::No) == Dirty::Yes
    }

    /// The scopes whose keys are open.
    pub fn scopes(&self) -> &'static [Scope] {
        command::context(self)
    }

    /// The keys of a sequence that is not finished.
    pub fn pressed(&self) -> &[Chord] {
        &self.pressed
    }

    /// The parts of the last frame.
    pub fn regions(&self) -> &Regions {
        &self.regions
    }

    /// The store's time.
    pub fn now(&self) -> Micros {
        self.clock.plus(self.skew)
    }

    /// How far the screen is behind the store, in microseconds.
    pub fn lag(&self) -> Option<i64> {
        let complete = self.complete.as_ref()?;
        Some((self.now().0 - complete.to.0).max(0))
    }

    /// What is known of the store.
    pub fn description(&self) -> Option<&Arc<Description>> {
        match &self.connection {
            Connection::Ready(description) => Some(description),
            Connection::Opening | Connection::Failed(_) => None,
        }
    }

    /// Whether the events are those of an archive, which never change.
    pub fn is_archive(&self) -> bool {
        self.description()
            .is_some_and(|description| matches!(description.access, Access::Archive(_)))
    }

    /// This machine's time.
    pub fn clock(&self) -> Micros {
        self.clock
    }

    fn moment(&self) -> Moment {
        Moment {
            now: self.now(),
            tz: self.settings.tz,
        }
    }

    fn next(&mut self) -> Generation {
        self.last = Generation(self.last.0 + 1);
        self.last
    }

    fn open(&mut self) -> Vec<Effect> {
        self.connection = Connection::Opening;
        let generation = self.next();
        self.question.opening = generation;
        vec![Effect::Open(generation)]
    }

    fn notify(&mut self, level: Level, text: impl Into<String>, hint: Option<String>) {
        self.notices.push(Notice {
            at: self.now(),
            level,
            text: text.into(),
            hint,
        });
    }
}

#[cfg(test)]
pub(crate) mod rig;
#[cfg(test)]
mod tests;
