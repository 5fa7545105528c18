//! The tail: a change stream where there is an oplog, a tailable cursor on a capped collection, a
//! window of time read again and again where there is neither.
//!
//! What was seen, and what is told, is decided by `store::overlap` in all cases. With a stream the
//! order is: open it, read the window once, then follow; so a document that is committed meanwhile
//! is in one of the two, and one that is in both is told once.

mod follow;
mod outlet;
mod poll;
mod ring;
mod stream;

use std::sync::Arc;
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc::Sender;
use tokio_util::sync::CancellationToken;

use crate::core::bson::Raw;
use crate::core::event::{Event, EventId, Outcome, hex};
use crate::core::profile::Changes;
use crate::store::mongo::discover::Kind;
use crate::store::mongo::link::Deployment;
use crate::store::mongo::rows::RowReader;
use crate::store::mongo::source::Source;
use crate::store::mongo::tail::outlet::Outlet;
use crate::store::overlap::{Match, Missed, Observed, Overlap, Settlement};
use crate::store::{Complete, StoreError, TailEvent, TailItem, TailLevel, TailRequest};

/// Wait between polls that brought something, and between questions for the server's time.
const BUSY: Duration = Duration::from_millis(250);
/// Longest wait between polls.
const IDLE: Duration = Duration::from_secs(1);
/// Longest wait between attempts to reconnect.
const PATIENCE: Duration = Duration::from_secs(10);
/// The version of a document whose kind does not change.
const UNCHANGING: &str = "1";

/// How a collection can be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Means {
    /// By the oplog.
    ChangeStream,
    /// By a tailable cursor, in the order in which documents were inserted.
    TailableCursor,
    /// By reading a window of time again and again.
    Overlap(&'static str),
}

/// The best means there are, and why not a better one.
pub fn means(source: &Source) -> Means {
    let found = &source.found;
    match (&source.link.server.deployment, found.kind) {
        // Its cursor tells of insertions alone.
        (_, Kind::Capped) if source.profile.changes == Changes::Never => Means::TailableCursor,
        (Deployment::Standalone, _) => Means::Overlap("a standalone server has no change streams"),
        (_, Kind::View) => Means::Overlap("a view has no change stream"),
        (_, Kind::TimeSeries) => Means::Overlap("a time-series collection has no change stream"),
        _ if !source
            .link
            .may("changeStream", &found.database, &found.name) =>
        {
            Means::Overlap("the role may not use change streams")
        }
        _ => Means::ChangeStream,
    }
}

/// Follows a collection until it is stopped.
pub async fn tail(
    source: &Arc<Source>,
    request: TailRequest,
    out: Sender<TailItem>,
    stop: &CancellationToken,
) -> Result<(), StoreError> {
    let changes = match source.profile.changes {
        Changes::Never => Duration::ZERO,
        Changes::Within(seconds) => Duration::from_secs(seconds.into()),
    };
    let mut tail = Tail {
        source,
        overlap: Overlap::new(request.from, request.resume.clone(), changes),
        reader: RowReader::new(&source.profile, &source.order, request.payload),
        request: &request,
        outlet: Outlet {
            out,
            stop,
            is_intact: true,
        },
        stop,
        saved: None,
        last: None,
    };
    let end = match means(source) {
        Means::ChangeStream => tail.by_stream().await,
        Means::TailableCursor => tail.by_ring().await,
        Means::Overlap(_) => tail.by_polls().await,
    };
    if tail.outlet.is_intact && matches!(end, StoreError::Cancelled) {
        tail.save().await;
    }
    Err(end)
}

struct Tail<'t> {
    source: &'t Arc<Source>,
    request: &'t TailRequest,
    overlap: Overlap,
    reader: RowReader<'t>,
    outlet: Outlet<'t>,
    stop: &'t CancellationToken,
    /// When the last checkpoint was sent.
    saved: Option<Instant>,
    /// The last document of a capped collection that was read: the place to go on from.
    last: Option<EventId>,
}

