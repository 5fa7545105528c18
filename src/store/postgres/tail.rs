//! The tail: a window of time read again and again on a connection of its own. What was seen, and
//! what is told, is decided by `overlap`; this reads rows for it.

use std::time::Duration;

use tokio::sync::mpsc::Sender;
use tokio_util::sync::CancellationToken;

use crate::core::event::{Cursor, Event, EventId, KeyPart};
use crate::core::instant::At;
use crate::core::json::FlatJson;
use crate::store::follow::{self, Outlet};
use crate::store::overlap::{Glance, Match, Missed, Observed, Overlap, UNDATED_MOST};
use crate::store::postgres::Inner;
use crate::store::postgres::answer::text;
use crate::store::postgres::layout::{KeyColumn, Layout, TimeForm, Way};
use crate::store::postgres::numbers;
use crate::store::postgres::rows::{RowReader, id, key, key_of, key_part};
use crate::store::postgres::session::{Purpose, Session};
use crate::store::postgres::sql::quote::{ident, text as quoted};
use crate::store::postgres::walk::instant;
use crate::store::{Change, StoreError, TailEvent, TailItem, TailRequest};

/// Wait between polls that brought something.
const BUSY: Duration = Duration::from_millis(250);
/// Longest wait between polls.
const IDLE: Duration = Duration::from_secs(1);
/// Rows of the window read by one statement.
const GLANCES: usize = 5_000;
/// Rows read in full by one statement.
const LOOKS: usize = 200;
/// Follows a table until it is stopped.
pub async fn tail(
    inner: &Inner,
    request: TailRequest,
    out: Sender<TailItem>,
    stop: &CancellationToken,
) -> Result<(), StoreError> {
    let changes = follow::changing_for(inner.layout.profile.changes);
    let overlap = Overlap::new(request.from, request.resume.clone(), changes);
    let mut tail = Tail {
        inner,
        request: &request,
        overlap,
        outlet: Outlet::new(out, stop),
        stop,
    };
    let end = tail.run().await;
    if matches!(end, StoreError::Cancelled) {
        // A receiver that is gone keeps no place.
        drop(tail.outlet.save(tail.overlap.checkpoint()).await);
    }
    Err(end)
}

struct Tail<'t> {
    inner: &'t Inner,
    request: &'t TailRequest,
    overlap: Overlap,
    outlet: Outlet<'t>,
    stop: &'t CancellationToken,
}

