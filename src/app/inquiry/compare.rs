//! Two events side by side: what differs between their records.
//!
//! The comparison itself is made where both records are fetched.

use std::sync::Arc;

use crate::app::inquiry::{Panel, Wanted};
use crate::app::notice::Level;
use crate::app::overlay::Overlay;
use crate::app::{App, Effect};
use crate::core::diff::{Change, Diff, Row};
use crate::core::event::{Cursor, Event, Field};
use crate::core::json::JsonError;
use crate::core::profile::ValueExpr;
use crate::core::query::predicate::{Atom, Literal, Predicate, Test};
use crate::core::scalar::Scalar;
use crate::store::StoreError;

/// Resources of one event that the event before is looked for by.
const MOST_RESOURCES: usize = 20;

/// How the earlier event is found.
#[derive(Clone, Debug, PartialEq)]
pub enum Earlier {
    /// By its place.
    At(Cursor),
    /// It is the last one before the other that satisfies this.
    LastBefore(Arc<Predicate>),
}

/// Two events with what differs.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The earlier one.
    pub before: Event,
    /// The later one.
    pub after: Event,
    /// What differs, where both records are JSON.
    pub diff: Result<Diff, JsonError>,
}

/// What came of fetching two events.
#[derive(Clone, Debug)]
pub enum Compared {
    /// Both are there.
    Both(Box<Pair>),
    /// The earlier one is not.
    NoEarlier,
    /// The later one is not.
    NoLater,
}

/// What is known.
#[derive(Clone, Debug)]
pub enum Known {
    /// Nothing yet.
    Asking,
    /// Both events.
    Pair(Box<Pair>),
    /// Why there is no comparison; a sentence.
    Nothing(String),
}

/// The panel.
#[derive(Clone, Debug)]
pub struct Compare {
    /// What the earlier and the later event are called.
    pub names: [&'static str; 2],
    /// What is known.
    pub known: Known,
    /// What is done with what is the same.
    pub unchanged: Unchanged,
    /// Lines scrolled away at the top.
    pub scroll: usize,
    /// What is said when there is no earlier event.
    none: &'static str,
}

/// What is done with what is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unchanged {
    /// It is counted.
    Folded,
    /// It is shown.
    Shown,
}

/// A line of the panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'c> {
    /// A value.
    Row(&'c Row),
    /// So many values are the same.
    Same(usize),
}

impl Compare {
    fn asking(names: [&'static str; 2], none: &'static str) -> Self {
        Self {
            names,
            known: Known::Asking,
            unchanged: Unchanged::Folded,
            scroll: 0,
            none,
        }
    }

    /// The lines, top to bottom.
    pub fn lines(&self) -> Vec<Line<'_>> {
        let Known::Pair(pair) = &self.known else {
            return Vec::new();
        };
        let Ok(diff) = &pair.diff else {
            return Vec::new();
        };
        if self.unchanged == Unchanged::Shown {
            return diff.rows.iter().map(Line::Row).collect();
        }
        let is_same = |row: &Row| row.change == Change::Same;
        let runs = diff.rows.chunk_by(|a, b| is_same(a) == is_same(b));
        runs.flat_map(|run| match run {
            [first, ..] if is_same(first) => vec![Line::Same(run.len())],
            run => run.iter().map(Line::Row).collect(),
        })
        .collect()
    }

    pub(super) fn scroll_by(&mut self, delta: isize, height: usize) {
        // A value may take several lines; the last one must come into sight all the same.
        let last = self.lines().len().saturating_sub(height.div_ceil(2).max(1));
        self.scroll = self.scroll.min(last).saturating_add_signed(delta).min(last);
    }

    pub(super) fn toggle_unchanged(&mut self) {
        self.unchanged = match self.unchanged {
            Unchanged::Folded => Unchanged::Shown,
            Unchanged::Shown => Unchanged::Folded,
        };
        self.scroll = 0;
    }
}

