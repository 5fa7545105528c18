//! Profiles and themes of the user's own: found in their directory, read by their path.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::harness::clutch::Clutch;
use crate::harness::program::{Finished, command, finish, run};
use crate::terminal::pty::Terminal;

/// A home with files below `.config/auditail`.
struct Home(TempDir);

impl Home {
    fn with(files: &[(&str, &str)]) -> Self {
        let home = Self(TempDir::new().expect("a directory"));
        for (name, text) in files {
            let path = home.path(name);
            fs::create_dir_all(path.parent().expect("below a home")).expect("writable");
            fs::write(path, text).expect("writable");
        }
        home
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(".config/auditail").join(name)
    }

    fn run(&self, arguments: &[&str]) -> Finished {
        finish(command().env("HOME", self.0.path()), arguments)
    }
}

const SHOP: &str = r#"
name = "shop"
title = "The shop's journal"

[[signature]]
columns = { stamp = "int", clerk = "text" }

[time]
path = "stamp"
encoding = "epoch_seconds"

[fields]
actor = "clerk"
action = "did"
"#;

/// A table of which no guess would make an audit log.
const JOURNAL: &str =
    "create table journal (nr integer primary key, stamp integer, clerk text, did text);
    insert into journal values (1, 1767225600, 'ana', 'open the till')";

#[test]
fn profiles_of_the_directory_are_tried_in_detection() {
    let home = Home::with(&[("profiles/shop.toml", SHOP)]);
    let dir = TempDir::new().expect("a directory");
    let file = dir.path().join("shop.db");
    let db = rusqlite::Connection::open(&file).expect("a file");
    db.execute_batch(JOURNAL).expect("a table");
    let target = file.to_str().expect("a plain path");

    let unknown = run(["query", target]).failed(1);
    assert!(
        unknown.contains("journal has no column that could be the time"),
        "{unknown}"
    );
    let detected = home.run(&["profiles", "detect", target]).ok();
    assert!(
        detected.starts_with("journal: The shop's journal (from a file, "),
        "{detected}"
    );
    let events = home
        .run(&["query", target, "actor:ana", "-o", "ndjson"])
        .events();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["at"], "2026-01-01T00:00:00.000000Z");
    assert_eq!(events[0]["action"], "open the till");
    let listed = home.run(&["profiles", "list"]).ok();
    assert!(listed.contains("shop.toml"), "{listed}");
}

#[test]
fn a_copy_of_a_built_in_profile_replaces_it_on_every_store() {
    let toml = run(["profiles", "show", "clutch"]).ok();
    let title = toml
        .lines()
        .find(|line| line.starts_with("title"))
        .expect("a title");
    let home = Home::with(&[(
        "profiles/mine.toml",
        &toml.replace(title, "title = \"My own\""),
    )]);
    for store in Clutch::everywhere("own_copy") {
        let built_in = run(["profiles", "detect", store.target()]).ok();
        assert!(built_in.contains("Lyft Clutch (known"), "{built_in}");
        let own = home.run(&["profiles", "detect", store.target()]).ok();
        assert!(own.contains("My own (from a file"), "{own}");
        // What is named is what is taken.
        let named = ["doctor", store.target(), "--profile", "clutch"];
        let named = home.run(&named).out;
        assert!(named.contains("Lyft Clutch"), "{named}");
    }
}

#[test]
fn a_broken_file_is_told_and_keeps_no_store_closed() {
    let broken = SHOP.replace("actor", "acter");
    let home = Home::with(&[("profiles/a.toml", &broken), ("profiles/b.toml", SHOP)]);
    for store in Clutch::everywhere("own_broken") {
        let counted = home.run(&["count", store.target(), "--exact"]);
        assert_eq!(counted.code, Some(0), "{}", counted.err);
        for part in ["a.toml:", "acter", "actor"] {
            assert!(counted.err.contains(part), "{}", counted.err);
        }
    }
}

const LOUD: &str = "inherits = \"dark\"\n[roles]\nbrand = { fg = \"#010203\" }\n";

#[test]
fn themes_of_the_directory_are_listed_shown_and_checked() {
    let broken = LOUD.replace("brand", "brant");
    let home = Home::with(&[("themes/loud.toml", LOUD), ("themes/bad.toml", &broken)]);
    let listed = home.run(&["themes", "list"]).ok();
    assert!(
        listed.contains("mono") && listed.contains("loud.toml"),
        "{listed}"
    );
    assert_eq!(home.run(&["themes", "show", "loud"]).ok(), LOUD);
    let bad = home.run(&["themes", "show", "bad"]).failed(2);
    for part in ["bad.toml:3: brant", "did you mean brand?"] {
        assert!(bad.contains(part), "{bad}");
    }
    let near = home.run(&["themes", "show", "lout"]).failed(2);
    assert!(near.contains("did you mean loud?"), "{near}");
    let missing = home.path("none.toml");
    let missing = missing.to_str().expect("a plain path");
    let told = home.run(&["themes", "show", missing]).failed(2);
    assert!(told.contains(missing), "{told}");
}

#[test]
fn a_theme_from_a_file_colours_the_screen() {
    let home = Home::with(&[("themes/loud.toml", LOUD)]);
    let file = home.path("themes/loud.toml");
    let file = file.to_str().expect("a plain path");
    let arguments = ["demo", "--events", "100", "--rate", "0", "--theme", file];
    let mut terminal = Terminal::auditail(&arguments, (80, 24));
    let brand = vt100::Color::Rgb(1, 2, 3);
    terminal.wait("the brand in its colour", |screen| {
        let letter = screen.cell(0, 1);
        letter.is_some_and(|cell| cell.contents() == "a" && cell.fgcolor() == brand)
    });
    terminal.press("q");
    assert_eq!(terminal.end(), 0);
}
