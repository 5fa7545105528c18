//! Aggregates that the server counts: documents that agree in everything a question looks at are
//! one group, and the profile's own evaluator reads the group as if it were a document.
//!
//! Pure but for its types. Gives up where a group would say less than its documents.

use std::collections::BTreeSet;

use mongodb::bson::{Bson, Document, doc};

use crate::core::aggregate::accumulator::Accumulator;
use crate::core::aggregate::{AggregateRequest, GroupKey, Measure, Subject};
use crate::core::bson::render::render;
use crate::core::bson::{Raw, Value};
use crate::core::event::{Cursor, Event, EventId, KeyPart, Payload};
use crate::core::instant::{At, Micros};
use crate::core::json::FlatJson;
use crate::core::path::Path;
use crate::core::profile::evaluate::timeless;
use crate::core::profile::{Condition, Profile, TemplatePart, TimeEncoding, ValueExpr};
use crate::store::StoreError;
use crate::store::mongo::order::{Bracket, Order, date};
use crate::store::mongo::rows::malformed;

/// Steps of time that are grouped at most.
const MOST_STEPS: i64 = 20_000;

/// How the server groups documents for a request.
#[derive(Clone, Debug)]
pub struct Grouping {
    paths: Vec<Path>,
    steps: Option<Steps>,
}

/// Time in equal steps that every edge falls on.
#[derive(Clone, Copy, Debug)]
struct Steps {
    /// Milliseconds.
    origin: i64,
    /// Milliseconds.
    width: i64,
}

impl Grouping {
    /// `None` where the server cannot group without loss.
    pub fn new(request: &AggregateRequest, profile: &Profile, order: &Order) -> Option<Self> {
        let mut paths = BTreeSet::new();
        let mut steps = None;
        for key in &request.keys {
            match key {
                GroupKey::Time(_) if steps.is_some() => return None,
                GroupKey::Time(edges) => steps = Some(Steps::new(edges, order)?),
                GroupKey::Value(subject) | GroupKey::Magnitude(subject) => {
                    need(subject, profile, &mut paths);
                }
            }
        }
        if let Measure::Distinct(subject) = &request.measure {
            need(subject, profile, &mut paths);
        }
        let is_odd = |step: &str| {
            step.is_empty()
                || step.contains(['.', '$', '\0', '['])
                || step.bytes().all(|byte| byte.is_ascii_digit())
        };
        if paths
            .iter()
            .any(|path| path.steps().iter().any(|step| is_odd(step)))
        {
            return None;
        }
        // A path below another one comes with it.
        let all: Vec<Path> = paths.into_iter().collect();
        let covered = |path: &Path| {
            all.iter()
                .any(|other| other != path && path.steps().starts_with(other.steps()))
        };
        let paths = all.iter().filter(|path| !covered(path)).cloned().collect();
        Some(Self { paths, steps })
    }

    /// The stage of a pipeline.
    pub fn stage(&self, order: &Order) -> Document {
        let mut record = Document::new();
        let mut types = Vec::new();
        for path in &self.paths {
            let field = format!("${}", path.steps().join("."));
            // 7 and 7.0 are one value to the server, and two texts to us.
            types.push(Bson::Document(doc! {"$type": &field}));
            insert(&mut record, path.steps(), field);
        }
        let mut id = doc! {"r": record, "t": types};
        if let Some(steps) = self.steps {
            id.insert("b", steps.expression(order));
        }
        doc! {"$group": {"_id": id, "n": {"$sum": 1}}}
    }

    /// Feeds a group; false when it says less than its documents.
    pub fn feed(
        &self,
        group: Raw<'_>,
        profile: &Profile,
        counted: &mut Accumulator,
    ) -> Result<bool, StoreError> {
        let times = match group.get("n") {
            Some(Value::Int32(times)) => u64::try_from(times).unwrap_or(0),
            Some(Value::Int64(times)) => u64::try_from(times).unwrap_or(0),
            _ => return Ok(false),
        };
        let Some(Value::Document(record)) = group.at(["_id", "r"]) else {
            return Ok(false);
        };
        for path in &self.paths {
            let value = record.at(path.steps().iter().map(|step| &**step));
            if let Some(value) = value
                && says_less(value)?
            {
                return Ok(false);
            }
        }
        let at = match (self.steps, group.at(["_id", "b"])) {
            (None, _) => At::Absent,
            (Some(steps), Some(value)) => match whole(value) {
                Some(step) => steps.instant(step),
                None => return Ok(false),
            },
            (Some(_), None) => return Ok(false),
        };
        let mut text = String::new();
        render(record, &mut text).map_err(malformed)?;
        let Ok(record) = FlatJson::parse(text.as_str()) else {
            return Ok(false);
        };
        let (outcome, values) = timeless(profile, &record);
        let event = Event {
            id: EventId::new(""),
            cursor: Cursor {
                at,
                time: KeyPart::Null,
                key: Vec::new(),
            },
            outcome,
            values,
            payload: Payload::whole(""),
        };
        counted.feed_times(&event, &record, times);
        Ok(true)
    }
}

