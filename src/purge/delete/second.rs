//! A second connection that deletes and compares the next batch while the first is at work on its
//! own. In a task of its own, which its owner tells when to commit.
//!
//! Decides nothing and journals nothing; a batch whose owner is gone is taken back.

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::core::purge::row::RowMark;
use crate::store::purger::{Batch, Deleter, Left, Staged};
use crate::store::{BoxFuture, StoreError};

/// A deleter in a task.
pub(super) struct Second {
    orders: mpsc::Sender<Order>,
    reports: mpsc::Receiver<Report>,
    stop: CancellationToken,
    task: JoinHandle<()>,
    /// That of the last batch that came to its end.
    room: Batch,
}

/// What to do next.
enum Order {
    Stage(Batch),
    Commit,
    TakeBack,
}

/// What was done.
enum Report {
    /// It can be committed.
    Staged(Found),
    /// Committed or taken back, as ordered; or it never came to that.
    Ended(Batch, Result<(), StoreError>),
}

/// What a staged batch comes to.
struct Found {
    transaction: String,
    deleted: Vec<u64>,
    left: Vec<(RowMark, Left)>,
}

/// The transaction that the task has open. Who drops it has to dismiss the task.
pub(super) struct Opened<'a> {
    second: &'a mut Second,
    found: Found,
}

impl Second {
    /// Begins its task.
    pub(super) fn start(deleter: Box<dyn Deleter>) -> Self {
        let (orders, taken) = mpsc::channel(1);
        let (told, reports) = mpsc::channel(1);
        let stop = CancellationToken::new();
        let task = tokio::spawn(serve(deleter, taken, told, stop.clone()));
        Self {
            orders,
            reports,
            stop,
            task,
            room: Batch::default(),
        }
    }

    /// The room of a batch that came to its end, for the next one.
    pub(super) fn room(&mut self) -> Batch {
        std::mem::take(&mut self.room)
    }

    /// Has it stage a batch.
    pub(super) async fn stage(&self, batch: Batch) {
        // A task that has ended is noticed by its report.
        let _ = self.orders.send(Order::Stage(batch)).await;
    }

    /// What the batch came to.
    pub(super) async fn staged(&mut self) -> Result<Opened<'_>, StoreError> {
        match self.reports.recv().await {
            Some(Report::Staged(found)) => Ok(Opened {
                second: self,
                found,
            }),
            Some(Report::Ended(_, Err(error))) => Err(error),
            Some(Report::Ended(_, Ok(()))) | None => Err(StoreError::Cancelled),
        }
    }

    async fn end(&mut self, order: Order) -> Result<(), StoreError> {
        let _ = self.orders.send(order).await;
        match self.reports.recv().await {
            Some(Report::Ended(batch, ended)) => {
                self.room = batch;
                ended
            }
            Some(Report::Staged(_)) | None => Err(StoreError::Lost {
                name: "the second connection".to_owned(),
                message: "nobody says what became of the transaction".to_owned(),
            }),
        }
    }

    /// Takes back what is staged or about to be, and ends: the connection is gone afterwards.
    pub(super) async fn dismiss(self) {
        let Self {
            orders,
            reports,
            stop,
            task,
            ..
        } = self;
        stop.cancel();
        drop((orders, reports));
        if let Err(error) = task.await {
            tracing::warn!(%error, "the second connection ended early");
        }
    }
}

impl Staged for Opened<'_> {
    fn transaction(&self) -> &str {
        &self.found.transaction
    }

    fn deleted(&self) -> &[u64] {
        &self.found.deleted
    }

    fn left(&self) -> &[(RowMark, Left)] {
        &self.found.left
    }

    fn commit<'a>(self: Box<Self>) -> BoxFuture<'a, Result<(), StoreError>>
    where
        Self: 'a,
    {
        Box::pin(async move { self.second.end(Order::Commit).await })
    }

    fn rollback<'a>(self: Box<Self>) -> BoxFuture<'a, Result<(), StoreError>>
    where
        Self: 'a,
    {
        Box::pin(async move { self.second.end(Order::TakeBack).await })
    }
}

async fn serve(
    mut deleter: Box<dyn Deleter>,
    mut orders: mpsc::Receiver<Order>,
    told: mpsc::Sender<Report>,
    stop: CancellationToken,
) {
    while let Some(order) = orders.recv().await {
        let Order::Stage(batch) = order else {
            continue;
        };
        let ended = match deleter.stage(&batch, &stop).await {
            Ok(staged) => {
                let found = Found {
                    transaction: staged.transaction().to_owned(),
                    deleted: staged.deleted().to_vec(),
                    left: staged.left().to_vec(),
                };
                // With nobody there to read it the orders have ended, too.
                let _ = told.send(Report::Staged(found)).await;
                match orders.recv().await {
                    Some(Order::Commit) => staged.commit().await,
                    Some(Order::TakeBack | Order::Stage(_)) | None => staged.rollback().await,
                }
            }
            Err(error) => Err(error),
        };
        if told.send(Report::Ended(batch, ended)).await.is_err() {
            return;
        }
    }
}
