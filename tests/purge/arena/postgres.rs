//! The arena on a real PostgreSQL.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

use tokio::runtime::Runtime;
use tokio_postgres::types::ToSql;

use super::{Arena, Hand, Rival, segments};
use crate::harness::detour::Detour;
use crate::harness::postgres::Db;
use crate::harness::{self, Postgres};

/// A table, made anew for every purge.
pub struct Table {
    pub db: Arc<Db>,
    /// Where the archive is restored; another table beside the first would be in its way.
    beside: Db,
    archive: tempfile::TempDir,
    /// Rows before the cutoff and after it.
    rows: (i64, i64),
    url: String,
}

const TABLE: &str = "CREATE TABLE audit_events (id bigint PRIMARY KEY, occurred_at timestamptz,
    details jsonb, sent boolean DEFAULT false);";

impl Table {
    /// `None` when this run is not about PostgreSQL.
    pub fn new(test: &str, rows: (i64, i64)) -> Option<Self> {
        Self::on(harness::postgres()?, test, rows)
    }

    /// The same on another server.
    pub fn on(server: &Postgres, test: &str, rows: (i64, i64)) -> Option<Self> {
        let db = Arc::new(server.database(test));
        let beside = harness::postgres()?.database(&format!("{test}_restored"));
        beside.sql(TABLE);
        let archive = tempfile::tempdir().expect("a directory");
        let table = Self {
            url: db.url.clone(),
            db,
            beside,
            archive,
            rows,
        };
        table.fill();
        Some(table)
    }

    /// A table of the test's own shape, whose rows nobody compares one by one.
    pub fn shaped(server: &Postgres, test: &str, how: &str, schema: &str) -> Option<Self> {
        let db = Arc::new(server.database_with(test, how));
        db.sql(schema);
        let beside = harness::postgres()?.database(&format!("{test}_restored"));
        Some(Self {
            url: db.url.clone(),
            db,
            beside,
            archive: tempfile::tempdir().expect("a directory"),
            rows: (0, 0),
        })
    }

    fn fill(&self) {
        let (old, young) = self.rows;
        self.db.sql(&format!(
            "DROP TABLE IF EXISTS audit_events; {TABLE}
             CREATE INDEX sort_audit_events ON audit_events (occurred_at);
             INSERT INTO audit_events SELECT id,
                 CASE WHEN id <= {old} THEN timestamptz '2026-01-02' + id * interval '50 min'
                      ELSE timestamptz '2026-07-01' + id * interval '1 min' END,
                 jsonb_build_object('user_name', 'alice', 'service_name', 'k8s', 'n', id), true
             FROM generate_series(1, {old} + {young}) id"
        ));
    }

    /// From now on the program comes another way.
    pub fn come_by(&mut self, detour: &Detour) {
        let port = format!(":{}/", detour.port);
        let (host, name) = self.db.url.rsplit_once('/').expect("a URL");
        let (host, _) = host.rsplit_once(':').expect("a port");
        self.url = format!("{host}{port}{name}");
    }

    /// The same table on a server that took over, with another place for an archive.
    pub fn moved_to(&self, server: &Postgres) -> Self {
        let db = Arc::new(server.found(&self.db.name));
        let beside = harness::postgres().expect("it was there before");
        let beside = beside.database("restored_elsewhere");
        beside.sql(TABLE);
        Self {
            url: db.url.clone(),
            db,
            beside,
            archive: tempfile::tempdir().expect("a directory"),
            rows: self.rows,
        }
    }

    /// Another place for an archive.
    pub fn elsewhere(&mut self) {
        self.archive = tempfile::tempdir().expect("a directory");
    }

    /// From now on the program comes as somebody else, or with other options.
    pub fn come_as(&mut self, url: String) {
        self.url = url;
    }
}

/// The details of a database's rows, by id.
fn details(db: &Db) -> BTreeMap<i64, String> {
    let rows = db.rows("SELECT id, details::text FROM audit_events ORDER BY id");
    let pairs = rows.iter().map(|row| {
        let (id, details) = row.split_once('|').expect("two columns");
        (id.parse().expect("a number"), details.to_owned())
    });
    pairs.collect()
}

impl Arena for Table {
    fn target(&self) -> String {
        self.url.clone()
    }

    fn archive(&self) -> PathBuf {
        self.archive.path().join("archive")
    }

    fn rows(&self) -> BTreeMap<i64, String> {
        details(&self.db)
    }

    fn archived(&self) -> BTreeMap<i64, String> {
        let columns = "(id, occurred_at, details, sent)";
        self.beside.sql("TRUNCATE audit_events");
        for copy in segments(&self.archive(), ".copy.zst") {
            let postgres = harness::postgres().expect("it was there before");
            let mut psql = Command::new(postgres.bin().join("psql"))
                .args(["-qX", "-v", "ON_ERROR_STOP=1", &self.beside.url, "-c"])
                .arg(format!("\\copy audit_events {columns} from pstdin"))
                .stdin(Stdio::piped())
                .spawn()
                .expect("psql starts");
            let mut stdin = psql.stdin.take().expect("piped");
            stdin.write_all(copy.as_bytes()).expect("psql reads");
            drop(stdin);
            assert!(psql.wait().expect("ours").success());
        }
        details(&self.beside)
    }

    fn rival(&self) -> Box<dyn Rival> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let client = runtime.block_on(self.db.client());
        Box::new(Writer { runtime, client })
    }

    fn hand(&self) -> Hand {
        let db = Arc::clone(&self.db);
        Arc::new(move |sql| {
            db.sql(sql);
        })
    }

    fn is_version(&self) -> fn(i64, &str) -> String {
        |id, version| format!("(id = {id} AND xmin::text = '{version}')")
    }

    fn again(&mut self) {
        self.fill();
        self.archive = tempfile::tempdir().expect("a directory");
    }
}

/// A connection of its own.
struct Writer {
    runtime: Runtime,
    client: tokio_postgres::Client,
}

impl Writer {
    fn one(&self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Option<String> {
        let row = self.runtime.block_on(self.client.query_opt(sql, values));
        row.expect("it is written").map(|row| row.get(0))
    }
}

impl Rival for Writer {
    fn insert(&mut self, id: i64, details: &str) -> Option<String> {
        let sql = "INSERT INTO audit_events VALUES ($1, '2026-01-02', $2::text::jsonb, true)
                   ON CONFLICT DO NOTHING RETURNING details::text";
        self.one(sql, &[&id, &details])
    }

    fn update(&mut self, id: i64, details: &str) -> Option<String> {
        let sql = "UPDATE audit_events SET details = $2::text::jsonb WHERE id = $1
                   RETURNING details::text";
        self.one(sql, &[&id, &details])
    }

    fn delete(&mut self, id: i64) -> bool {
        let sql = "DELETE FROM audit_events WHERE id = $1 RETURNING id::text";
        self.one(sql, &[&id]).is_some()
    }
}
