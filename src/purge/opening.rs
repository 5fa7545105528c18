//! From what an archive remembers to the purging side of a store.
//!
//! The target comes without its password where it comes from a plan; drivers look for one where
//! they always do.

use crate::core::purge::plan::{Encoding, Plan, Relation};
use crate::purge::fault::Fault;
use crate::purge::receipt::qualified;
use crate::purge::scope;
use crate::store::connect::{self, OpenOptions};
use crate::store::purger::Purger;

/// A store as a plan describes it: read by the plan's profile, with the plan's table unless the
/// options name another.
pub async fn of_plan(
    target: &str,
    plan: &Plan,
    options: OpenOptions,
) -> Result<Box<dyn Purger>, Fault> {
    let options = OpenOptions {
        profile: Some(scope::profile(plan)?),
        table: options
            .table
            .clone()
            .or_else(|| plan.relations.first().map(|events| named(plan, events))),
        ..options
    };
    Ok(connect::purger(target, &options).await?)
}

/// The events' table as `--table` takes it: a collection's database is in the target.
fn named(plan: &Plan, events: &Relation) -> String {
    match plan.encoding {
        Encoding::Bson => events.name.clone(),
        Encoding::CopyText | Encoding::SqlInserts => qualified(events),
    }
}
