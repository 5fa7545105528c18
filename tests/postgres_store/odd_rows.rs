//! Rows and tables that are not as a schema would have them, on PostgreSQL: bytes that are no text,
//! many rows of one instant, columns the role may not read.

use std::sync::Arc;

use auditail::core::event::{Event, Field};
use auditail::core::query::predicate::{Atom, Predicate, Test};
use auditail::store::connect::OpenOptions;
use auditail::store::postgres;
use auditail::store::{PageFrom, PageItem, PageRequest, PayloadNeed, Store};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{MANY, clutch};
use crate::contract::{everything, ids, page, request};
use crate::harness;

#[tokio::test]
async fn bytes_that_are_no_text_are_shown_with_a_mark() {
    let Some(cluster) = harness::postgres() else {
        return;
    };
    let db = cluster.database("ascii_home");
    db.sql("DROP DATABASE IF EXISTS raw_bytes");
    db.sql("CREATE DATABASE raw_bytes TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'");
    let url = db.url.replace(&db.name, "raw_bytes");
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    client
        .batch_execute(
            "CREATE TABLE activity_log (id int PRIMARY KEY, created_at timestamptz, actor text, action text);
             SET client_encoding = 'SQL_ASCII';
             INSERT INTO activity_log VALUES (1, '2026-01-01', convert_from('\\x62c3ff6f62', 'SQL_ASCII'), 'login'),
             (2, '2026-01-02', 'zoë', 'login');",
        )
        .await
        .unwrap();
    drop(client);
    let store = postgres::open(&url, &OpenOptions::default())
        .await
        .expect("it opens");
    let all = everything(&store).await;
    assert_eq!(ids(&all), ["2", "1"]);
    assert_eq!(all[0].first(Field::Actor), Some("zoë"));
    assert_eq!(all[1].first(Field::Actor), Some("b\u{fffd}\u{fffd}ob"));
    drop(store);
    db.sql("DROP DATABASE raw_bytes WITH (FORCE)");
}

#[tokio::test]
async fn rows_of_one_instant_are_paged_both_ways() {
    let Some(table) = clutch("ties").await else {
        return;
    };
    table.db.sql(
        "INSERT INTO audit_events (occurred_at, details) \
         SELECT '2026-01-01', '{\"user_name\": \"u\"}' FROM generate_series(1, 3000); ANALYZE audit_events",
    );
    for (from, order) in [(PageFrom::Newest, "DESC"), (PageFrom::Oldest, "ASC")] {
        let expected = table
            .db
            .rows(&format!("SELECT id FROM audit_events ORDER BY id {order}"));
        let mut seen: Vec<String> = Vec::new();
        let mut from = from;
        loop {
            let (events, _) = page(
                &table.store,
                request(Predicate::All, from.clone(), Some(701)),
            )
            .await;
            let Some(last) = events.last() else { break };
            from = match from {
                PageFrom::Newest | PageFrom::Before(_) => PageFrom::Before(last.cursor.clone()),
                PageFrom::Oldest | PageFrom::After(_) => PageFrom::After(last.cursor.clone()),
            };
            seen.extend(events.iter().map(|event| event.id.as_str().to_owned()));
        }
        assert_eq!(seen, expected);
    }
}

#[tokio::test]
async fn an_unindexed_search_reports_its_way() {
    let Some(table) = clutch("walk").await else {
        return;
    };
    table.db.sql(MANY);
    let (out, mut pieces) = mpsc::channel(64);
    let stop = CancellationToken::new();
    let search = PageRequest {
        predicate: Arc::new(Predicate::Atom(Atom::Anywhere(Test::Contains(
            "RARE".to_owned(),
        )))),
        from: PageFrom::Newest,
        limit: Some(100),
        payload: PayloadNeed::Head,
    };
    let collect = async {
        let (mut found, mut shares) = (Vec::new(), Vec::new());
        while let Some(item) = pieces.recv().await {
            match item {
                PageItem::Events(events) => found.extend(events),
                PageItem::Progress(progress) => shares.extend(progress.fraction),
            }
        }
        (found, shares)
    };
    let (end, (found, shares)) = tokio::join!(table.store.page(search, out, &stop), collect);
    end.expect("a page");
    assert_eq!(
        ids(&found),
        ["50001", "40001", "30001", "20001", "10001", "1"]
    );
    assert!(!shares.is_empty() && shares.is_sorted(), "{shares:?}");
    assert!(shares.iter().all(|share| (0.0..=1.0).contains(share)));
}

/// More of one instant than is held at once, between others.
#[tokio::test]
async fn a_heavy_instant_is_put_in_order_by_the_server() {
    let Some(table) = clutch("heavy").await else {
        return;
    };
    table.db.sql(
        "INSERT INTO audit_events (occurred_at, details) \
         SELECT '2026-01-01'::timestamptz + n / 100 * interval '1 s', \
                jsonb_build_object('user_name', 'u' || n, 'text', \
                    case when n / 100 between 3 and 6 then repeat('x', 10000) else repeat('x', n) end) \
         FROM generate_series(1, 1000) n; \
         INSERT INTO audit_events (occurred_at, details) \
         SELECT '2026-01-01 00:00:05', jsonb_build_object('user_name', 'v' || n, 'text', repeat('y', 20000)) \
         FROM generate_series(1, 2000) n; ANALYZE audit_events",
    );
    for (from, way) in [(PageFrom::Newest, "desc"), (PageFrom::Oldest, "asc")] {
        let (events, _) = page(&table.store, request(Predicate::All, from, None)).await;
        let expected = table.db.sql(&format!(
            "select id from audit_events order by occurred_at {way}, id {way}"
        ));
        assert_eq!(ids(&events), expected.lines().collect::<Vec<_>>());
        let heaviest: usize = events.iter().map(Event::weight).sum();
        assert!(heaviest > 40_000_000, "{heaviest}");
    }
}

#[tokio::test]
async fn columns_the_role_may_not_read_are_left_out() {
    let Some(table) = clutch("columns").await else {
        return;
    };
    table.db.sql(
        "INSERT INTO audit_events (occurred_at, details) VALUES ('2026-01-01', '{\"user_name\": \"u\"}'); \
         DROP ROLE IF EXISTS column_reader; CREATE ROLE column_reader LOGIN PASSWORD 'c'; \
         GRANT SELECT (id, occurred_at, details) ON audit_events TO column_reader;",
    );
    let url = harness::postgres()
        .unwrap()
        .url("column_reader", "c", &table.db.name);
    let store = postgres::open(&url, &OpenOptions::default())
        .await
        .expect("it opens");
    let all = everything(&store).await;
    assert_eq!(ids(&all), ["1"]);
    assert!(
        !all[0].payload.text.contains("sent"),
        "{}",
        all[0].payload.text
    );
    drop(store);
    table
        .db
        .sql("DROP OWNED BY column_reader; DROP ROLE column_reader");
}
