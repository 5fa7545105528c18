//! What a server refuses once the collection is open: a right that was taken away, a view that
//! fails, a query that was killed. Each time a sentence that names the object, and what to do.

use auditail::core::query::predicate::Predicate;
use auditail::store::connect::{OpenOptions, open as open_any};
use auditail::store::{PageFrom, Store, StoreError, TailItem};
use mongodb::bson::doc;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::tail::request;
use super::{nested, open, open_as, page};
use crate::harness;
use crate::harness::mongo::{Login, Topology};
use crate::harness::postgres::PASSWORD;

/// A failure that names all of these in its sentence and its hint.
fn assert_says(error: &StoreError, parts: &[&str]) {
    assert!(matches!(error, StoreError::Failed { .. }), "{error:?}");
    let text = format!("{error} | {}", error.hint().expect("what to do"));
    for part in parts {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}

#[tokio::test]
async fn a_right_that_is_taken_away_is_said() {
    let Some(server) = harness::private_mongo(Topology::ReplicaSet, Login::Required, &[]) else {
        return;
    };
    let db = server.database("rights");
    db.insert("log", vec![nested(1, doc! {})]);
    db.command(doc! {"create": "ring", "capped": true, "size": 1 << 20});
    let role = || vec![doc! {"role": "read", "db": &db.name}];
    db.command(doc! {"createUser": "reader", "pwd": PASSWORD, "roles": role()});
    let url = server.url_as(&format!("reader:{PASSWORD}@"), &db.name);
    let url = url.replace("authSource=admin", &format!("authSource={}", db.name));
    let stop = CancellationToken::new();
    for name in ["log", "ring"] {
        let store = open_as(&url, name, "dronahq").await.expect(name);
        let (out, mut items) = mpsc::channel(8);
        let script = async {
            while !matches!(items.recv().await, Some(TailItem::Complete(_))) {}
            db.command(doc! {"revokeRolesFromUser": "reader", "roles": role()});
            while items.recv().await.is_some() {}
        };
        let (end, ()) = tokio::join!(store.tail(request(), out, &stop), script);
        let object = format!("{}.{name}", db.name);
        let parts = ["user reader", &*object, "grantRolesToUser"];
        assert_says(&end.expect_err("no right"), &parts);
        let error = page(&store, Predicate::All, PageFrom::Newest, None).await;
        assert_says(&error.expect_err("no right"), &parts);
        let hidden = open(&url, name).await.err().expect("nothing can be read");
        assert_says(&hidden, &parts);
        db.command(doc! {"grantRolesToUser": "reader", "roles": role()});
    }
}

#[tokio::test]
async fn a_view_that_fails_is_named() {
    let Some(server) = harness::mongo(Topology::ReplicaSet) else {
        return;
    };
    let db = server.database("failing");
    db.insert("log", vec![nested(1, doc! {})]);
    let failing = doc! {"$addFields": {"x": {"$divide": ["$meta.resource-id", 0]}}};
    db.command(doc! {"create": "broken", "viewOn": "log", "pipeline": [failing]});
    let store = open_as(&db.url, "broken", "dronahq").await.expect("open");
    let error = page(&store, Predicate::All, PageFrom::Newest, None).await;
    let object = format!("{}.broken", db.name);
    assert_says(&error.expect_err("it fails"), &[&object, "divide"]);
    // A view of nothing is empty, not an error.
    db.command(doc! {"create": "hollow", "viewOn": "gone", "pipeline": []});
    let store = open_as(&db.url, "hollow", "dronahq").await.expect("open");
    let (events, _) = page(&store, Predicate::All, PageFrom::Newest, None)
        .await
        .expect("a page");
    assert!(events.is_empty());
    // The broken view does not keep the rest of the database from being opened.
    let whole = open_any(&db.url, &OpenOptions::default())
        .await
        .expect("the log");
    assert_eq!(whole.description().relation, "log");
}

#[tokio::test]
async fn a_killed_query_is_said() {
    let Some(server) = harness::private_mongo(Topology::ReplicaSet, Login::None, &[]) else {
        return;
    };
    let db = server.database("killed");
    db.insert("log", vec![nested(1, doc! {})]);
    let store = open(&db.url, "log").await.expect("open");
    let admin = db.open().await.client().database("admin");
    for (code, word) in [(11_601, "killed"), (50, "time limit")] {
        let point = doc! {
            "configureFailPoint": "failCommand", "mode": {"times": 1},
            "data": {"failCommands": ["find"], "errorCode": code},
        };
        admin.run_command(point).await.expect("a fail point");
        let error = page(&store, Predicate::All, PageFrom::Newest, None).await;
        let object = format!("{}.log", db.name);
        assert_says(&error.expect_err("it was stopped"), &[&object, word]);
    }
}
