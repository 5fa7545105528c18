//! What a store has of an archive's rows by now, key by key, also where another server has taken over:
//! there nothing goes on by itself, and whoever plans afresh wants to know what the old purge left.
//!
//! Deletes nothing and journals nothing.

use std::collections::HashSet;

use serde::Serialize;

use crate::core::purge::decode;
use crate::core::purge::plan::Plan;
use crate::core::purge::row::RawRows;
use crate::purge::delete::cut;
use crate::purge::dossier::shelf::Wanted;
use crate::purge::dossier::{Dossier, batch_of};
use crate::purge::engine::{Engine, differences};
use crate::purge::fault::Fault;
use crate::purge::progress::Progress;
use crate::store::purger::Deleter;

/// Keys looked for at once.
const KEYS: usize = 10_000;

/// Where an archive's rows are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// What is not as it was when the purge was planned: `timeline was 1 and is 2`.
    pub differences: Vec<String>,
    /// Event rows in the archive.
    pub archived: u64,
    /// Of these, rows whose key is in the store.
    pub there: u64,
    /// Ids that are there although the purge deleted them, or found them gone.
    pub back: Vec<String>,
    /// Rows of a batch whose end the journal does not know: they may have gone, or not.
    pub unsettled: u64,
    /// Ids that are not there although the purge did not delete them.
    pub missing: Vec<String>,
}

impl Engine<'_> {
    /// Looks for every archived row. The store has to have the plan's columns, and need not be the
    /// same server; this role has to be one that may delete.
    pub async fn standing(&self, dossier: &Dossier) -> Result<Standing, Fault> {
        let stop = self.halt.token();
        let probe = self.purger.probe(stop).await.map_err(cut)?;
        let mut standing = Standing {
            differences: differences(dossier.plan(), &probe),
            archived: dossier.archived(),
            ..Standing::default()
        };
        // Whoever only looks may look at a server that has taken over.
        let plan = Plan {
            identity: probe.identity,
            ..dossier.plan().clone()
        };
        let deleter = self.purger.deleter(&plan, None, stop).await;
        let mut deleter = deleter.map_err(cut)?;
        let ledger = dossier.ledger();
        let stayed: HashSet<&String> = [&ledger.changed, &ledger.held, &ledger.refused]
            .into_iter()
            .flatten()
            .collect();
        let open = ledger.open().map(|open| {
            let last = open.first.saturating_add(open.rows);
            (open.segment, open.first..last)
        });
        let (mut rows, of) = (0, standing.archived);
        let mut ahead = dossier.read_ahead(Wanted::Keys);
        while let Some((entry, parts)) = ahead.next().await? {
            let Some(events) = parts.first() else {
                continue;
            };
            let there = self
                .there(&mut *deleter, &parts, events.marks.len())
                .await?;
            let locked = ledger.locked().get(&entry.number);
            for (place, mark) in events.marks.iter().enumerate() {
                let id = decode::id(plan.encoding, &mark.key).to_string();
                let is_locked = locked.is_some_and(|ids| ids.contains(&id))
                    && ledger.is_locked(entry.number, place as u64);
                let had_turn = (place as u64) < ledger.reached(entry.number);
                let went = had_turn && !is_locked && !stayed.contains(&id);
                standing.there += u64::from(there.contains(&place));
                let is_open = open.as_ref().is_some_and(|(segment, places)| {
                    *segment == entry.number && places.contains(&(place as u64))
                });
                if is_open {
                    standing.unsettled += 1;
                    continue;
                }
                match (went, there.contains(&place)) {
                    (true, true) => standing.back.push(id),
                    (false, false) => standing.missing.push(id),
                    (true, false) | (false, true) => {}
                }
            }
            rows += events.marks.len() as u64;
            self.told.tell(Progress::Reconciling { rows, of }).await;
        }
        Ok(standing)
    }

    /// The places of a segment's rows whose keys are in the store: stores count them, and where some
    /// are there and some are not, ever smaller parts are counted.
    async fn there(
        &self,
        deleter: &mut dyn Deleter,
        parts: &[RawRows],
        rows: usize,
    ) -> Result<HashSet<usize>, Fault> {
        let mut there = HashSet::new();
        let mut waiting: Vec<_> = (0..rows)
            .step_by(KEYS)
            .map(|first| first..rows.min(first + KEYS))
            .collect();
        while let Some(places) = waiting.pop() {
            self.halt.check()?;
            let batch = batch_of(parts, &places.clone().collect::<Vec<_>>());
            let found = deleter.present(&batch, self.halt.token()).await;
            let found = found.map_err(cut)?;
            if found == places.len() as u64 {
                there.extend(places);
            } else if found > 0 {
                let middle = places.start + places.len() / 2;
                waiting.extend([places.start..middle, middle..places.end]);
            }
        }
        Ok(there)
    }
}
