//! Archives made by somebody who means harm: consistent in themselves, so that no hash gives them
//! away. They are refused soon, and in little memory.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use auditail::archive::disk::System;
use auditail::archive::journal_file::{self, JournalFile};
use auditail::archive::place::Place;
use auditail::archive::segment;
use auditail::core::purge::journal::{Entry, SegmentPart};
use auditail::purge::dossier::Dossier;
use auditail::purge::fault::Fault;

use super::arena::Arena;
use super::damage::Exhibit;
use super::power::violations;
use super::steps::{self, Step};

const PAYLOAD: &str = "seg-000001.sql.zst";
const SIDECAR: &str = "seg-000001.idx.zst";

fn packed(plain: &[u8]) -> Vec<u8> {
    zstd::encode_all(plain, 1).expect("zstd")
}

/// Tells the first segment otherwise in journal and manifest, with every hash and chain in order.
fn forge(archive: &Path, change: impl Fn(&mut SegmentPart)) {
    let entries = Dossier::read(archive)
        .expect("a journal")
        .entries()
        .to_vec();
    fs::remove_file(archive.join(journal_file::FILE)).expect("there");
    let place = Place::open_on(archive, Arc::new(System)).expect("ours");
    JournalFile::create(&place, &entries[0]).expect("written");
    let (mut journal, _) = JournalFile::open(&place).expect("whole");
    for mut entry in entries.into_iter().skip(1) {
        match &mut entry {
            Entry::Segment(segment) if segment.number == 1 => change(&mut segment.parts[0]),
            Entry::Segment(_) => {}
            _ => continue,
        }
        journal.append(&place, &entry).expect("written");
    }
    drop(journal);
    let mut dossier = Dossier::open(archive).expect("it looks whole");
    dossier.seal().expect("written");
}

/// Puts these bytes in the place of a payload.
fn forged_payload(exhibit: &Exhibit, bytes: &[u8], plain_bytes: u64) {
    fs::write(exhibit.path(PAYLOAD), bytes).expect("writable");
    forge(&exhibit.store.archive(), |part| {
        part.payload = segment::hex(bytes);
        part.payload_bytes = bytes.len() as u64;
        part.plain_bytes = plain_bytes;
    });
}

fn forged_sidecar(exhibit: &Exhibit, plain: &[u8]) {
    let bytes = packed(plain);
    fs::write(exhibit.path(SIDECAR), &bytes).expect("writable");
    forge(&exhibit.store.archive(), |part| {
        part.sidecar = segment::hex(&bytes);
        part.sidecar_bytes = bytes.len() as u64;
    });
}

fn sidecar(exhibit: &Exhibit) -> String {
    let plain = zstd::decode_all(exhibit.bytes(SIDECAR)).expect("zstd");
    String::from_utf8(plain).expect("JSON")
}

async fn is_refused(exhibit: &Exhibit, what: &str, named: &str) {
    let began = Instant::now();
    match exhibit.verify().await {
        Err(Fault::Refused { message, .. }) => {
            assert!(message.contains(named), "{what}: {message}");
        }
        other => panic!("{what}: {other:?}"),
    }
    assert!(
        began.elapsed() < Duration::from_secs(2),
        "{what} takes long"
    );
    assert_eq!(exhibit.store.rows().len(), 55, "{what}");
    exhibit.mend();
}

/// Fault table, row 34: bombs, windows, sizes and depths.
#[tokio::test]
async fn forged_archives_are_refused_in_time() {
    let exhibit = Exhibit::at(Step::Backup).await;
    let mut bomb = Vec::new();
    let zeros = std::io::repeat(0).take(512 << 20);
    zstd::stream::copy_encode(zeros, &mut bomb, 1).expect("zstd");
    forged_payload(&exhibit, &bomb, 512 << 20);
    is_refused(&exhibit, "a bomb", PAYLOAD).await;
    // A frame that wants a window of 2 GiB and holds one empty block.
    let window = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 0x01, 0x00, 0x00];
    forged_payload(&exhibit, &window, 0);
    is_refused(&exhibit, "a window", PAYLOAD).await;
    let good = exhibit.bytes(PAYLOAD).to_vec();
    for plain_bytes in [0, 1, u64::MAX] {
        forged_payload(&exhibit, &good, plain_bytes);
        is_refused(&exhibit, "a wrong size", "seg-000001").await;
    }
    forge(&exhibit.store.archive(), |part| {
        part.payload_bytes = u64::MAX;
    });
    is_refused(&exhibit, "a size nobody has", PAYLOAD).await;
    forge(&exhibit.store.archive(), |part| part.rows += 1);
    is_refused(&exhibit, "a row too many", SIDECAR).await;
    forged_sidecar(&exhibit, "[".repeat(10_000_000).as_bytes());
    is_refused(&exhibit, "depth", SIDECAR).await;
    let lines = sidecar(&exhibit);
    let long = lines.replacen("\"length\":", "\"length\":4294", 1);
    forged_sidecar(&exhibit, long.as_bytes());
    is_refused(&exhibit, "a length", SIDECAR).await;
    exhibit.verify().await.expect("it was the forgery");
}

/// The same for what a file is: a link, a pipe, a directory.
#[tokio::test]
async fn what_is_no_plain_file_is_refused() {
    let exhibit = Exhibit::at(Step::Backup).await;
    let elsewhere = exhibit.store.archive().with_file_name("elsewhere");
    for name in [
        PAYLOAD,
        SIDECAR,
        "manifest.json",
        "plan.json",
        "journal.log",
    ] {
        let path = exhibit.path(name);
        for what in ["link", "pipe", "directory"] {
            fs::remove_file(&path).expect("there");
            match what {
                "link" => {
                    fs::write(&elsewhere, exhibit.bytes(name)).expect("writable");
                    std::os::unix::fs::symlink(&elsewhere, &path).expect("linked");
                }
                "pipe" => {
                    let mut mkfifo = std::process::Command::new("mkfifo");
                    assert!(mkfifo.arg(&path).status().expect("it runs").success());
                }
                _ => fs::create_dir(&path).expect("made"),
            }
            let began = Instant::now();
            exhibit
                .is_useless(&format!("{name} is a {what}"), name)
                .await;
            assert!(began.elapsed() < Duration::from_secs(2));
        }
    }
}

/// Rows under each other's keys: no hash tells, the store does.
#[tokio::test]
async fn rows_under_other_keys_do_not_go() {
    let exhibit = Exhibit::at(Step::Backup).await;
    let before = Arena::rows(&exhibit.store);
    let lines = sidecar(&exhibit);
    let swapped = lines
        .replacen("\"key\":[1]", "\"key\":[0]", 1)
        .replacen("\"key\":[2]", "\"key\":[1]", 1)
        .replacen("\"key\":[0]", "\"key\":[2]", 1);
    assert_ne!(swapped, lines);
    forged_sidecar(&exhibit, swapped.as_bytes());
    let _ = steps::go(Step::Delete, &exhibit.store, &*exhibit.purger).await;
    let there = Arena::rows(&exhibit.store);
    assert!(there.contains_key(&1) && there.contains_key(&2));
    assert_eq!(violations(&exhibit.store, &before), [""; 0]);
}
