//! A second connection that deletes and compares the next batch while the first is at work on its
//! own. In a task of its own, which its owner tells when to commit.
//!
//! Decides nothing and journals nothing; a batch whose owner is gone is taken back.

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::core::purge::row::RowMark;
use crate::store::StoreError;
use crate::store::purger::{Batch, Deleter, Left, Staged};

/// A deleter in a task.
pub(super) struct Second {
    orders: mpsc::Sender<Order>,
    reports: mpsc::Receiver<Report>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// What to do next. Whatever follows on [`Order::Stage`] but a commit takes the batch back.
enum Order {
    Stage(Batch),
    Commit,
}

/// What was done.
enum Report {
    /// It can be committed.
    Staged(Found),
    /// Committed or taken back, as ordered; or it never came to that.
    Ended(Batch, Result<(), StoreError>),
}

/// What a staged batch comes to.
pub(super) struct Found {
    /// As [`Staged::transaction`].
    pub(super) transaction: String,
    /// As [`Staged::deleted`].
    pub(super) deleted: Vec<u64>,
    /// As [`Staged::left`].
    pub(super) left: Vec<(RowMark, Left)>,
}

impl Found {
    /// Of an open transaction.
    pub(super) fn of(staged: &(dyn Staged + '_)) -> Self {
        Self {
            transaction: staged.transaction().to_owned(),
            deleted: staged.deleted().to_vec(),
            left: staged.left().to_vec(),
        }
    }
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
        }
    }

    /// Has it stage a batch.
    pub(super) async fn stage(&self, batch: Batch) {
        // A task that has ended is noticed by its report.
        let _ = self.orders.send(Order::Stage(batch)).await;
    }

    /// What the batch came to.
    pub(super) async fn staged(&mut self) -> Result<Found, StoreError> {
        match self.reports.recv().await {
            Some(Report::Staged(found)) => Ok(found),
            Some(Report::Ended(_, Err(error))) => Err(error),
            Some(Report::Ended(_, Ok(()))) | None => Err(StoreError::Cancelled),
        }
    }

    /// Commits what is staged; gives the batch's room back. [`StoreError::Lost`] means that the
    /// outcome is not known.
    pub(super) async fn commit(&mut self) -> Result<Batch, StoreError> {
        let _ = self.orders.send(Order::Commit).await;
        match self.reports.recv().await {
            Some(Report::Ended(batch, ended)) => ended.map(|()| batch),
            Some(Report::Staged(_)) | None => Err(StoreError::Lost {
                name: "the second connection".to_owned(),
                message: "nobody says what became of the commit".to_owned(),
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
        } = self;
        stop.cancel();
        drop((orders, reports));
        if let Err(error) = task.await {
            tracing::warn!(%error, "the second connection ended early");
        }
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
                // With nobody there to read it the orders have ended, too.
                let _ = told.send(Report::Staged(Found::of(&*staged))).await;
                match orders.recv().await {
                    Some(Order::Commit) => staged.commit().await,
                    Some(Order::Stage(_)) | None => staged.rollback().await,
                }
            }
            Err(error) => Err(error),
        };
        if told.send(Report::Ended(batch, ended)).await.is_err() {
            return;
        }
    }
}
