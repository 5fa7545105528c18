//! What can be done in the pane.

use tui_input::{Input, InputRequest};

use crate::app::command::{Direction, FacetAction, Polarity};
use crate::app::facets::facet::{Basis, Extent, Facet, How};
use crate::app::facets::said::{self, Said};
use crate::app::facets::{Facets, MOST, Selected, Shown, Stopped, Typing};
use crate::app::filter_bar::term;
use crate::app::filter_bar::{LONGEST, Room, paste};
use crate::app::notice::Level;
use crate::app::overlay::{Overlay, Picker};
use crate::app::question::PAUSE;
use crate::app::{App, Effect, Focus};
use crate::core::aggregate::Subject;
use crate::core::query::parse::parse;
use crate::core::query::resolve::resolve;

impl App {
    pub(in crate::app) fn perform_on_facets(&mut self, action: FacetAction) -> Vec<Effect> {
        match action {
            FacetAction::Show => self.show_facets(),
            FacetAction::Close => self.close_facets(),
            FacetAction::Enter if self.facets.value().is_none() => self.show_more(),
            FacetAction::Enter => self.filter_by_value(Polarity::With),
            FacetAction::Filter(polarity) => self.filter_by_value(polarity),
            FacetAction::More => self.show_more(),
            FacetAction::Fewer => self.show_fewer(),
            FacetAction::Narrow => self.narrow_facet(),
            FacetAction::Add => self.offer_facets(),
            FacetAction::Remove => self.remove_facet(),
            FacetAction::Whole => self.count_whole(),
        }
    }

    /// Shows the pane and goes into it.
    fn show_facets(&mut self) -> Vec<Effect> {
        if self.facets.list.is_empty() && self.facets.lacks.is_empty() {
            let Some(description) = self.description() else {
                return Vec::new();
            };
            self.facets = Facets::of(&description.profile);
            let _ = self.count_anew();
        }
        self.facets.shown = Shown::Yes;
        self.focus = Focus::Facets;
        Vec::new()
    }

    fn close_facets(&mut self) -> Vec<Effect> {
        self.facets.shown = Shown::No;
        self.facets.typing = Typing::No;
        if self.focus == Focus::Facets {
            self.focus = Focus::List;
        }
        self.facets.drop_question().into_iter().collect()
    }

    /// One level back: what is typed, what narrows the facet, the pane.
    pub(in crate::app) fn leave_facets(&mut self) -> Vec<Effect> {
        let is_typing = std::mem::take(&mut self.facets.typing) == Typing::Yes;
        let facet = self.facets.focused_mut();
        match facet.filter(|facet| !facet.narrow.value().is_empty()) {
            Some(facet) => {
                facet.narrow = Input::default();
                self.recount()
            }
            None if is_typing => Vec::new(),
            None => self.close_facets(),
        }
    }

    /// Asks for the value with the cursor or rules it out; lets it go where that is so already.
    fn filter_by_value(&mut self, polarity: Polarity) -> Vec<Effect> {
        let Some((facet, value)) = self.facets.value() else {
            return Vec::new();
        };
        let says = |part: &str| {
            let resolved = resolve(&parse(part), &self.catalog, self.moment());
            Said::of(&resolved.predicate?, &facet.subject)
        };
        let text = said::toggled(self.filter.text(), (&facet.name, value), polarity, says);
        if text.len() > LONGEST {
            self.say_too_long("the value is too long to filter by");
            return Vec::new();
        }
        self.set_filter(&text)
    }

    fn show_more(&mut self) -> Vec<Effect> {
        if let Some(facet) = self.facets.focused_mut() {
            facet.extent = match facet.extent {
                Extent::Closed => Extent::Few,
                Extent::Few | Extent::Many => Extent::Many,
            };
        }
        Vec::new()
    }

    fn show_fewer(&mut self) -> Vec<Effect> {
        if let Some(facet) = self.facets.focused_mut() {
            facet.extent = match facet.extent {
                Extent::Many if facet.has_folded() => Extent::Few,
                Extent::Many | Extent::Few | Extent::Closed => Extent::Closed,
            };
        }
        if self.facets.value().is_none() {
            self.facets.selected = Selected::Heading;
        }
        Vec::new()
    }

