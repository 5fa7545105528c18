//! A connection that may change a collection: by the documents of a batch, never by a condition.
//!
//! Does not compare; see `delete` and `restore`.

use std::collections::HashMap;
use std::io;
use std::time::Duration;

use futures_util::{Stream, StreamExt as _};
use mongodb::bson::{Bson, Document, RawDocument, RawDocumentBuf, doc};
use mongodb::error::{Error, ErrorKind, TRANSIENT_TRANSACTION_ERROR};
use mongodb::options::{Collation, FindOptions, Hint, ReadConcern};
use mongodb::raw_batch_cursor::RawBatch;
use mongodb::{ClientSession, Collection};
use tokio_util::sync::CancellationToken;

use crate::core::bson::Raw;
use crate::core::bson::key::{self, id_of};
use crate::core::purge::plan::Plan;
use crate::core::purge::row::{RawRows, RowDigest, RowKey};
use crate::core::sanitise::safe;
use crate::store::StoreError;
use crate::store::mongo::discover::{self, Found};
use crate::store::mongo::failure;
use crate::store::mongo::link::{Deployment, Link};
use crate::store::mongo::page::documents;
use crate::store::mongo::purge::refused;
use crate::store::mongo::rows::malformed;
use crate::store::mongo::target::Target;

/// Somebody else is writing to the same document.
const WRITE_CONFLICT: i32 = 112;
/// Somebody holds a lock on the whole collection.
const LOCK_TIMEOUT: i32 = 24;

/// How long the server may be silent: it ends transactions that are as old.
const PATIENCE: Duration = Duration::from_mins(1);

/// The connection, and the collection it is for.
pub struct Desk {
    /// The conversation.
    pub link: Link,
    /// Its database.
    pub database: String,
    /// Its name.
    pub name: String,
    /// Both, for messages.
    pub label: String,
}

/// Why an operation in a transaction did not succeed.
pub enum Hitch {
    /// Somebody else writes to the same documents; the transaction is gone, and may be tried again.
    Conflict,
    /// For everybody else.
    Error(StoreError),
}

impl From<StoreError> for Hitch {
    fn from(error: StoreError) -> Self {
        Self::Error(error)
    }
}

impl Desk {
    /// Connects.
    pub async fn open(target: Target, database: &str, name: &str) -> Result<Self, StoreError> {
        Ok(Self {
            link: Link::open(target, None).await?,
            database: database.to_owned(),
            name: name.to_owned(),
            label: safe(&format!("{database}.{name}")).into_owned(),
        })
    }

    /// The collection as it is now; `None` when there is none.
    pub async fn found(&self, stop: &CancellationToken) -> Result<Option<Found>, StoreError> {
        let mut work = self.link.work(&self.label, stop).await?;
        let found = discover::collections(&mut work, &self.database, Some(&self.name)).await?;
        Ok(found.into_iter().next())
    }

    /// Its documents as bytes.
    pub fn collection(&self) -> Collection<RawDocumentBuf> {
        self.link.collection(&self.database, &self.name)
    }

    /// Whether changes to several documents can be made as one.
    pub fn has_transactions(&self) -> bool {
        self.link.server.deployment != Deployment::Standalone
    }

    /// The answer to what was asked. The client library would wait for it for ever; a connection
    /// that was given up is not used again.
    pub async fn answered<T>(
        asked: impl IntoFuture<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let answer = tokio::time::timeout(PATIENCE, asked.into_future()).await;
        answer.unwrap_or_else(|_| {
            let silence = "the server has not answered for as long as a transaction may last";
            Err(io::Error::new(io::ErrorKind::TimedOut, silence).into())
        })
    }

    /// A session.
    pub async fn session(&self) -> Result<ClientSession, StoreError> {
        let session = self.link.client().start_session().await;
        session.map_err(|error| self.failed(&error))
    }

    /// Runs a command on a database.
    pub async fn command(&self, database: &str, command: Document) -> Result<Document, Error> {
        let database = self.link.client().database(database);
        Self::answered(database.run_command(command)).await
    }

