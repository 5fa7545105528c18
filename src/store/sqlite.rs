//! SQLite: the embedded store, and any file another program writes.
//!
//! Read-only. Each connection lives on a thread of its own ([`worker`]); reading is done in short
//! jobs, so that opening an event does not wait for a search.

mod choose;
mod count;
pub mod demo;
mod describe;
mod examine;
mod look;
mod open;
mod page;
pub mod purge;
mod row;
mod shape;
mod sieve;
mod sql;
mod tail;
mod walk;
mod worker;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::OnceCell;
use tokio::sync::mpsc::Sender;
use tokio_util::sync::CancellationToken;

use crate::core::aggregate::{Aggregate, AggregateRequest};
use crate::core::event::{Cursor, Event};
use crate::core::instant::Micros;
use crate::core::profile::detect::Candidate;
use crate::core::query::catalog::Catalog;
use crate::core::query::predicate::Predicate;
use crate::store::connect::OpenOptions;
use crate::store::membership::{PairRows, Pairs};
use crate::store::sqlite::shape::Shape;
use crate::store::sqlite::worker::Worker;
use crate::store::{
    AggregateItem, BoxFuture, Count, CountMode, Description, Explanation, Finding, PageEnd,
    PageItem, PageRequest, Store, StoreError, TailItem, TailRequest,
};

/// An opened SQLite file.
#[derive(Debug)]
pub struct SqliteStore {
    path: PathBuf,
    shape: Arc<Shape>,
    description: Arc<Description>,
    /// Lists, single events, everything a person waits for.
    browse: Worker,
    /// Counting and exporting.
    heavy: OnceCell<Worker>,
}

/// Opens a file for reading: finds the audit table and how its rows become events.
pub async fn open(path: &Path, options: &OpenOptions) -> Result<SqliteStore, StoreError> {
    let browse = Worker::spawn("browse", path.to_owned()).await?;
    let (file, asked) = (path.to_owned(), options.clone());
    let chosen = browse
        .run(&CancellationToken::new(), move |connection, _| {
            choose::choose(connection, &file, &asked)
        })
        .await?;
    Ok(SqliteStore {
        path: path.to_owned(),
        shape: Arc::new(chosen.shape),
        description: Arc::new(chosen.description),
        browse,
        heavy: OnceCell::new(),
    })
}

/// Every table of a file that looks like an audit log, best first.
pub async fn candidates(path: &Path, options: &OpenOptions) -> Result<Vec<Candidate>, StoreError> {
    let worker = Worker::spawn("browse", path.to_owned()).await?;
    let (file, asked) = (path.to_owned(), options.clone());
    let stop = CancellationToken::new();
    worker
        .run(&stop, move |connection, _| {
            choose::candidates(connection, &file, &asked)
        })
        .await
}

impl SqliteStore {
    async fn heavy(&self) -> Result<&Worker, StoreError> {
        self.heavy
            .get_or_try_init(|| Worker::spawn("heavy", self.path.clone()))
            .await
    }
}

impl Store for SqliteStore {
    fn description(&self) -> Arc<Description> {
        Arc::clone(&self.description)
    }

    fn catalog<'a>(
        &'a self,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Catalog, StoreError>> {
        Box::pin(look::catalog(self, stop))
    }

    fn page<'a>(
        &'a self,
        request: PageRequest,
        out: Sender<PageItem>,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<PageEnd, StoreError>> {
        Box::pin(page::page(self, request, out, stop))
    }

    fn fetch<'a>(
        &'a self,
        cursor: &'a Cursor,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Option<Event>, StoreError>> {
        Box::pin(look::fetch(self, cursor, stop))
    }

    fn aggregate<'a>(
        &'a self,
        request: AggregateRequest,
        out: Sender<AggregateItem>,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Aggregate, StoreError>> {
        Box::pin(count::aggregate(self, request, out, stop))
    }

    fn count<'a>(
        &'a self,
        predicate: &'a Predicate,
        mode: CountMode,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Count, StoreError>> {
        Box::pin(count::count(self, predicate, mode, stop))
    }

    fn span<'a>(
        &'a self,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Option<(Micros, Micros)>, StoreError>> {
        Box::pin(self.span_on(&self.browse, stop))
    }

    fn explain<'a>(
        &'a self,
        predicate: &'a Predicate,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Explanation, StoreError>> {
        Box::pin(look::explain(self, predicate, stop))
    }

    fn tail<'a>(
        &'a self,
        request: TailRequest,
        out: Sender<TailItem>,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(tail::tail(self, request, out, stop))
    }

    fn examine<'a>(
        &'a self,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Vec<Finding>, StoreError>> {
        Box::pin(examine::examine(self, stop))
    }

    fn pairs<'a>(
        &'a self,
        pairs: Pairs,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Option<PairRows>, StoreError>> {
        Box::pin(look::pairs(self, pairs, stop))
    }

    fn now<'a>(&'a self, stop: &'a CancellationToken) -> BoxFuture<'a, Result<Micros, StoreError>> {
        Box::pin(look::now(self, stop))
    }
}
