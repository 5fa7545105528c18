//! Tails: everything new and every change, once.

use std::sync::Arc;

use auditail::core::event::Outcome;
use auditail::core::instant::{At, Micros};
use auditail::core::query::predicate::{Atom, Predicate};
use auditail::store::{
    Change, Checkpoint, PayloadNeed, StoreError, TailFrom, TailItem, TailRequest,
};
use tokio::sync::mpsc::{self, Receiver};
use tokio_util::sync::CancellationToken;

use super::{Bench, PATIENCE, mixture, pending, row};

/// What a tail said, as a test waits for it.
struct Listener {
    items: Receiver<TailItem>,
    /// Ids and changes in order.
    heard: Vec<(String, Change)>,
    checkpoint: Option<Checkpoint>,
}

impl Listener {
    async fn next(&mut self) -> TailItem {
        let item = tokio::time::timeout(PATIENCE, self.items.recv());
        let item = item
            .await
            .expect("the tail is silent")
            .expect("the tail ended");
        match &item {
            TailItem::Events(events) => self.heard.extend(
                events
                    .iter()
                    .map(|told| (told.event.id.to_string(), told.change)),
            ),
            TailItem::Checkpoint(checkpoint) => self.checkpoint = Some(checkpoint.clone()),
            _ => {}
        }
        item
    }

    /// Reads until the tail has been complete this many times more.
    async fn completed(&mut self, times: usize) {
        for _ in 0..times {
            while !matches!(self.next().await, TailItem::Complete(_)) {}
        }
    }

    /// Waits for a change of a row, and takes what was heard.
    async fn hears(&mut self, id: i64, change: Change) {
        while self.heard.is_empty() {
            self.next().await;
        }
        let heard = std::mem::take(&mut self.heard);
        assert_eq!(heard, [(id.to_string(), change)]);
    }
}

pub fn tail_request(
    predicate: Predicate,
    from: TailFrom,
    resume: Option<Checkpoint>,
) -> TailRequest {
    TailRequest {
        predicate: Arc::new(predicate),
        from,
        resume,
        payload: PayloadNeed::Head,
    }
}

/// Runs a tail beside a script, and gives what the script gives.
async fn beside_a_tail<T>(
    bench: &dyn Bench,
    request: TailRequest,
    script: impl AsyncFnOnce(&mut Listener) -> T,
) -> T {
    let (out, items) = mpsc::channel(8);
    let stop = CancellationToken::new();
    let mut listener = Listener {
        items,
        heard: Vec::new(),
        checkpoint: None,
    };
    let told = async {
        let result = script(&mut listener).await;
        stop.cancel();
        while let Some(item) = listener.items.recv().await {
            if let TailItem::Checkpoint(checkpoint) = item {
                listener.checkpoint = Some(checkpoint);
            }
        }
        result
    };
    let (end, result) = tokio::join!(bench.store().tail(request, out, &stop), told);
    assert!(matches!(end, Err(StoreError::Cancelled)), "{end:?}");
    result
}

async fn now(bench: &dyn Bench) -> Micros {
    bench
        .store()
        .now(&CancellationToken::new())
        .await
        .expect("a clock")
}

pub async fn a_tail_tells_everything_once(bench: &dyn Bench) {
    bench.insert(&mixture()).await;
    let begin = now(bench).await;
    let old = bench
        .insert(&[row(At::Instant(begin.plus(-2_000_000)), "old", "GetPod", 0)])
        .await[0];
    let request = tail_request(Predicate::All, TailFrom::Now, None);
    beside_a_tail(bench, request, async |tail| {
        tail.completed(2).await;
        assert_eq!(tail.heard, [], "what was there before is not new");
        let at = now(bench).await;
        let live = bench
            .insert(&[row(At::Instant(at), "alice", "GetPod", 0)])
            .await[0];
        tail.hears(live, Change::New).await;
        // Committed 20 s after its own time, behind rows that were told already.
        let late = bench
            .insert(&[row(At::Instant(at.plus(-20_000_000)), "late", "GetPod", 0)])
            .await[0];
        tail.hears(late, Change::New).await;
        let open = bench.insert(&[pending(At::Instant(at), "bob")]).await[0];
        tail.hears(open, Change::New).await;
        let details = row(At::Absent, "bob", "DeletePod", 7).details;
        bench.update(open, &details).await;
        tail.hears(open, Change::Update).await;
        bench.update(old, &details).await;
        tail.hears(old, Change::Update).await;
        for at in [At::Absent, At::NegInfinity, At::PosInfinity] {
            let undated = bench.insert(&[row(at, "nobody", "GetPod", 0)]).await[0];
            tail.hears(undated, Change::New).await;
        }
        tail.completed(3).await;
        assert_eq!(tail.heard, [], "nothing is told twice");
    })
    .await;
}

pub async fn a_filtered_tail_tells_what_begins_and_ends_to_match(bench: &dyn Bench) {
    let denied = Predicate::Atom(Atom::Outcome(vec![Outcome::Denied]));
    let request = tail_request(denied, TailFrom::Now, None);
    beside_a_tail(bench, request, async |tail| {
        tail.completed(1).await;
        let at = At::Instant(now(bench).await);
        let id = bench.insert(&[pending(at, "bob")]).await[0];
        tail.completed(2).await;
        assert_eq!(tail.heard, []);
        bench
            .update(id, &row(at, "bob", "DeletePod", 7).details)
            .await;
        tail.hears(id, Change::New).await;
        bench
            .update(id, &row(at, "bob", "DeletePod", 0).details)
            .await;
        tail.hears(id, Change::Unmatched).await;
    })
    .await;
}

pub async fn a_tail_goes_on_where_another_stopped(bench: &dyn Bench) {
    let begin = now(bench).await;
    let since = TailFrom::Since(begin.plus(-5_000_000));
    let first = bench
        .insert(&[row(At::Instant(begin), "alice", "GetPod", 0)])
        .await[0];
    let (out, items) = mpsc::channel(8);
    let stop = CancellationToken::new();
    let mut listener = Listener {
        items,
        heard: Vec::new(),
        checkpoint: None,
    };
    let script = async {
        listener.hears(first, Change::New).await;
        while listener.checkpoint.is_none() {
            listener.next().await;
        }
        stop.cancel();
        while let Some(item) = listener.items.recv().await {
            if let TailItem::Checkpoint(checkpoint) = item {
                listener.checkpoint = Some(checkpoint);
            }
        }
    };
    let request = tail_request(Predicate::All, since, None);
    let _ = tokio::join!(bench.store().tail(request, out, &stop), script);
    let between = bench
        .insert(&[row(At::Instant(begin), "bob", "GetPod", 0)])
        .await[0];
    let request = tail_request(Predicate::All, TailFrom::Now, listener.checkpoint);
    beside_a_tail(bench, request, async |tail| {
        tail.hears(between, Change::New).await;
        tail.completed(2).await;
        assert_eq!(tail.heard, []);
    })
    .await;
}
