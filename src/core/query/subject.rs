//! A name typed alone, as for a column or a facet: what it stands for in a store, by the same rules as
//! in a filter.
//!
//! Resolves nothing itself: whoever asks knows the store, and how much of it.

use std::sync::Arc;

use crate::core::aggregate::Subject;
use crate::core::query::diagnostic::{Diagnostic, Severity};
use crate::core::query::predicate::{Atom, Predicate, Test};
use crate::core::query::resolve::Resolved;

/// Why a name stands for nothing that events have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Unnamed {
    /// What is wrong, one sentence.
    pub message: String,
    /// What to type instead.
    pub hint: String,
}

/// The filter whose meaning says what a name stands for.
pub fn question(name: &str) -> String {
    format!("has:{}", name.trim())
}

/// What a name stands for, by what [`question`] means; and what there is to say about it.
pub fn answer(name: &str, resolved: Resolved) -> Result<(Subject, Vec<Diagnostic>), Unnamed> {
    let subject = resolved.predicate.as_ref().and_then(subject_of);
    if let Some(subject) = subject {
        return Ok((subject, resolved.diagnostics));
    }
    // The name was typed alone: a caret below `has:NAME` would point into what nobody wrote.
    let mistake = (resolved.diagnostics.into_iter())
        .find(|diagnostic| diagnostic.severity == Severity::Error);
    let (message, hint) = mistake.map_or_else(
        || (format!("{} has no values to list", name.trim()), None),
        |mistake| (mistake.message, mistake.hint),
    );
    let hint = hint.unwrap_or_else(|| {
        "name an event field such as actor or action, or a path such as .status.code".to_owned()
    });
    Err(Unnamed { message, hint })
}

/// What `has:NAME` asks about.
fn subject_of(predicate: &Predicate) -> Option<Subject> {
    match predicate {
        Predicate::Atom(Atom::Outcome(_)) => Some(Subject::Outcome),
        Predicate::Atom(Atom::Field(field, Test::Exists)) => Some(Subject::Field(*field)),
        Predicate::Atom(Atom::Own(own, Test::Exists)) => Some(Subject::Own(Arc::clone(own))),
        Predicate::Atom(Atom::Path(path, Test::Exists)) => Some(Subject::Path(path.clone())),
        _ => None,
    }
}
