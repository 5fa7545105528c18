//! One event in full, and the sample that completion learns from.

use tokio_util::sync::CancellationToken;

use crate::core::event::{Cursor, Event};
use crate::core::query::catalog::Catalog;
use crate::store::membership::{LONGEST, MOST, PairRows, Pairs};
use crate::store::postgres::Inner;
use crate::store::postgres::layout::Way;
use crate::store::postgres::rows::{Read, RowReader};
use crate::store::postgres::session::Purpose;
use crate::store::postgres::sql::quote::ident;
use crate::store::{PayloadNeed, StoreError};

/// Rows a catalogue is learned from.
const SAMPLE: usize = 300;

/// The event at a cursor with its whole payload.
pub async fn fetch(
    inner: &Inner,
    cursor: &Cursor,
    stop: &CancellationToken,
) -> Result<Option<Event>, StoreError> {
    let layout = &inner.layout;
    let label = layout.table.label();
    let session = inner.pool.lease(Purpose::Browse, stop).await?;
    let statement = format!(
        "SELECT {} FROM {} WHERE {} LIMIT 1",
        layout.selected(),
        layout.from(),
        layout.is_at(cursor)
    );
    let mut reader = RowReader::new(layout, PayloadNeed::Whole, None);
    let mut rows = session.rows(&statement, &label, stop).await?;
    let mut event = None;
    while let Some(row) = rows.next().await? {
        if let Read::Event(read) = reader.read(&row)? {
            event = Some(read);
        }
    }
    Ok(event)
}

/// Two columns of another table.
pub async fn pairs(
    inner: &Inner,
    pairs: Pairs,
    stop: &CancellationToken,
) -> Result<Option<PairRows>, StoreError> {
    let session = inner.pool.lease(Purpose::Heavy, stop).await?;
    let table = match pairs.table.split_once('.') {
        Some((schema, name)) => format!("{}.{}", ident(schema), ident(name)),
        None => ident(&pairs.table),
    };
    let [one, other] = pairs.columns.map(|column| ident(&column));
    let statement = format!(
        "SELECT left({one}::text, {long}), left({other}::text, {long}) FROM {table} \
         WHERE {one} IS NOT NULL AND {other} IS NOT NULL LIMIT {}",
        MOST + 1,
        long = LONGEST + 1,
    );
    let rows = session.texts(&statement, &pairs.table, stop).await?;
    let pair = |row: Vec<Option<String>>| {
        let mut values = row.into_iter().flatten();
        values.next().zip(values.next())
    };
    Ok(Some(rows.into_iter().filter_map(pair).collect()))
}

/// Names and values of the newest rows.
pub async fn catalog(inner: &Inner, stop: &CancellationToken) -> Result<Catalog, StoreError> {
    let layout = &inner.layout;
    let label = layout.table.label();
    let session = inner.pool.lease(Purpose::Browse, stop).await?;
    let mut catalog = Catalog::new(&inner.description.name, &layout.profile);
    let statement = format!(
        "SELECT {} FROM {} WHERE {} ORDER BY {} LIMIT {SAMPLE}",
        layout.selected(),
        layout.from(),
        layout.time.is_dated(),
        layout.order(Way::Back)
    );
    let mut reader = RowReader::new(layout, PayloadNeed::Head, None);
    let mut rows = session.rows(&statement, &label, stop).await?;
    while let Some(row) = rows.next().await? {
        reader.visit(&row, &mut |event, record| catalog.learn(event, record))?;
    }
    Ok(catalog)
}