impl App {
    /// Compares the event with the one that was marked last.
    pub(super) fn diff_with_mark(&mut self) -> Vec<Effect> {
        let Some(event) = self.subject().cloned() else {
            return Vec::new();
        };
        let Some(mark) = self.inquiry.marks.last_but(&event.id) else {
            let hint = Some("m marks the selected one; then d on this one".to_owned());
            self.notify(Level::Info, "no other event is marked", hint);
            return Vec::new();
        };
        let (mut cursors, mut names) = (
            [mark.cursor.clone(), event.cursor],
            ["marked ◆", "selected"],
        );
        if cursors[1] < cursors[0] {
            cursors.reverse();
            names.reverse();
        }
        let [earlier, later] = cursors;
        let gone = "the store does not have both events any more: one may have been purged";
        self.compare(Compare::asking(names, gone), Earlier::At(earlier), later)
    }

    /// Compares the event with the last one before it that was about one of its resources.
    pub(super) fn diff_with_previous(&mut self) -> Vec<Effect> {
        let Some(event) = self.subject().cloned() else {
            return Vec::new();
        };
        let Some(of_resources) = self.of_resources(&event) else {
            return Vec::new();
        };
        let compare = Compare::asking(
            ["before", "selected"],
            "no earlier event was about what this one was done to",
        );
        let earlier = Earlier::LastBefore(Arc::new(of_resources));
        self.compare(compare, earlier, event.cursor)
    }

    /// Everything about any resource of an event; says so where there is none.
    fn of_resources(&mut self, event: &Event) -> Option<Predicate> {
        let profile = &self.description()?.profile;
        let is_said = *profile.field(Field::Resource) != ValueExpr::Absent;
        let equal = |value: Scalar<'_>| {
            let literal = match value {
                Scalar::Text(text) => Literal::Text(text.into_owned()),
                other => Literal::Bare(other.text().to_owned()),
            };
            Predicate::Atom(Atom::Field(Field::Resource, Test::Equals(literal)))
        };
        let resources = event.all(Field::Resource).take(MOST_RESOURCES);
        let any = resources.map(equal).reduce(Predicate::or);
        if any.is_none() {
            let text = if is_said {
                "this event does not say what it was done to"
            } else {
                "this store does not say what anything was done to"
            };
            self.notify(Level::Info, text, None);
        }
        any
    }

    fn compare(&mut self, compare: Compare, earlier: Earlier, later: Cursor) -> Vec<Effect> {
        let generation = self.next();
        self.inquiry.comparing = generation;
        self.push_panel(Panel::Compare(compare));
        let wanted = Wanted::Compare(generation, Box::new(earlier), Box::new(later));
        vec![Effect::Inquiry(wanted)]
    }

    /// The comparison that is open, also below something else.
    fn compare_mut(&mut self) -> Option<&mut Compare> {
        self.overlays.iter_mut().rev().find_map(|open| match open {
            Overlay::Panel(panel) => match &mut **panel {
                Panel::Compare(compare) => Some(compare),
                _ => None,
            },
            _ => None,
        })
    }

    /// Stops the comparison that is being made; `None` when there is none.
    pub(in crate::app) fn stop_comparing(&mut self) -> Option<Vec<Effect>> {
        let compare = self.compare_mut()?;
        if !matches!(compare.known, Known::Asking) {
            return None;
        }
        compare.known = Known::Nothing("stopped".to_owned());
        self.inquiry.comparing = self.next();
        Some(vec![Effect::Inquiry(Wanted::StopCompare)])
    }

    pub(in crate::app) fn compared(&mut self, result: Result<Compared, StoreError>) -> Vec<Effect> {
        let Some(compare) = self.compare_mut() else {
            return Vec::new();
        };
        compare.known = match result {
            Ok(Compared::Both(pair)) => Known::Pair(pair),
            Ok(Compared::NoEarlier) => Known::Nothing(compare.none.to_owned()),
            Ok(Compared::NoLater) => {
                Known::Nothing("the event is not in the store any more: it was purged".to_owned())
            }
            Err(error) => Known::Nothing(error.to_string()),
        };
        Vec::new()
    }
}