impl Tail<'_> {
    /// Polls for ever; gives the reason for the end.
    async fn by_polls(&mut self) -> StoreError {
        let mut attempt = 0;
        let mut pause = BUSY;
        let mut has_begun = false;
        loop {
            let begun = Instant::now();
            let polled = self.connected_poll(attempt).await;
            let told = match polled {
                Ok(told) => told,
                Err(error @ StoreError::Lost { .. }) => {
                    attempt += 1;
                    if !has_begun && attempt > 3 {
                        return error;
                    }
                    if let Err(end) = self.wait_for_server(attempt, &error).await {
                        return end;
                    }
                    continue;
                }
                Err(end) => return end,
            };
            has_begun = true;
            attempt = 0;
            pause = if told > 0 {
                BUSY
            } else {
                (pause * 5 / 4).min(IDLE)
            };
            // Without an index a poll costs the server something; it gets ten times as long to rest.
            let rest = pause.max((begun.elapsed() * 10).min(PATIENCE));
            if let Err(end) = self.sleep(rest).await {
                return end;
            }
        }
    }

    async fn connected_poll(&mut self, attempt: u32) -> Result<usize, StoreError> {
        let source = self.source;
        let mut work = source.link.work(&source.label, self.stop).await?;
        let now = work.now().await?;
        if attempt > 0 {
            self.outlet.send(TailItem::Reconnected).await?;
        }
        let told = self.poll(&mut work, now).await?;
        self.completed(None).await?;
        Ok(told)
    }

    /// Ends a poll, or passes an instant of the stream.
    async fn completed(&mut self, exact: Option<&'static str>) -> Result<(), StoreError> {
        for missed in self.overlap.finish() {
            self.gap(missed).await?;
        }
        if let Some(mut complete) = self.overlap.completeness() {
            if let Some(means) = exact {
                complete = Complete {
                    level: TailLevel::Exact(means),
                    ..complete
                };
            }
            self.outlet.send(TailItem::Complete(complete)).await?;
        }
        if self
            .saved
            .is_none_or(|saved| saved.elapsed() >= Duration::from_secs(1))
        {
            self.save().await;
        }
        Ok(())
    }

    async fn save(&mut self) {
        if let Some(mut checkpoint) = self.overlap.checkpoint() {
            if let Some(last) = &self.last
                && !checkpoint.seen.iter().any(|(id, _)| id == last)
            {
                let told = (last.clone(), UNCHANGING.to_owned());
                checkpoint.seen.push(told);
            }
            self.saved = Some(Instant::now());
            // A receiver that is gone is noticed by the next round.
            drop(self.outlet.send(TailItem::Checkpoint(checkpoint)).await);
        }
    }

    async fn gap(&mut self, missed: Missed) -> Result<(), StoreError> {
        let Missed { from, to, because } = missed;
        self.outlet.send(TailItem::Gap { from, to, because }).await
    }

    async fn wait_for_server(
        &mut self,
        attempt: u32,
        error: &StoreError,
    ) -> Result<(), StoreError> {
        let longest = BUSY.saturating_mul(1 << attempt.min(10)).min(PATIENCE);
        let wait = longest.mul_f64(0.5 + fastrand::f64() / 2.0);
        let item = TailItem::Reconnecting {
            attempt,
            error: error.to_string(),
            wait,
        };
        self.outlet.send(item).await?;
        self.sleep(wait).await
    }

    async fn sleep(&self, wait: Duration) -> Result<(), StoreError> {
        tokio::select! {
            () = tokio::time::sleep(wait) => Ok(()),
            () = self.stop.cancelled() => Err(StoreError::Cancelled),
            () = self.outlet.out.closed() => Err(StoreError::Cancelled),
        }
    }

    /// Reads a document in full.
    fn see(&mut self, document: Raw<'_>) -> Result<Seen, StoreError> {
        let predicate = &self.request.predicate;
        let seen = self.reader.visit(document, None, |event, record| {
            let matches = if predicate.matches(&event, record) {
                Match::Yes
            } else {
                Match::No
            };
            (event, matches)
        })?;
        let missing = || StoreError::Failed {
            message: "a document could not be read".to_owned(),
            hint: None,
        };
        let (event, matches) = seen.ok_or_else(missing)?;
        Ok(Seen {
            event,
            matches,
            version: self.version(document),
        })
    }

    /// Differs whenever a document has changed, where its kind does.
    fn version(&self, document: Raw<'_>) -> String {
        match self.source.profile.changes {
            Changes::Never => UNCHANGING.to_owned(),
            Changes::Within(_) => digest(document),
        }
    }

    /// Records documents and says which of them are news.
    fn tell(&mut self, seen: impl IntoIterator<Item = Seen>) -> Vec<TailEvent> {
        let mut events = Vec::new();
        for Seen {
            event,
            matches,
            version,
        } in seen
        {
            let settlement = if event.outcome == Some(Outcome::Pending) {
                Settlement::Open
            } else {
                Settlement::Final
            };
            let change = self.overlap.record(Observed {
                cursor: event.cursor.clone(),
                id: event.id.clone(),
                version,
                matches,
                settlement,
            });
            events.extend(change.map(|change| TailEvent { change, event }));
        }
        events
    }
}

/// A document read in full.
struct Seen {
    event: Event,
    matches: Match,
    version: String,
}

/// The same in every run and every build.
fn digest(document: Raw<'_>) -> String {
    let sum = Sha256::digest(document.bytes());
    hex(&sum[..16])
}
