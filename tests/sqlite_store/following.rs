//! Tails of files that break off and go on.

use std::time::Duration;

use auditail::core::event::Outcome;
use auditail::core::instant::{At, Micros};
use auditail::core::profile::load;
use auditail::core::query::predicate::Predicate;
use auditail::store::connect::OpenOptions;
use auditail::store::{Change, Checkpoint, Store, StoreError, TailFrom, TailItem, sqlite};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{CLUTCH, file};
use crate::contract::{pending, row, tail_request};

/// Old rows, a second apart.
const BACKLOG: usize = 3_000;

/// Follows from the beginning or a checkpoint until `most` events were heard or all is complete;
/// gives the ids, and the last checkpoint.
async fn follow(
    store: &dyn Store,
    resume: Option<Checkpoint>,
    most: usize,
) -> (Vec<String>, Option<Checkpoint>) {
    let (out, mut items) = mpsc::channel(1);
    let stop = CancellationToken::new();
    let request = tail_request(Predicate::All, TailFrom::Since(Micros(0)), resume);
    let script = async {
        let (mut heard, mut checkpoint) = (Vec::new(), None);
        while let Some(item) = items.recv().await {
            match item {
                TailItem::Events(events) => {
                    heard.extend(events.iter().map(|told| told.event.id.to_string()));
                }
                TailItem::Checkpoint(place) => checkpoint = Some(place),
                TailItem::Complete(_) => stop.cancel(),
                _ => {}
            }
            if heard.len() >= most {
                stop.cancel();
            }
        }
        (heard, checkpoint)
    };
    let (end, heard) = tokio::join!(store.tail(request, out, &stop), script);
    assert!(matches!(end, Err(StoreError::Cancelled)), "{end:?}");
    heard
}

#[tokio::test]
async fn a_tail_stopped_in_a_backlog_goes_on_without_a_loss_or_a_repetition() {
    let (_dir, path, writer) = file(CLUTCH);
    let sql = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {BACKLOG})
         INSERT INTO audit_events (id, occurred_at, details)
         SELECT i, strftime('%Y-%m-%dT%H:%M:%SZ', 1700000000 + i, 'unixepoch'), '{{}}' FROM n"
    );
    writer.execute_batch(&sql).unwrap();
    let store = sqlite::open(&path, &OpenOptions::default()).await.unwrap();
    let (mut heard, checkpoint) = follow(&store, None, 1).await;
    assert!(
        !heard.is_empty() && heard.len() < BACKLOG,
        "{}",
        heard.len()
    );
    let checkpoint = checkpoint.expect("a place to go on from");
    let (rest, _) = follow(&store, Some(checkpoint), usize::MAX).await;
    heard.extend(rest);
    let expected: Vec<String> = (1..=BACKLOG).map(|id| id.to_string()).collect();
    assert_eq!(heard.len(), expected.len());
    assert!(heard == expected, "the order or the events differ");
}

#[tokio::test]
async fn open_rows_with_keys_of_bytes_are_heard_of_when_they_end() {
    let schema = CLUTCH.replace("id INTEGER PRIMARY KEY", "id BLOB PRIMARY KEY");
    let (_dir, path, writer) = file(&schema);
    // Long out of the overlap: they are met again by their ids alone.
    let begun = At::Instant(Micros(1_700_000_000 * Micros::SECOND));
    writer
        .execute(
            "INSERT INTO audit_events (id, occurred_at, details)
             VALUES (x'00ff', ?1, ?2), (CAST(x'6bf0' AS TEXT), ?1, ?2)",
            rusqlite::params![super::text(begun), pending(begun, "bob").details],
        )
        .unwrap();
    let options = OpenOptions {
        profile: load::named("clutch"),
        table: Some("audit_events".to_owned()),
        ..OpenOptions::default()
    };
    let store = sqlite::open(&path, &options).await.unwrap();
    let (out, mut items) = mpsc::channel(1);
    let stop = CancellationToken::new();
    let request = tail_request(Predicate::All, TailFrom::Since(Micros(0)), None);
    let script = async {
        let (mut heard, mut has_ended) = (Vec::new(), false);
        while heard.len() < 4 {
            match items.recv().await.expect("it goes on") {
                TailItem::Events(events) => {
                    heard.extend(events.iter().map(|told| (told.event.outcome, told.change)));
                }
                TailItem::Complete(_) if !has_ended => {
                    has_ended = true;
                    let details = row(begun, "bob", "DeletePod", 7).details;
                    let sql = "UPDATE audit_events SET details = ?";
                    assert_eq!(writer.execute(sql, [details]), Ok(2));
                }
                _ => {}
            }
        }
        heard
    };
    let heard = tokio::select! {
        end = store.tail(request, out, &stop) => panic!("it ended: {end:?}"),
        heard = tokio::time::timeout(Duration::from_secs(30), script) => heard,
    };
    let (new, update) = (
        (Some(Outcome::Pending), Change::New),
        (Some(Outcome::Denied), Change::Update),
    );
    assert_eq!(heard.expect("in time"), [new, new, update, update]);
}
