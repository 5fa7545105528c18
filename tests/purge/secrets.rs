//! A password goes in and never comes out: not on a stream, not into a file.

use std::fs;

use super::CUTOFF;
use super::arena::Arena;
use super::arena::postgres::Table;
use super::power::{OLD, YOUNG};
use crate::harness::postgres::PASSWORD;
use crate::harness::program;

/// Everything a directory holds, unpacked.
fn contents(archive: &std::path::Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(archive).into_iter().flatten().flatten() {
        let bytes = fs::read(entry.path()).unwrap_or_default();
        let plain = zstd::decode_all(&bytes[..]).unwrap_or(bytes);
        text.push_str(&String::from_utf8_lossy(&plain));
    }
    text
}

/// Fault table, row 35: every step, done well and done with a wrong URL.
#[test]
fn a_password_is_nowhere() {
    let Some(table) = Table::new("purge_secrets", (OLD, YOUNG)) else {
        return;
    };
    let archive = table.archive();
    let dir = archive.to_str().expect("text");
    let url = table.target();
    let wrong = url.replace(PASSWORD, &format!("not-{PASSWORD}"));
    let nowhere = format!("postgres://postgres:{PASSWORD}@127.0.0.1:1/x");
    let confirm = ["--yes", "--expect-count", "50", "--target", &url];
    let plan = |target| ["purge", "plan", target, "--before", CUTOFF, "--to", dir];
    let step = |name| ["purge", name, dir, "--target", &url];
    let runs: Vec<(Vec<&str>, bool)> = vec![
        (plan(&nowhere).to_vec(), false),
        (plan(&wrong).to_vec(), false),
        (plan(&url).to_vec(), true),
        (plan(&url).to_vec(), true),
        (["purge", "backup", dir].to_vec(), false),
        (step("backup").to_vec(), true),
        ([&step("verify")[..], &["--drill"]].concat(), true),
        ([&["purge", "delete", dir, "--dry-run"][..]].concat(), true),
        (
            [
                &["purge", "delete", dir, "--delete-as", &wrong],
                &confirm[..],
            ]
            .concat(),
            false,
        ),
        (
            [
                &["purge", "delete", dir, "--delete-as", &nowhere],
                &confirm[..],
            ]
            .concat(),
            false,
        ),
        (
            [
                &["purge", "delete", dir, "--delete-as", &url, "-o", "json"],
                &confirm[..],
            ]
            .concat(),
            true,
        ),
        (["purge", "status", dir].to_vec(), true),
        (["restore", dir, &wrong].to_vec(), false),
        (["restore", dir, &url].to_vec(), true),
    ];
    for (words, is_well) in runs {
        let shown = words.join(" ").replace(PASSWORD, "***");
        let end = program::run(&words);
        assert_eq!(end.code == Some(0), is_well, "{shown}: {}", end.err);
        for text in [&end.out, &end.err, &contents(&archive)] {
            assert!(!text.contains(PASSWORD), "{shown}");
        }
    }
    assert_eq!(table.rows().len(), 55, "restored");
    assert!(contents(&archive).contains("alice"), "it is looked at");
}
