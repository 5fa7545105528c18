//! A transaction whose deletions equal the archive, until somebody ends it.

use crate::core::purge::row::RowMark;
use crate::store::postgres::purge::delete::{PostgresDeleter, Work};
use crate::store::purger::{Left, Staged};
use crate::store::{BoxFuture, StoreError};

/// An open transaction. Dropped without an end, its connection is not used again, and the server
/// takes it back.
pub struct OpenWork<'d> {
    /// Whose connection it is.
    pub deleter: &'d mut PostgresDeleter,
    /// As the journal names it.
    pub name: String,
    /// What was done.
    pub work: Work,
}

impl Staged for OpenWork<'_> {
    fn transaction(&self) -> &str {
        &self.name
    }

    fn deleted(&self) -> &[u64] {
        &self.work.deleted
    }

    fn left(&self) -> &[(RowMark, Left)] {
        &self.work.left
    }

    fn commit<'a>(self: Box<Self>) -> BoxFuture<'a, Result<(), StoreError>>
    where
        Self: 'a,
    {
        Box::pin(async move {
            let ended = self.deleter.link.end("COMMIT").await;
            self.deleter.is_open = ended.is_err();
            ended
        })
    }

    fn rollback<'a>(self: Box<Self>) -> BoxFuture<'a, Result<(), StoreError>>
    where
        Self: 'a,
    {
        Box::pin(async move {
            let ended = self.deleter.link.end("ROLLBACK").await;
            self.deleter.is_open = ended.is_err();
            ended
        })
    }
}
