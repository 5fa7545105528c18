//! Rankings against SQL, in the shapes of three products: who, what, where, what is new, and what is
//! gone.

use serde_json::json;

use super::shop::{DAY, RANGE, SINCE, Shape, Shop, UNTIL, agrees, picked};

/// The range and the equally long time before it.
fn windows() -> [String; 2] {
    let length = UNTIL - SINCE;
    [
        format!("at >= {SINCE} and at < {UNTIL}"),
        format!("at >= {} and at < {SINCE}", SINCE - length),
    ]
}

fn report(name: &'static str) -> Vec<&'static str> {
    [&[name], &RANGE[..], &["--top", "100"]].concat()
}

#[test]
fn rankings_say_what_sql_says() {
    let [within, before] = windows();
    Shop::everywhere("usage_rankings", |shop, store| {
        for (name, column) in [
            ("actions", "did"),
            ("resources", "thing"),
            ("services", "app"),
            ("top-users", "who"),
            ("errors", "said"),
        ] {
            let found = shop.report(store, &report(name));
            let (only, users, failed) = match name {
                "errors" => ("said is not null", "count(distinct who)", "null"),
                "top-users" => ("true", "null", "count(said)"),
                _ => ("true", "count(distinct who)", "count(said)"),
            };
            let expected = shop.sql(&format!(
                "select {column}, count(*), {users}, {failed}, \
                 (select count(*) from log b where b.{column} is log.{column} and {only} and {before}) \
                 from log where {within} and {only} group by 1 order by 2 desc, {column} is null, 1"
            ));
            let keys = ["value", "events", "users", "failed", "before"];
            let of = format!("{name} {}", store.target());
            agrees(&found, &keys, &expected, &of);
            assert_eq!(found["before"], "2026-01-15T00:00:00.000000Z");
            if name == "errors" {
                for row in found["rows"].as_array().expect("rows") {
                    assert_eq!(row["new"], row["before"] == 0, "{row}");
                }
            }
        }
    });
}

#[test]
fn the_last_two_weeks_stand_beside_all() {
    Shop::everywhere("usage_recent", |shop, store| {
        let found = shop.report(
            store,
            &["actions", "--since", "2026-01-03", "--until", "2026-02-12"],
        );
        let until = SINCE + 18 * DAY;
        let expected = shop.sql(&format!(
            "select did, count(*), sum(at >= {}) from log where at >= {} and at < {until} \
             group by 1 order by 2 desc, 1",
            until - 14 * DAY,
            SINCE - 23 * DAY,
        ));
        let keys = ["value", "events", "last_14d"];
        assert_eq!(
            picked(&found["rows"], &keys),
            expected,
            "{}",
            store.target()
        );
    });
}

#[test]
fn totals_stand_against_the_time_before() {
    let [within, before] = windows();
    Shop::everywhere("usage_totals", |shop, store| {
        let found = shop.report(store, &[&["totals"], &RANGE[..]].concat());
        let of = |window: &str| {
            shop.sql(&format!(
                "select count(*), count(distinct who), count(said) from log where {window}"
            ))
        };
        let (now, then) = (of(&within), of(&before));
        let new = shop.sql(&format!(
            "select count(distinct who) from log where {within} \
             and who not in (select who from log where {before} and who is not null)"
        ));
        let expected = json!([
            ["events", now[0][0], then[0][0]],
            ["users", now[0][1], then[0][1]],
            ["new users", new[0][0], null],
            ["failures", now[0][2], then[0][2]],
        ]);
        let rows = picked(&found["rows"], &["value", "now", "before"]);
        assert_eq!(json!(rows), expected, "{}", store.target());
        // The filter may bound the range; the time before is outside of it.
        let [_, since, _, until] = RANGE;
        let filter = format!("since:{since} until:{until}");
        let bounded = shop.report(store, &["totals", &filter]);
        assert_eq!(bounded["rows"], found["rows"], "{}", store.target());
    });
}

#[test]
fn who_is_new_and_what_is_gone() {
    // The second half of the log begins in the middle of the range.
    let [within, before] = windows();
    Shop::everywhere("usage_new", |shop, store| {
        let found = shop.run(store, &report("new-users"));
        assert!(
            found.err.contains(
                "compared with the equally long time before, from 2026-01-15 to 2026-01-26 UTC"
            ),
            "{}",
            found.err
        );
        let found = shop.report(store, &report("new-users"));
        let expected = shop.sql(&format!(
            "select who, count(*), count(said) from log where {within} and who is not null \
             and who not in (select who from log where {before} and who is not null) group by 1 order by 2 desc, 1"
        ));
        assert_eq!(
            picked(&found["rows"], &["value", "events", "failed"]),
            expected
        );
        assert_eq!(expected[0][0], "new");
        let found = shop.report(
            store,
            &["quiet", "--since", "2026-02-01", "--until", "2026-02-19"],
        );
        let rows = picked(&found["rows"], &["value", "before"]);
        let gone = shop.sql(&format!(
            "select did, count(*) from log where at >= {} and at < {} and did = 'export' group by 1",
            SINCE - 13 * DAY, SINCE + 6 * DAY
        ));
        assert_eq!(gone[0][0], "export");
        assert_eq!(rows, gone, "{}", store.target());
    });
}

#[test]
fn users_who_do_alike_are_one_group() {
    let [within, _] = windows();
    Shop::everywhere("usage_similar", |shop, store| {
        let found = shop.run(store, &report("similar"));
        assert!(found.err.contains("cosine of 0.9 or more"), "{}", found.err);
        let found = shop.report(store, &report("similar"));
        let groups = found["rows"].as_array().expect("groups");
        let mut users: Vec<_> = groups
            .iter()
            .flat_map(|group| picked(&group["users"], &["value", "events"]))
            .collect();
        users.sort_by_key(ToString::to_string);
        let mut expected = shop.sql(&format!(
            "select who, count(*) from log where {within} and who is not null group by 1"
        ));
        expected.sort_by_key(ToString::to_string);
        assert_eq!(users, expected, "{}", store.target());
        // Everybody in a group is alike to its first, and to the first of no larger one.
        let cosine = |one: &serde_json::Value, other: &serde_json::Value| {
            let product = |a: &serde_json::Value, b: &serde_json::Value| {
                let found = shop.sql(&format!(
                    "with n as (select who, did, count(*) as n from log where {within} group by 1, 2) \
                     select sum(a.n * b.n) from n a join n b on a.did is b.did where a.who = '{}' and b.who = '{}'",
                    a.as_str().expect("a name"), b.as_str().expect("a name")
                ));
                found[0][0].as_f64().unwrap_or(0.0)
            };
            product(one, other) / (product(one, one) * product(other, other)).sqrt()
        };
        for group in groups {
            let users = group["users"].as_array().expect("users");
            for user in users {
                assert!(
                    cosine(&users[0]["value"], &user["value"]) >= 0.9 - 1e-9,
                    "{group}"
                );
            }
            for other in groups.iter().filter(|other| *other != group) {
                let founder = &other["users"][0];
                assert!(
                    cosine(&users[0]["value"], &founder["value"]) < 0.9,
                    "{group} {other}"
                );
            }
        }
        let share: f64 = groups[0]["actions"]
            .as_array()
            .expect("actions")
            .iter()
            .filter_map(|action| action["share"].as_f64())
            .sum();
        assert!((share - 1.0).abs() < 0.01, "{share}");
    });
}

#[test]
fn what_was_done_to_a_resource_is_told_by_day() {
    Shop::everywhere("usage_activity", |shop, store| {
        let found = shop.report(
            store,
            &[
                "activity",
                "resource:\"item 7\" OR resource:\"item 8\"",
                "--since",
                "2026-01-26",
                "--until",
                "2026-02-05",
            ],
        );
        assert_eq!(found["period"], "day");
        let expected = shop.sql(&format!(
            "with recursive days (day) as (select {SINCE} union all select day + {DAY} from days where day + {DAY} < {UNTIL}) \
             select count(n), count(distinct who), count(said) from days \
             left join log on at >= day and at < day + {DAY} and thing in ('item 7', 'item 8') group by day order by day"
        ));
        assert_eq!(
            picked(&found["buckets"], &["events", "users", "failed"]),
            expected,
            "{}",
            store.target()
        );
        for (day, bucket) in (0..).zip(found["buckets"].as_array().expect("days")) {
            let begin = SINCE + day * DAY;
            let expected = shop.sql(&format!(
                "select did, count(*) from log where at >= {begin} and at < {} and thing in ('item 7', 'item 8') \
                 group by 1 order by 2 desc, 1",
                begin + DAY
            ));
            assert_eq!(picked(&bucket["actions"], &["value", "events"]), expected);
        }
    });
}

#[test]
fn what_a_store_never_says_is_no_row_of_nothing() {
    let shop = Shop::open("usage_silent", Shape::Clutch);
    for store in &shop.stores {
        let table = shop.run(store, &["actions", "--top", "0"]).failed(2);
        assert!(table.contains("a whole number from 1 is needed"), "{table}");
        let found = shop.report(
            store,
            &["actions", "--since", "2027-01-01", "--until", "2027-02-01"],
        );
        assert_eq!((&found["rows"], &found["total"]), (&json!([]), &json!(0)));
    }
}
