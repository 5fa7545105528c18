//! A table that no profile knows: a column of every type, each with what it may hold.

use fastrand::Rng;

use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, Bson, Uuid};

use super::{Cell, Dialect, METHODS, TEXTS, pick, quoted, sql, time, value, winston};

/// A column: its name, its types, and a value of it.
struct Column {
    name: &'static str,
    postgres: &'static str,
    sqlite: &'static str,
    cell: fn(&mut Rng, Dialect) -> Cell,
}

const fn column(
    name: &'static str,
    postgres: &'static str,
    sqlite: &'static str,
    cell: fn(&mut Rng, Dialect) -> Cell,
) -> Column {
    Column {
        name,
        postgres,
        sqlite,
        cell,
    }
}

#[rustfmt::skip]
const COLUMNS: [Column; 25] = [
    column("created_at", "timestamptz", "timestamptz", |rng, _| instant(rng)),
    column("user_name", "text collate \"und-x-icu\"", "text collate nocase", |rng, _| some(rng, TEXTS)),
    column("action", "varchar(80)", "varchar(80)", |rng, _| some(rng, METHODS)),
    column("status", "text", "text", |rng, _| some(rng, &["success", "failed", "denied", "pending", "odd", "OK"])),
    column("ip", "inet", "text", |rng, _| some(rng, &["10.0.0.1", "10.0.0.17", "fe80::1", "192.168.0.0/24"])),
    column("duration_ms", "int", "int", |rng, _| plain(rng, SMALL)),
    column("amount", "numeric", "numeric", |rng, dialect| special(rng, dialect, "NaN").unwrap_or_else(|| plain(rng, WIDE))),
    column("score", "float8", "real", |rng, dialect| special(rng, dialect, "-Infinity").unwrap_or_else(|| plain(rng, FLOATS))),
    column("flag", "boolean", "boolean", |rng, _| Cell::Plain(rng.bool().to_string())),
    column("seen_at", "timestamptz", "timestamptz", |rng, _| instant(rng)),
    column("local_at", "timestamp", "timestamp", |rng, _| some(rng, CLOCKS)),
    column("day", "date", "date", |rng, _| some(rng, &["2026-01-05", "1999-12-31"])),
    column("uid", "uuid", "uuid", uuid),
    column("tags", "text[]", "text", |rng, dialect| array(rng, dialect, TEXTS, "text[]")),
    column("nums", "int[]", "text", |rng, dialect| array(rng, dialect, SMALL, "int[]")),
    column("mood", "mood", "text", |rng, _| some(rng, &["sad", "ok", "Happy"])),
    column("data", "bytea", "blob", |_, dialect| bytes(dialect)),
    column("email", "citext", "text", |rng, _| some(rng, TEXTS)),
    column("nick", "text collate folded", "text collate rtrim", |rng, _| some(rng, TEXTS)),
    column("code", "char(6)", "char(6)", |rng, _| some(rng, &["a", "ab ", "7"])),
    column("meta", "jsonb", "json", |rng, _| Cell::Json(value(rng, 3))),
    column("raw", "json", "json", raw),
    column("small", "smallint", "smallint", |rng, _| plain(rng, SMALL)),
    column("single", "real", "real", |rng, _| plain(rng, &["0.1", "7", "16777216", "2.5"])),
    column("\"odd \"\"name\"", "text", "text", |rng, _| some(rng, TEXTS)),
];

/// Types and collations by which different texts are equal.
const POSTGRES_TYPES: &str = "
create type mood as enum ('sad', 'ok', 'Happy');
create extension citext;
create collation folded (provider = icu, locale = 'und-u-ks-level1', deterministic = false);
";

const SMALL: &[&str] = &["0", "7", "9", "10", "-1", "100"];

const WIDE: &[&str] = &[
    "1.50",
    "0.1",
    "9007199254740993",
    "1000000000000000000000.5",
    "7.0",
    "1e10",
    "-12.5",
];

const FLOATS: &[&str] = &[
    "0.1",
    "7",
    "2.5e-3",
    "1e25",
    "-12.5",
    "0.30000000000000004",
    "100",
    "1e15",
    "1e-7",
];

const CLOCKS: &[&str] = &[
    "2026-01-05 10:00:00",
    "2026-01-05 10:00:00.5",
    "1999-12-31 23:59:59.999999",
];

const UUIDS: &[&str] = &[
    "00000000-0000-4000-8000-000000000001",
    "AAAAAAAA-0000-4000-8000-000000000002",
];

/// What SQLite stores in a column of any type.
const ODD: &[&str] = &[
    "7",
    "7.5",
    "'7'",
    "x'616c696365'",
    "'a' || char(0) || 'b'",
    "9e999",
    "cast(x'ff61' as text)",
];

/// JSON that only a `json` column holds.
const RAW: &[&str] = &[
    r#"{"a":"x\u0000y","id":7}"#,
    r#"{"a":"\ud800","b c":"\ud83d\ude00"}"#,
    r#"{"a":1, "a" : 2,"id":[ 1.0 ,"7"]}"#,
    r#"{"id":1e400,"a":7.0}"#,
    r#"{"\u0061":"alice","code":"\u0041lice"}"#,
    r#""\u0000""#,
    " 7.50 ",
];

