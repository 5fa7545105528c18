//! A small Clutch table with all its traps, the same in every store.

use std::path::PathBuf;

use super::postgres::Db;

/// How many rows have a time; row `n` has id `n` and was written `n` minutes into 2026.
pub const DATED: usize = 240;
/// Id of the row whose time is NULL.
pub const TIMELESS: usize = DATED + 1;
/// Id of a row whose user's name would clear the screen, ring, and hide what follows.
pub const WILD: usize = 17;

const SCHEMA: &str = "
create table audit_events (
    id bigserial primary key, occurred_at timestamptz, details jsonb, sent boolean default false);
create index sort_audit_events on audit_events (occurred_at);
create index audit_events_json on audit_events using gin (details jsonb_path_ops);
";

const SQLITE_SCHEMA: &str = "
create table audit_events (
    id integer primary key, occurred_at timestamptz, details json, sent boolean default false);
create index sort_audit_events on audit_events (occurred_at);
";

const USERS: [&str; 4] = ["alice", "bob", "ci-bot", "UNKNOWN"];
const METHODS: [(&str, &str); 5] = [
    ("DescribePod", "READ"),
    ("DeletePod", "DELETE"),
    ("ResizeHPA", "UPDATE"),
    ("DescribeInstance", "READ"),
    ("TerminateInstance", "DELETE"),
];

/// A store with the table.
pub enum Clutch {
    /// In the shared cluster.
    Postgres(Db),
    /// In a file.
    Sqlite {
        /// Removed with the value.
        _directory: tempfile::TempDir,
        /// The file.
        path: PathBuf,
    },
}

impl Clutch {
    /// The table in every store this run is about.
    pub fn everywhere(test: &str) -> Vec<Self> {
        let mut stores = Vec::from_iter(super::wants("sqlite").then(Self::sqlite));
        stores.extend(super::postgres().map(|postgres| {
            let db = postgres.database(test);
            db.sql(&format!("{SCHEMA}{}analyze;", rows()));
            Self::Postgres(db)
        }));
        stores
    }

    fn sqlite() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("audit.sqlite");
        let connection = rusqlite::Connection::open(&path).expect("a new file");
        connection
            .execute_batch(&format!("{SQLITE_SCHEMA}begin;{}commit;", rows()))
            .expect("the fixture is SQL");
        Self::Sqlite {
            _directory: directory,
            path,
        }
    }

    /// What to call it on the command line.
    pub fn target(&self) -> &str {
        match self {
            Self::Postgres(db) => &db.url,
            Self::Sqlite { path, .. } => path.to_str().expect("a plain path"),
        }
    }

    /// Changes the table.
    pub fn sql(&self, sql: &str) {
        match self {
            Self::Postgres(db) => {
                db.sql(sql);
            }
            Self::Sqlite { path, .. } => rusqlite::Connection::open(path)
                .and_then(|connection| connection.execute_batch(sql))
                .expect(sql),
        }
    }
}

/// The `details` of row `n`.
pub fn details(n: usize) -> serde_json::Value {
    let (method, kind) = METHODS[n % METHODS.len()];
    let user = if n == WILD {
        "\u{1b}[2Jwild\u{7}\u{202e}"
    } else {
        USERS[n % USERS.len()]
    };
    let mut details = serde_json::json!({
        "user_name": user,
        "service_name": "clutch.k8s.v1.K8sAPI",
        "method_name": method,
        "type": kind,
        "status": {"code": 0},
        "request_resources": [{"type_url": "clutch.k8s.v1.Pod", "id": format!("prod/api/pod-{n}")}],
        "request_body": {"cluster": "prod", "name": format!("pod-{n}")},
        "response_body": {},
    });
    match n % 7 {
        0 => details["status"] = serde_json::json!({"code": 7, "message": "permission denied"}),
        3 => details["status"] = serde_json::json!({"code": 13, "message": "it's broken"}),
        5 => {
            details
                .as_object_mut()
                .expect("an object")
                .shift_remove("response_body");
        }
        _ => {}
    }
    details
}

fn rows() -> String {
    let mut rows: Vec<String> = (1..=DATED)
        .map(|n| {
            let (hour, minute) = (n / 60, n % 60);
            let at = format!("2026-01-01T{hour:02}:{minute:02}:00.000123+00:00");
            row(n, &format!("'{at}'"))
        })
        .collect();
    rows.push(row(TIMELESS, "null"));
    format!(
        "insert into audit_events (id, occurred_at, details, sent) values {};",
        rows.join(",\n")
    )
}

fn row(n: usize, at: &str) -> String {
    let details = details(n).to_string().replace('\'', "''");
    format!("({n}, {at}, '{details}', true)")
}
