//! What lies over the panes: texts to read, lists to pick from, the search line.

use tui_input::Input;

use crate::app::columns::chooser::Chooser;
use crate::app::command::{Action, Availability, COMMANDS, Command, Direction, Scope, keys_shown};
use crate::app::filter_bar::term;
use crate::app::fuzzy::{self, Ranked};
use crate::app::inquiry::Panel;
use crate::app::view::{Named, Tab};
use crate::app::{App, Focus};
use crate::core::aggregate::Subject;
use crate::core::event::{Event, Field};
use crate::core::query::resolve::Moment;
use crate::core::query::time;
use crate::store::{Exactness, Explanation};

/// Something over the panes.
#[derive(Clone, Debug)]
pub enum Overlay {
    /// A text.
    Reader(Reader),
    /// A list to pick from.
    Picker(Picker),
    /// The columns of the list, to choose from.
    Columns(Box<Chooser>),
    /// The line at the bottom that asks for the name of a view.
    Naming(Input),
    /// More about an event.
    Panel(Box<Panel>),
    /// The search line at the bottom.
    Search {
        /// What is being typed.
        input: Input,
        /// Where it looks.
        within: Focus,
    },
}

/// A text to read.
#[derive(Clone, Debug)]
pub struct Reader {
    /// Its heading.
    pub title: String,
    /// Its lines: a word on the left (may be empty), and the text.
    pub lines: Vec<(String, String)>,
    /// Lines scrolled away at the top.
    pub scroll: usize,
}

/// Something to pick.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// A command.
    Command(Action),
    /// A former filter.
    Filter(String),
    /// A resource to look into.
    Resource(String),
    /// Something to count the values of.
    Facet(Subject),
    /// Events around the selected one, of this filter.
    Around(String),
    /// A time range as a filter term; `None` is all time.
    Range(Option<&'static str>),
    /// A saved view.
    View(Box<Named>),
}

/// A line of a list to pick from.
#[derive(Clone, Debug)]
pub struct Item {
    /// What is ranked by what is typed.
    pub label: String,
    /// What stands beside it.
    pub about: String,
    /// What picking it means.
    pub choice: Choice,
}

/// A list to pick from, narrowed by typing.
#[derive(Clone, Debug)]
pub struct Picker {
    /// Its heading.
    pub title: &'static str,
    /// What was typed.
    pub input: Input,
    items: Vec<Item>,
    matches: Vec<Ranked>,
    chosen: usize,
    /// The match that is deleted when that is asked for again.
    doomed: Option<usize>,
}

/// The heading of saved views.
const VIEWS: &str = "saved views · Ctrl-X deletes";

/// The heading of time ranges.
const TIMES: &str = "time range";

/// The ranges on offer.
const RANGES: [(&str, Option<&str>); 6] = [
    ("15 minutes", Some("since:-15m")),
    ("1 hour", Some("since:-1h")),
    ("24 hours", Some("since:-24h")),
    ("7 days", Some("since:-7d")),
    ("30 days", Some("since:-30d")),
    ("all time", None),
];

impl Reader {
    /// Scrolls in a pane of `height` lines, not beyond where the last line is at the bottom.
    pub fn scroll_by(&mut self, delta: isize, height: usize) {
        let last = self.lines.len().saturating_sub(height.max(1));
        self.scroll = self.scroll.min(last).saturating_add_signed(delta).min(last);
    }

    /// How the store answers a filter.
    pub fn explanation(explanation: &Explanation) -> Self {
        let mut lines = Vec::new();
        for (place, line) in explanation.statement.lines().enumerate() {
            let word = if place == 0 { "statement" } else { "" };
            lines.push((word.to_owned(), line.to_owned()));
        }
        for (place, line) in explanation.plan.iter().enumerate() {
            let word = if place == 0 { "plan" } else { "" };
            lines.push((word.to_owned(), line.clone()));
        }
        let indexes = if explanation.indexes.is_empty() {
            "none".to_owned()
        } else {
            explanation.indexes.join(", ")
        };
        lines.push(("indexes".to_owned(), indexes));
        let exactness = match explanation.exactness {
            Exactness::Exact => "the store decides alone",
            Exactness::Superset => "rows are checked again here",
        };
        lines.push(("check".to_owned(), exactness.to_owned()));
        Self {
            title: "how the store answers".to_owned(),
            lines,
            scroll: 0,
        }
    }

