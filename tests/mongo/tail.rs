//! Following a collection: with held transactions, through broken streams, elections and crashes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use auditail::core::query::predicate::Predicate;
use auditail::store::{
    Change, Checkpoint, PayloadNeed, Store, StoreError, TailFrom, TailItem, TailLevel, TailRequest,
};
use mongodb::bson::{DateTime, Document, doc};
use tokio::sync::mpsc::{self, Receiver};
use tokio_util::sync::CancellationToken;

use super::{nested, open_as};
use crate::harness;
use crate::harness::mongo::{Login, Mongo, MongoDb, Topology};
use crate::harness::postgres::PASSWORD;

const PATIENCE: Duration = Duration::from_mins(1);

pub fn request() -> TailRequest {
    TailRequest {
        predicate: Arc::new(Predicate::All),
        from: TailFrom::Now,
        resume: None,
        payload: PayloadNeed::Head,
    }
}

/// What a tail has told so far.
pub struct Heard {
    items: Receiver<TailItem>,
    pub ids: Vec<String>,
    pub updated: usize,
    pub levels: BTreeSet<String>,
    pub gaps: Vec<String>,
    pub reconnected: usize,
    pub checkpoint: Option<Checkpoint>,
}

impl Heard {
    pub async fn next(&mut self) -> TailItem {
        let item = tokio::time::timeout(PATIENCE, self.items.recv()).await;
        let item = item.expect("the tail is silent").expect("the tail ended");
        self.note(&item);
        item
    }

    fn note(&mut self, item: &TailItem) {
        match item {
            TailItem::Events(events) => {
                for told in events {
                    if told.change == Change::New {
                        self.ids.push(told.event.id.to_string());
                    } else {
                        self.updated += 1;
                    }
                }
            }
            TailItem::Complete(complete) => {
                self.levels.insert(match &complete.level {
                    TailLevel::Exact(means) => (*means).to_owned(),
                    TailLevel::BestEffort { .. } => "best effort".to_owned(),
                });
            }
            TailItem::Gap { because, .. } => self.gaps.push(because.clone()),
            TailItem::Reconnected => self.reconnected += 1,
            TailItem::Checkpoint(checkpoint) => self.checkpoint = Some(checkpoint.clone()),
            TailItem::Reconnecting { .. } => {}
        }
    }

    /// Nothing is told twice.
    pub fn once(&self) -> BTreeSet<&String> {
        let ids: BTreeSet<_> = self.ids.iter().collect();
        assert_eq!(ids.len(), self.ids.len(), "{:?}", self.ids);
        ids
    }

    pub async fn complete(&mut self) {
        while !matches!(self.next().await, TailItem::Complete(_)) {}
    }

    pub async fn until(&mut self, count: usize) {
        while self.ids.len() < count {
            self.next().await;
        }
    }
}

/// Runs a tail of the collection `log` beside a script.
async fn beside<T>(url: &str, script: impl AsyncFnOnce(&mut Heard) -> T) -> T {
    let store = open_as(url, "log", "dronahq").await.expect("open");
    follow(&store, request(), 8, script).await.0
}

/// Runs a tail beside a script, with room for so many items between them; gives what was heard, too.
pub async fn follow<T>(
    store: &dyn Store,
    request: TailRequest,
    room: usize,
    script: impl AsyncFnOnce(&mut Heard) -> T,
) -> (T, Heard) {
    let (out, items) = mpsc::channel(room);
    let stop = CancellationToken::new();
    let mut heard = Heard {
        items,
        ids: Vec::new(),
        updated: 0,
        levels: BTreeSet::new(),
        gaps: Vec::new(),
        reconnected: 0,
        checkpoint: None,
    };
    let told = async {
        let result = script(&mut heard).await;
        stop.cancel();
        while let Some(item) = heard.items.recv().await {
            heard.note(&item);
        }
        result
    };
    let (end, result) = tokio::join!(store.tail(request, out, &stop), told);
    assert!(matches!(end, Err(StoreError::Cancelled)), "{end:?}");
    (result, heard)
}

pub fn now(number: u32) -> Document {
    nested(
        number,
        doc! {"time": DateTime::now().timestamp_millis() as f64},
    )
}

fn prepared(server: &Mongo, test: &str) -> MongoDb {
    let db = server.database(test);
    db.command(doc! {"createIndexes": "log", "indexes": [{"key": {"meta.time": 1}, "name": "t"}]});
    db
}

/// Transactions that commit long after their documents' time, among others that do not wait.
#[tokio::test]
async fn held_transactions_are_told_exactly_once() {
    let Some(server) = harness::mongo(Topology::ReplicaSet) else {
        return;
    };
    let db = prepared(server, "held");
    let database = db.open().await;
    beside(&db.url, async |heard| {
        heard.complete().await;
        let log = database.collection::<Document>("log");
        let mut held = Vec::new();
        for writer in 0..4_u32 {
            let mut session = database.client().start_session().await.expect("a session");
            session.start_transaction().await.expect("a transaction");
            let documents = (0..25).map(|n| now(1_000 + writer * 100 + n));
            log.insert_many(documents)
                .session(&mut session)
                .await
                .expect("insert");
            held.push(session);
        }
        for number in 0..300 {
            log.insert_one(now(number)).await.expect("insert");
            if number % 75 == 74 {
                let mut session = held.remove(0);
                heard.complete().await;
                session.commit_transaction().await.expect("commit");
            }
        }
        heard.until(400).await;
        heard.complete().await;
        heard.complete().await;
        assert_eq!(heard.ids.len(), 400);
        assert_eq!(
            heard.ids.iter().collect::<BTreeSet<_>>().len(),
            400,
            "nothing is told twice"
        );
        assert!(heard.gaps.is_empty(), "{:?}", heard.gaps);
        assert!(heard.levels.contains("change stream") && heard.levels.len() == 1);
    })
    .await;
}

