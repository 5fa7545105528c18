//! Who called what, when, with which inputs and outputs, and how long it took.
//!
//! Does not fetch the events; what belongs to a call's inputs is the profile's to say.

use serde_json::value::RawValue;

use crate::core::event::{Event, Field, Outcome};
use crate::core::instant::At;
use crate::core::json::FlatJson;
use crate::core::path::Path;
use crate::core::profile::Profile;

/// A call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The event's id.
    pub id: String,
    /// When.
    pub at: At,
    /// Who called.
    pub actor: Option<String>,
    /// What was called.
    pub action: Option<String>,
    /// What became of it.
    pub outcome: Option<Outcome>,
    /// How long it took, in milliseconds, as the store spells it.
    pub duration_ms: Option<String>,
    /// JSON; `None` where the event has none.
    pub inputs: Option<String>,
    /// JSON; `None` where the event has none.
    pub outputs: Option<String>,
}

impl Call {
    /// What an event with its whole payload says of a call.
    pub fn of(event: &Event, profile: &Profile) -> Self {
        let first = |field| event.first(field).map(str::to_owned);
        let payload = FlatJson::parse(&*event.payload.text).ok();
        let read = |paths: &[Path]| payload.as_ref().and_then(|payload| json(paths, payload));
        Self {
            id: event.id.to_string(),
            at: event.at(),
            actor: first(Field::Actor),
            action: first(Field::Action),
            outcome: event.outcome,
            duration_ms: first(Field::Duration),
            inputs: read(&profile.calls.inputs),
            outputs: read(&profile.calls.outputs),
        }
    }
}

/// What the paths reach, as one JSON value: itself when it is one, a list of them otherwise.
fn json(paths: &[Path], payload: &FlatJson<'_>) -> Option<String> {
    let reached: Vec<&str> = paths
        .iter()
        .flat_map(|path| path.nodes(payload))
        .map(|node| payload.raw(node))
        .collect();
    match reached.as_slice() {
        [] => None,
        [one] => Some(document(one)),
        more => Some(format!("[{}]", more.join(","))),
    }
}

/// Some stores keep documents as text.
fn document(raw: &str) -> String {
    let text: Option<String> = serde_json::from_str(raw).ok();
    text.filter(|text| {
        text.starts_with(['{', '[']) && serde_json::from_str::<&RawValue>(text).is_ok()
    })
    .unwrap_or_else(|| raw.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_read_as_the_profile_says() {
        let payload = FlatJson::parse(
            r#"{"details":{"in":{"a": [1, 2]},"list":[1,{"b":2}],"text":"{\"c\":3}","word":"{x"},"b":null}"#,
        )
        .expect("valid");
        let read = |paths: &[&str]| {
            let paths: Vec<Path> = paths
                .iter()
                .map(|path| Path::parse(path).expect(path))
                .collect();
            json(&paths, &payload)
        };
        for (paths, expected) in [
            (&["details.in"][..], Some(r#"{"a": [1, 2]}"#)),
            (&["details.list"], Some(r#"[1,{"b":2}]"#)),
            (&["details.text"], Some(r#"{"c":3}"#)),
            (&["details.word"], Some(r#""{x""#)),
            (&["b", "details.in.a", "none"], Some("[1,2]")),
            (&["b"], None),
            (&[], None),
        ] {
            assert_eq!(read(paths).as_deref(), expected, "{paths:?}");
        }
    }
}