/// Whether other values that the server takes for the same have other texts.
fn says_less(value: Value<'_>) -> Result<bool, StoreError> {
    let mut insides = match value {
        // 7.0 and 7.00 are one decimal, 0.0 and -0.0 one double.
        Value::Decimal(_) => return Ok(true),
        Value::Double(number) => return Ok(number == 0.0),
        Value::Document(inside) => vec![inside],
        Value::Array(inside) => {
            for element in inside.elements() {
                // Two levels of documents look like one here.
                if matches!(element.map_err(malformed)?.value, Value::Array(_)) {
                    return Ok(true);
                }
            }
            vec![inside]
        }
        _ => return Ok(false),
    };
    while let Some(inside) = insides.pop() {
        for element in inside.elements() {
            match element.map_err(malformed)?.value {
                Value::Document(inner) | Value::Array(inner) => insides.push(inner),
                // In here, nothing tells 7 from 7.0.
                Value::Int32(_) | Value::Int64(_) | Value::Double(_) | Value::Decimal(_) => {
                    return Ok(true);
                }
                _ => {}
            }
        }
    }
    Ok(false)
}

fn whole(value: Value<'_>) -> Option<i64> {
    match value {
        Value::Int32(number) => Some(number.into()),
        Value::Int64(number) => Some(number),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a floor between known bounds"
        )]
        Value::Double(number) => Some(number as i64),
        _ => None,
    }
}

/// Puts `field` at a path of a nested document.
fn insert(record: &mut Document, steps: &[Box<str>], field: String) {
    match steps {
        [] => {}
        [last] => {
            record.insert(&**last, field);
        }
        [first, rest @ ..] => {
            if !record.contains_key(first) {
                record.insert(&**first, Document::new());
            }
            if let Ok(inner) = record.get_document_mut(first) {
                insert(inner, rest, field);
            }
        }
    }
}

impl Steps {
    fn new(edges: &[Micros], order: &Order) -> Option<Self> {
        let is_millis = match (order.bracket, order.encoding) {
            (Bracket::Date, _) | (Bracket::Number, TimeEncoding::EpochMillis) => true,
            (Bracket::Number | Bracket::Text, _) => false,
        };
        let (first, last) = (edges.first()?.0, edges.last()?.0);
        if !is_millis || edges.iter().any(|edge| edge.0 % 1000 != 0) {
            return None;
        }
        let width = edges
            .iter()
            .fold(0, |width, edge| gcd(width, edge.0.saturating_sub(first)));
        let fits = width > 0 && last.saturating_sub(first) / width <= MOST_STEPS;
        fits.then_some(Self {
            origin: first / 1000,
            width: width / 1000,
        })
    }

    /// The step of a document's time, for `$group`.
    fn expression(self, order: &Order) -> Document {
        let time = format!("${}", order.field);
        let passed = if order.bracket == Bracket::Date {
            doc! {"$subtract": [time, date(self.origin)]}
        } else {
            // Numbers are rounded to the microsecond, half of it up.
            doc! {"$subtract": [{"$add": [time, 0.0005]}, self.origin]}
        };
        doc! {"$floor": {"$divide": [passed, self.width]}}
    }

    /// The first instant of a step.
    fn instant(self, step: i64) -> At {
        let millis = self.origin.saturating_add(step.saturating_mul(self.width));
        At::Instant(Micros(millis.saturating_mul(1000)))
    }
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// The paths a subject looks at.
fn need(subject: &Subject, profile: &Profile, paths: &mut BTreeSet<Path>) {
    match subject {
        Subject::Outcome => profile
            .outcome
            .iter()
            .for_each(|rule| of_condition(&rule.when, paths)),
        Subject::Field(field) => of_expression(profile.field(*field), paths),
        Subject::Own(own) => of_expression(&own.expr, paths),
        Subject::Path(path) => {
            paths.insert(path.clone());
        }
    }
}

fn of_expression(expr: &ValueExpr, paths: &mut BTreeSet<Path>) {
    match expr {
        ValueExpr::Absent => {}
        ValueExpr::Path(path) => {
            paths.insert(path.clone());
        }
        ValueExpr::First(parts) | ValueExpr::All(parts) => {
            for part in parts {
                of_expression(part, paths);
            }
        }
        ValueExpr::Template(parts) => {
            for part in parts {
                if let TemplatePart::Value(part) = part {
                    of_expression(part, paths);
                }
            }
        }
        ValueExpr::Lookup { of, .. } => of_expression(of, paths),
        ValueExpr::When { holds, then } => {
            of_condition(holds, paths);
            of_expression(then, paths);
        }
    }
}

fn of_condition(condition: &Condition, paths: &mut BTreeSet<Path>) {
    match condition {
        Condition::Has(path) => {
            paths.insert(path.clone());
        }
        Condition::In(expr, _) | Condition::EndsWith(expr, _) => of_expression(expr, paths),
        Condition::And(parts) | Condition::Or(parts) => {
            for part in parts {
                of_condition(part, paths);
            }
        }
        Condition::Not(part) => of_condition(part, paths),
    }
}

#[cfg(test)]
mod tests {
    use mongodb::bson::Decimal128;

    use super::*;

    #[test]
    fn values_that_the_server_takes_for_others_are_known() {
        let decimal: Decimal128 = "7.0".parse().expect("a number");
        let document = doc! {
            "less": [
                decimal, 0.0, -0.0, [7], [{"a": 7.5}], [["a"]], {"a": {"b": [7]}}, {"a": decimal},
            ],
            "all": ["7", 7, 7_i64, 7.0, f64::NAN, true, Bson::Null, ["7", true], {"a": [{"b": "7"}]}],
        };
        let bytes = document.to_vec().expect("bson");
        let raw = Raw::new(&bytes).expect("a document");
        for (name, expected) in [("less", true), ("all", false)] {
            let Some(Value::Array(values)) = raw.get(name) else {
                panic!("{name} is an array");
            };
            for element in values.elements() {
                let value = element.expect("well formed").value;
                assert_eq!(
                    says_less(value).expect("well formed"),
                    expected,
                    "{value:?}"
                );
            }
        }
    }
}
