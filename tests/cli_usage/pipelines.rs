//! Reports of MongoDB against aggregation pipelines that somebody would write by hand.

use mongodb::bson::{Bson, DateTime, Document, doc};
use serde_json::{Value, json};

use super::shop::{RANGE, SINCE, Shape, Shop, Store, UNTIL, picked};
use crate::harness::mongo::MongoDb;

/// Where clocks are off by a quarter of an hour, and Sunday ends before it does in UTC.
const ZONE: &str = "Asia/Kathmandu";

/// Runs a check on the log as MongoDB has it, where this run is about MongoDB.
fn with_mongo(test: &str, check: impl Fn(&Shop, &Store, &MongoDb)) {
    let shop = Shop::open(test, Shape::Own);
    for store in &shop.stores {
        if let Store::Mongo(db) = store {
            check(&shop, store, db);
        }
    }
}

/// The documents that a pipeline makes of the events of a stretch of time.
fn made(db: &MongoDb, since: i64, until: i64, stages: Vec<Document>) -> Vec<Document> {
    let [since, until] = [since, until].map(DateTime::from_millis);
    let mut pipeline = vec![doc! {"$match": {"at": {"$gte": since, "$lt": until}}}];
    pipeline.extend(stages);
    let answer = db.command(doc! {
        "aggregate": "audit_log", "pipeline": pipeline, "cursor": {"batchSize": 100_000},
    });
    let batch = answer.get_document("cursor").expect("a cursor");
    let batch = batch.get_array("firstBatch").expect("one batch");
    batch
        .iter()
        .map(|one| one.as_document().expect("a document").clone())
        .collect()
}

fn number(document: &Document, key: &str) -> Value {
    match document.get(key) {
        Some(Bson::Int32(number)) => json!(number),
        Some(Bson::Int64(number)) => json!(number),
        other => panic!("{key} is {other:?}"),
    }
}

fn word(document: &Document, key: &str) -> Value {
    document.get_str(key).map_or(Value::Null, Value::from)
}

/// Different users, of whom nobody is none.
fn users() -> Document {
    doc! {"$size": {"$setDifference": ["$users", [null]]}}
}

fn failed() -> Document {
    doc! {"$sum": {"$cond": [{"$eq": [{"$ifNull": ["$said", null]}, null]}, 0, 1]}}
}

/// Groups by a value, the largest first, with users and failures.
fn ranked(db: &MongoDb, by: &str) -> Vec<Document> {
    let stages = vec![
        doc! {"$group": {
            "_id": format!("${by}"), "events": {"$sum": 1}, "users": {"$addToSet": "$who"},
            "failed": failed(),
        }},
        doc! {"$project": {"events": 1, "failed": 1, "users": users()}},
        doc! {"$sort": {"events": -1, "_id": 1}},
    ];
    made(db, SINCE, UNTIL, stages)
}

