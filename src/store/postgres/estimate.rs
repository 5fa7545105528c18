//! How many, about: from the planner, or from some rows where the planner cannot know.

use tokio_util::sync::CancellationToken;

use crate::core::query::predicate::Predicate;
use crate::store::postgres::Inner;
use crate::store::postgres::explain::planned_rows;
use crate::store::postgres::rows::RowReader;
use crate::store::postgres::session::{Purpose, Session};
use crate::store::postgres::sql::Condition;
use crate::store::{Count, Exactness, PayloadNeed, StoreError};

/// Rows an estimate looks at.
const SAMPLE: u64 = 2_000;

/// About how many events match; exact where that costs no more.
pub async fn estimate(
    inner: &Inner,
    predicate: &Predicate,
    condition: &Condition,
    stop: &CancellationToken,
) -> Result<Count, StoreError> {
    let layout = &inner.layout;
    if let (Predicate::All, Some(rows)) = (predicate, layout.table.rows_estimate()) {
        return Ok(Count::Estimate(rows));
    }
    let session = inner.pool.lease(Purpose::Browse, stop).await?;
    let statement = format!(
        "EXPLAIN (FORMAT JSON) SELECT 1 FROM {} WHERE {}",
        layout.from(),
        condition.sql
    );
    let plan = session
        .texts(&statement, &layout.table.label(), stop)
        .await?;
    let planned = planned_rows(&plan).unwrap_or(0);
    if condition.exactness == Exactness::Exact {
        return Ok(Count::Estimate(planned));
    }
    sampled(inner, &session, predicate, planned, stop).await
}

/// An estimate where the server's condition lets more through than matches: the share of matches
/// among some rows, which may be all of them. `planned` is the most it can be.
async fn sampled(
    inner: &Inner,
    session: &Session,
    predicate: &Predicate,
    planned: u64,
    stop: &CancellationToken,
) -> Result<Count, StoreError> {
    let layout = &inner.layout;
    let label = layout.table.label();
    let order = if layout.table.is_ordered(&layout.time.name) {
        format!(" ORDER BY {} DESC", layout.time.sql)
    } else {
        String::new()
    };
    let statement = format!(
        "SELECT {} FROM {}{order} LIMIT {SAMPLE}",
        layout.selected(),
        layout.from()
    );
    let mut reader = RowReader::new(layout, PayloadNeed::Head, Some(predicate));
    let mut rows = session.rows(&statement, &label, stop).await?;
    let (mut looked_at, mut matching) = (0, 0);
    while let Some(row) = rows.next().await? {
        looked_at += 1;
        reader.visit(&row, &mut |_, _| matching += 1)?;
    }
    if looked_at < SAMPLE {
        return Ok(Count::Exact(matching));
    }
    let total = layout.table.rows_estimate().unwrap_or(planned);
    // None among so many: there may still be some elsewhere, but not many.
    let share = u128::from(total) * u128::from(matching.max(1)) / u128::from(SAMPLE);
    let share = u64::try_from(share).unwrap_or(u64::MAX);
    Ok(Count::Estimate(share.min(planned)))
}
