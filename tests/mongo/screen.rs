//! The program itself on MongoDB: the demo's loader, the command line, the screen with a live
//! writer.

use serde_json::Value;

use crate::harness;
use crate::harness::following::Following;
use crate::harness::mongo::{MongoDb, Topology};
use crate::harness::program::run;
use crate::terminal::pty::Terminal;

fn loaded(test: &str) -> Option<MongoDb> {
    let db = harness::mongo(Topology::ReplicaSet)?.database(test);
    let arguments = [
        "demo", "--system", "dronahq", "--into", &db.url, "--events", "3000",
    ];
    let done = run(arguments);
    assert_eq!(done.code, Some(0), "{}", done.err);
    Some(db)
}

#[test]
fn the_command_line_reads_what_the_demo_loads() {
    let Some(db) = loaded("lines") else { return };
    let detected = run(["profiles", "detect", &db.url]);
    assert!(
        detected.out.contains("DronaHQ (known"),
        "{}{}",
        detected.out,
        detected.err
    );
    let arguments = [
        "query",
        &db.url,
        "event:db_query is:error",
        "--limit",
        "all",
        "-o",
        "ndjson",
    ];
    let listed = run(arguments);
    assert_eq!(listed.code, Some(0), "{}", listed.err);
    let events: Vec<Value> = listed
        .out
        .lines()
        .map(|line| serde_json::from_str(line).expect(line))
        .collect();
    assert!(!events.is_empty());
    for event in &events {
        assert_eq!(event["action"], "db_query");
        assert_eq!(event["outcome"], "failed");
        assert_eq!(event["payload"]["meta"]["event-id"], "db_query");
    }
    let counted = run(["count", &db.url, "event:db_query is:error", "--exact"]);
    assert_eq!(counted.out.trim(), events.len().to_string());
    let doctor = run(["doctor", &db.url]);
    assert!(doctor.out.contains("change stream"), "{}", doctor.out);
}

#[test]
fn the_screen_follows_a_live_writer() {
    let Some(db) = loaded("screen") else { return };
    let writer = Following::start(&[
        "demo", "--system", "dronahq", "--into", &db.url, "--rate", "20", "--seed", "3",
    ]);
    let mut terminal = Terminal::auditail(&[&db.url], (120, 40));
    terminal.see("● live");
    terminal.see("exact (change stream)");
    let newest = |contents: &str| {
        let line = contents.lines().find(|line| line.starts_with('▌'));
        line.map(str::to_owned)
    };
    terminal.wait("an event", |screen| newest(&screen.contents()).is_some());
    let seen = newest(&terminal.contents());
    terminal.wait("a newer one", |screen| newest(&screen.contents()) != seen);
    terminal.press("f");
    terminal.press("event:db_query is:error");
    terminal.wait("failed queries only", |screen| {
        let contents = screen.contents();
        contents.contains(" of ")
            && contents.matches(" failed ").count() > 2
            && !contents.contains(" ok  ")
    });
    terminal.press("\r");
    terminal.press("\r");
    terminal.see("▾ meta");
    terminal.see("event-id");
    terminal.press("qq");
    assert_eq!(terminal.end(), 0);
    drop(writer);
}
