//! Following a capped collection by a tailable cursor.
//!
//! A capped collection is a ring: documents stand in the order in which they were inserted, and the
//! oldest make room for the newest. So the place of the tail is the last document it has read,
//! whatever their times say. A cursor that ends is opened again after that document; when the ring
//! has gone round meanwhile and the document is gone, that is a gap, and all there is comes after
//! it. Does not see changes of documents; kinds that change are followed by other means.

mod place;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Instant;

use mongodb::bson::doc;
use mongodb::error::Error;
use mongodb::options::{CursorType, FindOptions, ReadConcern, ReadPreference, SelectionCriteria};
use mongodb::raw_batch_cursor::RawBatch;

use crate::core::event::EventId;
use crate::core::instant::Micros;
use crate::store::mongo::failure;
use crate::store::mongo::link::{Deployment, Work};
use crate::store::mongo::page::documents;
use crate::store::mongo::tail::ring::place::Start;
use crate::store::mongo::tail::{BUSY, Tail};
use crate::store::{StoreError, TailItem};

/// What the tail is complete by.
const MEANS: &str = "tailable cursor";
/// Documents of one batch.
const BATCH: u32 = 500;
/// Documents whose ids are remembered, to find the place again.
const RECENT: usize = 1_000;
/// What the server puts into one message at most, less the room its frame takes.
const MESSAGE: usize = 15 << 20;
/// The document a cursor stood at has been overwritten, and so has every older one.
const LAPPED: i32 = 136;
/// The cursor is gone, for a reason that opening another one mends: not found, lapped, its
/// collection dropped, killed.
const GONE: [i32; 4] = [43, LAPPED, 175, 237];
/// A wrong request; of the tail's, only a tailable cursor on another kind of collection is.
const BAD_VALUE: i32 = 2;

/// Where in the ring the tail stands.
#[derive(Default)]
struct Ring {
    /// What was read last, the newest at the end; after a resume, what the former run remembered.
    recent: VecDeque<EventId>,
    stage: Stage,
    opening: Opening,
}

/// Whether the tail has a place yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Begins,
    Follows,
}

/// How much of the ring a cursor passes over before it reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Opening {
    /// Most of what is known, by the server's own count.
    #[default]
    Near,
    /// Nothing: the count was wrong, or the ring turned while the cursor was opened.
    AtTheOldest,
}

/// Why a cursor is read no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The ring is empty; the server gives no cursor that waits for its first document.
    Empty,
    /// The server dropped the cursor, or is another one now.
    Gone,
    /// The place was not met.
    Missed,
}

impl Ring {
    fn remember(&mut self, id: EventId) {
        self.recent.push_back(id);
        while self.recent.len() > RECENT {
            self.recent.pop_front();
        }
    }
}

/// Instants of the server, for a cursor whose batches prove that everything before them was read.
struct Marks {
    /// The member that answered first; the cursor is there.
    member: Option<String>,
    asked: Option<Instant>,
    /// Read before the batch that is awaited.
    mark: Option<Micros>,
    /// A batch that was not full, by the mark before it and its size. It came to the end of the ring
    /// unless the next document was too large to go with it.
    short: Option<(Option<Micros>, usize)>,
}

