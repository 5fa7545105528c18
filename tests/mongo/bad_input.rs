//! Wrong targets, odd collections, odd documents: a sentence or a mark, never a loss or a panic.

use auditail::core::event::{Extent, Payload};
use auditail::core::instant::At;
use auditail::core::query::predicate::Predicate;
use auditail::store::connect::{OpenOptions, open as open_any};
use auditail::store::mongo::MongoStore;
use auditail::store::{
    FindingLevel, PageFrom, PageItem, PageRequest, PayloadNeed, Store, StoreError,
};
use mongodb::bson::{Bson, DateTime, Document, doc};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{NEW_YEAR, everything, id, ids, nested, open, open_as, page, query};
use crate::harness;
use crate::harness::mongo::{Login, Topology};
use crate::harness::postgres::{PASSWORD, free_port};

pub async fn refused(url: &str) -> StoreError {
    match open_any(url, &OpenOptions::default()).await {
        Ok(_) => panic!("{url} opens"),
        Err(error) => error,
    }
}

/// The sentence and the hint, which never show a password.
pub fn said(error: &StoreError) -> String {
    let text = format!("{error} | {}", error.hint().unwrap_or_default());
    assert!(!text.contains(PASSWORD), "{text}");
    text
}

#[tokio::test]
async fn what_is_wrong_with_a_target_is_said() {
    let quick = "serverSelectionTimeoutMS=1500";
    let port = free_port();
    let table = [
        (format!("mongodb://127.0.0.1:99999/db?{quick}"), "URI"),
        (
            format!("mongodb://a:{PASSWORD}@127.0.0.1:{port}/db?{quick}&directConnection=true"),
            "refused",
        ),
        (
            format!("mongodb://no-such-host.invalid/db?{quick}"),
            "unknown",
        ),
        (
            format!("mongodb+srv://no-such-host.invalid/db?{quick}"),
            "found",
        ),
        (
            format!("mongodb://h/db?tls=true&tlsCAFile=/no/such/file&{quick}"),
            "TLS",
        ),
        ("mongodb://h/db?nonsense=1".to_owned(), "nonsense"),
    ];
    for (url, word) in table {
        let text = said(&refused(&url).await);
        assert!(text.contains(word), "{url}: {text}");
    }
}

#[tokio::test]
async fn what_a_server_refuses_is_said() {
    let Some(server) = harness::private_mongo(Topology::ReplicaSet, Login::Required, &[]) else {
        return;
    };
    let db = server.database("refuses");
    db.insert("log", vec![nested(1, doc! {})]);
    db.command(doc! {"createUser": "nobody", "pwd": PASSWORD, "roles": []});
    let own = |user: &str, password: &str| {
        let url = server.url_as(&format!("{user}:{password}@"), &db.name);
        url.replace("authSource=admin", &format!("authSource={}", db.name))
    };
    let wrong = refused(&own("nobody", "wrong")).await;
    assert!(matches!(wrong, StoreError::Connect { .. }), "{wrong:?}");
    assert!(
        said(&wrong).contains("password of user nobody"),
        "{}",
        said(&wrong)
    );
    let elsewhere = refused(&server.url_as(&format!("nobody:{PASSWORD}@"), &db.name)).await;
    assert!(
        said(&elsewhere).contains("authSource"),
        "{}",
        said(&elsewhere)
    );
    let powerless = refused(&own("nobody", PASSWORD)).await;
    assert!(
        matches!(powerless, StoreError::Failed { .. }),
        "{powerless:?}"
    );
    let anonymous = refused(&server.url_as("", &db.name)).await;
    assert!(said(&anonymous).contains("login"), "{}", said(&anonymous));
}

#[tokio::test]
async fn empty_and_ambiguous_databases_say_what_to_do() {
    let Some(server) = harness::mongo(Topology::ReplicaSet) else {
        return;
    };
    let empty = server.database("empty");
    assert!(said(&refused(&empty.url).await).contains("no collection"));
    let db = server.database("two");
    db.insert("audit_a", vec![nested(1, doc! {})]);
    let missing = refused(&format!("{}&table=nothing", db.url)).await;
    assert!(
        said(&missing).contains("there is no collection nothing"),
        "{}",
        said(&missing)
    );
    open_any(&db.url, &OpenOptions::default())
        .await
        .expect("one candidate");
    db.insert("audit_b", vec![nested(2, doc! {})]);
    let two = refused(&db.url).await;
    assert!(
        said(&two).contains("audit_a, audit_b") && said(&two).contains("--table"),
        "{two:?}"
    );
    let named = open_any(
        &format!("{}&table=audit_b", db.url),
        &OpenOptions::default(),
    )
    .await;
    assert_eq!(named.expect("named").description().relation, "audit_b");
}

