//! The checks can fail: a deleter that leaves out what matters is caught by them.

use auditail::core::purge::row::RowMark;
use auditail::store::purger::{Batch, Deleter, Left, Pressure, Settled, Staged};
use auditail::store::{BoxFuture, StoreError};
use mongodb::bson::{DateTime, Document, RawDocument, doc};
use rstest::rstest;
use tokio_util::sync::CancellationToken;

use super::{AUDIT, Bench, CUTOFF, bench_on, event, head, hourly};
use crate::harness::mongo::Topology;

/// What a deleter does wrong when others write between backup and deletion.
async fn violations(bench: &Bench, deleter: &mut dyn Deleter, batch: &Batch) -> Vec<&'static str> {
    bench.db.insert(AUDIT, vec![event("late", 2)]);
    // The same value in another type.
    bench.update(doc! {"_id": 2}, doc! {"$set": {"details.n": 2_i32}});
    let staged = deleter.stage(batch, &bench.stop).await.expect("staged");
    let is_told = staged.left().iter().any(|(_, why)| *why == Left::Changed);
    staged.commit().await.expect("committed");
    let there = |filter: Document| {
        let answer = bench.db.command(doc! {"count": AUDIT, "query": filter});
        answer.get_i32("n").expect("a count")
    };
    let mut wrong = Vec::new();
    if there(doc! {"_id": 2}) != 1 {
        wrong.push("lost an update");
    }
    if !is_told {
        wrong.push("told nobody");
    }
    if there(doc! {"_id": "late"}) != 1 {
        wrong.push("lost a late arrival");
    }
    if there(doc! {"_id": {"$in": [0, 1, 3, 4]}}) != 0 {
        wrong.push("left archived documents");
    }
    wrong
}

/// How a mutant deletes.
#[derive(Clone, Copy, Debug)]
enum Mutation {
    /// By the archived keys, whatever the documents hold by now.
    NoCompare,
    /// By what selected the documents in the first place.
    ByPredicate,
}

struct Mutant {
    documents: mongodb::Collection<Document>,
    mutation: Mutation,
}

struct Done(u64);

impl Deleter for Mutant {
    fn stage<'a>(
        &'a mut self,
        batch: &'a Batch,
        _: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Box<dyn Staged + 'a>, StoreError>> {
        Box::pin(async move {
            let ids = batch.rows[0].iter().map(|(_, bytes)| {
                let document = RawDocument::from_bytes(bytes).expect("BSON");
                document.get_i32("_id").expect("an id")
            });
            let old = DateTime::from_millis(CUTOFF.0 / 1_000);
            let condition = match self.mutation {
                Mutation::NoCompare => doc! {"_id": {"$in": ids.collect::<Vec<_>>()}},
                Mutation::ByPredicate => doc! {"timestamp": {"$lt": old}},
            };
            let deleted = self
                .documents
                .delete_many(condition)
                .await
                .expect("deleted");
            Ok(Box::new(Done(deleted.deleted_count)) as Box<dyn Staged>)
        })
    }

    fn settle<'a>(
        &'a mut self,
        _: &'a str,
        _: &'a Batch,
        _: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Settled, StoreError>> {
        Box::pin(async { Ok(Settled::Committed) })
    }

    fn present<'a>(
        &'a mut self,
        _: &'a Batch,
        _: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<u64, StoreError>> {
        Box::pin(async { Ok(0) })
    }

    fn pressure<'a>(
        &'a mut self,
        _: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Pressure, StoreError>> {
        Box::pin(async { Ok(Pressure::default()) })
    }
}

impl Staged for Done {
    fn transaction(&self) -> &'static str {
        "mutant"
    }

    fn deleted(&self) -> &[u64] {
        std::slice::from_ref(&self.0)
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

#[rstest]
#[tokio::test]
async fn the_checks_pass_the_deleter(
    #[values(Topology::ReplicaSet, Topology::Standalone)] topology: Topology,
) {
    let Some(bench) = bench_on(topology, "purge_checks", hourly(), None).await else {
        return;
    };
    let batch = head(&bench.backup(10_000).await, 5);
    let mut deleter = bench.deleter().await;
    let none: [&str; 0] = [];
    assert_eq!(violations(&bench, &mut *deleter, &batch).await, none);
}

#[rstest]
#[case::by_key(Mutation::NoCompare, &["lost an update", "told nobody"])]
#[case::by_predicate(
    Mutation::ByPredicate,
    &["lost an update", "told nobody", "lost a late arrival"]
)]
#[tokio::test]
async fn the_checks_catch_mutants(#[case] mutation: Mutation, #[case] wrong: &[&str]) {
    let Some(bench) = bench_on(Topology::ReplicaSet, "purge_mutants", hourly(), None).await else {
        return;
    };
    let batch = head(&bench.backup(10_000).await, 5);
    let mut mutant = Mutant {
        documents: bench.db.open().await.collection(AUDIT),
        mutation,
    };
    assert_eq!(violations(&bench, &mut mutant, &batch).await, wrong);
}
