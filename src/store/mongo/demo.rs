//! The demo's records as winston-mongodb 5 stores them. The one place that writes to MongoDB, on a
//! client of its own; nothing else of this driver can reach it.

use mongodb::bson::{DateTime, Document, doc};
use mongodb::{Client, Collection};
use tokio_util::sync::CancellationToken;

use crate::demo::dronahq::{NUMBERS, Record};
use crate::store::StoreError;
use crate::store::mongo::failure;
use crate::store::mongo::target::Target;
use crate::store::secret::Secret;

/// DronaHQ's own name for its collection.
const COLLECTION: &str = "dhq_managed_audit_log";
/// The database of a URI without one.
const DATABASE: &str = "auditail_demo";
/// Documents of one insert.
const PIECE: usize = 2_000;

/// Writes the demo's records into a collection.
pub struct DemoWriter {
    target: Target,
    documents: Collection<Document>,
}

/// What loading came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loaded {
    /// So many documents were written.
    Rows(u64),
    /// The collection was not empty; nothing was written.
    AlreadyThere,
}

impl DemoWriter {
    /// Connects for writing.
    pub async fn connect(url: &str, password: Option<&Secret>) -> Result<Self, StoreError> {
        let target = Target::resolve(url).await?.with_password(password)?;
        let client = Client::with_options(target.options.clone());
        let client = client.map_err(|error| failure::connecting(&error, &target, None))?;
        let name = target.table.as_deref().unwrap_or(COLLECTION);
        let database = client.database(target.database.as_deref().unwrap_or(DATABASE));
        let documents = database.collection(name);
        let ping = database.run_command(doc! {"ping": 1}).await;
        ping.map_err(|error| failure::connecting(&error, &target, None))?;
        Ok(Self { target, documents })
    }

    /// Makes the collection with the index winston-mongodb makes, and fills it.
    pub async fn load(
        &self,
        records: impl Iterator<Item = Record>,
        mut progress: impl FnMut(u64),
        stop: &CancellationToken,
    ) -> Result<Loaded, StoreError> {
        let found = self.documents.find_one(doc! {}).await;
        if found.map_err(|error| self.failed(&error))?.is_some() {
            return Ok(Loaded::AlreadyThere);
        }
        let mut options = mongodb::options::IndexOptions::default();
        options.name = Some("timestamp_1".to_owned());
        let index = mongodb::IndexModel::builder()
            .keys(doc! {"timestamp": -1})
            .options(options)
            .build();
        self.documents
            .create_index(index)
            .await
            .map_err(|error| self.failed(&error))?;
        let mut rows = 0;
        let mut records = records.peekable();
        while records.peek().is_some() {
            if stop.is_cancelled() {
                return Err(StoreError::Cancelled);
            }
            let piece: Vec<Record> = records.by_ref().take(PIECE).collect();
            rows += piece.len() as u64;
            self.write(piece).await?;
            progress(rows);
        }
        Ok(Loaded::Rows(rows))
    }

    /// Writes records that happen now.
    pub async fn write(&self, records: Vec<Record>) -> Result<(), StoreError> {
        if records.is_empty() {
            return Ok(());
        }
        let documents: Vec<Document> = records.iter().map(document).collect();
        self.documents
            .insert_many(documents)
            .await
            .map_err(|error| self.failed(&error))?;
        Ok(())
    }

    fn failed(&self, error: &mongodb::error::Error) -> StoreError {
        failure::failed(error, &self.target, self.documents.name())
    }
}

fn document(record: &Record) -> Document {
    let millis = record.at.0.div_euclid(1000);
    #[expect(
        clippy::cast_precision_loss,
        reason = "JavaScript's numbers are doubles"
    )]
    let mut meta = doc! {"time": millis as f64};
    for (key, value) in &record.meta {
        match value.parse::<i32>() {
            Ok(number) if NUMBERS.contains(key) => meta.insert(*key, number),
            _ => meta.insert(*key, value.as_str()),
        };
    }
    doc! {
        "timestamp": DateTime::from_millis(millis.saturating_add(record.delay)),
        "level": record.level,
        "message": record.message,
        "meta": meta,
    }
}
