//! Two batches at a time: the rows after a batch are staged on a second connection while the batch
//! itself is staged and committed.
//!
//! The journal does not know of it: the intent of the second batch is written when the first is
//! done. Whatever is not as usual takes the second batch back, and its rows have their turn alone.

use super::left::left_rows;
use super::second::Second;
use super::{Deleting, cut};
use crate::purge::delete::segment::Segment;
use crate::purge::dossier::fill;
use crate::purge::fault::Fault;
use crate::store::StoreError;
use crate::store::purger::Settled;

/// Batches that are done alone after something unusual.
const COOLING: u32 = 8;
/// Fewer rows than this are done alone.
const LEAST: usize = 4;

/// The second connection.
#[derive(Default)]
pub(super) struct Beside {
    second: Option<Second>,
    /// The places of rows it is staging, from the first to before the last.
    ahead: Option<(usize, usize)>,
    /// Batches until it is wanted again.
    cooling: u32,
    /// The store has none to offer.
    is_alone: bool,
}

impl Beside {
    /// Whether rows are being staged, or are.
    pub(super) fn is_ahead(&self) -> bool {
        self.ahead.is_some()
    }
}

impl Deleting<'_, '_> {
    /// Where the batch ends that begins at `first`, and where the one beside it does.
    pub(super) async fn ends(
        &mut self,
        segment: &Segment,
        first: usize,
    ) -> Result<(usize, Option<usize>), Fault> {
        let rows = self.size.rows();
        let rest = segment.len() - first;
        if rest < 2 * LEAST || !self.has_second().await? {
            return Ok((segment.end_of_batch(first, rows), None));
        }
        // Two of a size end at the same time.
        let rows = rows.min(rest.div_ceil(2));
        let last = segment.end_of_batch(first, rows);
        let is_more = last < segment.len();
        Ok((last, is_more.then(|| segment.end_of_batch(last, rows))))
    }

    /// Whether there is a second connection, and nothing speaks for one batch at a time.
    async fn has_second(&mut self) -> Result<bool, Fault> {
        let beside = &mut self.beside;
        if beside.is_alone || !self.throttle.lets_two() || self.judge.is_chained() {
            return Ok(false);
        }
        if beside.cooling > 0 {
            beside.cooling -= 1;
            return Ok(false);
        }
        self.heed_holds()?;
        if self.has_new_holds {
            return Ok(false);
        }
        if self.beside.second.is_some() {
            return Ok(true);
        }
        match self.deleter.second(self.engine.halt.token()).await {
            Ok(Some(second)) => {
                self.beside.second = Some(Second::start(second));
                Ok(true)
            }
            Ok(None) => {
                self.beside.is_alone = true;
                Ok(false)
            }
            Err(StoreError::Cancelled) => Err(cut(StoreError::Cancelled)),
            Err(error) => {
                self.beside.is_alone = true;
                let note = format!("one batch at a time: {error}");
                self.engine.note(note).await;
                Ok(false)
            }
        }
    }

    /// Has the second connection begin with the rows from `first` to before `last`.
    pub(super) async fn begin_beside(&mut self, segment: &Segment, first: usize, last: usize) {
        let Some(second) = &mut self.beside.second else {
            return;
        };
        let mut batch = second.room();
        let places: Vec<usize> = (first..last).collect();
        fill(&mut batch, &segment.parts, &places);
        second.stage(batch).await;
        self.beside.ahead = Some((first, last));
    }

    /// Takes back what is staged beside, and does without for a while.
    pub(super) async fn stand_down(&mut self) {
        self.beside.ahead = None;
        if let Some(second) = self.beside.second.take() {
            second.dismiss().await;
            self.beside.cooling = COOLING;
        }
    }

    /// Commits what was staged beside a batch that is done by now. Says where it ends; `None` when
    /// its rows are still to have their turn.
    pub(super) async fn finish_beside(
        &mut self,
        segment: &Segment,
    ) -> Result<Option<usize>, Fault> {
        let (Some((first, last)), Some(second)) =
            (self.beside.ahead.take(), &mut self.beside.second)
        else {
            return Ok(None);
        };
        let staged = match second.staged().await {
            Ok(staged) => staged,
            Err(error) => {
                // The same rows meet it again in their own turn.
                tracing::debug!(%error, "a batch beside another failed");
                self.stand_down().await;
                return Ok(None);
            }
        };
        let (left, is_sound) = left_rows(segment.encoding, &staged, last - first, Vec::new());
        let is_usual = is_sound && left.locked.is_empty() && left.refused.is_empty();
        if !is_usual || !self.engine.halt.lets_pass() {
            self.stand_down().await;
            return Ok(None);
        }
        let ended =
            Self::conclude(self.dossier, segment, first..last, left, Box::new(staged)).await;
        if ended.is_err() {
            self.stand_down().await;
        }
        match ended {
            Ok(()) => Ok(Some(last)),
            Err(Fault::Store(StoreError::Lost { .. })) => {
                let settled = self.settle_open().await?;
                Ok((settled == Some(Settled::Committed)).then_some(last))
            }
            // It was taken back, and its rows meet the same in their own turn.
            Err(Fault::Store(_)) => Ok(None),
            Err(fault) => Err(fault),
        }
    }
}
