//! Which profile fits a table: columns and their kinds decide, and the evidence is kept to be
//! printed.

use std::sync::Arc;

use crate::core::profile::Profile;
use crate::core::record::Column;

/// A table (or collection) as the catalogue of its store describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    /// `schema.table`, `table` or the collection.
    pub name: String,
    /// Its columns in order.
    pub columns: Vec<Column>,
    /// Rows, as the store estimates them.
    pub estimate: Option<u64>,
}

/// A profile tried on a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The table.
    pub relation: Relation,
    /// The profile: a known one, or a guess.
    pub profile: Arc<Profile>,
    /// Known signatures score 100 and more, guesses below 100 by the points of the reference's §G.
    pub score: u32,
    /// Sentences for people: what was found, what was missing.
    pub evidence: Vec<String>,
}

/// Every table that looks like an audit log, best first. Known signatures win over guesses; a table
/// that fits none and scores too low as a guess is left out.
pub fn detect(relations: &[Relation], profiles: &[Arc<Profile>]) -> Vec<Candidate> {
    todo!()
}

/// Tries one profile on one table: evidence for and against.
pub fn fit(profile: &Arc<Profile>, relation: &Relation) -> Result<Vec<String>, Vec<String>> {
    todo!()
}
