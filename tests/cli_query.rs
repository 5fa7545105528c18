//! `query`, `count` and `facets` as scripts rely on them, on every store.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::harness::clutch::{Clutch, DATED, TIMELESS, WILD};
use crate::harness::program::{self, ids, run};

fn expected(mut wanted: impl FnMut(usize) -> bool) -> Vec<String> {
    (1..=DATED)
        .rev()
        .filter(|n| wanted(*n))
        .map(|n| n.to_string())
        .collect()
}

fn user(n: usize) -> usize {
    n % 4
}

fn is_error(n: usize) -> bool {
    matches!(n % 7, 0 | 3)
}

#[test]
fn every_row_is_printed_once_newest_first_and_the_timeless_last() {
    for store in Clutch::everywhere("query_all") {
        let events = run(["query", store.target(), "-o", "ndjson"]).events();
        let mut all = expected(|_| true);
        all.push(TIMELESS.to_string());
        assert_eq!(ids(&events), all);
        let oldest = ["query", store.target(), "-o", "ndjson", "--order", "oldest"];
        all.reverse();
        assert_eq!(ids(&run(oldest).events()), all);
    }
}

#[test]
fn a_line_has_the_keys_that_scripts_rely_on() {
    for store in Clutch::everywhere("query_keys") {
        let events = run(["query", store.target(), "id:7", "-o", "ndjson"]).events();
        let [event] = &events[..] else {
            panic!("one event has the id 7: {events:?}");
        };
        let keys: Vec<&str> = event
            .as_object()
            .expect("an object")
            .keys()
            .map(String::as_str)
            .collect();
        let wanted = "id at actor action service kind resource outcome status session origin \
                      duration_ms payload";
        assert_eq!(keys, wanted.split_whitespace().collect::<Vec<_>>());
        assert_eq!(event["at"], "2026-01-01T00:07:00.000123Z");
        assert_eq!(event["actor"], "UNKNOWN");
        assert_eq!(event["action"], "ResizeHPA");
        assert_eq!(event["resource"], serde_json::json!(["prod/api/pod-7"]));
        assert_eq!(event["outcome"], "denied");
        assert_eq!(
            event["status"],
            serde_json::json!(["PERMISSION_DENIED", "permission denied"])
        );
        assert!(event["session"].is_null() && event["duration_ms"].is_null());
        assert_eq!(event["payload"]["details"]["request_body"]["name"], "pod-7");
        let timeless = run(["query", store.target(), "missing:at", "-o", "ndjson"]).events();
        assert_eq!(ids(&timeless), [TIMELESS.to_string()]);
        assert!(timeless[0]["at"].is_null());
    }
}

#[test]
fn filters_mean_the_same_everywhere() {
    for store in Clutch::everywhere("query_filters") {
        let cases: [(&[&str], Vec<String>); 6] = [
            (
                &["user:alice -action:Describe* is:error"],
                expected(|n| user(n) == 0 && !matches!(n % 5, 0 | 3) && is_error(n)),
            ),
            (&["-outcome:ok", "--since", "2026-01-01T03:00Z"], {
                expected(|n| n >= 180 && (is_error(n) || n % 7 == 5))
            }),
            (
                &[
                    "--since",
                    "2026-01-01T01:00Z",
                    "--until",
                    "2026-01-01T01:59Z",
                ],
                expected(|n| (60..120).contains(&n)),
            ),
            (&["is:pending"], expected(|n| n % 7 == 5)),
            (
                &["\"it's broken\" -user:(alice, bob)"],
                expected(|n| n % 7 == 3 && (user(n) > 1 || n == WILD)),
            ),
            (&[".details.request_body.name:pod-7"], expected(|n| n == 7)),
        ];
        for (arguments, mut wanted) in cases {
            let line = ["query", store.target(), "-o", "ndjson"];
            let found: Vec<String> = ids(&run(line.iter().chain(arguments)).events())
                .into_iter()
                .filter(|id| *id != TIMELESS.to_string())
                .collect();
            wanted.retain(|id| *id != TIMELESS.to_string());
            assert_eq!(found, wanted, "{arguments:?} on {}", store.target());
            assert!(!found.is_empty() && found.len() < DATED);
        }
    }
}

