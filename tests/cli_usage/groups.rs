//! Groups of users: filters and reports, against SQL that joins the table of groups itself.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::shop::{DAY, RANGE, SINCE, Shop, UNTIL, agrees, picked};
use crate::harness::program::run;

/// With all that spreadsheets do; `cid` and `old` are in no group.
const TABLE: &str = "\u{feff}user,group\r\nann,ops\r\n\"ann\",dev\r\nben,ops\r\nnew,\"on call\"\r\nstranger,ops\r\n";

/// The same for SQL.
const TEAM: &str = "(select column1 as who, column2 as team from (values ('ann','ops'), ('ann','dev'), \
     ('ben','ops'), ('new','on call'), ('stranger','ops')))";

struct File {
    _directory: tempfile::TempDir,
    path: PathBuf,
}

impl File {
    fn new(text: &str) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("groups.csv");
        std::fs::write(&path, text).expect("a new file");
        Self {
            _directory: directory,
            path,
        }
    }

    fn path(&self) -> &str {
        self.path.to_str().expect("a plain path")
    }
}

fn within() -> String {
    format!("at >= {SINCE} and at < {UNTIL}")
}

fn report(file: &File, shop: &Shop, store: &super::shop::Store, rest: &[&str]) -> Value {
    let groups = ["--groups", file.path(), "--top", "100"];
    shop.report(store, &[rest, &RANGE, &groups].concat())
}

#[test]
fn a_group_is_its_users_in_every_store() {
    let small = File::new(TABLE);
    // So many that no store looks for them one by one.
    let strangers: Vec<String> = (0..2_000).map(|n| format!("stranger {n},ops\n")).collect();
    let strangers = strangers.concat();
    let large = File::new(&format!("{TABLE}{strangers}7,ops\n007,ops\n"));
    Shop::everywhere("usage_group_filter", |shop, store| {
        for (filter, condition) in [
            (
                "group:ops",
                "who in (select who from team where team = 'ops')",
            ),
            (
                "-group:ops",
                "who is null or who not in (select who from team where team = 'ops')",
            ),
            (
                "group:o* -group:dev",
                "who in (select who from team where team like 'o%') and who not in (select who from team where team = 'dev')",
            ),
            ("has:group", "who in (select who from team)"),
            (
                "missing:group",
                "who is null or who not in (select who from team)",
            ),
        ] {
            let expected = shop.sql(&format!(
                "with team as {TEAM} select did, count(*), count(distinct who) from log \
                 where {} and ({condition}) group by 1 order by 2 desc, 1",
                within()
            ));
            for file in [&small, &large] {
                let found = report(file, shop, store, &["actions", filter]);
                let keys = ["value", "events", "users"];
                assert_eq!(
                    picked(&found["rows"], &keys),
                    expected,
                    "{filter} {}",
                    store.target()
                );
            }
        }
    });
}

#[test]
fn what_each_group_did_is_ranked() {
    let file = File::new(TABLE);
    let named = "case when who is null then null else ifnull(team, '(no group)') end";
    Shop::everywhere("usage_group_deeds", |shop, store| {
        for (name, value, condition) in [
            ("actions", "did", "true"),
            ("errors", "said", "said is not null"),
        ] {
            let found = report(&file, shop, store, &[name, "--by-group"]);
            let expected = shop.sql(&format!(
                "with team as {TEAM}, joined as (select {named} as team, log.* from log left join team using (who)) \
                 select team, {value}, count(*), count(distinct who) from joined \
                 where {} and {condition} group by 1, 2 order by 3 desc, team is null, 1, {value} is null, 2",
                within()
            ));
            assert!(expected.len() > 3, "{name}");
            let keys = ["group", "value", "events", "users"];
            let of = format!("{name} {}", store.target());
            agrees(&found, &keys, &expected, &of);
            let all = [name, "--by-group", "--groups", file.path(), "--top", "2"];
            let table = shop.run(store, &[&all[..], &RANGE[..]].concat());
            let said = "showing the 2 most frequent";
            assert!(table.err.contains(said), "{}", table.err);
            let titles = table.ok().lines().nth(1).map(str::to_owned);
            assert!(titles.is_some_and(|titles| titles.starts_with("group")));
        }
    });
}

#[test]
fn rankings_of_users_are_told_by_group() {
    let file = File::new(TABLE);
    let before = format!("at >= {} and at < {SINCE}", SINCE - (UNTIL - SINCE));
    let named = "case when who is null then null else ifnull(team, '(no group)') end";
    Shop::everywhere("usage_group_ranking", |shop, store| {
        let found = report(&file, shop, store, &["top-users", "--by-group"]);
        let expected = shop.sql(&format!(
            "with team as {TEAM}, joined as (select {named} as team, log.* from log left join team using (who)) \
             select team, count(*), count(distinct who), count(said), \
             (select count(*) from joined b where b.team is joined.team and {before}) \
             from joined where {} group by 1 order by 2 desc, team is null, 1",
            within()
        ));
        let keys = ["value", "events", "users", "failed", "before"];
        assert_eq!(
            picked(&found["rows"], &keys),
            expected,
            "{}",
            store.target()
        );
        assert_eq!(found["by"], "group");
        let found = report(&file, shop, store, &["new-users", "--by-group"]);
        let expected = shop.sql(&format!(
            "with team as {TEAM}, joined as (select {named} as team, log.* from log left join team using (who)) \
             select team, count(*), count(distinct who) from joined where {} and who is not null \
             and who not in (select who from log where {before} and who is not null) \
             group by 1 order by 2 desc, 1",
            within()
        ));
        let keys = ["value", "events", "users"];
        assert_eq!(
            picked(&found["rows"], &keys),
            expected,
            "{}",
            store.target()
        );
    });
}

