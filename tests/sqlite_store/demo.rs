//! The demo's file and its writer.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use auditail::core::event::{Field, Outcome};
use auditail::core::instant::Micros;
use auditail::core::query::predicate::Predicate;
use auditail::demo::{History, Live, Plan, dronahq};
use auditail::store::connect::OpenOptions;
use auditail::store::sqlite::demo::{DemoFile, LiveWriter, Place, Script};
use auditail::store::{Change, Store, StoreError, TailFrom, TailItem, sqlite};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::contract::{everything, tail_request};

fn now() -> Micros {
    Micros::from(chrono::Utc::now())
}

fn rows(events: u64) -> History {
    History::new(Plan {
        seed: 1,
        events,
        now: now(),
    })
}

#[tokio::test]
async fn the_file_is_private_found_as_clutch_and_gone_afterwards() {
    let file = DemoFile::create(&Place::Temporary, rows(2_000)).unwrap();
    assert_eq!(file.rows(), Some(2_000));
    let path = file.path().to_owned();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    let store = sqlite::open(&path, &OpenOptions::default()).await.unwrap();
    assert_eq!(store.description().profile.name, "clutch");
    let events = everything(&store).await;
    assert_eq!(events.len(), 2_000);
    assert!(
        events
            .iter()
            .all(|event| event.first(Field::Action).is_some())
    );
    assert!(events.iter().map(|event| &event.cursor).rev().is_sorted());
    drop(file);
    assert!(!path.parent().unwrap().exists());
}

#[tokio::test]
async fn dronahqs_log_is_found_and_goes_on() {
    let plan = Plan {
        seed: 1,
        events: 300,
        now: now(),
    };
    let file = DemoFile::create(&Place::Temporary, dronahq::history(plan)).unwrap();
    let live = Live::new(1, 100.0, now());
    let writer = LiveWriter::start(&file, Script::DronaHq(live, fastrand::Rng::with_seed(1)));
    let store = sqlite::open(file.path(), &OpenOptions::default())
        .await
        .unwrap();
    assert_eq!(store.description().profile.name, "dronahq");
    let (out, mut items) = mpsc::channel(8);
    let stop = CancellationToken::new();
    let request = tail_request(Predicate::All, TailFrom::Now, None);
    let watch = async {
        let mut seen = 0;
        while seen < 3 {
            let item = tokio::time::timeout(Duration::from_secs(30), items.recv());
            if let Some(TailItem::Events(events)) = item.await.expect("the tail is silent") {
                seen += events.len();
                assert!(
                    events
                        .iter()
                        .all(|told| told.event.first(Field::Actor).is_some())
                );
            }
        }
        stop.cancel();
    };
    let (end, ()) = tokio::join!(store.tail(request, out, &stop), watch);
    assert!(matches!(end, Err(StoreError::Cancelled)), "{end:?}");
    writer.unwrap().stop().unwrap();
    assert!(everything(&store).await.len() > 300);
}

#[test]
fn a_kept_file_is_taken_again_and_a_strange_one_refused() {
    let home = tempfile::tempdir().unwrap();
    let place = Place::Kept(home.path().join("kept"));
    let first = DemoFile::create(&place, rows(10)).unwrap();
    assert_eq!(first.rows(), Some(10));
    let again = DemoFile::create(&place, rows(10)).unwrap();
    assert_eq!((again.rows(), again.path()), (None, first.path()));
    drop((first, again));
    let strange = Place::Kept(home.path().to_owned());
    std::fs::write(home.path().join("audit.db"), "mine").unwrap();
    let refused = DemoFile::create(&strange, rows(10));
    assert!(
        matches!(refused, Err(StoreError::Refused { .. })),
        "{refused:?}"
    );
    assert_eq!(
        std::fs::read(home.path().join("audit.db")).unwrap(),
        b"mine"
    );
}

#[tokio::test]
async fn a_tail_sees_the_writer_begin_and_finish_requests() {
    let file = DemoFile::create(&Place::Temporary, rows(500)).unwrap();
    let store = sqlite::open(file.path(), &OpenOptions::default())
        .await
        .unwrap();
    let writer = LiveWriter::start(&file, Script::Clutch(Live::new(1, 50.0, now()))).unwrap();
    let (out, mut items) = mpsc::channel(8);
    let stop = CancellationToken::new();
    let request = tail_request(Predicate::All, TailFrom::Now, None);
    let (mut begun, mut finished) = (Vec::new(), 0);
    let watch = async {
        while finished < 5 {
            let item = tokio::time::timeout(Duration::from_secs(30), items.recv());
            let Some(TailItem::Events(events)) = item.await.expect("the tail is silent") else {
                continue;
            };
            for told in events {
                let is_pending = told.event.outcome == Some(Outcome::Pending);
                match told.change {
                    Change::New if is_pending => begun.push(told.event.id),
                    Change::Update if !is_pending && begun.contains(&told.event.id) => {
                        finished += 1;
                    }
                    _ => {}
                }
            }
        }
        stop.cancel();
    };
    let (ended, ()) = tokio::join!(store.tail(request, out, &stop), watch);
    assert!(matches!(ended, Err(StoreError::Cancelled)), "{ended:?}");
    writer.stop().unwrap();
}