#[tokio::test]
async fn views_time_series_and_capped_collections_are_read() {
    let Some(server) = harness::mongo(Topology::ReplicaSet) else {
        return;
    };
    let db = server.database("kinds");
    let documents = || {
        (0..50)
            .map(|number| nested(number, doc! {}))
            .collect::<Vec<_>>()
    };
    db.insert("log", documents());
    db.command(
        doc! {"create": "a_view", "viewOn": "log", "pipeline": [{"$match": {"level": "info"}}]},
    );
    db.command(doc! {"create": "a_ring", "capped": true, "size": 1_000_000});
    db.insert("a_ring", documents());
    db.command(doc! {"create": "a_series", "timeseries": {"timeField": "timestamp"}});
    db.insert("a_series", documents());
    let newest_first: Vec<String> = (0..50).rev().map(|number| id(number).to_hex()).collect();
    for (name, word) in [
        ("a_view", "view"),
        ("a_ring", "capped"),
        ("a_series", "time-series"),
    ] {
        let store = open(&db.url, name).await.expect(name);
        assert!(
            store
                .description()
                .evidence
                .iter()
                .any(|line| line.contains(word)),
            "{name}"
        );
        assert_eq!(ids(&everything(&store).await), newest_first, "{name}");
        let predicate = query(&store, "event:db_query user:ana*").await;
        let (events, _) = page(&store, predicate, PageFrom::Newest, Some(7))
            .await
            .expect(name);
        assert_eq!(ids(&events), newest_first[..7], "{name}");
        let findings = store
            .examine(&CancellationToken::new())
            .await
            .expect("findings");
        assert!(
            findings
                .iter()
                .any(|finding| finding.message.contains(word)),
            "{name}"
        );
    }
}

#[tokio::test]
async fn mixed_times_are_counted_and_reachable() {
    let Some(server) = harness::mongo(Topology::ReplicaSet) else {
        return;
    };
    let db = server.database("census");
    let mut documents: Vec<Document> = (0..30).map(|number| nested(number, doc! {})).collect();
    for (document, time) in documents.iter_mut().zip([
        Bson::Null,
        "2026-01-01".into(),
        DateTime::from_millis(NEW_YEAR).into(),
        f64::NAN.into(),
    ]) {
        document
            .get_document_mut("meta")
            .expect("meta")
            .insert("time", time);
    }
    documents[4]
        .get_document_mut("meta")
        .expect("meta")
        .remove("time");
    db.insert("log", documents);
    let store = open_as(&db.url, "log", "dronahq").await.expect("open");
    let all = everything(&store).await;
    assert_eq!(all.len(), 30);
    assert!(all[25..].iter().all(|event| event.at() == At::Absent));
    assert!(all[..25].iter().all(|event| event.at().is_dated()));
    let findings = store
        .examine(&CancellationToken::new())
        .await
        .expect("findings");
    let census = findings
        .iter()
        .find(|finding| finding.subject == "types of time")
        .expect("a census");
    assert_eq!(census.level, FindingLevel::Advice);
    for part in ["1 null", "1 string", "1 date", "1 missing"] {
        assert!(census.message.contains(part), "{part}: {}", census.message);
    }
}

async fn heads(store: &MongoStore) -> Vec<auditail::core::event::Event> {
    let (out, mut pieces) = mpsc::channel(8);
    let request = PageRequest {
        predicate: Predicate::All.into(),
        from: PageFrom::Newest,
        limit: Some(10),
        payload: PayloadNeed::Head,
    };
    let stop = CancellationToken::new();
    let mut events = Vec::new();
    let reading = async {
        while let Some(PageItem::Events(more)) = pieces.recv().await {
            events.extend(more);
        }
    };
    let (end, ()) = tokio::join!(store.page(request, out, &stop), reading);
    end.expect("a page");
    events
}