#[test]
fn a_series_is_told_by_group_with_different_users() {
    let file = File::new(TABLE);
    Shop::everywhere("usage_group_series", |shop, store| {
        let found = report(
            &file,
            shop,
            store,
            &["users", "--by-group", "--period", "day"],
        );
        let named = "case when who is null then null else ifnull(team, '(no group)') end";
        let expected = shop.sql(&format!(
            "with team as {TEAM} select (at - {SINCE}) / {DAY} as day, {named} as name, count(distinct who), count(*) \
             from log left join team using (who) where {} group by 1, 2 order by day, count(*) desc, name is null, name",
            within()
        ));
        let buckets = found["buckets"].as_array().expect("buckets");
        let lines = buckets.iter().enumerate().flat_map(|(day, bucket)| {
            let shares = bucket["groups"].as_array().expect("groups");
            shares
                .iter()
                .map(move |one| json!([day, one["value"], one["users"], one["events"]]))
        });
        assert_eq!(lines.collect::<Vec<_>>(), expected, "{}", store.target());
        // As a whole each user is one, whatever the groups.
        let whole = shop.sql(&format!(
            "select count(distinct who), count(*) from log where {} group by (at - {SINCE}) / {DAY}",
            within()
        ));
        assert_eq!(picked(&found["buckets"], &["users", "events"]), whole);
    });
}

#[test]
fn mistakes_with_groups_say_what_to_do() {
    let shop = Shop::open("usage_group_mistakes", super::shop::Shape::Clutch);
    let file = File::new(TABLE);
    let broken = File::new("ann,ops\nben\n");
    let Some(store) = shop.stores.first() else {
        return;
    };
    let said = |rest: &[&str]| shop.run(store, rest).failed(2);
    let unknown = said(&["actions", "group:opps", "--groups", file.path()]);
    assert!(unknown.contains("no group is called `opps`"), "{unknown}");
    assert!(unknown.contains("did you mean `group:ops`?"), "{unknown}");
    let line = said(&["actions", "--groups", broken.path()]);
    assert!(
        line.contains("groups.csv:2: two columns are needed"),
        "{line}"
    );
    let without = said(&["top-users", "--by-group"]);
    assert!(
        without.contains("--groups FILE.csv names them"),
        "{without}"
    );
    let many: Vec<String> = (0..51).map(|n| format!("ann,g{n}\n")).collect();
    let many = File::new(&many.concat());
    let other = said(&["heatmap", "--by-group", "--groups", many.path()]);
    assert!(other.contains("there are 51 groups"), "{other}");
    let typed = said(&["totals", "user:(", "--by-group", "--groups", file.path()]);
    assert!(
        typed.contains("user:(") && !typed.contains("group:"),
        "{typed}"
    );
    let doctor = run(["doctor", store.target(), "--groups", file.path()]).failed(2);
    assert!(doctor.contains("this command knows no groups"), "{doctor}");
}

#[test]
fn facets_of_groups_count_the_events_of_their_users() {
    let file = File::new(TABLE);
    let shop = Shop::open("facets_groups", super::shop::Shape::Clutch);
    for store in &shop.stores {
        let arguments = [
            "facets",
            store.target(),
            "group",
            "--profile",
            "clutch",
            "--table",
            "audit_log",
            "--groups",
            file.path(),
            "-o",
            "json",
        ];
        let found: Value = serde_json::from_str(&run(arguments).ok()).expect("JSON");
        let expected = shop.sql(&format!(
            "with team as {TEAM} select case when who is null then null else ifnull(team, '(no group)') end as name, \
             count(*) from log left join team using (who) group by 1 order by count(*) desc, name is null, name"
        ));
        assert_eq!(
            picked(&found, &["value", "count"]),
            expected,
            "{}",
            store.target()
        );
    }
}

/// Each group's part is what the report says of `group:NAME`.
#[test]
fn every_other_report_comes_once_for_each_group() {
    let file = File::new(TABLE);
    let shop = Shop::open("usage_group_turns", super::shop::Shape::Own);
    let reports = [
        "totals", "quiet", "activity", "latency", "heatmap", "calls", "followed", "traces",
    ];
    for store in &shop.stores {
        for name in reports {
            let by_group = report(
                &file,
                &shop,
                store,
                &[name, "is:failed OR is:ok", "--by-group"],
            );
            let groups = by_group["groups"].as_array().expect("groups");
            let filters = [
                ("dev", "group:dev"),
                ("on call", "group:\"on call\""),
                ("ops", "group:ops"),
                ("(no group)", "has:user missing:group"),
            ];
            assert_eq!(groups.len(), filters.len(), "{name} {by_group}");
            for (found, (group, filter)) in groups.iter().zip(filters) {
                let filter = format!("(is:failed OR is:ok) {filter}");
                let mut expected = report(&file, &shop, store, &[name, &filter]);
                expected["group"] = json!(group);
                assert_eq!(found, &expected, "{name} {group} {}", store.target());
            }
        }
        let csv = shop.run(
            store,
            &[
                &[
                    "latency",
                    "--by-group",
                    "--groups",
                    file.path(),
                    "-o",
                    "csv",
                ],
                &RANGE[..],
            ]
            .concat(),
        );
        let csv = csv.ok();
        let mut lines = csv.lines();
        assert!(
            lines.next().is_some_and(|line| line.starts_with("group,")),
            "{csv}"
        );
        assert!(
            lines.all(|line| ["dev,", "on call,", "ops,", "(no group),"]
                .iter()
                .any(|group| line.starts_with(group))),
            "{csv}"
        );
    }
}
