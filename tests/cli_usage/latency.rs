//! How long actions take: within 1 % of what SQL says, and absent where a store does not say.

use super::shop::{RANGE, SINCE, Shape, Shop, UNTIL, picked};
use crate::harness::program::run;

#[test]
fn percentiles_are_within_a_percent_of_sql() {
    let shop = Shop::open("usage_latency", Shape::Own);
    let within = format!("at >= {SINCE} and at < {UNTIL}");
    let ranked = shop.sql(&format!(
        "select did, count(ms) from log where {within} group by did order by 2 desc, 1"
    ));
    for store in &shop.stores {
        let found = shop.report(store, &[&["latency"], &RANGE[..]].concat());
        assert_eq!(
            picked(&found["rows"], &["value", "events"]),
            ranked,
            "{}",
            store.target()
        );
        for row in found["rows"].as_array().expect("rows") {
            for (name, of_hundred) in [("p50_ms", 50), ("p95_ms", 95), ("p99_ms", 99)] {
                let exact = shop.sql(&format!(
                    "select ms from (select ms, row_number() over (order by ms) as place, count(*) over () as n \
                     from log where {within} and ms >= 0 and did = '{}') \
                     where place * 100 >= {of_hundred} * n order by place limit 1",
                    row["value"].as_str().expect("a name")
                ));
                let exact = exact[0][0].as_f64().expect("a number");
                let found = row[name].as_f64().expect("a number");
                assert!((found / exact - 1.0).abs() <= 0.01, "{name} {row}: {exact}");
            }
        }
        let table = shop.run(store, &["latency", "--since", "2026-01-20", "--top", "1"]);
        assert!(
            table.err.contains("showing the 1 most frequent of"),
            "{}",
            table.err
        );
        let table = table.ok();
        assert!(
            table.contains("p50 ms") && table.lines().count() == 3,
            "{table}"
        );
    }
}

#[test]
fn a_store_without_durations_says_so() {
    super::everywhere("usage_no_latency", |target| {
        let found = run([
            "usage",
            target,
            "latency",
            "--profile",
            "clutch",
            "-o",
            "csv",
        ]);
        assert!(
            found.err.contains("does not say how long anything took"),
            "{}",
            found.err
        );
        assert_eq!(found.ok(), "action,events,p50 ms,p95 ms,p99 ms\n");
    });
}
