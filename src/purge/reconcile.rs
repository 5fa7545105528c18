//! The end of a purge: every archived key is looked for once more, the sums are compared, and the
//! receipt is written.

use crate::core::purge::journal::Entry;
use crate::purge::ahead::Ahead;
use crate::purge::delete::cut;
use crate::purge::dossier::shelf::Wanted;
use crate::purge::dossier::{Dossier, batch_of};
use crate::purge::engine::Engine;
use crate::purge::fault::Fault;
use crate::purge::progress::Progress;
use crate::purge::receipt::Receipt;

/// Keys looked for at once.
const KEYS: usize = 10_000;

impl Engine<'_> {
    /// Accounts for every archived row. A purge that was reconciled before is left as it is.
    pub async fn reconcile(
        &self,
        dossier: &mut Dossier,
        as_whom: Option<&str>,
    ) -> Result<Receipt, Fault> {
        let archived = dossier.archived();
        if !dossier.is_complete() {
            let found = self.look_for_all(dossier, as_whom, archived).await;
            dossier.note_stop(&found)?;
            let present = found?;
            self.compare(dossier, archived, present).await?;
            let tally = dossier.ledger().tally.clone();
            dossier.record(Entry::Complete(tally))?;
        }
        let receipt = Receipt::of(dossier)?;
        dossier.write_receipt(&receipt)?;
        let tally = receipt.tally.clone();
        self.told.tell(Progress::Complete(tally)).await;
        Ok(receipt)
    }

    async fn look_for_all(
        &self,
        dossier: &Dossier,
        as_whom: Option<&str>,
        of: u64,
    ) -> Result<u64, Fault> {
        let stop = self.halt.token();
        let deleter = self.purger.deleter(dossier.plan(), as_whom, stop).await;
        let mut deleter = deleter.map_err(cut)?;
        let mut rows = 0;
        // Most often nothing is left between a segment's first and last key: one question.
        let mut others = Vec::new();
        for entry in dossier.segments() {
            self.halt.check()?;
            let free = match dossier.span(entry.number) {
                Some((least, most)) => deleter.is_free(least, most, stop).await.map_err(cut)?,
                None => None,
            };
            if free == Some(true) {
                rows += entry.parts.first().map_or(0, |events| events.rows);
                self.told.tell(Progress::Reconciling { rows, of }).await;
            } else {
                others.push(entry.clone());
            }
        }
        let mut present = 0;
        let mut ahead = Ahead::new(dossier.shelf(), Wanted::Keys, others);
        while let Some((_, parts)) = ahead.next().await? {
            let events = parts.first().map_or(0, |events| events.marks.len());
            for first in (0..events).step_by(KEYS) {
                self.halt.check()?;
                let places: Vec<usize> = (first..events.min(first + KEYS)).collect();
                let batch = batch_of(&parts, &places);
                let found = deleter.present(&batch, stop).await;
                present += found.map_err(cut)?;
                rows += places.len() as u64;
                self.told.tell(Progress::Reconciling { rows, of }).await;
            }
            ahead.give_back(parts);
        }
        Ok(present)
    }

    async fn compare(
        &self,
        dossier: &mut Dossier,
        archived: u64,
        present: u64,
    ) -> Result<(), Fault> {
        let ledger = dossier.ledger();
        let tally = &ledger.tally;
        let accounted = tally.deleted + tally.gone + ledger.stayed();
        if accounted != archived || tally.archived != archived {
            let because = format!(
                "{archived} rows are in the archive and {accounted} are accounted for: {tally:?}"
            );
            dossier.record(Entry::Attention {
                because: because.clone(),
            })?;
            return Err(Fault::refused(
                because,
                "a person has to look at the journal",
            ));
        }
        let stayed = ledger.stayed();
        if present > stayed {
            self.note(format!(
                "{} archived keys are in the store again: inserted by somebody, or brought back by a failover",
                present - stayed
            ))
            .await;
        }
        Ok(())
    }
}
