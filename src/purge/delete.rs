//! The deletion: batch by batch, driven by rows read back from the archive.
//!
//! Order is everything here: the driver compares what the server hands back with the archive, then
//! the intent is on stable storage, then the commit is sent, then its end is noted.

mod beside;
mod left;
mod second;
mod segment;
mod settle;

use std::ops::Range;
use std::time::Duration;

use crate::core::purge::journal::{DoneEntry, Entry, Fate, IntentEntry, LeftRows, SegmentEntry};
use crate::core::purge::plan::Encoding;
use crate::purge::ahead::Ahead;
use crate::purge::delete::beside::Beside;
use crate::purge::delete::left::{left_rows, parted, stuck};
use crate::purge::delete::segment::Segment;
use crate::purge::dossier::shelf::Wanted;
use crate::purge::dossier::{Dossier, fill};
use crate::purge::engine::Engine;
use crate::purge::fault::Fault;
use crate::purge::hold::HoldFile;
use crate::purge::pace::{BatchSize, Limits, Spent, Throttle};
use crate::purge::progress::Progress;
use crate::purge::scope::{Judge, Verdict};
use crate::store::StoreError;
use crate::store::purger::{Batch, Deleter, Pressure, Settled, Staged};

/// How often locked rows have another try at the end.
const LOCKED_TRIES: u32 = 3;
/// How long to wait before it.
const LOCKED_WAIT: Duration = Duration::from_secs(2);
/// How often a lost connection is made again, one after the other.
const LOST_TRIES: u32 = 6;
/// How often a batch that the server was too busy for is tried again.
const BUSY_TRIES: u32 = 5;

/// What became of a batch's turn.
enum Turn {
    /// It is committed.
    Done,
    /// It has another one, with nothing beside it.
    Alone,
}

/// A deletion under way.
pub(super) struct Deleting<'e, 'd> {
    engine: &'e Engine<'e>,
    dossier: &'d mut Dossier,
    deleter: Box<dyn Deleter>,
    as_whom: Option<&'e str>,
    judge: Judge,
    has_new_holds: bool,
    holds: HoldFile,
    size: BatchSize,
    throttle: Throttle,
    /// How long the store was at work on the last batch. PostgreSQL's commit does not count: it waits
    /// for a disk and keeps nobody from working.
    worked: Duration,
    began: Duration,
    turns: u64,
    /// The rows in hand, in room that is used again and again.
    batch: Batch,
    beside: Beside,
}

impl Engine<'_> {
    /// Deletes what the archive holds and what is still as archived; goes on where a former run
    /// ended.
    pub async fn delete(
        &self,
        dossier: &mut Dossier,
        as_whom: Option<&str>,
        limits: Limits,
    ) -> Result<(), Fault> {
        dossier.may_delete()?;
        if dossier.is_complete() {
            return Ok(());
        }
        dossier.check_manifest()?;
        let deleter = self.log_in(dossier, as_whom).await;
        dossier.note_stop(&deleter)?;
        let deleter = deleter?;
        let encoding = dossier.plan().encoding;
        let mut deleting = Deleting {
            judge: Judge::of(dossier.plan())?,
            holds: HoldFile::new(dossier.directory()),
            has_new_holds: false,
            deleter,
            as_whom,
            size: BatchSize::first(&limits, most_rows(encoding)),
            throttle: Throttle::new(limits, encoding),
            worked: Duration::ZERO,
            began: self.clock.elapsed(),
            turns: 0,
            batch: Batch::default(),
            beside: Beside::default(),
            engine: self,
            dossier,
        };
        let ended = deleting.run().await;
        deleting.stand_down().await;
        dossier.note_stop(&ended)?;
        if let Err(fault @ Fault::Store(StoreError::Refused { .. })) = &ended {
            dossier.record(Entry::Attention {
                because: fault.to_string(),
            })?;
        }
        ended
    }

    async fn log_in(
        &self,
        dossier: &Dossier,
        as_whom: Option<&str>,
    ) -> Result<Box<dyn Deleter>, Fault> {
        let stop = self.halt.token();
        let deleter = self.purger.deleter(dossier.plan(), as_whom, stop).await;
        deleter.map_err(cut)
    }
}

/// What an answer broken off on request means.
pub(super) fn cut(error: StoreError) -> Fault {
    match error {
        StoreError::Cancelled => Fault::Stopped {
            because: "asked to stop".to_owned(),
        },
        error => Fault::Store(error),
    }
}

impl Deleting<'_, '_> {
    async fn run(&mut self) -> Result<(), Fault> {
        self.settle_open().await?;
        let ledger = self.dossier.ledger();
        let is_left = |entry: &&SegmentEntry| {
            let rows = entry.parts.first().map_or(0, |events| events.rows);
            ledger.reached(entry.number) < rows
        };
        let segments: Vec<_> = self.dossier.segments().filter(is_left).cloned().collect();
        let mut ahead = Ahead::new(self.dossier.shelf(), Wanted::Rows, segments);
        while let Some((entry, parts)) = ahead.next().await? {
            if let Some(events) = parts.first() {
                self.dossier.remember(entry.number, events);
            }
            let segment = Segment::new(&entry, self.dossier.plan().encoding, parts);
            self.segment(&segment).await?;
            ahead.give_back(segment.parts);
        }
        self.locked_again().await
    }

