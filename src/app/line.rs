//! Typing: which line of text gets what is typed, and what accepting it means.

use tui_input::InputRequest;

use crate::app::command::{Action, COMMANDS, Direction, Scope};
use crate::app::filter_bar::{LONGEST, Room, paste, term};
use crate::app::notice::Level;
use crate::app::overlay::{Choice, Overlay, Picker};
use crate::app::{App, Effect, Focus, Page};

impl App {
    pub(super) fn edit(&mut self, request: InputRequest) -> Vec<Effect> {
        match self.overlays.last_mut() {
            Some(Overlay::Picker(picker)) => {
                picker.input.handle(request);
                picker.narrow();
                Vec::new()
            }
            Some(Overlay::Columns(chooser)) => {
                chooser.input.handle(request);
                self.refill_columns(None);
                Vec::new()
            }
            Some(Overlay::Search { input, .. } | Overlay::Naming(input)) => {
                input.handle(request);
                Vec::new()
            }
            Some(Overlay::Panel(panel)) => {
                panel.edit(request);
                Vec::new()
            }
            Some(Overlay::Reader(_)) => Vec::new(),
            None if self.page == Page::Purge => self.edit_dialog(request),
            None if self.page == Page::Archives => self.edit_store(request),
            None if self.focus == Focus::Facets => self.edit_facet(request),
            None => {
                self.filter.edit(request);
                self.filter.suggest(&self.catalog);
                if self.filter.text().is_empty() {
                    self.filter.close_popup();
                }
                self.filter_changed()
            }
        }
    }

    pub(super) fn paste(&mut self, text: &str) -> Vec<Effect> {
        let is_narrowing = self.is_narrowing();
        let (room, effects) = match self.overlays.last_mut() {
            Some(Overlay::Picker(picker)) => {
                let room = paste(&mut picker.input, text);
                picker.narrow();
                (room, Vec::new())
            }
            Some(Overlay::Columns(chooser)) => {
                let room = paste(&mut chooser.input, text);
                self.refill_columns(None);
                (room, Vec::new())
            }
            Some(Overlay::Search { input, .. } | Overlay::Naming(input)) => {
                (paste(input, text), Vec::new())
            }
            Some(Overlay::Panel(panel)) => (panel.paste(text), Vec::new()),
            None if self.page == Page::Purge => (self.paste_dialog(text), Vec::new()),
            None if self.page == Page::Archives => (self.paste_store(text), Vec::new()),
            None if is_narrowing => self.paste_into_facet(text),
            None if self.focus == Focus::Filter => {
                let room = self.filter.paste(text);
                self.filter.close_popup();
                (room, self.filter_changed())
            }
            // Outside a line pasted text would be a row of commands; nobody means that.
            _ => (Room::Enough, Vec::new()),
        };
        if room == Room::Short {
            self.say_too_long("only its beginning was pasted");
        }
        effects
    }

    /// Says that a line has no room for more.
    pub(super) fn say_too_long(&mut self, so: &str) {
        let text = format!("a line of text holds {} KiB: {so}", LONGEST / 1024);
        self.notify(Level::Error, text, None);
    }

    pub(super) fn step(&mut self, direction: Direction) -> Vec<Effect> {
        match self.overlays.last_mut() {
            Some(Overlay::Picker(picker)) => {
                picker.step(direction);
                Vec::new()
            }
            Some(Overlay::Columns(chooser)) => {
                chooser.step(direction);
                Vec::new()
            }
            Some(_) => Vec::new(),
            None if self.page == Page::Purge => self.next_field(direction),
            None if self.page == Page::Archives => Vec::new(),
            None if self.focus == Focus::Facets => self.step_facet(direction),
            None => {
                let browsing = self.filter.popup().is_none();
                self.filter.step(direction);
                if browsing {
                    self.filter_changed()
                } else {
                    Vec::new()
                }
            }
        }
    }

