//! What `doctor` says of an SQLite file.

use std::sync::Arc;

use rusqlite::Connection;
use tokio_util::sync::CancellationToken;

use crate::core::event::KeyPart;
use crate::core::sanitise::safe;
use crate::store::sqlite::SqliteStore;
use crate::store::sqlite::describe::recent_times;
use crate::store::sqlite::open::statement_error;
use crate::store::sqlite::shape::{RawBounds, Section, Shape, Storage, quoted};
use crate::store::sqlite::worker::Halt;
use crate::store::{Finding, FindingLevel, StoreError};

pub(super) async fn examine(
    store: &SqliteStore,
    stop: &CancellationToken,
) -> Result<Vec<Finding>, StoreError> {
    let (shape, relation) = (Arc::clone(&store.shape), store.description.relation.clone());
    let job = move |connection: &mut Connection, _: &Halt| {
        Ok(vec![
            access(),
            index_on_time(&shape, &relation),
            key(&shape),
            spelling(connection, &shape)?,
            undated(connection, &shape)?,
            journal(connection)?,
        ])
    };
    store.browse.run(stop, job).await
}

fn finding(
    level: FindingLevel,
    subject: &str,
    message: impl Into<String>,
    remedy: Option<String>,
) -> Finding {
    Finding {
        level,
        subject: subject.to_owned(),
        message: message.into(),
        remedy,
    }
}

fn access() -> Finding {
    let message = "the file is open for reading only, with query_only on";
    finding(FindingLevel::Good, "access", message, None)
}

fn index_on_time(shape: &Shape, relation: &str) -> Finding {
    let subject = "index on time";
    if shape.is_ordered {
        let message = format!("rows come in order of {} from an index", shape.time);
        return finding(FindingLevel::Good, subject, safe(&message), None);
    }
    let message = format!(
        "no index on {}: each page reads and sorts the whole table",
        safe(&shape.time)
    );
    let name = quoted(&format!("{relation}_by_time"));
    let remedy = format!("CREATE INDEX {name} ON {} ({});", shape.table, shape.time);
    finding(
        FindingLevel::Advice,
        subject,
        message,
        Some(safe(&remedy).into_owned()),
    )
}

fn key(shape: &Shape) -> Finding {
    if shape.id.is_empty() && shape.sort.iter().any(|column| !column.starts_with('"')) {
        let message = "the table has no primary key: the rowid is the id, and VACUUM may change it";
        return finding(FindingLevel::Advice, "key", message, None);
    }
    let names: Vec<_> = match shape.id.as_slice() {
        [] => shape.sort.clone(),
        places => places
            .iter()
            .map(|place| shape.columns[*place].name.clone())
            .collect(),
    };
    let message = format!("the id is {}", safe(&names.join(", ")));
    finding(FindingLevel::Good, "key", message, None)
}

fn spelling(connection: &Connection, shape: &Shape) -> Result<Finding, StoreError> {
    let times = recent_times(connection, &shape.table, &shape.time)
        .map_err(|error| statement_error(&error))?;
    let unread = times.iter().filter(|time| !shape.at_of(time).is_dated());
    let is_infinite =
        |time: &&KeyPart| matches!(time, KeyPart::Text(text) if text.ends_with("infinity"));
    let unread: Vec<_> = unread.filter(|time| !is_infinite(time)).collect();
    Ok(if let [first, ..] = unread.as_slice() {
        let message = format!(
            "{} of the newest {} times cannot be read, for instance {}",
            unread.len(),
            times.len(),
            safe(&format!("{first:?}")),
        );
        finding(FindingLevel::Problem, "time", message, None)
    } else if shape.storage == (Storage::Text { spelling: None }) && !times.is_empty() {
        let message = "times are spelled in several ways, so SQLite's order is not quite theirs";
        let remedy = "write them as 2026-01-02T03:04:05.678901Z".to_owned();
        finding(FindingLevel::Advice, "time", message, Some(remedy))
    } else {
        finding(
            FindingLevel::Good,
            "time",
            "the newest times can all be read",
            None,
        )
    })
}

fn undated(connection: &Connection, shape: &Shape) -> Result<Finding, StoreError> {
    let range = shape.section_sql(Section::Null, &RawBounds::default());
    let query = format!(
        "SELECT count(*) FROM (SELECT 1 FROM {} WHERE {} LIMIT 1001)",
        shape.table, range.text
    );
    let count: i64 = connection
        .query_row(&query, [], |row| row.get(0))
        .map_err(|error| statement_error(&error))?;
    let (level, message) = match count {
        0 => (FindingLevel::Good, "every row has a time".to_owned()),
        1..=1000 => (
            FindingLevel::Advice,
            format!("{count} rows have no time; they come last"),
        ),
        _ => (
            FindingLevel::Advice,
            "more than 1,000 rows have no time; they come last".to_owned(),
        ),
    };
    Ok(finding(level, "rows without a time", message, None))
}

fn journal(connection: &Connection) -> Result<Finding, StoreError> {
    let mode: String = connection
        .query_row("PRAGMA journal_mode", [], |row| row.get(0))
        .map_err(|error| statement_error(&error))?;
    Ok(if mode.eq_ignore_ascii_case("wal") {
        finding(
            FindingLevel::Good,
            "journal",
            "in WAL mode readers and writers never wait",
            None,
        )
    } else {
        let message = format!(
            "journal_mode is {}: a reader and a writer wait for each other",
            safe(&mode)
        );
        finding(
            FindingLevel::Advice,
            "journal",
            message,
            Some("PRAGMA journal_mode=WAL;".into()),
        )
    })
}