    async fn segment(&mut self, segment: &Segment) -> Result<(), Fault> {
        loop {
            let reached = self.dossier.ledger().reached(segment.number);
            let first = usize::try_from(reached).unwrap_or(usize::MAX);
            if first >= segment.len() {
                return Ok(());
            }
            self.wait_for_a_turn().await?;
            let began = self.engine.clock.elapsed();
            let (last, beyond) = self.ends(segment, first).await?;
            if let Some(beyond) = beyond {
                self.begin_beside(segment, last, beyond).await;
            }
            self.batch(segment, first, last).await?;
            let last = self.finish_beside(segment).await?.unwrap_or(last);
            self.size.learn(last - first, self.worked);
            self.spend(last - first, began).await;
        }
    }

    /// Counts rows that had their turn in a batch that began then.
    async fn spend(&mut self, rows: usize, began: Duration) {
        let ended = self.engine.clock.elapsed();
        self.turns += rows as u64;
        self.throttle.spend(&Spent {
            rows: rows as u64,
            work: self.worked,
            began,
            ended,
        });
        self.tell(ended).await;
    }

    /// Everything that may hold a batch up.
    async fn wait_for_a_turn(&mut self) -> Result<(), Fault> {
        loop {
            self.engine.halt.clone().pass().await?;
            if self.throttle.wants_look(self.engine.clock.elapsed()) {
                let pressure = self.pressure().await?;
                self.throttle.look(pressure, self.engine.clock.elapsed());
            }
            let Some(wait) = self.throttle.wait(self.engine.clock.elapsed()) else {
                return Ok(());
            };
            if let Some(because) = wait.because {
                self.engine.told.tell(Progress::Waiting { because }).await;
            }
            self.pause(wait.length).await;
        }
    }

    async fn pause(&self, length: Duration) {
        tokio::select! {
            () = self.engine.clock.sleep(length) => {}
            () = self.engine.halt.token().cancelled() => {}
        }
    }

    /// `None` where the server cannot be asked.
    async fn pressure(&mut self) -> Result<Option<Pressure>, Fault> {
        let never = self.engine.halt.token().child_token();
        match self.deleter.pressure(&never).await {
            Ok(pressure) => Ok(Some(pressure)),
            // A server that cannot be asked is noticed by the batch that follows.
            Err(StoreError::Lost { .. } | StoreError::Busy { .. }) => Ok(None),
            Err(error) => Err(cut(error)),
        }
    }

    async fn tell(&self, now: Duration) {
        let pressure = self.throttle.seen().clone();
        let seconds = now.saturating_sub(self.began).as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = self.turns as f64 / seconds.max(0.001);
        let progress = Progress::Deleting {
            tally: self.dossier.ledger().tally.clone(),
            batch: self.size.rows(),
            rate,
            replica_seconds: pressure.replica_seconds,
            replica_bytes: pressure.replica_bytes,
            sessions_waiting: pressure.waiting,
            unseen: pressure.unseen,
        };
        self.engine.told.tell(progress).await;
    }

    /// One batch, until its fate is known.
    async fn batch(&mut self, segment: &Segment, first: usize, last: usize) -> Result<(), Fault> {
        let mut cut_off = 0;
        let mut busy = 0;
        loop {
            let attempted = self.attempt(segment, first, last).await;
            if !matches!(attempted, Ok(Turn::Done)) {
                self.stand_down().await;
            }
            match attempted {
                Ok(Turn::Done) => return Ok(()),
                Ok(Turn::Alone) => {}
                Err(Fault::Store(error @ StoreError::Lost { .. })) if cut_off < LOST_TRIES => {
                    cut_off += 1;
                    self.reconnect(cut_off, &error).await?;
                    if self.settle_open().await? == Some(Settled::Committed) {
                        return Ok(());
                    }
                }
                Err(Fault::Store(StoreError::Busy { message, .. })) if busy < BUSY_TRIES => {
                    busy += 1;
                    self.engine.halt.check()?;
                    let because = message;
                    self.engine.told.tell(Progress::Waiting { because }).await;
                    self.pause(LOCKED_WAIT).await;
                }
                Err(Fault::Store(StoreError::Busy { message, .. })) => {
                    return Err(Fault::Stopped { because: message });
                }
                Err(fault) => return Err(fault),
            }
        }
    }

    async fn reconnect(&mut self, attempt: u32, error: &StoreError) -> Result<(), Fault> {
        let error = error.to_string();
        let told = &self.engine.told;
        told.tell(Progress::Reconnecting { attempt, error }).await;
        let mut attempt = attempt;
        loop {
            self.engine.halt.check()?;
            self.pause(Duration::from_millis(250) * 2_u32.pow(attempt.min(6)))
                .await;
            let again = self.engine.log_in(self.dossier, self.as_whom).await;
            match again {
                Ok(deleter) => {
                    self.deleter = deleter;
                    return Ok(());
                }
                Err(Fault::Store(
                    error @ (StoreError::Lost { .. } | StoreError::Connect { .. }),
                )) if attempt < LOST_TRIES => {
                    attempt += 1;
                    let error = error.to_string();
                    let told = &self.engine.told;
                    told.tell(Progress::Reconnecting { attempt, error }).await;
                }
                Err(fault) => return Err(fault),
            }
        }
    }

