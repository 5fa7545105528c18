//! Speed and memory as ratios against what one would run otherwise: `psql` on the same data in the
//! same run. Prints a table; never fails because something was slow.
#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    missing_docs,
    reason = "a measurement that cannot be made ends the run, and the table goes to stdout"
)]

#[path = "ratios/measure.rs"]
mod measure;
#[path = "ratios/pages.rs"]
mod pages;
#[expect(dead_code, reason = "the tests use all of it, the measurements a part")]
#[path = "../tests/harness/postgres.rs"]
mod postgres;
#[path = "ratios/screen.rs"]
mod screen;

use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

use measure::{Run, against, alone, median, ms, ratio, run};
use postgres::{Db, Postgres};
use screen::Screen;

const AUDITAIL: &str = env!("CARGO_BIN_EXE_auditail");
/// Runs of each short process.
const RUNS: usize = 21;
/// Nobody has this name.
const NOBODY: &str = "nobody-has-this-name";

fn main() {
    let rows = rows_wanted();
    let postgres = Postgres::start_new();
    let db = postgres.database("ratios");
    let psql = postgres.bin().join("psql").display().to_string();
    let bench = Bench { db, psql };
    measure::head();
    bench.load(rows);
    bench.whole_process();
    bench.deep_pages(rows);
    bench.export(rows);
    bench.filters();
    first_frame();
    demo_start();
    bench.idle();
    bench.keys_while_busy();
}

/// `--rows N`; cargo adds `--bench`, which means nothing here.
fn rows_wanted() -> u64 {
    let arguments: Vec<String> = std::env::args().collect();
    let given = arguments.iter().position(|argument| argument == "--rows");
    given
        .and_then(|at| arguments.get(at + 1))
        .map_or(5_000_000, |rows| {
            rows.parse().expect("--rows takes a number")
        })
}

struct Bench {
    db: Db,
    psql: String,
}