    fn narrow_facet(&mut self) -> Vec<Effect> {
        if let Some(facet) = self.facets.focused_mut() {
            facet.extent = facet.extent.max(Extent::Few);
            self.facets.typing = Typing::Yes;
            self.facets.selected = Selected::Heading;
        }
        Vec::new()
    }

    /// Types into the line that narrows a facet.
    pub(in crate::app) fn edit_facet(&mut self, request: InputRequest) -> Vec<Effect> {
        let Some(facet) = self.facets.focused_mut() else {
            return Vec::new();
        };
        let before = facet.narrow.value().to_owned();
        facet.narrow.handle(request);
        if facet.narrow.value() == before {
            return Vec::new();
        }
        self.recount_after_pause()
    }

    pub(in crate::app) fn paste_into_facet(&mut self, text: &str) -> (Room, Vec<Effect>) {
        let Some(facet) = self.facets.focused_mut() else {
            return (Room::Enough, Vec::new());
        };
        let room = paste(&mut facet.narrow, text);
        (room, self.recount_after_pause())
    }

    /// The line is typed; its values have the keys.
    pub(in crate::app) fn submit_facet(&mut self) -> Vec<Effect> {
        self.facets.typing = Typing::No;
        Vec::new()
    }

    pub(in crate::app) fn step_facet(&mut self, direction: Direction) -> Vec<Effect> {
        self.facets.typing = Typing::No;
        self.facets.move_by(match direction {
            Direction::Forward => 1,
            Direction::Backward => -1,
        });
        Vec::new()
    }

    fn recount_after_pause(&mut self) -> Vec<Effect> {
        let mut effects = self.forget_focused();
        let generation = self.next();
        self.facets.pause = generation;
        effects.push(Effect::Wait(generation, PAUSE));
        effects
    }

    /// A pause in typing is over.
    pub(in crate::app) fn facets_waited(&mut self) -> Vec<Effect> {
        let mut effects = self.recount();
        // There is one wait for all lines: it may have been the filter's.
        effects.extend(self.run_filter());
        effects
    }

    /// The numbers of the facet with the cursor are those of another question.
    fn recount(&mut self) -> Vec<Effect> {
        let mut effects = self.forget_focused();
        self.facets.stopped = Stopped::No;
        if let Some(facet) = self.facets.focused_mut() {
            facet.expire();
        }
        effects.extend(self.ask_facets());
        effects
    }

    /// What is being counted for the facet with the cursor is of no use any more.
    fn forget_focused(&mut self) -> Vec<Effect> {
        if self.facets.asking != Some(self.facets.facet) {
            return Vec::new();
        }
        self.facets.drop_question().into_iter().collect()
    }

    fn offer_facets(&mut self) -> Vec<Effect> {
        if self.facets.list.len() >= MOST {
            let text = format!("there are {MOST} facets: x takes one off");
            self.notify(Level::Info, text, None);
            return Vec::new();
        }
        let possible = self.possible_facets();
        self.overlays
            .push(Overlay::Picker(Picker::facets(possible)));
        Vec::new()
    }

    /// A subject was picked.
    pub(in crate::app) fn add_facet(&mut self, subject: Subject) -> Vec<Effect> {
        let name = term::name(&subject);
        let mut facet = Facet::new(subject, name);
        facet.heed(&self.running());
        self.facets.list.push(facet);
        self.facets.facet = self.facets.list.len() - 1;
        self.facets.selected = Selected::Heading;
        Vec::new()
    }

    fn remove_facet(&mut self) -> Vec<Effect> {
        // Numbers of facets change: what is being counted is asked again.
        let stop = self.facets.drop_question();
        if self.facets.facet < self.facets.list.len() {
            self.facets.list.remove(self.facets.facet);
        }
        let last = self.facets.list.len().saturating_sub(1);
        self.facets.facet = self.facets.facet.min(last);
        self.facets.selected = Selected::Heading;
        stop.into_iter().collect()
    }

    /// Counts all events for the facet with the cursor, however long that takes.
    fn count_whole(&mut self) -> Vec<Effect> {
        match self.facets.focused_mut() {
            Some(facet) if facet.basis() == Some(Basis::All) => {
                let text = format!("{}: these are numbers of all events", facet.name);
                self.notify(Level::Info, text, None);
                Vec::new()
            }
            Some(facet) => {
                facet.how = How::Whole;
                self.recount()
            }
            None => Vec::new(),
        }
    }
}
