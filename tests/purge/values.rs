//! Values of every kind from the store into the archive and back: by the program, and by hand.

use auditail::purge::dossier::Dossier;
use fastrand::Rng;

use super::Fixture;
use super::arena::Arena;
use super::arena::postgres::Table;
use super::by_hand::{Tool, has};
use super::crash;
use super::steps::{self, Step};
use crate::harness::{self, Postgres};

/// Text that COPY, shells, terminals and encodings stumble over.
const CHARS: [char; 30] = [
    '\t',
    '\n',
    '\r',
    '\\',
    '\u{8}',
    '\u{b}',
    '\u{c}',
    '\u{1}',
    '\u{1b}',
    '\u{7f}',
    '\u{80}',
    '\u{9b}',
    '\u{202e}',
    '\u{200b}',
    '\u{feff}',
    'é',
    '😀',
    '\u{10ffff}',
    '\'',
    '"',
    ',',
    '{',
    '}',
    '(',
    ')',
    '.',
    'N',
    ' ',
    'a',
    '$',
];

fn text(random: &mut Rng) -> String {
    let edges = ["", "\\.", "\\N", "NULL", "\\", "\r\n", "''"];
    match random.usize(0..4) {
        0 => edges[random.usize(0..edges.len())].to_owned(),
        _ => (0..random.usize(0..12))
            .map(|_| CHARS[random.usize(0..CHARS.len())])
            .collect(),
    }
}

fn one_of(random: &mut Rng, edges: &[&str], other: impl FnOnce(&mut Rng) -> String) -> String {
    match random.usize(0..3) {
        0 => edges[random.usize(0..edges.len())].to_owned(),
        _ => other(random),
    }
}

fn float(random: &mut Rng) -> String {
    let edges = ["NaN", "Infinity", "-Infinity", "-0", "5e-324", "1e15"];
    one_of(random, &edges, |random| {
        loop {
            let float = f64::from_bits(random.u64(..));
            if float.is_finite() && (float == 0.0 || float.abs() > 1e-300) {
                return format!("{float:e}");
            }
        }
    })
}

fn number(random: &mut Rng) -> String {
    let digits: String = (0..random.usize(1..60)).map(|_| random.digit(10)).collect();
    let fraction: String = (0..random.usize(0..30)).map(|_| random.digit(10)).collect();
    format!("-{digits}.{fraction}0")
}

fn moment(random: &mut Rng) -> String {
    let edges = ["infinity", "-infinity", "4713-01-01 BC", "294276-12-31"];
    one_of(random, &edges, |random| {
        format!(
            "{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:06}",
            random.u16(1..9_999),
            random.u8(1..=12),
            random.u8(1..=28),
            random.u8(0..24),
            random.u8(0..60),
            random.u8(0..60),
            random.u32(0..1_000_000)
        )
    })
}

fn json(random: &mut Rng) -> String {
    let text = text(random).replace('\0', "");
    let value = serde_json::json!({ text.clone(): [random.i64(..), null, true, text, 1.5] });
    value.to_string()
}

fn address(random: &mut Rng) -> String {
    if random.bool() {
        let (one, two, bits) = (random.u8(..), random.u8(..), random.u8(16..=32));
        return format!("{one}.{two}.0.1/{bits}");
    }
    format!("{:x}::{:x}", random.u16(1..), random.u16(1..))
}

type Maker = fn(&mut Rng) -> String;

