//! What every store promises, as tests over `dyn Store`. Each driver runs all of them on a
//! Clutch-shaped table with a writer beside it: `contract!(open)` makes one test of each.

pub mod facets;
mod following;
mod pages;
mod questions;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use auditail::core::event::Event;
use auditail::core::instant::{At, Micros};
use auditail::core::query::predicate::Predicate;
use auditail::store::{PageEnd, PageFrom, PageItem, PageRequest, PayloadNeed, Store};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub use facets::facets_are_what_counting_by_hand_gives;
pub use following::*;
pub use pages::*;
pub use questions::*;

pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A table `audit_events (id, occurred_at, details, sent)` of one test's own.
pub trait Bench: Send + Sync {
    /// The store under test, opened on the table.
    fn store(&self) -> &dyn Store;
    /// Inserts rows in one transaction; their ids, in order.
    fn insert<'a>(&'a self, rows: &'a [NewRow]) -> Later<'a, Vec<i64>>;
    /// Sets the details of a row.
    fn update<'a>(&'a self, id: i64, details: &'a str) -> Later<'a, ()>;
    /// Bytes of the largest record the tests make.
    fn largest(&self) -> usize {
        20 * 1024 * 1024
    }
    /// Deletes a row.
    fn delete(&self, id: i64) -> Later<'_, ()>;
    /// Whether the store holds such a row: archives hold none without an instant.
    fn holds(&self, _: &NewRow) -> bool {
        true
    }
}

/// How many of these rows a store holds.
pub fn held(bench: &dyn Bench, rows: &[NewRow]) -> usize {
    rows.iter().filter(|row| bench.holds(row)).count()
}

/// A row to insert.
#[derive(Clone, Debug)]
pub struct NewRow {
    pub at: At,
    pub details: String,
}

/// Some Tuesday.
pub const START: Micros = Micros(1_767_322_800_000_000);

pub const PATIENCE: Duration = Duration::from_secs(30);

pub fn row(at: At, user: &str, method: &str, code: i64) -> NewRow {
    let details = serde_json::json!({
        "user_name": user,
        "service_name": "clutch.k8s.v1.K8sAPI",
        "method_name": method,
        "type": if method.starts_with("Get") { "READ" } else { "UPDATE" },
        "status": {"code": code, "message": if code == 0 { "" } else { "it \"failed\"" }},
        "request_resources": [{"id": format!("pod-{user}-1"), "type_url": "clutch.k8s.v1.Pod"},
                              {"id": "shared", "type_url": "clutch.k8s.v1.Pod"}],
        "request_body": {"cluster": "prod", "count": code + 1},
        "response_body": {},
    });
    NewRow {
        at,
        details: details.to_string(),
    }
}

pub fn pending(at: At, user: &str) -> NewRow {
    let details = serde_json::json!({
        "user_name": user, "service_name": "s", "method_name": "DeletePod", "type": "DELETE",
        "status": {"code": 0}, "request_body": {"cluster": "prod"},
    });
    NewRow {
        at,
        details: details.to_string(),
    }
}

/// Rows of every kind: ties, times a microsecond apart, infinities, none.
pub fn mixture() -> Vec<NewRow> {
    let users = ["alice", "bob", "Carol", "ci-bot", "zoë\u{1b}[31m"];
    let methods = ["GetPod", "DeletePod", "ResizeHPA"];
    (0..120_usize)
        .map(|n| {
            let at = match n % 24 {
                7 => At::Absent,
                11 => At::NegInfinity,
                17 => At::PosInfinity,
                n if n % 3 == 0 => At::Instant(START),
                _ => At::Instant(START.plus(i64::try_from(n * n).expect("small"))),
            };
            let code = [0, 0, 7, 5, 16, 13][n % 6];
            if n % 13 == 5 {
                pending(at, users[n % 5])
            } else {
                row(at, users[n % 5], methods[n % 3], code)
            }
        })
        .collect()
}

pub fn request(predicate: Predicate, from: PageFrom, limit: Option<usize>) -> PageRequest {
    PageRequest {
        predicate: Arc::new(predicate),
        from,
        limit,
        payload: PayloadNeed::Whole,
    }
}

/// One page.
pub async fn page(store: &dyn Store, request: PageRequest) -> (Vec<Event>, PageEnd) {
    let (out, mut pieces) = mpsc::channel(4);
    let stop = CancellationToken::new();
    let mut events = Vec::new();
    let collect = async {
        while let Some(item) = pieces.recv().await {
            if let PageItem::Events(piece) = item {
                events.extend(piece);
            }
        }
    };
    let (end, ()) = tokio::join!(store.page(request, out, &stop), collect);
    (events, end.expect("a page"))
}

pub async fn everything(store: &dyn Store) -> Vec<Event> {
    page(store, request(Predicate::All, PageFrom::Newest, None))
        .await
        .0
}

pub fn ids(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.id.as_str()).collect()
}

/// One test of each promise, on what `open` gives for the test's name; `None` leaves it out.
#[macro_export]
macro_rules! contract {
    ($open:path) => {
        $crate::contract!($open:
            paging_meets_every_event_once_beside_a_writer,
            forward_is_the_reverse_of_back,
            an_anchor_finds_its_event_alone,
            undated_events_come_last_in_the_order_of_their_kind,
            cursors_tell_a_microsecond,
            a_stop_ends_the_work,
            filters_mean_the_same_as_in_memory,
            a_filter_may_be_very_long,
            one_event_is_fetched_whole_or_gone,
            a_huge_record_is_a_head_in_a_list,
            span_is_of_dated_events,
            a_tail_tells_everything_once,
            a_filtered_tail_tells_what_begins_and_ends_to_match,
            a_tail_goes_on_where_another_stopped,
            a_search_without_matches_looks_at_everything,
            an_explanation_names_the_index,
            an_aggregate_is_what_counting_by_hand_gives,
            facets_are_what_counting_by_hand_gives,
        );
    };
    ($open:path: $($promise:ident),+ $(,)?) => {
        $(
            #[tokio::test]
            async fn $promise() {
                if let Some(bench) = $open(stringify!($promise)).await {
                    $crate::contract::$promise(&bench).await;
                }
            }
        )+
    };
}

/// Some stores ask parts of the contract of other arrangements, too; each keeps the whole once.
#[test]
fn every_store_keeps_the_whole_contract() {
    for (store, text) in [
        ("SQLite", include_str!("sqlite_store.rs")),
        ("PostgreSQL", include_str!("postgres_store.rs")),
        ("MongoDB", include_str!("mongo/promises.rs")),
    ] {
        let is_whole = |line: &&str| line.starts_with("crate::contract!(") && line.ends_with(");");
        assert_eq!(text.lines().filter(is_whole).count(), 1, "{store}");
    }
}