impl Tail<'_> {
    /// Polls for ever; gives the reason for the end.
    async fn run(&mut self) -> StoreError {
        let mut attempt = 0;
        let mut pause = BUSY;
        let mut has_begun = false;
        loop {
            let told = match self.session_and_poll(attempt).await {
                Ok(told) => told,
                Err(error) if may_pass(&error, has_begun) => {
                    attempt += 1;
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
            if let Err(end) = self.outlet.sleep(pause).await {
                return end;
            }
        }
    }

    async fn session_and_poll(&mut self, attempt: u32) -> Result<usize, StoreError> {
        let inner = self.inner;
        let session = inner.pool.lease(Purpose::Tail, self.stop).await?;
        if attempt > 0 {
            self.outlet.send(TailItem::Reconnected).await?;
        }
        self.poll(&session).await
    }

    async fn wait_for_server(
        &mut self,
        attempt: u32,
        error: &StoreError,
    ) -> Result<(), StoreError> {
        let wait = follow::wait_before(attempt);
        let item = TailItem::Reconnecting {
            attempt,
            error: error.to_string(),
            wait,
        };
        self.outlet.send(item).await?;
        self.outlet.sleep(wait).await
    }

    /// Reads the window once; how many events were told.
    async fn poll(&mut self, session: &Session) -> Result<usize, StoreError> {
        // The instant is read by a statement of its own, before the rows: what had been committed
        // by then is visible to every statement that follows.
        let now = numbers::now(session, self.stop).await?;
        if let Some(missed) = self.overlap.begin(now) {
            self.gap(missed).await?;
        }
        let mut told = self.undated(session).await?;
        told += self.window(session).await?;
        told += self.unsettled(session).await?;
        for missed in self.overlap.finish() {
            self.gap(missed).await?;
        }
        if let Some(complete) = self.overlap.completeness() {
            self.outlet.send(TailItem::Complete(complete)).await?;
        }
        self.save_when_due().await?;
        Ok(told)
    }

    async fn save_when_due(&mut self) -> Result<(), StoreError> {
        if self.outlet.is_due() {
            self.outlet.save(self.overlap.checkpoint()).await?;
        }
        Ok(())
    }

    async fn gap(&mut self, missed: Missed) -> Result<(), StoreError> {
        let Missed { from, to, because } = missed;
        self.outlet.send(TailItem::Gap { from, to, because }).await
    }

    /// The dated rows from the window's low end on.
    async fn window(&mut self, session: &Session) -> Result<usize, StoreError> {
        let layout = &self.inner.layout;
        let low = layout.time.literal(self.overlap.low());
        let mut from = low.map(|low| format!("{} >= {low}", layout.time.sql));
        let mut told = 0;
        loop {
            let condition = match &from {
                Some(from) => format!("{} AND {from}", layout.time.is_dated()),
                None => layout.time.is_dated(),
            };
            let glances = self
                .glances(session, &condition, &layout.order(Way::Forth), GLANCES)
                .await?;
            told += self.look(session, &glances).await?;
            let Some(last) = glances.last() else {
                return Ok(told);
            };
            if let At::Instant(at) = last.cursor.at {
                self.overlap.caught_up_to(at);
            }
            self.save_when_due().await?;
            if glances.len() < GLANCES {
                return Ok(told);
            }
            from = Some(layout.beyond(&last.cursor, Way::Forth));
        }
    }

    /// The newest of the rows without a moment.
    async fn undated(&mut self, session: &Session) -> Result<usize, StoreError> {
        let layout = &self.inner.layout;
        let time = &layout.time.sql;
        let mut kinds = vec![format!("{time} IS NULL")];
        if matches!(layout.time.form, TimeForm::Instant | TimeForm::WallClock(_)) {
            kinds.push(format!("{time} = '-infinity'"));
            kinds.push(format!("{time} = 'infinity'"));
        } else if matches!(layout.time.form, TimeForm::Number(_)) {
            kinds.push(format!("{time}::text IN ('NaN', 'Infinity', '-Infinity')"));
        }
        let order = layout.key_order(Way::Back);
        let mut all = Vec::new();
        for kind in kinds {
            all.extend(self.glances(session, &kind, &order, UNDATED_MOST).await?);
        }
        let places: Vec<(Cursor, EventId)> = all
            .iter()
            .map(|glance| (glance.cursor.clone(), glance.id.clone()))
            .collect();
        self.overlap.undated(&places);
        self.look(session, &all).await
    }

    /// Rows that left the window before they were settled.
    async fn unsettled(&mut self, session: &Session) -> Result<usize, StoreError> {
        let parts = self.inner.layout.key.len();
        let keys: Vec<Vec<KeyPart>> = self
            .overlap
            .unsettled()
            .iter()
            .filter_map(|id| key_of(id, parts))
            .collect();
        self.look_at(session, keys).await
    }

    /// Key, time and version of rows: all that is needed to know whether they are news.
    async fn glances(
        &self,
        session: &Session,
        condition: &str,
        order: &str,
        most: usize,
    ) -> Result<Vec<Glanced>, StoreError> {
        let layout = &self.inner.layout;
        let label = layout.table.label();
        let names = layout.key.iter().filter_map(KeyColumn::name);
        let mut columns: Vec<&str> = names.chain([layout.time.name.as_str()]).collect();
        columns.dedup();
        let pairs: Vec<String> = columns
            .iter()
            .map(|name| format!("{}, t.{}", quoted(name), ident(name)))
            .collect();
        let place = layout.place();
        let statement = format!(
            "SELECT json_build_object({})::text, {}, {place} FROM {} WHERE {condition} ORDER BY {order} LIMIT {most}",
            pairs.join(", "),
            layout.version(),
            layout.from(),
        );
        let mut rows = session.rows(&statement, &label, self.stop).await?;
        let mut glances = Vec::new();
        while let Some(row) = rows.next().await? {
            let json = text(&row, 0).unwrap_or_default();
            let version = text(&row, 1).unwrap_or_default().into_owned();
            let place = text(&row, 2);
            glances.push(Glanced::read(layout, &json, version, place.as_deref())?);
        }
        Ok(glances)
    }

    /// Reads those of the rows in full that are news.
    async fn look(&mut self, session: &Session, glances: &[Glanced]) -> Result<usize, StoreError> {
        let is_news = |glance: &&Glanced| {
            let Glanced {
                cursor,
                id,
                version,
            } = glance;
            self.overlap.glance(id, version, cursor.at) == Glance::Look
        };
        let keys: Vec<Vec<KeyPart>> = glances
            .iter()
            .filter(is_news)
            .map(|glance| glance.cursor.key.clone())
            .collect();
        self.look_at(session, keys).await
    }

    /// Reads rows in full and tells what is new about them.
    async fn look_at(
        &mut self,
        session: &Session,
        keys: Vec<Vec<KeyPart>>,
    ) -> Result<usize, StoreError> {
        let layout = &self.inner.layout;
        let label = layout.table.label();
        let mut told = 0;
        for keys in keys.chunks(LOOKS) {
            let statement = format!(
                "SELECT {}, {} FROM {} WHERE {} ORDER BY {}",
                layout.selected(),
                layout.version(),
                layout.from(),
                layout.key_among(keys),
                layout.order(Way::Forth)
            );
            let mut reader = RowReader::new(layout, self.request.payload, None);
            let mut rows = session.rows(&statement, &label, self.stop).await?;
            let mut seen = Vec::new();
            while let Some(row) = rows.next().await? {
                let version = text(&row, row.len() - 1).unwrap_or_default().into_owned();
                let predicate = &self.request.predicate;
                reader.visit(&row, &mut |event, record| {
                    let matches = if predicate.matches(event, record) {
                        Match::Yes
                    } else {
                        Match::No
                    };
                    seen.push((event.clone(), version.clone(), matches));
                })?;
            }
            // Nothing is recorded before all of it is here: what is recorded counts as told.
            let events = self.tell(seen);
            told += events.len();
            if !events.is_empty() {
                self.outlet.send(TailItem::Events(events)).await?;
            }
        }
        Ok(told)
    }

    fn tell(&mut self, seen: Vec<(Event, String, Match)>) -> Vec<TailEvent> {
        let changes = self.inner.layout.profile.changes;
        let mut events = Vec::new();
        for (event, version, matches) in seen {
            let settlement = follow::settlement(&event, changes);
            let change: Option<Change> = self.overlap.record(Observed {
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

/// A row of which only its place and version are known.
struct Glanced {
    cursor: Cursor,
    id: EventId,
    version: String,
}

impl Glanced {
    /// An error rather than a row left out: what is not seen here is never told.
    fn read(
        layout: &Layout,
        json: &str,
        version: String,
        place: Option<&str>,
    ) -> Result<Self, StoreError> {
        let record = FlatJson::parse(json).map_err(|error| StoreError::Failed {
            message: format!("{}: a row is {error}", layout.table.label()),
            hint: None,
        })?;
        let time = key_part(&record, &layout.time.name);
        let at = match &time {
            KeyPart::Null | KeyPart::RawText(_) | KeyPart::Bytes(_) => At::Absent,
            KeyPart::Int(number) => instant(layout, &number.to_string()),
            KeyPart::Number(text) | KeyPart::Text(text) => instant(layout, text),
        };
        let key = key(layout, &record, place);
        Ok(Self {
            id: id(&key),
            cursor: Cursor { at, time, key },
            version,
        })
    }
}

/// Whether the same poll may succeed later. Not being let in at all is for good at the beginning,
/// and a restart later.
fn may_pass(error: &StoreError, has_begun: bool) -> bool {
    match error {
        StoreError::Lost { .. } | StoreError::Busy { .. } => true,
        StoreError::Connect { .. } => has_begun,
        _ => false,
    }
}