impl Tail<'_> {
    /// Follows the ring for ever; gives the reason for the end.
    pub(super) async fn by_ring(&mut self) -> StoreError {
        let mut ring = Ring::default();
        let mut attempt = 0;
        loop {
            let Err(error) = self.round(&mut ring, &mut attempt).await;
            let is_lost = matches!(error, StoreError::Lost { .. });
            attempt += 1;
            if !is_lost || (ring.stage == Stage::Begins && attempt > 3) {
                return error;
            }
            if let Err(end) = self.wait_for_server(attempt, &error).await {
                return end;
            }
        }
    }

    /// One conversation with the server, with as many cursors as it takes.
    async fn round(
        &mut self,
        ring: &mut Ring,
        attempt: &mut u32,
    ) -> Result<Infallible, StoreError> {
        let source = self.source;
        let mut work = source.link.work(&source.label, self.stop).await?;
        let now = work.now().await?;
        if std::mem::take(attempt) > 0 {
            self.outlet.send(TailItem::Reconnected).await?;
        }
        if ring.stage == Stage::Begins {
            self.take_place(&mut work, ring, now).await?;
            ring.stage = Stage::Follows;
        }
        loop {
            let start = self.start(&mut work, ring).await?;
            match self.turn(&mut work, ring, start).await? {
                End::Empty => self.sleep(BUSY).await?,
                End::Gone => {}
                End::Missed => ring.opening = Opening::AtTheOldest,
            }
        }
    }

    /// Reads one cursor to its end.
    async fn turn(
        &mut self,
        work: &mut Work<'_>,
        ring: &mut Ring,
        start: Start,
    ) -> Result<End, StoreError> {
        let (mut place, skip) = match start {
            Start::Oldest => (None, 0),
            Start::After { id, skip } => (Some(id), skip),
        };
        let mut options = self.options();
        options.cursor_type = Some(CursorType::TailableAwait);
        options.max_await_time = Some(BUSY);
        options.batch_size = Some(BATCH);
        options.skip = Some(skip);
        let mut marks = Marks {
            member: None,
            asked: None,
            mark: None,
            short: None,
        };
        self.ask(work, &mut marks).await?;
        let collection = self.source.collection();
        let mut rows = match work.try_find(&collection, doc! {}, options).await? {
            Ok(rows) => rows,
            Err(error) => return self.gone(work, &error),
        };
        loop {
            if self.ask(work, &mut marks).await? == End::Gone {
                return Ok(End::Gone);
            }
            let batch = match work.try_next(&mut rows).await? {
                Ok(Some(batch)) => batch,
                Ok(None) => return Ok(End::Empty),
                Err(error) => return self.gone(work, &error),
            };
            let (count, first) = measured(&batch)?;
            let short = marks.short.take();
            let ended = short.filter(|(_, size)| count == 0 || size + first < MESSAGE);
            if let Some((mark, _)) = ended {
                if place.is_some() {
                    return Ok(End::Missed);
                }
                self.all_before(mark).await?;
            }
            self.take_in(&batch, ring, &mut place).await?;
            let mark = marks.mark.take();
            if count == 0 && place.is_some() {
                return Ok(End::Missed);
            }
            if count == 0 {
                self.all_before(mark).await?;
            } else if count < BATCH as usize {
                marks.short = Some((mark, batch.as_raw_document().as_bytes().len()));
            }
        }
    }

    /// Tells what is in a batch after the place, which is then behind.
    async fn take_in(
        &mut self,
        batch: &RawBatch,
        ring: &mut Ring,
        place: &mut Option<EventId>,
    ) -> Result<(), StoreError> {
        let mut seen = Vec::new();
        for document in documents(batch)? {
            let document = document?;
            if let Some(awaited) = place {
                let (_, id) = self.reader.cursor(document)?;
                if id == *awaited {
                    *place = None;
                    ring.opening = Opening::Near;
                }
                continue;
            }
            let document = self.see(document)?;
            ring.remember(document.event.id.clone());
            seen.push(document);
        }
        if let Some(last) = seen.last() {
            self.last = Some(last.event.id.clone());
        }
        self.pass_on(seen).await?;
        Ok(())
    }

    /// Everything before this instant was told.
    async fn all_before(&mut self, mark: Option<Micros>) -> Result<(), StoreError> {
        let Some(now) = mark else { return Ok(()) };
        if let Some(missed) = self.overlap.begin(now) {
            self.gap(missed).await?;
        }
        self.completed(Some(MEANS)).await
    }

    /// Asks the server for its time now and then. When another member answers than at first, the
    /// cursor is on one that has stepped down and may lag behind that time.
    async fn ask(&self, work: &mut Work<'_>, marks: &mut Marks) -> Result<End, StoreError> {
        if marks.asked.is_some_and(|asked| asked.elapsed() < BUSY) {
            return Ok(End::Empty);
        }
        let hello = work.command("admin", doc! {"hello": 1}).await?;
        let member = hello.get_str("me").unwrap_or_default().to_owned();
        let is_other = marks.member.as_ref().is_some_and(|first| *first != member);
        if is_other {
            return Ok(End::Gone);
        }
        marks.member = Some(member);
        marks.asked = Some(Instant::now());
        if let Ok(now) = hello.get_datetime("localTime") {
            marks.mark = Some(Micros(now.timestamp_millis().saturating_mul(1000)));
        }
        Ok(End::Empty)
    }

    /// Where and how the ring is read: at the primary, whose clock the marks are, and only what no
    /// election takes back.
    fn options(&self) -> FindOptions {
        let mut options = FindOptions::default();
        options.selection_criteria =
            Some(SelectionCriteria::ReadPreference(ReadPreference::Primary));
        if self.source.link.server.deployment != Deployment::Standalone {
            options.read_concern = Some(ReadConcern::majority());
        }
        options
    }

    /// What an error means for the cursor it came from.
    fn gone(&self, work: &Work<'_>, error: &Error) -> Result<End, StoreError> {
        match failure::code(error) {
            Some(code) if GONE.contains(&code) => Ok(End::Gone),
            Some(BAD_VALUE) => Err(StoreError::Failed {
                message: format!("{} is no capped collection any more", self.source.label),
                hint: Some("somebody replaced it; open it again to follow it".to_owned()),
            }),
            _ => Err(work.failed(error)),
        }
    }
}

/// How many documents a batch has, and the size of the first.
fn measured(batch: &RawBatch) -> Result<(usize, usize), StoreError> {
    let (mut count, mut first) = (0, 0);
    for document in documents(batch)? {
        let document = document?;
        if count == 0 {
            first = document.bytes().len();
        }
        count += 1;
    }
    Ok((count, first))
}
