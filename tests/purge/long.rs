//! Rows that are longer than anybody would write on purpose.

use std::ffi::OsString;
use std::time::Duration;

use super::crash;
use super::{DELETE, Fixture, PLAN};
use crate::harness::program;

/// Fault table, row 32, in a file: rows of 4 MB each, of 32 MB with `AUDITAIL_CRASH_RUNS`.
#[test]
fn very_long_rows_of_a_file_come_back() {
    let bytes = match crash::long_runs() {
        Some(_) => 16_000_000,
        None => 2_000_000,
    };
    let store = Fixture::of(50, 5);
    let text = "'{\"user_name\":\"alice\",\"n\":\"' || hex(randomblob(?1)) || '\"}'";
    let sql = format!("update audit_events set details = {text} where id in (7, 8)");
    let changed = store.connect().execute(&sql, [bytes]);
    assert_eq!(changed.expect("it has room"), 2);
    let before = store.rows();
    let run = |words: &[&str]| {
        let words = words.iter().map(|word| match *word {
            "FILE" => store.file().into_os_string(),
            "DIR" => store.archive().into_os_string(),
            word => OsString::from(word),
        });
        program::finish(program::command().timeout(Duration::from_mins(10)), words).ok()
    };
    run(&PLAN);
    for step in ["backup", "verify"] {
        run(&["purge", step, "DIR"]);
    }
    assert!(run(&DELETE).contains("50 rows deleted"));
    assert_eq!(store.rows().len(), 5);
    let said = run(&["restore", "DIR", "FILE"]);
    assert!(said.starts_with("50 rows put back"), "{said}");
    assert!(store.rows() == before, "other rows came back");
}
