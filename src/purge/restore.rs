//! Restoring: archived rows are put back where they are missing. Running it again changes nothing.

use serde::Serialize;

use crate::core::purge::plan::Plan;
use crate::purge::ahead::Ahead;
use crate::purge::delete::cut;
use crate::purge::dossier::shelf::Wanted;
use crate::purge::dossier::{Dossier, batch_of};
use crate::purge::engine::Engine;
use crate::purge::fault::Fault;
use crate::purge::progress::Progress;
use crate::purge::verify::RESTORE_ROWS;
use crate::store::purger::{RestoreInto, Restored};

/// What restoring did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RestoreReport {
    /// Rows of the archive, over all relations.
    pub archived: u64,
    /// Rows that were missing and are there now.
    pub inserted: u64,
    /// Rows that were there, equal.
    pub equal: u64,
    /// Keys that are there with other contents; they were left alone.
    pub conflicts: Vec<String>,
    /// Keys whose row reads back otherwise than archived.
    pub altered: Vec<String>,
}

impl RestoreReport {
    /// Whether every archived row is in the store as it was.
    pub fn is_whole(&self) -> bool {
        self.conflicts.is_empty() && self.altered.is_empty()
    }

    fn add(&mut self, restored: Restored) {
        self.inserted += restored.inserted;
        self.equal += restored.equal;
        self.conflicts.extend(restored.conflicts);
        self.altered.extend(restored.altered);
    }
}

impl Engine<'_> {
    /// Puts an archive's rows into the store.
    pub async fn restore(&self, dossier: &Dossier) -> Result<RestoreReport, Fault> {
        let Some((_, rows)) = dossier.manifest() else {
            return Err(Fault::refused(
                "the backup is not finished; what is missing from it is still in the store",
                "run auditail purge backup on the same directory",
            ));
        };
        dossier.check_manifest()?;
        let of = rows.first().copied().unwrap_or(0);
        let plan: &Plan = dossier.plan();
        let stop = self.halt.token();
        let restorer = self.purger.restorer(plan, RestoreInto::Table, stop).await;
        let mut restorer = restorer.map_err(cut)?;
        let mut report = RestoreReport {
            archived: rows.iter().sum(),
            ..RestoreReport::default()
        };
        let mut rows = 0;
        // A row whose time changed while it was read is there twice, the newer one later: that one
        // comes first.
        let mut segments: Vec<_> = dossier.segments().cloned().collect();
        segments.reverse();
        let mut ahead = Ahead::new(dossier.shelf(), Wanted::Rows, segments);
        while let Some((_, parts)) = ahead.next().await? {
            let events = parts.first().map_or(0, |events| events.marks.len());
            for first in (0..events).step_by(RESTORE_ROWS) {
                self.halt.check()?;
                let places: Vec<usize> = (first..events.min(first + RESTORE_ROWS)).collect();
                let batch = restorer.restore(&batch_of(&parts, &places), stop).await;
                report.add(batch.map_err(cut)?);
                rows += places.len() as u64;
                self.told.tell(Progress::Restoring { rows, of }).await;
            }
            ahead.give_back(parts);
        }
        restorer.finish(stop).await?;
        Ok(report)
    }
}