#[test]
fn json_is_one_array_and_csv_is_guarded() {
    for store in Clutch::everywhere("query_forms") {
        let json = run(["query", store.target(), "user:bob", "-o", "json"]).ok();
        let array: Vec<serde_json::Value> = serde_json::from_str(&json).expect("an array");
        let lines = run(["query", store.target(), "user:bob", "-o", "ndjson"]).events();
        assert_eq!(array, lines);
        assert_eq!(
            run(["query", store.target(), "user:nobody", "-o", "json"]).ok(),
            "[]\n"
        );

        store.sql(
            "update audit_events set details = '{\"user_name\":\"=cmd|x\",\"method_name\":\"M\"}' \
             where id = 1",
        );
        let columns = ["--columns", "id,actor,.details.method_name"];
        let line = ["query", store.target(), "id:(1, 2)", "-o", "csv"];
        let csv = run(line.iter().chain(&columns));
        assert!(csv.err.contains("spreadsheet"), "{}", csv.err);
        let wanted = "id,actor,.details.method_name\n2,ci-bot,ResizeHPA\n1,'=cmd|x,M\n";
        assert_eq!(csv.ok(), wanted);
    }
}

#[test]
fn limits_are_never_silent() {
    for store in Clutch::everywhere("query_limits") {
        let limited = run(["query", store.target(), "-o", "ndjson", "--limit", "5"]);
        assert!(
            limited.err.contains("showing the newest 5 of "),
            "{}",
            limited.err
        );
        assert_eq!(limited.events().len(), 5);
        let table = run(["query", store.target()]);
        assert!(
            table.err.contains("showing the newest 200 of "),
            "{}",
            table.err
        );
        assert_eq!(table.ok().lines().count(), 201);
        let whole = run(["query", store.target(), "--limit", "all"]);
        assert_eq!(whole.err, "");
        assert_eq!(whole.ok().lines().count(), DATED + 2);
    }
}

#[test]
fn a_table_obeys_nothing_it_shows() {
    for store in Clutch::everywhere("query_wild") {
        let id = format!("id:{WILD}");
        let table = run(["query", store.target(), &id]).ok();
        assert!(table.contains("␛[2Jwild␇⟨U+202E⟩"), "{table}");
        let events = run(["query", store.target(), &id, "-o", "ndjson"]).events();
        assert_eq!(events[0]["actor"], "\u{1b}[2Jwild\u{7}\u{202e}");
    }
}

