//! What could stand at the caret: names, operators, values.

use crate::core::query::catalog::Catalog;
use crate::core::query::diagnostic::Span;

/// One candidate. Ranking by what was typed so far is the filter bar's affair (fuzzy).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// The part of the text it would replace.
    pub replaces: Span,
    /// What it would put there, quoted where needed.
    pub insert: String,
    /// What the list shows.
    pub label: String,
    /// What it is: a field's description, `seen 812 ×`.
    pub about: String,
}

/// All candidates at a caret (a byte offset), unranked; `typed` is the text to rank them by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completions {
    /// The part already typed.
    pub typed: String,
    /// What fits the place.
    pub candidates: Vec<Completion>,
}

/// What could stand at `caret` in `text`.
pub fn complete(text: &str, caret: usize, catalog: &Catalog) -> Completions {
    todo!()
}
