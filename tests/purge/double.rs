//! The purging side of a store, with parts of it in the test's hands.

use auditail::core::instant::Micros;
use auditail::core::purge::plan::{Plan, Survey};
use auditail::core::purge::row::{RawRows, RowDigest};
use auditail::store::purger::{
    Deleter, Piece, Place, Probe, Purger, ReadEnd, RestoreInto, Restorer, Selection,
};
use auditail::store::{BoxFuture, StoreError};
use tokio::sync::mpsc::{self, Sender};
use tokio_util::sync::CancellationToken;

/// Replaces one deleter by another.
pub type Exchange = Box<dyn Fn(Box<dyn Deleter>) -> Box<dyn Deleter> + Send + Sync>;

/// A store in the test's hands.
pub struct Double {
    real: Box<dyn Purger>,
    /// What the server's clock shows instead.
    pub clock: fn(Micros) -> Micros,
    /// Who deletes instead.
    pub deleter: Exchange,
    /// What rows are read as: words in the place of others of the same length.
    pub misread: Option<(&'static str, &'static str)>,
}

impl Double {
    /// The real thing, so far.
    pub fn of(real: Box<dyn Purger>) -> Self {
        Self {
            real,
            clock: |now| now,
            deleter: Box::new(|deleter| deleter),
            misread: None,
        }
    }
}

impl Purger for Double {
    fn probe<'a>(
        &'a self,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Probe, StoreError>> {
        Box::pin(async move {
            let mut probe = self.real.probe(stop).await?;
            probe.now = (self.clock)(probe.now);
            Ok(probe)
        })
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
        let Some((word, other)) = self.misread else {
            return self.real.read(plan, what, after, limit, out, stop);
        };
        Box::pin(async move {
            let (pieces, mut read) = mpsc::channel::<Piece>(1);
            let reading = self.real.read(plan, what, after, limit, pieces, stop);
            let misreading = async {
                while let Some(mut piece) = read.recv().await {
                    for rows in &mut piece.rows {
                        garble(rows, word, other);
                    }
                    if out.send(piece).await.is_err() {
                        return;
                    }
                }
            };
            tokio::join!(reading, misreading).0
        })
    }

    fn deleter<'a>(
        &'a self,
        plan: &'a Plan,
        as_whom: Option<&'a str>,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Box<dyn Deleter>, StoreError>> {
        Box::pin(async move {
            let real = self.real.deleter(plan, as_whom, stop).await?;
            Ok((self.deleter)(real))
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

/// Other words in rows whose digests are those of the other words.
fn garble(rows: &mut RawRows, word: &str, other: &str) {
    let mut at = 0;
    for mark in &mut rows.marks {
        let row = &mut rows.payload[at..at + mark.length as usize];
        let found = row
            .windows(word.len())
            .position(|part| part == word.as_bytes());
        if let Some(found) = found {
            row[found..found + word.len()].copy_from_slice(other.as_bytes());
            mark.digest = RowDigest::of(row);
        }
        at += mark.length as usize;
    }
}
