//! Tails of a real server: late commits, restarts, rows that change in place.

use std::collections::BTreeMap;
use std::time::Instant;

use auditail::core::event::{Event, Outcome};
use auditail::core::query::predicate::{Atom, Predicate};
use auditail::store::connect::OpenOptions;
use auditail::store::postgres::{self, PostgresStore};
use auditail::store::{
    Change, Checkpoint, PayloadNeed, Store, StoreError, TailFrom, TailItem, TailRequest,
};
use tokio::sync::mpsc::{Receiver, channel};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::contract::PATIENCE;
use crate::harness;
use crate::harness::detour::{Detour, Disturbance};
use crate::postgres_store::{CLUTCH, Table, clutch, wait_until};

/// A running tail and what it has told.
struct Followed {
    items: Receiver<TailItem>,
    stop: CancellationToken,
    task: JoinHandle<Result<(), StoreError>>,
    told: Vec<(Change, Event)>,
    checkpoint: Option<Checkpoint>,
    reconnects: usize,
    /// Polls that failed and are made again.
    setbacks: usize,
}

impl Followed {
    fn start(store: PostgresStore, predicate: Predicate, resume: Option<Checkpoint>) -> Self {
        let (out, items) = channel(16);
        let stop = CancellationToken::new();
        let ended = stop.clone();
        let request = TailRequest {
            predicate: predicate.into(),
            from: TailFrom::Now,
            resume,
            payload: PayloadNeed::Whole,
        };
        let task = tokio::spawn(async move { store.tail(request, out, &ended).await });
        Self {
            items,
            stop,
            task,
            told: Vec::new(),
            checkpoint: None,
            reconnects: 0,
            setbacks: 0,
        }
    }

    /// Takes the next item in; panics when none comes.
    async fn step(&mut self) -> bool {
        let item = tokio::time::timeout(PATIENCE, self.items.recv())
            .await
            .expect("the tail is silent");
        match item {
            Some(TailItem::Events(events)) => {
                self.told
                    .extend(events.into_iter().map(|told| (told.change, told.event)));
            }
            Some(TailItem::Checkpoint(checkpoint)) => self.checkpoint = Some(checkpoint),
            Some(TailItem::Reconnected) => self.reconnects += 1,
            Some(TailItem::Gap { because, .. }) => panic!("a gap: {because}"),
            Some(TailItem::Reconnecting { .. }) => self.setbacks += 1,
            Some(TailItem::Complete(_)) => {}
            None => return false,
        }
        true
    }

    async fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !holds(self) {
            assert!(
                begun.elapsed() < PATIENCE * 2,
                "waited in vain until {what}"
            );
            assert!(self.step().await, "the tail ended before {what}");
        }
    }

    /// Until the tail has read everything once: what is inserted from now on is new.
    async fn begun(&mut self) {
        self.until("the first poll is over", |tail| tail.checkpoint.is_some())
            .await;
    }

    async fn end(mut self) -> (Vec<(Change, Event)>, Checkpoint) {
        self.stop.cancel();
        while self.step().await {}
        let end = self.task.await.unwrap();
        assert!(matches!(end, Err(StoreError::Cancelled)), "{end:?}");
        (self.told, self.checkpoint.expect("a checkpoint at the end"))
    }
}

fn new_ids(told: &[(Change, Event)]) -> Vec<String> {
    let mut ids: Vec<String> = told
        .iter()
        .filter(|(change, _)| *change == Change::New)
        .map(|(_, event)| event.id.as_str().to_owned())
        .collect();
    ids.sort();
    ids
}

async fn store_of(table: &Table) -> PostgresStore {
    postgres::open(&table.db.url, &OpenOptions::default())
        .await
        .expect("it opens")
}

const FINISHED: &str = r#"{"user_name":"u","method_name":"DeletePod","status":{"code":0},"request_body":{},"response_body":{}}"#;

