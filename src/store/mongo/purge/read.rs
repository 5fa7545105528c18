//! Documents in the plan's order, byte for byte as they will be in the archive.
//!
//! Where an index has the time, documents come by time and those of one instant are put in the order
//! of their keys here; otherwise they come by `_id`. One cursor a call; the next call goes on after
//! the last document of this one.

use std::ops::Range;
use std::sync::Arc;

use mongodb::bson::{Bson, Document, doc};
use mongodb::options::{FindOptions, Hint, ReadConcern};
use mongodb::raw_batch_cursor::RawBatch;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio_util::sync::CancellationToken;

use crate::core::bson::Raw;
use crate::core::bson::key::{self, id_of, id_text};
use crate::core::event::KeyPart;
use crate::core::instant::At;
use crate::core::purge::plan::RowOrder;
use crate::core::purge::row::{RawRows, RowDigest, RowKey, RowMark, RowVersion};
use crate::core::sanitise::safe;
use crate::store::StoreError;
use crate::store::mongo::link::Deployment;
use crate::store::mongo::order::{Arrays, Bracket, Order};
use crate::store::mongo::page::documents;
use crate::store::mongo::purge::refused;
use crate::store::mongo::rows::malformed;
use crate::store::mongo::source::{Ordering, Source};
use crate::store::purger::{Piece, Place, ReadEnd};

/// Bytes after which a call ends. Batches that are under way then are in vain, so that calls are
/// long; a cursor holds no snapshot.
const ENOUGH: usize = 128 << 20;
/// Bytes and rows of one piece. Buffers of more than 128 KiB would be new pages of memory for each
/// piece, and cost more to clear than to fill.
const PIECE: (usize, usize) = (112 << 10, 500);
/// A document beyond it makes the buffer grow.
const ROOM: usize = 8 << 10;
/// Bytes of one instant's documents that are put in order in memory.
const MOST_INSTANT: usize = 32 << 20;
/// Documents of one batch; the server ends it at 16 MB besides. Larger ones save no time, and the
/// driver holds each of them twice.
const BATCH: u32 = 1_000;
/// Batches between the conversation and the thread that takes them apart.
const WAITING: usize = 1;

/// In which order a collection's documents are read.
pub fn order(source: &Source) -> RowOrder {
    let order = &source.order;
    // An index that has seen an array gives a document more than once, and sorts by none of them.
    let is_served = source.served != Ordering::Sorted && order.arrays == Arrays::None;
    if is_served && order.bracket != Bracket::Text {
        RowOrder::TimeThenKey
    } else {
        RowOrder::Key
    }
}

/// Reads of a replica set see only what no failover takes back.
pub fn concern(deployment: &Deployment) -> Option<ReadConcern> {
    (*deployment != Deployment::Standalone).then(ReadConcern::majority)
}

/// A read.
pub struct Reading<'r> {
    source: &'r Source,
    order: RowOrder,
    after: Option<After>,
    limit: usize,
    out: Sender<Piece>,
    stop: &'r CancellationToken,
}

/// A place, in the words of this collection.
#[derive(Clone, Debug)]
struct After {
    time: Option<KeyPart>,
    key: RowKey,
}

impl<'r> Reading<'r> {
    /// A read after a place.
    pub fn new(
        source: &'r Source,
        order: RowOrder,
        after: Option<Place>,
        limit: usize,
        out: Sender<Piece>,
        stop: &'r CancellationToken,
    ) -> Result<Self, StoreError> {
        let after = match after {
            None => None,
            Some(place) => Some(After {
                time: match (&place.time, order) {
                    (Some(text), RowOrder::TimeThenKey) => Some(time_part(text)),
                    (None, RowOrder::Key) => None,
                    _ => {
                        return Err(refused(
                            "a place of another order cannot be gone on from",
                            "",
                        ));
                    }
                },
                key: place.key,
            }),
        };
        Ok(Self {
            source,
            order,
            after,
            limit,
            out,
            stop,
        })
    }

