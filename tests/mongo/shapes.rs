//! Every shape DronaHQ's audit log is known to have, and shapes that only look like it.

use auditail::core::event::{Field, Outcome};
use auditail::core::profile::Origin;
use auditail::store::connect::{OpenOptions, candidates};
use auditail::store::{PageFrom, Store};
use futures_util::TryStreamExt as _;
use mongodb::bson::{Bson, DateTime, Document, doc};

use super::{NEW_YEAR, everything, id, ids, nested, open, page, query};
use crate::harness;
use crate::harness::mongo::{MongoDb, Topology};

const PEOPLE: [&str; 3] = ["ana@example.com", "ben@example.com", "chi@example.com"];
const EVENTS: [&str; 4] = ["db_query", "api_call", "user_logged_in", "app_published"];

/// Forty records of the logging schema, as one `meta` each.
fn records() -> Vec<Document> {
    (0..40)
        .map(|number| {
            let person = PEOPLE[number as usize % 3];
            let event = EVENTS[number as usize % 4];
            let mut document = nested(number, doc! {"user-email": person, "event-id": event});
            document.insert("level", if number % 5 == 0 { "error" } else { "info" });
            document
        })
        .collect()
}

/// The document with its `meta` put somewhere else.
fn reshaped(mut document: Document, shape: &str) -> Document {
    let Some(Bson::Document(mut meta)) = document.remove("meta") else {
        panic!("meta")
    };
    match shape {
        "meta" => {
            document.insert("meta", meta);
        }
        "metadata" => {
            document.insert("metadata", meta);
        }
        "metadata.meta" => {
            document.insert("metadata", doc! {"meta": meta});
        }
        "integers" => {
            let time = meta.get_f64("time").expect("a double") as i64;
            meta.insert("time", time);
            document.insert("meta", meta);
        }
        "dot" => {
            meta.insert("headers[dot]host", "h1");
            document.insert("meta", meta);
        }
        _ => {
            let message = document.remove("message").expect("a message");
            document.remove("timestamp");
            document.insert("msg", message);
            document.extend(meta);
        }
    }
    document
}

/// The shapes: name, where the logging schema's keys are, in MQL, and the key of the message.
const SHAPES: [(&str, &str, &str); 6] = [
    ("meta", "meta.", "message"),
    ("metadata", "metadata.", "message"),
    ("metadata.meta", "metadata.meta.", "message"),
    ("integers", "meta.", "message"),
    ("dot", "meta.", "message"),
    ("flat", "", "msg"),
];

async fn by_mql(db: &MongoDb, name: &str, filter: Document, time: &str) -> Vec<String> {
    let collection = db.open().await.collection::<Document>(name);
    let found = collection
        .find(filter)
        .sort(doc! {time: -1, "_id": -1})
        .await
        .expect("MQL");
    let documents: Vec<Document> = found.try_collect().await.expect("documents");
    documents
        .iter()
        .map(|found| found.get_object_id("_id").expect("an id").to_hex())
        .collect()
}

