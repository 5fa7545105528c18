//! From a predicate and a profile to SQL text. Pure: strings in, strings out.

pub mod quote;

use crate::core::query::predicate::Predicate;
use crate::store::Exactness;
use crate::store::postgres::layout::Layout;

/// A predicate as a condition on rows `t`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The condition; `TRUE` when the server cannot help.
    pub sql: String,
    /// Whether it is the predicate, or wider.
    pub exactness: Exactness,
    /// How the server can find the rows.
    pub reach: Reach,
}

/// How the server can find the rows of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// All rows of a time range: the order by time is all there is to walk.
    Everything,
    /// An index leads to them.
    Indexed,
    /// Rows have to be looked at one by one.
    Scanned,
}

/// Compiles a predicate.
pub fn compile(predicate: &Predicate, layout: &Layout) -> Condition {
    let _ = layout;
    match predicate {
        Predicate::All => Condition {
            sql: "TRUE".to_owned(),
            exactness: Exactness::Exact,
            reach: Reach::Everything,
        },
        _ => Condition {
            sql: "TRUE".to_owned(),
            exactness: Exactness::Superset,
            reach: Reach::Scanned,
        },
    }
}
