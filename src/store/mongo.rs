//! MongoDB: an audit collection read as a good guest.
//!
//! Raw BSON is the record: documents are never decoded on the way, they are rendered to JSON by
//! `render` and read by the profile's one evaluator. Nothing here writes but `demo`, which has a client
//! of its own.

mod batch;
pub mod demo;
pub mod discover;
mod examine;
mod failure;
pub mod filter;
mod group;
mod heartbeat;
pub mod link;
mod numbers;
pub mod order;
mod page;
pub mod purge;
mod rows;
mod single;
pub mod source;
mod tail;
pub mod target;

use std::sync::Arc;

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
use crate::store::mongo::link::Watcher;
use crate::store::mongo::source::Source;
use crate::store::mongo::target::Target;
use crate::store::{
    AggregateItem, BoxFuture, Count, CountMode, Description, Explanation, Finding, PageEnd,
    PageItem, PageRequest, Store, StoreError, TailItem, TailRequest,
};

/// An audit collection on a MongoDB server.
pub struct MongoStore {
    source: Arc<Source>,
}

/// Connects, finds the collection and opens it.
pub async fn open(target: &str, options: &OpenOptions) -> Result<MongoStore, StoreError> {
    Box::pin(open_watched(target, options, None)).await
}

/// Whether a password is missing: the driver would not even ask the server without one.
pub async fn log_in(target: &str, options: &OpenOptions) -> Result<(), StoreError> {
    let target = Target::resolve(target).await?;
    target.with_password(options.password.as_ref()).map(drop)
}

/// As [`open`]; the watcher sees every command before it is sent.
pub async fn open_watched(
    target: &str,
    options: &OpenOptions,
    watcher: Option<Watcher>,
) -> Result<MongoStore, StoreError> {
    let source = Box::pin(source::open(target, options, watcher)).await?;
    Ok(MongoStore {
        source: Arc::new(source),
    })
}

/// What `profiles detect` prints.
pub async fn candidates(target: &str, options: &OpenOptions) -> Result<Vec<Candidate>, StoreError> {
    source::candidates(target, options).await
}

impl Store for MongoStore {
    fn description(&self) -> Arc<Description> {
        self.source.description.clone()
    }

    fn catalog<'a>(
        &'a self,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Catalog, StoreError>> {
        Box::pin(single::catalog(&self.source, stop))
    }

    fn page<'a>(
        &'a self,
        request: PageRequest,
        out: Sender<PageItem>,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<PageEnd, StoreError>> {
        Box::pin(page::page(&self.source, request, out, stop))
    }

    fn fetch<'a>(
        &'a self,
        cursor: &'a Cursor,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Option<Event>, StoreError>> {
        Box::pin(single::fetch(&self.source, cursor, stop))
    }

    fn aggregate<'a>(
        &'a self,
        request: AggregateRequest,
        out: Sender<AggregateItem>,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Aggregate, StoreError>> {
        Box::pin(numbers::aggregate(&self.source, request, out, stop))
    }

    fn count<'a>(
        &'a self,
        predicate: &'a Predicate,
        mode: CountMode,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Count, StoreError>> {
        Box::pin(numbers::count(&self.source, predicate, mode, stop))
    }

    fn span<'a>(
        &'a self,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Option<(Micros, Micros)>, StoreError>> {
        Box::pin(async move {
            let mut work = self.source.link.work(&self.source.label, stop).await?;
            single::span(&self.source, &mut work).await
        })
    }

    fn explain<'a>(
        &'a self,
        predicate: &'a Predicate,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Explanation, StoreError>> {
        Box::pin(examine::explain(&self.source, predicate, stop))
    }

    fn tail<'a>(
        &'a self,
        request: TailRequest,
        out: Sender<TailItem>,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(tail::tail(&self.source, request, out, stop))
    }

    fn examine<'a>(
        &'a self,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Vec<Finding>, StoreError>> {
        Box::pin(examine::examine(&self.source, stop))
    }

    fn pairs<'a>(
        &'a self,
        pairs: Pairs,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Option<PairRows>, StoreError>> {
        Box::pin(single::pairs(&self.source, pairs, stop))
    }

    fn now<'a>(&'a self, stop: &'a CancellationToken) -> BoxFuture<'a, Result<Micros, StoreError>> {
        Box::pin(async move {
            let mut work = self.source.link.work(&self.source.label, stop).await?;
            work.now().await
        })
    }
}
