//! Rows that audit stores really hold and nobody expects: nulls, values of the wrong type, arrays in
//! arrays, numbers no float holds, keys that need quotes, times that are none.

pub mod documents;
mod typed;
mod winston;

use fastrand::Rng;
use mongodb::bson::Bson;

/// What a store takes its rows as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    Postgres,
    Sqlite,
    Mongo,
}

/// The shapes of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Clutch's own.
    Clutch,
    /// One that no profile knows: a column of every type, a key of two columns.
    Typed,
    /// DronaHQ's log through winston, with every type that only BSON has.
    Winston,
}

/// What a column holds in one row, before it is written as one store takes it.
#[derive(Clone, Debug)]
pub enum Cell {
    /// Nothing.
    Null,
    /// Text; an instant of the table's own time column, too.
    Text(String),
    /// The digits of a number, or a boolean.
    Plain(String),
    /// An instant as ISO 8601 text, or an infinity.
    Time(String),
    /// JSON, or what claims to be.
    Json(String),
    /// What only one dialect of SQL can say.
    Sql(String),
    /// What only BSON has.
    Bson(Bson),
}

const TEXTS: &[&str] = &[
    "alice",
    "alice",
    "Alice",
    "ALICE",
    "bob",
    "bob",
    "ci-bot",
    "",
    "7",
    "7.0",
    "10",
    "9",
    "1e1",
    "-0",
    "true",
    "false",
    "null",
    "a*b",
    "100%",
    "a_b",
    "ünïcode",
    "日本語",
    "é",
    "e\u{301}",
    "say \"hi\"",
    "back\\slash",
    "line\nbreak",
    "it's",
    "permission denied",
    "Permission Denied",
    "prod/api/pod-1",
    "prod/api/pod-10",
    "alice@example.com",
    " lead",
    "trail ",
    "\u{1b}[2J",
    "\u{7f}",
    "😀",
    "Straße",
    "İ",
    "[1]",
    "{}",
    "DescribePod",
    "DeletePod",
    "2026-01-02T03:04:05Z",
    "~",
    "\u{ffff}",
    "$.a",
    "a.b",
];

const NUMBERS: &[&str] = &[
    "0",
    "7",
    "7",
    "7.0",
    "9",
    "10",
    "-1",
    "1e1",
    "0.1",
    "9007199254740993",
    "9007199254740992",
    "123456789012345678901234567890",
    "-0",
    "1.50",
    "1E2",
    "100",
    "2.5e-3",
    "0.30000000000000004",
    "0.3",
    "1e25",
    "-12.5",
    "1000000000000000000000.5",
    "1e130",
    "1e-30",
    "-9223372036854775808",
    "9223372036854775807",
];

const METHODS: &[&str] = &[
    "DescribePod",
    "DeletePod",
    "ResizeHPA",
    "describePod",
    "Describe*",
];

fn pick<'a>(rng: &mut Rng, from: &[&'a str]) -> &'a str {
    from[rng.usize(..from.len())]
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("text is JSON")
}

fn scalar(rng: &mut Rng) -> String {
    match rng.u8(..100) {
        0..=44 => quoted(pick(rng, TEXTS)),
        45..=74 => pick(rng, NUMBERS).to_owned(),
        75..=86 => rng.bool().to_string(),
        _ => "null".to_owned(),
    }
}

fn list(rng: &mut Rng, depth: u8) -> String {
    let items: Vec<_> = (0..rng.usize(..4)).map(|_| value(rng, depth)).collect();
    format!("[{}]", items.join(","))
}

fn value(rng: &mut Rng, depth: u8) -> String {
    match rng.u8(..100) {
        _ if depth == 0 => scalar(rng),
        0..=64 => scalar(rng),
        65..=84 => list(rng, depth - 1),
        85..=89 => "{}".to_owned(),
        _ => {
            let keys = ["id", "a", "code", "b c"];
            let members: Vec<_> = (0..rng.usize(1..3))
                .map(|nth| {
                    format!(
                        "{}:{}",
                        quoted(keys[nth + rng.usize(..2)]),
                        value(rng, depth - 1)
                    )
                })
                .collect();
            // The same key twice is JSON, too; the last one counts.
            format!("{{{}}}", members.join(","))
        }
    }
}

/// Mostly what is usual there, now and then anything, now and then nothing.
fn member(rng: &mut Rng, key: &str, usual: String, omitted: u8) -> Option<String> {
    let value = match rng.u8(..100) {
        n if n < omitted => return None,
        90.. => value(rng, 2),
        _ => usual,
    };
    Some(format!("{}:{value}", quoted(key)))
}

fn resources(rng: &mut Rng) -> String {
    let items: Vec<_> = (0..rng.usize(..4))
        .map(|_| {
            let id = if rng.u8(..8) == 0 {
                scalar(rng)
            } else {
                quoted(pick(rng, TEXTS))
            };
            format!(
                "{{\"type_url\":\"clutch.k8s.v1.{}\",\"id\":{id}}}",
                pick(rng, &["Pod", "HPA"])
            )
        })
        .collect();
    format!("[{}]", items.join(","))
}

fn status(rng: &mut Rng) -> String {
    let code = pick(
        rng,
        &[
            "0", "0", "0", "7", "16", "13", "7.0", "\"7\"", "null", "[7]", "99", "true",
        ],
    );
    match rng.u8(..4) {
        0 => format!(
            "{{\"code\":{code},\"message\":{}}}",
            quoted(pick(rng, TEXTS))
        ),
        1 => "{}".to_owned(),
        _ => format!("{{\"code\":{code}}}"),
    }
}

