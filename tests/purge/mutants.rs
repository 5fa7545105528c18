//! Stores that purge wrongly, within the engine: each is caught by the checks that the real one
//! passes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use auditail::archive::disk::Disk;
use auditail::core::event::KeyPart;
use auditail::core::purge::row::RowMark;
use auditail::store::purger::{Batch, Deleter, Left, Pressure, Settled, Staged};
use auditail::store::{BoxFuture, StoreError};
use tokio_util::sync::CancellationToken;

use super::Fixture;
use super::arena::postgres::Table;
use super::arena::{Arena, Hand};
use super::disk::{Lie, TestDisk, Trouble};
use super::double::Double;
use super::power::{OLD, YOUNG, violations};
use super::steps::{self, Step};

/// What a mutant does in place of the real thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mutation {
    /// Nothing.
    None,
    /// Commits as soon as it has deleted; the intent comes after.
    CommitsFirst,
    /// Deletes by key, whatever the rows are by now.
    NoVersion,
    /// Deletes by key and version, whatever the archive holds of the rows.
    NoDigest,
    /// Deletes by what selected the rows in the first place.
    ByPredicate,
}

/// The mutant's deleter.
struct Wrong {
    real: Box<dyn Deleter>,
    mutation: Mutation,
    hand: Hand,
    is_version: fn(i64, &str) -> String,
}

impl Wrong {
    fn condition(&self, batch: &Batch) -> String {
        let rows = batch.rows[0].marks.iter();
        let rows = rows.map(|mark| match &mark.key.0[..] {
            [KeyPart::Int(id)] => (*id, mark.version.0.as_str()),
            other => panic!("{other:?}"),
        });
        let conditions: Vec<String> = match self.mutation {
            Mutation::ByPredicate => return "occurred_at < '2026-06-01'".to_owned(),
            Mutation::NoVersion => rows.map(|(id, _)| format!("id = {id}")).collect(),
            _ => rows
                .map(|(id, version)| (self.is_version)(id, version))
                .collect(),
        };
        conditions.join(" or ")
    }
}

impl Deleter for Wrong {
    fn stage<'a>(
        &'a mut self,
        batch: &'a Batch,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Box<dyn Staged + 'a>, StoreError>> {
        Box::pin(async move {
            let rows = batch.rows[0].marks.len() as u64;
            let mut transaction = "mutant".to_owned();
            if self.mutation == Mutation::CommitsFirst {
                let staged = self.real.stage(batch, stop).await?;
                staged.transaction().clone_into(&mut transaction);
                staged.commit().await?;
            } else {
                let which = self.condition(batch);
                (self.hand)(&format!("delete from audit_events where {which}"));
            }
            Ok(Box::new(Committed { transaction, rows }) as Box<dyn Staged>)
        })
    }

