//! What stays of a batch: why, and whether the deletion may go on.

use crate::core::purge::decode;
use crate::core::purge::journal::LeftRows;
use crate::core::purge::plan::Encoding;
use crate::purge::fault::Fault;
use crate::store::StoreError;
use crate::store::purger::{Left, Staged};

/// What stays of a batch, and whether the rows add up.
pub(super) fn left_rows(
    encoding: Encoding,
    staged: &dyn Staged,
    rows: usize,
    held: Vec<String>,
) -> (LeftRows, bool) {
    let mut left = LeftRows {
        held,
        ..LeftRows::default()
    };
    for (mark, why) in staged.left() {
        let id = decode::id(encoding, &mark.key).to_string();
        match why {
            Left::Gone => left.gone += 1,
            Left::Changed => left.changed.push(id),
            Left::Locked => left.locked.push(id),
            Left::Refused => left.refused.push(id),
        }
    }
    let deleted = staged.deleted().first().copied().unwrap_or(0);
    let is_sound = deleted + staged.left().len() as u64 == rows as u64;
    (left, is_sound)
}

/// Where rows are chained, one that stays keeps all after it.
pub(super) fn parted(left: &LeftRows) -> Option<Fault> {
    if let Some(id) = left.locked.first() {
        return Some(Fault::Store(StoreError::Busy {
            message: format!("somebody holds a lock on {id}, and no row of a chain goes before it"),
            hint: None,
        }));
    }
    let reasons = [
        (&left.changed, "was changed since the backup"),
        (&left.held, "is held"),
        (&left.refused, "is kept by the server"),
    ];
    let (id, why) = reasons
        .iter()
        .find_map(|(ids, why)| Some((ids.first()?, why)))?;
    Some(Fault::refused(
        format!("{id} {why}, and no row of a chain goes before it"),
        "what was deleted is the beginning of the chain; make a new plan for the rest",
    ))
}

/// A batch of which the server keeps everything is the first of many.
pub(super) fn stuck(left: &LeftRows, rows: usize, warned: &[String]) -> Option<Fault> {
    const MANY: usize = 2;
    if rows >= MANY && left.refused.len() == rows {
        return Some(Fault::Refused {
            message: format!(
                "the server keeps every row of a batch, {} first: a trigger or a foreign key",
                left.refused[0]
            ),
            hint: Some(match warned {
                [] => "nothing of the batch was deleted; look at the table's triggers".to_owned(),
                warned => format!("nothing of the batch was deleted; {}", warned.join("; ")),
            }),
        });
    }
    if rows >= MANY && left.locked.len() == rows {
        return Some(Fault::Store(StoreError::Busy {
            message: "somebody holds locks on every row of a batch".to_owned(),
            hint: None,
        }));
    }
    None
}