/// A `details` as Clutch writes them, with surprises; `None` is SQL NULL.
fn details(rng: &mut Rng) -> Option<String> {
    match rng.u8(..100) {
        0..=2 => return None,
        3..=4 => return Some("null".to_owned()),
        5..=6 => return Some(scalar(rng)),
        7..=9 => return Some(format!("[{{\"user_name\":\"alice\"}},{}]", value(rng, 2))),
        _ => {}
    }
    let user = quoted(pick(rng, &TEXTS[..6]));
    let method = quoted(pick(rng, METHODS));
    let kind = quoted(pick(rng, &["READ", "DELETE", "UPDATE"]));
    let body = format!(
        "{{\"cluster\":{},\"namespace\":{},\"n\":{{\"deep\":{}}}}}",
        quoted(pick(rng, &["prod", "staging", "Prod"])),
        scalar(rng),
        list(rng, 2)
    );
    let (status, requested, answered) = (status(rng), resources(rng), resources(rng));
    let mut members = Vec::from_iter([
        member(rng, "user_name", user, 8),
        member(
            rng,
            "service_name",
            "\"clutch.k8s.v1.K8sAPI\"".to_owned(),
            10,
        ),
        member(rng, "method_name", method, 8),
        member(rng, "type", kind, 8),
        member(rng, "status", status, 15),
        member(rng, "request_resources", requested, 20),
        member(rng, "response_resources", answered, 40),
        member(rng, "request_body", body, 15),
        member(rng, "response_body", "{}".to_owned(), 30),
    ]);
    for odd in [
        "user-email x",
        "k.ey",
        "a\"b",
        "",
        "日本",
        "0",
        "n",
        "mix",
        "$ref",
        "it's",
        "b\\c",
    ] {
        if rng.u8(..3) == 0 {
            let usual = if odd == "n" {
                pick(rng, NUMBERS).to_owned()
            } else {
                value(rng, 2)
            };
            members.push(Some(format!("{}:{usual}", quoted(odd))));
        }
    }
    let members: Vec<_> = members.into_iter().flatten().collect();
    Some(format!("{{{}}}", members.join(",")))
}

/// An instant, the same for several rows now and then, or one of the values that are none.
fn time(rng: &mut Rng) -> Option<String> {
    Some(match rng.u8(..100) {
        0..=4 => return None,
        5..=6 => "infinity".to_owned(),
        7..=8 => "-infinity".to_owned(),
        9 => "1969-12-31T23:59:59.999999+00:00".to_owned(),
        _ => format!(
            "2026-01-{:02}T{:02}:00:00.{:06}+00:00",
            rng.u8(1..20),
            rng.u8(..4) * 6,
            rng.u32(..3)
        ),
    })
}

/// A text as SQL.
fn sql(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

impl Cell {
    fn sql(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Text(text) | Self::Time(text) | Self::Json(text) => sql(text),
            Self::Plain(text) | Self::Sql(text) => text.clone(),
            Self::Bson(value) => unreachable!("no SQL says {value}"),
        }
    }
}

/// The cells of a row of Clutch's.
fn clutch(id: usize, rng: &mut Rng) -> Vec<Cell> {
    let sent = match pick(rng, &["true", "true", "false", "null"]) {
        "null" => Cell::Null,
        word => Cell::Plain(word.to_owned()),
    };
    vec![
        Cell::Plain(id.to_string()),
        time(rng).map_or(Cell::Null, Cell::Time),
        details(rng).map_or(Cell::Null, Cell::Json),
        sent,
    ]
}

/// SQL that makes a table and fills it with `rows` rows.
pub fn table(shape: Shape, dialect: Dialect, rows: usize, rng: &mut Rng) -> String {
    let (schema, name) = match (shape, dialect) {
        (Shape::Clutch, Dialect::Postgres) => (CLUTCH_POSTGRES.to_owned(), "audit_events"),
        (Shape::Clutch, _) => (CLUTCH_SQLITE.to_owned(), "audit_events"),
        (Shape::Typed, _) => (typed::schema(dialect), "activity_log"),
        (Shape::Winston, _) => unreachable!("documents are not SQL"),
    };
    let rows: Vec<_> = (1..=rows)
        .map(|id| {
            let cells = if shape == Shape::Clutch {
                clutch(id, rng)
            } else {
                typed::row(id, dialect, rng)
            };
            let cells: Vec<_> = cells.iter().map(Cell::sql).collect();
            format!("({})", cells.join(","))
        })
        .collect();
    let analyze = "analyze;";
    format!(
        "{schema}begin;insert into {name} values {};commit;{analyze}",
        rows.join(",\n")
    )
}

const CLUTCH_POSTGRES: &str = "
create table audit_events (
    id bigserial primary key, occurred_at timestamptz, details jsonb, sent boolean default false);
create index sort_audit_events on audit_events (occurred_at);
create index audit_events_json on audit_events using gin (details jsonb_path_ops);
";

const CLUTCH_SQLITE: &str = "
create table audit_events (
    id integer primary key, occurred_at timestamptz, details json, sent boolean default false);
create index sort_audit_events on audit_events (occurred_at);
";