impl Bench {
    fn psql(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.psql);
        command
            .env_clear()
            .args(["-X", "-d", &self.db.url])
            .args(arguments);
        command
    }

    fn auditail(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(AUDITAIL);
        let (name, rest) = arguments.split_first().expect("a command");
        command.env_clear().arg(name).arg(&self.db.url).args(rest);
        command.stderr(std::process::Stdio::null());
        command
    }

    fn load(&self, rows: u64) {
        let mut demo = Command::new(AUDITAIL);
        let events = rows.to_string();
        demo.env_clear()
            .args(["demo", "--system", "clutch", "--events", &events]);
        demo.args(["--into", &self.db.url]);
        let loaded = run(&mut demo);
        self.db.sql("vacuum analyze audit_events; checkpoint");
        let rate = rows as f64 / loaded.time.as_secs_f64();
        let size = self
            .db
            .sql("select pg_size_pretty(pg_total_relation_size('audit_events'))");
        alone(
            &format!("demo --into, {rows} rows, {}", size.trim()),
            &format!("{rate:.0} rows/s"),
            "",
        );
    }

    fn whole_process(&self) {
        let page = "select id, occurred_at, details, sent from audit_events \
                    order by occurred_at desc, id desc limit 200";
        let named = [
            "--limit",
            "200",
            "--profile",
            "clutch",
            "--table",
            "audit_events",
        ];
        let known = |format: &'static str| {
            let mut arguments = vec!["query"];
            arguments.extend(named);
            arguments.extend(["-o", format]);
            self.auditail(&arguments)
        };
        for (format, theirs) in [
            ("table", &["-c", page][..]),
            ("ndjson", &["-A", "-t", "-c", page]),
        ] {
            let (ours, psql) = duel(|| known(format), || self.psql(theirs));
            against(
                &format!("whole process, 200 newest, known profile, {format}"),
                &ms(ours),
                &format!("psql {}", ms(psql)),
                ratio(ours, psql),
                "<= 1.0",
            );
        }
        let (detected, known) = duel(
            || self.auditail(&["query", "--limit", "200", "-o", "ndjson"]),
            || known("ndjson"),
        );
        let cost = detected.saturating_sub(known);
        alone(
            "  of which detection, when it is asked for",
            &ms(cost),
            "reported",
        );
    }

    fn deep_pages(&self, rows: u64) {
        let depth = rows / 5 * 4;
        let instant = self.db.sql(&format!(
            "select (extract(epoch from occurred_at) * 1000000)::bigint from audit_events \
             order by occurred_at desc, id desc offset {depth} limit 1"
        ));
        let instant = instant.trim().parse().expect("microseconds");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let (newest, deep) = runtime.block_on(pages::newest_and_deep(&self.db.url, instant));
        against(
            &format!("page of 200, {depth} rows deep against newest"),
            &ms(deep),
            &format!("newest {}", ms(newest)),
            ratio(deep, newest),
            "<= 1.5",
        );
    }

    fn export(&self, rows: u64) {
        let copy =
            "\\copy (select row_to_json(t) from audit_events t order by occurred_at, id) to stdout";
        let theirs = run(&mut self.psql(&["-c", copy]));
        let all = [
            "query", "--limit", "all", "--order", "oldest", "-o", "ndjson",
        ];
        let ours = run(&mut self.auditail(&all));
        assert_eq!(
            (ours.lines, theirs.lines),
            (rows, rows),
            "both print every row"
        );
        let rate = |run: &Run| run.lines as f64 / run.time.as_secs_f64();
        against(
            "query --limit all -o ndjson, rows/s",
            &format!("{:.0}", rate(&ours)),
            &format!("\\copy {:.0}", rate(&theirs)),
            rate(&ours) / rate(&theirs),
            ">= 0.7",
        );
        let mib = |run: &Run| run.peak as f64 / 1024.0;
        against(
            "  peak memory",
            &format!("{:.1} MiB", mib(&ours)),
            &format!("psql {:.1} MiB", mib(&theirs)),
            mib(&ours) / mib(&theirs),
            "<= 64 MiB",
        );
    }

    fn filters(&self) {
        let user = self.db.sql(
            "select details->>'user_name' from audit_events \
             group by 1 order by count(*) limit 1",
        );
        let term = format!(".details.user_name:\"{}\"", user.trim());
        let plan = self
            .auditail(&["query", &term, "--explain"])
            .output()
            .expect("a plan");
        let plan = String::from_utf8_lossy(&plan.stdout).into_owned();
        let index = plan.lines().find_map(|line| line.strip_prefix("index: "));
        alone(
            "indexed JSON key: index used",
            index.unwrap_or("none"),
            "an index",
        );
        for line in plan.lines() {
            println!("    {line}");
        }
        let first = |filter: &str, limit: &str| {
            run(&mut self.auditail(&["query", filter, "-o", "ndjson", "--limit", limit]))
        };
        let found = first(".details.status.message:~denied", "1");
        let shown = found.first_byte.unwrap_or(found.time);
        alone("unindexed filter: first match", &ms(shown), "<= 1 s");
        let mut screen = self.query_on_a_terminal(&format!(".details.user_name:~{NOBODY}"));
        let told = screen.shows(|text| text.contains("looked to"), "progress");
        alone(
            "unindexed filter: progress told",
            &ms(told - screen.begun),
            "<= 1 s",
        );
    }

    fn query_on_a_terminal(&self, filter: &str) -> Screen {
        Screen::start(AUDITAIL, &["query", &self.db.url, filter])
    }

    fn screen(&self) -> Screen {
        let mut screen = Screen::start(AUDITAIL, &[&self.db.url]);
        screen.shows(|text| text.contains("complete to"), "a connected screen");
        screen.settle(Duration::from_secs(3));
        screen
    }

    fn idle(&self) {
        let mut screen = self.screen();
        let length = Duration::from_secs(10);
        let (written, cpu) = screen.idle(length);
        let share = 100.0 * cpu.as_secs_f64() / length.as_secs_f64();
        alone(
            "idle for 10 s: bytes to the terminal",
            &written.to_string(),
            "0",
        );
        alone(
            "idle for 10 s: processor",
            &format!("{share:.2} %"),
            "< 0.5 %",
        );
        let peak = screen.peak() as f64 / 1024.0;
        alone(
            "screen: peak memory",
            &format!("{peak:.1} MiB"),
            "<= 64 MiB",
        );
    }

    /// The list moves while a filter that no index helps runs on the server.
    fn keys_while_busy(&self) {
        let mut screen = self.screen();
        screen.press("f");
        screen.press(&format!(".details.user_name:~{NOBODY}\r"));
        screen.settle(Duration::from_millis(300));
        let mut times = Vec::with_capacity(RUNS);
        for _ in 0..RUNS {
            let pressed = std::time::Instant::now();
            screen.press("?");
            let Some(drawn) = screen.next_bytes() else {
                continue;
            };
            times.push(drawn - pressed);
            screen.press("q");
            screen.settle(Duration::from_millis(30));
        }
        if times.is_empty() {
            alone(
                "key to frame while a query runs",
                "nothing drawn",
                "<= 16 ms",
            );
            return;
        }
        alone(
            "key to frame while a query runs",
            &ms(median(times)),
            "<= 16 ms",
        );
    }
}

/// Both processes from start to end, taking turns, so that both meet the same caches.
fn duel(
    mut ours: impl FnMut() -> Command,
    mut theirs: impl FnMut() -> Command,
) -> (Duration, Duration) {
    let (mut our_times, mut their_times) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        their_times.push(run(&mut theirs()).time);
        our_times.push(run(&mut ours()).time);
    }
    (median(our_times), median(their_times))
}

/// A server that accepts and never answers shows what is drawn before any answer.
fn first_frame() {
    let silent = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = silent.local_addr().expect("an address").port();
    let target = format!("postgres://reader@127.0.0.1:{port}/silent");
    let times = (0..RUNS)
        .map(|_| {
            let mut screen = Screen::start(AUDITAIL, &[&target]);
            let drawn = screen.shows(|text| text.contains("auditail"), "a frame");
            drawn - screen.begun
        })
        .collect();
    let shown = ms(median(times));
    alone("first frame, before the store answers", &shown, "<= 50 ms");
}

/// From nothing to 50,000 events in a store and the newest of them on the screen.
fn demo_start() {
    let mut screen = Screen::start(AUDITAIL, &["demo"]);
    let shown = screen.shows(|text| text.contains("complete to"), "the demo");
    alone(
        "demo: events on the screen",
        &ms(shown - screen.begun),
        "<= 1 s",
    );
}
