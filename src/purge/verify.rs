//! Verification: every byte of the archive is read back, every row is judged again, and the rows are
//! counted three ways. A restore drill goes all the way, into a scratch table.

use crate::core::purge::journal::Entry;
use crate::core::purge::plan::CountExactness;
use crate::core::purge::row::RawRows;
use crate::purge::confirm::rows as counted;
use crate::purge::delete::cut;
use crate::purge::dossier::shelf::Wanted;
use crate::purge::dossier::{Dossier, batch_of};
use crate::purge::engine::Engine;
use crate::purge::fault::Fault;
use crate::purge::progress::{Counts, Progress};
use crate::purge::scope::{Judge, Verdict};
use crate::store::purger::RestoreInto;

/// Whether verification restores into a scratch table as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drill {
    /// It does.
    Scratch,
    /// The files alone are read back.
    None,
}

/// Event rows of a batch that is restored.
pub const RESTORE_ROWS: usize = 5_000;

impl Engine<'_> {
    /// Reads everything back. An archive verified before is read again: what was good may have
    /// changed since.
    pub async fn verify(&self, dossier: &mut Dossier, drill: Drill) -> Result<Counts, Fault> {
        let ended = self.read_and_count(dossier, drill).await;
        dossier.note_stop(&ended)?;
        if let Err(fault @ Fault::Refused { .. }) = &ended
            && dossier.verified().is_some()
        {
            // It was good once: whoever asks how it stands is to know.
            dossier.record(Entry::Attention {
                because: fault.to_string(),
            })?;
        }
        ended
    }

    async fn read_and_count(&self, dossier: &mut Dossier, drill: Drill) -> Result<Counts, Fault> {
        let Some((root, rows)) = dossier.manifest() else {
            return Err(Fault::refused(
                "the backup is not finished; there is nothing to verify",
                "run auditail purge backup on the same directory",
            ));
        };
        let was_verified = dossier.verified().is_some();
        if was_verified {
            self.same_store(dossier.plan()).await?;
        } else {
            self.same_store_in_time(dossier.plan()).await?;
        }
        dossier.check_manifest()?;
        let archived = rows.first().copied().unwrap_or(0);
        self.read_back(dossier, archived).await?;
        let drill = match drill {
            Drill::Scratch => Some(self.drill(dossier, archived).await?),
            Drill::None => None,
        };
        let judge = Judge::of(dossier.plan())?;
        let server = if dossier.has_begun_deleting() {
            // Rows are going already: what the server counts now says nothing about the backup.
            dossier.verified().map_or(0, |(_, rows)| rows)
        } else {
            let what = judge.selection();
            let count = self.purger.count(&what, self.halt.token()).await;
            count.map_err(cut)?
        };
        let counts = Counts {
            differences: differences(dossier, archived, server),
            planned: dossier.plan().survey.selected,
            archived,
            server,
            root: root.clone(),
            drill: drill.clone(),
        };
        if !was_verified || drill.is_some() || dossier.attention().is_some() {
            dossier.record(Entry::Verified {
                root,
                server_rows: server,
                differences: counts.differences.clone(),
                drill,
            })?;
        }
        self.told.tell(Progress::Verified(counts.clone())).await;
        Ok(counts)
    }

    async fn read_back(&self, dossier: &Dossier, of: u64) -> Result<(), Fault> {
        let judge = Judge::of(dossier.plan())?;
        let mut rows = 0;
        let mut last = None;
        self.told.tell(Progress::Verifying { rows, of }).await;
        let mut ahead = dossier.read_ahead(Wanted::Rows);
        while let Some((segment, parts)) = ahead.next().await? {
            self.halt.check()?;
            for (mark, bytes) in parts.first().into_iter().flat_map(RawRows::iter) {
                if judge.of_row(mark, bytes)? != Verdict::Goes {
                    return Err(broken(segment.number, "a row is none of the plan's"));
                }
            }
            if let Some(events) = parts.first()
                && segment.last.time.is_none()
            {
                for mark in &events.marks {
                    if last.as_ref().is_some_and(|last| *last >= mark.key) {
                        return Err(broken(segment.number, "keys do not ascend"));
                    }
                    last = Some(mark.key.clone());
                }
            }
            rows += parts.first().map_or(0, |events| events.marks.len() as u64);
            self.told.tell(Progress::Verifying { rows, of }).await;
            ahead.give_back(parts);
        }
        if rows != of {
            return Err(Fault::refused(
                format!("the archive has {rows} rows and says that it has {of}"),
                "the archive is not to be relied upon; make a new one",
            ));
        }
        Ok(())
    }

    async fn drill(&self, dossier: &Dossier, of: u64) -> Result<String, Fault> {
        let stop = self.halt.token();
        let plan = dossier.plan();
        let mut restorer = self
            .purger
            .restorer(plan, RestoreInto::Scratch, stop)
            .await?;
        let mut rows = 0;
        let mut wrong = Vec::new();
        let mut ahead = dossier.read_ahead(Wanted::Rows);
        while let Some((_, parts)) = ahead.next().await? {
            let events = parts.first().map_or(0, |events| events.marks.len());
            for first in (0..events).step_by(RESTORE_ROWS) {
                self.halt.check()?;
                let places: Vec<usize> = (first..events.min(first + RESTORE_ROWS)).collect();
                let batch = restorer.restore(&batch_of(&parts, &places), stop).await;
                let batch = batch.map_err(cut)?;
                rows += places.len() as u64;
                wrong.extend(batch.altered);
                wrong.extend(batch.conflicts);
                self.told.tell(Progress::Drilling { rows, of }).await;
            }
            ahead.give_back(parts);
        }
        restorer.finish(stop).await?;
        if let Some(first) = wrong.first() {
            return Err(Fault::refused(
                format!(
                    "the restore drill found {} rows that do not read back as archived, {first} first",
                    wrong.len()
                ),
                "look for triggers and changed column types before anything is deleted",
            ));
        }
        Ok(format!(
            "{rows} rows restored into a scratch table and read back equal"
        ))
    }
}

fn broken(segment: u32, what: &str) -> Fault {
    Fault::refused(
        format!("segment {segment} of the archive is not as it was written: {what}"),
        "nothing will be deleted by it; make a new archive",
    )
}

/// Every difference between the three counts has a reason, or is named as one that has none.
fn differences(dossier: &Dossier, archived: u64, server: u64) -> Vec<String> {
    let survey = &dossier.plan().survey;
    let mut found = Vec::new();
    let left: u64 = dossier.segments().map(|segment| segment.left).sum();
    if left > 0 {
        found.push(format!(
            "read and left alone by the filter or a hold: {}",
            counted(left)
        ));
    }
    let is_exact = survey.exactness == CountExactness::Exact;
    if is_exact && archived + left < survey.selected {
        found.push(format!(
            "{} fewer than planned: changed, deleted or moved since the plan was made",
            counted(survey.selected - archived - left)
        ));
    }
    if is_exact && archived > survey.selected {
        found.push(format!(
            "{} more than planned: written with old times since the plan was made",
            counted(archived - survey.selected)
        ));
    }
    let selected = archived + left;
    if server > selected && is_exact {
        found.push(format!(
            "{} on the server and not in the archive: written since it was read; they stay",
            counted(server - selected)
        ));
    }
    if server < archived {
        found.push(format!(
            "{} in the archive and no longer on the server: changed or deleted by somebody since",
            counted(archived - server)
        ));
    }
    found
}
