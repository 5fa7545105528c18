//! `profiles`, `doctor`, `themes` and `completions`.

use crate::harness;
use crate::harness::clutch::Clutch;
use crate::harness::program::run;

#[test]
fn detection_shows_its_evidence() {
    for store in Clutch::everywhere("detect") {
        store.sql("create table orders (id integer primary key, name text)");
        let text = run(["profiles", "detect", store.target()]).ok();
        let first = text.lines().next().expect("a candidate");
        assert!(
            first.contains("audit_events") && first.contains("Lyft Clutch"),
            "{text}"
        );
        assert!(first.contains("opened by default"), "{text}");
        assert!(
            text.contains("occurred_at"),
            "the evidence names columns: {text}"
        );
        assert!(!text.contains("orders"), "{text}");
    }
}

#[test]
fn a_profile_that_was_shown_can_be_given_back() {
    let toml = run(["profiles", "show", "clutch"]).ok();
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("mine.toml");
    std::fs::write(&path, toml).expect("writable");
    let file = path.to_str().expect("a plain path");
    for store in Clutch::everywhere("profile_file") {
        let filter = "is:error user:alice";
        let by_name = [
            "query",
            store.target(),
            filter,
            "-o",
            "ndjson",
            "--profile",
            "clutch",
        ];
        let by_file = [
            "query",
            store.target(),
            filter,
            "-o",
            "ndjson",
            "--profile",
            file,
        ];
        let found = run(by_name).ok();
        assert!(!found.is_empty());
        assert_eq!(run(by_file).ok(), found);
    }
    assert!(run(["profiles", "list"]).ok().contains("clutch"));
}

#[test]
fn the_doctor_says_what_would_mend_a_store() {
    let Some(postgres) = harness::postgres() else {
        return;
    };
    let db = postgres.database("doctor");
    db.sql(
        "create table audit_events (
            id bigserial primary key, occurred_at timestamptz, details jsonb, sent boolean)",
    );
    let text = run(["doctor", &db.url]).out;
    assert!(!text.contains(harness::postgres::PASSWORD), "{text}");
    assert!(
        text.contains("Lyft Clutch") && text.contains("PostgreSQL"),
        "{text}"
    );
    let remedy = text.lines().map(str::trim).find(|line| {
        line.to_lowercase().starts_with("create index") && line.contains("occurred_at")
    });
    let remedy = remedy.unwrap_or_else(|| panic!("no statement to mend it:\n{text}"));
    // Outside a transaction, as `concurrently` wants it.
    db.sql(remedy);
    let mended = run(["doctor", &db.url]).ok();
    assert!(!mended.contains(remedy), "{mended}");
}

#[test]
fn the_doctor_looks_at_every_store() {
    for store in Clutch::everywhere("doctor_all") {
        let text = run(["doctor", store.target()]).ok();
        for word in ["store ", "table ", "profile ", "access ", "ok "] {
            assert!(text.contains(word), "{word}: {text}");
        }
    }
}

#[test]
fn themes_and_completions_are_printed() {
    let themes = run(["themes", "list"]).ok();
    assert!(themes.lines().count() >= 3, "{themes}");
    for line in themes.lines() {
        let theme = line.split(' ').next().expect("a name");
        assert!(
            run(["themes", "show", theme]).ok().contains("[roles]"),
            "{theme}"
        );
    }
    let error = run(["themes", "show", "drak"]).failed(2);
    assert!(error.contains("dark"), "{error}");
    for shell in ["bash", "zsh", "fish"] {
        assert!(run(["completions", shell]).ok().contains("auditail"));
    }
}
