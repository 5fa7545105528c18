//! The backup: rows are read in the plan's order, judged by their bytes, and written down segment by
//! segment. Each segment comes from a short snapshot of its own; that the rows are still the same is
//! checked when they are deleted.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::core::instant::{At, Micros};
use crate::core::purge::journal::{Entry, SegmentEntry};
use crate::core::purge::row::{RawRows, RowKey, RowMark};
use crate::core::query::predicate::Predicate;
use crate::purge::chain::{self, Chain};
use crate::purge::delete::cut;
use crate::purge::dossier::Dossier;
use crate::purge::engine::Engine;
use crate::purge::fault::Fault;
use crate::purge::place;
use crate::purge::progress::Progress;
use crate::purge::scope::{Judge, Verdict};
use crate::store::purger::{Piece, Place, READ_BYTES, ReadEnd, Selection};

/// When a segment is written before more is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentSize {
    /// At most so many rows are read for it at once; half of them are enough.
    pub rows: usize,
    /// So many bytes of rows are enough.
    pub bytes: usize,
}

impl Default for SegmentSize {
    fn default() -> Self {
        Self {
            rows: 100_000,
            bytes: READ_BYTES / 2,
        }
    }
}

/// Pieces under way between store and archive.
const PIECES: usize = 4;

impl Engine<'_> {
    /// Writes what is not written yet, and says when nothing is missing.
    pub async fn back_up(&self, dossier: &mut Dossier) -> Result<(), Fault> {
        if let Some((root, rows)) = dossier.manifest() {
            let rows = rows.first().copied().unwrap_or(0);
            self.told.tell(Progress::BackedUp { rows, root }).await;
            return Ok(());
        }
        dossier.check_room()?;
        let ended = self.segments(dossier).await;
        dossier.note_stop(&ended)?;
        ended?;
        let (root, rows) = dossier.seal()?;
        let rows = rows.first().copied().unwrap_or(0);
        self.told.tell(Progress::BackedUp { rows, root }).await;
        Ok(())
    }

    async fn segments(&self, dossier: &mut Dossier) -> Result<(), Fault> {
        let probe = self.same_store_in_time(dossier.plan()).await?;
        if let Some(skew) = self.skew(&probe) {
            self.note(skew).await;
        }
        let judge = Judge::of(dossier.plan())?;
        let mut at = dossier.read_to()?;
        self.told.tell(dossier.backing_up()).await;
        let mut chain = self.chain(dossier, &judge).await?;
        let mut writing: Option<Writing> = None;
        let relations = dossier.plan().relations.len().max(1);
        // Of the segment written last, for the next but one.
        let mut room: Option<Vec<RawRows>> = None;
        loop {
            let rows = room
                .take()
                .unwrap_or_else(|| vec![RawRows::default(); relations]);
            let mut kept = Kept::new(judge.clone(), rows, at.clone());
            kept.chain = chain.take();
            let so_far = match &writing {
                Some(writing) => writing.so_far.clone(),
                None => dossier.backing_up(),
            };
            let filled = match self.halt.check() {
                Ok(()) => self.fill(dossier, kept, &so_far).await,
                Err(fault) => Err(fault),
            };
            // What was read before counts, whatever became of this.
            if let Some(before) = writing.take() {
                room = Some(before.done(dossier).await?);
                self.told.tell(dossier.backing_up()).await;
            }
            let (mut kept, end) = filled?;
            at.clone_from(&kept.last);
            chain = kept.chain.take();
            if kept.rows[0].marks.is_empty() {
                dossier.skipped(kept.left);
                self.told.tell(dossier.backing_up()).await;
            } else if let Some(last) = kept.last.take() {
                writing = Some(Writing::begin(dossier, kept, &last));
            }
            if end == ReadEnd::Exhausted {
                if let Some(last) = writing {
                    last.done(dossier).await?;
                    self.told.tell(dossier.backing_up()).await;
                }
                return Ok(());
            }
        }
    }

    /// Where a chain goes on; `None` where rows are not chained.
    async fn chain(&self, dossier: &Dossier, judge: &Judge) -> Result<Option<Chain>, Fault> {
        if !judge.is_chained() {
            return Ok(None);
        }
        if let Some(anchor) = chain::anchor(dossier)? {
            return Ok(Some(Chain::Reaches(anchor.hash)));
        }
        // The first row of all: where it stays, no other may go.
        let everything = Selection {
            cutoff: Micros(i64::MAX),
            predicate: Arc::new(Predicate::All),
        };
        let (out, mut pieces) = mpsc::channel::<Piece>(PIECES);
        let reading =
            self.purger
                .read(dossier.plan(), &everything, None, 1, out, self.halt.token());
        let gathering = async {
            let mut first = None;
            while let Some(piece) = pieces.recv().await {
                let marks = piece.rows.into_iter().next().unwrap_or_default().marks;
                first = first.or_else(|| marks.into_iter().next());
            }
            first
        };
        let (read, first) = tokio::join!(reading, gathering);
        read.map_err(cut)?;
        Ok(first.map(|mark| Chain::Begins(mark.key)))
    }

    /// Reads until a segment is full or nothing is left.
    async fn fill(
        &self,
        dossier: &Dossier,
        mut kept: Kept,
        so_far: &Progress,
    ) -> Result<(Kept, ReadEnd), Fault> {
        let plan = dossier.plan();
        let what = kept.judge.selection();
        loop {
            let (out, mut pieces) = mpsc::channel::<Piece>(PIECES);
            let from = kept.last.clone();
            let (told, so_far) = (self.told.clone(), so_far.clone());
            let judging = tokio::task::spawn_blocking(move || {
                let mut unsaid = 0;
                while let Some(piece) = pieces.blocking_recv() {
                    unsaid += piece.rows.first().map_or(0, |events| events.marks.len());
                    kept.take(&piece)?;
                    if unsaid >= TOLD_EVERY {
                        unsaid = 0;
                        told.tell_blocking(kept.added_to(&so_far));
                    }
                }
                Ok::<_, Fault>(kept)
            });
            let limit = dossier.segment_size().rows;
            let read = self
                .purger
                .read(plan, &what, from, limit, out, self.halt.token())
                .await;
            let judged = judging.await.map_err(|_| Fault::Files {
                message: "the thread that judges rows has ended early".to_owned(),
                hint: None,
            })?;
            // What is wrong with a row says more than that nobody takes rows any more.
            kept = judged?;
            let end = read.map_err(cut)?;
            if end == ReadEnd::Exhausted || kept.is_full(dossier.segment_size()) {
                return Ok((kept, end));
            }
            self.halt.check()?;
        }
    }
}

