//! What a competitor did to a store during a purge, and whether everything is where it ought to be
//! at the end.

use std::collections::BTreeMap;

use auditail::core::purge::journal::{Entry, Fate};
use auditail::purge::dossier::Dossier;

use super::arena::Arena;

/// What should be true of each row, by id: its details, or that somebody else deleted it.
pub type Truth = BTreeMap<i64, Option<String>>;

/// What was found at the end of a run.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Rows that are neither in the store nor, as they were last, in the archive.
    pub lost: Vec<i64>,
    /// Rows that went although they were never archived, or are there although nobody has them.
    pub wrong: Vec<i64>,
    /// Rows that are gone and that nobody but the purge can have deleted.
    pub gone: u64,
}

/// Compares the end with what the competitor knows.
pub fn judge(store: &dyn Arena, truth: &Truth) -> Verdict {
    let there = store.rows();
    let archive = store.archived();
    let mut verdict = Verdict::default();
    for (id, last) in truth {
        match (last, there.get(id)) {
            (Some(last), Some(found)) if last != found => verdict.wrong.push(*id),
            (Some(_), Some(_)) | (None, None) => {}
            (Some(last), None) => match archive.get(id) {
                Some(kept) if kept == last => verdict.gone += 1,
                _ => verdict.lost.push(*id),
            },
            (None, Some(_)) => verdict.wrong.push(*id),
        }
    }
    verdict
}

/// What many runs came to.
#[derive(Debug, Default)]
pub struct Sums {
    /// Purges that ended well.
    pub runs: u64,
    /// Processes that were killed before their end.
    pub kills: u64,
    /// Rows deleted.
    pub deleted: u64,
    /// Rows that stayed because they were changed.
    pub changed: u64,
    /// Rows somebody else had deleted.
    pub gone: u64,
    /// Commits without an answer that turned out well.
    pub committed: u64,
    /// Batches that were not committed and were done again.
    pub repeated: u64,
    /// Torn lines of journals.
    pub torn: u64,
}

impl Sums {
    /// Adds a run: its journal, and what was found. Counts have to be exact.
    pub fn add(&mut self, store: &dyn Arena, verdict: &Verdict, kills: u64, reinserted: u64) {
        let dossier = Dossier::read(&store.archive()).expect("a journal");
        let tally = &dossier.ledger().tally;
        assert!(dossier.is_complete());
        assert!(
            (verdict.gone..=verdict.gone + reinserted).contains(&tally.deleted),
            "{tally:?} and {} rows are gone, {reinserted} put in again",
            verdict.gone
        );
        self.runs += 1;
        self.kills += kills;
        self.deleted += tally.deleted;
        self.changed += tally.changed;
        self.gone += tally.gone;
        for entry in dossier.entries() {
            match entry {
                Entry::Done(done) if done.fate == Fate::FoundCommitted => self.committed += 1,
                Entry::Done(done) if done.fate == Fate::RolledBack => self.repeated += 1,
                Entry::Mended { .. } => self.torn += 1,
                _ => {}
            }
        }
    }
}

impl std::fmt::Display for Sums {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} runs, {} kills, lost 0, wrong 0; {} rows deleted, {} changed and kept, {} gone \
             before; {} unanswered commits found committed, {} batches repeated, {} torn lines",
            self.runs,
            self.kills,
            self.deleted,
            self.changed,
            self.gone,
            self.committed,
            self.repeated,
            self.torn
        )
    }
}
