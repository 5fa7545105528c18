//! Tails of files that break off and go on.

use auditail::core::instant::Micros;
use auditail::core::query::predicate::Predicate;
use auditail::store::connect::OpenOptions;
use auditail::store::{Checkpoint, Store, StoreError, TailFrom, TailItem, sqlite};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{CLUTCH, file};
use crate::contract::tail_request;

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