/// Rows that are read before that is told again: a segment takes a while.
const TOLD_EVERY: usize = 2_000;

/// A segment that is written while the next one is read.
struct Writing {
    written: JoinHandle<Result<(SegmentEntry, Vec<RawRows>), Fault>>,
    /// With its rows.
    so_far: Progress,
}

impl Writing {
    fn begin(dossier: &mut Dossier, kept: Kept, last: &Place) -> Self {
        let so_far = kept.added_to(&dossier.backing_up());
        let (shelf, number) = (dossier.shelf(), dossier.next_segment());
        let (last, left) = (place::mark(last), kept.left + dossier.take_skipped());
        let written = tokio::task::spawn_blocking(move || {
            let entry = SegmentEntry {
                parts: shelf.write(number, &kept.rows)?,
                number,
                last,
                left,
            };
            Ok((entry, kept.rows))
        });
        Self { written, so_far }
    }

    /// Journals it once its files are durable, and hands back the room of its rows.
    async fn done(self, dossier: &mut Dossier) -> Result<Vec<RawRows>, Fault> {
        let written = self.written.await.map_err(|_| Fault::Files {
            message: "the thread that writes segments has ended early".to_owned(),
            hint: None,
        })?;
        let (entry, mut rows) = written?;
        dossier.record(Entry::Segment(entry))?;
        rows.iter_mut().for_each(RawRows::clear);
        Ok(rows)
    }
}

/// Rows of a segment to be.
struct Kept {
    judge: Judge,
    rows: Vec<RawRows>,
    left: u64,
    last: Option<Place>,
    chain: Option<Chain>,
}

impl Kept {
    fn new(judge: Judge, rows: Vec<RawRows>, last: Option<Place>) -> Self {
        Self {
            judge,
            rows,
            left: 0,
            last,
            chain: None,
        }
    }

    fn is_full(&self, size: SegmentSize) -> bool {
        let bytes: usize = self.rows.iter().map(|rows| rows.payload.len()).sum();
        self.rows[0].marks.len() >= size.rows / 2 || bytes >= size.bytes
    }

    /// What was told last with the rows that are read since.
    fn added_to(&self, progress: &Progress) -> Progress {
        let mut progress = progress.clone();
        if let Progress::BackingUp {
            rows, left, bytes, ..
        } = &mut progress
        {
            let payload: usize = self.rows.iter().map(|rows| rows.payload.len()).sum();
            *rows += self.rows[0].marks.len() as u64;
            *left += self.left;
            *bytes += payload as u64;
        }
        progress
    }

    fn take(&mut self, piece: &Piece) -> Result<(), Fault> {
        let Some((events, related)) = piece.rows.split_first() else {
            return Ok(());
        };
        let mut stays: Vec<&RowKey> = Vec::new();
        for (row, (mark, bytes)) in events.iter().enumerate() {
            self.in_order(mark, piece.times.get(row))?;
            if let Some(chain) = &mut self.chain {
                chain.follow(&self.judge, mark, bytes)?;
            }
            if self.judge.of_row(mark, bytes)? == Verdict::Goes {
                self.rows[0].push(mark, bytes);
            } else {
                self.left += 1;
                stays.push(&mark.key);
            }
        }
        stays.sort_unstable();
        for (place, rows) in related.iter().enumerate() {
            let Some(kept) = self.rows.get_mut(place + 1) else {
                return Err(unplanned("rows of a table the plan does not name"));
            };
            for (mark, bytes) in rows.iter() {
                let parent = mark
                    .parent
                    .as_ref()
                    .ok_or_else(|| unplanned("a related row without the key of its event"))?;
                if stays.binary_search(&parent).is_err() {
                    kept.push(mark, bytes);
                }
            }
        }
        Ok(())
    }

    /// Reading goes on after the last row; rows out of order would be left out in silence.
    fn in_order(&mut self, mark: &RowMark, time: Option<&String>) -> Result<(), Fault> {
        let is_after = self
            .last
            .as_ref()
            .is_none_or(|last| time.is_some() || last.key < mark.key);
        if !is_after {
            return Err(unplanned("rows that are not in the plan's order"));
        }
        if mark.at == At::Absent && time.is_some() {
            return Err(unplanned("a row without a time"));
        }
        self.last = Some(Place {
            time: time.cloned(),
            key: mark.key.clone(),
        });
        Ok(())
    }
}

fn unplanned(what: &str) -> Fault {
    Fault::Refused {
        message: format!("the store handed out {what}; nothing of it was written down"),
        hint: Some("this is a defect of the program; please report it".to_owned()),
    }
}