    /// Reads.
    pub async fn run(self, mut filter: Document) -> Result<ReadEnd, StoreError> {
        let source = self.source;
        let mut work = source.link.work(&source.label, self.stop).await?;
        let mut asked = Vec::with_capacity(2);
        if self.order == RowOrder::Key
            && let Some(after) = &self.after
        {
            if key::value(&after.key) == Some(Bson::MaxKey) {
                return Ok(ReadEnd::Exhausted);
            }
            // Every bound of an index leaves the very last key out.
            let last = doc! {"$and": [{"_id": Bson::MaxKey}, filter.clone()]};
            asked.push((last, FindOptions::default()));
        }
        let options = self.options(&mut filter)?;
        asked.push((filter, options));
        let (batches, waiting) = mpsc::channel(WAITING);
        let taker = Taker {
            order: source.order.clone(),
            label: source.label.clone(),
            rows: self.order,
            instants: self.order == RowOrder::TimeThenKey && source.served != Ordering::Exactly,
            after: self.after,
            time: None,
            last: None,
            limit: self.limit,
            out: self.out,
            piece: empty(),
            instant: None,
            group: Vec::new(),
            held: Vec::new(),
            taken: (0, 0),
        };
        let taking = tokio::task::spawn_blocking(move || taker.run(waiting));
        'asking: while let Some((filter, mut options)) = asked.pop() {
            options.read_concern = concern(&source.link.server.deployment);
            let mut rows = work.find(&source.collection(), filter, options).await?;
            while let Some(batch) = work.next(&mut rows).await? {
                // Nobody takes any more: enough, or something is wrong with them.
                if batches.send(batch).await.is_err() {
                    break 'asking;
                }
            }
        }
        drop(batches);
        let ended = taking.await.map_err(|_| StoreError::Failed {
            message: "the thread that reads documents has ended early".to_owned(),
            hint: None,
        })?;
        work.still_wanted()?;
        ended
    }

    fn options(&self, filter: &mut Document) -> Result<FindOptions, StoreError> {
        let mut options = FindOptions::default();
        options.batch_size = Some(BATCH);
        let order = &self.source.order;
        match self.order {
            RowOrder::Key => {
                options.sort = Some(doc! {"_id": 1});
                options.hint = Some(Hint::Keys(doc! {"_id": 1}));
                if let Some(after) = &self.after {
                    let id = key::value(&after.key)
                        .ok_or_else(|| refused("a key of another store", ""))?;
                    // A bound of the index: `$gt` would look at ids of one type only.
                    options.min = Some(doc! {"_id": id});
                }
            }
            RowOrder::TimeThenKey => {
                let field = &order.field;
                let mut sort = doc! {field: 1};
                if self.source.served == Ordering::Exactly {
                    sort.insert("_id", 1);
                }
                options.sort = Some(sort);
                options.hint = self.source.index.clone().map(Hint::Name);
                let time = self.after.as_ref().and_then(|after| after.time.as_ref());
                if let Some(time) = time {
                    let from = doc! {field: {"$gte": order.at_most(time)}};
                    let rest = std::mem::take(filter);
                    *filter = doc! {"$and": [from, rest]};
                }
            }
        }
        Ok(options)
    }
}

/// A raw time as it is spelled in a plan's marks.
fn spelled(time: &KeyPart) -> Option<String> {
    match time {
        KeyPart::Int(number) => Some(number.to_string()),
        KeyPart::Number(text) => Some(text.to_string()),
        _ => None,
    }
}

fn time_part(text: &str) -> KeyPart {
    text.parse()
        .map_or_else(|_| KeyPart::Number(text.into()), KeyPart::Int)
}

fn empty() -> Piece {
    Piece {
        rows: vec![RawRows {
            payload: Vec::with_capacity(PIECE.0 + ROOM),
            marks: Vec::with_capacity(PIECE.1),
        }],
        times: Vec::with_capacity(PIECE.1),
    }
}

/// Takes batches apart.
struct Taker {
    order: Arc<Order>,
    label: String,
    rows: RowOrder,
    /// Documents of one instant come in any order.
    instants: bool,
    after: Option<After>,
    /// The time of the last document taken in.
    time: Option<KeyPart>,
    /// The last document that was handed out.
    last: Option<After>,
    limit: usize,
    out: Sender<Piece>,
    piece: Piece,
    /// The time of the documents that wait for the rest of their instant.
    instant: Option<KeyPart>,
    group: Vec<(RowMark, Range<usize>)>,
    /// Their bytes.
    held: Vec<u8>,
    /// Rows and bytes handed out.
    taken: (usize, usize),
}

impl Taker {
    fn run(mut self, mut batches: Receiver<RawBatch>) -> Result<ReadEnd, StoreError> {
        while let Some(batch) = batches.blocking_recv() {
            for document in documents(&batch)? {
                self.document(document?)?;
                if self.taken.0 >= self.limit || self.taken.1 >= ENOUGH {
                    self.send()?;
                    return Ok(ReadEnd::Limit);
                }
            }
        }
        self.end_instant()?;
        self.send()?;
        Ok(ReadEnd::Exhausted)
    }

