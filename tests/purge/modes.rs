//! Whose files an archive's are, and what they may lie in.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use super::{CUTOFF, Fixture, PLAN};
use crate::harness::program;

fn mode(path: &Path) -> u32 {
    let found = path.symlink_metadata().expect("there");
    found.permissions().mode() & 0o777
}

/// Fault table, row 36: whatever the umask, files and directory are their owner's alone.
#[test]
fn nobody_else_can_read_an_archive() {
    let store = Fixture::of(30, 3);
    let status = Command::new("sh")
        .args(["-c", "umask 000; exec \"$0\" \"$@\"", program::PATH])
        .args(["purge", "run"])
        .arg(store.file())
        .args(["--before", CUTOFF, "--yes", "--expect-count", "30", "--to"])
        .arg(store.archive())
        .env_clear()
        .output()
        .expect("a shell");
    assert!(status.status.success(), "{status:?}");
    assert_eq!(mode(&store.archive()), 0o700);
    let files = fs::read_dir(store.archive()).expect("there").flatten();
    let mut seen = 0;
    for file in files {
        assert_eq!(mode(&file.path()), 0o600, "{:?}", file.path());
        seen += 1;
    }
    assert!(seen >= 8, "{seen}");
}

/// The same row: no link is followed, and nothing is written where others could change it.
#[test]
fn a_place_that_is_not_safe_is_refused() {
    let store = Fixture::of(30, 3);
    let archive = store.archive();
    let elsewhere = archive.with_file_name("elsewhere");
    fs::create_dir(&elsewhere).expect("made");
    symlink(&elsewhere, &archive).expect("linked");
    let said = store.run(&PLAN).failed(4);
    assert!(said.contains("no directory"), "{said}");
    assert_eq!(fs::read_dir(&elsewhere).expect("there").count(), 0);
    fs::remove_file(&archive).expect("a link");

    fs::create_dir(&archive).expect("made");
    fs::set_permissions(&archive, Permissions::from_mode(0o777)).expect("ours");
    let said = store.run(&PLAN).failed(4);
    assert!(said.contains("chmod 700"), "{said}");
    fs::set_permissions(&archive, Permissions::from_mode(0o700)).expect("ours");

    let letter = elsewhere.join("letter");
    fs::write(&letter, "theirs").expect("writable");
    for name in ["LOCK", "plan.json.tmp", "plan.json"] {
        fs::write(archive.join("LOCK"), "").expect("writable");
        let _ = fs::remove_file(archive.join(name));
        symlink(&letter, archive.join(name)).expect("linked");
        // It is refused, or the link is replaced; what it leads to is left alone.
        let _ = store.run(&PLAN);
        assert_eq!(fs::read_to_string(&letter).expect("there"), "theirs");
        fs::remove_dir_all(&archive).expect("ours");
        fs::create_dir(&archive).expect("made");
        fs::set_permissions(&archive, Permissions::from_mode(0o700)).expect("ours");
    }

    // Only a superuser can give a directory away.
    let nobody = 65_534;
    if std::os::unix::fs::chown(&archive, Some(nobody), None).is_ok() {
        let said = store.run(&PLAN).failed(4);
        assert!(said.contains("somebody else's"), "{said}");
        assert_eq!(archive.metadata().expect("there").uid(), nobody);
    }
}
