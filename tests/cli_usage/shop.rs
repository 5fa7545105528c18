//! A shop's audit log with sessions and durations, the same in every store, and once more in a plain
//! table where SQL counts what the reports must say.

use std::path::Path;

use mongodb::bson::{Bson, DateTime, Document, doc};
use serde_json::Value;

use super::NEW_YEAR;
use crate::harness;
use crate::harness::mongo::{MongoDb, Topology};
use crate::harness::postgres::Db;
use crate::harness::program::{Finished, run};

/// How many events there are: fifty days of them.
const EVENTS: i64 = 400;

const PROFILE: &str = r#"
name = "shop"
[time]
path = "at"
encoding = "instant"
[fields]
actor = "who"
action = "did"
service = "app"
resource = "thing"
session = "session"
status = "said"
duration_ms = "ms"
[[outcome]]
is = "failed"
when = { has = "said" }
[[outcome]]
is = "ok"
when = { has = "did" }
"#;

/// An event of the log; `n` counts from 1.
struct Row {
    n: i64,
    /// Milliseconds since the epoch.
    at: i64,
    who: Option<&'static str>,
    did: &'static str,
    app: &'static str,
    thing: String,
    session: String,
    said: Option<&'static str>,
    ms: Option<f64>,
}

fn row(n: i64) -> Row {
    let pick =
        |of: &[&'static str], turn: i64| of[usize::try_from(turn).expect("small") % of.len()];
    let is_late = n > EVENTS / 2;
    Row {
        n,
        // Every odd event follows an even one by up to ten seconds.
        at: NEW_YEAR + (n / 2) * 6 * 3_600_000 + (n % 2) * (n % 11) * 1_000 + n % 7,
        who: match n * 7 % 10 {
            0 => None,
            // Comes in the second half, or goes after the first.
            1 => Some(if is_late { "new" } else { "old" }),
            turn => Some(pick(&["ann", "ben", "cid"], turn)),
        },
        did: match n % 12 {
            5 if is_late => "import",
            5 => "export",
            turn => pick(&["read", "write", "delete"], turn * turn),
        },
        app: pick(&["web", "web", "api"], n / 2),
        thing: format!("item {}", n % 23),
        session: format!("s{}", n / 20),
        said: match n % 9 {
            1 => Some("timeout"),
            4 => Some(if is_late { "refused" } else { "broken" }),
            _ => None,
        },
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        ms: match n {
            _ if n % 13 == 0 => None,
            // A clock ran backwards.
            _ if n % 17 == 0 => Some(-5.0),
            _ => Some(((n * 7_919) % 5_000) as f64 / 8.0 + 0.125),
        },
    }
}

fn rows() -> impl Iterator<Item = Row> {
    (1..=EVENTS).map(row)
}

/// The log in one store.
pub enum Store {
    Sqlite(String),
    Postgres(Db),
    Mongo(MongoDb),
}

impl Store {
    pub fn target(&self) -> &str {
        match self {
            Self::Sqlite(path) => path,
            Self::Postgres(db) => &db.url,
            Self::Mongo(db) => &db.url,
        }
    }
}

/// The log in every store of this run.
pub struct Shop {
    directory: tempfile::TempDir,
    pub stores: Vec<Store>,
    /// `log (n, at, who, did, app, thing, session, said, ms)`, `at` in milliseconds.
    counted: rusqlite::Connection,
}

impl Shop {
    pub fn open(test: &str) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        std::fs::write(directory.path().join("shop.toml"), PROFILE).expect("a new file");
        let mut stores = Vec::new();
        if harness::wants("sqlite") {
            stores.push(Store::Sqlite(sqlite(directory.path())));
        }
        if let Some(server) = harness::postgres() {
            stores.push(Store::Postgres(postgres(server.database(test))));
        }
        if let Some(server) = harness::mongo(Topology::ReplicaSet) {
            let db = server.database(test);
            let documents = rows().map(document).collect();
            db.insert("audit_log", documents);
            db.command(
                doc! {"createIndexes": "audit_log", "indexes": [{"key": {"at": 1}, "name": "at"}]},
            );
            stores.push(Store::Mongo(db));
        }
        let counted = rusqlite::Connection::open_in_memory().expect("memory");
        insert(&counted, "log", |at| at.to_string());
        Self {
            directory,
            stores,
            counted,
        }
    }

    /// Runs a report on one of the stores.
    pub fn run(&self, store: &Store, rest: &[&str]) -> Finished {
        let profile = self.directory.path().join("shop.toml");
        let profile = profile.to_str().expect("a plain path");
        let arguments = [
            "usage",
            store.target(),
            "--profile",
            profile,
            "--table",
            "audit_log",
        ];
        run(arguments.iter().chain(rest))
    }

    /// The same as JSON.
    pub fn report(&self, store: &Store, rest: &[&str]) -> Value {
        let out = self.run(store, &[rest, &["-o", "json"]].concat()).ok();
        serde_json::from_str(&out).expect("one JSON object")
    }

    /// What SQL says: rows of numbers, texts and nulls.
    pub fn sql(&self, sql: &str) -> Vec<Vec<Value>> {
        let mut statement = self.counted.prepare(sql).expect(sql);
        let columns = statement.column_count();
        let value = |value| match value {
            rusqlite::types::Value::Integer(number) => Value::from(number),
            rusqlite::types::Value::Real(number) => Value::from(number),
            rusqlite::types::Value::Text(text) => Value::from(text),
            _ => Value::Null,
        };
        let rows = statement.query_map([], |row| {
            (0..columns).map(|at| row.get(at).map(value)).collect()
        });
        let rows: Result<_, _> = rows.expect(sql).collect();
        rows.expect(sql)
    }

    /// The one number that SQL says.
    pub fn number(&self, sql: &str) -> f64 {
        self.sql(sql)[0][0].as_f64().expect("a number")
    }
}

