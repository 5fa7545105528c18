//! Stores that purge wrongly, within the engine: each is caught by the checks that the real one
//! passes.

use std::sync::Arc;

use auditail::archive::disk::Disk;
use auditail::core::purge::plan::{Plan, Survey};
use auditail::core::purge::row::RowMark;
use auditail::store::purger::{
    Batch, Deleter, Left, Piece, Place, Pressure, Probe, Purger, ReadEnd, RestoreInto, Restorer,
    Selection, Settled, Staged,
};
use auditail::store::{BoxFuture, StoreError};
use rusqlite::Connection;
use tokio::sync::mpsc::Sender;
use tokio_util::sync::CancellationToken;

use super::disk::{Lie, TestDisk, Trouble};
use super::power::{OLD, YOUNG, violations};
use super::steps::{self, Step};
use super::{Fixture, Row};

/// What a mutant does in place of the real thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mutation {
    /// Nothing.
    None,
    /// Commits as soon as it has deleted; the intent comes after.
    CommitsFirst,
    /// Deletes by key, whatever the rows are by now: neither version nor digest is compared.
    ByKey,
    /// Deletes by what selected the rows in the first place.
    ByPredicate,
}

/// A store whose deleter is a mutant.
struct Mutant {
    real: Box<dyn Purger>,
    mutation: Mutation,
    file: std::path::PathBuf,
}

impl Purger for Mutant {
    fn probe<'a>(
        &'a self,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Probe, StoreError>> {
        self.real.probe(stop)
    }

    fn survey<'a>(
        &'a self,
        what: &'a Selection,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Survey, StoreError>> {
        self.real.survey(what, stop)
    }

    fn count<'a>(
        &'a self,
        what: &'a Selection,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<u64, StoreError>> {
        self.real.count(what, stop)
    }

    fn read<'a>(
        &'a self,
        plan: &'a Plan,
        what: &'a Selection,
        after: Option<Place>,
        limit: usize,
        out: Sender<Piece>,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<ReadEnd, StoreError>> {
        self.real.read(plan, what, after, limit, out, stop)
    }

    fn deleter<'a>(
        &'a self,
        plan: &'a Plan,
        as_whom: Option<&'a str>,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Box<dyn Deleter>, StoreError>> {
        Box::pin(async move {
            let real = self.real.deleter(plan, as_whom, stop).await?;
            if self.mutation == Mutation::None {
                return Ok(real);
            }
            let db = Connection::open(&self.file).expect("a file");
            Ok(Box::new(Wrong {
                real,
                mutation: self.mutation,
                db,
            }) as Box<dyn Deleter>)
        })
    }

    fn restorer<'a>(
        &'a self,
        plan: &'a Plan,
        into: RestoreInto,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Box<dyn Restorer>, StoreError>> {
        self.real.restorer(plan, into, stop)
    }
}

/// The mutant's deleter.
struct Wrong {
    real: Box<dyn Deleter>,
    mutation: Mutation,
    db: Connection,
}

impl Deleter for Wrong {
    fn stage<'a>(
        &'a mut self,
        batch: &'a Batch,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Box<dyn Staged + 'a>, StoreError>> {
        Box::pin(async move {
            let rows = batch.rows[0].marks.len() as u64;
            if self.mutation == Mutation::CommitsFirst {
                let staged = self.real.stage(batch, stop).await?;
                let transaction = staged.transaction().to_owned();
                staged.commit().await?;
                return Ok(Box::new(Committed { transaction, rows }) as Box<dyn Staged>);
            }
            let which = match self.mutation {
                Mutation::ByPredicate => "occurred_at < '2026-06-01'".to_owned(),
                _ => format!("id in ({})", keys(batch).join(",")),
            };
            let sql = format!("delete from audit_events where {which}");
            self.db.execute(&sql, []).expect("deleted");
            let transaction = "mutant".to_owned();
            Ok(Box::new(Committed { transaction, rows }) as Box<dyn Staged>)
        })
    }

    fn settle<'a>(
        &'a mut self,
        transaction: &'a str,
        batch: &'a Batch,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Settled, StoreError>> {
        self.real.settle(transaction, batch, stop)
    }

    fn present<'a>(
        &'a mut self,
        batch: &'a Batch,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<u64, StoreError>> {
        self.real.present(batch, stop)
    }

    fn pressure<'a>(
        &'a mut self,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Pressure, StoreError>> {
        self.real.pressure(stop)
    }
}