#[tokio::test]
async fn transactions_held_for_eight_seconds_are_told_once() {
    let Some(table) = clutch("held").await else {
        return;
    };
    let mut tail = Followed::start(store_of(&table).await, Predicate::All, None);
    tail.begun().await;
    let mut writers = Vec::new();
    for writer in 0..6 {
        let client = table.db.client().await;
        writers.push(tokio::spawn(async move {
            for round in 0..3 {
                // The time is the transaction's begin; the server holds it, not the test.
                let hold = [0.0, 2.5, 8.0][(writer + round) % 3];
                let statement = format!(
                    "BEGIN; INSERT INTO audit_events (occurred_at, details) \
                     SELECT now(), '{FINISHED}' FROM generate_series(1, 5); \
                     SELECT pg_sleep({hold}); COMMIT;"
                );
                client.batch_execute(&statement).await.unwrap();
            }
        }));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    tail.until("every row was told", |tail| new_ids(&tail.told).len() >= 90)
        .await;
    let (told, _) = tail.end().await;
    let mut expected = table.db.rows("SELECT id FROM audit_events");
    expected.sort();
    assert_eq!(new_ids(&told), expected);
    assert!(
        told.iter().all(|(change, _)| *change == Change::New),
        "a repeat"
    );
}

#[tokio::test]
async fn a_request_is_pending_and_then_what_became_of_it() {
    let Some(table) = clutch("life").await else {
        return;
    };
    let pending = r#"{"user_name":"u","method_name":"DeletePod","status":{"code":0},"request_body":{"name":"x"}}"#;
    let mut tail = Followed::start(store_of(&table).await, Predicate::All, None);
    tail.begun().await;
    table
        .writer
        .batch_execute(&format!(
            "INSERT INTO audit_events (occurred_at, details) SELECT now(), '{pending}' FROM generate_series(1, 3)"
        ))
        .await
        .unwrap();
    tail.until("all are pending", |tail| tail.told.len() >= 3)
        .await;
    assert!(tail.told.iter().all(|(change, event)| {
        (*change, event.outcome) == (Change::New, Some(Outcome::Pending))
    }));
    for (id, code) in [(1, 0), (2, 5), (3, 7)] {
        let patch = format!(r#"{{"status":{{"code":{code}}},"response_body":{{}}}}"#);
        let statement =
            format!("UPDATE audit_events SET details = details || '{patch}' WHERE id = {id}");
        table.writer.batch_execute(&statement).await.unwrap();
    }
    tail.until("all are decided", |tail| {
        tail.told
            .iter()
            .filter(|(change, _)| *change == Change::Update)
            .count()
            >= 3
    })
    .await;
    let (told, _) = tail.end().await;
    let last: BTreeMap<&str, Option<Outcome>> = told
        .iter()
        .map(|(_, event)| (event.id.as_str(), event.outcome))
        .collect();
    assert_eq!(last["1"], Some(Outcome::Ok));
    assert_eq!(last["2"], Some(Outcome::Failed));
    assert_eq!(last["3"], Some(Outcome::Denied));
    assert_eq!(new_ids(&told).len(), 3);
}

#[tokio::test]
async fn a_filtered_tail_withdraws_what_matches_no_more() {
    let Some(table) = clutch("withdrawn").await else {
        return;
    };
    let pending = Predicate::Atom(Atom::Outcome(vec![Outcome::Pending]));
    let mut tail = Followed::start(store_of(&table).await, pending, None);
    tail.begun().await;
    table
        .writer
        .batch_execute(
            "INSERT INTO audit_events (occurred_at, details) VALUES (now(), '{\"request_body\":{}}')",
        )
        .await
        .unwrap();
    tail.until("it is told", |tail| tail.told.len() == 1).await;
    table
        .writer
        .batch_execute("UPDATE audit_events SET details = details || '{\"response_body\":{},\"status\":{\"code\":0}}'")
        .await
        .unwrap();
    tail.until("it is withdrawn", |tail| tail.told.len() == 2)
        .await;
    let (told, _) = tail.end().await;
    assert_eq!((told[0].0, told[1].0), (Change::New, Change::Unmatched));
}

#[tokio::test]
async fn a_tail_survives_a_server_that_crashes_and_a_process_that_ends() {
    let Some(cluster) = harness::private_postgres() else {
        return;
    };
    let db = cluster.database("restart");
    db.sql(CLUTCH);
    let insert = |rows: u32| {
        db.sql(&format!(
            "INSERT INTO audit_events (occurred_at, details) SELECT now(), '{FINISHED}' FROM generate_series(1, {rows})"
        ));
    };
    let options = OpenOptions::default();
    let open = || postgres::open(&db.url, &options);
    let mut tail = Followed::start(open().await.expect("it opens"), Predicate::All, None);
    tail.begun().await;
    insert(10);
    tail.until("the first rows are told", |tail| tail.told.len() >= 10)
        .await;
    cluster.crash();
    // The server is back before the tail knows: nothing has failed for it, and nothing is missing.
    cluster.start();
    insert(10);
    tail.until("the rest is told", |tail| tail.told.len() >= 20)
        .await;
    let setbacks = tail.setbacks;
    cluster.crash();
    tail.until("it is said that the server is away", |tail| {
        tail.setbacks > setbacks
    })
    .await;
    cluster.start();
    insert(10);
    tail.until("the tail is back with the rest", |tail| {
        tail.told.len() >= 30 && tail.reconnects > 0
    })
    .await;
    let (told, checkpoint) = tail.end().await;
    assert_eq!(new_ids(&told).len(), 30);
    assert_eq!(told.len(), 30, "nothing is told twice");

    insert(5);
    let mut again = Followed::start(
        open().await.expect("it opens"),
        Predicate::All,
        Some(checkpoint),
    );
    again
        .until("the rows in between are told", |tail| tail.told.len() >= 5)
        .await;
    again.begun().await;
    let (told, _) = again.end().await;
    assert_eq!(told.len(), 5, "a resumed tail repeats nothing");
}

#[tokio::test]
async fn locks_and_other_peoples_cancels_only_delay_a_tail() {
    let Some(table) = clutch("hindered").await else {
        return;
    };
    let target = format!("{}?options=-c%20lock_timeout%3D2s", table.db.url);
    let store = postgres::open(&target, &OpenOptions::default())
        .await
        .expect("it opens");
    let mut tail = Followed::start(store, Predicate::All, None);
    tail.begun().await;
    table
        .writer
        .batch_execute("BEGIN; LOCK TABLE audit_events IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();
    wait_until("its statement was waiting and is cancelled", || {
        table
            .db
            .sql(
                "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock' \
                 AND application_name = 'auditail' AND datname = current_database()",
            )
            .trim()
            == "t"
    })
    .await;
    tail.until("the cancel is told", |tail| tail.setbacks >= 1)
        .await;
    tail.until("the lock is told", |tail| tail.setbacks >= 2)
        .await;
    table.writer.batch_execute("COMMIT").await.unwrap();
    table
        .writer
        .batch_execute("INSERT INTO audit_events (occurred_at, details) VALUES (now(), '{}')")
        .await
        .unwrap();
    tail.until("it goes on", |tail| !tail.told.is_empty()).await;
    let (told, _) = tail.end().await;
    assert_eq!(new_ids(&told), ["1"]);
}

#[tokio::test]
async fn a_peer_that_vanishes_is_noticed() {
    let Some(table) = clutch("vanished").await else {
        return;
    };
    let port = harness::postgres().expect("it runs").port();
    let detour = Detour::to(port, Disturbance::None);
    let target = format!(
        "{}?sslmode=disable&options=-c%20statement_timeout%3D1s",
        table
            .db
            .url
            .replace(&port.to_string(), &detour.port.to_string())
    );
    let store = postgres::open(&target, &OpenOptions::default())
        .await
        .expect("it opens");
    let mut tail = Followed::start(store, Predicate::All, None);
    tail.begun().await;
    detour.silence();
    tail.until("the silence is noticed", |tail| tail.setbacks > 0)
        .await;
    detour.mend();
    table
        .writer
        .batch_execute("INSERT INTO audit_events (occurred_at, details) VALUES (now(), '{}')")
        .await
        .unwrap();
    tail.until("it is back", |tail| !tail.told.is_empty()).await;
    let (told, _) = tail.end().await;
    assert_eq!(new_ids(&told), ["1"]);
}

#[tokio::test]
async fn rows_without_a_moment_are_told_once() {
    let Some(table) = clutch("timeless").await else {
        return;
    };
    table.db.sql(
        "INSERT INTO audit_events (occurred_at, details) VALUES (NULL, '{}'), ('infinity', '{}')",
    );
    let mut tail = Followed::start(store_of(&table).await, Predicate::All, None);
    tail.begun().await;
    table
        .writer
        .batch_execute(
            "INSERT INTO audit_events (occurred_at, details) VALUES \
             (NULL, '{}'), ('infinity', '{}'), ('-infinity', '{}')",
        )
        .await
        .unwrap();
    tail.until("all are told", |tail| tail.told.len() >= 3)
        .await;
    let polled = tail.checkpoint.clone();
    tail.until("another poll is over", |tail| tail.checkpoint != polled)
        .await;
    let (told, _) = tail.end().await;
    assert_eq!(new_ids(&told), ["3", "4", "5"]);
    assert_eq!(told.len(), 3);
}

#[tokio::test]
async fn a_tail_whose_receiver_is_gone_ends() {
    let Some(table) = clutch("gone").await else {
        return;
    };
    let tail = Followed::start(store_of(&table).await, Predicate::All, None);
    let Followed { items, task, .. } = tail;
    drop(items);
    let end = tokio::time::timeout(PATIENCE, task)
        .await
        .expect("it ends")
        .unwrap();
    assert!(matches!(end, Err(StoreError::Cancelled)), "{end:?}");
    wait_until("its connection is closed", || {
        let open = table.db.sql(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'auditail' AND datname = current_database()",
        );
        open.trim() <= "1"
    })
    .await;
}
