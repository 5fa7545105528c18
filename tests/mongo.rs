//! MongoDB on real servers: every shape of the reference, every promise of the driver.
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::too_many_lines,
    reason = "winston writes milliseconds as doubles, and a script of steps reads best in one piece"
)]

mod bad_input;
mod connect;
mod disturbed;
mod extremes;
mod filters;
mod finder;
mod paging;
pub mod promises;
mod refused;
mod ring;
mod screen;
mod shapes;
mod stopping;
mod tail;

use std::sync::Arc;

use auditail::core::event::Event;
use auditail::core::instant::Micros;
use auditail::core::profile::load;
use auditail::core::query::parse::parse;
use auditail::core::query::predicate::Predicate;
use auditail::core::query::resolve::{Moment, resolve};
use auditail::store::connect::OpenOptions;
use auditail::store::mongo::{self, MongoStore};
use auditail::store::{PageEnd, PageFrom, PageItem, PageRequest, PayloadNeed, Store, StoreError};
use mongodb::bson::{DateTime, Document, doc, oid::ObjectId};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// 2026-01-01T00:00:00Z in milliseconds.
pub const NEW_YEAR: i64 = 1_767_225_600_000;

/// Opens a collection with a profile by name.
pub async fn open_as(url: &str, table: &str, profile: &str) -> Result<MongoStore, StoreError> {
    let options = OpenOptions {
        profile: Some(load::named(profile).expect("a built-in profile")),
        table: Some(table.to_owned()),
        ..OpenOptions::default()
    };
    mongo::open(url, &options).await
}

/// Opens a collection and leaves the profile to detection.
pub async fn open(url: &str, table: &str) -> Result<MongoStore, StoreError> {
    let options = OpenOptions {
        table: Some(table.to_owned()),
        ..OpenOptions::default()
    };
    mongo::open(url, &options).await
}

/// One page with whole payloads.
pub async fn page(
    store: &dyn Store,
    predicate: Predicate,
    from: PageFrom,
    limit: Option<usize>,
) -> Result<(Vec<Event>, PageEnd), StoreError> {
    let (out, mut pieces) = mpsc::channel(8);
    let request = PageRequest {
        predicate: Arc::new(predicate),
        from,
        limit,
        payload: PayloadNeed::Whole,
    };
    let stop = CancellationToken::new();
    let paging = store.page(request, out, &stop);
    let reading = async {
        let mut events = Vec::new();
        while let Some(piece) = pieces.recv().await {
            if let PageItem::Events(more) = piece {
                events.extend(more);
            }
        }
        events
    };
    let (end, events) = tokio::join!(paging, reading);
    Ok((events, end?))
}

/// Every event, newest first.
pub async fn everything(store: &dyn Store) -> Vec<Event> {
    page(store, Predicate::All, PageFrom::Newest, None)
        .await
        .expect("all events")
        .0
}

/// The predicate of a query, as the store's own catalogue resolves it.
pub async fn query(store: &dyn Store, text: &str) -> Predicate {
    let catalog = store
        .catalog(&CancellationToken::new())
        .await
        .expect("a catalogue");
    let moment = Moment {
        now: Micros((NEW_YEAR + 86_400_000) * 1000),
        tz: chrono_tz::UTC,
    };
    let resolved = resolve(&parse(text), &catalog, moment);
    resolved
        .predicate
        .unwrap_or_else(|| panic!("{text}: {:?}", resolved.diagnostics))
}

/// Ids in order.
pub fn ids(events: &[Event]) -> Vec<String> {
    events.iter().map(|event| event.id.to_string()).collect()
}

/// A document as DronaHQ's external logger writes it through winston-mongodb 5.
pub fn nested(number: u32, meta: Document) -> Document {
    let at = NEW_YEAR + i64::from(number) * 1000;
    let mut all = doc! {
        "time": at as f64,
        "organization-id": "ACME_Team7", "environment": "Production",
        "user-email": "ana@example.com", "resource-id": 20253, "resource-name": "getAuthor",
        "resource-type": "mysql", "resource-action": "runapi", "parent-name": "Login",
        "event-id": "db_query", "source": "automation", "user-agent": "Mozilla/5.0",
    };
    all.extend(meta);
    doc! {
        "_id": id(number), "timestamp": DateTime::from_millis(at + 7), "level": "info",
        "message": "DB Connector Query Execute", "meta": all,
    }
}

/// An id that says its number.
pub fn id(number: u32) -> ObjectId {
    let mut bytes = [0x69; 12];
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    ObjectId::from_bytes(bytes)
}
