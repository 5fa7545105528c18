//! PostgreSQL: the purge against `\copy | zstd` and DELETE, and what it does to somebody who writes.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::measure::{against, alone, run};
use crate::postgres::{Db, PASSWORD, Postgres};
use crate::rounds::{self, Pair, Round, Wanted};
use crate::steps::Purge;
use crate::writer::{Latencies, Writer};

const WANTED: Wanted = Wanted {
    dump: "psql \\copy | zstd -1",
    backup: ">= 0.8",
    verify: ">= 1.0",
    delete: [">= 0.4", ">= 0.15"],
    whole: "<= 2.5",
};

/// How long somebody writes, undisturbed or beside a purge that takes its time.
const WRITING: Duration = Duration::from_secs(20);

const COUNT: &str = "\"$PSQL\" -XAt -d \"$URL\" -c 'select count(*) from audit_events'";

/// Clutch's table, of which many copies are made.
struct Server {
    postgres: Postgres,
    base: Db,
    before: String,
    rows: u64,
}

/// A copy of the table's database.
struct Trial<'s> {
    server: &'s Server,
    name: String,
    url: String,
}

pub fn measure(rows: u64) {
    let server = Server::start(rows);
    let directory = tempfile::tempdir().expect("a temporary directory");
    rounds::play("PostgreSQL", rows, &WANTED, |round| {
        let pair = server.copy(&format!("plain{round}")).pair(directory.path());
        let copy = server.copy(&format!("exact{round}"));
        let name = format!("archive{round}");
        let purge = Purge::plan(&copy.url, &server.before, directory.path(), &name);
        let one = Round::of(pair, &purge, rows);
        drop(copy);
        let copy = server.copy(&format!("two{round}"));
        let name = format!("archive{round}two");
        let purge = Purge::plan(&copy.url, &server.before, directory.path(), &name);
        one.and_two(&purge, rows)
    });
    server.writers(directory.path());
}

impl Server {
    fn start(rows: u64) -> Self {
        let postgres = Postgres::start_new();
        let base = postgres.database("purge");
        let events = (rows + rows / 10).to_string();
        let mut demo = Command::new(env!("CARGO_BIN_EXE_auditail"));
        demo.env_clear()
            .args(["demo", "--events", &events, "--into", &base.url]);
        run(&mut demo);
        // Whole microseconds: rows of one instant go or stay together.
        let before = base.sql(&format!(
            "select to_char(occurred_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') \
             from audit_events order by occurred_at offset {rows} limit 1"
        ));
        base.sql("vacuum (freeze, analyze) audit_events; checkpoint");
        let before = before.trim().to_owned();
        let rows = base.sql(&format!(
            "select count(*) from audit_events where occurred_at < '{before}'"
        ));
        Self {
            rows: rows.trim().parse().expect("a number"),
            postgres,
            base,
            before,
        }
    }

    fn copy(&self, name: &str) -> Trial<'_> {
        let template = &self.base.name;
        self.base
            .sql(&format!("create database {name} template \"{template}\""));
        self.base.sql("checkpoint");
        Trial {
            server: self,
            url: self.postgres.url("postgres", PASSWORD, name),
            name: name.to_owned(),
        }
    }

    fn psql(&self, url: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.env_clear().env("PATH", "/usr/bin:/bin");
        command.env("PSQL", self.postgres.bin().join("psql"));
        command.env("URL", url);
        command
    }

    /// Somebody writes while nothing else happens, and while rows are deleted in three ways.
    fn writers(&self, directory: &Path) {
        let paced = self.copy("paced");
        let purge = Purge::plan(&paced.url, &self.before, directory, "paced");
        purge.back_up();
        purge.verify();
        let (before, mut with_pace) = (paced.rows(), None);
        let idle = Writer::during(&paced.url, WRITING);
        purge.delete_gently(self.rows, || {
            with_pace = Some(Writer::during(&paced.url, WRITING));
        });
        let idle = idle.and(Writer::during(&paced.url, WRITING));
        let with_pace = with_pace.expect("somebody wrote");
        let written = (idle.count() + with_pace.count()) as u64;
        let gone = before + written - paced.rows();
        let fast = self.copy("fast");
        let purge = Purge::plan(&fast.url, &self.before, directory, "fast");
        purge.back_up();
        purge.verify();
        let writer = Writer::start(&fast.url);
        purge.delete(self.rows, "1");
        let without = writer.end();
        let plain = self.copy("plain");
        let writer = Writer::start(&plain.url);
        plain.delete();
        let by_plain = writer.end();
        let name = "PostgreSQL: a writer's p99, purge paced as it is by default";
        let (one, other) = (with_pace.p99(), idle.p99());
        let change = one.as_secs_f64() / other.as_secs_f64();
        against(name, &shown(&with_pace), &shown(&idle), change, "<= 1.10");
        let rate = gone as f64 / WRITING.as_secs_f64();
        alone(
            "  rows that purge deletes",
            &format!("{rate:.0} rows/s"),
            "reported",
        );
        for (name, found) in [
            ("  purge without a pace", without),
            ("  plain DELETE", by_plain),
        ] {
            let change = found.p99().as_secs_f64() / other.as_secs_f64();
            against(name, &shown(&found), &shown(&idle), change, "reported");
        }
    }
}

/// The 99th percentile and the most.
fn shown(found: &Latencies) -> String {
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    format!("{:.1}, max {:.0} ms", ms(found.p99()), ms(found.most()))
}

impl Trial<'_> {
    /// `\copy` through `zstd`, then one DELETE.
    fn pair(&self, directory: &Path) -> Pair {
        let before = &self.server.before;
        let begun = Instant::now();
        let mut dump = self.server.psql(&self.url);
        dump.env("DUMP", directory.join("dump.zst"));
        dump.env(
            "COPY",
            format!(
                "\\copy (select id, occurred_at, details, sent from audit_events \
                 where occurred_at < '{before}' order by occurred_at, id) to stdout"
            ),
        );
        run(dump.args([
            "-c",
            "\"$PSQL\" -X -d \"$URL\" -c \"$COPY\" | zstd -1 -q -f -o \"$DUMP\"",
        ]));
        let dump = begun.elapsed();
        let begun = Instant::now();
        self.delete();
        Pair {
            dump,
            delete: begun.elapsed(),
        }
    }

    fn rows(&self) -> u64 {
        let rows = self.server.psql(&self.url).args(["-c", COUNT]).output();
        let rows = String::from_utf8(rows.expect("psql starts").stdout).expect("text");
        rows.trim().parse().expect("a number")
    }

    fn delete(&self) {
        let before = &self.server.before;
        let mut delete = self.server.psql(&self.url);
        let statement = format!("delete from audit_events where occurred_at < '{before}'");
        delete.env("DELETE", statement);
        run(delete.args(["-c", "\"$PSQL\" -X -d \"$URL\" -c \"$DELETE\""]));
    }
}

impl Drop for Trial<'_> {
    fn drop(&mut self) {
        let name = &self.name;
        self.server
            .base
            .sql(&format!("drop database {name} with (force)"));
    }
}
