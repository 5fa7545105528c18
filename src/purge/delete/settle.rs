//! What a deletion owes: commits that nobody answered, and rows that were locked when their turn came.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Deleting, LOCKED_TRIES, LOCKED_WAIT, LOST_TRIES, cut};
use crate::core::purge::journal::{DoneEntry, Entry, Fate};
use crate::purge::delete::segment::Segment;
use crate::purge::dossier::batch_of;
use crate::purge::fault::Fault;
use crate::purge::progress::Progress;
use crate::store::StoreError;
use crate::store::purger::{Batch, Settled};

impl Deleting<'_, '_> {
    /// Asks what became of a commit that nobody answered.
    pub(super) async fn settle_open(&mut self) -> Result<Option<Settled>, Fault> {
        let Some(intent) = self.dossier.ledger().open().cloned() else {
            return Ok(None);
        };
        let transaction = intent.transaction.clone();
        let told = &self.engine.told;
        told.tell(Progress::Settling { transaction }).await;
        let entry = self.dossier.segment(intent.segment)?;
        let parts = self.dossier.read_segment(&entry)?;
        let segment = Segment::new(&entry, self.dossier.plan().encoding, parts);
        let first = usize::try_from(intent.first).unwrap_or(usize::MAX);
        let last = first.saturating_add(usize::try_from(intent.rows).unwrap_or(usize::MAX));
        if last > segment.len() {
            return Err(Fault::refused(
                "the journal speaks of rows that the archive has not",
                "a person has to look at it",
            ));
        }
        let stayed = [&intent.left.changed, &intent.left.locked]
            .into_iter()
            .chain([&intent.left.held, &intent.left.refused])
            .flatten()
            .collect::<BTreeSet<_>>();
        let places: Vec<usize> = (first..last)
            .filter(|place| !stayed.contains(&segment.id(*place)))
            .collect();
        let batch = batch_of(&segment.parts, &places);
        let settled = self.settle(&intent.transaction, &batch).await?;
        let fate = match settled {
            Settled::Committed => Fate::FoundCommitted,
            Settled::RolledBack | Settled::InProgress => Fate::RolledBack,
        };
        self.dossier.record(Entry::Done(DoneEntry {
            segment: intent.segment,
            first: intent.first,
            fate,
        }))?;
        Ok(Some(settled))
    }

    async fn settle(&mut self, transaction: &str, batch: &Batch) -> Result<Settled, Fault> {
        let mut attempt = 0;
        loop {
            let asked = {
                let token = self.engine.halt.token();
                self.deleter.settle(transaction, batch, token).await
            };
            match asked {
                Ok(Settled::InProgress) => {
                    self.engine.halt.check()?;
                    let because = "the former transaction is still open".to_owned();
                    self.engine.told.tell(Progress::Waiting { because }).await;
                    self.pause(Duration::from_secs(1)).await;
                }
                Ok(settled) => return Ok(settled),
                Err(error @ StoreError::Lost { .. }) if attempt < LOST_TRIES => {
                    attempt += 1;
                    self.reconnect(attempt, &error).await?;
                }
                Err(error) => return Err(cut(error)),
            }
        }
    }

    /// Rows that were locked have three more tries, each row alone.
    pub(super) async fn locked_again(&mut self) -> Result<(), Fault> {
        for attempt in 1..=LOCKED_TRIES {
            let rows = self.dossier.ledger().tally.locked;
            if rows == 0 {
                return Ok(());
            }
            let told = &self.engine.told;
            told.tell(Progress::Retrying { rows, attempt }).await;
            self.pause(LOCKED_WAIT).await;
            let locked = self.dossier.ledger().locked().clone();
            for (number, ids) in locked {
                let entry = self.dossier.segment(number)?;
                let parts = self.dossier.read_segment(&entry)?;
                let segment = Segment::new(&entry, self.dossier.plan().encoding, parts);
                for place in 0..segment.len() {
                    let is_locked = ids.contains(&segment.id(place))
                        && self.dossier.ledger().is_locked(number, place as u64);
                    if is_locked {
                        self.wait_for_a_turn().await?;
                        let began = self.engine.clock.elapsed();
                        self.batch(&segment, place, place + 1).await?;
                        self.spend(1, began).await;
                    }
                }
            }
        }
        Ok(())
    }
}
