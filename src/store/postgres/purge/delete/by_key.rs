//! A batch by key and version, around what is locked and what the server objects to.
//!
//! Each try has a savepoint; nothing here ends the transaction.

use std::collections::{BTreeMap, BTreeSet};

use crate::store::postgres::purge::batch::Events;
use crate::store::postgres::purge::link::{Fault, Link};
use crate::store::purger::Left;

/// Rows the server may object to one by one before the rest of a batch counts as objected to.
const OBJECTIONS: usize = 64;

/// Deletes by key and version, around what is locked and what the server objects to.
pub async fn delete(
    link: &Link,
    rows: &Events<'_>,
) -> Result<(BTreeSet<usize>, BTreeMap<usize, Left>), Fault> {
    let (mut deleted, mut why) = (BTreeSet::new(), BTreeMap::new());
    let mut objections = 0;
    let mut todo = vec![rows.as_archived()];
    while let Some(mut part) = todo.pop() {
        if part.is_empty() {
            continue;
        }
        link.run("SAVEPOINT part").await?;
        match rows.delete_keys(link, &part).await {
            Ok(done) => {
                deleted.extend(done);
                link.run("RELEASE SAVEPOINT part").await?;
            }
            Err(fault) if fault.is_lock() => {
                link.run("ROLLBACK TO SAVEPOINT part").await?;
                let free = free_of(rows, link, &part).await?;
                let is_free = |(at, _): &(usize, String)| free.contains(at);
                let locked = part.iter().filter(|row| !is_free(row));
                why.extend(locked.map(|(at, _)| (*at, Left::Locked)));
                if free.len() < part.len() {
                    todo.push(part.into_iter().filter(is_free).collect());
                } else {
                    // Nobody holds its rows, and yet something waits: a referring table.
                    why.extend(part.iter().map(|(at, _)| (*at, Left::Locked)));
                }
            }
            Err(fault) if fault.is_objection() => {
                link.run("ROLLBACK TO SAVEPOINT part").await?;
                if part.len() == 1 || objections >= OBJECTIONS {
                    objections += part.len();
                    why.extend(part.iter().map(|(at, _)| (*at, Left::Refused)));
                } else {
                    let second = part.split_off(part.len() / 2);
                    todo.push(second);
                    todo.push(part);
                }
            }
            Err(fault) => return Err(fault),
        }
    }
    Ok((deleted, why))
}

/// The rows nobody else holds; none when the whole table is locked.
async fn free_of(
    rows: &Events<'_>,
    link: &Link,
    part: &[(usize, String)],
) -> Result<BTreeSet<usize>, Fault> {
    match rows.lock(link, part).await {
        Ok(free) => Ok(free),
        Err(fault) if fault.is_lock() => {
            link.run("ROLLBACK TO SAVEPOINT part").await?;
            Ok(BTreeSet::new())
        }
        Err(fault) => Err(fault),
    }
}
