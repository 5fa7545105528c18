//! What the server would do for a predicate.

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::core::query::predicate::Predicate;
use crate::core::sanitise::safe;
use crate::store::postgres::Inner;
use crate::store::postgres::layout::Way;
use crate::store::postgres::road::{self, Road};
use crate::store::postgres::session::Purpose;
use crate::store::postgres::sql;
use crate::store::postgres::walk::Walked;
use crate::store::{Explanation, StoreError};

/// Rows of the page that is explained: a screenful and some.
const PAGE: usize = 200;

/// The statement of the newest page, its plan and the indexes in it.
pub async fn explain(
    inner: &Inner,
    predicate: &Predicate,
    stop: &CancellationToken,
) -> Result<Explanation, StoreError> {
    let layout = &inner.layout;
    let label = layout.table.label();
    let session = inner.pool.lease(Purpose::Browse, stop).await?;
    let condition = sql::compile(predicate, layout);
    let walked = Walked {
        layout,
        session: &session,
        way: Way::Back,
        bounds: sql::bounds(predicate, layout),
        stop,
    };
    let mut conditions = walked.range(None, None);
    if condition.sql != "TRUE" {
        conditions = format!("{conditions} AND ({})", condition.sql);
    }
    let selected = layout.selected();
    let statement = match road::road(layout, &session, &condition, &conditions, stop).await? {
        Road::Sorted => {
            road::sorted_statement(layout, &selected, &conditions, Way::Back, Some(PAGE))
        }
        Road::Ordered => {
            road::ordered_statement(layout, &selected, &conditions, Way::Back, Some(PAGE))
        }
    };
    let lines = session
        .texts(&format!("EXPLAIN {statement}"), &label, stop)
        .await?;
    let plan: Vec<String> = lines
        .into_iter()
        .flatten()
        .flatten()
        .map(|line| safe(&line).into_owned())
        .collect();
    let tree = session
        .texts(&format!("EXPLAIN (FORMAT JSON) {statement}"), &label, stop)
        .await?;
    let mut indexes = Vec::new();
    if let Some(tree) = parsed(&tree) {
        index_names(&tree, &mut indexes);
    }
    Ok(Explanation {
        statement,
        plan,
        indexes,
        exactness: condition.exactness,
    })
}

fn parsed(plan: &[Vec<Option<String>>]) -> Option<Value> {
    serde_json::from_str(plan.first()?.first()?.as_deref()?).ok()
}

/// Rows the planner expects, from `EXPLAIN (FORMAT JSON)`.
pub fn planned_rows(plan: &[Vec<Option<String>>]) -> Option<u64> {
    parsed(plan)?
        .get(0)?
        .get("Plan")?
        .get("Plan Rows")?
        .as_u64()
}

fn index_names(plan: &Value, names: &mut Vec<String>) {
    match plan {
        Value::Array(parts) => parts.iter().for_each(|part| index_names(part, names)),
        Value::Object(parts) => {
            for (key, value) in parts {
                match value {
                    Value::String(name) if key == "Index Name" => {
                        let name = safe(name).into_owned();
                        if !names.contains(&name) {
                            names.push(name);
                        }
                    }
                    _ => index_names(value, names),
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_tell_rows_and_indexes() {
        let text = r#"[{"Plan":{"Node Type":"Bitmap Heap Scan","Plan Rows":500,"Plans":[{"Node Type":"Bitmap Index Scan","Index Name":"gin","Plan Rows":7}]}}]"#;
        let plan = vec![vec![Some(text.to_owned())]];
        assert_eq!(planned_rows(&plan), Some(500));
        let mut names = Vec::new();
        index_names(&parsed(&plan).expect("json"), &mut names);
        assert_eq!(names, ["gin"]);
    }
}
