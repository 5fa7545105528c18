//! `auditail tail`: events as they happen.
//!
//! Events, completeness and checkpoints pass through one thread in the store's order: a checkpoint
//! is written only after the events before it have left the process.

mod lines;

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::cli::arguments::{Common, Tail};
use crate::cli::checkpoint::{CheckpointFile, Place};
use crate::cli::failure::{Failure, Kind};
use crate::cli::session::Session;
use crate::cli::settle::Settling;
use crate::cli::signals;
use crate::core::query::time;
use crate::store::{PayloadNeed, StoreError, TailFrom, TailItem, TailRequest};
use lines::Lines;

/// Items under way between store and writer. The database is the buffer behind it.
const ITEMS: usize = 16;

/// Runs the command.
pub async fn run(arguments: &Tail, common: &Common) -> Result<(), Failure> {
    let stop = CancellationToken::new();
    signals::heed(&stop, work(arguments, common, stop.clone())).await
}

async fn work(arguments: &Tail, common: &Common, stop: CancellationToken) -> Result<(), Failure> {
    let duration = arguments.duration.as_deref().map(duration).transpose()?;
    let mut session = Session::open(&arguments.selection.target, common, stop).await?;
    let filter = arguments.selection.filter.as_deref();
    let predicate = session.predicate(filter).await?;
    let file = arguments.resume.as_deref().map(|path| {
        let description = &session.description;
        let mode = if arguments.settled { ", settled" } else { "" };
        let filter = filter.unwrap_or_default().trim();
        let of = format!(
            "{} {} '{filter}'{mode}",
            description.name, description.relation
        );
        CheckpointFile::new(path, of)
    });
    let place = match &file {
        Some(file) => file.read()?,
        None => None,
    };
    let from = match (&place, arguments.since.as_deref()) {
        (Some(place), _) => TailFrom::Since(place.checkpoint.to),
        (None, Some(since)) => TailFrom::Since(session.time("--since", since).await?.start),
        (None, None) => TailFrom::Now,
    };
    let (resume, told) = place.map_or((None, Vec::new()), |place| {
        (Some(place.checkpoint), place.told)
    });
    let changes = session.description.profile.changes;
    let printing = Printing {
        lines: Lines::new(arguments, common),
        settling: arguments.settled.then(|| Settling::new(changes, told)),
        file,
    };
    let (items, receiver) = mpsc::channel(ITEMS);
    let written = printing.start(receiver)?;
    let request = TailRequest {
        predicate: predicate.into(),
        from,
        resume,
        payload: PayloadNeed::Whole,
    };
    let ended = tokio::select! {
        ended = session.store.tail(request, items, &session.stop) => ended,
        () = cancel_after(duration, &session.stop) => Ok(()),
    };
    let written = written
        .await
        .map_err(|_| Failure::panicked("the thread that writes the output"))?;
    written?;
    match ended {
        // The time of `--for` is over, or a signal came, which has an exit code of its own.
        Ok(()) | Err(StoreError::Cancelled) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Cancels when the time is over and leaves the tail to end by itself: it has a last checkpoint to
/// send.
async fn cancel_after(duration: Option<Duration>, stop: &CancellationToken) {
    if let Some(duration) = duration {
        tokio::time::sleep(duration).await;
        stop.cancel();
    }
    std::future::pending::<()>().await;
}

fn duration(text: &str) -> Result<Duration, Failure> {
    let micros = time::length(text.trim())
        .map_err(|error| Failure::usage(format!("--for {}: {error}", text.trim())))?;
    u64::try_from(micros)
        .map(Duration::from_micros)
        .map_err(|_| Failure::usage("--for needs a length of time such as 30s or 5m"))
}

struct Printing {
    lines: Lines,
    settling: Option<Settling>,
    file: Option<CheckpointFile>,
}

impl Printing {
    fn start(
        mut self,
        mut items: mpsc::Receiver<TailItem>,
    ) -> Result<oneshot::Receiver<Result<(), Failure>>, Failure> {
        let (done, written) = oneshot::channel();
        std::thread::Builder::new()
            .name("printer".to_owned())
            .spawn(move || {
                let mut result = Ok(());
                while let Some(item) = items.blocking_recv() {
                    result = self.item(item);
                    if result.is_err() {
                        break;
                    }
                }
                lines::left_behind(self.settling.as_ref().map_or(0, Settling::held));
                // Dropped here, the receiver tells the store to stop after a failed write.
                drop(items);
                let _ = done.send(result);
            })
            .map_err(|error| Failure::new(Kind::Failed, format!("cannot start: {error}")))?;
        Ok(written)
    }

    fn item(&mut self, item: TailItem) -> Result<(), Failure> {
        let written = match item {
            TailItem::Events(events) => {
                let mut events = events.into_iter();
                let settling = &mut self.settling;
                self.lines.events(std::iter::from_fn(|| match settling {
                    None => events.next(),
                    Some(settling) => events.find_map(|event| settling.take(event)),
                }))
            }
            TailItem::Complete(mut complete) => {
                let due = match &mut self.settling {
                    None => Vec::new(),
                    Some(settling) => {
                        let due = settling.due(complete.to);
                        complete.to = settling.complete_to(complete.to);
                        due
                    }
                };
                self.lines
                    .events(due.into_iter())
                    .and_then(|()| self.lines.complete(&complete))
            }
            TailItem::Checkpoint(checkpoint) => return self.keep(checkpoint),
            TailItem::Reconnecting {
                attempt,
                error,
                wait,
            } => {
                lines::reconnecting(attempt, &error, wait);
                Ok(())
            }
            TailItem::Reconnected => {
                lines::reconnected();
                Ok(())
            }
            TailItem::Gap { from, to, because } => self.lines.gap(from, to, &because),
        };
        written.map_err(|error| Failure::output("to stdout", &error))
    }

    /// Keeps the place, but not beyond what is held back: the next run must meet it again.
    fn keep(&mut self, mut checkpoint: crate::store::Checkpoint) -> Result<(), Failure> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        let mut told = Vec::new();
        if let Some(settling) = &self.settling {
            let to = settling.complete_to(checkpoint.to);
            if to < checkpoint.to {
                checkpoint.to = to;
                checkpoint.seen.retain(|(id, _)| !settling.holds(id));
                let overlap = i64::try_from(crate::store::overlap::OVERLAP.as_micros());
                told = settling.told_since(to.plus(-overlap.unwrap_or(i64::MAX)));
            }
        }
        file.write(&Place { checkpoint, told })
            .map_err(|error| Failure::output(&file.name(), &error))
    }
}
