//! A batch in one transaction: read, compared with the archive, deleted by `_id`, and left open.
//!
//! Whoever writes to one of the documents meanwhile makes the transaction fail; then it is begun
//! again, at last without the documents he does not let go. Does not journal.

use std::time::Duration;

use mongodb::ClientSession;
use mongodb::bson::{Bson, doc};
use mongodb::error::{self, UNKNOWN_TRANSACTION_COMMIT_RESULT};
use mongodb::options::{
    Acknowledgment, DeleteOptions, Hint, ReadConcern, ReadPreference, SelectionCriteria,
    WriteConcern,
};

use super::MongoDeleter;
use super::settle::Name;
use crate::core::purge::row::{RawRows, RowMark};
use crate::store::mongo::purge::desk::{self, Desk, Hitch, Now, Rows, simple};
use crate::store::mongo::purge::refused;
use crate::store::purger::{Left, Staged};
use crate::store::{BoxFuture, StoreError};

/// How often a batch that met another writer is begun again as it is.
const TRIES: u32 = 4;
/// How long to wait before it, times the number of tries.
const PAUSE: Duration = Duration::from_millis(20);
/// How often a commit nobody answered is sent again; the driver doubles it.
const COMMITS: u32 = 5;
/// How long a commit may take.
const COMMIT_TIME: Duration = Duration::from_secs(30);

impl MongoDeleter {
    /// A batch in an open transaction.
    pub(super) async fn transaction(
        &mut self,
        rows: &RawRows,
    ) -> Result<OpenBatch<'_>, StoreError> {
        let rows = Rows::new(rows)?;
        let mut locked: Vec<usize> = Vec::new();
        for attempt in 1..=2 * TRIES {
            match self.attempt(&rows, &locked).await {
                Ok((session, work)) => {
                    let deletes = rows.ids.len() - work.left.len();
                    let name = Name::of_transaction(&session, self.begun, deletes);
                    return Ok(OpenBatch {
                        desk: &self.desk,
                        name: name.to_string(),
                        session,
                        work,
                    });
                }
                Err(Hitch::Error(error)) => return Err(error),
                Err(Hitch::Conflict) => tokio::time::sleep(PAUSE * attempt).await,
            }
            if attempt == TRIES {
                // Somebody does not let go: which documents are his?
                locked = self.locked(&rows).await?;
            }
        }
        Err(self.desk.busy())
    }

    async fn begin(&mut self) -> Result<ClientSession, StoreError> {
        let mut session = self.desk.session().await?;
        let durable = WriteConcern::builder()
            .w(Acknowledgment::Majority)
            .journal(true)
            .build();
        session
            .start_transaction()
            .read_concern(ReadConcern::snapshot())
            .write_concern(durable)
            .selection_criteria(SelectionCriteria::ReadPreference(ReadPreference::Primary))
            .max_commit_time(COMMIT_TIME)
            .await
            .map_err(|error| self.desk.failed(&error))?;
        self.begun += 1;
        Ok(session)
    }

    async fn attempt(
        &mut self,
        rows: &Rows<'_>,
        locked: &[usize],
    ) -> Result<(ClientSession, Work), Hitch> {
        let mut session = self.begin().await?;
        let done = self.desk.delete(rows, locked, &mut session).await;
        match done {
            Ok(work) => Ok((session, work)),
            Err(hitch) => {
                // The server has taken it back by itself, or cannot be asked.
                let _ = Desk::answered(session.abort_transaction()).await;
                Err(hitch)
            }
        }
    }

    /// The places of documents somebody else is writing to: ever smaller parts of the batch are
    /// deleted and taken back.
    async fn locked(&mut self, rows: &Rows<'_>) -> Result<Vec<usize>, StoreError> {
        let mut locked = Vec::new();
        let mut waiting: Vec<Vec<usize>> = vec![(0..rows.ids.len()).collect()];
        while let Some(places) = waiting.pop() {
            let mut session = self.begin().await?;
            let ids = rows.ids_at(&places);
            let deleted = self.desk.delete_ids(ids, &mut session).await;
            let _ = Desk::answered(session.abort_transaction()).await;
            match deleted {
                Ok(_) => {}
                Err(Hitch::Error(error)) => return Err(error),
                Err(Hitch::Conflict) => match places.as_slice() {
                    [one] => locked.push(*one),
                    many => {
                        let (first, rest) = many.split_at(many.len() / 2);
                        waiting.extend([first.to_vec(), rest.to_vec()]);
                    }
                },
            }
        }
        locked.sort_unstable();
        Ok(locked)
    }
}

