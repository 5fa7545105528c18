//! `tail` as scripts rely on it, on every store.

use crate::harness::clutch::{Clutch, DATED};
use crate::harness::following::Following;

/// A pending request of this moment.
const INSERT: &str = "insert into audit_events (id, occurred_at, details, sent) values \
    (1001, current_timestamp, '{\"user_name\":\"carol\",\"method_name\":\"DeletePod\",\
    \"status\":{\"code\":0},\"request_body\":{}}', false)";
/// Its end.
const UPDATE: &str = "update audit_events set details = '{\"user_name\":\"carol\",\
    \"method_name\":\"DeletePod\",\"status\":{\"code\":7},\"request_body\":{},\
    \"response_body\":{}}' where id = 1001";

/// Everything the tail began with has been printed when completeness is told.
fn caught_up(line: &serde_json::Value) -> bool {
    line.get("complete_to").is_some()
}

fn has_id(id: &str) -> impl Fn(&serde_json::Value) -> bool {
    move |line| line["id"] == id
}

#[test]
fn a_tail_begins_where_it_is_told_and_follows_changes() {
    for store in Clutch::everywhere("tail_follow") {
        let mut tail = Following::start(&[
            "tail",
            store.target(),
            "-o",
            "ndjson",
            "--since",
            "2026-01-01T03:00Z",
            "--with-ledger",
        ]);
        let (ledger, before) = tail.until(caught_up);
        assert!(
            ledger["level"]
                .as_str()
                .is_some_and(|level| level.contains("best effort"))
        );
        let ids: Vec<String> = before
            .iter()
            .filter(|line| !line["at"].is_null())
            .map(|line| line["id"].as_str().expect("text").to_owned())
            .collect();
        let wanted: Vec<String> = (180..=DATED).map(|n| n.to_string()).collect();
        assert_eq!(ids, wanted);
        assert!(before.iter().all(|line| line["change"] == "new"));

        store.sql(INSERT);
        let (new, _) = tail.until(has_id("1001"));
        assert_eq!(
            (&new["change"], &new["outcome"]),
            (&"new".into(), &"pending".into())
        );
        store.sql(UPDATE);
        let (changed, _) = tail.until(has_id("1001"));
        assert_eq!(
            (&changed["change"], &changed["outcome"]),
            (&"update".into(), &"denied".into())
        );
        let keys: Vec<&String> = changed.as_object().expect("an object").keys().collect();
        assert_eq!(keys[..3], ["change", "id", "at"]);
        assert_eq!(tail.signal("TERM").0, Some(143));
    }
}

#[test]
fn settled_events_are_printed_once_with_their_outcome() {
    for store in Clutch::everywhere("tail_settled") {
        let mut tail = Following::start(&[
            "tail",
            store.target(),
            "user:carol",
            "-o",
            "ndjson",
            "--settled",
            "--with-ledger",
        ]);
        tail.until(caught_up);
        store.sql(INSERT);
        // Held back, the event keeps completeness where it is.
        let mut last = tail.until(caught_up).0["complete_to"].clone();
        while let (ledger, _) = tail.until(caught_up)
            && ledger["complete_to"] != last
        {
            last = ledger["complete_to"].clone();
        }
        store.sql(UPDATE);
        let (told, before) = tail.until(has_id("1001"));
        assert!(before.iter().all(caught_up), "{before:?}");
        assert_eq!(
            (&told["change"], &told["outcome"]),
            (&"new".into(), &"denied".into())
        );
        assert_eq!(tail.signal("INT").0, Some(130));
    }
}

#[test]
fn a_second_run_goes_on_where_the_first_ended() {
    for store in Clutch::everywhere("tail_resume") {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("place.json");
        let file = file.to_str().expect("a plain path");
        let line = [
            "tail",
            store.target(),
            "-o",
            "ndjson",
            "--with-ledger",
            "--resume",
            file,
        ];
        let mut first = Following::start(&line);
        first.until(caught_up);
        store.sql(INSERT);
        first.until(has_id("1001"));
        assert_eq!(first.signal("TERM").0, Some(143));

        store.sql(&INSERT.replace("1001", "1002"));
        let mut second = Following::start(&line);
        let (_, before) = second.until(has_id("1002"));
        assert!(!before.iter().any(has_id("1001")), "told twice: {before:?}");
        store.sql(UPDATE);
        let (changed, _) = second.until(has_id("1001"));
        assert_eq!(changed["change"], "update");
        assert_eq!(second.signal("TERM").0, Some(143));

        let mut other = line.to_vec();
        other.insert(2, "user:alice");
        let refused = crate::harness::program::run(other).failed(2);
        assert!(refused.contains("place.json"), "{refused}");
    }
}

#[test]
fn a_tail_ends_when_its_time_is_over() {
    for store in Clutch::everywhere("tail_for") {
        let tail = [
            "tail",
            store.target(),
            "--since",
            "2026-01-01T03:59Z",
            "--for",
            "1s",
        ];
        let text = crate::harness::program::run(tail).ok();
        let first = text.lines().next().expect("events since then");
        let wanted =
            "2026-01-01 03:59:00.000  ok       UNKNOWN  TerminateInstance  prod/api/pod-239  OK";
        assert_eq!(
            first.split_whitespace().collect::<Vec<_>>(),
            wanted.split_whitespace().collect::<Vec<_>>()
        );
    }
}
