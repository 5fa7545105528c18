//! Every shape DronaHQ's audit log is known to have.

use auditail::core::event::{Event, Field, Outcome};
use auditail::store::connect::{OpenOptions, candidates};
use auditail::store::{PageEnd, PageFrom, Store};
use futures_util::TryStreamExt as _;
use mongodb::bson::{Bson, DateTime, Document, doc};

use super::{NEW_YEAR, everything, id, ids, nested, open, page, query};
use crate::harness;
use crate::harness::mongo::{MongoDb, Topology};

const PEOPLE: [&str; 3] = ["ana@example.com", "ben@example.com", "chi@example.com"];
const EVENTS: [&str; 4] = ["db_query", "api_call", "user_logged_in", "app_published"];

/// How many documents a form is tried with.
const DOCUMENTS: u32 = 40;

/// One way in which the logging schema has been stored.
struct Form {
    name: &'static str,
    /// Where the schema's keys are, in MQL.
    keys: &'static str,
    /// The key of the message.
    message: &'static str,
    /// The key of the time, and how much later than the event it is.
    time: (&'static str, i64),
    collection: Collection,
    /// From the document as winston-mongodb 5 writes it.
    store: fn(u32, Document) -> Document,
}

/// What the collection is, and who made it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Collection {
    /// The managed one.
    Managed,
    /// winston's own, with its index on `timestamp`.
    Winston,
    /// The same, with a size it keeps.
    Capped,
}

impl Collection {
    fn name(self) -> &'static str {
        match self {
            Self::Managed => "dhq_managed_audit_log",
            Self::Winston | Self::Capped => "log",
        }
    }

    fn make(self, db: &MongoDb) {
        if self == Self::Capped {
            db.command(doc! {"create": self.name(), "capped": true, "size": 10_000_000});
        }
        if self != Self::Managed {
            db.command(doc! {"createIndexes": self.name(), "indexes": [
                {"key": {"timestamp": -1}, "name": "timestamp_1"},
            ]});
        }
    }
}

const META: Form = Form {
    name: "meta",
    keys: "meta.",
    message: "message",
    time: ("meta.time", 0),
    collection: Collection::Managed,
    store: |_, document| document,
};

/// By the sentences of the reference.
const FORMS: [Form; 15] = [
    META,
    Form {
        name: "metadata",
        keys: "metadata.",
        time: ("metadata.time", 0),
        store: |_, document| under(document, |meta| doc! {"metadata": meta}),
        ..META
    },
    Form {
        name: "metadata.meta",
        keys: "metadata.meta.",
        time: ("metadata.meta.time", 0),
        store: |_, document| under(document, |meta| doc! {"metadata": {"meta": meta}}),
        ..META
    },
    Form {
        name: "integer times",
        store: |_, document| in_meta(document, integer),
        ..META
    },
    Form {
        name: "the published example: all but level and msg is under meta",
        message: "msg",
        store: |_, document| as_msg(document),
        ..META
    },
    Form {
        name: "flat",
        keys: "",
        message: "msg",
        time: ("time", 0),
        store: |_, document| under(as_msg(document), |meta| meta),
        ..META
    },
    Form {
        name: "flat, with integers and without a parent",
        keys: "",
        message: "msg",
        time: ("time", 0),
        store: |_, document| {
            let document = in_meta(as_msg(document), |meta| {
                integer(meta);
                orphan(meta);
            });
            under(document, |meta| meta)
        },
        ..META
    },
    Form {
        name: "flat, with a message",
        keys: "",
        time: ("time", 0),
        store: |_, document| under(document, |meta| meta),
        ..META
    },
    Form {
        name: "no parent",
        store: |_, document| in_meta(document, orphan),
        ..META
    },
    Form {
        name: "the connector's type as that of the parent",
        store: |_, document| in_meta(document, |meta| drop(meta.insert("parent-type", "mysql"))),
        ..META
    },
    Form {
        name: "the environment's name in resource-meta",
        store: |_, document| {
            in_meta(document, |meta| {
                let name = meta.remove("environment").expect("an environment");
                meta.insert("resource-meta", doc! {"env_id": 1, "env_name": name});
            })
        },
        ..META
    },
    Form {
        name: "what winston-mongodb makes of keys, cycles and errors",
        store: |_, document| {
            in_meta(document, |meta| {
                meta.insert("headers[dot]host", "h1");
                meta.insert("[$]where", "here");
                meta.insert("self", "[Circular]");
                meta.insert(
                    "error",
                    doc! {"message": "m", "name": "Error", "stack": "at x"},
                );
            })
        },
        ..META
    },
    Form {
        name: "null without fields",
        time: ("timestamp", 7),
        collection: Collection::Winston,
        store: |number, mut document| {
            if is_bare(number) {
                document.insert("meta", Bson::Null);
            }
            document.extend(doc! {"hostname": "h", "label": "audit"});
            document
        },
        ..META
    },
    Form {
        name: "no key without fields",
        keys: "metadata.",
        time: ("timestamp", 7),
        collection: Collection::Winston,
        store: |number, document| {
            under(document, |meta| {
                if is_bare(number) {
                    doc! {}
                } else {
                    doc! {"metadata": meta}
                }
            })
        },
        ..META
    },
    Form {
        name: "capped",
        time: ("timestamp", 7),
        collection: Collection::Capped,
        ..META
    },
];