/// What was done in an open transaction.
struct Work {
    deleted: Vec<u64>,
    left: Vec<(RowMark, Left)>,
}

impl Desk {
    /// Reads, compares and deletes inside a transaction.
    async fn delete(
        &self,
        rows: &Rows<'_>,
        locked: &[usize],
        session: &mut ClientSession,
    ) -> Result<Work, Hitch> {
        let now = self.compare(rows, Some(session)).await?;
        let (goes, left) = parted(rows, &now, locked);
        let deleted = self.delete_ids(rows.ids_at(&goes), session).await?;
        if deleted != goes.len() as u64 {
            return Err(Hitch::Error(refused(
                format!(
                    "{} deleted {deleted} documents where {} were named; everything was taken back",
                    self.label,
                    goes.len()
                ),
                "look at the collection; nothing of the batch was deleted",
            )));
        }
        Ok(Work {
            deleted: vec![deleted],
            left,
        })
    }

    async fn delete_ids(&self, ids: Vec<Bson>, session: &mut ClientSession) -> Result<u64, Hitch> {
        if ids.is_empty() {
            return Ok(0);
        }
        let mut options = DeleteOptions::default();
        options.collation = Some(simple());
        options.hint = Some(Hint::Keys(doc! {"_id": 1}));
        let collection = self.collection();
        let deleted = collection
            .delete_many(doc! {"_id": {"$in": ids}})
            .with_options(options)
            .session(session);
        let deleted = Self::answered(deleted).await;
        Ok(deleted.map_err(|error| self.hitch(&error))?.deleted_count)
    }
}

/// The places of documents that go, and why others do not.
fn parted(rows: &Rows<'_>, now: &[Now], locked: &[usize]) -> (Vec<usize>, Vec<(RowMark, Left)>) {
    let mut goes = Vec::with_capacity(now.len());
    let mut left = Vec::new();
    for (place, mark) in rows.archived.marks.iter().enumerate() {
        let why = match now[place] {
            Now::Missing => Left::Gone,
            Now::Other => Left::Changed,
            Now::Equal if locked.binary_search(&place).is_ok() => Left::Locked,
            Now::Equal => {
                goes.push(place);
                continue;
            }
        };
        left.push((mark.clone(), why));
    }
    (goes, left)
}

/// An open transaction whose deletions equal the archive.
pub(super) struct OpenBatch<'d> {
    desk: &'d Desk,
    session: ClientSession,
    name: String,
    work: Work,
}

impl OpenBatch<'_> {
    async fn end(mut self) -> Result<(), StoreError> {
        let mut is_unknown = false;
        for attempt in 1..=COMMITS {
            let committing = Desk::answered(self.session.commit_transaction()).await;
            let error: error::Error = match committing {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            if desk::is_silence(&error) {
                break;
            }
            if !error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT) && !is_unknown {
                // Nothing of it was done, and the server has said so.
                return Err(match self.desk.hitch(&error) {
                    Hitch::Conflict => self.desk.busy(),
                    Hitch::Error(error) => error,
                });
            }
            is_unknown = true;
            if attempt < COMMITS {
                tokio::time::sleep(Duration::from_millis(100) * 2_u32.pow(attempt)).await;
            }
        }
        Err(StoreError::Lost {
            name: self.desk.link.target.place.clone(),
            message: "nobody says what became of the commit".to_owned(),
        })
    }
}

impl Staged for OpenBatch<'_> {
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
        Box::pin((*self).end())
    }

    fn rollback<'a>(mut self: Box<Self>) -> BoxFuture<'a, Result<(), StoreError>>
    where
        Self: 'a,
    {
        Box::pin(async move {
            let aborted = Desk::answered(self.session.abort_transaction()).await;
            aborted.map_err(|error| self.desk.failed(&error))
        })
    }
}
