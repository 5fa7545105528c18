//! Looks names, times and outcomes up: tree in, predicate or diagnostics out.

use crate::core::instant::Micros;
use crate::core::query::catalog::Catalog;
use crate::core::query::diagnostic::Diagnostic;
use crate::core::query::expr::Parsed;
use crate::core::query::predicate::Predicate;

/// The moment and the zone a query is read in; frozen when it is submitted.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// What `-3h`, `today`, `older:` count from.
    pub now: Micros,
    /// The zone of times typed without one.
    pub tz: chrono_tz::Tz,
}

/// A query ready to run, with what there is to say about it.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// `None` when a diagnostic is an error.
    pub predicate: Option<Predicate>,
    /// Of parsing and of resolution, in order of their place.
    pub diagnostics: Vec<Diagnostic>,
}

/// Resolves a parsed query.
pub fn resolve(parsed: &Parsed, catalog: &Catalog, moment: Moment) -> Resolved {
    todo!()
}
