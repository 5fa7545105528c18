//! A query with everything looked up: names are paths and fields, times are instants. Stores get
//! nothing but this.

use std::sync::Arc;

use crate::core::event::{Event, Field, Outcome};
use crate::core::instant::Micros;
use crate::core::json::FlatJson;
use crate::core::path::Path;
use crate::core::profile::OwnField;
use crate::core::scalar::Scalar;

/// A resolved query.
#[derive(Clone, Debug, PartialEq)]
pub enum Predicate {
    /// Every event.
    All,
    /// No event.
    Never,
    /// All of them; never empty.
    And(Vec<Predicate>),
    /// Any of them; never empty.
    Or(Vec<Predicate>),
    /// Not it. Terms are two-valued, so this is the complement.
    Not(Box<Predicate>),
    /// One term.
    Atom(Atom),
}

/// One term of a predicate: true or false for every event, never unknown.
#[derive(Clone, Debug, PartialEq)]
pub enum Atom {
    /// `since ≤ at < until` in the order of [`crate::core::instant::At`] (−∞ before, +∞ after every
    /// instant); false for events without a time. A bound left open does not exclude ±∞.
    At {
        /// Inclusive.
        since: Option<Micros>,
        /// Exclusive.
        until: Option<Micros>,
    },
    /// The event has a time (±∞ count).
    HasTime,
    /// The outcome is one of these.
    Outcome(Vec<Outcome>),
    /// The id, which is text.
    Id(Test),
    /// Any value of a field.
    Field(Field, Test),
    /// Any value of a name of the profile's own.
    Own(Arc<OwnField>, Test),
    /// Anything a payload path reaches.
    Path(Path, Test),
    /// Any leaf of the payload.
    Anywhere(Test),
}

/// What is asked of a value. Holds if any single value of the subject satisfies it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// The subject has any value that is not null (objects and empty text count, `[]` does not).
    Exists,
    /// Equal to the literal.
    Equals(Literal),
    /// The value's text is these pieces in order with anything between them: the first anchors the
    /// beginning, the last the end; at least two pieces.
    Glob(Vec<String>),
    /// The value's text contains this, ignoring case of ASCII letters only.
    Contains(String),
    /// Ordered against a literal.
    Compare(Order, Literal),
    /// `low ≤ value ≤ high`, on one and the same value.
    Range(Literal, Literal),
}

/// The side of an ordering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
    /// `<`
    Less,
    /// `<=`
    AtMost,
}

/// A value as typed in a query.
///
/// `Text` came in quotes: equal to text only. `Bare` did not: equal to the same text, to the same
/// boolean, or, when it is a number, to an equal number. In orderings a `Bare` number is compared
/// with numbers only, everything else with text only, by UTF-8 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Literal {
    /// Unquoted.
    Bare(String),
    /// Quoted.
    Text(String),
}

impl Predicate {
    /// Whether an event satisfies the predicate: the meaning of the language.
    ///
    /// `record` is the whole record the event was made from.
    pub fn matches(&self, event: &Event, record: &FlatJson<'_>) -> bool {
        todo!()
    }

    /// The tightest bounds `since ≤ at < until` that every matching event satisfies, from the terms
    /// joined by AND at the top. `(None, None)` when time is not bounded; an event outside them
    /// cannot match.
    pub fn time_bounds(&self) -> (Option<Micros>, Option<Micros>) {
        todo!()
    }

    /// `self` AND `other`, flattened.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        todo!()
    }
}

impl Test {
    /// Whether one value satisfies the test.
    pub fn accepts(&self, value: &Scalar<'_>) -> bool {
        todo!()
    }
}
