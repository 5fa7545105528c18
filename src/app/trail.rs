//! The filters the user has been at, and the way back and forward between them.
//!
//! Knows views, not how they are asked for; typing is no step, what it led to is.

use crate::app::command::Direction;
use crate::app::notice::Level;
use crate::app::overlay::{Overlay, Picker};
use crate::app::{App, Effect, Focus, Page};
use crate::core::event::Event;

/// Steps that are kept.
const MOST: usize = 200;

/// A view that was left.
#[derive(Clone, Debug)]
struct Stop {
    filter: String,
    page: Page,
    /// The event that was being looked at; `None` where the newest one was followed.
    anchor: Option<Box<Event>>,
}

/// The views before and after this one.
#[derive(Clone, Debug, Default)]
pub struct Trail {
    here: String,
    /// The event that was being looked at here when what is being typed took its place.
    left: Option<Box<Event>>,
    back: Vec<Stop>,
    forward: Vec<Stop>,
}

impl Trail {
    /// The screen opens with this filter.
    pub(super) fn begin(&mut self, filter: &str) {
        filter.trim().clone_into(&mut self.here);
    }

    fn go(&mut self, filter: &str, page: Page, anchor: Option<Box<Event>>) {
        if filter == self.here {
            return;
        }
        let filter = std::mem::replace(&mut self.here, filter.to_owned());
        self.back.push(Stop {
            filter,
            page,
            anchor,
        });
        if self.back.len() > MOST {
            self.back.remove(0);
        }
        self.forward.clear();
    }

    fn turn(
        &mut self,
        direction: Direction,
        page: Page,
        anchor: Option<Box<Event>>,
    ) -> Option<Stop> {
        let (from, to) = match direction {
            Direction::Backward => (&mut self.back, &mut self.forward),
            Direction::Forward => (&mut self.forward, &mut self.back),
        };
        let stop = from.pop()?;
        let filter = std::mem::replace(&mut self.here, stop.filter.clone());
        to.push(Stop {
            filter,
            page,
            anchor,
        });
        Some(stop)
    }
}

impl App {
    /// The event that is being looked at, unless the newest one is followed.
    pub(super) fn anchor(&self) -> Option<Box<Event>> {
        if self.is_following() {
            return None;
        }
        self.timeline.selected().cloned().map(Box::new)
    }

    /// The events on the screen are about to be replaced by others.
    pub(super) fn leave_window(&mut self) {
        // A filter that is still being typed runs several times; only the first leaves anything.
        if self.question.text == self.trail.here {
            self.trail.left = self.anchor();
        }
    }

    /// The filter's text is where the user wanted to go, from a page.
    pub(super) fn step_to(&mut self, from: Page) {
        if !self.filter.is_invalid() {
            let anchor = if self.question.text == self.trail.here {
                self.anchor()
            } else {
                self.trail.left.clone()
            };
            let text = self.filter.text().trim().to_owned();
            self.trail.go(&text, from, anchor);
        }
    }

    /// Offers what happened around the event that is being looked at.
    pub(super) fn offer_context(&mut self) -> Vec<Effect> {
        if let Some(event) = self.subject() {
            let picker = Picker::context(event);
            self.overlays.push(Overlay::Picker(picker));
        }
        Vec::new()
    }

    /// Shows the events of a filter around the one that is being looked at, whenever they happened.
    pub(super) fn look_around(&mut self, filter: &str) -> Vec<Effect> {
        let Some(event) = self.subject().cloned().map(Box::new) else {
            return Vec::new();
        };
        // The way back leads to this very event.
        self.timeline.pause();
        self.step_to(self.page);
        self.filter.set(filter);
        self.filter.judge(&self.catalog, self.moment());
        self.step_to(self.page);
        self.focus = Focus::List;
        let mut effects = self.remember();
        effects.extend(self.ask_around(event));
        effects
    }

    /// To the view before, or to the one that was left by that.
    pub(super) fn travel(&mut self, direction: Direction) -> Vec<Effect> {
        // What is being typed is left, too.
        self.step_to(self.page);
        let (page, anchor) = (self.page, self.anchor());
        let Some(stop) = self.trail.turn(direction, page, anchor) else {
            let text = match direction {
                Direction::Backward => "there is no view before this one",
                Direction::Forward => "there is no view after this one",
            };
            self.notify(Level::Info, text, None);
            return Vec::new();
        };
        self.filter.set(&stop.filter);
        self.filter.judge(&self.catalog, self.moment());
        // Who looks at a shorter or longer time goes on with that.
        if self.focus != Focus::Timeline || stop.page != Page::Events {
            self.focus = Focus::List;
        }
        let mut effects = match (stop.page, self.page) {
            (Page::Usage, Page::Usage) | (Page::Events, Page::Events) => Vec::new(),
            (Page::Usage, _) => self.show_usage(),
            _ => self.leave_usage(),
        };
        effects.extend(match stop.anchor {
            Some(anchor) => self.ask_around(anchor),
            None => self.run_filter(),
        });
        effects
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filters(trail: &mut Trail, direction: Direction) -> Option<String> {
        let stop = trail.turn(direction, Page::Events, None)?;
        Some(stop.filter)
    }

    #[test]
    fn back_and_forward_are_each_others_reverse() {
        let mut trail = Trail::default();
        for filter in ["a", "a", "b", "c"] {
            trail.go(filter, Page::Events, None);
        }
        let back = |trail: &mut Trail| filters(trail, Direction::Backward);
        let forward = |trail: &mut Trail| filters(trail, Direction::Forward);
        assert_eq!(back(&mut trail).as_deref(), Some("b"));
        assert_eq!(back(&mut trail).as_deref(), Some("a"));
        assert_eq!(back(&mut trail).as_deref(), Some(""));
        assert_eq!(back(&mut trail), None);
        assert_eq!(forward(&mut trail).as_deref(), Some("a"));
        trail.go("d", Page::Events, None);
        assert_eq!(forward(&mut trail), None);
        assert_eq!(back(&mut trail).as_deref(), Some("a"));
    }

    #[test]
    fn a_trail_has_an_end() {
        let mut trail = Trail::default();
        for step in 0..2 * MOST {
            trail.go(&step.to_string(), Page::Events, None);
        }
        assert_eq!(trail.back.len(), MOST);
    }
}