/// Connections of the stream are closed by the server again and again.
#[tokio::test]
async fn a_broken_stream_goes_on_where_it_broke() {
    let Some(server) = harness::private_mongo(Topology::ReplicaSet, Login::None, &[]) else {
        return;
    };
    let db = prepared(&server, "broken");
    let database = db.open().await;
    let admin = database.client().database("admin");
    beside(&db.url, async |heard| {
        heard.complete().await;
        let log = database.collection::<Document>("log");
        for round in 0..6 {
            let data = match round % 3 {
                0 => doc! {"failCommands": ["getMore"], "closeConnection": true},
                1 => doc! {"failCommands": ["getMore", "aggregate"], "errorCode": 11_600},
                _ => doc! {"failCommands": ["getMore"], "errorCode": 280},
            };
            // The third is the oplog that does not reach back.
            let point = doc! {
                "configureFailPoint": "failCommand", "mode": {"times": 2}, "data": data,
            };
            admin.run_command(point).await.expect("a fail point");
            for number in 0..20 {
                log.insert_one(now(round * 100 + number))
                    .await
                    .expect("insert");
            }
            heard.until((round as usize + 1) * 20).await;
        }
        heard.complete().await;
        assert_eq!(heard.ids.iter().collect::<BTreeSet<_>>().len(), 120);
        assert_eq!(heard.ids.len(), 120, "nothing is told twice");
        assert!(!heard.gaps.is_empty(), "a lost oplog is shown as a gap");
    })
    .await;
}

#[tokio::test]
async fn a_stepped_down_primary_costs_nothing() {
    let Some(server) = harness::private_mongo(Topology::ReplicaSet, Login::None, &[]) else {
        return;
    };
    let db = prepared(&server, "step_down");
    let database = db.open().await;
    beside(&db.url, async |heard| {
        heard.complete().await;
        let log = database.collection::<Document>("log");
        log.insert_one(now(1)).await.expect("insert");
        heard.until(1).await;
        let admin = database.client().database("admin");
        let step = doc! {"replSetStepDown": 1, "force": true};
        admin.run_command(step).await.expect("step down");
        // The driver waits for the next primary by itself.
        while log.insert_one(now(2)).await.is_err() {}
        heard.until(2).await;
        heard.complete().await;
        assert_eq!(heard.ids.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_server_that_crashes_and_comes_back_is_followed_on() {
    for topology in [Topology::ReplicaSet, Topology::Standalone] {
        let Some(server) = harness::private_mongo(topology, Login::None, &[]) else {
            return;
        };
        let db = prepared(&server, "crash");
        let server = Arc::new(server);
        let database = db.open().await;
        beside(&db.url, async |heard| {
            heard.complete().await;
            let log = database.collection::<Document>("log");
            log.insert_one(now(1)).await.expect("insert");
            heard.until(1).await;
            let stopped = server.clone();
            tokio::task::spawn_blocking(move || stopped.crash())
                .await
                .expect("crash");
            while !matches!(heard.next().await, TailItem::Reconnecting { .. }) {}
            let started = server.clone();
            tokio::task::spawn_blocking(move || started.start())
                .await
                .expect("start");
            while log.insert_one(now(2)).await.is_err() {}
            heard.until(2).await;
            heard.complete().await;
            assert_eq!(heard.ids.len(), 2, "{topology:?}");
            assert!(heard.reconnected > 0, "{topology:?}");
        })
        .await;
    }
}

/// What has no change stream is read again and again, and told once all the same.
#[tokio::test]
async fn what_has_no_stream_is_followed_by_reading_again() {
    let Some(server) = harness::private_mongo(Topology::ReplicaSet, Login::Required, &[]) else {
        return;
    };
    let db = server.database("no_stream");
    let database = db.open().await;
    db.command(doc! {"create": "series", "timeseries": {"timeField": "timestamp"}});
    db.command(doc! {"create": "view", "viewOn": "log", "pipeline": []});
    let action = doc! {
        "resource": {"db": &db.name, "collection": ""}, "actions": ["find", "listCollections"],
    };
    db.command(doc! {"createRole": "finder", "privileges": [action], "roles": []});
    db.command(doc! {"createUser": "finder", "pwd": PASSWORD, "roles": ["finder"]});
    let finder = server.url_as(&format!("finder:{PASSWORD}@"), &db.name);
    let finder = finder.replace("authSource=admin", &format!("authSource={}", db.name));
    for (name, source, url, why) in [
        ("log", "log", &finder, "role"),
        ("view", "log", &db.url, "view"),
        ("series", "series", &db.url, "time-series"),
    ] {
        let log = database.collection::<Document>(source);
        log.insert_one(now(1)).await.expect("insert");
        let store = open_as(url, name, "dronahq").await.expect(name);
        let findings = store.examine(&CancellationToken::new()).await;
        let findings = findings.expect("findings");
        assert!(
            findings
                .iter()
                .any(|finding| finding.subject == "tail" && finding.message.contains(why)),
            "{name}: {findings:?}"
        );
        let ((), heard) = follow(&store, request(), 8, async |heard| {
            heard.complete().await;
            log.insert_many((2..200).map(now)).await.expect("insert");
            heard.until(198).await;
            heard.complete().await;
            heard.complete().await;
        })
        .await;
        assert_eq!(heard.once().len(), 198, "{name}");
        assert!(heard.levels.contains("best effort") && heard.levels.len() == 1);
        log.delete_many(doc! {}).await.ok();
    }
}
