//! The screen in a real terminal: what a user sees, types and is left with.

mod facets;
pub mod pty;
mod purge;
mod usage;
mod views;

use std::io::Write as _;
use std::sync::Arc;

use auditail::app::view::Opening;
use auditail::app::{Settings, Way};
use auditail::runtime::purging::Purging;
use auditail::runtime::terminal::Screen;
use auditail::runtime::{self, Exit, Files, Options};
use auditail::store::connect::OpenOptions;
use auditail::ui::theme::load::named;
use chrono_tz::Tz;
use portable_pty::CommandBuilder;
use pty::Terminal;
use rusqlite::Connection;
use tempfile::TempDir;

const DEMO: [&str; 7] = ["demo", "--events", "3000", "--rate", "10", "--seed", "7"];

/// A store with these many events of alice and one of an attacker.
fn store(events: u32) -> (TempDir, String) {
    let dir = TempDir::new().expect("a directory");
    let path = dir.path().join("audit.db");
    let mut db = Connection::open(&path).expect("a file");
    db.execute_batch(
        "CREATE TABLE audit_events (
             id INTEGER PRIMARY KEY, occurred_at TIMESTAMPTZ, details JSONB, sent BOOLEAN);
         CREATE INDEX sort_audit_events ON audit_events (occurred_at);",
    )
    .expect("a table");
    let transaction = db.transaction().expect("a transaction");
    for id in 0..events {
        let user = if id == 0 {
            "\u{1b}[2Jmallory\u{202e}"
        } else {
            "alice"
        };
        let details = serde_json::json!({
            "user_name": user,
            "method_name": "DeletePod",
            "status": {"code": if id % 3 == 0 { 7 } else { 0 }},
            "response_body": {},
        });
        let at = format!("2026-01-01 00:{:02}:{:02}.000+00:00", id / 60 % 60, id % 60);
        transaction
            .execute(
                "INSERT INTO audit_events VALUES (?1, ?2, ?3, 1)",
                (id, at, details.to_string()),
            )
            .expect("a row");
    }
    transaction.commit().expect("commits");
    let target = path.to_str().expect("a path").to_owned();
    (dir, target)
}

/// Live events, a filter typed by keyboard narrows them, an event is opened, folded and searched.
fn filter_open_fold_and_search(size: (u16, u16)) {
    let mut terminal = Terminal::auditail(&DEMO, size);
    terminal.see("● live");
    terminal.see("complete to");
    // New events arrive while somebody only watches.
    let newest = |contents: &str| {
        let line = contents.lines().find(|line| line.starts_with('▌'));
        line.map(str::to_owned)
    };
    terminal.wait("an event", |screen| newest(&screen.contents()).is_some());
    let seen = newest(&terminal.contents());
    terminal.wait("a newer one", |screen| newest(&screen.contents()) != seen);

    terminal.press("f");
    terminal.press("is:denied");
    terminal.see("filter ▸ is:denied");
    let only_denied = |screen: &vt100::Screen| {
        let contents = screen.contents();
        let words = |word| contents.matches(word).count();
        contents.contains(" of ") && words(" denied ") > 2 && words(" ok  ") == 0
    };
    terminal.wait("denied events only", only_denied);
    terminal.press("\r");
    terminal.see("Enter open");

    terminal.press("\r");
    terminal.see("▾ details");
    // Which event is the newest is chance; two levels of any of them fit.
    terminal.press("2");
    terminal.see("▸ status");
    terminal.press("1");
    terminal.see("▸ details");
    terminal.press("/");
    terminal.see("search in the event");
    terminal.press("code\r");
    terminal.see("▾ status");
    terminal.press("q");
    terminal.wait("the list again", |screen| {
        !screen.contents().contains("▾ status")
    });
    terminal.press("q");
    assert_eq!(terminal.end(), 0);
}

#[test]
fn the_demo_in_a_small_terminal() {
    filter_open_fold_and_search((80, 24));
}

#[test]
fn the_demo_in_a_large_terminal() {
    filter_open_fold_and_search((120, 40));
}

#[test]
fn the_demo_of_dronahq() {
    let demo = [
        "demo", "--system", "dronahq", "--events", "2000", "--rate", "20",
    ];
    let mut terminal = Terminal::auditail(&demo, (120, 40));
    terminal.see("demo · dronahq · generated");
    terminal.see("complete to");
    terminal.press("f");
    terminal.press("event:db_query -app:Login\r");
    terminal.wait("queries only", |screen| {
        let contents = screen.contents();
        contents.matches(" db_query ").count() > 5 && !contents.contains(" api_call ")
    });
    terminal.press("\r");
    terminal.see("event-id           \"db_query\"");
    terminal.press("q");
    terminal.wait("the list again", |screen| {
        !screen.contents().contains("event-id ")
    });
    terminal.press("q");
    assert_eq!(terminal.end(), 0);
}

