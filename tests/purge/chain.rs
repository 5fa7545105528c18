//! Rows chained by hashes: the oldest go, one after the other, and the receipt keeps what the first
//! row left refers to.

use auditail::purge::chain::Anchor;
use auditail::purge::dossier::Dossier;
use auditail::purge::fault::Fault;
use auditail::purge::hold;
use rusqlite::Connection;

use super::Fixture;
use super::arena::Arena;
use super::arena::postgres::Table;
use super::steps::{self, Step};
use crate::harness;

const SCHEMA: &str = "create table audit_log (id integer primary key, created_at timestamptz,
    actor text, action text, prev_hash text, hash text)";

/// The hash of a row in these tests.
fn hash(id: i64) -> String {
    format!("{:016x}", id.wrapping_mul(0x1e37_79b9_7f4a_7c15))
}

/// Fifty old rows and five young ones, chained in the order of their ids.
fn chained() -> Fixture {
    let store = Fixture::of(0, 0);
    let db = store.connect();
    db.execute_batch(&format!("drop table audit_events; {SCHEMA}"))
        .expect("a table");
    for id in 1..=55_i64 {
        let month = if id <= 50 { 1 + id / 13 } else { 7 };
        let at = format!("2026-{month:02}-02T03:04:{id:02}+00:00");
        let previous = (id > 1).then(|| hash(id - 1));
        db.execute(
            "insert into audit_log values (?1, ?2, 'alice', 'read', ?3, ?4)",
            (id, at, previous, hash(id)),
        )
        .expect("a row");
    }
    store
}

fn ids(db: &Connection) -> Vec<i64> {
    let mut select = db
        .prepare("select id from audit_log order by id")
        .expect("a table");
    select
        .query_map((), |row| row.get(0))
        .and_then(Iterator::collect)
        .expect("rows")
}

async fn purged(store: &Fixture) -> Result<Anchor, Fault> {
    let purger = steps::purger(store).await;
    let receipt = steps::go(Step::Delete, store, &*purger).await?;
    Ok(receipt.expect("a receipt").anchor.expect("an anchor"))
}

fn refusal(ended: Result<Anchor, Fault>) -> String {
    match ended {
        Err(Fault::Refused { message, .. }) => message,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_chain_goes_as_a_prefix_with_its_anchor() {
    let store = chained();
    let anchor = purged(&store).await.expect("a prefix");
    assert_eq!((anchor.id.as_str(), anchor.hash), ("50", hash(50)));
    let db = store.connect();
    assert_eq!(ids(&db), [51, 52, 53, 54, 55]);
    let refers: String = db
        .query_row("select prev_hash from audit_log where id = 51", (), |row| {
            row.get(0)
        })
        .expect("a row");
    assert_eq!(refers, hash(50), "the first row left refers to the anchor");
}

/// The same on a server, with hashes that are bytes.
#[tokio::test]
async fn a_servers_chain_goes_as_a_prefix() {
    let Some(server) = harness::postgres() else {
        return;
    };
    let schema = "CREATE TABLE audit_log (id bigint PRIMARY KEY, created_at timestamptz NOT NULL,
             actor text, action text, prev_hash bytea, hash bytea);
         INSERT INTO audit_log SELECT n, '2026-01-01'::timestamptz + n * interval '4 days', 'alice',
             'read', sha256((n - 1)::text::bytea), sha256(n::text::bytea)
         FROM generate_series(1, 60) n";
    let table = Table::shaped(server, "purge_chain", "", schema).expect("it runs");
    let purger = steps::purger(&table).await;
    let receipt = steps::go(Step::Delete, &table, &*purger).await;
    let receipt = receipt.expect("a prefix").expect("a receipt");
    let left =
        "SELECT min(id), (SELECT prev_hash FROM audit_log ORDER BY id LIMIT 1) FROM audit_log";
    let anchor = receipt.anchor.expect("an anchor");
    assert_eq!(table.db.sql(left).trim(), format!("38|{}", anchor.hash));
    assert_eq!(anchor.id, "37");
}

#[tokio::test]
async fn what_would_part_a_chain_is_refused() {
    for (change, because) in [
        // An older row would stay.
        (
            "update audit_log set created_at = '2027-01-01T00:00:00+00:00' where id = 1",
            "does not follow",
        ),
        // One in the middle would.
        (
            "update audit_log set created_at = '2027-01-01T00:00:00+00:00' where id = 25",
            "does not follow",
        ),
        ("delete from audit_log where id = 25", "does not follow"),
        (
            "update audit_log set prev_hash = 'forged' where id = 30",
            "does not follow",
        ),
        (
            "update audit_log set hash = null where id = 30",
            "has no hash",
        ),
        (
            "update audit_log set created_at = null where id = 30",
            "without a time",
        ),
    ] {
        let store = chained();
        store.hand()(change);
        let message = refusal(purged(&store).await);
        assert!(message.contains(because), "{change}: {message}");
        assert!(ids(&store.connect()).len() >= 54, "{change}");
    }
    let store = chained();
    for filter in ["user:alice", "--keep=user:bob"] {
        let plan = [
            "purge",
            "plan",
            "FILE",
            "--before",
            "2026-06-01",
            "--to",
            "DIR",
            filter,
        ];
        let said = store.run(&plan).failed(4);
        assert!(said.contains("part the chain"), "{filter}: {said}");
    }
}

#[tokio::test]
async fn a_row_that_stays_keeps_all_after_it() {
    for (change, because) in [
        (
            "update audit_log set action = 'written' where id = 25",
            "25 was changed",
        ),
        ("", "30 is held"),
    ] {
        let store = chained();
        let purger = steps::purger(&store).await;
        let ready = steps::go(Step::Confirm, &store, &*purger).await;
        ready.expect("a prefix");
        store.hand()(change);
        if change.is_empty() {
            let holds = store.archive().join(hold::FILE);
            std::fs::write(holds, ".id:30\n").expect("writable");
        }
        let message = refusal(purged(&store).await);
        assert!(message.contains(because), "{message}");
        // The first segment went before; the second did not, and neither did the third.
        assert_eq!(ids(&store.connect()), (21..=55).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_backup_that_was_cut_goes_on_along_the_chain() {
    let store = chained();
    let purger = steps::purger(&store).await;
    let backed_up = steps::go(Step::Backup, &store, &*purger).await;
    backed_up.expect("a prefix");
    // As if it had been killed after the first segment.
    let path = store.archive().join("journal.log");
    let journal = std::fs::read_to_string(&path).expect("text");
    let lines: Vec<&str> = journal.split_inclusive('\n').collect();
    std::fs::write(&path, lines[..2].concat()).expect("writable");
    let anchor = purged(&store).await.expect("it goes on");
    assert_eq!(anchor.hash, hash(50));
    let dossier = Dossier::read(&store.archive()).expect("there");
    assert_eq!(dossier.archived(), 50);
}