#[tokio::test]
async fn odd_documents_are_shown() {
    let Some(server) = harness::mongo(Topology::ReplicaSet) else {
        return;
    };
    let db = server.database("odd");
    let mut deep = Bson::from(1);
    for _ in 0..95 {
        deep = doc! {"d": deep}.into();
    }
    let mut huge = nested(1, doc! {"blob": "x".repeat(15 << 20)});
    huge.insert("level", "error");
    let mut odd = nested(2, doc! {"a.b": 1, "$where": 2, "": 3});
    odd.insert("x.y", doc! {"$z": "\u{1b}[31m\u{202e}evil"});
    let mut far = nested(3, doc! {"time": 1e300});
    far.insert("when", DateTime::from_millis(i64::MAX));
    let mut down = nested(4, doc! {});
    down.insert("deep", deep);
    db.insert("log", vec![huge, odd, far, down]);
    let store = open_as(&db.url, "log", "dronahq").await.expect("open");
    let events = heads(&store).await;
    assert_eq!(events.len(), 4);
    let of = |number: u32| {
        events
            .iter()
            .find(|event| event.id.as_str() == id(number).to_hex())
    };
    let huge = of(1).expect("the huge one");
    assert!(huge.payload.text.len() <= Payload::HEAD);
    assert!(matches!(huge.payload.extent, Extent::Head { bytes } if bytes > 15 << 20));
    let whole = store
        .fetch(&huge.cursor, &CancellationToken::new())
        .await
        .expect("fetch");
    assert!(whole.expect("it is there").payload.text.len() > 15 << 20);
    let odd = &of(2).expect("the odd one").payload.text;
    for part in [r#""a.b":1"#, r#""$where":2"#, r#""":3"#, r#""x.y":{"$z":"#] {
        assert!(odd.contains(part), "{part}: {odd}");
    }
    let predicate = query(&store, r#".meta."a.b":1 ."x.y"."$z":~EVIL"#).await;
    let (found, _) = page(&store, predicate, PageFrom::Newest, None)
        .await
        .expect("a page");
    assert_eq!(ids(&found), [id(2).to_hex()]);
    assert!(
        of(3)
            .expect("the far one")
            .payload
            .text
            .contains(r#""when":"292278994-08-17T"#)
    );
    assert!(
        of(4)
            .expect("the deep one")
            .payload
            .text
            .contains(&r#"{"d":"#.repeat(95))
    );
}

/// The server takes the connection away in the middle of a long page.
#[tokio::test]
async fn a_page_goes_on_through_a_step_down_and_broken_connections() {
    let Some(server) = harness::private_mongo(Topology::ReplicaSet, Login::None, &[]) else {
        return;
    };
    let db = server.database("through");
    db.insert(
        "log",
        (0..9_000).map(|number| nested(number, doc! {})).collect(),
    );
    db.command(doc! {"createIndexes": "log", "indexes": [{"key": {"meta.time": 1}, "name": "t"}]});
    let store = open(&db.url, "log").await.expect("open");
    let admin = db.open().await.client().database("admin");
    for data in [
        doc! {"failCommands": ["getMore"], "closeConnection": true},
        doc! {"failCommands": ["getMore"], "errorCode": 11_602},
        doc! {"failCommands": ["find"], "errorCode": 91},
    ] {
        let point = doc! {
            "configureFailPoint": "failCommand", "mode": {"skip": 1, "times": 2}, "data": data.clone(),
        };
        admin.run_command(point).await.expect("a fail point");
        let all = everything(&store).await;
        let expected: Vec<String> = (0..9_000).rev().map(|number| id(number).to_hex()).collect();
        assert!(ids(&all) == expected, "{data}: {} events", all.len());
    }
}

#[tokio::test]
async fn a_server_that_dies_is_said() {
    let Some(server) = harness::private_mongo(Topology::Standalone, Login::None, &[]) else {
        return;
    };
    let db = server.database("dies");
    db.insert("log", vec![nested(1, doc! {})]);
    let url = format!("{}&serverSelectionTimeoutMS=300", db.url);
    let store = open(&url, "log").await.expect("open");
    tokio::task::spawn_blocking(move || {
        server.crash();
        server
    })
    .await
    .expect("crash");
    let error = page(&store, Predicate::All, PageFrom::Newest, None)
        .await
        .expect_err("no server");
    assert!(matches!(error, StoreError::Lost { .. }), "{error:?}");
    assert!(error.to_string().contains("127.0.0.1"), "{error}");
}
