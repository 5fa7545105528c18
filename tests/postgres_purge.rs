//! PostgreSQL's side of the purge against the real server: what is read equals what is deleted, and
//! nothing else ever goes.

mod forms;
mod looks;
mod refusals;
mod restoring;
mod shapes;

use std::sync::Arc;

use auditail::core::instant::Micros;
use auditail::core::profile::Profile;
use auditail::core::profile::load::print;
use auditail::core::purge::plan::{Plan, Scope};
use auditail::core::purge::row::RawRows;
use auditail::core::query::predicate::Predicate;
use auditail::store::StoreError;
use auditail::store::connect::{self, OpenOptions};
use auditail::store::purger::{Batch, Deleter, Left, Place, Purger, ReadEnd, Selection, Settled};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::harness;
use crate::harness::postgres::Db;

/// 2026-03-01
const CUTOFF: Micros = Micros(1_772_323_200_000_000);

const CLUTCH: &str = "CREATE TABLE audit_events (
    id bigserial PRIMARY KEY, occurred_at timestamptz, details jsonb, sent boolean DEFAULT false);
    CREATE INDEX sort_audit_events ON audit_events (occurred_at);
    INSERT INTO audit_events (occurred_at, details, sent)
    SELECT '2026-01-01'::timestamptz + n * interval '1 hour',
    jsonb_build_object('user', 'u' || n % 7, 'text', E'tab\\there\\nnewline\\\\back'), true
    FROM generate_series(0, 1999) n;
    INSERT INTO audit_events (occurred_at, details) VALUES
    (NULL, '{}'), ('-infinity', '{}'), ('infinity', '{}'), ('2300-01-01', '{}');";

pub struct Bench {
    pub db: Db,
    pub purger: Box<dyn Purger>,
    pub plan: Plan,
    pub stop: CancellationToken,
}

pub async fn purger(db: &Db, options: &OpenOptions) -> Box<dyn Purger> {
    connect::purger(&db.url, options).await.expect("it opens")
}

pub async fn bench(test: &str, schema: &str) -> Option<Bench> {
    bench_with(test, schema, OpenOptions::default()).await
}

pub async fn bench_with(test: &str, schema: &str, options: OpenOptions) -> Option<Bench> {
    let db = harness::postgres()?.database(test);
    db.sql(schema);
    let purger = purger(&db, &options).await;
    let stop = CancellationToken::new();
    let probe = purger.probe(&stop).await.expect("it can be purged");
    let survey = purger
        .survey(&selection(), &stop)
        .await
        .expect("it is surveyed");
    let profile: &Profile = &probe.profile;
    let plan = Plan {
        format: Plan::FORMAT,
        target: "test".to_owned(),
        written_by: "test".to_owned(),
        scope: Scope {
            cutoff: CUTOFF,
            filter: String::new(),
            keep: Vec::new(),
            now: probe.now,
            tz: "UTC".to_owned(),
            names: Vec::new(),
        },
        identity: probe.identity,
        relations: probe.relations,
        profile: print(profile),
        encoding: probe.encoding,
        order: probe.order,
        survey,
        warnings: probe.warnings,
        made_at: probe.now,
    };
    Some(Bench {
        db,
        purger,
        plan,
        stop,
    })
}

pub fn selection() -> Selection {
    Selection {
        cutoff: CUTOFF,
        predicate: Arc::new(Predicate::All),
    }
}

impl Bench {
    /// Everything that is selected, read in calls of `limit` rows.
    pub async fn backup(&self, limit: usize) -> Batch {
        let mut all = Batch {
            rows: vec![RawRows::default(); self.plan.relations.len()],
        };
        let mut after = None;
        loop {
            let (out, mut pieces) = mpsc::channel(4);
            let what = selection();
            let reading = self
                .purger
                .read(&self.plan, &what, after.take(), limit, out, &self.stop);
            let gathering = async {
                let mut times = Vec::new();
                while let Some(piece) = pieces.recv().await {
                    times.extend(piece.times);
                    for (sum, rows) in all.rows.iter_mut().zip(piece.rows) {
                        sum.payload.extend(rows.payload);
                        sum.marks.extend(rows.marks);
                    }
                }
                times
            };
            let (end, times) = tokio::join!(reading, gathering);
            if end.expect("it reads") == ReadEnd::Exhausted {
                return all;
            }
            let last = all.rows[0].marks.last().expect("a limit means rows");
            after = Some(Place {
                time: times.last().cloned(),
                key: last.key.clone(),
            });
        }
    }

    pub async fn deleter(&self) -> Box<dyn Deleter> {
        self.purger
            .deleter(&self.plan, None, &self.stop)
            .await
            .expect("it may delete")
    }

