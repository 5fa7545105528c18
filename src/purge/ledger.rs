//! Who of the archived rows had its turn, and what became of it: the journal's intents, summed up.
//!
//! Pure. A row has its turn once; only a row that was locked may have another one, alone.

use std::collections::{BTreeMap, BTreeSet};

use crate::core::purge::journal::{Entry, Fate, IntentEntry, Tally};

/// The sums of a deletion so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Sums; `archived` counts the rows that had their turn.
    pub tally: Tally,
    /// By segment, the first row that has not had its turn.
    reached: BTreeMap<u32, u64>,
    /// Rows that were locked at their first turn, as ids.
    locked: BTreeMap<u32, BTreeSet<String>>,
    /// Rows that had another turn, by segment and place in it: whether they were locked again.
    again: BTreeMap<(u32, u64), bool>,
    /// Rows that stayed, as ids, by reason.
    pub changed: Vec<String>,
    /// As `changed`.
    pub held: Vec<String>,
    /// As `changed`.
    pub refused: Vec<String>,
    /// The intent whose end is not known.
    open: Option<IntentEntry>,
}

impl Ledger {
    /// Sums a journal up.
    pub fn of<'e>(entries: impl IntoIterator<Item = &'e Entry>) -> Self {
        let mut ledger = Self::default();
        entries.into_iter().for_each(|entry| ledger.learn(entry));
        ledger
    }

    /// Adds one entry.
    pub fn learn(&mut self, entry: &Entry) {
        match entry {
            Entry::Intent(intent) => self.open = Some(intent.clone()),
            Entry::Done(done) => match (self.open.take(), done.fate) {
                (Some(intent), Fate::Committed | Fate::FoundCommitted) => self.settle(intent),
                (_, Fate::RolledBack) | (None, _) => {}
            },
            _ => {}
        }
    }

    /// The batch whose commit was not answered.
    pub fn open(&self) -> Option<&IntentEntry> {
        self.open.as_ref()
    }

    /// The first row of a segment that has not had its turn.
    pub fn reached(&self, segment: u32) -> u64 {
        self.reached.get(&segment).copied().unwrap_or(0)
    }

    /// Rows that were locked at their first turn, as ids by segment; ask [`Self::is_locked`] about
    /// each.
    pub fn locked(&self) -> &BTreeMap<u32, BTreeSet<String>> {
        &self.locked
    }

    /// Whether a row of [`Self::locked`] has not had a better turn since.
    pub fn is_locked(&self, segment: u32, place: u64) -> bool {
        self.again.get(&(segment, place)).copied().unwrap_or(true)
    }

    /// Rows of a segment that ought to be in the store still.
    pub fn stayed(&self) -> u64 {
        let tally = &self.tally;
        tally.changed + tally.locked + tally.held + tally.refused
    }

    fn settle(&mut self, intent: IntentEntry) {
        let reached = self.reached.entry(intent.segment).or_insert(0);
        let is_again = intent.first < *reached;
        if is_again {
            self.tally.archived = self.tally.archived.saturating_sub(intent.rows);
            self.tally.locked = self.tally.locked.saturating_sub(intent.rows);
            let is_locked = !intent.left.locked.is_empty();
            self.again.insert((intent.segment, intent.first), is_locked);
        }
        *reached = (*reached).max(intent.first + intent.rows);
        let tally = &mut self.tally;
        let mut deletes = intent.deletes.into_iter();
        tally.archived += intent.rows;
        tally.deleted += deletes.next().unwrap_or(0);
        for (place, related) in deletes.enumerate() {
            if tally.related.len() <= place {
                tally.related.push(0);
            }
            tally.related[place] += related;
        }
        let left = intent.left;
        tally.gone += left.gone;
        tally.changed += left.changed.len() as u64;
        tally.locked += left.locked.len() as u64;
        tally.held += left.held.len() as u64;
        tally.refused += left.refused.len() as u64;
        self.changed.extend(left.changed);
        self.held.extend(left.held);
        self.refused.extend(left.refused);
        self.locked
            .entry(intent.segment)
            .or_default()
            .extend(left.locked);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::purge::journal::{DoneEntry, LeftRows};

    fn intent(first: u64, rows: u64, deleted: u64, left: LeftRows) -> Entry {
        Entry::Intent(IntentEntry {
            segment: 1,
            first,
            rows,
            deletes: vec![deleted, 2 * deleted],
            left,
            transaction: "xid 7".to_owned(),
        })
    }

    fn done(first: u64, fate: Fate) -> Entry {
        Entry::Done(DoneEntry {
            segment: 1,
            first,
            fate,
        })
    }

    fn locked(id: &str) -> LeftRows {
        LeftRows {
            locked: vec![id.to_owned()],
            ..LeftRows::default()
        }
    }

    #[test]
    fn what_was_rolled_back_had_no_turn() {
        let ledger = Ledger::of(&[
            intent(0, 5, 5, LeftRows::default()),
            done(0, Fate::RolledBack),
        ]);
        assert_eq!(ledger, Ledger::default());
    }

    #[test]
    fn an_intent_without_an_end_is_open() {
        let ledger = Ledger::of(&[intent(0, 5, 5, LeftRows::default())]);
        assert_eq!(ledger.open().map(|intent| intent.rows), Some(5));
        assert_eq!(ledger.reached(1), 0);
    }

    #[test]
    fn a_locked_row_is_counted_once() {
        let mut ledger = Ledger::of(&[
            intent(0, 5, 4, locked("3")),
            done(0, Fate::Committed),
            intent(3, 1, 0, locked("3")),
            done(3, Fate::FoundCommitted),
        ]);
        assert_eq!((ledger.tally.archived, ledger.tally.locked), (5, 1));
        assert!(ledger.is_locked(1, 3));
        assert_eq!(ledger.stayed(), 1);
        ledger.learn(&intent(3, 1, 1, LeftRows::default()));
        ledger.learn(&done(3, Fate::Committed));
        assert_eq!((ledger.tally.archived, ledger.tally.locked), (5, 0));
        assert_eq!(
            (ledger.tally.deleted, &*ledger.tally.related),
            (5, &[10][..])
        );
        assert!(!ledger.is_locked(1, 3));
        assert_eq!(ledger.reached(1), 5);
    }
}
