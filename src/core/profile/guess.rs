//! A generic profile from column names and kinds, for tables no profile knows.

use crate::core::profile::Profile;
use crate::core::profile::detect::Relation;

/// A guessed profile, its score (reference §G) and why; `Err` says what is missing, e.g. that there
/// is no column that could be a time.
pub fn guess(relation: &Relation) -> Result<(Profile, u32, Vec<String>), String> {
    todo!()
}
