//! What a purge needs to be allowed to do, on servers where somebody has to log in.

use auditail::store::StoreError;
use auditail::store::connect;
use mongodb::bson::{Bson, Document, doc};
use tokio_util::sync::CancellationToken;

use super::whole::{DELETE, Fixture, PLAN};
use super::{AUDIT, hourly, options, plan};
use crate::harness;
use crate::harness::mongo::{Login, Mongo, MongoDb, Topology};

/// Nobody may see it but the server.
const SECRET: &str = "c4n4ry-p4ssw0rd";

fn server(topology: Topology) -> Option<(Mongo, MongoDb)> {
    let server = harness::private_mongo(topology, Login::Required, &[])?;
    let db = server.database("rights");
    db.insert(AUDIT, hourly());
    Some((server, db))
}

/// A user of the database, and his URL.
fn user(db: &MongoDb, name: &str, roles: Vec<Bson>) -> String {
    db.command(doc! {"createUser": name, "pwd": SECRET, "roles": roles});
    let (_, rest) = db.url.split_once('@').expect("a login");
    let rest = rest.replace("authSource=admin", &format!("authSource={}", db.name));
    format!("mongodb://{name}:{SECRET}@{rest}")
}

/// What the refusal of a deleter proposes.
fn purging_role(db: &MongoDb) -> Document {
    doc! {"createRole": "auditail_purge", "roles": [], "privileges": [
        {"resource": {"db": &db.name, "collection": AUDIT}, "actions": ["find", "remove"]},
        {"resource": {"db": &db.name, "collection": ""}, "actions": ["listCollections"]},
    ]}
}

#[tokio::test]
async fn who_may_not_delete_is_told_what_to_grant() {
    let Some((_server, db)) = server(Topology::ReplicaSet) else {
        return;
    };
    let reader = user(&db, "reader", vec!["read".into()]);
    let purger = connect::purger(&reader, &options()).await.expect("opened");
    let stop = CancellationToken::new();
    let plan = plan(&*purger, &stop).await;
    match purger.deleter(&plan, None, &stop).await.err() {
        Some(StoreError::Refused { message, hint }) => {
            assert!(message.contains("may not remove"), "{message}");
            let hint = hint.expect("a hint");
            assert!(hint.contains("createRole") && hint.contains("--delete-as"));
        }
        other => panic!("{other:?}"),
    }
    db.command(purging_role(&db));
    let deleting = user(&db, "deleting", vec!["auditail_purge".into()]);
    let deleter = purger.deleter(&plan, Some(&deleting), &stop).await;
    let pressure = deleter.expect("it may").pressure(&stop).await;
    let unseen = pressure.expect("an answer").unseen;
    assert_eq!(unseen.len(), 3, "what is not watched is named: {unseen:?}");
}

#[tokio::test]
async fn a_reader_plans_another_deletes_and_no_password_is_kept() {
    for topology in [Topology::ReplicaSet, Topology::Standalone] {
        let Some((_server, db)) = server(topology) else {
            return;
        };
        db.command(purging_role(&db));
        let reader = user(&db, "reader", vec!["read".into()]);
        let deleting = user(&db, "deleting", vec!["auditail_purge".into()]);
        let writer = user(&db, "writer", vec!["readWrite".into()]);
        let store = Fixture::on(db);
        let mut said = Vec::new();
        let mut run = |words: &[&str]| {
            let ended = store.run(words);
            said.extend([ended.out.clone(), ended.err.clone()]);
            ended
        };
        let plan = PLAN.map(|word| if word == "URL" { &reader } else { word });
        run(&plan).ok();
        for step in ["backup", "verify"] {
            run(&["purge", step, "DIR", "--target", &reader]).ok();
        }
        let delete = [&DELETE[..], &["--target", &reader]].concat();
        let refused = run(&delete);
        assert_eq!(refused.code, Some(4), "{}", refused.err);
        assert_eq!(store.users().len(), 2_000);
        run(&[&delete[..], &["--delete-as", &deleting]].concat()).ok();
        assert_eq!(store.users().len(), 584);
        run(&["restore", "DIR", &writer]).ok();
        assert_eq!(store.users().len(), 2_000);
        for entry in std::fs::read_dir(store.archive()).expect("an archive") {
            let file = std::fs::read(entry.expect("a file").path()).unwrap_or_default();
            said.push(String::from_utf8_lossy(&file).into_owned());
        }
        assert!(said.len() > 15);
        assert!(said.iter().all(|text| !text.contains(SECRET)));
    }
}
