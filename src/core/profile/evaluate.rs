//! The one evaluator: record in, event fields out. What the expressions of a profile mean is
//! defined here; every SQL and MQL compiler is tested against it.

use crate::core::event::{Field, Outcome};
use crate::core::instant::At;
use crate::core::json::FlatJson;
use crate::core::profile::{Condition, Profile, TimeEncoding, ValueExpr};
use crate::core::scalar::Scalar;

/// What a profile reads out of one record; the driver adds id and cursor to make it an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evaluated {
    /// When.
    pub at: At,
    /// What became of it.
    pub outcome: Option<Outcome>,
    /// Values by field.
    pub values: [Vec<Scalar<'static>>; Field::ALL.len()],
}

/// Reads a record with a profile. Total: a record that lacks everything gives an event without
/// anything.
pub fn evaluate(profile: &Profile, record: &FlatJson<'_>) -> Evaluated {
    todo!()
}

/// The values of an expression.
pub fn values<'r>(expr: &ValueExpr, record: &'r FlatJson<'_>) -> Vec<Scalar<'r>> {
    todo!()
}

/// Whether a condition holds.
pub fn holds(condition: &Condition, record: &FlatJson<'_>) -> bool {
    todo!()
}

/// Decodes a time. Unreadable values are [`At::Absent`], `infinity` and `-infinity` are themselves.
/// A zone-less time that a DST change makes ambiguous is the earlier instant, one that it skips is
/// read with the offset before the change.
pub fn decode_time(encoding: TimeEncoding, value: &Scalar<'_>) -> At {
    todo!()
}