fn of_range(report: &'static str) -> Vec<&'static str> {
    [&[report], &RANGE[..], &["--top", "100"]].concat()
}

#[test]
fn totals_say_what_a_pipeline_says() {
    with_mongo("pipeline_totals", |shop, store, db| {
        let whole = |since, until| {
            let stages = vec![
                doc! {"$group": {
                    "_id": null, "events": {"$sum": 1}, "users": {"$addToSet": "$who"},
                    "failed": failed(),
                }},
                doc! {"$project": {"events": 1, "failed": 1, "users": users()}},
            ];
            made(db, since, until, stages).remove(0)
        };
        let (now, then) = (whole(SINCE, UNTIL), whole(2 * SINCE - UNTIL, SINCE));
        let found = shop.report(store, &of_range("totals"));
        let found = picked(&found["rows"], &["value", "now", "before"]);
        for (row, key) in [(0, "events"), (1, "users"), (3, "failed")] {
            let expected = json!([found[row][0], number(&now, key), number(&then, key)]);
            assert_eq!(found[row], expected);
        }
    });
}

#[test]
fn users_by_week_are_those_of_a_pipeline() {
    with_mongo("pipeline_users", |shop, store, db| {
        let week = doc! {"$dateTrunc": {
            "date": "$at", "unit": "week", "startOfWeek": "monday", "timezone": ZONE,
        }};
        let stages = vec![
            doc! {"$group": {"_id": week, "events": {"$sum": 1}, "users": {"$addToSet": "$who"}}},
            doc! {"$project": {"events": 1, "users": users()}},
            doc! {"$sort": {"_id": 1}},
        ];
        // 00:00 in Kathmandu is 18:15 of the day before in UTC.
        let offset = 5 * 3_600_000 + 45 * 60_000;
        let weeks = made(db, SINCE - offset, UNTIL - offset, stages);
        assert!(weeks.len() > 1, "{weeks:?}");
        let expected: Vec<Value> = weeks
            .iter()
            .map(|week| json!([number(week, "users"), number(week, "events")]))
            .collect();
        let found = shop.report(store, &[&of_range("users")[..], &["--tz", ZONE]].concat());
        assert_eq!(picked(&found["buckets"], &["users", "events"]), expected);
    });
}

#[test]
fn actions_and_errors_are_those_of_a_pipeline() {
    with_mongo("pipeline_rankings", |shop, store, db| {
        for (report, by, failed) in [("actions", "did", true), ("errors", "said", false)] {
            let rows = ranked(db, by);
            let rows = rows
                .iter()
                .filter(|row| failed || word(row, "_id") != Value::Null);
            let expected: Vec<Value> = rows
                .map(|row| {
                    let failed = if failed {
                        number(row, "failed")
                    } else {
                        Value::Null
                    };
                    json!([
                        word(row, "_id"),
                        number(row, "events"),
                        number(row, "users"),
                        failed
                    ])
                })
                .collect();
            let found = shop.report(store, &of_range(report));
            let keys = ["value", "events", "users", "failed"];
            assert_eq!(picked(&found["rows"], &keys), expected, "{report}");
        }
    });
}

#[test]
fn durations_are_within_a_percent_of_a_pipeline() {
    with_mongo("pipeline_latency", |shop, store, db| {
        let stages = vec![
            doc! {"$match": {"ms": {"$gte": 0}}},
            doc! {"$sort": {"ms": 1}},
            doc! {"$group": {"_id": "$did", "all": {"$push": "$ms"}}},
        ];
        let found = shop.report(store, &of_range("latency"));
        let actions = made(db, SINCE, UNTIL, stages);
        assert!(actions.len() > 2, "{actions:?}");
        for action in actions {
            let name = word(&action, "_id");
            let rows = found["rows"].as_array().expect("rows");
            let row = rows.iter().find(|row| row["value"] == name);
            let row = row.unwrap_or_else(|| panic!("{name} is missing"));
            let all = action.get_array("all").expect("numbers");
            for (key, of_hundred) in [("p50_ms", 50), ("p95_ms", 95), ("p99_ms", 99)] {
                let place = (all.len() * of_hundred).div_ceil(100) - 1;
                let exact = all[place].as_f64().expect("a number");
                let found = row[key].as_f64().expect("a number");
                assert!((found / exact - 1.0).abs() <= 0.01, "{key} {row}: {exact}");
            }
        }
    });
}

#[test]
fn hours_of_the_week_are_those_of_a_pipeline() {
    with_mongo("pipeline_heatmap", |shop, store, db| {
        let part = |name: &str| doc! {name: {"date": "$at", "timezone": ZONE}};
        let stages = vec![doc! {"$group": {
            "_id": {"day": part("$isoDayOfWeek"), "hour": part("$hour")}, "events": {"$sum": 1},
        }}];
        let offset = 5 * 3_600_000 + 45 * 60_000;
        let mut expected = [[0_u64; 24]; 7];
        for cell in made(db, SINCE - offset, UNTIL - offset, stages) {
            let id = cell.get_document("_id").expect("day and hour");
            let at =
                |key| usize::try_from(number(id, key).as_u64().expect("small")).expect("small");
            expected[at("day") - 1][at("hour")] =
                number(&cell, "events").as_u64().expect("a count");
        }
        let found = shop.report(store, &[&of_range("heatmap")[..], &["--tz", ZONE]].concat());
        assert_eq!(
            picked(&found["rows"], &["hours"]),
            expected.map(|hours| json!([hours]))
        );
    });
}
