//! A purge's directory as the engine sees it: the plan, what has been done, and what may be done
//! next. Every change of state goes through the journal.

mod opening;
mod papers;
mod room;
pub mod shelf;

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::path::Path;

use crate::archive::ArchiveError;
use crate::archive::journal_file::{self, JournalFile};
use crate::archive::lock::Lock;
use crate::archive::place::Place;
use crate::archive::plan_file;
use crate::core::purge::decode;
use crate::core::purge::journal::{Entry, SegmentEntry};
use crate::core::purge::plan::Plan;
use crate::core::purge::row::{RawRows, RowKey};
use crate::purge::ahead::Ahead;
use crate::purge::backup::SegmentSize;
use crate::purge::dossier::shelf::{Shelf, Wanted};
use crate::purge::fault::Fault;
use crate::purge::ledger::Ledger;
use crate::purge::place;
use crate::purge::progress::Progress;
use crate::purge::receipt::Receipt;
use crate::store::purger::{self, Batch};

/// The receipt's file.
pub const RECEIPT: &str = "receipt.json";

/// How far a purge has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// There is a plan.
    Planned,
    /// The archive is whole.
    BackedUp,
    /// It was read back.
    Verified,
    /// Somebody said yes.
    Confirmed,
    /// A batch was begun.
    Deleting,
    /// Everything is accounted for.
    Complete,
}

impl Phase {
    /// For people and scripts.
    pub fn word(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::BackedUp => "backed up",
            Self::Verified => "verified",
            Self::Confirmed => "confirmed",
            Self::Deleting => "deleting",
            Self::Complete => "complete",
        }
    }

    /// The step that comes next.
    pub fn next(self) -> Option<&'static str> {
        match self {
            Self::Planned => Some("backup"),
            Self::BackedUp => Some("verify"),
            Self::Verified | Self::Confirmed | Self::Deleting => Some("delete"),
            Self::Complete => None,
        }
    }
}

/// An opened directory.
#[derive(Debug)]
pub struct Dossier {
    place: Place,
    /// `None` when it was opened for looking only.
    writing: Option<(JournalFile, Lock)>,
    plan: Plan,
    hash: String,
    entries: Vec<Entry>,
    ledger: Ledger,
    skipped: u64,
    size: SegmentSize,
    /// The smallest and the largest key of segments whose rows were at hand.
    spans: BTreeMap<u32, (RowKey, RowKey)>,
}

impl Dossier {
    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Its hash.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// Where it is.
    pub fn directory(&self) -> &Path {
        self.place.directory()
    }

    /// Everything that was journalled.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Who had its turn.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Journals a fact.
    pub fn record(&mut self, entry: Entry) -> Result<(), Fault> {
        let Some((journal, _)) = &mut self.writing else {
            return Err(self
                .place
                .broken(journal_file::FILE, "it was opened for looking only")
                .into());
        };
        journal.append(&self.place, &entry)?;
        self.ledger.learn(&entry);
        self.entries.push(entry);
        Ok(())
    }

    /// What went wrong last, where nothing has gone well since.
    pub fn attention(&self) -> Option<&str> {
        match self.entries.last() {
            Some(Entry::Attention { because }) => Some(because),
            _ => None,
        }
    }

