//! The checks can fail: a deleter that leaves out what matters is caught by them.

use auditail::core::purge::row::RowMark;
use auditail::store::purger::{Batch, Deleter, Left, Pressure, Settled, Staged};
use auditail::store::{BoxFuture, StoreError};
use rusqlite::Connection;
use tokio_util::sync::CancellationToken;

use super::{CUTOFF, Store, stop};

/// What a deleter does wrong when others write between backup and deletion.
async fn violations(store: &Store, deleter: &mut dyn Deleter, batch: &Batch) -> Vec<&'static str> {
    let late = CUTOFF.plus(-7).to_string();
    store.sql(&format!(
        "UPDATE audit_events SET details = 'changed' WHERE id = 2;
         INSERT INTO audit_events VALUES (100, '{late}', 'late', 1);"
    ));
    let token = stop();
    let staged = deleter.stage(batch, &token).await.unwrap();
    staged.commit().await.unwrap();
    let mut wrong = Vec::new();
    if store.count("audit_events WHERE details = 'changed'") != 1 {
        wrong.push("lost an update");
    }
    if store.count("audit_events WHERE details = 'late'") != 1 {
        wrong.push("lost a late arrival");
    }
    if store.count("audit_events WHERE id <= 5 AND id <> 2") != 0 {
        wrong.push("left archived rows");
    }
    wrong
}

/// How a mutant deletes.
#[derive(Clone, Copy)]
enum Mutation {
    /// By the archived keys, whatever the rows hold by now.
    NoCompare,
    /// By what selected the rows in the first place.
    ByPredicate,
}

struct Mutant {
    connection: Connection,
    mutation: Mutation,
}

struct Done(u64);

impl Deleter for Mutant {
    fn stage<'a>(
        &'a mut self,
        batch: &'a Batch,
        _: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Box<dyn Staged + 'a>, StoreError>> {
        let keys = batch.rows[0]
            .marks
            .iter()
            .map(|mark| match &mark.key.0[..] {
                [auditail::core::event::KeyPart::Int(id)] => id.to_string(),
                other => panic!("{other:?}"),
            });
        let keys: Vec<_> = keys.collect();
        let condition = match self.mutation {
            Mutation::NoCompare => format!("id IN ({})", keys.join(", ")),
            Mutation::ByPredicate => format!("occurred_at < '{CUTOFF}'"),
        };
        let sql = format!("DELETE FROM audit_events WHERE {condition}");
        let count = self.connection.execute(&sql, []).unwrap();
        Box::pin(async move { Ok(Box::new(Done(count as u64)) as Box<dyn Staged>) })
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

async fn mutated(mutation: Mutation) -> Vec<&'static str> {
    let store = Store::clutch(5);
    let batch = store.archive(&store.plan().await).await;
    let connection = Connection::open(&store.path).unwrap();
    let mut mutant = Mutant {
        connection,
        mutation,
    };
    violations(&store, &mut mutant, &batch).await
}

#[tokio::test]
async fn the_checks_pass_the_deleter_and_catch_its_mutants() {
    let store = Store::clutch(5);
    let plan = store.plan().await;
    let batch = store.archive(&plan).await;
    let mut deleter = store.deleter(&plan).await.unwrap();
    let none: [&str; 0] = [];
    assert_eq!(violations(&store, &mut *deleter, &batch).await, none);
    assert_eq!(mutated(Mutation::NoCompare).await, ["lost an update"]);
    assert_eq!(
        mutated(Mutation::ByPredicate).await,
        ["lost an update", "lost a late arrival"]
    );
}
