//! The filter as it is being typed: line editing, diagnostics, suggestions, history.
//!
//! Runs nothing; `App` decides when a valid filter becomes the question on the screen.

pub mod history;
pub mod term;

use std::sync::Arc;

use tui_input::{Input, InputRequest};

use crate::app::command::Direction;
use crate::app::filter_bar::history::History;
use crate::app::fuzzy;
use crate::core::query::catalog::Catalog;
use crate::core::query::complete::{Completion, complete};
use crate::core::query::diagnostic::{Diagnostic, Severity};
use crate::core::query::parse::parse;
use crate::core::query::predicate::Predicate;
use crate::core::query::resolve::{Moment, resolve};

/// Suggestions kept at most; nobody reads further.
const MOST_SUGGESTIONS: usize = 50;

/// A suggestion and which of its characters were typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// What it would put where.
    pub completion: Completion,
    /// Matched characters of its label.
    pub hits: Vec<usize>,
}

/// The list of suggestions under the caret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Popup {
    /// Best first; never empty.
    pub suggestions: Vec<Suggestion>,
    /// The one that was gone to; `None` as long as the user only types.
    pub chosen: Option<usize>,
}

/// The filter's line.
#[derive(Clone, Debug, Default)]
pub struct FilterBar {
    input: Input,
    /// Former filters.
    pub history: History,
    popup: Option<Popup>,
    diagnostics: Vec<Diagnostic>,
    predicate: Option<Arc<Predicate>>,
}

/// Bytes of a line of text at most: a filter longer than this was not written by a person, and
/// every key reads all of it.
pub const LONGEST: usize = 8 * 1024;

/// Whether a text had room in its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// All of it.
    Enough,
    /// Its beginning.
    Short,
}

/// Puts a text at the caret of a line, at once; line breaks become spaces.
pub fn paste(input: &mut Input, text: &str) -> Room {
    let value = input.value();
    let at = value
        .char_indices()
        .nth(input.cursor())
        .map_or(value.len(), |(at, _)| at);
    let free = LONGEST.saturating_sub(value.len());
    let fits = &text[..text.floor_char_boundary(free)];
    let plain = fits.replace(char::is_control, " ");
    let caret = input.cursor() + plain.chars().count();
    let (before, after) = value.split_at(at);
    *input = Input::new(format!("{before}{plain}{after}")).with_cursor(caret);
    if fits.len() == text.len() {
        Room::Enough
    } else {
        Room::Short
    }
}

impl FilterBar {
    /// The text as typed.
    pub fn text(&self) -> &str {
        self.input.value()
    }

    /// The caret as a byte offset.
    pub fn caret(&self) -> usize {
        let text = self.input.value();
        text.char_indices()
            .nth(self.input.cursor())
            .map_or(text.len(), |(at, _)| at)
    }

    /// What is wrong with the text.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// Whether the text cannot be run.
    pub fn is_invalid(&self) -> bool {
        self.diagnostics
            .iter()
            .any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// What the text means, when it can be run.
    pub fn predicate(&self) -> Option<&Arc<Predicate>> {
        self.predicate.as_ref()
    }

    /// The suggestions, when there are any.
    pub fn popup(&self) -> Option<&Popup> {
        self.popup.as_ref()
    }

    /// Replaces the text; the caret goes to its end.
    pub fn set(&mut self, text: &str) {
        self.input = Input::new(text.to_owned());
        self.popup = None;
    }

    /// Edits the line. Suggestions follow with [`FilterBar::suggest`].
    pub fn edit(&mut self, request: InputRequest) {
        self.input.handle(request);
        self.history.leave();
    }

    /// Types a pasted text. Gives whether it had room.
    pub fn paste(&mut self, text: &str) -> Room {
        let room = paste(&mut self.input, text);
        self.history.leave();
        room
    }

    /// Reads the text: diagnostics, and the predicate when there is no error.
    pub fn judge(&mut self, catalog: &Catalog, moment: Moment) {
        let resolved = resolve(&parse(self.text()), catalog, moment);
        self.diagnostics = resolved.diagnostics;
        self.predicate = resolved.predicate.map(Arc::new);
    }

    /// Renews the suggestions for the caret.
    pub fn suggest(&mut self, catalog: &Catalog) {
        let found = complete(self.text(), self.caret(), catalog);
        let labels = found.candidates.iter().map(|c| c.label.as_str());
        let suggestions: Vec<_> = fuzzy::rank(&found.typed, labels)
            .into_iter()
            .take(MOST_SUGGESTIONS)
            .map(|ranked| Suggestion {
                completion: found.candidates[ranked.index].clone(),
                hits: ranked.hits,
            })
            .collect();
        let typed_out = matches!(suggestions.as_slice(), [only]
            if self.text().get(only.completion.replaces.clone()) == Some(&only.completion.insert));
        self.popup = (!suggestions.is_empty() && !typed_out).then_some(Popup {
            suggestions,
            chosen: None,
        });
    }

    /// Closes the suggestions. Gives whether there were any.
    pub fn close_popup(&mut self) -> bool {
        self.popup.take().is_some()
    }

    /// Goes to another suggestion, round and round; through the history when there are none.
    pub fn step(&mut self, direction: Direction) {
        if let Some(popup) = &mut self.popup {
            let count = popup.suggestions.len();
            popup.chosen = Some(match (direction, popup.chosen) {
                (Direction::Forward, None) => 0,
                (Direction::Forward, Some(at)) => (at + 1) % count,
                (Direction::Backward, None | Some(0)) => count - 1,
                (Direction::Backward, Some(at)) => at - 1,
            });
            return;
        }
        if let Some(text) = self.history.step(direction, self.input.value()) {
            self.input = Input::new(text);
        }
    }

    /// Takes the chosen suggestion, or the best one. Gives whether there was one.
    pub fn accept(&mut self) -> bool {
        let Some(popup) = self.popup.take() else {
            return false;
        };
        let chosen = popup.chosen.unwrap_or(0);
        let Completion {
            replaces, insert, ..
        } = &popup.suggestions[chosen].completion;
        let text = self.input.value();
        let before = text.get(..replaces.start).unwrap_or(text);
        let after = text.get(replaces.end..).unwrap_or_default();
        let caret = (before.chars().count()) + insert.chars().count();
        self.input = Input::new(format!("{before}{insert}{after}")).with_cursor(caret);
        true
    }
}

#[cfg(test)]
mod tests;
