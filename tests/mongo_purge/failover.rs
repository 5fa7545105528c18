//! A primary that steps down, and one that never was.

use std::time::{Duration, Instant};

use auditail::store::StoreError;
use auditail::store::connect;
use mongodb::bson::{Document, doc};
use rstest::rstest;
use tokio_util::sync::CancellationToken;

use super::whole::{DELETE, Fixture, PLAN, lines};
use super::{AUDIT, hourly, options};
use crate::harness;
use crate::harness::mongo::{Login, Mongo, MongoDb, Topology};
use crate::harness::program;

fn server() -> Option<(Mongo, MongoDb)> {
    let server = harness::private_mongo(Topology::ReplicaSet, Login::None, &[])?;
    let mut db = server.database("failover");
    db.insert(AUDIT, hourly());
    // As somebody names the whole set.
    db.url = db.url.replace("directConnection=true", "replicaSet=rs0");
    Some((server, db))
}

async fn admin(db: &MongoDb, command: Document) {
    let client = db.open().await.client().clone();
    let done = client.database("admin").run_command(command).await;
    done.expect("an answer");
}

async fn step_down(db: &MongoDb, seconds: i32) {
    admin(
        db,
        doc! {"replSetStepDown": seconds, "secondaryCatchUpPeriodSecs": 0, "force": true},
    )
    .await;
}

#[tokio::test]
async fn a_secondary_is_refused() {
    let Some((_server, db)) = server() else {
        return;
    };
    let direct = db.url.replace("replicaSet=rs0", "directConnection=true");
    let purger = connect::purger(&direct, &options()).await.expect("opened");
    step_down(&db, 600).await;
    match purger.probe(&CancellationToken::new()).await {
        Err(StoreError::Refused { message, .. }) => {
            assert!(message.contains("secondary"), "{message}");
        }
        other => panic!("{other:?}"),
    }
    let direct = mongodb::Client::with_uri_str(&direct)
        .await
        .expect("a client");
    let freeze = doc! {"replSetFreeze": 0};
    direct
        .database("admin")
        .run_command(freeze)
        .await
        .expect("thawed");
}

/// A purge that is ready to delete.
fn verified(db: MongoDb) -> Fixture {
    let store = Fixture::on(db);
    store.run(&PLAN).ok();
    for step in ["backup", "verify"] {
        store.run(&["purge", step, "DIR"]).ok();
    }
    store
}

/// A deletion whose first commit the server thinks about for a while; returns when it does.
async fn deleting(store: &Fixture, commit: &str) -> std::thread::JoinHandle<program::Finished> {
    let slow = doc! {
        "failCommands": [commit], "blockConnection": true, "blockTimeMS": 1_500,
    };
    let fault = doc! {"configureFailPoint": "failCommand", "mode": {"times": 1}, "data": slow};
    admin(&store.db, fault).await;
    let before = lines(store);
    let archive = store.archive();
    let deletion = std::thread::spawn(move || {
        let words = DELETE.map(|word| match word {
            "DIR" => archive.clone().into_os_string(),
            word => word.into(),
        });
        program::run(words)
    });
    let end = Instant::now() + Duration::from_secs(30);
    // The confirmation, and the intent of the first batch.
    while lines(store) < before + 2 {
        assert!(Instant::now() < end, "the deletion begins");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    deletion
}

/// What was deleted is told to the document, and comes back.
fn is_exact(store: &Fixture, deletion: std::thread::JoinHandle<program::Finished>) {
    let said = deletion.join().expect("it ends").ok();
    assert!(said.contains("1,416 rows deleted"), "{said}");
    assert_eq!(store.users().len(), 584);
    let said = store.run(&["restore", "DIR", "URL"]).ok();
    assert!(said.starts_with("1,416 rows put back"), "{said}");
}

#[tokio::test]
async fn a_step_down_during_a_commit_ends_in_exact_counts() {
    let Some((_server, db)) = server() else {
        return;
    };
    let store = verified(db);
    let deletion = deleting(&store, "commitTransaction").await;
    step_down(&store.db, 1).await;
    is_exact(&store, deletion);
}

#[rstest]
#[case::with_transactions(Topology::ReplicaSet, "commitTransaction")]
#[case::one_by_one(Topology::Standalone, "delete")]
#[tokio::test]
async fn a_crash_during_a_commit_ends_in_exact_counts(
    #[case] topology: Topology,
    #[case] commit: &str,
) {
    let Some(server) = harness::private_mongo(topology, Login::None, &[]) else {
        return;
    };
    let db = server.database("crash");
    db.insert(AUDIT, hourly());
    let store = verified(db);
    let deletion = deleting(&store, commit).await;
    server.crash();
    server.start();
    is_exact(&store, deletion);
}

/// A read that is cut off ends a backup part-way; the next run ends it.
#[tokio::test]
async fn a_backup_that_is_cut_off_goes_on() {
    let Some((_server, db)) = server() else {
        return;
    };
    let store = Fixture::on(db);
    store.run(&PLAN).ok();
    let cut = doc! {"failCommands": ["find", "getMore"], "closeConnection": true};
    let fault = doc! {"configureFailPoint": "failCommand", "mode": {"times": 8}, "data": cut};
    admin(&store.db, fault).await;
    let ended = store.run(&["purge", "backup", "DIR"]);
    assert_ne!(ended.code, Some(0));
    assert!(ended.err.contains("was lost"), "{}", ended.err);
    let off = doc! {"configureFailPoint": "failCommand", "mode": "off"};
    admin(&store.db, off).await;
    for step in ["backup", "verify"] {
        store.run(&["purge", step, "DIR"]).ok();
    }
    assert!(store.run(&DELETE).ok().contains("1,416 rows deleted"));
}
