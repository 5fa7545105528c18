//! The one evaluator: record in, event fields out. What the expressions of a profile mean is
//! defined here; every SQL and MQL compiler is tested against it.
//!
//! How a time is written is the affair of `profile::moment`.

use crate::core::event::{Field, Outcome, Values};
use crate::core::instant::At;
use crate::core::json::FlatJson;
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
    pub values: Values,
}

/// Reads a record with a profile. Total: a record that lacks everything gives an event without
/// anything.
pub fn evaluate(profile: &Profile, record: &FlatJson<'_>) -> Evaluated {
    let (outcome, values) = timeless(profile, record);
    Evaluated {
        at: time(profile, record),
        outcome,
        values,
    }
}

/// What a profile reads out of a record besides the time, for drivers that know the time from
/// elsewhere.
pub fn timeless(profile: &Profile, record: &FlatJson<'_>) -> (Option<Outcome>, Values) {
    (outcome(profile, record), fields(profile, record, |_| true))
}

/// The values of the fields that are wanted.
pub fn fields(
    profile: &Profile,
    record: &FlatJson<'_>,
    is_wanted: impl Fn(Field) -> bool,
) -> Values {
    let mut found = Vec::with_capacity(2 * Field::ALL.len());
    let mut of_field = Vec::new();
    for field in Field::ALL.into_iter().filter(|field| is_wanted(*field)) {
        collect(&profile.fields[field as usize], record, &mut of_field);
        found.extend(of_field.drain(..).map(|value| (field, value)));
    }
    Values::of(&found)
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
    let mut found = Vec::new();
    collect(expr, record, &mut found);
    found
}

/// Appends the values of an expression: one list for a whole tree of expressions, because this
/// runs for every row of an export.
fn collect<'r>(expr: &ValueExpr, record: &'r FlatJson<'_>, found: &mut Vec<Scalar<'r>>) {
    let before = found.len();
    match expr {
        ValueExpr::Absent => {}
        ValueExpr::Path(path) => {
            path.reaches(record, &mut |node| {
                found.extend(record.scalar(node));
                false
            });
        }
        ValueExpr::First(choices) => {
            for choice in choices {
                collect(choice, record, found);
                if found.len() > before {
                    break;
                }
            }
        }
        ValueExpr::All(parts) => {
            for part in parts {
                collect(part, record, found);
            }
            let mut kept = before;
            for next in before..found.len() {
                if !found[before..kept].contains(&found[next]) {
                    found.swap(kept, next);
                    kept += 1;
                }
            }
            found.truncate(kept);
        }
        ValueExpr::Template(parts) => found.extend(template(parts, record)),
        ValueExpr::When { holds: when, then } => {
            if holds(when, record) {
                collect(then, record, found);
            }
        }
        ValueExpr::Lookup { of, table } => {
            collect(of, record, found);
            for value in &mut found[before..] {
                if let Some(name) = table.get(value.text()) {
                    *value = Scalar::Text(name.clone().into());
                }
            }
        }
    }
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
        Condition::In(expr, words) => any(expr, record, &|value| {
            words.iter().any(|word| value.is_word(word))
        }),
        Condition::EndsWith(expr, end) => {
            any(expr, record, &|value| value.text().ends_with(end.as_str()))
        }
        Condition::And(all) => all.iter().all(|part| holds(part, record)),
        Condition::Or(any) => any.iter().any(|part| holds(part, record)),
        Condition::Not(not) => !holds(not, record),
    }
}