fn keys(batch: &Batch) -> Vec<String> {
    let marks = batch.rows[0].marks.iter();
    let keys = marks.map(|mark| match &mark.key.0[..] {
        [auditail::core::event::KeyPart::Int(id)] => id.to_string(),
        other => panic!("{other:?}"),
    });
    keys.collect()
}

/// What is committed already, whatever happens to it now.
struct Committed {
    transaction: String,
    rows: u64,
}

impl Staged for Committed {
    fn transaction(&self) -> &str {
        &self.transaction
    }

    fn deleted(&self) -> &[u64] {
        std::slice::from_ref(&self.rows)
    }

    fn left(&self) -> &[(RowMark, Left)] {
        &[]
    }

    fn commit<'a>(self: Box<Self>) -> BoxFuture<'a, Result<(), StoreError>>
    where
        Self: 'a,
    {
        Box::pin(async { Ok(()) })
    }

    fn rollback<'a>(self: Box<Self>) -> BoxFuture<'a, Result<(), StoreError>>
    where
        Self: 'a,
    {
        Box::pin(async { Ok(()) })
    }
}

/// What others did after the backup and what must be true of it in the end.
fn compete(store: &Fixture) -> Vec<Row> {
    let db = store.connect();
    db.execute_batch(
        "update audit_events set details = 'changed' where id = 3;
         delete from audit_events where id = 4;
         insert into audit_events values (4, '2026-01-02T00:00:00+00:00', 'another', 1);
         insert into audit_events values (900, '2026-01-02T00:00:00+00:00', 'late', 1);",
    )
    .expect("written");
    let mut rows = store.rows();
    rows.retain(|row| [3, 4, 900].contains(&row.0) || row.0 > OLD);
    rows
}

/// What a store's deletions do wrong, in the engine's hands.
async fn wrongs(mutation: Mutation) -> Vec<&'static str> {
    let mut wrong = Vec::new();
    // Killed before each operation of the deletion: is anything gone without an intent?
    let mut at = 1;
    loop {
        let store = Fixture::of(OLD, YOUNG);
        let before = store.rows();
        let (mutant, disk) = prepared(&store, mutation, Trouble::Dies(at)).await;
        let end = steps::to(Step::Delete, &store, &mutant, &disk).await;
        wrong.extend(violations(&store, &before));
        if end.is_ok() {
            break;
        }
        at += 1;
    }
    // Nobody is killed, but others write.
    let store = Fixture::of(OLD, YOUNG);
    let (mutant, disk) = prepared(&store, mutation, Trouble::None).await;
    let must_stay = compete(&store);
    let end = steps::to(Step::Delete, &store, &mutant, &disk).await;
    if end.is_err() {
        wrong.push("it stops");
    }
    let there = store.rows();
    for row in must_stay.iter().filter(|row| !there.contains(row)) {
        wrong.push(match row.0 {
            3 => "lost an update",
            4 => "lost a row put in again",
            900 => "lost a late arrival",
            _ => "lost a young row",
        });
    }
    wrong.sort_unstable();
    wrong.dedup();
    wrong
}

/// A store whose archive somebody has said yes to, and a disk for what follows.
async fn prepared(
    store: &Fixture,
    mutation: Mutation,
    trouble: Trouble,
) -> (Mutant, Arc<dyn Disk>) {
    let mutant = Mutant {
        real: steps::purger(store).await,
        mutation,
        file: store.file(),
    };
    let system: Arc<dyn Disk> = Arc::new(auditail::archive::disk::System);
    let made = steps::to(Step::Confirm, store, &mutant, &system).await;
    made.expect("a good disk");
    let disk = TestDisk::new(&store.archive(), trouble, Lie::Honest);
    (mutant, Arc::new(disk))
}

/// The checks of the fault table's rows 3, 15, 17 and 18 are alive.
#[tokio::test]
async fn the_real_store_passes_and_each_mutant_is_caught() {
    assert_eq!(wrongs(Mutation::None).await, [""; 0]);
    assert_eq!(
        wrongs(Mutation::CommitsFirst).await,
        ["a row is gone without an intent"]
    );
    let by_key = wrongs(Mutation::ByKey).await;
    assert!(by_key.contains(&"lost an update"), "{by_key:?}");
    assert!(by_key.contains(&"lost a row put in again"), "{by_key:?}");
    assert!(!by_key.contains(&"lost a late arrival"), "{by_key:?}");
    let by_predicate = wrongs(Mutation::ByPredicate).await;
    assert!(
        by_predicate.contains(&"lost a late arrival"),
        "{by_predicate:?}"
    );
}