    pub(super) fn complete_line(&mut self) -> Vec<Effect> {
        if self.filter.accept() {
            self.filter.suggest(&self.catalog);
            return self.filter_changed();
        }
        self.filter.suggest(&self.catalog);
        Vec::new()
    }

    pub(super) fn submit(&mut self) -> Vec<Effect> {
        // Several are put on and taken off, one after the other.
        if matches!(self.overlays.last(), Some(Overlay::Columns(_))) {
            return self.toggle_column();
        }
        match self.overlays.pop() {
            Some(Overlay::Picker(picker)) => match picker.pick() {
                Some(choice) => self.picked(choice),
                None => self.typed_instead(picker),
            },
            Some(Overlay::Search { input, within }) => {
                if !input.value().is_empty() {
                    input.value().clone_into(&mut self.needle);
                    return self.search(within, Direction::Forward);
                }
                Vec::new()
            }
            Some(Overlay::Naming(input)) => self.save_view(input.value()),
            Some(Overlay::Panel(panel)) => self.submit_panel(*panel),
            Some(Overlay::Reader(_) | Overlay::Columns(_)) => Vec::new(),
            None if self.page == Page::Purge => self.submit_dialog(),
            None if self.page == Page::Archives => self.submit_store(),
            None if self.focus == Focus::Facets => self.submit_facet(),
            None => self.submit_filter(),
        }
    }

    /// What was typed is none of the lines on offer.
    fn typed_instead(&mut self, picker: Picker) -> Vec<Effect> {
        if let Some(range) = picker.typed_range(self.moment()) {
            let text = term::with_range(self.filter.text(), Some(&range));
            return self.set_filter(&text);
        }
        // It stays: who meant something else would go on typing into the page below.
        if !picker.input.value().is_empty() {
            self.overlays.push(Overlay::Picker(picker));
        }
        Vec::new()
    }

    /// What the picked line of a list asks for.
    fn picked(&mut self, choice: Choice) -> Vec<Effect> {
        match choice {
            Choice::Command(action) => {
                let mut effects = self.go_where_it_works(action);
                effects.extend(self.act(action));
                effects
            }
            Choice::Filter(text) => {
                self.focus = Focus::Filter;
                self.filter.set(&text);
                self.filter_changed()
            }
            Choice::View(named) => self.show_view(&named.view),
            Choice::Resource(resource) => self.touch(&resource),
            Choice::Facet(subject) => self.add_facet(subject),
            Choice::Around(text) => self.look_around(&text),
            Choice::Range(range) => {
                let text = term::with_range(self.filter.text(), range);
                self.set_filter(&text)
            }
        }
    }

    /// A command that is picked from the list of all shows the page that it works on.
    fn go_where_it_works(&mut self, action: Action) -> Vec<Effect> {
        let row = COMMANDS.iter().find(|command| command.action == action);
        self.page = match row.map(|command| command.scope) {
            Some(Scope::Timeline) => {
                self.focus = Focus::Timeline;
                Page::Events
            }
            Some(Scope::List | Scope::Panes | Scope::Inspector | Scope::Filter | Scope::Facets) => {
                Page::Events
            }
            Some(Scope::Questions) if self.page != Page::Usage => Page::Events,
            Some(Scope::Archives) => Page::Archives,
            Some(Scope::Usage) => return self.show_usage(),
            _ => self.page,
        };
        Vec::new()
    }

    fn submit_filter(&mut self) -> Vec<Effect> {
        // Enter takes a suggestion only if the user went to one; otherwise it means the text.
        if self
            .filter
            .popup()
            .is_some_and(|popup| popup.chosen.is_some())
        {
            return self.complete_line();
        }
        self.filter.close_popup();
        self.filter.judge(&self.catalog, self.moment());
        if self.filter.is_invalid() {
            return Vec::new();
        }
        self.focus = Focus::List;
        let mut effects = self.remember();
        effects.extend(self.run_filter());
        effects
    }
}
