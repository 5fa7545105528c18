//! Rows that are chained by hashes: what goes is a prefix of the chain, and the receipt keeps the hash
//! that the first row left refers to.
//!
//! Computes no hash: what rows say of each other is compared, nothing else.

use serde::{Deserialize, Serialize};

use crate::core::purge::plan::Scope;
use crate::core::purge::row::{RowKey, RowMark};
use crate::purge::dossier::Dossier;
use crate::purge::fault::Fault;
use crate::purge::scope::Judge;

/// What a row says of itself and of the one before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its own hash.
    pub hash: String,
    /// The hash of the row before it.
    pub previous: Option<String>,
}

/// The last row of a chain that went: the first one left refers to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// Which row it was.
    pub id: String,
    /// Its hash.
    pub hash: String,
}

/// A chain as far as it has been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chain {
    /// Nothing of it: its first row is this one.
    Begins(RowKey),
    /// Up to the row with this hash.
    Reaches(String),
}

impl Chain {
    /// Goes on to the next row, which must be the next of the chain.
    pub fn follow(&mut self, judge: &Judge, mark: &RowMark, row: &[u8]) -> Result<(), Fault> {
        let Some(link) = judge.link(mark, row)? else {
            return Ok(());
        };
        let follows = match self {
            Self::Begins(first) => *first == mark.key,
            Self::Reaches(hash) => link.previous.as_ref() == Some(hash),
        };
        if !follows {
            return Err(Fault::refused(
                format!(
                    "the row {} does not follow the row read before it: only the oldest rows of a \
                     chain may go, one after the other",
                    judge.id(mark)
                ),
                "look at the chain's order and at rows without a time; nothing was deleted",
            ));
        }
        *self = Self::Reaches(link.hash);
        Ok(())
    }
}

/// What a plan for chained rows must not have: it would part the chain in the middle.
pub fn check(judge: &Judge, scope: &Scope, timeless: u64) -> Result<(), Fault> {
    if !judge.is_chained() {
        return Ok(());
    }
    let part = if !scope.filter.is_empty() {
        "a filter"
    } else if !scope.keep.is_empty() || judge.has_holds() {
        "a hold"
    } else if timeless > 0 {
        "a row without a time"
    } else {
        return Ok(());
    };
    Err(Fault::refused(
        format!("the rows are chained by hashes, and {part} would part the chain in the middle"),
        "only everything before a time can go: leave out filters and holds",
    ))
}

/// The last archived row, once the archive is whole.
pub fn anchor(dossier: &Dossier) -> Result<Option<Anchor>, Fault> {
    let judge = Judge::of(dossier.plan())?;
    let Some(last) = dossier.segments().last().filter(|_| judge.is_chained()) else {
        return Ok(None);
    };
    let parts = dossier.read_segment(last)?;
    let row = parts.first().and_then(|events| events.iter().last());
    let Some((mark, bytes)) = row else {
        return Ok(None);
    };
    let link = judge.link(mark, bytes)?;
    Ok(link.map(|link| Anchor {
        id: judge.id(mark).to_string(),
        hash: link.hash,
    }))
}