    /// Journals why a step was stopped, when it was.
    pub fn note_stop<T>(&mut self, ended: &Result<T, Fault>) -> Result<(), Fault> {
        match ended {
            Err(Fault::Stopped { because }) => self.record(Entry::Stopped {
                because: because.clone(),
            }),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Finished segments, in order.
    pub fn segments(&self) -> impl Iterator<Item = &SegmentEntry> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::Segment(segment) => Some(segment),
            _ => None,
        })
    }

    /// One of them.
    pub fn segment(&self, number: u32) -> Result<SegmentEntry, Fault> {
        let found = self.segments().find(|segment| segment.number == number);
        found.cloned().ok_or_else(|| {
            self.place
                .broken(journal_file::FILE, format!("there is no segment {number}"))
                .into()
        })
    }

    /// The number of the next one.
    pub fn next_segment(&self) -> u32 {
        self.segments()
            .map(|segment| segment.number)
            .max()
            .unwrap_or(0)
            + 1
    }

    /// Where reading goes on.
    pub fn read_to(&self) -> Result<Option<purger::Place>, Fault> {
        let Some(last) = self.segments().last() else {
            return Ok(None);
        };
        let read_to = place::place(&last.last);
        read_to.map(Some).ok_or_else(|| {
            self.place
                .broken(journal_file::FILE, "a segment's last key cannot be read")
                .into()
        })
    }

    /// Rows that were read and stay, with no segment to say so yet.
    pub fn skipped(&mut self, rows: u64) {
        self.skipped += rows;
    }

    /// Takes them for the segment that is written.
    pub fn take_skipped(&mut self) -> u64 {
        std::mem::take(&mut self.skipped)
    }

    /// How large the segments are that are written from now on.
    pub fn segment_size(&self) -> SegmentSize {
        self.size
    }

    /// Makes them of another size.
    pub fn set_segment_size(&mut self, size: SegmentSize) {
        self.size = size;
    }

    /// Keeps in mind between which keys a segment's rows are.
    pub fn remember(&mut self, number: u32, events: &RawRows) {
        let keys = || events.marks.iter().map(|mark| &mark.key);
        if let (Some(least), Some(most)) = (keys().min(), keys().max()) {
            self.spans.insert(number, (least.clone(), most.clone()));
        }
    }

    /// Between which keys the rows are of a segment that was at hand in this process.
    pub fn span(&self, number: u32) -> Option<&(RowKey, RowKey)> {
        self.spans.get(&number)
    }

    /// Where segments are read and written.
    pub fn shelf(&self) -> Shelf {
        let plan = &self.plan;
        Shelf::new(self.place.clone(), plan.encoding, plan.relations.len())
    }

    /// Reads a segment's files; every byte is compared.
    pub fn read_segment(&self, entry: &SegmentEntry) -> Result<Vec<RawRows>, Fault> {
        self.shelf().read(entry, Wanted::Rows, Vec::new())
    }

    /// All segments, each read while somebody works on the one before.
    pub fn read_ahead(&self, wanted: Wanted) -> Ahead {
        Ahead::new(self.shelf(), wanted, self.segments().cloned())
    }

    /// The hash over everything and the rows by relation, once the archive is whole.
    pub fn manifest(&self) -> Option<(String, Vec<u64>)> {
        self.entries.iter().find_map(|entry| match entry {
            Entry::Manifest { root, rows } => Some((root.clone(), rows.clone())),
            _ => None,
        })
    }

    /// The hash that was verified, and what the server counted then.
    pub fn verified(&self) -> Option<(String, u64)> {
        let (whole, _) = self.manifest()?;
        self.entries.iter().rev().find_map(|entry| match entry {
            Entry::Verified {
                root, server_rows, ..
            } if *root == whole => Some((root.clone(), *server_rows)),
            _ => None,
        })
    }

    /// Whether somebody said yes to exactly this archive and plan.
    pub fn is_confirmed(&self) -> bool {
        let Some((verified, _)) = self.verified() else {
            return false;
        };
        self.entries.iter().any(|entry| {
            matches!(entry, Entry::Confirmed { root, plan, .. }
                if *root == verified && *plan == self.hash)
        })
    }

    /// Whether every row is accounted for.
    pub fn is_complete(&self) -> bool {
        self.entries
            .iter()
            .any(|entry| matches!(entry, Entry::Complete(_)))
    }

    /// Whether a batch was begun.
    pub fn has_begun_deleting(&self) -> bool {
        self.entries
            .iter()
            .any(|entry| matches!(entry, Entry::Intent(_)))
    }

    /// Event rows in the archive so far.
    pub fn archived(&self) -> u64 {
        let events = self
            .segments()
            .filter_map(|segment| segment.parts.first().map(|p| p.rows));
        events.sum()
    }

    /// How far it has come.
    pub fn phase(&self) -> Phase {
        if self.is_complete() {
            Phase::Complete
        } else if self.has_begun_deleting() {
            Phase::Deleting
        } else if self.is_confirmed() {
            Phase::Confirmed
        } else if self.verified().is_some() {
            Phase::Verified
        } else if self.manifest().is_some() {
            Phase::BackedUp
        } else {
            Phase::Planned
        }
    }

    /// A deletion needs a verified archive and a yes to the same.
    pub fn may_delete(&self) -> Result<(), Fault> {
        if self.is_confirmed() {
            return Ok(());
        }
        Err(Fault::refused(
            format!(
                "the purge in {} is {}, not confirmed",
                self.place.shown(),
                self.phase().word()
            ),
            "verify the archive and confirm the deletion first",
        ))
    }

    /// Ids of rows that are locked still.
    pub fn locked_ids(&self) -> Result<Vec<String>, Fault> {
        let mut found = Vec::new();
        for (number, ids) in self.ledger.locked() {
            if ids.is_empty() {
                continue;
            }
            let parts = self.read_segment(&self.segment(*number)?)?;
            for (row, mark) in parts[0].marks.iter().enumerate() {
                let id = decode::id(self.plan.encoding, &mark.key).to_string();
                if ids.contains(&id) && self.ledger.is_locked(*number, row as u64) {
                    found.push(id);
                }
            }
        }
        Ok(found)
    }

    /// How far the backup has come.
    pub fn backing_up(&self) -> Progress {
        let left: u64 = self.segments().map(|segment| segment.left).sum();
        let parts = self.segments().flat_map(|segment| &segment.parts);
        Progress::BackingUp {
            rows: self.archived(),
            left: left + self.skipped,
            of: self.plan.survey.selected,
            segments: self.next_segment() - 1,
            bytes: parts.map(|part| part.plain_bytes).sum(),
        }
    }

    /// Writes the papers that go with a whole archive, and journals that it is whole.
    pub fn seal(&mut self) -> Result<(String, Vec<u64>), Fault> {
        let segments: Vec<SegmentEntry> = self.segments().cloned().collect();
        let mut rows = vec![0; self.plan.relations.len()];
        for segment in &segments {
            for (relation, part) in segment.parts.iter().enumerate() {
                rows[relation] += part.rows;
            }
        }
        let root = plan_file::root(segments.iter(), &self.hash);
        self.write_papers(&root, &rows)?;
        self.record(Entry::Manifest {
            root: root.clone(),
            rows: rows.clone(),
        })?;
        Ok((root, rows))
    }

    /// Replaces the receipt.
    pub fn write_receipt(&self, receipt: &Receipt) -> Result<(), Fault> {
        let text = serde_json::to_vec_pretty(receipt)
            .map_err(|error| self.place.broken(RECEIPT, error.to_string()))?;
        Ok(self.place.replace(RECEIPT, &text)?)
    }
}