/// Base types, and how a value of each is spelled.
const TYPES: &[(&str, Maker)] = &[
    ("boolean", |random| random.bool().to_string()),
    ("smallint", |random| random.i16(..).to_string()),
    ("integer", |random| random.i32(..).to_string()),
    ("bigint", |random| {
        one_of(
            random,
            &["-9223372036854775808", "9223372036854775807"],
            |r| r.i64(..).to_string(),
        )
    }),
    ("real", |random| {
        one_of(random, &["NaN", "-0", "Infinity", "1e-45", "3.4e38"], |r| {
            format!("{:e}", r.f32())
        })
    }),
    ("double precision", float),
    ("numeric", |random| {
        one_of(
            random,
            &["NaN", "Infinity", "-0.00", "1e-16000", "1e1000"],
            number,
        )
    }),
    ("numeric(12,4)", |random| (random.i32(..) / 70).to_string()),
    ("money", |random| {
        one_of(random, &["-92233720368547758.08"], |r| {
            format!("{}.07", r.i32(..))
        })
    }),
    ("text", text),
    ("varchar(40)", text),
    ("char(30)", text),
    ("name", text),
    ("bytea", |random| {
        (0..random.usize(0..9)).fold("\\x".to_owned(), |hex, _| {
            format!("{hex}{:02x}", random.u8(..))
        })
    }),
    ("timestamptz", moment),
    ("timestamp", moment),
    ("timestamptz(2)", moment),
    ("date", |random| {
        one_of(
            random,
            &["infinity", "4713-01-01 BC", "5874897-12-31"],
            moment,
        )
    }),
    ("time", |random| {
        one_of(random, &["24:00", "00:00"], |r| {
            format!("{:02}:59:59.{:06}", r.u8(0..24), r.u32(0..1_000_000))
        })
    }),
    ("timetz", |random| {
        format!(
            "{:02}:00:00.25{:+03}:45",
            random.u8(0..24),
            random.i8(-12..12)
        )
    }),
    ("interval", |random| {
        format!(
            "{} months {} days {} microseconds",
            random.i16(..),
            random.i16(..),
            random.i64(-1 << 50..1 << 50)
        )
    }),
    ("uuid", |random| format!("{:032x}", random.u128(..))),
    ("json", json),
    ("jsonb", json),
    ("xml", |random| {
        format!("<a n=\"{}\">\t\\\n</a>", random.u8(..))
    }),
    ("inet", address),
    ("cidr", |random| format!("10.{}.0.0/16", random.u8(..))),
    ("macaddr", |random| {
        format!("{:012x}", random.u64(..1 << 48))
    }),
    ("macaddr8", |random| format!("{:016x}", random.u64(..))),
    ("bit(8)", |random| format!("{:08b}", random.u8(..))),
    ("varbit", |random| format!("{:b}", random.u16(..))),
    ("point", |random| {
        format!("({},{})", random.i16(..), random.f32())
    }),
    ("box", |random| format!("(1,{}),(0,-0.5)", random.i16(..))),
    ("path", |random| format!("[(0,0),({},1)]", random.i16(..))),
    ("polygon", |random| {
        format!("((0,0),({},1),(2,0))", random.i16(..))
    }),
    ("circle", |random| format!("<(0,{}),2>", random.i16(..))),
    ("int8range", |random| {
        one_of(random, &["empty", "(,)", "[1,)"], |r| {
            format!("[{},1000)", r.i16(-99..99))
        })
    }),
    ("tstzrange", |random| {
        one_of(random, &["empty", "[,2026-01-01)"], |_| {
            "[2026-01-01,infinity]".to_owned()
        })
    }),
    ("tsvector", |random| {
        format!("'a b':{} c:2A", random.u8(1..))
    }),
    ("tsquery", |random| {
        format!("'a b' & !c:*A | d{}", random.u8(..))
    }),
    ("pg_lsn", |random| {
        format!("{:X}/{:X}", random.u32(..), random.u32(..))
    }),
    ("oid", |random| random.u32(..).to_string()),
    ("text[]", |random| {
        let parts: Vec<String> = (0..random.usize(0..4))
            .map(|_| {
                format!(
                    "\"{}\"",
                    text(random).replace('\\', "\\\\").replace('"', "\\\"")
                )
            })
            .collect();
        format!("{{{}}}", parts.join(","))
    }),
    ("numeric[]", |random| {
        format!("{{NaN,{},NULL}}", number(random))
    }),
    ("mood", |random| {
        one_of(random, &["sad", "it's \"ok\""], |_| "sad".to_owned())
    }),
    ("money_box", |random| {
        format!("({},\"a \"\"b\"\" \\\\\",)", random.i32(..))
    }),
    ("short_name", |random| format!("d{}", random.u8(..))),
];

const OWN_TYPES: &str = "CREATE SCHEMA \"Own\"; CREATE TYPE mood AS ENUM ('sad', 'it''s \"ok\"');
    CREATE DOMAIN \"Own\".much AS integer DEFAULT 3 CHECK (VALUE <> 13);
    CREATE TYPE money_box AS (much \"Own\".much, \"whose it is\" text, mood mood);
    CREATE DOMAIN short_name AS varchar(5) NOT NULL;";

/// A table with so many rows of generated values.
fn generated(rows: u64, seed: u64) -> String {
    let mut random = Rng::with_seed(seed);
    let mut columns = String::new();
    for (place, (name, _)) in TYPES.iter().enumerate() {
        columns.push_str(&format!(", c{place} {name}"));
    }
    let mut sql = format!(
        "{OWN_TYPES} CREATE TABLE audit_events (id bigserial PRIMARY KEY,
         created_at timestamptz NOT NULL DEFAULT now(), actor text, action text{columns},
         number integer GENERATED BY DEFAULT AS IDENTITY);"
    );
    for row in 0..rows {
        sql.push_str(&format!(
            "INSERT INTO audit_events VALUES (DEFAULT, '2026-01-01'::timestamptz + {row} * \
             interval '1 min', 'alice', 'read'"
        ));
        for (name, value) in TYPES {
            if *name != "short_name" && random.u8(0..8) == 0 {
                sql.push_str(", NULL");
            } else {
                let value = value(&mut random).replace('\'', "''");
                sql.push_str(&format!(", '{value}'"));
            }
        }
        sql.push_str(");\n");
    }
    sql
}

/// Every row, as the server writes it.
const WHOLE: &str =
    "SELECT count(*), md5(string_agg(t::text, ',' ORDER BY id)) FROM audit_events t";