/// Which documents were logged without fields, where a form has such.
fn is_bare(number: u32) -> bool {
    number % 7 == 3
}

/// The document with its `meta` put somewhere else.
fn under(mut document: Document, place: impl FnOnce(Document) -> Document) -> Document {
    let Some(Bson::Document(meta)) = document.remove("meta") else {
        panic!("meta")
    };
    document.extend(place(meta));
    document
}

fn in_meta(mut document: Document, change: impl FnOnce(&mut Document)) -> Document {
    change(document.get_document_mut("meta").expect("meta"));
    document
}

fn integer(meta: &mut Document) {
    let time = meta.get_f64("time").expect("a double") as i64;
    meta.insert("time", time);
}

fn orphan(meta: &mut Document) {
    for key in ["parent-id", "parent-name", "parent-type"] {
        meta.remove(key);
    }
}

fn as_msg(mut document: Document) -> Document {
    let message = document.remove("message").expect("a message");
    document.remove("timestamp");
    document.insert("msg", message);
    document
}

/// The record of a number, as winston-mongodb 5 writes it.
fn record(number: u32) -> Document {
    let person = PEOPLE[number as usize % 3];
    let event = EVENTS[number as usize % 4];
    let mut document = nested(number, doc! {"user-email": person, "event-id": event});
    document.insert(
        "level",
        if number.is_multiple_of(5) {
            "error"
        } else {
            "info"
        },
    );
    document
}

/// Filters, each with MQL written by hand.
fn filters(form: &Form) -> Vec<(&'static str, Document)> {
    let key = |name: &str| format!("{}{name}", form.keys);
    let (time, later) = form.time;
    let at = |millis: i64| {
        let millis = NEW_YEAR + millis;
        if later == 0 {
            Bson::Int64(millis)
        } else {
            DateTime::from_millis(millis).into()
        }
    };
    let production = |key: &str| doc! {format!("{}{key}", form.keys): "Production"};
    vec![
        ("", doc! {}),
        ("user:ana@example.com", doc! {key("user-email"): PEOPLE[0]}),
        (
            "-user:ana@example.com",
            doc! {key("user-email"): {"$ne": PEOPLE[0]}},
        ),
        ("missing:user", doc! {key("user-email"): {"$exists": false}}),
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
                key("parent-name"): "Login", key("organization-id"): "ACME_Team7",
                "$or": [production("environment"), production("resource-meta.env_name")],
            },
        ),
        (
            "automation:Login email:chi@example.com",
            doc! {key("user-email"): PEOPLE[2], key("parent-name"): "Login"},
        ),
        (
            "resource:20253 resource:getAuthor",
            doc! {key("resource-id"): 20253},
        ),
        (
            "since:2026-01-01T00:00:10Z until:2026-01-01T00:00:20Z",
            doc! {time: {"$gte": at(10_000), "$lt": at(20_000)}},
        ),
        (
            "message:~execute",
            doc! {form.message: {"$regex": "Execute"}},
        ),
        (
            "action:(api_call, user_logged_in) outcome:failed",
            doc! {key("event-id"): {"$in": ["api_call", "user_logged_in"]}, "level": "error"},
        ),
        ("user:nobody", doc! {key("user-email"): "nobody"}),
    ]
}

async fn by_mql(db: &MongoDb, form: &Form, filter: Document) -> Vec<String> {
    let collection = db.open().await;
    let found = collection
        .collection::<Document>(form.collection.name())
        .find(filter)
        .sort(doc! {form.time.0: -1, "_id": -1})
        .await
        .expect("MQL");
    let documents: Vec<Document> = found.try_collect().await.expect("documents");
    documents
        .iter()
        .map(|found| found.get_object_id("_id").expect("an id").to_hex())
        .collect()
}

