//! The one evaluator: record in, event fields out. What the expressions of a profile mean is
//! defined here; every SQL and MQL compiler is tested against it.
//!
//! How a time is written is the affair of `profile::moment`.

use crate::core::event::{Field, Outcome};
use crate::core::instant::At;
use crate::core::json::FlatJson;
use crate::core::path::Path;
use crate::core::profile::{Condition, Profile, TemplatePart, ValueExpr};
use crate::core::scalar::Scalar;

pub use crate::core::profile::moment::decode_time;

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
    Evaluated {
        at: time(profile, record),
        outcome: outcome(profile, record),
        values: std::array::from_fn(|place| {
            let mut found = values(&profile.fields[place], record);
            found.drain(..).map(Scalar::into_owned).collect()
        }),
    }
}

/// When the record happened: the first leaf its time path reaches.
pub fn time(profile: &Profile, record: &FlatJson<'_>) -> At {
    let mut at = At::Absent;
    profile.time.path.reaches(record, &mut |node| {
        let value = record.scalar(node);
        if let Some(value) = &value {
            at = decode_time(profile.time.encoding, value);
        }
        value.is_some()
    });
    at
}

/// What became of it: the first rule that applies.
pub fn outcome(profile: &Profile, record: &FlatJson<'_>) -> Option<Outcome> {
    profile
        .outcome
        .iter()
        .find(|rule| holds(&rule.when, record))
        .map(|rule| rule.is)
}

/// The values of an expression.
pub fn values<'r>(expr: &ValueExpr, record: &'r FlatJson<'_>) -> Vec<Scalar<'r>> {
    match expr {
        ValueExpr::Absent => Vec::new(),
        ValueExpr::Path(path) => leaves(path, record),
        ValueExpr::First(choices) => choices
            .iter()
            .map(|choice| values(choice, record))
            .find(|found| !found.is_empty())
            .unwrap_or_default(),
        ValueExpr::All(parts) => {
            let mut all: Vec<Scalar<'r>> = Vec::new();
            for value in parts.iter().flat_map(|part| values(part, record)) {
                if !all.contains(&value) {
                    all.push(value);
                }
            }
            all
        }
        ValueExpr::Template(parts) => template(parts, record).into_iter().collect(),
        ValueExpr::Lookup { of, table } => values(of, record)
            .into_iter()
            .map(|value| match table.get(value.text()) {
                Some(name) => Scalar::Text(name.clone().into()),
                None => value,
            })
            .collect(),
    }
}

fn leaves<'r>(path: &Path, record: &'r FlatJson<'_>) -> Vec<Scalar<'r>> {
    let mut found = Vec::new();
    path.reaches(record, &mut |node| {
        found.extend(record.scalar(node));
        false
    });
    found
}

fn template<'r>(parts: &[TemplatePart], record: &'r FlatJson<'_>) -> Option<Scalar<'r>> {
    let mut text = String::new();
    for part in parts {
        match part {
            TemplatePart::Literal(literal) => text.push_str(literal),
            TemplatePart::Value(expr) => text.push_str(values(expr, record).first()?.text()),
        }
    }
    Some(Scalar::Text(text.into()))
}

/// Whether a condition holds.
pub fn holds(condition: &Condition, record: &FlatJson<'_>) -> bool {
    match condition {
        Condition::Has(path) => path.reaches(record, &mut |_| true),
        Condition::In(expr, words) => values(expr, record)
            .iter()
            .any(|value| words.iter().any(|word| value.is_word(word))),
        Condition::EndsWith(expr, end) => values(expr, record)
            .iter()
            .any(|value| value.text().ends_with(end.as_str())),
        Condition::And(all) => all.iter().all(|part| holds(part, record)),
        Condition::Or(any) => any.iter().any(|part| holds(part, record)),
        Condition::Not(not) => !holds(not, record),
    }
}
