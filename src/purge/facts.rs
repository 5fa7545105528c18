//! How a purge stands, for people: what its directory says, read once and not changed by anything
//! that happens later.

use std::path::{Path, PathBuf};

use crate::core::instant::Micros;
use crate::core::purge::journal::{Entry, Tally};
use crate::core::purge::plan::Plan;
use crate::purge::confirm::phrase;
use crate::purge::dossier::{Dossier, Phase};
use crate::purge::fault::Fault;
use crate::purge::progress::Counts;
use crate::purge::receipt::{Receipt, qualified};

/// A purge, finished or not.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// Where.
    pub directory: PathBuf,
    /// What was decided.
    pub plan: Plan,
    /// How far it has come.
    pub phase: Phase,
    /// Event rows in the archive so far.
    pub archived: u64,
    /// Bytes of the archive's segments, as they are on the disk.
    pub bytes: u64,
    /// First and last instant in the archive.
    pub range: Option<(Micros, Micros)>,
    /// The hash over everything, once the archive is whole.
    pub root: Option<String>,
    /// What the last verification found; its `planned` and `archived` are the directory's.
    pub verified: Option<Counts>,
    /// What has to be typed before anything is deleted.
    pub phrase: String,
    /// What became of the archived rows so far.
    pub tally: Tally,
    /// The receipt, once every row is accounted for.
    pub receipt: Option<Receipt>,
}

impl Facts {
    /// Reads a purge's directory.
    pub fn read(directory: &Path) -> Result<Self, Fault> {
        Self::of(&Dossier::read(directory)?)
    }

    /// Of an opened directory.
    pub fn of(dossier: &Dossier) -> Result<Self, Fault> {
        let mut bytes = 0;
        let mut range: Option<(Micros, Micros)> = None;
        for part in dossier.segments().flat_map(|segment| &segment.parts) {
            bytes += part.payload_bytes + part.sidecar_bytes;
            if let Some((oldest, newest)) = part.oldest.zip(part.newest) {
                let (first, last) = range.unwrap_or((oldest, newest));
                range = Some((first.min(oldest), last.max(newest)));
            }
        }
        let receipt = match dossier.phase() {
            Phase::Complete => Some(Receipt::of(dossier)?),
            _ => None,
        };
        Ok(Self {
            directory: dossier.directory().to_owned(),
            plan: dossier.plan().clone(),
            phase: dossier.phase(),
            archived: dossier.archived(),
            bytes,
            range,
            root: dossier.manifest().map(|(root, _)| root),
            verified: verification(dossier),
            phrase: phrase(dossier),
            tally: dossier.ledger().tally.clone(),
            receipt,
        })
    }

    /// The events' table.
    pub fn table(&self) -> String {
        let relation = self.plan.relations.first();
        relation.map(qualified).unwrap_or_default()
    }
}

fn verification(dossier: &Dossier) -> Option<Counts> {
    let (whole, _) = dossier.manifest()?;
    dossier
        .entries()
        .iter()
        .rev()
        .find_map(|entry| match entry {
            Entry::Verified {
                root,
                server_rows,
                differences,
                drill,
            } if *root == whole => Some(Counts {
                planned: dossier.plan().survey.selected,
                archived: dossier.archived(),
                server: *server_rows,
                differences: differences.clone(),
                root: root.clone(),
                drill: drill.clone(),
            }),
            _ => None,
        })
}
