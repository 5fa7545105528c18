//! The purge of a collection from end to end, as a shell or cron runs it; and killed in the middle
//! under a competitor. `AUDITAIL_CRASH_RUNS=300` makes it a long one.
#![allow(clippy::print_stdout, reason = "the tally is what the harness is for")]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mongodb::bson::{Document, RawDocument, doc};
use rstest::rstest;

use super::{AUDIT, event, hourly};
use crate::harness::mongo::{MongoDb, Topology};
use crate::harness::program;

const BEFORE: &str = "2026-03-01";
/// Documents before the cutoff, and all of them.
const OLD: i32 = 1_416;
const ALL: i32 = 2_000;

pub struct Fixture {
    pub db: MongoDb,
    directory: tempfile::TempDir,
}

impl Fixture {
    fn new(topology: Topology, index: Option<Document>) -> Option<Self> {
        super::database(topology, "purge_whole", hourly(), index).map(Self::on)
    }

    /// A database that is filled.
    pub fn on(db: MongoDb) -> Self {
        Self {
            db,
            directory: tempfile::tempdir().expect("a directory"),
        }
    }

    pub fn archive(&self) -> PathBuf {
        self.directory.path().join("archive")
    }

    pub fn run(&self, words: &[&str]) -> program::Finished {
        self.run_for(Duration::from_mins(1), words)
    }

    /// The same for something that may take longer.
    pub fn run_for(&self, longest: Duration, words: &[&str]) -> program::Finished {
        let words = words.iter().map(|word| match *word {
            "URL" => (&self.db.url).into(),
            "DIR" => self.archive().into_os_string(),
            word => OsString::from(word),
        });
        program::finish(program::command().timeout(longest), words)
    }

    /// Every document's user, by id.
    pub fn users(&self) -> BTreeMap<i32, String> {
        let found = self.db.command(doc! {"find": AUDIT, "batchSize": 100_000});
        let found = found
            .get_document("cursor")
            .and_then(|cursor| cursor.get_array("firstBatch"))
            .expect("a batch")
            .clone();
        let documents = found.iter().filter_map(|found| found.as_document());
        documents
            .map(|document| {
                let user = document.get_str("user").expect("a user");
                (document.get_i32("_id").expect("an id"), user.to_owned())
            })
            .collect()
    }
}

/// An archive as any other BSON reader sees it: users by id.
fn archived(archive: &Path) -> BTreeMap<i32, String> {
    let mut users = BTreeMap::new();
    let files = std::fs::read_dir(archive).into_iter().flatten().flatten();
    for file in files.map(|entry| entry.path()) {
        if !file.to_string_lossy().ends_with(".bson.zst") {
            continue;
        }
        let packed = std::fs::File::open(&file).expect("a segment");
        // A segment that was not finished holds nothing that counts.
        let Ok(plain) = zstd::stream::decode_all(packed) else {
            continue;
        };
        let mut rest = plain.as_slice();
        while !rest.is_empty() {
            let length = u32::from_le_bytes(*rest.first_chunk().expect("a length"));
            let (document, after) = rest.split_at(length as usize);
            let document = RawDocument::from_bytes(document).expect("BSON");
            let user = document.get_str("user").expect("a user");
            users.insert(document.get_i32("_id").expect("an id"), user.to_owned());
            rest = after;
        }
    }
    users
}

pub const PLAN: [&str; 9] = [
    "purge", "plan", "URL", "--table", AUDIT, "--before", BEFORE, "--to", "DIR",
];
/// A server rests for 99 parts of a hundred where nobody says otherwise: a test that is not about
/// that would wait, and no more.
pub const DELETE: [&str; 8] = [
    "purge",
    "delete",
    "DIR",
    "--yes",
    "--expect-count",
    "1..99999",
    "--max-rate",
    "50%",
];
/// As gently as it goes without another word.
pub const GENTLY: &[&str] = DELETE.split_at(6).0;

