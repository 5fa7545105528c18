//! What the server would do for a predicate.

use serde_json::Value;

/// Rows the planner expects, from `EXPLAIN (FORMAT JSON)`.
pub fn planned_rows(plan: &[Vec<Option<String>>]) -> Option<u64> {
    let text = plan.first()?.first()?.as_deref()?;
    let plan: Value = serde_json::from_str(text).ok()?;
    plan.get(0)?.get("Plan")?.get("Plan Rows")?.as_u64()
}
