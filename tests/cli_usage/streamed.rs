//! Calls with their inputs and outputs, and the errors that follow actions, against SQL.

use serde_json::{Value, json};

use super::shop::{RANGE, SINCE, Shape, Shop, UNTIL, agrees, picked};

#[test]
fn calls_come_newest_first_with_inputs_and_outputs() {
    for shape in [Shape::Own, Shape::Clutch] {
        let shop = Shop::open("usage_calls", shape);
        let newest = shop.sql(&format!(
            "select n, who, did, case when said is null then 'ok' else 'failed' end, ms, thing from log \
             where at >= {SINCE} and at < {UNTIL} order by at desc limit 7"
        ));
        for store in &shop.stores {
            let found = shop.report(store, &[&["calls", "--top", "7"], &RANGE[..]].concat());
            let keys = [
                "id",
                "actor",
                "action",
                "outcome",
                "duration_ms",
                "inputs",
                "outputs",
            ];
            let expected: Vec<Value> = newest
                .iter()
                .map(|row| {
                    let (inputs, outputs) = match shape {
                        Shape::Clutch => (
                            json!({"name": row[5], "n": row[0]}),
                            json!({"done": row[3] == "ok"}),
                        ),
                        _ => (row[5].clone(), Value::Null),
                    };
                    json!([
                        row[0].to_string(),
                        row[1],
                        row[2],
                        row[3],
                        row[4],
                        inputs,
                        outputs
                    ])
                })
                .collect();
            let found = picked(&found["rows"], &keys);
            // Milliseconds are spelled as each store spells them.
            for (found, expected) in found.iter().zip(&expected) {
                assert_eq!(found[4].as_f64(), expected[4].as_f64());
                let but_millis = |row: &Value| {
                    let mut row = row.clone();
                    row[4] = Value::Null;
                    row
                };
                assert_eq!(
                    but_millis(found),
                    but_millis(expected),
                    "{}",
                    store.target()
                );
            }
            assert_eq!(found.len(), expected.len());
            let table = shop.run(store, &["calls", "--since", "2026-01-01", "--top", "2"]);
            assert!(table.err.contains("showing the newest 2"), "{}", table.err);
            assert_eq!(table.ok().lines().count(), 4);
        }
    }
}

#[test]
fn a_profile_without_inputs_says_so() {
    let shop = Shop::open("usage_calls_plain", Shape::Dronahq);
    for store in &shop.stores {
        let found = shop.run(store, &["calls", "action:nothing", "-o", "csv"]);
        assert!(
            found
                .err
                .contains("the profile dronahq does not say where the inputs")
                && found.err.contains("no event matches"),
            "{}",
            found.err
        );
        assert_eq!(found.ok(), "at,id,actor,action,outcome,ms,inputs,outputs\n");
    }
}

#[test]
fn errors_follow_within_five_seconds() {
    Shop::everywhere("usage_followed", |shop, store| {
        let sql = |only: &str| {
            shop.sql(&format!(
                "select did, count(*), sum(exists (select * from log f where f.said is not null \
                 and (f.who = e.who or f.session = e.session) and f.at > e.at and f.at <= e.at + 5000)) \
                 from log e where at >= {SINCE} and at < {UNTIL} and {only} group by 1 order by 3 desc, 2 desc, 1"
            ))
        };
        let keys = ["value", "events", "followed"];
        let found = shop.report(store, &[&["followed"], &RANGE[..]].concat());
        assert_eq!(
            picked(&found["rows"], &keys),
            sql("true"),
            "{}",
            store.target()
        );
        assert_eq!(found["sampled_since"], Value::Null);
        assert_ne!(found["rows"][0]["followed"], 0);
        // Of the errors nothing is asked but that they follow.
        let found = shop.report(store, &[&["followed", "is:ok"], &RANGE[..]].concat());
        let ok = picked(&found["rows"], &keys);
        let expected = sql("said is null");
        assert_eq!(ok, expected, "{}", store.target());
    });
}

#[test]
fn failures_are_grouped_by_what_they_said_and_new_ones_told_from_known_ones() {
    Shop::everywhere("usage_traces", |shop, store| {
        let found = shop.report(store, &[&["traces"], &RANGE[..]].concat());
        let before = SINCE - (UNTIL - SINCE);
        let expected = shop.sql(&format!(
            "select said, count(*), count(distinct who), (select count(*) from log b \
             where b.said is log.said and b.at >= {before} and b.at < {SINCE}) from log \
             where at >= {SINCE} and at < {UNTIL} and said is not null group by 1 order by 2 desc, 1"
        ));
        let keys = ["status", "events", "users", "before"];
        agrees(&found, &keys, &expected, store.target());
        assert_eq!(found["sampled_since"], Value::Null);
        for row in found["rows"].as_array().expect("rows") {
            assert_eq!(row["new"], row["before"] == 0, "{row}");
            let time = |name: &str| row[name].as_str().expect("a time");
            assert!(time("first") <= time("last"), "{row}");
        }
    });
}