    /// The keys that work where the user is.
    pub fn help(app: &App) -> Self {
        let mut lines = Vec::new();
        for scope in app.scopes() {
            if !lines.is_empty() {
                lines.push((String::new(), String::new()));
            }
            lines.push((scope.title().to_owned(), String::new()));
            let bound = |command: &&Command| command.scope == *scope && !command.keys.is_empty();
            for command in COMMANDS.iter().filter(bound) {
                let title = match (command.available)(app) {
                    Availability::Yes => command.title.to_owned(),
                    Availability::No(why) => format!("{} ({why})", command.title),
                };
                lines.push((format!("  {}", keys_shown(command)), title));
            }
        }
        Self {
            title: "keys".to_owned(),
            lines,
            scroll: 0,
        }
    }
}

impl Picker {
    fn new(title: &'static str, items: Vec<Item>) -> Self {
        let mut picker = Self {
            title,
            input: Input::default(),
            items,
            matches: Vec::new(),
            chosen: 0,
            doomed: None,
        };
        picker.narrow();
        picker
    }

    /// Every command but those of a line of text; the ones that can do nothing now say why.
    pub fn commands(app: &App) -> Self {
        let mut seen = Vec::new();
        let mut commands: Vec<_> = COMMANDS
            .iter()
            .filter(|command| {
                let of_a_line = matches!(
                    command.scope,
                    Scope::Line
                        | Scope::Reader
                        | Scope::Panel
                        | Scope::Form
                        | Scope::Work
                        | Scope::Views
                        | Scope::Columns
                ) || command.scope == Scope::Filter
                    && command.action != Action::HistorySearch;
                let offered = !of_a_line && !seen.contains(&command.action);
                if offered {
                    seen.push(command.action);
                }
                offered
            })
            .map(|command| (command, (command.available)(app)))
            .collect();
        commands.sort_by_key(|(_, available)| *available != Availability::Yes);
        let item = |(command, available): (&Command, Availability)| Item {
            label: command.title.to_owned(),
            about: match available {
                Availability::Yes => keys_shown(command),
                Availability::No(why) => format!("not now: {why}"),
            },
            choice: Choice::Command(command.action),
        };
        Self::new("commands", commands.into_iter().map(item).collect())
    }

    /// Former filters, newest first.
    pub fn history(entries: &[String]) -> Self {
        let item = |entry: &String| Item {
            label: entry.clone(),
            about: String::new(),
            choice: Choice::Filter(entry.clone()),
        };
        Self::new("history", entries.iter().rev().map(item).collect())
    }

    /// The resources of an event.
    pub fn resources(all: &[String]) -> Self {
        let item = |resource: &String| Item {
            label: resource.clone(),
            about: String::new(),
            choice: Choice::Resource(resource.clone()),
        };
        Self::new("everything done to", all.iter().map(item).collect())
    }

    /// Time ranges.
    pub fn ranges() -> Self {
        let item = |(label, term): (&str, Option<&'static str>)| Item {
            label: label.to_owned(),
            about: term.unwrap_or_default().to_owned(),
            choice: Choice::Range(term),
        };
        Self::new(TIMES, RANGES.into_iter().map(item).collect())
    }

    /// Saved views, as their file has them.
    pub fn views(saved: &[Named]) -> Self {
        let item = |named: &Named| {
            let filter = match named.view.filter.as_str() {
                "" => "all events",
                filter => filter,
            };
            let about = match named.view.tab {
                Tab::Events => filter.to_owned(),
                tab => format!("{} · {filter}", tab.word()),
            };
            Item {
                label: named.name.clone(),
                about,
                choice: Choice::View(Box::new(named.clone())),
            }
        };
        Self::new(VIEWS, saved.iter().map(item).collect())
    }

