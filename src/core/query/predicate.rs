//! A query with everything looked up: names are paths and fields, times are instants. Stores get
//! nothing but this.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::Arc;

use crate::core::event::{Event, Field, Outcome};
use crate::core::instant::{At, Micros};
use crate::core::json::{FlatJson, NodeId};
use crate::core::path::Path;
use crate::core::profile::OwnField;
use crate::core::profile::evaluate::values;
use crate::core::scalar::{Scalar, compare_numbers, is_number};
use crate::core::words::Words;

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
    /// Equal to one of many unquoted words.
    OneOf(Arc<Words>),
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
        match self {
            Self::All => true,
            Self::Never => false,
            Self::And(parts) => parts.iter().all(|part| part.matches(event, record)),
            Self::Or(parts) => parts.iter().any(|part| part.matches(event, record)),
            Self::Not(part) => !part.matches(event, record),
            Self::Atom(atom) => atom.matches(event, record),
        }
    }

    /// The tightest bounds `since ≤ at < until` that every matching event satisfies, as far as they
    /// follow from terms joined by AND and OR alone. `(None, None)` when time is not bounded; an
    /// event outside them cannot match.
    pub fn time_bounds(&self) -> (Option<Micros>, Option<Micros>) {
        match self {
            Self::Atom(Atom::At { since, until }) => (*since, *until),
            Self::And(parts) => parts.iter().map(Self::time_bounds).fold(
                (None, None),
                |(since, until), (from, to)| {
                    let earliest = [until, to].into_iter().flatten().min();
                    (since.max(from), earliest)
                },
            ),
            // An alternative that is open on a side leaves the whole open there.
            Self::Or(parts) => parts
                .iter()
                .map(Self::time_bounds)
                .reduce(|(since, until), (from, to)| {
                    let latest = until.zip(to).map(|(a, b)| a.max(b));
                    (since.min(from), latest)
                })
                .unwrap_or_default(),
            Self::All | Self::Never | Self::Not(_) | Self::Atom(_) => (None, None),
        }
    }

    /// Without the terms that bound the time of every match, where they are joined by AND alone:
    /// what is asked within any stretch of time.
    #[must_use]
    pub fn at_any_time(self) -> Self {
        match self {
            Self::Atom(Atom::At { .. }) => Self::All,
            Self::And(parts) => parts
                .into_iter()
                .map(Self::at_any_time)
                .fold(Self::All, Self::and),
            other => other,
        }
    }

    /// Whether it asks for nothing but the time.
    pub fn is_of_time(&self) -> bool {
        match self {
            Self::All | Self::Never | Self::Atom(Atom::At { .. } | Atom::HasTime) => true,
            Self::Atom(_) => false,
            Self::And(parts) | Self::Or(parts) => parts.iter().all(Self::is_of_time),
            Self::Not(part) => part.is_of_time(),
        }
    }

    /// The complement.
    #[must_use]
    pub fn negated(self) -> Self {
        match self {
            Self::All => Self::Never,
            Self::Never => Self::All,
            Self::Not(part) => *part,
            part => Self::Not(Box::new(part)),
        }
    }

    /// `self` OR `other`, flattened.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Never, rest) | (rest, Self::Never) => rest,
            (Self::All, _) | (_, Self::All) => Self::All,
            (left, right) => {
                let mut parts = Vec::new();
                for side in [left, right] {
                    match side {
                        Self::Or(more) => parts.extend(more),
                        part => parts.push(part),
                    }
                }
                Self::Or(parts)
            }
        }
    }

    /// `self` AND `other`, flattened.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::All, rest) | (rest, Self::All) => rest,
            (Self::Never, _) | (_, Self::Never) => Self::Never,
            (left, right) => {
                let mut parts = Vec::new();
                for side in [left, right] {
                    match side {
                        Self::And(more) => parts.extend(more),
                        part => parts.push(part),
                    }
                }
                Self::And(parts)
            }
        }
    }
}

impl Atom {
    fn matches(&self, event: &Event, record: &FlatJson<'_>) -> bool {
        match self {
            Self::At { since, until } => within(event.at(), *since, *until),
            Self::HasTime => event.at() != At::Absent,
            Self::Outcome(any_of) => event
                .outcome
                .is_some_and(|outcome| any_of.contains(&outcome)),
            Self::Id(test) => test.accepts(&Scalar::Text(Cow::Borrowed(event.id.as_str()))),
            Self::Field(field, test) => event.all(*field).any(|value| test.accepts(&value)),
            Self::Own(own, test) => {
                let values = values(&own.expr, record);
                values.iter().any(|value| test.accepts(value))
            }
            Self::Path(path, Test::Exists) => path.reaches(record, &mut |_| true),
            Self::Path(path, test) => path.reaches(record, &mut |node| {
                record
                    .scalar(node)
                    .is_some_and(|value| test.accepts(&value))
            }),
            Self::Anywhere(test) => (0..)
                .map(NodeId)
                .take(record.len())
                .filter_map(|node| record.scalar(node))
                .any(|value| test.accepts(&value)),
        }
    }
}

