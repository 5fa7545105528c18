//! Usage reports against what one would ask by hand: the three questions of an engagement review, as
//! ratios against `psql` with the plain statement, on the same data in the same run; and how soon every
//! report says something.
//!
//! `cargo bench --bench usage -- [--rows N] [--url URL]`: with a URL, of a database that holds Clutch's
//! table already. Prints a table; never fails because something was slow.
#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    missing_docs,
    reason = "a measurement that cannot be made ends the run, and the table goes to stdout"
)]

#[expect(dead_code, reason = "the other benches want more of a run")]
#[path = "ratios/measure.rs"]
mod measure;
#[expect(dead_code, reason = "the tests use all of it, the measurements a part")]
#[path = "../tests/harness/postgres.rs"]
mod postgres;
#[path = "usage/reports.rs"]
mod reports;
#[expect(dead_code, reason = "the other bench watches an idle screen, too")]
#[path = "ratios/screen.rs"]
mod screen;

use std::process::{Command, Stdio};
use std::time::Duration;

use measure::{Run, against, alone, median, ms, ratio, run};
use postgres::Postgres;
use screen::Screen;

const AUDITAIL: &str = env!("CARGO_BIN_EXE_auditail");

/// Runs of each side, in turns.
const ROUNDS: usize = 5;

/// A question, how it is asked by hand, and how here.
struct Question {
    name: &'static str,
    statement: &'static str,
    arguments: &'static [&'static str],
    wanted: &'static str,
}

const QUESTIONS: [Question; 4] = [
    Question {
        name: "who did what, 90 days, as CSV",
        statement: "select occurred_at, details->>'user_name', details->>'method_name' \
                    from audit_events where occurred_at >= now() - interval '90d'",
        arguments: &[
            "query",
            "--since",
            "-90d",
            "--columns",
            "at,actor,action",
            "--order",
            "oldest",
            "-o",
            "csv",
        ],
        wanted: "<= 1.0",
    },
    Question {
        name: "different users by month, 90 days",
        statement: "select date_trunc('month', occurred_at), \
                    count(distinct details->>'user_name') from audit_events \
                    where occurred_at >= now() - interval '90d' group by 1",
        arguments: &["usage", "users", "--period", "month", "--since", "-90d"],
        wanted: "<= 0.35",
    },
    Question {
        name: "actions, 14 days",
        statement: ACTIONS,
        arguments: &["usage", "actions", "--since", "-14d", "--brief"],
        wanted: "<= 1.0",
    },
    Question {
        name: "the same with users, failures, and the 14 days before",
        statement: ACTIONS,
        arguments: &["usage", "actions", "--since", "-14d"],
        wanted: "reported",
    },
];

const ACTIONS: &str = "select details->>'method_name', count(*) from audit_events \
                       where occurred_at >= now() - interval '14d' group by 1";

fn main() {
    let postgres = Postgres::start_new();
    let psql = postgres.bin().join("psql").display().to_string();
    let fresh = postgres.database("usage");
    let url = argument("--url").unwrap_or_else(|| {
        let rows = argument("--rows").unwrap_or_else(|| "5000000".to_owned());
        let mut demo = Command::new(AUDITAIL);
        demo.env_clear()
            .args(["demo", "--system", "clutch", "--events", &rows])
            .args(["--into", &fresh.url])
            .stderr(Stdio::null());
        run(&mut demo);
        fresh.sql("vacuum analyze audit_events; checkpoint");
        fresh.url.clone()
    });
    measure::head();
    for question in &QUESTIONS {
        asked(question, &url, &psql);
    }
    screen(&url);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(reports::measure(&url));
}

/// The value after a name; cargo adds `--bench`, which means nothing here.
fn argument(name: &str) -> Option<String> {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    arguments.nth(1)
}

/// Both in turns, so that they meet the same caches and the same noise.
fn asked(question: &Question, url: &str, psql: &str) {
    let (mut ours, mut theirs): (Vec<Run>, Vec<Run>) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let mut by_hand = Command::new(psql);
        by_hand.env_clear().env("PGTZ", "UTC");
        by_hand.args(["-X", "--csv", "-d", url, "-c", question.statement]);
        theirs.push(run(&mut by_hand));
        let mut here = Command::new(AUDITAIL);
        let (command, rest) = question.arguments.split_first().expect("a command");
        here.env_clear().arg(command).arg(url).args(rest);
        ours.push(run(here.stderr(Stdio::null())));
    }
    let middle = |runs: &[Run]| median(runs.iter().map(|run| run.time).collect());
    let (mine, other) = (middle(&ours), middle(&theirs));
    against(
        question.name,
        &ms(mine),
        &format!("psql {}", ms(other)),
        ratio(mine, other),
        question.wanted,
    );
    let peak = |runs: &[Run]| runs.iter().map(|run| run.peak).max().unwrap_or(0) as f64 / 1024.0;
    against(
        "  peak memory",
        &format!("{:.1} MiB", peak(&ours)),
        &format!("psql {:.1} MiB", peak(&theirs)),
        peak(&ours) / peak(&theirs),
        "<= 64 MiB",
    );
}

/// The tab on a terminal: from the key to numbers, and to the last of those on the screen.
fn screen(url: &str) {
    let mut screen = Screen::start(AUDITAIL, &["--fresh", url]);
    screen.shows(|text| text.contains("complete to"), "a connected screen");
    screen.settle(Duration::from_secs(3));
    let pressed = std::time::Instant::now();
    screen.press("2");
    let first = screen.shows(has_numbers, "a number on the Usage tab");
    alone(
        "Usage tab: first numbers",
        &ms(first - pressed),
        "<= 1000 ms",
    );
    let last = screen.shows(
        |text| text.contains(" usage · ") && !text.contains("counting"),
        "reports that are whole",
    );
    alone(
        "  all reports on a screen of 120x40",
        &ms(last - pressed),
        "reported",
    );
    let peak = screen.peak() as f64 / 1024.0;
    alone("  peak memory", &format!("{peak:.1} MiB"), "<= 64 MiB");
}

/// Whether the first card says how many events there are: it stands below the title.
fn has_numbers(text: &str) -> bool {
    let mut lines = text.lines().skip_while(|line| !line.contains(" in all ─"));
    let card = lines.nth(1);
    card.is_some_and(|line| line.contains(|c: char| c.is_ascii_digit()) && line.contains("events"))
}