    /// The documents with these ids, whatever they look like; in a transaction, or as a majority of
    /// the members has them.
    pub async fn each(
        &self,
        ids: Vec<Bson>,
        mut transaction: Option<&mut ClientSession>,
        mut see: impl FnMut(Raw<'_>) -> Result<(), StoreError>,
    ) -> Result<(), Hitch> {
        if ids.is_empty() {
            return Ok(());
        }
        let mut options = FindOptions::default();
        options.batch_size = u32::try_from(ids.len() + 1).ok();
        options.collation = Some(simple());
        options.hint = Some(Hint::Keys(doc! {"_id": 1}));
        if transaction.is_none() && self.has_transactions() {
            options.read_concern = Some(ReadConcern::majority());
        }
        let collection = self.collection();
        let find = collection
            .find(doc! {"_id": {"$in": ids}})
            .with_options(options);
        let fail = |error: Error| self.hitch(&error);
        if let Some(session) = &mut transaction {
            let asked = find.session(&mut **session).batch();
            let mut rows = Self::answered(asked).await.map_err(fail)?;
            while let Some(batch) = pulled(&mut rows.stream(session)).await.map_err(fail)? {
                for document in documents(&batch)? {
                    see(document?)?;
                }
            }
        } else {
            let mut rows = Self::answered(find.batch()).await.map_err(fail)?;
            while let Some(batch) = pulled(&mut rows).await.map_err(fail)? {
                for document in documents(&batch)? {
                    see(document?)?;
                }
            }
        }
        Ok(())
    }

    /// How the batch's documents are in the collection.
    pub async fn compare(
        &self,
        rows: &Rows<'_>,
        transaction: Option<&mut ClientSession>,
    ) -> Result<Vec<Now>, Hitch> {
        let mut now = vec![Now::Missing; rows.ids.len()];
        self.each(rows.ids.clone(), transaction, |document| {
            if let Some(place) = rows.place(document)? {
                now[place] = if RowDigest::of(document.bytes()) == rows.archived.marks[place].digest
                {
                    Now::Equal
                } else {
                    Now::Other
                };
            }
            Ok(())
        })
        .await?;
        Ok(now)
    }

    /// What an error means in a transaction.
    pub fn hitch(&self, error: &Error) -> Hitch {
        let is_conflict =
            failure::code(error).is_some_and(|code| [WRITE_CONFLICT, LOCK_TIMEOUT].contains(&code));
        if is_conflict {
            return Hitch::Conflict;
        }
        match self.failed(error) {
            // The transaction is gone with the primary that knew of it.
            StoreError::Failed { message, .. }
                if error.contains_label(TRANSIENT_TRANSACTION_ERROR) =>
            {
                Hitch::Error(StoreError::Lost {
                    name: self.link.target.place.clone(),
                    message,
                })
            }
            error => Hitch::Error(error),
        }
    }

    /// An error as the rest of the program knows errors.
    pub fn failed(&self, error: &Error) -> StoreError {
        failure::failed(error, &self.link.target, &self.label)
    }

    /// What is to be said when somebody else does not let go.
    pub fn busy(&self) -> StoreError {
        StoreError::Busy {
            message: format!(
                "somebody else keeps writing to the documents of {}",
                self.label
            ),
            hint: Some("the purge can be resumed when they have done".to_owned()),
        }
    }
}

/// Whether an answer was not waited for any longer.
pub fn is_silence(error: &Error) -> bool {
    matches!(&*error.kind, ErrorKind::Io(error) if error.kind() == io::ErrorKind::TimedOut)
}

/// What comes next of an answer.
async fn pulled(
    rows: &mut (impl Stream<Item = Result<RawBatch, Error>> + Unpin),
) -> Result<Option<RawBatch>, Error> {
    Desk::answered(async { rows.next().await.transpose() }).await
}

/// Text by its bytes, whatever the collection says.
pub fn simple() -> Collation {
    Collation::builder().locale("simple").build()
}

/// Database and name of a plan's collection.
pub fn namespace(plan: &Plan) -> Result<(&str, &str), StoreError> {
    match plan.relations.as_slice() {
        [events] => Ok((
            events.schema.as_deref().unwrap_or_default(),
            events.name.as_str(),
        )),
        _ => Err(refused("the plan is not one of a collection", "")),
    }
}

/// Where an archived document stands in the collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Now {
    /// There is none with its id.
    Missing,
    /// It is there, byte for byte.
    Equal,
    /// Another one has its id.
    Other,
}

/// A batch's documents, with the ids they are asked for by.
pub struct Rows<'b> {
    /// As archived.
    pub archived: &'b RawRows,
    /// In the same order.
    pub ids: Vec<Bson>,
    places: HashMap<&'b RowKey, usize>,
}

impl<'b> Rows<'b> {
    /// Checks that every document is what its mark says.
    pub fn new(rows: &'b RawRows) -> Result<Self, StoreError> {
        let wrong = || {
            refused(
                "a document of the archive is not what its mark says",
                "verify the archive; nothing was changed",
            )
        };
        let mut ids = Vec::with_capacity(rows.marks.len());
        for (mark, bytes) in rows.iter() {
            let id = RawDocument::from_bytes(bytes)
                .ok()
                .and_then(|document| document.get("_id").ok().flatten())
                .and_then(|id| Bson::try_from(id).ok());
            let key = Raw::new(bytes)
                .ok()
                .and_then(|raw| key::of(&id_of(raw).ok()??));
            match id {
                Some(id)
                    if key.as_ref() == Some(&mark.key) && RowDigest::of(bytes) == mark.digest =>
                {
                    ids.push(id);
                }
                _ => return Err(wrong()),
            }
        }
        let places = rows.marks.iter().enumerate();
        let places: HashMap<_, _> = places.map(|(place, mark)| (&mark.key, place)).collect();
        if places.len() != rows.marks.len() {
            return Err(wrong());
        }
        Ok(Self {
            archived: rows,
            ids,
            places,
        })
    }

    /// Which of them a document of the collection is.
    pub fn place(&self, document: Raw<'_>) -> Result<Option<usize>, StoreError> {
        let id = id_of(document).map_err(malformed)?;
        let key = id.and_then(|id| key::of(&id));
        Ok(key.and_then(|key| self.places.get(&key).copied()))
    }

    /// The bytes of one.
    pub fn bytes(&self) -> impl Iterator<Item = &'b [u8]> {
        self.archived.iter().map(|(_, bytes)| bytes)
    }

    /// The ids at some places.
    pub fn ids_at(&self, places: &[usize]) -> Vec<Bson> {
        places
            .iter()
            .map(|place| self.ids[*place].clone())
            .collect()
    }
}