    fn document(&mut self, document: Raw<'_>) -> Result<(), StoreError> {
        // Only a certain time counts; the condition is wider where times are text.
        let (at @ At::Instant(_), time) = self.order.place(document) else {
            return Ok(());
        };
        let mark = self.mark(document, at)?;
        match self.rows {
            RowOrder::Key => {
                if self
                    .after
                    .as_ref()
                    .is_some_and(|after| mark.key <= after.key)
                {
                    return Ok(());
                }
                self.push(mark, document.bytes(), None)
            }
            RowOrder::TimeThenKey if self.instants => {
                // 5 and 5.0 are one instant.
                let is_same = |instant: &KeyPart| instant.cmp(&time).is_eq();
                if !self.instant.as_ref().is_some_and(is_same) {
                    self.end_instant()?;
                    self.instant = Some(time);
                }
                let from = self.held.len();
                self.held.extend_from_slice(document.bytes());
                if self.held.len() > MOST_INSTANT {
                    return Err(self.crowded());
                }
                self.group.push((mark, from..self.held.len()));
                Ok(())
            }
            RowOrder::TimeThenKey => self.later(mark, document.bytes(), &time),
        }
    }

    /// Hands the documents of one instant out, in the order of their keys.
    fn end_instant(&mut self) -> Result<(), StoreError> {
        let Some(time) = self.instant.take() else {
            return Ok(());
        };
        let mut group = std::mem::take(&mut self.group);
        let mut held = std::mem::take(&mut self.held);
        group.sort_unstable_by(|(one, _), (other, _)| one.key.cmp(&other.key));
        for (mark, range) in group.drain(..) {
            self.later(mark, &held[range], &time)?;
        }
        held.clear();
        (self.group, self.held) = (group, held);
        Ok(())
    }

    /// Hands a document out unless a former call did.
    fn later(&mut self, mark: RowMark, bytes: &[u8], time: &KeyPart) -> Result<(), StoreError> {
        let is_known = self.after.as_ref().is_some_and(|after| {
            let before = after.time.as_ref();
            before.is_some_and(|before| (time, &mark.key) <= (before, &after.key))
        });
        if is_known {
            return Ok(());
        }
        // Reading goes on after the last document; one out of order would be left out in silence.
        let before = match self.piece.rows[0].marks.last() {
            Some(last) => self.time.as_ref().map(|time| (time, &last.key)),
            None => self
                .last
                .as_ref()
                .and_then(|last| Some((last.time.as_ref()?, &last.key))),
        };
        let is_later = before.is_none_or(|before| before < (time, &mark.key));
        if !is_later {
            return Err(refused(
                format!(
                    "the server gives the documents of {} in another order",
                    self.label
                ),
                "this is a defect of the program; please report it",
            ));
        }
        self.time = Some(time.clone());
        self.push(mark, bytes, spelled(time))
    }

    fn push(
        &mut self,
        mark: RowMark,
        bytes: &[u8],
        time: Option<String>,
    ) -> Result<(), StoreError> {
        let rows = &mut self.piece.rows[0];
        rows.payload.extend_from_slice(bytes);
        rows.marks.push(mark);
        self.piece.times.extend(time);
        self.taken.0 += 1;
        self.taken.1 += bytes.len();
        let rows = &self.piece.rows[0];
        if rows.payload.len() >= PIECE.0 || rows.marks.len() >= PIECE.1 {
            self.send()?;
        }
        Ok(())
    }

    fn send(&mut self) -> Result<(), StoreError> {
        let piece = std::mem::replace(&mut self.piece, empty());
        let Some(last) = piece.rows[0].marks.last() else {
            return Ok(());
        };
        self.last = Some(After {
            time: self.time.clone(),
            key: last.key.clone(),
        });
        self.out
            .blocking_send(piece)
            .map_err(|_| StoreError::Cancelled)
    }

    fn mark(&self, document: Raw<'_>, at: At) -> Result<RowMark, StoreError> {
        let bytes = document.bytes();
        let Some(id) = id_of(document).map_err(malformed)? else {
            return Err(refused(
                format!("a document of {} has no _id", self.label),
                "",
            ));
        };
        let Some(key) = key::of(&id) else {
            let text = id_text(&id);
            return Err(refused(
                format!(
                    "the document {} of {} has an _id that cannot be named to the server",
                    safe(text.as_str()),
                    self.label
                ),
                "keep it out of the purge with a filter",
            ));
        };
        Ok(RowMark {
            key,
            version: RowVersion::default(),
            digest: RowDigest::of(bytes),
            at,
            length: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
            parent: None,
        })
    }

    fn crowded(&self) -> StoreError {
        let field = safe(&self.order.field).into_owned();
        refused(
            format!(
                "more than {} MiB of documents of {} have the same {field}",
                MOST_INSTANT >> 20,
                self.label
            ),
            &format!("an index gives them in order: createIndex({{\"{field}\": 1, \"_id\": 1}})"),
        )
    }
}