    /// Deletes a batch and commits; rows deleted and why others were left.
    pub async fn delete(&self, batch: &Batch) -> (Vec<u64>, Vec<(String, Left)>) {
        let mut deleter = self.deleter().await;
        let staged = deleter
            .stage(batch, &self.stop)
            .await
            .expect("it is staged");
        let gone = staged.deleted().to_vec();
        let left = staged.left().iter();
        let left = left
            .map(|(mark, left)| (format!("{:?}", mark.key.0), *left))
            .collect();
        staged.commit().await.expect("it commits");
        (gone, left)
    }

    pub fn count(&self, condition: &str) -> u64 {
        let count = self.db.sql(&format!(
            "SELECT count(*) FROM audit_events WHERE {condition}"
        ));
        count.trim().parse().expect("a number")
    }
}

/// The first `rows` events of a batch.
pub fn head(batch: &Batch, rows: usize) -> Batch {
    let marks = batch.rows[0].marks[..rows].to_vec();
    let bytes: usize = marks.iter().map(|mark| mark.length as usize).sum();
    let payload = batch.rows[0].payload[..bytes].to_vec();
    Batch {
        rows: vec![RawRows { payload, marks }],
    }
}

#[tokio::test]
async fn what_is_read_is_deleted_and_nothing_else() {
    let Some(bench) = bench("purge_all", CLUTCH).await else {
        return;
    };
    let batch = bench.backup(300).await;
    assert_eq!(batch.rows[0].marks.len(), 1416);
    assert!(batch.rows[0].marks.is_sorted_by(|a, b| a.at < b.at));
    assert_eq!(bench.plan.survey.selected, 1416);
    let months: Vec<_> = bench
        .plan
        .survey
        .months
        .iter()
        .map(|m| (m.month.as_str(), m.going, m.staying))
        .collect();
    assert_eq!(
        months,
        [
            ("2026-01", 744, 0),
            ("2026-02", 672, 0),
            ("2026-03", 0, 584),
            ("2300-01", 0, 1)
        ]
    );
    assert_eq!(
        bench
            .plan
            .survey
            .timeless
            .iter()
            .map(|(_, n)| n)
            .sum::<u64>(),
        3
    );
    assert_eq!(bench.plan.survey.first_rows.len(), 5);
    assert!(
        bench
            .plan
            .survey
            .first_kept
            .as_ref()
            .unwrap()
            .contains("2026-03-01T00:00:00+00:00")
    );
    // A late row with an old time, and a row that moved below the cutoff.
    bench.db.sql(
        "INSERT INTO audit_events (occurred_at, details) VALUES ('2026-01-05', '{}');
        UPDATE audit_events SET occurred_at = '2026-01-06' WHERE id = 1900",
    );
    let (deleted, left) = bench.delete(&batch).await;
    assert_eq!((deleted, left), (vec![1416], vec![]));
    assert_eq!(bench.count("true"), 2004 - 1416 + 1);
    assert_eq!(
        bench.count("occurred_at < '2026-03-01' and occurred_at > '-infinity'"),
        2
    );
    let mut again = bench.deleter().await;
    assert_eq!(again.present(&batch, &bench.stop).await.unwrap(), 0);
    let count = bench.purger.count(&selection(), &bench.stop).await.unwrap();
    assert_eq!(count, 2);
}

#[tokio::test]
async fn rows_that_are_not_as_archived_stay() {
    let Some(bench) = bench("purge_changed", CLUTCH).await else {
        return;
    };
    let batch = bench.backup(10_000).await;
    bench.db.sql(
        "UPDATE audit_events SET details = '{}' WHERE id IN (3, 4);
         DELETE FROM audit_events WHERE id IN (5, 6);
         INSERT INTO audit_events (id, occurred_at, details) VALUES (6, '2026-01-01', '{}');
         -- The same bytes in another version: as a repack leaves them.
         UPDATE audit_events SET sent = sent WHERE id BETWEEN 10 AND 20;",
    );
    let (deleted, left) = bench.delete(&batch).await;
    assert_eq!(deleted, [1416 - 4]);
    let expected = [
        ("[Int(3)]", Left::Changed),
        ("[Int(4)]", Left::Changed),
        ("[Int(5)]", Left::Gone),
        ("[Int(6)]", Left::Changed),
    ];
    let mut left: Vec<_> = left
        .iter()
        .map(|(key, left)| (key.as_str(), *left))
        .collect();
    left.sort_by_key(|(key, _)| *key);
    assert_eq!(left, expected);
    assert_eq!(bench.count("id IN (3, 4, 6)"), 3);
}

