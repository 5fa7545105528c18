//! Chords, sequences of chords, and which command they reach from where the user is.
//!
//! Knows no command by name: everything comes from [`COMMANDS`].

use std::fmt;

use crate::app::command::{Action, COMMANDS, Scope};

/// A key without what is held down with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// A character as typed, shift included.
    Char(char),
    /// A function key.
    F(u8),
    /// Return.
    Enter,
    /// Escape.
    Esc,
    /// Tabulator.
    Tab,
    /// Shift with tabulator.
    BackTab,
    /// Deletes to the left.
    Backspace,
    /// Deletes to the right.
    Delete,
    /// Arrow.
    Left,
    /// Arrow.
    Right,
    /// Arrow.
    Up,
    /// Arrow.
    Down,
    /// Beginning.
    Home,
    /// End.
    End,
    /// Page towards the beginning.
    PageUp,
    /// Page towards the end.
    PageDown,
}

/// What is held down with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Held {
    /// Nothing, or shift, which is part of the character.
    Nothing,
    /// Control.
    Ctrl,
    /// Alt or Meta.
    Alt,
}

/// One key press.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Chord {
    /// What is held down.
    pub held: Held,
    /// The key.
    pub key: Key,
}

/// Names of keys that are not characters, as bindings spell them and as people read them.
const NAMES: [(Key, &str, &str); 15] = [
    (Key::Char(' '), "space", "Space"),
    (Key::Enter, "enter", "Enter"),
    (Key::Esc, "esc", "Esc"),
    (Key::Tab, "tab", "Tab"),
    (Key::BackTab, "backtab", "Shift-Tab"),
    (Key::Backspace, "backspace", "Backspace"),
    (Key::Delete, "delete", "Delete"),
    (Key::Left, "left", "Left"),
    (Key::Right, "right", "Right"),
    (Key::Up, "up", "Up"),
    (Key::Down, "down", "Down"),
    (Key::Home, "home", "Home"),
    (Key::End, "end", "End"),
    (Key::PageUp, "pgup", "PgUp"),
    (Key::PageDown, "pgdn", "PgDn"),
];

impl Chord {
    /// A key with nothing held down.
    pub fn plain(key: Key) -> Self {
        Self {
            held: Held::Nothing,
            key,
        }
    }

    /// Reads `j`, `G`, `ctrl-d`, `alt-b`, `f2`, `space`; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let (held, name) = if let Some(rest) = text.strip_prefix("ctrl-") {
            (Held::Ctrl, rest)
        } else if let Some(rest) = text.strip_prefix("alt-") {
            (Held::Alt, rest)
        } else {
            (Held::Nothing, text)
        };
        let mut chars = name.chars();
        let key = match (chars.next(), chars.next()) {
            (Some(only), None) => Key::Char(only),
            (Some('f'), Some(_)) if name[1..].parse::<u8>().is_ok() => {
                Key::F(name[1..].parse().ok()?)
            }
            _ => NAMES.iter().find(|(_, spelled, _)| *spelled == name)?.0,
        };
        Some(Self { held, key })
    }

    /// The character this chord types into a line, if it types one.
    pub fn typed(self) -> Option<char> {
        match (self.held, self.key) {
            (Held::Nothing, Key::Char(c)) => Some(c),
            _ => None,
        }
    }
}

impl fmt::Display for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.held {
            Held::Nothing => {}
            Held::Ctrl => f.write_str("Ctrl-")?,
            Held::Alt => f.write_str("Alt-")?,
        }
        if let Some((_, _, shown)) = NAMES.iter().find(|(key, _, _)| *key == self.key) {
            return f.write_str(shown);
        }
        match self.key {
            Key::Char(c) => write!(f, "{c}"),
            Key::F(number) => write!(f, "F{number}"),
            other => write!(f, "{other:?}"),
        }
    }
}

/// A binding as people read it: `y p`, `Ctrl-d`.
pub fn shown(binding: &str) -> String {
    let chords: Vec<_> = sequence(binding).iter().map(Chord::to_string).collect();
    chords.join(" ")
}

/// The chords of a binding such as `y p`.
pub fn sequence(binding: &str) -> Vec<Chord> {
    binding
        .split_whitespace()
        .filter_map(Chord::parse)
        .collect()
}

/// What the keys pressed so far mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// A command.
    Found(Action),
    /// The beginning of at least one command's keys.
    Prefix,
    /// Nothing.
    Nothing,
}

/// Every binding of the command table, taken apart once.
#[derive(Clone, Debug)]
pub struct Keymap {
    bindings: Vec<(Scope, Vec<Chord>, Action)>,
}

impl Default for Keymap {
    fn default() -> Self {
        let bindings = COMMANDS
            .iter()
            .flat_map(|command| {
                command
                    .keys
                    .iter()
                    .map(|keys| (command.scope, sequence(keys), command.action))
            })
            .collect();
        Self { bindings }
    }
}

impl Keymap {
    /// Looks keys up in the scopes that are open where the user is.
    pub fn look_up(&self, scopes: &[Scope], pressed: &[Chord]) -> Lookup {
        let mut prefix = false;
        for (scope, keys, action) in &self.bindings {
            if !scopes.contains(scope) {
                continue;
            }
            if keys == pressed {
                return Lookup::Found(*action);
            }
            prefix |= keys.starts_with(pressed);
        }
        if prefix {
            Lookup::Prefix
        } else {
            Lookup::Nothing
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::command::CONTEXTS;

    #[test]
    fn every_binding_of_the_table_can_be_read() {
        for command in COMMANDS {
            for keys in command.keys {
                let words = keys.split_whitespace().count();
                assert_eq!(sequence(keys).len(), words, "{}: {keys:?}", command.id);
            }
        }
    }

    #[test]
    fn no_binding_hides_another_one() {
        let keymap = Keymap::default();
        for scopes in CONTEXTS {
            let open: Vec<_> = keymap
                .bindings
                .iter()
                .filter(|(scope, _, _)| scopes.contains(scope))
                .collect();
            for (place, (_, keys, action)) in open.iter().enumerate() {
                for (_, others, other) in &open[place + 1..] {
                    assert!(
                        !keys.starts_with(others) && !others.starts_with(keys),
                        "{action:?} and {other:?} share keys in {scopes:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn chords_read_and_print() {
        for (text, printed) in [
            ("ctrl-d", "Ctrl-d"),
            ("f2", "F2"),
            ("f", "f"),
            ("space", "Space"),
            ("alt-b", "Alt-b"),
            ("G", "G"),
        ] {
            let chord = Chord::parse(text).expect(text);
            assert_eq!(chord.to_string(), printed);
        }
        assert_eq!(Chord::parse("hyper"), None);
    }
}