    fn second<'a>(
        &'a mut self,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Option<Box<dyn Deleter>>, StoreError>> {
        Box::pin(async move {
            let second = self.real.second(stop).await?;
            Ok(second.map(|real| {
                let (mutation, is_version) = (self.mutation, self.is_version);
                let hand = Arc::clone(&self.hand);
                Box::new(Self {
                    real,
                    mutation,
                    hand,
                    is_version,
                }) as Box<dyn Deleter>
            }))
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

async fn mutant(store: &dyn Arena, mutation: Mutation) -> Double {
    let mut double = Double::of(steps::purger(store).await);
    let (hand, is_version) = (store.hand(), store.is_version());
    double.deleter = Box::new(move |real| match mutation {
        Mutation::None => real,
        _ => Box::new(Wrong {
            real,
            mutation,
            hand: Arc::clone(&hand),
            is_version,
        }),
    });
    double
}

type Wrongs = BTreeSet<&'static str>;

/// Killed before an operation of the deletion: is anything gone without an intent?
async fn killed(store: &mut dyn Arena, mutation: Mutation, stride: usize) -> Wrongs {
    let mut wrong = Wrongs::new();
    for at in (1..).step_by(stride) {
        store.again();
        let before = store.rows();
        let mutant = mutant(store, mutation).await;
        let ready = steps::go(Step::Confirm, store, &mutant).await;
        ready.expect("a good disk");
        let disk = TestDisk::new(&store.archive(), Trouble::Dies(at), Lie::Honest);
        let disk: Arc<dyn Disk> = Arc::new(disk);
        let end = steps::to(Step::Delete, store, &mutant, &disk).await;
        wrong.extend(violations(store, &before));
        if end.is_ok() || !wrong.is_empty() {
            break;
        }
    }
    wrong
}

/// Nobody is killed, but others write between backup and deletion.
async fn rivalled(store: &mut dyn Arena, mutation: Mutation) -> Wrongs {
    store.again();
    let mutant = mutant(store, mutation).await;
    let ready = steps::go(Step::Confirm, store, &mutant).await;
    ready.expect("a good disk");
    store.hand()(
        "update audit_events set details = '{\"by\": \"another\"}' where id = 3;
         delete from audit_events where id = 4;
         insert into audit_events values (4, '2026-01-02T00:00:00+00:00', '{\"put\": \"again\"}', true);
         insert into audit_events values (900, '2026-01-02T00:00:00+00:00', '{\"came\": \"late\"}', true);",
    );
    let mut must_stay: BTreeMap<i64, String> = store.rows();
    must_stay.retain(|id, _| [3, 4, 900].contains(id) || *id > OLD);
    let end = steps::go(Step::Delete, store, &mutant).await;
    let there = store.rows();
    let lost = must_stay
        .iter()
        .filter(|(id, row)| there.get(id) != Some(row));
    let wrong: Wrongs = lost
        .map(|(id, _)| match id {
            3 => "lost an update",
            4 => "lost a row put in again",
            900 => "lost a late arrival",
            _ => "lost a young row",
        })
        .collect();
    if mutation == Mutation::None {
        end.expect("the real one goes on");
    }
    wrong
}

/// The archive holds something else than the store, and knows nothing of it.
async fn misread(store: &mut dyn Arena, mutation: Mutation) -> Wrongs {
    store.again();
    let before = store.rows();
    let mut mutant = mutant(store, mutation).await;
    mutant.misread = Some(("k8s", "k9s"));
    // Whether it notices or leaves them as changed: the rows must not go.
    let _ = steps::go(Step::Delete, store, &mutant).await;
    violations(store, &before).into_iter().collect()
}

/// What a mutant does wrong under each of the checks.
async fn wrongs(store: &mut dyn Arena, mutation: Mutation, stride: usize) -> [Wrongs; 3] {
    [
        killed(store, mutation, stride).await,
        rivalled(store, mutation).await,
        misread(store, mutation).await,
    ]
}

async fn each_is_caught(store: &mut dyn Arena, stride: usize) {
    let none = Wrongs::new();
    let real = wrongs(store, Mutation::None, stride).await;
    assert_eq!(real, [none.clone(), none.clone(), none]);
    for (mutation, check, caught) in [
        (Mutation::CommitsFirst, 0, "a row is gone without an intent"),
        (Mutation::NoVersion, 1, "lost an update"),
        (Mutation::NoVersion, 1, "lost a row put in again"),
        (
            Mutation::NoDigest,
            2,
            "a row is gone and not in the archive",
        ),
        (Mutation::ByPredicate, 1, "lost a late arrival"),
    ] {
        let found = match check {
            0 => killed(store, mutation, stride).await,
            1 => rivalled(store, mutation).await,
            _ => misread(store, mutation).await,
        };
        assert!(found.contains(caught), "{mutation:?}: {found:?}");
    }
}

/// The checks of the fault table's rows 3 and 15 to 18 are alive.
#[tokio::test]
async fn the_real_store_passes_and_each_mutant_is_caught() {
    each_is_caught(&mut Fixture::of(OLD, YOUNG), 1).await;
}

/// The same on a server, where rows have versions.
#[tokio::test]
async fn the_real_server_passes_and_each_mutant_is_caught() {
    if let Some(mut table) = Table::new("purge_mutants", (OLD, YOUNG)) {
        each_is_caught(&mut table, 3).await;
    }
}