    /// Why nothing is on offer, and what can be typed instead.
    pub fn nothing(&self) -> &'static str {
        if self.title == TIMES {
            "Enter takes a time: 3h, 2026-08, 2026-08-01..02"
        } else {
            "nothing matches"
        }
    }

    /// Whether what was typed is how long ago a range begins.
    fn is_length(&self) -> bool {
        let text = self.input.value().trim();
        let text = text.strip_prefix('-').unwrap_or(text);
        self.title == TIMES && !text.is_empty() && time::length(text).is_ok()
    }

    /// The term of a filter that a typed time means, where none of the ranges on offer was meant.
    pub fn typed_range(&self, moment: Moment) -> Option<String> {
        if self.title != TIMES {
            return None;
        }
        let text = self.input.value();
        let side = |side: &str| {
            let side = side.trim();
            let period = time::period(side, moment).ok()?;
            // A blank would end the term.
            let words: Vec<&str> = side.split_whitespace().collect();
            Some((words.join("T"), period.end.0 - period.start.0))
        };
        if self.is_length() {
            return Some(format!("since:{}", text.trim()));
        }
        let Some((from, to)) = text.split_once("..") else {
            // At an instant there is next to nothing.
            return side(text)
                .filter(|(_, length)| *length > 1)
                .map(|(at, _)| format!("at:{at}"));
        };
        let open = |text: &str| text.trim().is_empty();
        match (open(from), open(to)) {
            (true, true) => None,
            (true, false) => Some(format!("at:..{}", side(to)?.0)),
            (false, true) => Some(format!("at:{}..", side(from)?.0)),
            (false, false) => Some(format!("at:{}..{}", side(from)?.0, side(to)?.0)),
        }
    }

    /// Whether it offers saved views.
    pub fn of_views(&self) -> bool {
        self.title == VIEWS
    }

    /// Marks the chosen match for deletion. Gives whether it was marked already, which is no mark any
    /// more then.
    pub fn doom(&mut self) -> bool {
        let was_marked = self.doomed == Some(self.chosen);
        self.doomed = (!was_marked).then_some(self.chosen);
        was_marked
    }

    /// What can be a facet, with a word about each.
    pub fn facets(possible: Vec<(Subject, String)>) -> Self {
        let item = |(subject, about): (Subject, String)| Item {
            label: term::name(&subject),
            about,
            choice: Choice::Facet(subject),
        };
        Self::new("facet", possible.into_iter().map(item).collect())
    }

    /// What happened around an event: everything, and what has something in common with it.
    pub fn context(event: &Event) -> Self {
        let all = Item {
            label: "everything around it".to_owned(),
            about: "all events".to_owned(),
            choice: Choice::Around(String::new()),
        };
        let mut items = vec![all];
        for (field, label) in [
            (Field::Actor, "same user"),
            (Field::Resource, "same resource"),
            (Field::Session, "same session"),
            (Field::Origin, "same origin"),
        ] {
            for value in event.all(field) {
                let filter = term::field(field, Some(value.text()));
                items.push(Item {
                    label: label.to_owned(),
                    about: filter.clone(),
                    choice: Choice::Around(filter),
                });
            }
        }
        Self::new("around this event", items)
    }

    /// Ranks the items again by what is typed.
    pub fn narrow(&mut self) {
        // What is a length is not also letters of another one: `3d` is not 30 days.
        let (typed, labels): (_, Vec<&str>) = if self.is_length() {
            let length = self.input.value().trim().trim_start_matches('-');
            let terms = self.items.iter().map(|item| {
                let term = item.about.strip_prefix("since:-");
                term.filter(|term| *term == length).unwrap_or_default()
            });
            (length, terms.collect())
        } else {
            let labels = self.items.iter().map(|item| item.label.as_str());
            (self.input.value(), labels.collect())
        };
        self.matches = fuzzy::rank(typed, labels);
        self.chosen = 0;
        self.doomed = None;
    }

    /// The items that match, best first, with the matched characters of their labels.
    pub fn matches(&self) -> impl ExactSizeIterator<Item = (&Item, &[usize])> {
        self.matches
            .iter()
            .map(|ranked| (&self.items[ranked.index], ranked.hits.as_slice()))
    }

    /// The place of the chosen item among the matches.
    pub fn chosen(&self) -> usize {
        self.chosen
    }

    /// Chooses the match at a place, or the last one.
    pub fn choose(&mut self, place: usize) {
        self.chosen = place.min(self.matches.len().saturating_sub(1));
    }

    /// Goes to another match, round and round.
    pub fn step(&mut self, direction: Direction) {
        let count = self.matches.len();
        self.doomed = None;
        if count > 0 {
            self.chosen = match direction {
                Direction::Forward => (self.chosen + 1) % count,
                Direction::Backward => (self.chosen + count - 1) % count,
            };
        }
    }

    /// What is picked.
    pub fn pick(&self) -> Option<Choice> {
        let ranked = self.matches.get(self.chosen)?;
        Some(self.items[ranked.index].choice.clone())
    }
}
