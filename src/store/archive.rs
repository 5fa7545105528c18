//! A purge's archive as a store: the rows that went, with their profile, all filters and the
//! inspector, without the database they came from.
//!
//! The segments' times are the index; within a segment rows are read as a stream, so that memory does
//! not grow with the archive. Every row that is shown has been compared with its digest. Nothing here
//! writes, and whether the archive is whole is what `purge verify` tells.

mod count;
mod look;
mod open;
mod page;
mod row;
mod scan;
mod stock;
mod sweep;
mod tail;

use std::path::Path;
use std::sync::{Arc, Mutex};

use tokio::sync::mpsc::Sender;
use tokio_util::sync::CancellationToken;

use crate::archive::ArchiveError;
use crate::core::aggregate::{Aggregate, AggregateRequest};
use crate::core::event::{Cursor, Event};
use crate::core::instant::Micros;
use crate::core::profile::detect::Candidate;
use crate::core::query::catalog::Catalog;
use crate::core::query::predicate::Predicate;
use crate::core::sanitise::safe;
use crate::store::archive::stock::Stock;
use crate::store::archive::sweep::Sweep;
use crate::store::connect::OpenOptions;
use crate::store::membership::{PairRows, Pairs};
use crate::store::{
    AggregateItem, BoxFuture, Count, CountMode, Description, Explanation, Finding, PageEnd,
    PageItem, PageRequest, Store, StoreError, TailItem, TailRequest,
};

/// An opened archive.
#[derive(Debug)]
pub struct ArchiveStore {
    stock: Arc<Stock>,
    description: Arc<Description>,
    findings: Vec<Finding>,
    /// Where the last pages ended, one for each way: the next one goes on there.
    sweeps: Mutex<Vec<Sweep>>,
}

/// Opens the archive in a directory: its journal's chain, its plan's hash, and the size of every file.
pub async fn open(path: &Path, options: &OpenOptions) -> Result<ArchiveStore, StoreError> {
    let (path, options) = (path.to_owned(), options.clone());
    let stop = CancellationToken::new();
    run(&stop, move |_| open::open(&path, &options)).await
}

/// The table of an archive and its profile.
pub async fn candidates(path: &Path, options: &OpenOptions) -> Result<Vec<Candidate>, StoreError> {
    let store = open(path, options).await?;
    Ok(vec![open::candidate(&store.stock)])
}

/// Runs work on files where it holds up nobody. It is told to stop when `stop` is cancelled and when
/// nobody waits for it any more.
async fn run<T: Send + 'static>(
    stop: &CancellationToken,
    work: impl FnOnce(&CancellationToken) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let halt = stop.child_token();
    let _waiting = halt.clone().drop_guard();
    let ended = tokio::task::spawn_blocking(move || {
        if halt.is_cancelled() {
            return Err(StoreError::Cancelled);
        }
        work(&halt)
    });
    ended.await.map_err(|_| StoreError::Failed {
        message: "the thread that reads the archive has ended early".to_owned(),
        hint: None,
    })?
}

/// What is wrong with a file, as an answer.
fn failed(error: &ArchiveError) -> StoreError {
    StoreError::Failed {
        message: safe(&error.to_string()).into_owned(),
        hint: Some("auditail purge verify tells what else of the archive is damaged".to_owned()),
    }
}

/// Hands a piece over; a receiver that is gone stops the work.
async fn send<T>(out: &Sender<T>, item: T, stop: &CancellationToken) -> Result<(), StoreError> {
    tokio::select! {
        () = stop.cancelled() => Err(StoreError::Cancelled),
        sent = out.send(item) => sent.map_err(|_| StoreError::Cancelled),
    }
}

impl Store for ArchiveStore {
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
        _: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Option<(Micros, Micros)>, StoreError>> {
        let span = self.stock.span().map(|span| (span.first, span.last));
        Box::pin(std::future::ready(Ok(span)))
    }

    fn explain<'a>(
        &'a self,
        predicate: &'a Predicate,
        _: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Explanation, StoreError>> {
        Box::pin(std::future::ready(Ok(look::explain(
            &self.stock,
            predicate,
        ))))
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
        _: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Vec<Finding>, StoreError>> {
        Box::pin(std::future::ready(Ok(self.findings.clone())))
    }

    fn pairs<'a>(
        &'a self,
        _: Pairs,
        _: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Option<PairRows>, StoreError>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    fn now<'a>(&'a self, _: &'a CancellationToken) -> BoxFuture<'a, Result<Micros, StoreError>> {
        Box::pin(std::future::ready(Ok(tail::clock())))
    }
}

#[cfg(test)]
mod tests;