/// Every field of every event is what the record of its number says.
fn check(form: &Form, all: &[Event], stored: &[Document]) {
    let name = form.name;
    assert_eq!(all.len(), stored.len(), "{name}");
    for (event, number) in all.iter().zip((0..DOCUMENTS).rev()) {
        assert_eq!(event.id.as_str(), id(number).to_hex(), "{name}");
        let at = event.at().instant().expect("a time").0;
        let happened = NEW_YEAR + i64::from(number) * 1000 + form.time.1;
        assert_eq!(at, happened * 1000, "{name}");
        let text = stored[number as usize].to_string();
        let has = |key: &str| text.contains(key);
        let known = |value: &'static str| has("event-id").then_some(value);
        let [person, action] = [PEOPLE[number as usize % 3], EVENTS[number as usize % 4]];
        assert_eq!(event.first(Field::Actor), known(person), "{name}");
        let action = known(action).or(Some("DB Connector Query Execute"));
        assert_eq!(event.first(Field::Action), action, "{name}");
        assert_eq!(event.first(Field::Kind), known("automation"), "{name}");
        let parent = has("parent-name").then_some("Login");
        assert_eq!(event.first(Field::Service), parent, "{name}");
        let outcome = if number.is_multiple_of(5) {
            Outcome::Failed
        } else {
            Outcome::Ok
        };
        assert_eq!(event.outcome, Some(outcome), "{name} {number}");
    }
}

#[tokio::test]
async fn every_shape_is_recognised_read_paged_and_filtered() {
    let Some(server) = harness::mongo(Topology::ReplicaSet) else {
        return;
    };
    for form in &FORMS {
        let db = server.database("shapes");
        let (shape, name) = (form.name, form.collection.name());
        let stored: Vec<Document> = (0..DOCUMENTS)
            .map(|number| (form.store)(number, record(number)))
            .collect();
        form.collection.make(&db);
        db.insert(name, stored.clone());
        let found = candidates(&db.url, &OpenOptions::default())
            .await
            .expect("candidates");
        assert_eq!(found[0].profile.name, "dronahq", "{shape}: {found:?}");
        assert!(
            found[0].score >= 100 && !found[0].evidence.is_empty(),
            "{shape}"
        );

        let store = open(&db.url, name).await.expect(shape);
        check(form, &everything(&store).await, &stored);
        for (text, mql) in filters(form) {
            let expected = by_mql(&db, form, mql).await;
            let predicate = query(&store, text).await;
            let mut paged: Vec<Event> = Vec::new();
            loop {
                let from = paged.last().map_or(PageFrom::Newest, |event| {
                    PageFrom::Before(event.cursor.clone())
                });
                let (events, end) = page(&store, predicate.clone(), from, Some(7))
                    .await
                    .expect(text);
                paged.extend(events);
                if end == PageEnd::Exhausted {
                    break;
                }
            }
            assert_eq!(ids(&paged), expected, "{shape}: {text}");
        }
    }
}

#[tokio::test]
async fn keys_are_shown_and_asked_for_as_they_were() {
    let Some(server) = harness::mongo(Topology::ReplicaSet) else {
        return;
    };
    let db = server.database("keys");
    let meta = doc! {"headers[dot]host": "h1", "[$]where": "here", "self": "[Circular]"};
    db.insert("log", vec![nested(1, meta), nested(2, doc! {})]);
    let store = open(&db.url, "log").await.expect("open");
    let text = everything(&store).await[1].payload.text.to_string();
    for shown in [
        r#""headers.host":"h1""#,
        r#""$where":"here""#,
        r#""self":"[Circular]""#,
    ] {
        assert!(text.contains(shown), "{shown} in {text}");
    }
    for asked in [r#".meta."headers.host":h1"#, r#".meta."$where":here"#] {
        let predicate = query(&store, asked).await;
        let (events, _) = page(&store, predicate, PageFrom::Newest, None)
            .await
            .expect(asked);
        assert_eq!(ids(&events), [id(1).to_hex()], "{asked}");
    }
}

#[tokio::test]
async fn an_indexed_time_is_preferred() {
    let Some(server) = harness::mongo(Topology::ReplicaSet) else {
        return;
    };
    let db = server.database("indexed");
    db.insert("log", (0..DOCUMENTS).map(record).collect());
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
