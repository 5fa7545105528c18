//! Former filters, newest last, without repetitions.
//!
//! Does not touch the disk; the runtime reads and writes the file.

use crate::app::command::Direction;

/// Filters kept at most.
pub const MOST: usize = 500;

/// Former filters and where ↑ and ↓ stand among them.
#[derive(Clone, Debug, Default)]
pub struct History {
    entries: Vec<String>,
    at: Option<usize>,
    draft: String,
}

impl History {
    /// Takes what a former session left, oldest first.
    pub fn load(&mut self, entries: Vec<String>) {
        for entry in entries {
            self.add(&entry);
        }
    }

    /// Every filter, oldest first.
    pub fn entries(&self) -> &[String] {
        &self.entries
    }

    /// Remembers a filter. Gives whether it is another one than the last.
    pub fn add(&mut self, text: &str) -> bool {
        self.leave();
        let text = text.trim();
        if text.is_empty() || self.entries.last().is_some_and(|last| last == text) {
            return false;
        }
        self.entries.retain(|entry| entry != text);
        self.entries.push(text.to_owned());
        let surplus = self.entries.len().saturating_sub(MOST);
        self.entries.drain(..surplus);
        true
    }

    /// Forgets where ↑ and ↓ stood.
    pub fn leave(&mut self) {
        self.at = None;
    }

    /// The filter before or after; what was typed comes back at the end. `None` at both ends.
    pub fn step(&mut self, direction: Direction, typed: &str) -> Option<String> {
        let at = match (direction, self.at) {
            (Direction::Backward, None) => {
                typed.clone_into(&mut self.draft);
                self.entries.len().checked_sub(1)?
            }
            (Direction::Backward, Some(at)) => at.checked_sub(1)?,
            (Direction::Forward, None) => return None,
            (Direction::Forward, Some(at)) => at + 1,
        };
        if at == self.entries.len() {
            self.at = None;
            return Some(std::mem::take(&mut self.draft));
        }
        self.at = Some(at);
        self.entries.get(at).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn up_and_down_come_back_to_what_was_typed() {
        let mut history = History::default();
        history.load(vec!["a".into(), "b".into(), "a".into()]);
        assert_eq!(history.entries(), ["b", "a"]);
        assert_eq!(
            history.step(Direction::Backward, "draft").as_deref(),
            Some("a")
        );
        assert_eq!(history.step(Direction::Backward, "a").as_deref(), Some("b"));
        assert_eq!(history.step(Direction::Backward, "b"), None);
        assert_eq!(history.step(Direction::Forward, "b").as_deref(), Some("a"));
        assert_eq!(
            history.step(Direction::Forward, "a").as_deref(),
            Some("draft")
        );
        assert_eq!(history.step(Direction::Forward, "draft"), None);
    }

    #[test]
    fn empty_and_repeated_filters_are_not_kept() {
        let mut history = History::default();
        assert!(!history.add("  "));
        assert!(history.add("user:alice"));
        assert!(!history.add("user:alice "));
    }
}