#[tokio::test]
async fn locked_rows_are_left_and_nobody_waits_long() {
    let Some(bench) = bench("purge_locked", CLUTCH).await else {
        return;
    };
    let batch = head(&bench.backup(10_000).await, 100);
    let mut other = bench.db.client().await;
    let holding = other.transaction().await.unwrap();
    holding
        .batch_execute("SELECT FROM audit_events WHERE id IN (7, 9) FOR UPDATE")
        .await
        .unwrap();
    let (deleted, left) = bench.delete(&batch).await;
    assert_eq!(deleted, [98]);
    assert_eq!(
        left,
        [
            ("[Int(7)]".to_owned(), Left::Locked),
            ("[Int(9)]".to_owned(), Left::Locked)
        ]
    );
    holding.rollback().await.unwrap();
    let holding = other.transaction().await.unwrap();
    holding
        .batch_execute("LOCK TABLE audit_events IN SHARE MODE")
        .await
        .unwrap();
    let (deleted, left) = bench.delete(&batch).await;
    assert_eq!(deleted, [0]);
    assert_eq!(
        left.iter()
            .filter(|(_, left)| *left == Left::Locked)
            .count(),
        2
    );
    drop(holding);
}

#[tokio::test]
async fn rows_the_server_keeps_are_told() {
    let Some(bench) = bench(
        "purge_kept",
        &format!(
            "{CLUTCH} CREATE TABLE notes (event bigint REFERENCES audit_events);
             INSERT INTO notes VALUES (11), (42);
             CREATE FUNCTION silent() RETURNS trigger LANGUAGE plpgsql AS
                 'BEGIN IF OLD.id = 21 THEN RETURN NULL; END IF;
                 IF OLD.id = 22 THEN RAISE EXCEPTION ''no''; END IF; RETURN OLD; END';
             CREATE TRIGGER silent BEFORE DELETE ON audit_events
                 FOR EACH ROW EXECUTE FUNCTION silent();"
        ),
    )
    .await
    else {
        return;
    };
    let warnings = bench.plan.warnings.join("\n");
    assert!(
        warnings.contains("silent") && warnings.contains("notes"),
        "{warnings}"
    );
    let batch = head(&bench.backup(10_000).await, 200);
    let (deleted, left) = bench.delete(&batch).await;
    assert_eq!(deleted, [196]);
    let kept: Vec<_> = left.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(kept, ["[Int(11)]", "[Int(21)]", "[Int(22)]", "[Int(42)]"]);
    assert!(left.iter().all(|(_, left)| *left == Left::Refused));
}

#[tokio::test]
async fn a_transaction_is_settled_and_one_left_open_takes_nothing() {
    let Some(bench) = bench("purge_settle", CLUTCH).await else {
        return;
    };
    let batch = head(&bench.backup(10_000).await, 50);
    let mut deleter = bench.deleter().await;
    let staged = deleter.stage(&batch, &bench.stop).await.unwrap();
    let taken_back = staged.transaction().to_owned();
    staged.rollback().await.unwrap();
    let settled = deleter
        .settle(&taken_back, &batch, &bench.stop)
        .await
        .unwrap();
    assert_eq!(settled, Settled::RolledBack);
    drop(deleter.stage(&batch, &bench.stop).await.unwrap());
    assert_eq!(deleter.present(&batch, &bench.stop).await.unwrap(), 50);
    let staged = deleter.stage(&batch, &bench.stop).await.unwrap();
    let committed = staged.transaction().to_owned();
    staged.commit().await.unwrap();
    for (name, fate) in [
        (committed.as_str(), Settled::Committed),
        ("xid 3 timeline 00000001 system 1", Settled::Committed),
    ] {
        assert_eq!(
            deleter.settle(name, &batch, &bench.stop).await.unwrap(),
            fate,
            "{name}"
        );
    }
    let pressure = deleter.pressure(&bench.stop).await.unwrap();
    assert!(pressure.wal.is_some() && pressure.waiting.is_some());
    // A second purge of the table.
    let again = bench.purger.deleter(&bench.plan, None, &bench.stop).await;
    assert!(matches!(again, Err(StoreError::Refused { .. })));
}

#[tokio::test]
async fn a_tampered_archive_deletes_nothing_it_does_not_hold() {
    let Some(bench) = bench("purge_tampered", CLUTCH).await else {
        return;
    };
    let mut batch = head(&bench.backup(10_000).await, 20);
    let at = batch.rows[0]
        .payload
        .iter()
        .position(|byte| *byte == b'u')
        .unwrap();
    batch.rows[0].payload[at] = b'x';
    let mut deleter = bench.deleter().await;
    let refused = deleter.stage(&batch, &bench.stop).await.err();
    assert!(
        matches!(refused, Some(StoreError::Refused { .. })),
        "{refused:?}"
    );
    drop(deleter);
    assert_eq!(bench.count("true"), 2004);
}
