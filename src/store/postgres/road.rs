//! The ways to a page, and the statement of each.
//!
//! Does not run any but the question which way is shorter.

use tokio_util::sync::CancellationToken;

use crate::store::StoreError;
use crate::store::postgres::explain::planned_rows;
use crate::store::postgres::layout::{Layout, Way};
use crate::store::postgres::session::Session;
use crate::store::postgres::sql::{Condition, Reach};

/// Up to so many rows by the planner's estimate, fetching all of an index's matches and sorting
/// them beats walking through time.
const SORTED_MOST: u64 = 60_000;

/// The two ways to a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Road {
    /// An index finds all matches, which are then sorted.
    Sorted,
    /// Through the order of time.
    Ordered,
}

/// Chooses by what the planner expects an index to find.
pub async fn road(
    layout: &Layout,
    session: &Session,
    condition: &Condition,
    conditions: &str,
    stop: &CancellationToken,
) -> Result<Road, StoreError> {
    if condition.reach != Reach::Indexed {
        return Ok(Road::Ordered);
    }
    let statement = format!(
        "EXPLAIN (FORMAT JSON) SELECT 1 FROM {} WHERE {conditions}",
        layout.from()
    );
    let plan = session
        .texts(&statement, &layout.table.label(), stop)
        .await?;
    Ok(match planned_rows(&plan) {
        Some(rows) if rows <= SORTED_MOST => Road::Sorted,
        _ => Road::Ordered,
    })
}

/// A page in the order of the index on time.
pub fn ordered_statement(
    layout: &Layout,
    selected: &str,
    conditions: &str,
    way: Way,
    limit: Option<usize>,
) -> String {
    format!(
        "SELECT {} FROM {} WHERE {conditions} ORDER BY {}{}",
        selected,
        layout.from(),
        layout.order(way),
        limit.map_or_else(String::new, |limit| format!(" LIMIT {limit}")),
    )
}

/// A page of what another index finds. The order is spelled as a row, which no index on time
/// matches: the planner cannot mistake a rare value for one that will turn up soon.
pub fn sorted_statement(
    layout: &Layout,
    selected: &str,
    conditions: &str,
    way: Way,
    limit: Option<usize>,
) -> String {
    format!(
        "SELECT {} FROM {} WHERE {conditions} ORDER BY ROW({}, {}) {}{}",
        selected,
        layout.from(),
        layout.time.sql,
        layout.key_columns(),
        if way == Way::Back { "DESC" } else { "ASC" },
        limit.map_or_else(String::new, |limit| format!(" LIMIT {limit}")),
    )
}