#[test]
fn output_files_appear_when_they_are_complete() {
    for store in Clutch::everywhere("query_file") {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("events.ndjson");
        let file = path.to_str().expect("a plain path");
        let printed = run(["query", store.target(), "-o", "ndjson", "--output", file]).ok();
        assert_eq!(printed, "");
        let written = std::fs::read_to_string(&path).expect("the file is there");
        assert_eq!(written.lines().count(), DATED + 1);
        let failed = run(["query", store.target(), "no-such-field:x", "--output", file]);
        failed.failed(2);
        assert_eq!(
            std::fs::read_to_string(&path).expect("still there"),
            written
        );
        assert_eq!(
            std::fs::read_dir(directory.path())
                .expect("readable")
                .count(),
            1
        );
    }
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    for store in Clutch::everywhere("query_pipe") {
        // Enough to fill any pipe.
        store.sql(
            "with recursive n(n) as (select 1000 union all select n + 1 from n where n < 6000)
             insert into audit_events (id, occurred_at, details, sent)
             select n, '2026-01-02T00:00:00+00:00', (select details from audit_events where id = 1), true from n",
        );
        let mut child = Command::new(program::PATH)
            .env_clear()
            .args(["query", store.target(), "-o", "ndjson"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut out = BufReader::new(child.stdout.take().expect("piped"));
        let mut line = String::new();
        out.read_line(&mut line).expect("a first line");
        drop(out);
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(output.status.code(), Some(141));
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    }
}

#[test]
fn counting_is_exact_on_demand() {
    for store in Clutch::everywhere("count") {
        let exact = run(["count", store.target(), "is:pending", "--exact"]).ok();
        let pending = (1..=TIMELESS).filter(|n| n % 7 == 5).count();
        assert_eq!(exact, format!("{pending}\n"));
        let about = run(["count", store.target()]).ok();
        let number = about.trim().trim_start_matches('≈');
        assert!(number.parse::<u64>().is_ok(), "{about}");
    }
}

#[test]
fn facets_count_the_values_of_a_field() {
    for store in Clutch::everywhere("facets") {
        let json = run(["facets", store.target(), "outcome", "-o", "json"]).ok();
        let facets: Vec<serde_json::Value> = serde_json::from_str(&json).expect("an array");
        let of = |word: &str| {
            let found = facets.iter().find(|facet| facet["value"] == word);
            found.and_then(|facet| facet["count"].as_u64())
        };
        let count = |wanted: fn(usize) -> bool| {
            u64::try_from((1..=TIMELESS).filter(|n| wanted(*n)).count()).ok()
        };
        assert_eq!(of("denied"), count(|n| n % 7 == 0));
        assert_eq!(of("failed"), count(|n| n % 7 == 3));
        assert_eq!(of("pending"), count(|n| n % 7 == 5));

        let top = run(["facets", store.target(), "user", "is:error", "--top", "2"]);
        assert!(top.err.contains("the 2 most frequent"), "{}", top.err);
        assert_eq!(top.ok().lines().count(), 2);
        let path = run(["facets", store.target(), ".details.type"]).ok();
        let kinds: Vec<&str> = path
            .lines()
            .filter_map(|line| line.split_whitespace().nth(1))
            .collect();
        assert_eq!(kinds.len(), 3, "{path}");
    }
}

#[test]
fn explain_shows_statement_plan_and_index() {
    for store in Clutch::everywhere("explain") {
        let text = run([
            "query",
            store.target(),
            "since:2026-01-01T03:00Z",
            "--explain",
        ])
        .ok();
        for part in ["statement:\n", "plan:\n", "index: ", "condition: "] {
            assert!(text.contains(part), "{text}");
        }
        assert!(text.to_lowercase().contains("select"), "{text}");
    }
}

#[test]
fn the_filters_of_the_readme_are_understood() {
    let readme = include_str!("../README.md");
    let (_, table) = readme
        .split_once("| you type |")
        .expect("the README has a table");
    let (table, _) = table.split_once("\n\n").expect("the table ends");
    let typed: Vec<&str> = table
        .lines()
        .skip(2)
        .filter_map(|row| row.split('|').nth(1))
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .collect();
    assert!(typed.len() > 20, "{typed:?}");
    for store in Clutch::everywhere("readme") {
        for filter in &typed {
            let found = run(["count", store.target(), filter, "--exact"]).ok();
            assert!(found.trim().parse::<u64>().is_ok(), "{filter}: {found}");
        }
    }
}

#[test]
fn a_table_without_rows_says_that_nothing_matches() {
    for store in Clutch::everywhere("query_none") {
        let filter = "user:nobody-of-this-name";
        for command in [
            vec!["query", store.target(), filter],
            vec!["facets", store.target(), "action", filter],
        ] {
            let none = run(command);
            assert_eq!((none.code, none.err.trim()), (Some(0), "no event matches"));
        }
        // Scripts see it from the output.
        let lines = run(["query", store.target(), filter, "-o", "ndjson"]);
        assert_eq!((lines.out.as_str(), lines.err.as_str()), ("", ""));
    }
}