/// Whether any value of an expression is accepted; the usual one, a path, makes no list of them.
fn any(expr: &ValueExpr, record: &FlatJson<'_>, accepts: &dyn Fn(&Scalar<'_>) -> bool) -> bool {
    match expr {
        ValueExpr::Path(path) => path.reaches(record, &mut |node| {
            record.scalar(node).is_some_and(|value| accepts(&value))
        }),
        _ => values(expr, record).iter().any(accepts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::profile::load;

    fn clutch(details: &str) -> Evaluated {
        let record = format!(
            r#"{{"id":7,"occurred_at":"2026-01-02T03:04:05.678901+00:00","details":{details},"sent":false}}"#
        );
        let json = FlatJson::parse(record).expect("valid");
        evaluate(&load::named("clutch").expect("built in"), &json)
    }

    #[test]
    fn the_life_of_a_clutch_request() {
        let request = r#""status":{"code":0},"request_body":{"@type":"x"}"#;
        for (details, outcome) in [
            (format!("{{{request}}}"), Some(Outcome::Pending)),
            (
                format!(r#"{{{request},"response_body":{{"@type":"y"}}}}"#),
                Some(Outcome::Ok),
            ),
            (
                r#"{"status":{"code":7},"request_body":{},"response_body":{}}"#.into(),
                Some(Outcome::Denied),
            ),
            (
                r#"{"status":{"code":16},"request_body":{},"response_body":{}}"#.into(),
                Some(Outcome::Denied),
            ),
            (
                r#"{"status":{"code":13},"request_body":{},"response_body":{}}"#.into(),
                Some(Outcome::Failed),
            ),
            // A failed request whose response has not been written yet is still in flight.
            (
                r#"{"status":{"code":5},"request_body":{}}"#.into(),
                Some(Outcome::Pending),
            ),
            // Before October 2020: no bodies.
            (r#"{"status":{"code":0}}"#.into(), Some(Outcome::Ok)),
            (r#"{"status":{"code":5}}"#.into(), Some(Outcome::Failed)),
            // Go leaves zeros out.
            (r#"{"status":{}}"#.into(), Some(Outcome::Ok)),
            (r#"{"user_name":"x"}"#.into(), None),
            (r#"{"status":null}"#.into(), None),
            ("null".into(), None),
        ] {
            assert_eq!(clutch(&details).outcome, outcome, "{details}");
        }
    }

    #[test]
    fn the_fields_of_a_clutch_request() {
        let event = clutch(
            r#"{"user_name":"omar@example.com","service_name":"clutch.k8s.v1.K8sAPI",
            "method_name":"DeletePod","type":"DELETE","status":{"code":7,"message":"permission denied"},
            "request_resources":[{"type_url":"clutch.k8s.v1.Pod","id":"prod/api/api-0"}],
            "response_resources":[{"type_url":"clutch.k8s.v1.Pod","id":"prod/api/api-0"},{"id":"b"}],
            "request_body":{},"response_body":{}}"#,
        );
        let texts = |field: Field| -> Vec<String> {
            event
                .values
                .all(field)
                .map(|value| value.text().to_owned())
                .collect()
        };
        assert_eq!(event.at.to_string(), "2026-01-02T03:04:05.678901Z");
        assert_eq!(texts(Field::Actor), ["omar@example.com"]);
        assert_eq!(texts(Field::Action), ["DeletePod"]);
        assert_eq!(texts(Field::Service), ["clutch.k8s.v1.K8sAPI"]);
        assert_eq!(texts(Field::Kind), ["DELETE"]);
        assert_eq!(texts(Field::Resource), ["prod/api/api-0", "b"]);
        assert_eq!(
            texts(Field::Status),
            ["PERMISSION_DENIED", "permission denied"]
        );
        assert_eq!(texts(Field::Session), [""; 0]);
    }

    #[test]
    fn names_of_the_profile_and_what_is_not_there() {
        let profile = load::named("clutch").expect("built in");
        let json = FlatJson::parse(
            r#"{"occurred_at":null,"details":{"service_name":"S","status":{"code":99}},"sent":null}"#,
        )
        .expect("valid");
        let own = |name: &str| values(&profile.own(name).expect("own name").expr, &json);
        assert_eq!(own("code"), [Scalar::Number("99".into())]);
        assert_eq!(own("method"), []);
        assert_eq!(own("sent"), []);
        let event = evaluate(&profile, &json);
        assert_eq!(event.at, At::Absent);
        assert!((event.values.all(Field::Status)).eq([Scalar::Number("99".into())]));
        for record in ["{}", "[]", "7", "null", r#"{"details":"text"}"#] {
            let event = evaluate(&profile, &FlatJson::parse(record).expect("valid"));
            assert_eq!((event.at, event.outcome), (At::Absent, None), "{record}");
        }
    }
}