/// A mark, what differs from it, the past of a user; and the mark in the next session.
#[test]
fn from_a_mark_to_what_differs_and_to_the_past_of_a_user() {
    let mut terminal = Terminal::auditail(&DEMO, (120, 40));
    terminal.see("● live");
    terminal.see("complete to");
    terminal.press(" ");
    terminal.see("paused");
    terminal.press("m");
    terminal.see("mark this event");
    terminal.press("odd\r");
    terminal.wait("the mark", |screen| {
        let contents = screen.contents();
        contents.lines().any(|line| line.starts_with('◆'))
    });
    terminal.press("kd");
    terminal.see("what differs");
    terminal.see("~ id");
    terminal.see("differences");
    terminal.press("q");
    terminal.press("u");
    terminal.see("in this event");
    terminal.see("usual hours");
    terminal.wait("everything", |screen| {
        !screen.contents().contains("is known, the newest")
    });
    terminal.press("q");
    terminal.press("q");
    assert_eq!(terminal.end(), 0);
}

#[test]
fn another_size_draws_another_screen() {
    let (_dir, target) = store(200);
    let mut terminal = Terminal::auditail(&[&target], (120, 40));
    terminal.see("DeletePod");
    terminal.press("\r");
    terminal.see("▾ details");
    // Beside the list while there is room, over it otherwise, alone when there is hardly any.
    terminal.see("events · following");
    terminal.resize((80, 24));
    terminal.wait("the inspector alone", |screen| {
        let contents = screen.contents();
        contents.contains("▾ details") && !contents.contains("events · following")
    });
    terminal.resize((40, 10));
    terminal.wait("a tiny screen", |screen| {
        !screen.contents().contains("filter ▸")
    });
    terminal.resize((120, 40));
    terminal.see("events · following");
    terminal.press("qq");
    assert_eq!(terminal.end(), 0);
}

#[test]
fn escape_sequences_in_rows_are_shown_and_not_obeyed() {
    let (_dir, target) = store(5);
    let mut terminal = Terminal::auditail(&[&target], (120, 40));
    terminal.see("␛[2Jmallory⟨U+202E⟩");
    terminal.see("auditail");
    terminal.press("q");
    assert_eq!(terminal.end(), 0);
}

#[test]
fn a_filter_that_means_nothing_is_explained_where_it_stands() {
    let (_dir, target) = store(50);
    let mut terminal = Terminal::auditail(&[&target], (80, 24));
    terminal.see("DeletePod");
    terminal.press("fusr:alice");
    terminal.see("^^^ there is no field");
    terminal.see("previous result");
    terminal.see("DeletePod");
    terminal.press("\u{3}\u{3}");
    assert_eq!(terminal.end(), 0);
}

#[test]
fn sigterm_leaves_the_terminal_as_it_was() {
    let (_dir, target) = store(50);
    let terminal = Terminal::auditail(&[&target], (80, 24));
    terminal.see("DeletePod");
    terminal.signal("TERM");
    assert_eq!(terminal.end(), 143);
}

#[test]
fn suspending_gives_the_shell_its_terminal_and_takes_it_again() {
    let (_dir, target) = store(50);
    let mut terminal = Terminal::auditail(&[&target], (80, 24));
    terminal.see("DeletePod");
    terminal.press("\u{1a}");
    terminal.wait("the ordinary screen", |screen| !screen.alternate_screen());
    terminal.stopped();
    terminal.signal("CONT");
    terminal.wait("the screen again", |screen| {
        screen.alternate_screen() && screen.contents().contains("DeletePod")
    });
    terminal.press("q");
    assert_eq!(terminal.end(), 0);
}

#[test]
fn a_server_that_is_not_there_is_said_on_a_screen_of_its_own() {
    let target = "postgres://auditor:hunter2@127.0.0.1:1/audit";
    let mut terminal = Terminal::auditail(&[target], (80, 24));
    terminal.see("cannot open");
    terminal.see("connect again");
    assert!(!terminal.contents().contains("hunter2"));
    terminal.press("q");
    assert_eq!(terminal.end(), 3);
}

#[test]
fn a_panic_gives_the_terminal_back_before_its_report() {
    for child in ["panics_on_opening", "panics_on_another_thread"] {
        let terminal = child_of_this_test(child);
        terminal.wait("the report on the ordinary screen", |screen| {
            !screen.alternate_screen() && screen.contents().contains("on purpose")
        });
        assert_eq!(terminal.end(), SEEN, "{child}");
    }
}

