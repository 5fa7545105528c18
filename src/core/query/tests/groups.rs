//! `group:` and what it comes to mean.

use std::sync::Arc;

use super::fixture::{catalog, event, moment};
use crate::core::event::{Event, Field, Values};
use crate::core::group::Groups;
use crate::core::json::FlatJson;
use crate::core::query::catalog::Catalog;
use crate::core::query::complete::complete;
use crate::core::query::parse::parse;
use crate::core::query::resolve::{Resolved, resolve};
use crate::core::scalar::Scalar;

const TABLE: &str = "alice,ops\nbob,ops\ncarol,on call\n7,robots\n";

fn known() -> Catalog {
    let groups = Groups::parse(TABLE.as_bytes(), "groups.csv").expect("a table");
    Catalog {
        groups: Some(Arc::new(groups)),
        ..catalog()
    }
}

fn meant(text: &str, catalog: &Catalog) -> Resolved {
    resolve(&parse(text), catalog, moment())
}

/// An event of this user.
fn by(user: Option<Scalar<'static>>) -> Event {
    let values: Vec<_> = user.into_iter().map(|user| (Field::Actor, user)).collect();
    Event {
        values: Values::of(&values),
        ..event()
    }
}

/// Whose events a filter finds.
fn found(text: &str) -> String {
    let predicate = meant(text, &known()).predicate.expect(text);
    let name = |name: &'static str| Some(Scalar::Text(name.into()));
    let everybody = [
        ("alice", name("alice")),
        ("bob", name("bob")),
        ("carol", name("carol")),
        ("7", Some(Scalar::Number("7".into()))),
        ("zoe", name("zoe")),
        ("nobody", None),
    ];
    let record = FlatJson::parse("{}").expect("valid");
    let of = |user: &Option<Scalar<'static>>| predicate.matches(&by(user.clone()), &record);
    let found = everybody.iter().filter(|(_, user)| of(user));
    found.map(|(name, _)| *name).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_group_is_its_users_and_not_it_is_all_others() {
    for (text, expected) in [
        ("group:ops", "alice bob"),
        ("-group:ops", "carol 7 zoe nobody"),
        ("group:!=ops", "carol 7 zoe nobody"),
        ("group:\"on call\"", "carol"),
        ("group:o*", "alice bob carol"),
        ("group:~CALL", "carol"),
        ("group:(ops, robots)", "alice bob 7"),
        ("has:group", "alice bob carol 7"),
        ("missing:group", "zoe nobody"),
        ("group:ops OR user:zoe", "alice bob zoe"),
    ] {
        assert_eq!(found(text), expected, "{text}");
    }
}

fn told(text: &str, catalog: &Catalog) -> String {
    let resolved = meant(text, catalog);
    assert!(resolved.predicate.is_none(), "{text}");
    let told = |one: &crate::core::query::diagnostic::Diagnostic| {
        format!("{} · {}", one.message, one.hint.clone().unwrap_or_default())
    };
    resolved
        .diagnostics
        .iter()
        .map(told)
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn a_group_that_is_not_there_is_a_mistake_and_no_empty_result() {
    let known = known();
    assert_eq!(
        told("group:opps", &known),
        "no group is called `opps` · did you mean `group:ops`?"
    );
    assert_eq!(
        told("group:on", &known),
        "no group is called `on` · there are ops, on call, robots"
    );
    assert!(told("-group:z*", &known).contains("no group is called `z*`"));
    assert!(told("group:>ops", &known).contains("groups have names, not an order"));
    assert!(told("group:ops", &catalog()).contains("--groups FILE.csv"));
}

#[test]
fn groups_are_offered_where_they_are_known() {
    let labels = |text: &str, catalog: &Catalog| {
        let offered = complete(text, text.len(), catalog).candidates;
        offered
            .into_iter()
            .map(|offer| offer.label)
            .collect::<Vec<_>>()
    };
    let known = known();
    assert!(labels("gr", &known).contains(&"group".to_owned()));
    assert!(!labels("gr", &catalog()).contains(&"group".to_owned()));
    let offered = labels("group:", &known);
    assert!(
        ["ops", "on call", "robots"]
            .iter()
            .all(|name| offered.iter().any(|o| o == name)),
        "{offered:?}"
    );
}