#[tokio::test]
async fn every_shape_is_recognised_read_and_filtered() {
    let Some(server) = harness::mongo(Topology::ReplicaSet) else {
        return;
    };
    for (shape, prefix, message) in SHAPES {
        let db = server.database("shapes");
        let name = "dhq_managed_audit_log";
        db.insert(
            name,
            records()
                .into_iter()
                .map(|record| reshaped(record, shape))
                .collect(),
        );
        let found = candidates(&db.url, &OpenOptions::default())
            .await
            .expect("candidates");
        assert_eq!(found[0].profile.name, "dronahq", "{shape}: {found:?}");
        assert!(
            found[0].score >= 100 && !found[0].evidence.is_empty(),
            "{shape}"
        );

        let store = open(&db.url, name).await.expect(shape);
        let all = everything(&store).await;
        assert_eq!(all.len(), 40, "{shape}");
        for (place, event) in all.iter().enumerate() {
            let number = 39 - u32::try_from(place).expect("small");
            assert_eq!(event.id.as_str(), id(number).to_hex(), "{shape}");
            let at = event.at().instant().expect("a time").0;
            assert_eq!(at, (NEW_YEAR + i64::from(number) * 1000) * 1000, "{shape}");
            assert_eq!(event.first(Field::Actor), Some(PEOPLE[number as usize % 3]));
            assert_eq!(
                event.first(Field::Action),
                Some(EVENTS[number as usize % 4])
            );
            assert_eq!(event.first(Field::Kind), Some("automation"));
            assert_eq!(event.first(Field::Service), Some("Login"));
            let outcome = if number % 5 == 0 {
                Outcome::Failed
            } else {
                Outcome::Ok
            };
            assert_eq!(event.outcome, Some(outcome), "{shape} {number}");
        }

        let key = |name: &str| format!("{prefix}{name}");
        let time = key("time");
        let table = [
            ("user:ana@example.com", doc! {key("user-email"): PEOPLE[0]}),
            (
                "event:db_query -user:ana*",
                doc! {
                    key("event-id"): "db_query", key("user-email"): {"$not": {"$regex": "^ana"}},
                },
            ),
            (
                "event_name:\"Database query run\"",
                doc! {key("event-id"): "db_query"},
            ),
            (
                "event_name:~PUBLISHED",
                doc! {key("event-id"): "app_published"},
            ),
            ("is:error", doc! {"level": "error"}),
            (
                "outcome:ok connector:mysql",
                doc! {"level": "info", key("resource-type"): "mysql"},
            ),
            (
                "automation:Login -app:Login env:Production org:ACME_Team7",
                doc! {
                    key("parent-name"): "Login", key("environment"): "Production",
                    key("organization-id"): "ACME_Team7",
                },
            ),
            (
                "automation:Login email:chi@example.com",
                doc! {key("user-email"): PEOPLE[2]},
            ),
            (
                "resource:20253 resource:getAuthor",
                doc! {key("resource-id"): 20253},
            ),
            (
                "since:2026-01-01T00:00:10Z until:2026-01-01T00:00:20Z",
                doc! {
                    &time: {"$gte": NEW_YEAR + 10_000, "$lt": NEW_YEAR + 20_000},
                },
            ),
            ("message:~execute", doc! {message: {"$regex": "Execute"}}),
            (
                "action:(api_call, user_logged_in) outcome:failed",
                doc! {
                    key("event-id"): {"$in": ["api_call", "user_logged_in"]}, "level": "error",
                },
            ),
            ("user:nobody", doc! {key("user-email"): "nobody"}),
        ];
        for (text, mql) in table {
            let predicate = query(&store, text).await;
            let (events, _) = page(&store, predicate, PageFrom::Newest, None)
                .await
                .expect(text);
            assert_eq!(
                ids(&events),
                by_mql(&db, name, mql, &time).await,
                "{shape}: {text}"
            );
        }
        if shape == "dot" {
            assert!(all[0].payload.text.contains(r#""headers.host":"h1""#));
            let predicate = query(&store, r#".meta."headers.host":h1"#).await;
            let (events, _) = page(&store, predicate, PageFrom::Newest, None)
                .await
                .expect("a page");
            assert_eq!(events.len(), 40);
        }
    }
}

#[tokio::test]
async fn an_indexed_time_is_preferred() {
    let Some(server) = harness::mongo(Topology::ReplicaSet) else {
        return;
    };
    let db = server.database("indexed");
    db.insert("log", records());
    // As winston-mongodb makes it, with its misleading name.
    db.command(doc! {"createIndexes": "log", "indexes": [
        {"key": {"timestamp": -1}, "name": "timestamp_1", "expireAfterSeconds": 7_776_000},
    ]});
    let store = open(&db.url, "log").await.expect("open");
    assert_eq!(
        store.description().profile.time.path.to_string(),
        "timestamp"
    );
    let newest = &everything(&store).await[0];
    assert_eq!(
        newest.at().instant().expect("a time").0,
        (NEW_YEAR + 39_007) * 1000
    );
    let findings = store
        .examine(&tokio_util::sync::CancellationToken::new())
        .await;
    let findings = findings.expect("findings");
    let about = |subject: &str| findings.iter().find(|found| found.subject == subject);
    assert!(about("retention").is_some_and(|found| found.message.contains("90 days")));
    assert!(about("index on time").is_some_and(|found| found.message.contains("timestamp_1")));
}

#[tokio::test]
async fn the_types_of_bson_are_shown() {
    let Some(server) = harness::mongo(Topology::ReplicaSet) else {
        return;
    };
    let db = server.database("types");
    let mut record = nested(1, doc! {"count": 7, "ratio": 7.0, "who": id(2)});
    record.insert(
        "price",
        "12.50"
            .parse::<mongodb::bson::Decimal128>()
            .expect("a number"),
    );
    record.insert("far", DateTime::from_millis(253_402_300_800_000));
    record.insert("$odd", 1);
    db.insert("log", vec![record]);
    let store = open(&db.url, "log").await.expect("open");
    let text = everything(&store).await[0].payload.text.to_string();
    for shown in [
        r#""_id":"696969696969696900000001""#,
        r#""count":7,"#,
        r#""ratio":7.0,"#,
        r#""who":"696969696969696900000002""#,
        r#""price":12.50"#,
        r#""$odd":1"#,
        r#""far":"10000-01-01T00:00:00.000Z""#,
        r#""timestamp":"2026-01-01T00:00:01.007Z""#,
    ] {
        assert!(text.contains(shown), "{shown} in {text}");
    }
}

/// What is not DronaHQ's, although it has much of it.
#[tokio::test]
async fn near_misses_are_not_taken_for_dronahq() {
    let Some(server) = harness::mongo(Topology::ReplicaSet) else {
        return;
    };
    let db = server.database("near");
    let at = DateTime::from_millis(NEW_YEAR);
    let misses = [
        (
            "winston_plain",
            doc! {"timestamp": at, "level": "info", "message": "started", "meta": {"port": 80}},
        ),
        (
            "winston_null",
            doc! {"timestamp": at, "level": "info", "message": "x", "meta": Bson::Null},
        ),
        (
            "other_meta",
            doc! {"timestamp": at, "level": "info", "message": "x",
            "meta": {"user-email": "a@b", "event": "login"}},
        ),
        (
            "numbers",
            doc! {"time": 1.0, "level": 30, "event-id": 7, "user-email": "a", "organization-id": "b"},
        ),
        (
            "rocketchat",
            doc! {"ts": at, "u": {"username": "a"}, "actor": {"type": "user"}, "t": "x"},
        ),
        (
            "growthbook",
            doc! {"dateCreated": at, "event": "experiment.create", "entity": {"object": "experiment"}},
        ),
        (
            "audit_events",
            doc! {"occurred_at": at, "details": {"user_name": "a"}},
        ),
        (
            "half",
            doc! {"time": 1.0, "level": "info", "event-id": "db_query", "user-email": "a"},
        ),
    ];
    for (name, document) in misses {
        db.insert(name, vec![document]);
    }
    for found in candidates(&db.url, &OpenOptions::default())
        .await
        .expect("candidates")
    {
        assert_eq!(
            found.profile.origin,
            Origin::Guessed,
            "{} is {}",
            found.relation.name,
            found.profile.name
        );
    }
}
