//! A key press: what it does where the user is, or that it does nothing there.
//!
//! Which keys there are is the command table's affair.

use tui_input::InputRequest;

use crate::app::command::{Action, Availability, COMMANDS, Scope};
use crate::app::keymap::{Chord, Lookup, sequence};
use crate::app::notice::Level;
use crate::app::{App, Effect};

impl App {
    pub(super) fn key(&mut self, chord: Chord) -> Vec<Effect> {
        self.notices.dismiss();
        self.pressed.push(chord);
        let pressed = self.pressed.clone();
        match self.keymap.look_up(self.scopes(), &pressed) {
            Lookup::Prefix => Vec::new(),
            Lookup::Found(action) => {
                self.pressed.clear();
                self.act(action)
            }
            Lookup::Nothing => {
                self.pressed.clear();
                match (pressed.as_slice(), chord.typed()) {
                    ([_], Some(c)) if self.scopes().contains(&Scope::Line) => {
                        self.edit(InputRequest::InsertChar(c))
                    }
                    _ => {
                        self.say_idle(&pressed);
                        Vec::new()
                    }
                }
            }
        }
    }

    /// Keys that mean nothing here; what they mean elsewhere.
    fn say_idle(&mut self, pressed: &[Chord]) {
        let shown: Vec<String> = pressed.iter().map(Chord::to_string).collect();
        let elsewhere = COMMANDS.iter().find(|command| {
            let mut keys = command.keys.iter();
            keys.any(|keys| sequence(keys) == pressed)
        });
        let meaning = elsewhere.map_or(String::new(), |command| {
            let place = command.scope.title();
            format!(" (in “{place}”: {})", command.title)
        });
        let text = format!("{} does nothing here{meaning}", shown.join(" "));
        self.notify(Level::Info, text, Some("F1 lists the keys".to_owned()));
    }

    /// Performs an action if it can do anything now, and says why not otherwise.
    pub(super) fn act(&mut self, action: Action) -> Vec<Effect> {
        let row = COMMANDS.iter().find(|command| command.action == action);
        match row.map_or(Availability::Yes, |command| (command.available)(self)) {
            Availability::Yes => {
                let mut effects = self.perform(action);
                effects.extend(self.load_more());
                effects
            }
            Availability::No(why) => {
                self.notify(Level::Info, format!("not now: {why}"), None);
                Vec::new()
            }
        }
    }
}
