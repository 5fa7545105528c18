//! `auditail query`: events to stdout or a file.
//!
//! A thread writes while the store reads: a reader that takes its time must not keep signals from
//! being heard. What can be told before any event is printed is told before.

use std::io;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::cli::arguments::{Common, Limit, Order, Query, QueryFormat};
use crate::cli::failure::{Failure, Kind};
use crate::cli::narrate::{self, ProgressLine};
use crate::cli::output::{self, Destination};
use crate::cli::session::Session;
use crate::cli::signals;
use crate::core::column::{Column, Shown};
use crate::core::query::predicate::Predicate;
use crate::store::connect::Survey;
use crate::store::{
    Count, CountMode, Exactness, PageEnd, PageFrom, PageItem, PageRequest, Parts, PayloadNeed,
    StoreError,
};

/// Pieces of a page under way between store and writer.
const PIECES: usize = 4;
/// Rows of a table unless `--limit` says otherwise.
const TABLE_ROWS: usize = 200;

/// Runs the command.
pub async fn run(arguments: &Query, common: &Common) -> Result<(), Failure> {
    let stop = CancellationToken::new();
    signals::heed(&stop, work(arguments, common, stop.clone())).await
}

async fn work(arguments: &Query, common: &Common, stop: CancellationToken) -> Result<(), Failure> {
    let target = &arguments.selection.target;
    let mut session = Session::open_after(survey(arguments), target, common, stop).await?;
    let predicate = session
        .predicate_within(
            arguments.selection.filter.as_deref(),
            arguments.since.as_deref(),
            arguments.until.as_deref(),
        )
        .await?;
    let columns = columns(&mut session, arguments).await?;
    if arguments.explain {
        return explain(&session, &predicate).await;
    }
    let destination = Destination::open(arguments.output.as_deref())?;
    let predicate = Arc::new(predicate);
    let limit = match (arguments.limit, arguments.format) {
        (Some(Limit::Most(limit)), _) => Some(limit),
        (None, QueryFormat::Table) => Some(TABLE_ROWS),
        (Some(Limit::All) | None, _) => None,
    };
    let request = PageRequest {
        predicate: Arc::clone(&predicate),
        from: match arguments.order {
            Order::Newest => PageFrom::Newest,
            Order::Oldest => PageFrom::Oldest,
        },
        limit,
        payload: need(&columns),
    };
    let (pieces, receiver) = mpsc::channel(PIECES);
    let printing = Printing {
        format: arguments.format,
        columns,
        destination,
    };
    let written = printing.start(receiver, common)?;
    let read = session.store.page(request, pieces, &session.stop).await;
    let written = written
        .await
        .map_err(|_| Failure::panicked("the thread that writes the output"))?;
    // A reader that has gone makes the store stop, too; the reader is the reason then.
    let printed = written?;
    let end = read?;
    if printed == 0 && arguments.format == QueryFormat::Table {
        // Column titles alone look like an answer that was cut off.
        narrate::say("no event matches");
    }
    if end == PageEnd::Limit {
        tell_limit(&session, &predicate, arguments.order, printed, common).await?;
    }
    Ok(())
}

/// A plain page in its usual columns needs no more than its profile says.
fn survey(arguments: &Query) -> Survey {
    let is_plain = arguments.selection.filter.is_none()
        && arguments.since.is_none()
        && arguments.until.is_none()
        && arguments.columns.is_empty()
        && !arguments.explain;
    let is_short = matches!(arguments.limit, Some(Limit::Most(_)));
    if is_plain && is_short {
        Survey::Trusting
    } else {
        Survey::Full
    }
}

struct Printing {
    format: QueryFormat,
    columns: Vec<Column>,
    destination: Destination,
}

impl Printing {
    /// Starts the thread that writes; the receiver tells how many events it printed.
    fn start(
        self,
        pieces: mpsc::Receiver<PageItem>,
        common: &Common,
    ) -> Result<oneshot::Receiver<Result<u64, Failure>>, Failure> {
        let (done, written) = oneshot::channel();
        let common = common.clone();
        std::thread::Builder::new()
            .name("printer".to_owned())
            .spawn(move || {
                let name = self.destination.name();
                let result = self
                    .print(pieces, &common)
                    .map_err(|error| Failure::output(&name, &error));
                // Nobody waits any more after a second signal.
                let _ = done.send(result);
            })
            .map_err(|error| Failure::new(Kind::Failed, format!("cannot start: {error}")))?;
        Ok(written)
    }