/// The instant of a row for SQL: milliseconds since the epoch.
pub fn ms(rfc3339: &str) -> i64 {
    chrono::DateTime::parse_from_rfc3339(rfc3339)
        .expect(rfc3339)
        .timestamp_millis()
}

fn iso(at: i64) -> String {
    let at = chrono::DateTime::from_timestamp_millis(at).expect("an instant");
    format!("'{}'", at.format("%Y-%m-%dT%H:%M:%S%.3f+00:00"))
}

fn values(at: impl Fn(i64) -> String) -> String {
    let text = |text: Option<&str>| text.map_or("null".to_owned(), |text| format!("'{text}'"));
    let row = |row: Row| {
        format!(
            "({}, {}, {}, '{}', '{}', '{}', '{}', {}, {})",
            row.n,
            at(row.at),
            text(row.who),
            row.did,
            row.app,
            row.thing,
            row.session,
            text(row.said),
            row.ms.map_or("null".to_owned(), |ms| ms.to_string()),
        )
    };
    rows().map(row).collect::<Vec<_>>().join(",\n")
}

fn columns(at: &str) -> String {
    format!(
        "n integer primary key, at {at}, who text, did text, app text, thing text, session text, \
         said text, ms double precision"
    )
}

fn insert(connection: &rusqlite::Connection, table: &str, at: impl Fn(i64) -> String) {
    let kind = if table == "log" {
        "integer"
    } else {
        "timestamptz"
    };
    let sql = format!(
        "create table {table} ({}); create index {table}_at on {table} (at); insert into {table} values {};",
        columns(kind),
        values(at)
    );
    connection.execute_batch(&sql).expect("SQL");
}

fn sqlite(directory: &Path) -> String {
    let path = directory.join("shop.sqlite");
    let connection = rusqlite::Connection::open(&path).expect("a new file");
    insert(&connection, "audit_log", iso);
    path.to_str().expect("a plain path").to_owned()
}

fn postgres(db: Db) -> Db {
    db.sql(&format!(
        "create table audit_log ({}); create index on audit_log (at); \
         insert into audit_log values {}; analyze;",
        columns("timestamptz"),
        values(iso)
    ));
    db
}

fn document(row: Row) -> Document {
    let text = |text: Option<&str>| text.map_or(Bson::Null, Bson::from);
    doc! {
        "_id": row.n, "at": DateTime::from_millis(row.at), "who": text(row.who), "did": row.did,
        "app": row.app, "thing": row.thing, "session": row.session, "said": text(row.said),
        "ms": row.ms,
    }
}