#[rstest]
#[case::by_time(Topology::ReplicaSet, Some(doc! {"timestamp": -1}))]
#[case::by_key(Topology::ReplicaSet, None)]
#[case::alone(Topology::Standalone, Some(doc! {"timestamp": 1}))]
#[test]
fn every_step_can_be_done_twice_and_what_went_comes_back(
    #[case] topology: Topology,
    #[case] index: Option<Document>,
) {
    let Some(store) = Fixture::new(topology, index) else {
        return;
    };
    let before = store.users();
    let said = store.run(&PLAN).ok();
    assert!(said.contains("1,416 rows of"), "{said}");
    for _ in 0..2 {
        store.run(&["purge", "backup", "DIR"]).ok();
        store.run(&["purge", "verify", "DIR", "--drill"]).ok();
    }
    assert_eq!(
        store.users(),
        before,
        "nothing goes before somebody says yes"
    );
    assert_eq!(archived(&store.archive()).len(), 1_416);
    let readme = std::fs::read_to_string(store.archive().join("README.txt")).expect("a README");
    let restore = format!(
        "mongorestore --db='{}' --collection='{AUDIT}' -",
        store.db.name
    );
    assert!(readme.contains(&restore), "{readme}");
    for _ in 0..2 {
        assert!(store.run(&DELETE).ok().contains("1,416 rows deleted"));
    }
    assert_eq!(
        store.users().len(),
        usize::try_from(ALL - OLD).expect("few")
    );
    assert!(
        store
            .run(&["purge", "status", "DIR"])
            .ok()
            .starts_with("complete")
    );
    let said = store.run(&["restore", "DIR", "URL"]).ok();
    assert!(said.starts_with("1,416 rows put back, 0 were"), "{said}");
    assert_eq!(store.users(), before);
    let said = store.run(&["restore", "DIR", "URL"]).ok();
    assert!(said.starts_with("0 rows put back, 1,416 were"), "{said}");
}

#[test]
fn the_filter_and_the_holds_decide() {
    let Some(store) = Fixture::new(Topology::ReplicaSet, None) else {
        return;
    };
    let mut plan = PLAN.to_vec();
    plan.extend(["-user:u1", "--keep", "user:u2", "--keep", "id:9"]);
    store.run(&plan).ok();
    store.run(&["purge", "backup", "DIR"]).ok();
    store.run(&["purge", "verify", "DIR"]).ok();
    let holds = "# since the backup\nuser:u3\nid:11\n";
    std::fs::write(store.archive().join("HOLDS"), holds).expect("writable");
    store.run(GENTLY).ok();
    let goes = |id: i32| id < OLD && !(1..=3).contains(&(id % 7)) && id != 9 && id != 11;
    let stay: Vec<i32> = (0..ALL).filter(|id| !goes(*id)).collect();
    assert_eq!(store.users().into_keys().collect::<Vec<_>>(), stay);
}

/// So many batches at a time, where the server can do that.
fn start(store: &Fixture, jobs: &str) -> Child {
    Command::new(program::PATH)
        .env_clear()
        .env("HOME", program::HOME)
        .args([
            "purge",
            "run",
            &store.db.url,
            "--table",
            AUDIT,
            "--before",
            BEFORE,
        ])
        .args([
            "--yes",
            "--expect-count",
            "1..99999",
            "--max-rate",
            "none",
            "--jobs",
            jobs,
            "--to",
        ])
        .arg(store.archive())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts")
}

/// Lines of a journal from the plan to the end, in two batches or four.
const LINES: usize = 12;

/// When to kill.
enum Moment {
    /// As soon as the journal has this many lines.
    Line(usize),
    /// This long after the journal begins.
    After(Duration),
}

pub fn lines(store: &Fixture) -> usize {
    let journal = std::fs::read(store.archive().join("journal.log")).unwrap_or_default();
    String::from_utf8_lossy(&journal).matches('\n').count()
}

