//! Archives that are not as they were written: nothing is deleted by them, and the message names
//! the file.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use auditail::archive::disk::{Disk, System};
use auditail::purge::dossier::Dossier;
use auditail::purge::fault::Fault;
use auditail::purge::pace::Limits;
use auditail::purge::verify::Drill;
use auditail::store::purger::Purger;

use super::Fixture;
use super::power::{OLD, YOUNG};
use super::steps::{self, Step};

/// A store with an archive of three segments, and what the archive looked like.
pub struct Exhibit {
    pub store: Fixture,
    pub purger: Box<dyn Purger>,
    good: Vec<(PathBuf, Vec<u8>)>,
}

impl Exhibit {
    pub async fn at(step: Step) -> Self {
        let store = Fixture::of(OLD, YOUNG);
        let purger = steps::purger(&store).await;
        let system: Arc<dyn Disk> = Arc::new(System);
        let made = steps::to(step, &store, &*purger, &system).await;
        made.expect("a good disk");
        let files = fs::read_dir(store.archive()).expect("an archive").flatten();
        let good = files.map(|entry| {
            let bytes = fs::read(entry.path()).expect("readable");
            (entry.path(), bytes)
        });
        Self {
            good: good.collect(),
            store,
            purger,
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.store.archive().join(name)
    }

    pub fn bytes(&self, name: &str) -> &[u8] {
        let path = self.path(name);
        let file = self.good.iter().find(|(good, _)| *good == path);
        &file.expect("it was there").1
    }

    /// As it was.
    pub fn mend(&self) {
        fs::remove_dir_all(self.store.archive()).expect("ours");
        fs::create_dir(self.store.archive()).expect("ours");
        for (path, bytes) in &self.good {
            fs::write(path, bytes).expect("writable");
        }
    }

    /// What verifying says, and nothing else.
    pub async fn verify(&self) -> Result<(), Fault> {
        steps::with_engine(&self.store, &*self.purger, async |engine| {
            let mut dossier = Dossier::open(&self.store.archive())?;
            engine.verify(&mut dossier, Drill::None).await.map(drop)
        })
        .await
    }

    /// What deleting says. The archive must have been confirmed.
    pub async fn delete(&self) -> Result<(), Fault> {
        steps::with_engine(&self.store, &*self.purger, async |engine| {
            let mut dossier = Dossier::open(&self.store.archive())?;
            engine.delete(&mut dossier, None, Limits::none()).await
        })
        .await
    }

    /// Verifying names the file, deleting refuses; every row is still there.
    pub async fn is_useless(&self, what: &str, file: &str) {
        match self.verify().await {
            Err(Fault::Refused { message, .. }) if message.contains(file) => {}
            other => panic!("{what}: {other:?}"),
        }
        match self.delete().await {
            Err(Fault::Refused { .. }) => {}
            other => panic!("{what}: {other:?}"),
        }
        assert_eq!(self.store.rows().len(), 55, "{what}");
        self.mend();
    }
}

/// Names of files, by what begins them.
fn names(archive: &Path, begin: &str) -> Vec<String> {
    let files = fs::read_dir(archive).expect("an archive").flatten();
    let names = files.map(|entry| entry.file_name().into_string().expect("plain names"));
    let mut names: Vec<_> = names.filter(|name| name.starts_with(begin)).collect();
    names.sort();
    names
}

/// Fault table, row 12: a changed byte in any file that counts, before anybody has said yes.
#[tokio::test]
async fn a_flipped_byte_is_found() {
    let exhibit = Exhibit::at(Step::Backup).await;
    let mut files = names(&exhibit.store.archive(), "seg-");
    assert_eq!(files.len(), 6, "{files:?}");
    files.extend(["manifest.json".to_owned(), "plan.json".to_owned()]);
    flip_in(&exhibit, &files).await;
}

/// The same after somebody has, in what a deletion reads first.
#[tokio::test]
async fn a_byte_flipped_before_the_deletion_is_found() {
    let exhibit = Exhibit::at(Step::Confirm).await;
    let names = ["seg-000001.sql.zst", "seg-000001.idx.zst"];
    let papers = ["manifest.json", "plan.json"];
    flip_in(
        &exhibit,
        &names
            .into_iter()
            .chain(papers)
            .map(str::to_owned)
            .collect::<Vec<_>>(),
    )
    .await;
}

async fn flip_in(exhibit: &Exhibit, files: &[String]) {
    let mut flips = 0;
    for name in files {
        let good = exhibit.bytes(name).to_vec();
        for at in (0..good.len()).step_by(61).chain([good.len() - 1]) {
            let mut bad = good.clone();
            bad[at] ^= 1 << (at % 8);
            fs::write(exhibit.path(name), bad).expect("writable");
            exhibit.is_useless(&format!("{name} at {at}"), name).await;
            flips += 1;
        }
    }
    let journal = exhibit.bytes("journal.log").to_vec();
    let last = journal[..journal.len() - 1]
        .iter()
        .rposition(|byte| *byte == b'\n')
        .expect("lines");
    for at in (0..last).step_by(41) {
        let mut bad = journal.clone();
        bad[at] ^= 1 << (at % 8);
        fs::write(exhibit.path("journal.log"), bad).expect("writable");
        let what = format!("the journal at {at}");
        exhibit.is_useless(&what, "journal.log").await;
        flips += 1;
    }
    assert!(flips > 100, "{flips}");
    exhibit.verify().await.expect("it was the bytes");
}

/// Fault table, row 13: cut, dropped, swapped and doubled files; lines of the journal in another
/// order.
#[tokio::test]
async fn cut_dropped_swapped_and_doubled_parts_are_found() {
    let exhibit = Exhibit::at(Step::Backup).await;
    let first = "seg-000001.sql.zst";
    for name in [first, "seg-000001.idx.zst", "manifest.json", "plan.json"] {
        let good = exhibit.bytes(name).to_vec();
        for sixteenth in 0..16 {
            let cut = &good[..good.len() * sixteenth / 16];
            fs::write(exhibit.path(name), cut).expect("writable");
            exhibit.is_useless(&format!("{name} cut"), name).await;
        }
        fs::remove_file(exhibit.path(name)).expect("there");
        exhibit.is_useless(&format!("{name} dropped"), name).await;
    }
    // Whole rows, packed well, only fewer.
    let plain = zstd::decode_all(exhibit.bytes(first)).expect("zstd");
    let row = plain.iter().position(|byte| *byte == b'\n').expect("a row") + 1;
    let shorter = zstd::encode_all(&plain[row..], 1).expect("zstd");
    fs::write(exhibit.path(first), shorter).expect("writable");
    exhibit.is_useless("a row less", first).await;
    let second = exhibit.bytes("seg-000002.sql.zst").to_vec();
    fs::write(exhibit.path("seg-000002.sql.zst"), exhibit.bytes(first)).expect("writable");
    exhibit.is_useless("doubled", "seg-000002.sql.zst").await;
    fs::write(exhibit.path(first), second).expect("writable");
    fs::write(exhibit.path("seg-000002.sql.zst"), exhibit.bytes(first)).expect("writable");
    exhibit.is_useless("swapped", "seg-00000").await;
    let journal = String::from_utf8(exhibit.bytes("journal.log").to_vec()).expect("text");
    let lines: Vec<&str> = journal.split_inclusive('\n').collect();
    for at in 0..lines.len() - 1 {
        let mut swapped = lines.clone();
        swapped.swap(at, at + 1);
        let mut dropped = lines.clone();
        dropped.remove(at);
        let mut doubled = lines.clone();
        doubled.insert(at, lines[at]);
        for text in [swapped, dropped, doubled] {
            fs::write(exhibit.path("journal.log"), text.concat()).expect("writable");
            exhibit.is_useless("lines", "journal.log").await;
        }
    }
    exhibit.verify().await.expect("it was the parts");
}

/// The end of the journal may be cut off: what it said has to be done again, and can be.
#[tokio::test]
async fn a_journal_without_its_last_lines_goes_on_from_there() {
    let exhibit = Exhibit::at(Step::Confirm).await;
    let journal = exhibit.bytes("journal.log").to_vec();
    let system: Arc<dyn Disk> = Arc::new(System);
    let first = journal
        .iter()
        .position(|byte| *byte == b'\n')
        .expect("lines");
    for cut in (first + 1..journal.len()).step_by(97) {
        fs::write(exhibit.path("journal.log"), &journal[..cut]).expect("writable");
        let again = steps::to(Step::Confirm, &exhibit.store, &*exhibit.purger, &system).await;
        again.unwrap_or_else(|fault| panic!("cut at {cut}: {fault}"));
        assert_eq!(exhibit.store.rows().len(), 55);
        exhibit.mend();
    }
}

/// Fault table, row 14: a segment is read and hashed again just before its rows go.
#[tokio::test]
async fn a_segment_that_changed_after_the_verification_deletes_nothing() {
    let exhibit = Exhibit::at(Step::Confirm).await;
    for name in ["seg-000002.sql.zst", "seg-000002.idx.zst"] {
        let mut bad = exhibit.bytes(name).to_vec();
        let middle = bad.len() / 2;
        bad[middle] ^= 4;
        fs::write(exhibit.path(name), bad).expect("writable");
        let fault = exhibit.delete().await.expect_err("it is refused");
        assert!(fault.to_string().contains(name), "{fault}");
        fs::write(exhibit.path(name), exhibit.bytes(name)).expect("writable");
        let there: Vec<i64> = exhibit.store.rows().iter().map(|row| row.0).collect();
        assert!(!there.contains(&20), "the first segment's rows are gone");
        assert!(there.contains(&21) && there.contains(&40), "{there:?}");
    }
    // An archive that is gone half-way; what was not deleted yet is not.
    let aside = exhibit.store.archive().with_file_name("aside");
    fs::rename(exhibit.path("seg-000003.idx.zst"), &aside).expect("moved");
    let fault = exhibit.delete().await.expect_err("it is refused");
    assert!(fault.to_string().contains("seg-000003"), "{fault}");
    assert_eq!(exhibit.store.rows().len(), 15, "the last ten and the young");
    fs::rename(aside, exhibit.path("seg-000003.idx.zst")).expect("moved");
    exhibit.delete().await.expect("it is whole again");
    assert_eq!(exhibit.store.rows().len(), 5);
}

/// A directory that was moved is the same purge.
#[tokio::test]
async fn a_directory_may_be_moved() {
    let exhibit = Exhibit::at(Step::Backup).await;
    let elsewhere = exhibit.store.archive().with_file_name("elsewhere");
    fs::rename(exhibit.store.archive(), &elsewhere).expect("moved");
    let dossier = Dossier::open(&elsewhere).expect("it is whole");
    assert_eq!(dossier.archived(), 50);
    assert!(Dossier::open(&exhibit.store.archive()).is_err());
}

/// Whoever asks how a purge stands is not told that a spoilt archive is verified, and no more.
#[tokio::test]
async fn what_was_good_once_and_is_no_more_is_told_until_it_is_good_again() {
    let exhibit = Exhibit::at(Step::Verify).await;
    let attention = || {
        let dossier = Dossier::read(&exhibit.store.archive()).expect("there");
        dossier.attention().map(str::to_owned)
    };
    assert_eq!(attention(), None);
    let name = "seg-000001.sql.zst";
    let longer = [exhibit.bytes(name), b"x"].concat();
    fs::write(exhibit.path(name), longer).expect("writable");
    exhibit.verify().await.expect_err("a byte too many");
    assert!(attention().is_some_and(|because| because.contains(name)));
    fs::write(exhibit.path(name), exhibit.bytes(name)).expect("writable");
    exhibit.verify().await.expect("as it was");
    assert_eq!(attention(), None);
}
