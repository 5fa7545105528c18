//! Views: what is asked and how it is shown, to be named, kept and opened again.
//!
//! Reads and writes no file; `file` says what stands in one, `runtime` owns it.

pub mod anchor;
pub mod file;
pub mod line;

use chrono_tz::Tz;
use tui_input::Input;

use crate::app::command::ViewAction;
use crate::app::notice::Level;
use crate::app::overlay::{Choice, Overlay, Picker};
use crate::app::usage::By;
use crate::app::view::anchor::Anchor;
use crate::app::{App, Effect, Focus, Generation, Page};
use crate::core::calendar::Period;
use crate::core::instant::Micros;

/// The page of a view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tab {
    /// The events.
    #[default]
    Events,
    /// Reports about them.
    Usage,
    /// Archives and unfinished purges.
    Archives,
}

impl Tab {
    /// All of them, with the words for them.
    pub const ALL: [(Self, &str); 3] = [
        (Self::Events, "events"),
        (Self::Usage, "usage"),
        (Self::Archives, "archives"),
    ];

    /// Its word.
    pub fn word(self) -> &'static str {
        let word = Self::ALL.iter().find(|(tab, _)| *tab == self);
        word.map_or("", |(_, word)| word)
    }
}

/// What is asked and how it is shown. The range of time is a part of the filter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// Which events, as typed.
    pub filter: String,
    /// The columns of the list; none where nobody has chosen.
    pub columns: Vec<String>,
    /// The event that is looked at; `None` where the newest one is followed, and in views that have a
    /// name: those are for events to come.
    pub event: Option<Anchor>,
    /// The page.
    pub tab: Tab,
    /// Of series; `None` leaves it as it is.
    pub period: Option<Period>,
    /// How users are told.
    pub by: By,
    /// The zone in which the filter's times are read; `None` leaves it as it is.
    pub tz: Option<Tz>,
    /// The zone in which times are shown; `None` leaves it as it is.
    pub zone: Option<Tz>,
}

/// A view with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// For people; unique in its file.
    pub name: String,
    /// What it shows.
    pub view: View,
}

/// What the screen opens with.
#[derive(Clone, Debug, Default)]
pub struct Opening {
    /// What is shown first.
    pub view: View,
    /// When somebody left it like that; `None` when it was asked for.
    pub left: Option<Micros>,
    /// What went wrong while that was looked up; one sentence.
    pub trouble: Option<String>,
    /// The words of a command line that open this store, without any secret.
    pub words: Vec<String>,
}

/// Views of the user's, and what is still to be shown of the first one.
#[derive(Clone, Debug, Default)]
pub struct Views {
    /// Those that have a name, as their file has them.
    pub saved: Vec<Named>,
    tab: Option<Tab>,
    event: Option<Anchor>,
    /// The same while it is looked for.
    sought: Option<Anchor>,
    left: Option<Micros>,
}

impl Views {
    /// The view with this name.
    pub fn find(&self, name: &str) -> Option<&Named> {
        self.saved.iter().find(|named| named.name == name)
    }
}

impl App {
    /// Takes over what the screen is to open with, before there is a store.
    pub(super) fn prepare_view(&mut self) {
        let opening = self.settings.opening.clone();
        self.take_look(&opening.view);
        self.filter.set(&opening.view.filter);
        self.trail.begin(&opening.view.filter);
        self.views.tab = Some(opening.view.tab);
        self.views.event = opening.view.event;
        self.views.left = opening.left;
        if let Some(trouble) = opening.trouble {
            self.notify(Level::Error, trouble, None);
        }
    }

    /// Goes to the page that was asked for, once there is a store.
    pub(super) fn arrive(&mut self) -> Vec<Effect> {
        if let Some(left) = self.views.left.take() {
            let mut text = format!("as left {} {}", self.zone.minute(left), self.zone.name());
            if !self.filter.text().is_empty() {
                text += " · x removes the filter";
            }
            if self.views.event.is_some() {
                text += " · G goes to the newest";
            }
            let hint = "auditail --fresh starts without";
            self.notify(Level::Info, text, Some(hint.to_owned()));
        }
        match self.views.tab.take() {
            Some(Tab::Usage) => {
                // Asked as soon as the question is.
                self.page = Page::Usage;
                Vec::new()
            }
            Some(Tab::Archives) => self.show_archives(),
            Some(Tab::Events) | None => Vec::new(),
        }
    }

    /// Whether nothing was asked yet: the filter that the screen opened with has a mistake.
    pub fn is_waiting_for_filter(&self) -> bool {
        self.question.page == Generation::default() && self.filter.is_invalid()
    }

    /// What is on the screen.
    pub fn view(&self) -> View {
        View {
            filter: self.filter.text().trim().to_owned(),
            columns: self.columns.names(),
            event: self.place(),
            tab: match self.page {
                Page::Events | Page::Purge => Tab::Events,
                Page::Usage => Tab::Usage,
                Page::Archives => Tab::Archives,
            },
            period: self.usage.period,
            by: self.usage.by,
            tz: Some(self.settings.tz),
            zone: Some(self.zone.tz()),
        }
    }

