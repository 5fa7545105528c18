//! One audit log as three products would write it, in every store, and once more in a plain table
//! where SQL counts what the reports must say.

use std::path::Path;

use mongodb::bson::{Bson, DateTime, Document, doc};
use serde_json::{Value, json};

use super::NEW_YEAR;
use crate::harness;
use crate::harness::mongo::{MongoDb, Topology};
use crate::harness::postgres::Db;
use crate::harness::program::{Finished, run};

/// How many events there are: fifty days of them.
const EVENTS: i64 = 400;

/// The range of the reports, eleven days in the middle, in milliseconds for SQL.
pub const RANGE: [&str; 4] = ["--since", "2026-01-26", "--until", "2026-02-05"];
pub const SINCE: i64 = NEW_YEAR + 25 * DAY;
pub const UNTIL: i64 = NEW_YEAR + 36 * DAY;
pub const DAY: i64 = 86_400_000;

/// For [`Shape::Own`].
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
[calls]
inputs = ["thing"]
[[outcome]]
is = "failed"
when = { has = "said" }
[[outcome]]
is = "ok"
when = { has = "did" }
"#;

/// As whom the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// With sessions and durations.
    Own,
    Clutch,
    Dronahq,
}

/// An event of the log; `n` counts from 1.
#[derive(Clone)]
struct Row {
    n: i64,
    /// Milliseconds since the epoch.
    at: i64,
    who: Option<&'static str>,
    did: &'static str,
    app: &'static str,
    thing: String,
    session: Option<String>,
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
        at: NEW_YEAR + (n / 2) * DAY / 4 + (n % 2) * (n % 11) * 1_000 + n % 7,
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
        session: Some(format!("s{}", n / 20)),
        said: match n % 9 {
            1 => Some("TIMEOUT"),
            4 => Some(if is_late { "REFUSED" } else { "BROKEN" }),
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
    shape: Shape,
    directory: tempfile::TempDir,
    pub stores: Vec<Store>,
    /// `log (n, at, who, did, app, thing, session, said, ms)`, `at` in milliseconds; `said` is null
    /// when nothing failed.
    counted: rusqlite::Connection,
}

impl Shop {
    /// Runs a check on the log in every shape and every store.
    pub fn everywhere(test: &str, check: impl Fn(&Self, &Store)) {
        for shape in [Shape::Own, Shape::Clutch, Shape::Dronahq] {
            let shop = Self::open(test, shape);
            for store in &shop.stores {
                check(&shop, store);
            }
        }
    }

    pub fn open(test: &str, shape: Shape) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        std::fs::write(directory.path().join("shop.toml"), PROFILE).expect("a new file");
        let rows: Vec<Row> = (1..=EVENTS).map(row).collect();
        let mut stores = Vec::new();
        if harness::wants("sqlite") {
            stores.push(Store::Sqlite(shape.sqlite(&rows, directory.path())));
        }
        if let Some(server) = harness::postgres() {
            let db = server.database(test);
            db.sql(&shape.script(&rows, "jsonb"));
            db.sql("analyze");
            stores.push(Store::Postgres(db));
        }
        if let Some(server) = harness::mongo(Topology::ReplicaSet) {
            let db = server.database(test);
            db.insert(
                "audit_log",
                rows.iter().map(|row| shape.document(row)).collect(),
            );
            let index = doc! {"key": {shape.time(): 1}, "name": "time"};
            db.command(doc! {"createIndexes": "audit_log", "indexes": [index]});
            stores.push(Store::Mongo(db));
        }
        let counted = rusqlite::Connection::open_in_memory().expect("memory");
        let seen: Vec<String> = rows.iter().map(|row| shape.seen(row)).collect();
        let sql = format!(
            "create table log (n, at, who, did, app, thing, session, said, ms); insert into log values {};",
            seen.join(",")
        );
        counted.execute_batch(&sql).expect("SQL");
        Self {
            shape,
            directory,
            stores,
            counted,
        }
    }

    /// Adds to the profile of [`Shape::Own`].
    pub fn knows(&self, more: &str) {
        let own = self.directory.path().join("shop.toml");
        std::fs::write(own, format!("{PROFILE}{more}")).expect("written");
    }