fn within(at: At, since: Option<Micros>, until: Option<Micros>) -> bool {
    at != At::Absent
        && since.is_none_or(|since| at >= At::Instant(since))
        && until.is_none_or(|until| at < At::Instant(until))
}

impl Test {
    /// Whether one value satisfies the test.
    pub fn accepts(&self, value: &Scalar<'_>) -> bool {
        match self {
            Self::Exists => true,
            Self::Equals(literal) => literal.equals(value),
            Self::OneOf(words) => words.accept(value),
            Self::Glob(pieces) => glob(pieces, value.text()),
            Self::Contains(needle) => contains_ignoring_ascii_case(value.text(), needle),
            Self::Compare(order, literal) => literal
                .compare(value)
                .is_some_and(|found| order.accepts(found)),
            Self::Range(low, high) => {
                low.compare(value).is_some_and(Ordering::is_ge)
                    && high.compare(value).is_some_and(Ordering::is_le)
            }
        }
    }
}

impl Order {
    /// Whether a value that stands in this relation to the literal is accepted.
    pub fn accepts(self, found: Ordering) -> bool {
        match self {
            Self::Greater => found.is_gt(),
            Self::AtLeast => found.is_ge(),
            Self::Less => found.is_lt(),
            Self::AtMost => found.is_le(),
        }
    }
}

impl Literal {
    /// The text as typed, quotes and escapes resolved.
    pub fn text(&self) -> &str {
        match self {
            Self::Bare(text) | Self::Text(text) => text,
        }
    }

    /// The number it stands for, in JSON's spelling; quoted text never is one.
    pub fn number(&self) -> Option<&str> {
        match self {
            Self::Bare(text) if is_number(text) => Some(text),
            Self::Bare(_) | Self::Text(_) => None,
        }
    }

    fn equals(&self, value: &Scalar<'_>) -> bool {
        match (self, value) {
            (Self::Bare(literal), Scalar::Number(number)) => {
                compare_numbers(number, literal).is_some_and(Ordering::is_eq)
            }
            (Self::Text(literal) | Self::Bare(literal), Scalar::Text(text)) => text == literal,
            (Self::Bare(literal), Scalar::Bool(_)) => value.text() == literal,
            (Self::Text(_), Scalar::Number(_) | Scalar::Bool(_)) => false,
        }
    }

    /// How the value stands to the literal; `None` when they are of different types.
    fn compare(&self, value: &Scalar<'_>) -> Option<Ordering> {
        match (self.number(), value) {
            (Some(literal), Scalar::Number(number)) => compare_numbers(number, literal),
            (None, Scalar::Text(text)) => Some(text.as_bytes().cmp(self.text().as_bytes())),
            _ => None,
        }
    }
}

