//! Values that the server sends without quotes, on PostgreSQL: what they are must not depend on how they
//! are sent.

use std::sync::Arc;

use auditail::core::aggregate::accumulator::Accumulator;
use auditail::core::aggregate::{AggregateRequest, GroupKey, Measure, Subject};
use auditail::core::event::{Event, Field};
use auditail::core::json::FlatJson;
use auditail::core::path::Path;
use auditail::core::query::predicate::{Atom, Predicate, Test};
use auditail::store::{PageFrom, PageRequest, Parts, PayloadNeed, Store};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{CLUTCH, Table, clutch, table};
use crate::contract::{everything, page, request};

/// Names of every type and beginning; each stands beside each.
const NAMES: [&str; 28] = [
    r#""alice@example.com""#,
    r#""DescribePod""#,
    r#""7""#,
    "7",
    "7.0",
    "-1e2",
    r#""-1e2""#,
    "true",
    r#""true""#,
    "false",
    r#""false""#,
    "null",
    r#""null""#,
    r#""trueish""#,
    r#""""#,
    r#""\"quoted\"""#,
    r#""\"""#,
    r#""[1]""#,
    r#"["a", "b", 3]"#,
    r#""{}""#,
    r#"{"a": "b"}"#,
    r#""line\nand\ttab \\ back""#,
    r#""\\x""#,
    r#""zoë""#,
    r#""élan""#,
    r#"":colon""#,
    r#"";semicolon""#,
    r#""~tilde""#,
];

const TIMES: [&str; 9] = [
    "'2026-01-01 00:00:00+00'",
    "'2026-01-01 00:00:00.1+00'",
    "'2026-01-01 00:00:00.123456+00'",
    "'1999-12-31 23:59:59.999999+00'",
    "'0001-01-01 00:00:00+00'",
    "'0044-03-15 12:00:00+00 BC'",
    "'12345-06-07 08:09:10.5+00'",
    "'infinity'",
    "NULL",
];

fn rows() -> String {
    let mut rows = Vec::new();
    for (place, who) in NAMES.iter().enumerate() {
        for (n, what) in NAMES.iter().enumerate() {
            let time = TIMES[(place + n) % TIMES.len()];
            let details = format!(r#"{{"user_name": {who}, "method_name": {what}}}"#);
            rows.push(format!("({time}, '{details}')"));
        }
    }
    for details in [
        r#"{"method_name": "Alone"}"#,
        r#"[{"user_name": "within", "method_name": "Array"}, {"user_name": 7}]"#,
        "[]",
        "7",
        "null",
    ] {
        rows.push(format!("('2026-01-02 00:00:00+00', '{details}')"));
    }
    rows.push("('2026-01-02 00:00:00+00', NULL)".to_owned());
    format!(
        "INSERT INTO audit_events (occurred_at, details) VALUES {}; ANALYZE audit_events",
        rows.join(", ")
    )
}

#[tokio::test]
async fn parts_of_events_are_those_of_whole_ones() {
    let Some(table) = clutch("parts").await else {
        return;
    };
    table.db.sql(&rows());
    let fields = [Field::Actor, Field::Action];
    for from in [PageFrom::Newest, PageFrom::Oldest] {
        let whole = page(&table.store, request(Predicate::All, from.clone(), None)).await;
        let parts = fields.into_iter().fold(Parts::default(), Parts::with);
        let narrow = PageRequest {
            payload: PayloadNeed::Only(parts),
            ..request(Predicate::All, from, None)
        };
        let narrow = page(&table.store, narrow).await;
        assert_eq!(whole.0.len(), NAMES.len() * NAMES.len() + 6);
        assert_eq!(narrow.0.len(), whole.0.len());
        for (narrow, whole) in narrow.0.iter().zip(&whole.0) {
            assert_eq!(narrow.id, whole.id);
            assert_eq!(narrow.cursor, whole.cursor, "{}", whole.payload.text);
            for field in fields {
                let values = |event: &Event| format!("{:?}", event.all(field).collect::<Vec<_>>());
                assert_eq!(values(narrow), values(whole), "{}", whole.payload.text);
            }
        }
    }
}

/// Groups of what matches, against counting what every event says.
async fn are_by_hand(table: &Table, predicate: &Predicate, keys: Vec<GroupKey>) {
    let request = AggregateRequest {
        predicate: Arc::new(predicate.clone()),
        keys,
        measure: Measure::Distinct(Subject::Field(Field::Actor)),
        top: None,
    };
    let mut by_hand = Accumulator::new(request.clone());
    for event in everything(&table.store).await {
        let record = FlatJson::parse(&*event.payload.text).expect("JSON");
        by_hand.feed(&event, &record);
    }
    let (out, mut partial) = mpsc::channel(4);
    let stop = CancellationToken::new();
    let drain = async { while partial.recv().await.is_some() {} };
    let asked = table.store.aggregate(request.clone(), out, &stop);
    let (groups, ()) = tokio::join!(asked, drain);
    assert_eq!(groups.expect("groups"), by_hand.answer(), "{request:?}");
}

#[tokio::test]
async fn groups_are_those_of_whole_events() {
    let Some(table) = clutch("plain_groups").await else {
        return;
    };
    table.db.sql(&rows());
    let value = |field| GroupKey::Value(Subject::Field(field));
    let path = Path::parse("details.user_name").expect("a path");
    for keys in [
        vec![value(Field::Actor)],
        vec![value(Field::Actor), value(Field::Action)],
        vec![GroupKey::Value(Subject::Path(path))],
        vec![value(Field::Action), GroupKey::Value(Subject::Outcome)],
    ] {
        are_by_hand(&table, &Predicate::All, keys).await;
    }
}

/// Without an index on time nothing stands around the filter but what is asked with it.
#[tokio::test]
async fn groups_of_alternatives_are_counted_once() {
    let (schema, _) = CLUTCH.split_once(';').expect("an index follows");
    let Some(table) = table("either_groups", schema).await else {
        return;
    };
    table.db.sql(&rows());
    let said = Predicate::Atom(Atom::Field(Field::Status, Test::Exists));
    let dated = Predicate::Atom(Atom::At {
        since: None,
        until: None,
    });
    let either = Predicate::Or(vec![dated, said]);
    let actor = GroupKey::Value(Subject::Field(Field::Actor));
    are_by_hand(&table, &either, vec![actor]).await;
}