/// The rows of a segment at these places, which ascend, with the rows related to them.
pub fn batch_of(parts: &[RawRows], places: &[usize]) -> Batch {
    let mut batch = Batch::default();
    fill(&mut batch, parts, places);
    batch
}

/// The same in the room that a former batch had.
pub fn fill(batch: &mut Batch, parts: &[RawRows], places: &[usize]) {
    let Some((events, related)) = parts.split_first() else {
        return batch.rows.clear();
    };
    batch.rows.resize_with(parts.len(), RawRows::default);
    batch.rows.iter_mut().for_each(RawRows::clear);
    let Some((chosen, kept)) = batch.rows.split_first_mut() else {
        return;
    };
    chosen.push_at(events, places);
    if related.is_empty() {
        return;
    }
    let parents: HashSet<&RowKey> = chosen.marks.iter().map(|mark| &mark.key).collect();
    for (relation, kept) in related.iter().zip(kept) {
        for (mark, bytes) in relation.iter() {
            let parent = mark.parent.as_ref();
            if parent.is_some_and(|parent| parents.contains(parent)) {
                kept.push(mark, bytes);
            }
        }
    }
}

impl From<ArchiveError> for Fault {
    fn from(error: ArchiveError) -> Self {
        let message = error.to_string();
        match error {
            ArchiveError::Io { error, .. } => {
                let is_full = matches!(
                    error.kind(),
                    io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
                );
                let hint = "make room; the same command goes on from here";
                Self::Files {
                    message,
                    hint: is_full.then(|| hint.to_owned()),
                }
            }
            ArchiveError::Broken { .. } => Self::Refused {
                message,
                hint: Some("nothing is deleted by an archive that is not whole".to_owned()),
            },
            ArchiveError::Busy { .. } => Self::Refused {
                message,
                hint: Some("wait for it, or end it; its work can be resumed".to_owned()),
            },
        }
    }
}