/// The first piece anchors the beginning, the last the end; taking each middle piece where it first
/// occurs leaves the most text for the rest, so no way of matching is missed.
fn glob(pieces: &[String], text: &str) -> bool {
    let [first, middle @ .., last] = pieces else {
        return pieces.first().is_some_and(|piece| piece == text);
    };
    let Some(mut rest) = text
        .strip_prefix(first.as_str())
        .and_then(|rest| rest.strip_suffix(last.as_str()))
    else {
        return false;
    };
    for piece in middle {
        match rest.find(piece.as_str()) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    true
}

fn contains_ignoring_ascii_case(text: &str, needle: &str) -> bool {
    let (text, needle) = (text.as_bytes(), needle.as_bytes());
    let Some(first) = needle.first() else {
        return true;
    };
    if needle.len() > text.len() {
        return false;
    }
    let (lower, upper) = (first.to_ascii_lowercase(), first.to_ascii_uppercase());
    let starts = &text[..=text.len() - needle.len()];
    starts.iter().enumerate().any(|(at, byte)| {
        (*byte == lower || *byte == upper)
            && text[at..at + needle.len()].eq_ignore_ascii_case(needle)
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn text(value: &str) -> Scalar<'_> {
        Scalar::Text(value.into())
    }

    fn number(value: &str) -> Scalar<'_> {
        Scalar::Number(value.into())
    }

    fn bare(value: &str) -> Literal {
        Literal::Bare(value.to_owned())
    }

    fn quoted(value: &str) -> Literal {
        Literal::Text(value.to_owned())
    }

    #[rstest]
    #[case(bare("7"), number("7.0"), true)]
    #[case(bare("7"), text("7"), true)]
    #[case(bare("7"), text("7.0"), false)]
    #[case(bare("7.0"), number("7"), true)]
    #[case(quoted("7"), number("7"), false)]
    #[case(quoted("7"), text("7"), true)]
    #[case(bare("true"), Scalar::Bool(true), true)]
    #[case(bare("True"), Scalar::Bool(true), false)]
    #[case(quoted("true"), Scalar::Bool(true), false)]
    #[case(bare("true"), text("true"), true)]
    #[case(bare("9007199254740993"), number("9007199254740992"), false)]
    #[case(bare("Alice"), text("alice"), false)]
    fn equality(#[case] literal: Literal, #[case] value: Scalar<'_>, #[case] expected: bool) {
        assert_eq!(Test::Equals(literal).accepts(&value), expected);
    }

    #[rstest]
    #[case(bare("9"), number("10"), true)]
    #[case(bare("9"), text("91"), false)]
    #[case(quoted("9"), text("91"), true)]
    #[case(quoted("9"), number("10"), false)]
    #[case(bare("b"), text("c"), true)]
    #[case(bare("b"), number("7"), false)]
    #[case(bare("false"), Scalar::Bool(true), false)]
    #[case(bare("z"), text("é"), true)]
    fn ordering_never_mixes_types(
        #[case] literal: Literal,
        #[case] value: Scalar<'_>,
        #[case] greater: bool,
    ) {
        assert_eq!(
            Test::Compare(Order::Greater, literal).accepts(&value),
            greater
        );
    }

    #[test]
    fn a_range_includes_both_ends_and_is_of_one_type() {
        let range = Test::Range(bare("1"), bare("10"));
        assert!(range.accepts(&number("1.0")) && range.accepts(&number("10")));
        assert!(!range.accepts(&number("10.1")) && !range.accepts(&text("5")));
        assert!(!Test::Range(bare("a"), bare("5")).accepts(&text("b")));
    }

    #[rstest]
    #[case("Describe*", "DescribePod", true)]
    #[case("Describe*", "describePod", false)]
    #[case("*Pod", "DescribePod", true)]
    #[case("a*a", "a", false)]
    #[case("a*a", "aa", true)]
    #[case("*ab*ab*", "ab-ab", true)]
    #[case("*ab*ab*", "ab-a", false)]
    #[case("x*ab*b", "xab", false)]
    #[case("x*ab*b", "xabb", true)]
    #[case("*", "", true)]
    #[case("é*é", "éé", true)]
    fn globs(#[case] pattern: &str, #[case] value: &str, #[case] expected: bool) {
        let pieces = pattern.split('*').map(str::to_owned).collect();
        assert_eq!(Test::Glob(pieces).accepts(&text(value)), expected);
    }

    #[rstest]
    #[case("DENIED", "permission denied", true)]
    #[case("permission denied!", "permission denied", false)]
    #[case("É", "é", false)]
    #[case("éA", "xÉéa", true)]
    #[case("", "", true)]
    #[case("aab", "aaab", true)]
    fn containment(#[case] needle: &str, #[case] value: &str, #[case] expected: bool) {
        assert_eq!(
            Test::Contains(needle.to_owned()).accepts(&text(value)),
            expected
        );
    }

    fn at(since: Option<i64>, until: Option<i64>) -> Predicate {
        Predicate::Atom(Atom::At {
            since: since.map(Micros),
            until: until.map(Micros),
        })
    }

    #[test]
    fn bounds_follow_from_and_and_or() {
        let bounds = |predicate: &Predicate| {
            let (since, until) = predicate.time_bounds();
            (since.map(|at| at.0), until.map(|at| at.0))
        };
        let narrow = at(Some(5), None)
            .and(at(Some(3), Some(9)))
            .and(Predicate::Atom(Atom::HasTime));
        assert_eq!(bounds(&narrow), (Some(5), Some(9)));
        let wide = Predicate::Or(vec![at(Some(5), Some(9)), at(Some(3), Some(7))]);
        assert_eq!(bounds(&wide), (Some(3), Some(9)));
        let open = Predicate::Or(vec![at(Some(5), None), at(None, Some(3))]);
        assert_eq!(bounds(&open), (None, None));
        let not = Predicate::Not(Box::new(at(Some(5), None)));
        assert_eq!(bounds(&not), (None, None), "events without a time match it");
    }

    #[test]
    fn infinities_lie_outside_every_closed_bound() {
        let (low, high) = (Some(Micros(i64::MIN)), Some(Micros(i64::MAX)));
        assert!(within(At::NegInfinity, None, high) && !within(At::NegInfinity, low, None));
        assert!(within(At::PosInfinity, low, None) && !within(At::PosInfinity, None, high));
        assert!(!within(At::Absent, None, None));
    }

    #[test]
    fn and_is_flat_and_knows_its_neutral_elements() {
        let (a, b, c) = (at(Some(1), None), at(Some(2), None), at(Some(3), None));
        let flat = Predicate::And(vec![a.clone(), b.clone(), c.clone()]);
        assert_eq!(a.clone().and(b.clone()).and(c.clone()), flat);
        assert_eq!(a.clone().and(b.and(c)), flat);
        assert_eq!(Predicate::All.and(a.clone()), a);
        assert_eq!(a.and(Predicate::Never), Predicate::Never);
    }
}