    async fn attempt(
        &mut self,
        segment: &Segment,
        first: usize,
        last: usize,
    ) -> Result<Turn, Fault> {
        let (goes, held) = self.without_held(segment, first, last)?;
        fill(&mut self.batch, &segment.parts, &goes);
        // A batch that has begun is finished: what stops a purge is looked at between batches.
        let never = tokio_util::sync::CancellationToken::new();
        let began = self.engine.clock.elapsed();
        let staged = self.deleter.stage(&self.batch, &never).await?;
        self.worked = self.engine.clock.elapsed().saturating_sub(began);
        let (left, is_sound) = left_rows(segment.encoding, &*staged, goes.len(), held);
        if !is_sound {
            staged.rollback().await?;
            return Err(Fault::Store(StoreError::Refused {
                message: format!(
                    "a batch of segment {} does not add up: {} rows asked for, taken back",
                    segment.number,
                    goes.len()
                ),
                hint: Some("nothing of it was deleted; please report it".to_owned()),
            }));
        }
        if !left.locked.is_empty() && self.beside.is_ahead() {
            // It may be ourselves who hold the lock.
            staged.rollback().await?;
            return Ok(Turn::Alone);
        }
        let parts_chain = self.judge.is_chained().then(|| parted(&left)).flatten();
        let warnings = &self.dossier.plan().warnings;
        if let Some(fault) = parts_chain.or_else(|| stuck(&left, goes.len(), warnings)) {
            staged.rollback().await?;
            return Err(fault);
        }
        Self::conclude(self.dossier, segment, first..last, left, staged).await?;
        if segment.encoding != Encoding::CopyText {
            // A file is locked until then, and without transactions nothing was deleted before.
            self.worked = self.engine.clock.elapsed().saturating_sub(began);
        }
        Ok(Turn::Done)
    }

    /// Journals what a staged batch comes to, commits it, and notes how that ended; on whichever
    /// connection it is. [`StoreError::Lost`] leaves the intent open, to be settled.
    async fn conclude(
        dossier: &mut Dossier,
        segment: &Segment,
        places: Range<usize>,
        left: LeftRows,
        staged: Box<dyn Staged + '_>,
    ) -> Result<(), Fault> {
        let (segment, first) = (segment.number, places.start as u64);
        let intent = IntentEntry {
            segment,
            first,
            rows: places.len() as u64,
            deletes: staged.deleted().to_vec(),
            left,
            transaction: staged.transaction().to_owned(),
        };
        if let Err(fault) = dossier.record(Entry::Intent(intent)) {
            // Nothing is deleted that cannot be journalled, whether the server hears it or not.
            if let Err(error) = staged.rollback().await {
                tracing::debug!(%error, "a batch without an intent ends with its connection");
            }
            return Err(fault);
        }
        let committed = staged.commit().await;
        let fate = match &committed {
            Ok(()) => Fate::Committed,
            Err(StoreError::Lost { .. }) => return Ok(committed?),
            Err(_) => Fate::RolledBack,
        };
        dossier.record(Entry::Done(DoneEntry {
            segment,
            first,
            fate,
        }))?;
        Ok(committed?)
    }

    fn heed_holds(&mut self) -> Result<(), Fault> {
        if let Some(holds) = self.holds.changed()? {
            let plan = self.dossier.plan();
            self.judge = Judge::of(plan)?.holding(&holds, &plan.scope)?;
            self.has_new_holds = !holds.is_empty();
        }
        Ok(())
    }

    /// Parts rows that a hold keeps by now from those that go.
    fn without_held(
        &mut self,
        segment: &Segment,
        first: usize,
        last: usize,
    ) -> Result<(Vec<usize>, Vec<String>), Fault> {
        self.heed_holds()?;
        if !self.has_new_holds {
            return Ok(((first..last).collect(), Vec::new()));
        }
        let mut goes = Vec::with_capacity(last - first);
        let mut held = Vec::new();
        for (place, (mark, bytes)) in segment.parts[0].iter().enumerate() {
            if !(first..last).contains(&place) {
                continue;
            }
            match self.judge.of_row(mark, bytes)? {
                Verdict::Goes => goes.push(place),
                Verdict::Held(_) => held.push(segment.id(place)),
                Verdict::Outside => {
                    return Err(Fault::refused(
                        format!(
                            "segment {} holds a row that is none of the plan's",
                            segment.number
                        ),
                        "verify the archive again",
                    ));
                }
            }
        }
        Ok((goes, held))
    }
}

/// Rows of a batch at most. On MongoDB larger transactions gain nothing, and make writers wait.
fn most_rows(encoding: Encoding) -> usize {
    match encoding {
        Encoding::Bson => 1_000,
        Encoding::CopyText | Encoding::SqlInserts => BatchSize::RANGE.1,
    }
}