    /// The event that is looked at, or is going to be.
    fn place(&self) -> Option<Anchor> {
        let coming = self.views.event.as_ref().or(self.views.sought.as_ref());
        let there = self.anchor().map(|event| Anchor::of(&event));
        there.or_else(|| coming.cloned())
    }

    /// Columns, zones and period; what they change is asked by whoever calls this.
    fn take_look(&mut self, view: &View) {
        self.set_columns(&view.columns);
        if let Some(tz) = view.tz {
            self.settings.tz = tz;
        }
        if let Some(zone) = view.zone.or(view.tz) {
            self.zone.show(zone);
        }
        if view.period.is_some() {
            self.usage.period = view.period;
        }
        // Nobody can tell by groups that are not known; a store may know them once it is open.
        let is_told = self.groups().is_some() || self.awaits_groups();
        let are_known = is_told || self.description().is_none();
        self.usage.by = if are_known { view.by } else { By::Users };
    }

    /// Shows a view.
    pub(super) fn show_view(&mut self, view: &View) -> Vec<Effect> {
        let from = self.page;
        self.step_to(from);
        self.take_look(view);
        self.inspector = None;
        self.focus = Focus::List;
        let mut effects: Vec<Effect> = self.usage.forget().into_iter().collect();
        self.page = match view.tab {
            Tab::Events => Page::Events,
            Tab::Usage => Page::Usage,
            Tab::Archives => {
                effects.extend(self.show_archives());
                Page::Archives
            }
        };
        self.filter.set(&view.filter);
        self.filter.judge(&self.catalog, self.moment());
        self.step_to(from);
        // Asked also when the text is the running one: its times may be read in another zone, and
        // relative ones count from now.
        effects.extend(self.ask());
        effects.extend(self.remember());
        effects
    }

    pub(super) fn perform_on_views(&mut self, action: ViewAction) -> Vec<Effect> {
        match action {
            ViewAction::Pick => {
                self.offer_views(Input::default(), 0);
                Vec::new()
            }
            ViewAction::Save => {
                self.overlays.push(Overlay::Naming(Input::default()));
                Vec::new()
            }
            ViewAction::Copy => self.copy_view(),
            ViewAction::Delete => self.delete_view(),
        }
    }

    /// Keeps what is on the screen under a name; one that is there is replaced, as the line says
    /// while it is being typed.
    pub(super) fn save_view(&mut self, name: &str) -> Vec<Effect> {
        let name = name.trim();
        if name.is_empty() {
            self.notify(Level::Info, "not saved: a view needs a name", None);
            return Vec::new();
        }
        vec![Effect::SaveView(Box::new(Named {
            name: name.to_owned(),
            view: View {
                event: None,
                ..self.view()
            },
        }))]
    }

    /// The file of views was read, or written.
    pub(super) fn told_views(&mut self, saved: Vec<Named>, said: Option<String>) -> Vec<Effect> {
        self.views.saved = saved;
        let on_offer = match self.overlays.last() {
            Some(Overlay::Picker(picker)) if picker.of_views() => {
                Some((picker.input.clone(), picker.chosen()))
            }
            _ => None,
        };
        if let Some((typed, chosen)) = on_offer {
            self.overlays.pop();
            self.offer_views(typed, chosen);
        }
        if let Some(said) = said {
            self.notify(Level::Info, said, None);
        }
        Vec::new()
    }

    /// Offers the saved ones that what is typed leaves, one of them chosen; nothing where there are
    /// none.
    fn offer_views(&mut self, typed: Input, chosen: usize) {
        if !self.views.saved.is_empty() {
            let mut picker = Picker::views(&self.views.saved);
            picker.input = typed;
            picker.narrow();
            picker.choose(chosen);
            self.overlays.push(Overlay::Picker(picker));
        }
    }

    fn copy_view(&mut self) -> Vec<Effect> {
        let line = line::spell(&self.settings.opening.words, &self.view());
        self.notify(Level::Info, format!("copied: {line}"), None);
        vec![Effect::Copy(line)]
    }

    /// Deletes the chosen view when it is asked for twice in a row. It stays on offer until its file
    /// has let it go.
    fn delete_view(&mut self) -> Vec<Effect> {
        let Some(Overlay::Picker(picker)) = self.overlays.last_mut() else {
            return Vec::new();
        };
        let Some(Choice::View(named)) = picker.pick() else {
            return Vec::new();
        };
        if !picker.doom() {
            let text = format!("Ctrl-X again deletes the view {}", named.name);
            self.notify(Level::Info, text, None);
            return Vec::new();
        }
        vec![Effect::DeleteView(named.name)]
    }
}

#[cfg(test)]
mod tests;
