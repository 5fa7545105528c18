//! How a purge's directory comes to be, and how it is opened again. A creation that was cut off at
//! any moment leaves nothing that counts: the purge begins when its journal appears, with the plan's
//! hash in it, and until then everything there is made again.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::Dossier;
use crate::archive::disk::{Disk, System};
use crate::archive::journal_file::{self, JournalFile};
use crate::archive::lock::Lock;
use crate::archive::place::{Place, temporary};
use crate::archive::plan_file;
use crate::archive::segment;
use crate::core::purge::journal::Entry;
use crate::core::purge::plan::Plan;
use crate::purge::backup::SegmentSize;
use crate::purge::fault::Fault;
use crate::purge::ledger::Ledger;

impl Dossier {
    /// Whether there is a purge in a directory.
    pub fn is_there(path: &Path) -> bool {
        path.join(journal_file::FILE).symlink_metadata().is_ok()
    }

    /// Writes a new plan down.
    pub fn create(path: &Path, plan: &Plan) -> Result<(), Fault> {
        Self::create_on(path, plan, Arc::new(System))
    }

    /// The same on another disk.
    pub fn create_on(path: &Path, plan: &Plan, disk: Arc<dyn Disk>) -> Result<(), Fault> {
        let place = Place::create(path, disk)?;
        free_for_a_purge(&place)?;
        let lock = Lock::take(&place)?;
        let text = serde_json::to_vec_pretty(plan)
            .map_err(|error| place.broken(plan_file::FILE, error.to_string()))?;
        free_for_a_purge(&place)?;
        place.replace(plan_file::FILE, &text)?;
        let plan = Entry::Plan {
            plan: segment::hex(&text),
        };
        JournalFile::create(&place, &plan)?;
        drop(lock);
        Ok(())
    }

    /// Opens a directory for work; nobody else can meanwhile.
    pub fn open(path: &Path) -> Result<Self, Fault> {
        Self::open_on(path, Arc::new(System))
    }

    /// The same on another disk.
    pub fn open_on(path: &Path, disk: Arc<dyn Disk>) -> Result<Self, Fault> {
        let place = planned(Place::open_on(path, disk)?)?;
        let lock = Lock::take(&place)?;
        let (journal, entries) = JournalFile::open(&place)?;
        Self::from_parts(place, entries, Some((journal, lock)))
    }

    /// Opens a directory for looking; what is written down after that is not seen.
    pub fn read(path: &Path) -> Result<Self, Fault> {
        let place = planned(Place::open(path)?)?;
        let entries = journal_file::read(&place)?;
        Self::from_parts(place, entries, None)
    }

    fn from_parts(
        place: Place,
        entries: Vec<Entry>,
        writing: Option<(JournalFile, Lock)>,
    ) -> Result<Self, Fault> {
        let (plan, hash) = plan_file::read(&place, &entries)?;
        Ok(Self {
            ledger: Ledger::of(&entries),
            place,
            writing,
            plan,
            hash,
            entries,
            skipped: 0,
            spans: BTreeMap::new(),
            size: SegmentSize::default(),
        })
    }
}

/// A directory with a purge in it.
fn planned(place: Place) -> Result<Place, Fault> {
    if place.has(journal_file::FILE) {
        return Ok(place);
    }
    Err(Fault::refused(
        format!("there is no purge in {}", place.shown()),
        "make a plan first: auditail purge plan TARGET --older-than 90d --to DIR",
    ))
}

/// A directory is free when nothing is in it but what an unfinished creation has left: the lock's
/// file came first there.
fn free_for_a_purge(place: &Place) -> Result<(), Fault> {
    let names = place.names()?;
    let ours = [
        Lock::FILE.to_owned(),
        plan_file::FILE.to_owned(),
        temporary(plan_file::FILE),
        temporary(journal_file::FILE),
    ];
    let is_begun = names.iter().any(|name| name == Lock::FILE);
    let foreign = names.iter().find(|name| !is_begun || !ours.contains(name));
    let Some(foreign) = foreign else {
        return Ok(());
    };
    Err(Fault::refused(
        format!("there is something in {} already: {foreign}", place.shown()),
        "give a directory that is empty or does not exist",
    ))
}
