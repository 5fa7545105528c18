//! What goes wrong is said in one sentence with an exit code, and never with a password.

use crate::harness::clutch::Clutch;
use crate::harness::postgres::PASSWORD;
use crate::harness::program::{self, finish, run};
use crate::harness::{self, Postgres};

#[test]
fn a_wrong_filter_is_shown_with_its_place_and_a_suggestion() {
    for store in Clutch::everywhere("errors_filter") {
        for (filter, place, suggestion) in [
            ("usr:alice", "^^^", "user"),
            ("action:X \"never closed", "^", "\""),
            ("since:2026-13-40", "^", "2026"),
            ("outcome:refused", "^", "denied"),
        ] {
            let error = run(["query", store.target(), filter, "-o", "ndjson"]).failed(2);
            assert!(error.contains(filter), "{error}");
            assert!(error.contains(place), "{error}");
            assert!(error.contains(suggestion), "{filter}: {error}");
        }
        for (arguments, word) in [
            (["count", "usr:alice"], "usr"),
            (["facets", "usr"], "usr"),
            (["tail", "usr:alice"], "usr"),
        ] {
            let [command, filter] = arguments;
            let error = run([command, store.target(), filter]).failed(2);
            assert!(error.contains(word), "{error}");
        }
    }
}

#[test]
fn what_is_wrong_with_arguments_is_said_without_what_a_terminal_obeys() {
    let hostile = "w\u{202e}eek\u{9b}2J";
    for arguments in [
        ["usage", "x.sqlite", "users", "--period", hostile],
        ["usage", "x.sqlite", "users", "--tz", hostile],
    ] {
        let error = run(arguments).failed(2);
        assert!(error.contains("w⟨U+202E⟩eek"), "{error}");
        assert!(!error.contains(['\u{202e}', '\u{9b}']), "{error}");
    }
}

#[test]
fn a_command_line_that_cannot_be_understood_is_usage() {
    for arguments in [
        &["query"][..],
        &["query", "x.sqlite", "--limit", "many"],
        &["query", "x.sqlite", "-o", "yaml"],
        &["query", "x.sqlite", "--tz", "Mars/Phobos"],
        &["query", "x.sqlite", "--columns", ""],
        &["x.sqlite", "--columns", "at,,actor"],
        &["query", "x.sqlite", "--profile", "no-such-profile"],
        &["query", "mysql://host/db"],
        &["nonsense", "x"],
        &["profiles", "show", "no-such-profile"],
        &[],
    ] {
        let error = run(arguments).failed(2);
        assert!(
            error.contains("error: ") || error.contains("hint: "),
            "{arguments:?}: {error}"
        );
    }
}

#[test]
fn no_screen_without_a_terminal() {
    for store in Clutch::everywhere("errors_tty") {
        let error = run([store.target()]).failed(2);
        assert!(
            error.contains("terminal") && error.contains("hint: auditail query"),
            "{error}"
        );
    }
}

#[test]
fn a_profile_with_a_mistake_is_refused_with_its_place() {
    for store in Clutch::everywhere("errors_profile") {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("mine.toml");
        std::fs::write(
            &path,
            "name = \"mine\"\ntitle = \"Mine\"\n[tiem]\npath = \"at\"\n",
        )
        .expect("writable");
        let file = path.to_str().expect("a plain path");
        let error = run(["query", store.target(), "--profile", file]).failed(2);
        assert!(error.contains("mine.toml:3"), "{error}");
    }
}

fn postgres() -> Option<&'static Postgres> {
    harness::postgres()
}

#[track_caller]
fn without_password(error: String) -> String {
    assert!(!error.contains(PASSWORD), "{error}");
    assert!(!error.contains("wrong-secret"), "{error}");
    assert!(error.starts_with("error: "), "{error}");
    error
}

#[test]
fn no_connection_and_no_login_have_a_code_of_their_own() {
    let Some(postgres) = postgres() else { return };
    let db = postgres.database("errors_connect");
    let unreachable = format!("postgres://postgres:{PASSWORD}@127.0.0.1:1/x");
    let wrong = postgres.url("postgres", "wrong-secret", &db.name);
    let nobody = postgres.url("no_such_role", "wrong-secret", &db.name);
    let missing = postgres.url("postgres", PASSWORD, "no_such_database");
    for (target, word) in [
        (&unreachable, "127.0.0.1"),
        (&wrong, "password"),
        (&nobody, "no_such_role"),
        (&missing, "no_such_database"),
    ] {
        for command in ["query", "count", "tail", "doctor"] {
            let error = without_password(run([command, target.as_str()]).failed(3));
            assert!(error.contains(word), "{error}");
        }
    }
}

#[test]
fn tables_that_cannot_be_read_are_named() {
    let Some(postgres) = postgres() else { return };
    let db = postgres.database("errors_tables");
    db.sql(
        "create table audit_log (id int primary key, who text, what text);
         create table secret_events (id int primary key, created_at timestamptz, actor text, action text);
         create role reader login password 'wrong-secret';",
    );
    let missing = run(["query", &db.url, "--table", "no_such_table"]).failed(1);
    assert!(without_password(missing).contains("no_such_table"));
    let timeless = run(["query", &db.url, "--table", "audit_log"]).failed(1);
    let timeless = without_password(timeless);
    assert!(
        timeless.contains("audit_log") && timeless.contains("time"),
        "{timeless}"
    );
    let reader = postgres.url("reader", "wrong-secret", &db.name);
    let forbidden = run(["query", &reader, "--table", "secret_events"]).failed(1);
    let forbidden = without_password(forbidden);
    assert!(
        forbidden.contains("secret_events") && forbidden.contains("permission"),
        "{forbidden}"
    );
    db.sql("drop table audit_log; drop table secret_events");
    let empty = without_password(run(["query", &db.url]).failed(1));
    assert!(empty.contains("audit"), "{empty}");
}

#[test]
fn passwords_may_come_from_the_environment_and_the_passfile() {
    let Some(postgres) = postgres() else { return };
    let store = Clutch::everywhere("errors_env")
        .pop()
        .expect("PostgreSQL is wanted");
    let Clutch::Postgres(db) = &store else {
        panic!("PostgreSQL comes last");
    };
    let port = postgres.port().to_string();
    let mut variables = program::command();
    variables
        .env("PGHOST", "127.0.0.1")
        .env("PGPORT", &port)
        .env("PGUSER", "postgres")
        .env("PGPASSWORD", PASSWORD)
        .env("PGDATABASE", &db.name);
    let count = finish(&mut variables, ["count", "postgres://", "--exact"]).ok();
    assert_eq!(count, "241\n");

    let directory = tempfile::tempdir().expect("a directory");
    let passfile = directory.path().join("pass");
    std::fs::write(&passfile, format!("127.0.0.1:*:*:postgres:{PASSWORD}\n")).expect("writable");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&passfile, mode).expect("our own file");
    let mut command = program::command();
    command.env("PGPASSFILE", &passfile);
    let target = format!("postgres://postgres@127.0.0.1:{port}/{}", db.name);
    assert_eq!(
        finish(&mut command, ["count", &target, "--exact"]).ok(),
        "241\n"
    );

    let socket = format!(
        "postgres:///{}?host={}&port={port}&user=postgres",
        db.name,
        postgres.socket_dir().display()
    );
    assert_eq!(run(["count", &socket, "--exact"]).ok(), "241\n");
}