    fn print(mut self, mut pieces: mpsc::Receiver<PageItem>, common: &Common) -> io::Result<u64> {
        let mut printer = output::printer(self.format, &mut self.destination, self.columns, common);
        let mut progress = ProgressLine::new(output::charset(common));
        let mut total = 0;
        while let Some(piece) = pieces.blocking_recv() {
            match piece {
                PageItem::Events(events) => {
                    progress.clear();
                    for event in &events {
                        printer.event(event)?;
                    }
                    total += events.len() as u64;
                    printer.flush()?;
                }
                PageItem::Progress(step) => progress.update(step),
            }
        }
        progress.clear();
        let note = printer.finish()?;
        drop(printer);
        self.destination.keep()?;
        if let Some(note) = note {
            narrate::say(&note);
        }
        Ok(total)
    }
}

/// What the columns show, and no more.
fn need(columns: &[Column]) -> PayloadNeed {
    let mut parts = Parts::default();
    for column in columns {
        parts = match &column.shown {
            Shown::Payload | Shown::Own(_) | Shown::Path(_) => return PayloadNeed::Whole,
            Shown::Field(field) => parts.with(*field),
            Shown::Outcome => parts.with_outcome(),
            Shown::Id | Shown::At => parts,
        };
    }
    PayloadNeed::Only(parts)
}

async fn columns(session: &mut Session, arguments: &Query) -> Result<Vec<Column>, Failure> {
    if arguments.columns.is_empty() {
        return Ok(match arguments.format {
            QueryFormat::Table => Column::glance(),
            QueryFormat::Ndjson | QueryFormat::Json | QueryFormat::Csv => Column::all(),
        });
    }
    let mut columns = Vec::new();
    for name in arguments.columns.iter().flat_map(|names| &names.0) {
        columns.push(match Column::known(name) {
            Some(column) => column,
            None => Column::of(name, session.subject(name).await?),
        });
    }
    Ok(columns)
}

/// Says that there is more than was printed.
async fn tell_limit(
    session: &Session,
    predicate: &Predicate,
    order: Order,
    printed: u64,
    common: &Common,
) -> Result<(), Failure> {
    let total = match (predicate, session.description.estimate) {
        (Predicate::All, Some(estimate)) => Some(Count::Estimate(estimate)),
        _ => match session
            .store
            .count(predicate, CountMode::Estimate, &session.stop)
            .await
        {
            Ok(count) => Some(count),
            Err(StoreError::Cancelled) => return Err(StoreError::Cancelled.into()),
            // The events are out; that their number is not known is no failure.
            Err(_) => None,
        },
    };
    let of = match total {
        Some(Count::Exact(total)) if total <= printed => return Ok(()),
        Some(Count::Exact(total)) => format!(" of {}", narrate::rows(total)),
        Some(Count::Estimate(total)) if total > printed => {
            let about = output::charset(common).about();
            format!(" of {about}{}", narrate::rows(total))
        }
        Some(Count::Estimate(_)) | None => String::new(),
    };
    let end = match order {
        Order::Newest => "newest",
        Order::Oldest => "oldest",
    };
    narrate::say(&format!(
        "showing the {end} {printed}{of}; --limit all shows everything"
    ));
    Ok(())
}

async fn explain(session: &Session, predicate: &Predicate) -> Result<(), Failure> {
    let explanation = session.store.explain(predicate, &session.stop).await?;
    let indexes = if explanation.indexes.is_empty() {
        "none".to_owned()
    } else {
        explanation.indexes.join(", ")
    };
    let exactness = match explanation.exactness {
        Exactness::Exact => "exact: the store decides alone",
        Exactness::Superset => "superset: every row is checked again here",
    };
    let mut text = format!("statement:\n  {}\nplan:\n", explanation.statement);
    for line in &explanation.plan {
        text.push_str("  ");
        text.push_str(line);
        text.push('\n');
    }
    output::print(&format!("{text}index: {indexes}\ncondition: {exactness}\n"))
}