/// From the table into the archive, out of the table, and back; then by hand into a new database.
async fn goes_around(server: &Postgres, table: &Table, how: &str) {
    let before = table.db.sql(WHOLE);
    let purger = steps::purger(table).await;
    let receipt = steps::go(Step::Delete, table, &*purger).await;
    let tally = receipt.expect("it is purged").expect("a receipt").tally;
    assert_eq!(tally.deleted, tally.archived, "{tally:?}");
    assert_eq!(
        table.db.sql("SELECT count(*) FROM audit_events").trim(),
        "0"
    );
    let report = steps::with_engine(table, &*purger, async |engine| {
        let dossier = Dossier::read(&table.archive())?;
        engine.restore(&dossier).await
    })
    .await
    .expect("it is restored");
    assert!(
        report.is_whole(),
        "{:?} {:?}",
        report.conflicts,
        report.altered
    );
    assert_eq!(table.db.sql(WHOLE), before);
    let fresh = server.database_with("by_hand", how);
    let tool = Tool {
        word: "DATABASE",
        target: format!("'{}'", fresh.url),
        run: &|sql| {
            fresh.sql(sql);
        },
        path: server.bin().to_string_lossy().into_owned(),
    };
    tool.follow(&table.archive());
    assert_eq!(fresh.sql(WHOLE), before);
    // Whatever draws numbers goes on after those that are there.
    let more = table.db.sql("SELECT max(id) + 1 FROM audit_events");
    let drawn = fresh.sql(
        "INSERT INTO audit_events (created_at, actor) SELECT created_at, actor FROM audit_events \
         LIMIT 0; SELECT nextval(pg_get_serial_sequence('audit_events', 'id'))",
    );
    assert_eq!(drawn, more);
}

/// Fault table, rows 32 and 33, in PostgreSQL.
#[tokio::test]
async fn generated_values_of_every_type_come_back() {
    let Some(server) = harness::postgres() else {
        return;
    };
    let seeds = if crash::long_runs().is_some() { 10 } else { 1 };
    for seed in 0..seeds {
        let table = Table::shaped(server, "purge_values", "", "").expect("it runs");
        let client = table.db.client().await;
        let filled = client.batch_execute(&generated(60, seed)).await;
        filled.unwrap_or_else(|error| panic!("seed {seed}: {error:?}"));
        goes_around(server, &table, "").await;
    }
}

/// Fault table, row 32: bytes that are no text in any encoding, and very long rows.
#[tokio::test]
async fn bytes_without_an_encoding_and_huge_rows_come_back() {
    let Some(server) = harness::postgres() else {
        return;
    };
    let ascii = "ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'";
    let pieces = if crash::long_runs().is_some() {
        8_000_000
    } else {
        200_000
    };
    let schema = format!(
        "CREATE TABLE audit_events (id bigserial PRIMARY KEY, created_at timestamptz NOT NULL,
             actor text, action text, metadata text);
         INSERT INTO audit_events (created_at, actor, action, metadata) SELECT '2026-01-01', 'a', 'b', v
         FROM unnest(ARRAY[E'\\xff\\xfe\\x80', E'\\xc3', E'\\\\.', E'a\\tb\\nc\\rd\\\\', E'\\x1b[31m',
             E'\\xe2\\x80\\xae']) v;
         INSERT INTO audit_events (created_at, actor, action, metadata)
         SELECT '2026-01-02', 'a', 'b', string_agg(md5((i * n)::text), E'\\n')
         FROM generate_series(1, {pieces}) i, generate_series(1, 2) n GROUP BY n;"
    );
    let table = Table::shaped(server, "purge_ascii", ascii, &schema).expect("it runs");
    goes_around(server, &table, ascii).await;
}

/// Fault table, row 33, in SQLite: the archive by hand. Every storage class in every affinity:
/// `purge_sqlite::archive`.
#[tokio::test]
async fn a_file_comes_back_by_hand() {
    let store = Fixture::of(50, 5);
    let before = Arena::rows(&store);
    let purger = steps::purger(&store).await;
    let receipt = steps::go(Step::Delete, &store, &*purger).await;
    receipt.expect("it is purged");
    if !has("sqlite3") {
        // Its statements are run all the same, by the same library.
        let mut old = before;
        old.retain(|id, _| *id <= 50);
        assert_eq!(store.archived(), old);
        return;
    }
    let path = store.archive().with_file_name("restored.sqlite");
    let db = rusqlite::Connection::open(&path).expect("a file");
    let tool = Tool {
        word: "FILE",
        target: path.to_str().expect("text").to_owned(),
        run: &|sql| db.execute_batch(sql).expect("plain SQL"),
        path: "/usr/local/bin".to_owned(),
    };
    tool.follow(&store.archive());
    let restored: Vec<_> = super::rows(&db);
    assert_eq!(restored.len(), 50);
    assert!(
        restored
            .iter()
            .all(|row| before.get(&row.0) == Some(&row.2))
    );
}
