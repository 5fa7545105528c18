//! A URL that may hold a password: typed, handed on, and never shown or printed.

use std::fmt;

use tui_input::Input;

/// A text that no output shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for whoever connects with it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// A line in which such a URL is typed.
#[derive(Clone, Default)]
pub struct SecretLine {
    /// What was typed.
    pub input: Input,
}

impl SecretLine {
    /// A line that holds a text already.
    pub fn holding(text: &str) -> Self {
        Self {
            input: Input::new(text.to_owned()),
        }
    }

    /// What was typed.
    pub fn secret(&self) -> Secret {
        Secret::new(self.input.value().trim())
    }

    /// The same with a star for each character that may be of a password.
    pub fn masked(&self) -> String {
        masked(self.input.value())
    }
}

impl fmt::Debug for SecretLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretLine")
    }
}

/// Passwords stand between the first colon of what follows `://` and the last `@`, and after
/// `password=`. Before the `@` is typed nobody can tell a password from a port: stars, then.
fn masked(text: &str) -> String {
    let mut hidden = vec![false; text.len()];
    if let Some(start) = text.find("://").map(|at| at + 3) {
        let rest = &text[start..];
        let end = rest
            .rfind('@')
            .or_else(|| rest.find(['/', '?']))
            .unwrap_or(rest.len());
        if let Some(colon) = rest[..end].find(':') {
            hidden[start + colon + 1..start + end].fill(true);
        }
    }
    for (at, word) in text.match_indices("password=") {
        let from = at + word.len();
        let length = text[from..]
            .find(|c: char| c == '&' || c.is_whitespace())
            .unwrap_or(text.len() - from);
        hidden[from..from + length].fill(true);
    }
    let star = |(at, c)| if hidden[at] { '*' } else { c };
    text.char_indices().map(star).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_shown_at_any_time_of_typing() {
        for (text, shown) in [
            (
                "postgres://purger:sec@ret@db/x",
                "postgres://purger:*******@db/x",
            ),
            ("postgres://purger:secr", "postgres://purger:****"),
            ("postgres://purger@db:5432/x", "postgres://purger@db:5432/x"),
            (
                "postgres://db/x?password=p@q&a=b",
                "postgres://db/x?password=***&a=b",
            ),
            ("host=db password=pw user=u", "host=db password=** user=u"),
            ("/srv/audit.db", "/srv/audit.db"),
            ("postgres://u:pä", "postgres://u:**"),
        ] {
            let line = SecretLine::holding(text);
            assert_eq!(line.masked(), shown);
            assert_eq!(line.masked().chars().count(), text.chars().count());
            assert!(!format!("{line:?} {:?}", line.secret()).contains(text));
        }
    }
}