#[test]
fn leaving_does_not_wait_for_a_store_that_hangs() {
    let mut terminal = child_of_this_test("leaves_a_store_that_hangs");
    terminal.see("connecting");
    terminal.press("q");
    // Written on the way out of the store's work: the terminal was the shell's by then.
    terminal.wait("words on the ordinary screen", |screen| {
        !screen.alternate_screen() && screen.contents().contains("let go of the store")
    });
    assert_eq!(terminal.end(), SEEN);
}

#[test]
fn an_idle_screen_writes_nothing() {
    let (_dir, target) = store(20);
    let mut terminal = Terminal::auditail(&[&target], (120, 40));
    terminal.see("complete to");
    terminal.see("failed · ");
    let complete_to = |terminal: &Terminal| {
        let contents = terminal.contents();
        let (_, after) = contents.split_once("complete to ").expect("it was seen");
        after.split(' ').next().unwrap_or_default().to_owned()
    };
    let draw = |terminal: &mut Terminal| {
        terminal.press("?");
        terminal.see("Open the event");
        terminal.press("q");
        // The last line of the box is the last one that is drawn over.
        terminal.wait("the list alone", |screen| {
            let contents = screen.contents();
            !contents.contains("Open the event") && !contents.contains('└')
        });
    };
    draw(&mut terminal);
    let before = complete_to(&terminal);
    // The last answers to the question may still be on their way; then only the tail goes on.
    let quiet = (0..5).any(|_| {
        let (bytes, reads) = (terminal.written(), terminal.reads());
        while terminal.reads() < reads + 12 {
            std::thread::yield_now();
        }
        terminal.written() == bytes
    });
    assert!(quiet, "{}", terminal.contents());
    draw(&mut terminal);
    assert_ne!(complete_to(&terminal), before, "the tail went on meanwhile");
    terminal.press("q");
    assert_eq!(terminal.end(), 0);
}

/// The exit code of a child that saw what it should; a test that fails has another one.
const SEEN: u32 = 42;

/// Runs another test of this program in a terminal of its own.
fn child_of_this_test(name: &str) -> Terminal {
    let program = std::env::current_exe().expect("this program");
    let name = format!("terminal::{name}");
    let arguments = ["--exact", &name, "--ignored", "--nocapture"];
    Terminal::run(CommandBuilder::new(program), &arguments, (80, 24))
}

fn nothing_to_purge() -> Purging {
    Purging {
        target: Arc::new(|| None),
        options: OpenOptions::default(),
        known: None,
    }
}

fn options(open: runtime::Opener) -> Options {
    Options {
        settings: Settings {
            target: "nowhere".to_owned(),
            tz: Tz::UTC,
            local: Tz::UTC,
            way: Way::Out,
            opening: Opening::default(),
            groups: None,
        },
        theme: named("dark").expect("built in"),
        files: Files::default(),
        open,
        purging: nothing_to_purge(),
        visit: Arc::new(|_| {
            (
                Arc::new(|| Box::pin(std::future::pending())),
                nothing_to_purge(),
            )
        }),
    }
}

#[test]
#[ignore = "run in a terminal of its own by another test"]
fn panics_on_opening() {
    let open: runtime::Opener = Arc::new(|| Box::pin(async { panic!("on purpose") }));
    let exit = runtime::run(options(open)).expect("a terminal");
    std::process::exit(if matches!(exit, Exit::Panicked) {
        42
    } else {
        1
    });
}

#[test]
#[ignore = "run in a terminal of its own by another test"]
fn panics_on_another_thread() {
    // No task of the runtime notices this one: only the hook gives the terminal back.
    let screen = Screen::enter(named("dark").expect("built in")).expect("a terminal");
    let panicked = std::thread::spawn(|| panic!("on purpose")).join();
    drop(screen);
    std::process::exit(if panicked.is_err() { 42 } else { 1 });
}

/// Says when the work on a store is given up.
struct Held;

impl Drop for Held {
    fn drop(&mut self) {
        let told = std::io::stdout().write_all(b"let go of the store\n");
        assert!(told.is_ok());
    }
}

#[test]
#[ignore = "run in a terminal of its own by another test"]
fn leaves_a_store_that_hangs() {
    // Held from the beginning: the key may come before the work has begun.
    let held = Arc::new(Held);
    let open: runtime::Opener = Arc::new(move || {
        let held = held.clone();
        Box::pin(async move {
            let _held = held;
            std::future::pending().await
        })
    });
    let exit = runtime::run(options(open)).expect("a terminal");
    std::process::exit(if matches!(exit, Exit::Done) { 42 } else { 1 });
}