/// Whether the child was killed before its end.
fn killed(store: &Fixture, mut child: Child, moment: &Moment) -> bool {
    let mut began = None;
    loop {
        if child.try_wait().expect("a child").is_some() {
            return false;
        }
        let written = lines(store);
        if written > 0 {
            began.get_or_insert_with(Instant::now);
        }
        let due = match moment {
            Moment::Line(number) => written >= *number,
            Moment::After(length) => began.is_some_and(|began| began.elapsed() >= *length),
        };
        if due {
            child.kill().expect("ours");
            child.wait().expect("ours");
            return true;
        }
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// What should be true of each document, by id: its user, or that somebody else deleted it.
type Truth = BTreeMap<i32, Option<String>>;

/// Changes documents until told to stop, and says what is true then.
async fn compete(url: String, name: String, seed: u64, stop: Arc<AtomicBool>) -> Truth {
    let client = mongodb::Client::with_uri_str(&url).await.expect("a client");
    let documents = client.database(&name).collection::<Document>(AUDIT);
    let mut random = fastrand::Rng::with_seed(seed);
    let user = |n: i32| Some(format!("u{}", n % 7));
    let mut truth: Truth = (0..ALL).map(|id| (id, user(id))).collect();
    let mut next = ALL;
    while !stop.load(Ordering::Relaxed) {
        let id = random.i32(0..next);
        match random.u8(0..4) {
            0 => {
                let mut late = event(next, 5);
                late.insert("user", "late");
                documents.insert_one(late).await.expect("inserted");
                truth.insert(next, Some("late".to_owned()));
                next += 1;
            }
            1 => {
                let gone = documents
                    .delete_one(doc! {"_id": id})
                    .await
                    .expect("deleted");
                if gone.deleted_count == 1 {
                    truth.insert(id, None);
                }
            }
            _ => {
                let user = format!("changed{}", random.u16(..));
                let set = doc! {"$set": {"user": &user}};
                let changed = documents.update_one(doc! {"_id": id}, set).await;
                if changed.expect("updated").matched_count == 1 {
                    truth.insert(id, Some(user));
                }
            }
        }
        tokio::time::sleep(Duration::from_micros(random.u64(100..3_000))).await;
    }
    truth
}

/// A run with kills: how many happened, and documents that the purge has deleted.
fn one_run(topology: Topology, seed: u64, moments: &[Moment]) -> Option<(usize, usize)> {
    let store = Fixture::new(topology, Some(doc! {"timestamp": 1}))?;
    let stop = Arc::new(AtomicBool::new(false));
    let (url, name) = (store.db.url.clone(), store.db.name.clone());
    let their_stop = stop.clone();
    let competitor = std::thread::spawn(move || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime")
            .block_on(compete(url, name, seed, their_stop))
    });
    let mut kills = 0;
    let jobs = ["2", "1"][usize::from(seed % 2 == 1)];
    for moment in moments {
        kills += usize::from(killed(&store, start(&store, jobs), moment));
    }
    let end = start(&store, jobs).wait_with_output().expect("a child");
    stop.store(true, Ordering::Relaxed);
    let said = String::from_utf8_lossy(&end.stderr).into_owned();
    assert_eq!(end.status.code(), Some(0), "seed {seed}: {said}");
    let truth = competitor.join().expect("the competitor ends well");
    let (there, archive) = (store.users(), archived(&store.archive()));
    let mut deleted = 0;
    for (id, last) in &truth {
        match (last, there.get(id)) {
            (Some(last), Some(found)) => assert_eq!(last, found, "seed {seed}: {id} is wrong"),
            (None, found) => assert_eq!(found, None, "seed {seed}: {id} is back"),
            (Some(last), None) => {
                assert_eq!(archive.get(id), Some(last), "seed {seed}: {id} is lost");
                deleted += 1;
            }
        }
    }
    assert!(
        there.keys().all(|id| truth.contains_key(id)),
        "seed {seed}: somebody else's"
    );
    Some((kills, deleted))
}

#[rstest]
#[test]
fn killed_anywhere_nothing_is_lost(
    #[values(Topology::ReplicaSet, Topology::Standalone)] topology: Topology,
) {
    let runs = std::env::var("AUDITAIL_CRASH_RUNS")
        .ok()
        .map_or(4, |text| text.parse().expect("a number of runs"));
    let mut tally = (0, 0);
    let mut add = |(kills, deleted)| {
        tally.0 += kills;
        tally.1 += deleted;
    };
    let lines = [2, 5, 6, 7, 8, 9];
    for line in lines {
        let Some(run) = one_run(topology, line as u64, &[Moment::Line(line)]) else {
            return;
        };
        add(run);
    }
    for seed in 1_000..1_000 + runs {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut moment = || {
            if random.bool() {
                Moment::Line(random.usize(1..=LINES))
            } else {
                Moment::After(Duration::from_millis(random.u64(5..400)))
            }
        };
        let moments = [moment(), moment()];
        add(one_run(topology, seed, &moments).expect("a server"));
    }
    println!(
        "{topology:?}: {} runs, {} kills, {} documents deleted, lost 0, wrong 0",
        runs + lines.len() as u64,
        tally.0,
        tally.1
    );
    assert!(tally.0 >= 3 && tally.1 > 1_000, "{tally:?}");
}
