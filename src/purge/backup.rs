//! The backup: rows are read in the plan's order, judged by their bytes, and written down segment by
//! segment. Reads are short snapshots; that the rows are still the same is checked when they are
//! deleted.

mod sorter;

use std::sync::Arc;

use tokio::sync::mpsc::{self, Receiver};

use crate::core::instant::Micros;
use crate::core::purge::journal::{Entry, SegmentEntry};
use crate::core::purge::plan::Plan;
use crate::core::query::predicate::Predicate;
use crate::purge::backup::sorter::{Full, Sorter};
use crate::purge::chain::{self, Chain};
use crate::purge::delete::cut;
use crate::purge::dossier::Dossier;
use crate::purge::engine::Engine;
use crate::purge::fault::Fault;
use crate::purge::place;
use crate::purge::progress::Progress;
use crate::purge::scope::Judge;
use crate::store::purger::{Piece, ReadEnd, Selection};

/// When a segment takes no more rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentSize {
    /// At most so many rows are read for it at once; half of them are enough.
    pub rows: usize,
    /// So many bytes of rows and of their lines in the sidecar are enough: whoever reads a segment
    /// back holds it in memory.
    pub bytes: usize,
}

impl Default for SegmentSize {
    fn default() -> Self {
        Self {
            rows: 400_000,
            bytes: 12 << 20,
        }
    }
}

/// Pieces under way between store and archive.
const PIECES: usize = 4;
/// Segments that wait for being written.
const WAITING: usize = 1;

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
        self.told.tell(dossier.backing_up()).await;
        let (full, waiting) = mpsc::channel(WAITING);
        let sorter = Sorter {
            chain: self.chain(dossier, &judge).await?,
            last: dossier.read_to()?,
            size: dossier.segment_size(),
            drafts: dossier.shelf().drafts()?,
            so_far: dossier.backing_up(),
            told: self.told.clone(),
            left: 0,
            judge,
            full,
        };
        let plan = dossier.plan().clone();
        // Segments are written while the store reads on; those that are full are written down even
        // when reading fails.
        let (left, written) = tokio::join!(self.read_all(&plan, sorter), write(dossier, waiting));
        written?;
        dossier.skipped(left?);
        self.told.tell(dossier.backing_up()).await;
        Ok(())
    }

    /// Reads until nothing is left; says how many rows stay after the last segment.
    async fn read_all(&self, plan: &Plan, mut sorter: Sorter) -> Result<u64, Fault> {
        let what = sorter.judge.selection();
        let limit = sorter.size.rows;
        loop {
            self.halt.check()?;
            let (out, pieces) = mpsc::channel::<Piece>(PIECES);
            let from = sorter.last.clone();
            let sorting = tokio::task::spawn_blocking(move || sorter.run(pieces));
            let read = self
                .purger
                .read(plan, &what, from, limit, out, self.halt.token())
                .await;
            let taken = sorting.await.map_err(|_| Fault::Files {
                message: "the thread that judges rows has ended early".to_owned(),
                hint: None,
            })?;
            // What is wrong with a row says more than that nobody takes rows any more.
            sorter = taken?;
            if read.map_err(cut)? == ReadEnd::Exhausted {
                break;
            }
        }
        if let Some(rest) = sorter.cut()? {
            // Whoever takes no more says why.
            let _ = sorter.full.send(rest).await;
        }
        Ok(sorter.left)
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
}

/// Puts segments down one after the other, and journals each once its files are durable.
async fn write(dossier: &mut Dossier, mut waiting: Receiver<Full>) -> Result<(), Fault> {
    while let Some(Full { files, last, left }) = waiting.recv().await {
        let (shelf, number) = (dossier.shelf(), dossier.next_segment());
        let written = tokio::task::spawn_blocking(move || shelf.put(number, &files));
        let parts = written.await.map_err(|_| Fault::Files {
            message: "the thread that writes segments has ended early".to_owned(),
            hint: None,
        })??;
        let left = left + dossier.take_skipped();
        dossier.record(Entry::Segment(SegmentEntry {
            number,
            parts,
            last: place::mark(&last),
            left,
        }))?;
    }
    Ok(())
}