fn some(rng: &mut Rng, from: &[&str]) -> Cell {
    Cell::Text(pick(rng, from).to_owned())
}

fn plain(rng: &mut Rng, from: &[&str]) -> Cell {
    Cell::Plain(pick(rng, from).to_owned())
}

fn instant(rng: &mut Rng) -> Cell {
    time(rng).map_or(Cell::Null, Cell::Time)
}

/// A number that is none, now and then; SQLite has no such thing.
fn special(rng: &mut Rng, dialect: Dialect, number: &str) -> Option<Cell> {
    let is_now = dialect != Dialect::Sqlite && rng.u8(..10) == 0;
    is_now.then(|| match dialect {
        Dialect::Mongo => Cell::Bson(Bson::Double(number.parse().expect("a double"))),
        Dialect::Postgres | Dialect::Sqlite => Cell::Text(number.to_owned()),
    })
}

fn uuid(rng: &mut Rng, dialect: Dialect) -> Cell {
    let text = pick(rng, UUIDS);
    match dialect {
        Dialect::Mongo => Cell::Bson(Uuid::parse_str(text).expect("a UUID").into()),
        Dialect::Postgres | Dialect::Sqlite => Cell::Text(text.to_owned()),
    }
}

fn array(rng: &mut Rng, dialect: Dialect, from: &[&str], kind: &str) -> Cell {
    let items: Vec<_> = (0..rng.usize(..4)).map(|_| pick(rng, from)).collect();
    let (opening, items): (_, Vec<_>) = match (dialect, kind) {
        (Dialect::Postgres, _) => ("array[", items.iter().map(|item| sql(item)).collect()),
        (Dialect::Mongo, "int[]") => ("[", items.into_iter().map(str::to_owned).collect()),
        (Dialect::Mongo | Dialect::Sqlite, _) => {
            ("[", items.iter().map(|item| quoted(item)).collect())
        }
    };
    let list = format!("{opening}{}]", items.join(","));
    match dialect {
        Dialect::Postgres => Cell::Sql(format!("{list}::{kind}")),
        Dialect::Sqlite | Dialect::Mongo => Cell::Json(list),
    }
}

fn bytes(dialect: Dialect) -> Cell {
    match dialect {
        Dialect::Postgres => Cell::Sql("'\\x00ff10'".to_owned()),
        Dialect::Sqlite => Cell::Sql("x'00ff10'".to_owned()),
        Dialect::Mongo => Cell::Bson(Bson::Binary(Binary {
            subtype: BinarySubtype::Generic,
            bytes: vec![0, 255, 16],
        })),
    }
}

/// What `json` keeps and `jsonb` refuses or rewrites; SQLite keeps anything, and BSON has types
/// that JSON has not.
fn raw(rng: &mut Rng, dialect: Dialect) -> Cell {
    match (rng.u8(..8), dialect) {
        (0, Dialect::Postgres) => Cell::Json(pick(rng, RAW).to_owned()),
        (0, Dialect::Sqlite) => {
            Cell::Json(pick(rng, &["{not json", "", "{\"a\":1}x", "nul"]).to_owned())
        }
        (0, Dialect::Mongo) => Cell::Bson(winston::value(rng, 2)),
        _ => Cell::Json(value(rng, 3)),
    }
}

/// SQL that makes the table.
pub fn schema(dialect: Dialect) -> String {
    let columns = COLUMNS.iter().map(|column| match dialect {
        Dialect::Postgres => format!("{} {}", column.name, column.postgres),
        Dialect::Sqlite | Dialect::Mongo => format!("{} {}", column.name, column.sqlite),
    });
    let columns: Vec<_> = columns.collect();
    let types = match dialect {
        Dialect::Postgres => POSTGRES_TYPES,
        Dialect::Sqlite | Dialect::Mongo => "",
    };
    format!(
        "{types} create table activity_log (part text not null, seq int not null, {}, \
         primary key (part, seq)); create index created on activity_log (created_at);",
        columns.join(", ")
    )
}

/// The names of the columns of a row.
pub fn names() -> impl Iterator<Item = String> {
    let others = COLUMNS.iter().map(|column| column.name);
    let unquoted = |name: &str| name.trim_matches('"').replace("\"\"", "\"");
    ["part", "seq"].into_iter().chain(others).map(unquoted)
}

/// The cells of row `id`.
pub fn row(id: usize, dialect: Dialect, rng: &mut Rng) -> Vec<Cell> {
    let key = [
        Cell::Text(pick(rng, &["a", "b", "it's"]).to_owned()),
        Cell::Plain(id.to_string()),
    ];
    let cells = COLUMNS.iter().map(|column| match rng.u8(..20) {
        0 if dialect == Dialect::Sqlite => {
            // No cursor can hold a time that is broken UTF-8; the last of the odd ones is.
            let is_time = column.name == "created_at";
            Cell::Sql(pick(rng, &ODD[..ODD.len() - usize::from(is_time)]).to_owned())
        }
        0 if dialect == Dialect::Mongo => Cell::Bson(winston::value(rng, 1)),
        0..=1 => Cell::Null,
        _ => (column.cell)(rng, dialect),
    });
    key.into_iter().chain(cells).collect()
}