    /// Runs a report on one of the stores.
    pub fn run(&self, store: &Store, rest: &[&str]) -> Finished {
        let own = self.directory.path().join("shop.toml");
        let profile = match self.shape {
            Shape::Own => own.to_str().expect("a plain path"),
            Shape::Clutch => "clutch",
            Shape::Dronahq => "dronahq",
        };
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
    pub fn sql(&self, sql: &str) -> Vec<Value> {
        let mut statement = self.counted.prepare(sql).expect(sql);
        let columns = statement.column_count();
        let value = |value| match value {
            rusqlite::types::Value::Integer(number) => Value::from(number),
            rusqlite::types::Value::Real(number) => Value::from(number),
            rusqlite::types::Value::Text(text) => Value::from(text),
            _ => Value::Null,
        };
        let rows = statement.query_map([], |row| {
            let row: Result<Vec<Value>, _> =
                (0..columns).map(|at| row.get(at).map(value)).collect();
            row.map(Value::Array)
        });
        let rows: Result<_, _> = rows.expect(sql).collect();
        rows.expect(sql)
    }
}

/// Whether a report says of these keys what SQL says, of all rows there are.
pub fn agrees(found: &Value, keys: &[&str], expected: &[Value], of: &str) {
    assert_eq!(picked(&found["rows"], keys), expected, "{of}");
    assert_eq!(found["total"], expected.len(), "{of}");
}

/// The rows of a report as SQL would have them: these keys of each.
pub fn picked(rows: &Value, keys: &[&str]) -> Vec<Value> {
    let rows = rows.as_array().expect("rows");
    let pick = |row: &Value| keys.iter().map(|key| row[*key].clone()).collect();
    rows.iter().map(pick).collect()
}

fn iso(at: i64) -> String {
    let at = chrono::DateTime::from_timestamp_millis(at).expect("an instant");
    at.format("%Y-%m-%dT%H:%M:%S%.3f+00:00").to_string()
}

fn quoted(text: Option<&str>) -> String {
    text.map_or("null".to_owned(), |text| {
        format!("'{}'", text.replace('\'', "''"))
    })
}

impl Shape {
    /// What the reports can know of a row, for SQL.
    fn seen(self, row: &Row) -> String {
        let mut row = row.clone();
        if self != Self::Own {
            (row.session, row.ms) = (None, None);
        }
        if self == Self::Dronahq {
            row.said = row.said.map(|_| "error");
        }
        let ms = row.ms.map_or("null".to_owned(), |ms| ms.to_string());
        format!(
            "({}, {}, {}, '{}', '{}', '{}', {}, {}, {ms})",
            row.n,
            row.at,
            quoted(row.who),
            row.did,
            row.app,
            row.thing,
            quoted(row.session.as_deref()),
            quoted(row.said),
        )
    }

    /// The row as this product writes it.
    fn json(self, row: &Row) -> Value {
        match self {
            Self::Own => json!(null),
            Self::Clutch => {
                let code = match row.said {
                    None => json!({"code": 0}),
                    // Codes that the profile does not name are their own names.
                    Some(said) => json!({"code": said}),
                };
                let mut details = json!({
                    "service_name": row.app, "method_name": row.did, "status": code,
                    "request_resources": [{"id": row.thing}],
                    "request_body": {"name": row.thing, "n": row.n},
                    "response_body": {"done": row.said.is_none()},
                });
                if let Some(who) = row.who {
                    details["user_name"] = who.into();
                }
                details
            }
            Self::Dronahq => {
                let mut meta = json!({
                    "event-id": row.did, "parent-name": row.app, "resource-name": row.thing, "time": row.at,
                });
                if let Some(who) = row.who {
                    meta["user-email"] = who.into();
                }
                meta
            }
        }
    }

    fn level(row: &Row) -> &'static str {
        row.said.map_or("info", |_| "error")
    }

    /// Where the time is in a document.
    fn time(self) -> &'static str {
        match self {
            Self::Own => "at",
            Self::Clutch => "occurred_at",
            Self::Dronahq => "meta.time",
        }
    }

    fn script(self, rows: &[Row], document: &str) -> String {
        let (columns, time) = match self {
            Self::Own => (
                "n integer primary key, at timestamptz, who text, did text, app text, thing text, \
                 session text, said text, ms double precision"
                    .to_owned(),
                "at",
            ),
            Self::Clutch => (
                format!(
                    "id integer primary key, occurred_at timestamptz, details {document}, sent boolean"
                ),
                "occurred_at",
            ),
            Self::Dronahq => (
                format!(
                    "id integer primary key, level text, message text, meta {document}, timestamp timestamptz"
                ),
                "timestamp",
            ),
        };
        let value = |row: &Row| {
            let at = iso(row.at);
            let json = quoted(Some(&self.json(row).to_string()));
            match self {
                Self::Own => {
                    self.seen(row)
                        .replacen(&format!(" {},", row.at), &format!(" '{at}',"), 1)
                }
                Self::Clutch => format!("({}, '{at}', {json}, true)", row.n),
                Self::Dronahq => {
                    format!("({}, '{}', 'm', {json}, '{at}')", row.n, Self::level(row))
                }
            }
        };
        let values: Vec<String> = rows.iter().map(value).collect();
        format!(
            "create table audit_log ({columns}); create index audit_time on audit_log ({time}); \
             insert into audit_log values {};",
            values.join(",\n")
        )
    }

    fn sqlite(self, rows: &[Row], directory: &Path) -> String {
        let path = directory.join("shop.sqlite");
        let connection = rusqlite::Connection::open(&path).expect("a new file");
        connection
            .execute_batch(&self.script(rows, "json"))
            .expect("SQL");
        path.to_str().expect("a plain path").to_owned()
    }

    fn document(self, row: &Row) -> Document {
        let text = |text: Option<&str>| text.map_or(Bson::Null, Bson::from);
        let at = DateTime::from_millis(row.at);
        let json = mongodb::bson::serialize_to_bson(&self.json(row)).expect("JSON");
        match self {
            Self::Own => doc! {
                "_id": row.n, "at": at, "who": text(row.who), "did": row.did, "app": row.app,
                "thing": &row.thing, "session": row.session.as_deref(), "said": text(row.said),
                "ms": row.ms,
            },
            Self::Clutch => {
                doc! {"_id": row.n, "id": row.n, "occurred_at": at, "details": json, "sent": true}
            }
            Self::Dronahq => {
                doc! {"_id": row.n.to_string(), "level": Self::level(row), "message": "m", "meta": json}
            }
        }
    }
}
