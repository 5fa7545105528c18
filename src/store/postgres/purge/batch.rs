//! One relation's part of a batch while it is being deleted: what has been handed back, equal to the
//! archive, and what has not.
//!
//! Speaks no SQL of transactions; see `delete`.

use std::collections::{BTreeMap, BTreeSet};

use tokio_util::sync::CancellationToken;

use crate::core::event::KeyPart;
use crate::core::purge::row::{RawRows, RowDigest, RowKey, RowMark};
use crate::store::StoreError;
use crate::store::postgres::purge::link::{Fault, Link};
use crate::store::postgres::purge::target::{Target, first_field, first_number};
use crate::store::purger::Left;

/// Rows of the events' relation in the server's hands.
pub struct Events<'b> {
    /// The relation.
    pub target: &'b Target,
    /// The archive's rows.
    pub rows: Vec<(&'b RowMark, &'b [u8])>,
    /// Ends it.
    pub stop: &'b CancellationToken,
}

/// What the server has of a row.
pub enum Found {
    /// The archive's bytes.
    Same {
        /// The version they have now.
        version: String,
    },
    /// Other bytes.
    Other,
}

/// Whether rows that are looked at are locked, and those somebody else holds left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// They are.
    Lock,
    /// They are not.
    Not,
}

impl<'b> Events<'b> {
    /// The events of a batch.
    pub fn new(target: &'b Target, rows: &'b RawRows, stop: &'b CancellationToken) -> Self {
        let rows = rows.iter().collect();
        Self { target, rows, stop }
    }

    /// Deletes all rows between the first and the last. `Ok(None)`: there was something else, and
    /// the transaction must be taken back. Otherwise which rows were deleted.
    pub async fn delete_range(
        &self,
        link: &Link,
        range: &str,
    ) -> Result<Option<BTreeSet<usize>>, Fault> {
        let statement = format!(
            "DELETE FROM {} t WHERE {range} RETURNING {}",
            self.target.quoted(),
            self.target.columns("t.")
        );
        let mut lines = link.lines(&statement, self.stop).await?;
        let (mut deleted, mut next) = (BTreeSet::new(), 0);
        let mut by_digest: Option<BTreeMap<RowDigest, usize>> = None;
        let mut is_equal = true;
        while let Some(line) = lines.next().await? {
            // In order, most often: then the bytes need no digest.
            if self
                .rows
                .get(next)
                .is_some_and(|(_, row)| *row == &line[..])
            {
                is_equal &= deleted.insert(next);
                next += 1;
                continue;
            }
            let by_digest = by_digest.get_or_insert_with(|| {
                let rows = self.rows.iter().enumerate();
                rows.map(|(at, (mark, _))| (mark.digest, at)).collect()
            });
            match by_digest.get(&RowDigest::of(&line)) {
                Some(at) if self.rows[*at].1 == &line[..] => {
                    is_equal &= deleted.insert(*at);
                    next = at + 1;
                }
                _ => is_equal = false,
            }
        }
        Ok(is_equal.then_some(deleted))
    }

    /// Deletes rows that have this key and this version. What is handed back must be what the
    /// archive holds; anything else is refused, and the transaction must be taken back.
    pub async fn delete_keys(
        &self,
        link: &Link,
        wanted: &[(usize, String)],
    ) -> Result<BTreeSet<usize>, Fault> {
        if wanted.is_empty() {
            return Ok(BTreeSet::new());
        }
        let statement = format!(
            "DELETE FROM {} t USING {} WHERE {} AND t.xmin = k.x RETURNING k.n, {}",
            self.target.quoted(),
            self.keys(wanted),
            self.target.joined(),
            self.target.columns("t.")
        );
        let mut deleted = BTreeSet::new();
        let mut lines = link.lines(&statement, self.stop).await?;
        while let Some(line) = lines.next().await? {
            let (number, row) = first_number(&line);
            let at = wanted.get(number.wrapping_sub(1)).map(|(at, _)| *at);
            let is_archived = at.is_some_and(|at| self.rows[at].1 == row && deleted.insert(at));
            if !is_archived {
                return Err(self.differs(at).into());
            }
        }
        Ok(deleted)
    }

    /// Of these rows, those nobody else holds a lock on; they are locked now.
    pub async fn lock(
        &self,
        link: &Link,
        wanted: &[(usize, String)],
    ) -> Result<BTreeSet<usize>, Fault> {
        let statement = format!(
            "SELECT k.n FROM {} t JOIN {} ON {} AND t.xmin = k.x FOR UPDATE OF t SKIP LOCKED",
            self.target.quoted(),
            self.keys(wanted),
            self.target.joined()
        );
        let lines = link.lines(&statement, self.stop).await?.all().await?;
        let places = lines.iter().filter_map(|line| {
            wanted
                .get(first_number(line).0.wrapping_sub(1))
                .map(|(at, _)| *at)
        });
        Ok(places.collect())
    }

    /// Looks at rows that were not deleted. Those that are as archived and only have another version
    /// are deleted by it; all others are left.
    pub async fn settle_rest(
        &self,
        link: &Link,
        deleted: &mut BTreeSet<usize>,
        why: &BTreeMap<usize, Left>,
    ) -> Result<Vec<(RowMark, Left)>, Fault> {
        let rest: Vec<usize> = (0..self.rows.len())
            .filter(|at| !deleted.contains(at))
            .collect();
        if rest.is_empty() {
            return Ok(Vec::new());
        }
        let found = self.look(link, &rest, Hold::Not).await?;
        let again: Vec<(usize, String)> = (rest.iter())
            .filter(|at| !why.contains_key(at))
            .filter_map(|at| match found.get(at) {
                Some(Found::Same { version }) if *version != self.rows[*at].0.version.0 => {
                    Some((*at, version.clone()))
                }
                _ => None,
            })
            .collect();
        link.run("SAVEPOINT again").await?;
        match self.delete_keys(link, &again).await {
            Ok(more) => deleted.extend(more),
            Err(fault) if fault.is_lock() || fault.is_objection() => {
                link.run("ROLLBACK TO SAVEPOINT again").await?;
            }
            Err(fault) => return Err(fault),
        }
        let rest = rest.into_iter().filter(|at| !deleted.contains(at));
        let left = rest.map(|at| {
            let left = match (found.get(&at), why.get(&at)) {
                (None, _) => Left::Gone,
                (Some(Found::Other), _) => Left::Changed,
                (Some(Found::Same { .. }), Some(why)) => *why,
                (Some(Found::Same { .. }), None) => Left::Refused,
            };
            (self.rows[at].0.clone(), left)
        });
        Ok(left.collect())
    }

    /// Looks at rows by their keys.
    pub async fn look(
        &self,
        link: &Link,
        wanted: &[usize],
        hold: Hold,
    ) -> Result<BTreeMap<usize, Found>, Fault> {
        let keys: Vec<(&RowKey, Option<&str>)> = wanted
            .iter()
            .map(|at| (&self.rows[*at].0.key, None))
            .collect();
        let statement = format!(
            "SELECT k.n, t.xmin, {} FROM {} t JOIN {} ON {}{}",
            self.target.columns("t."),
            self.target.quoted(),
            self.target.keys(&keys),
            self.target.joined(),
            match hold {
                Hold::Lock => " FOR UPDATE OF t SKIP LOCKED",
                Hold::Not => "",
            }
        );
        let lines = link.lines(&statement, self.stop).await?.all().await?;
        let found = lines.iter().filter_map(|line| {
            let (number, rest) = first_number(line);
            let at = *wanted.get(number.wrapping_sub(1))?;
            let (version, row) = first_field(rest);
            let found = if self.rows[at].1 == row {
                Found::Same {
                    version: String::from_utf8_lossy(version).into_owned(),
                }
            } else {
                Found::Other
            };
            Some((at, found))
        });
        Ok(found.collect())
    }

    /// How many rows are there and as archived.
    pub async fn same(&self, link: &Link) -> Result<usize, Fault> {
        let all: Vec<usize> = (0..self.rows.len()).collect();
        let found = self.look(link, &all, Hold::Not).await?;
        Ok(found
            .values()
            .filter(|found| matches!(found, Found::Same { .. }))
            .count())
    }

    /// How many rows are there, whatever they look like.
    pub async fn present(&self, link: &Link) -> Result<u64, StoreError> {
        // One look at a range costs a tenth of one at each of its keys, and finds nothing most often.
        if let Some(range) = self.dense() {
            let statement = format!(
                "SELECT count(*)::text FROM {} t WHERE {range}",
                self.target.quoted()
            );
            let count = link.value(&statement, self.stop).await?;
            if count.as_deref() == Some("0") {
                return Ok(0);
            }
        }
        let keys: Vec<(&RowKey, Option<&str>)> = self
            .rows
            .iter()
            .map(|(mark, _)| (&mark.key, None))
            .collect();
        let statement = format!(
            "SELECT count(*)::text FROM {} t JOIN {} ON {}",
            self.target.quoted(),
            self.target.keys(&keys),
            self.target.joined()
        );
        let count = link.value(&statement, self.stop).await?;
        Ok(count.and_then(|count| count.parse().ok()).unwrap_or(0))
    }

    /// The range of all keys, where they are whole numbers that leave few others room in between.
    fn dense(&self) -> Option<String> {
        const GAPS: i64 = 4;
        let [part] = self.target.key.as_slice() else {
            return None;
        };
        let mut ends: Option<(i64, i64)> = None;
        for (mark, _) in &self.rows {
            let [KeyPart::Int(key)] = mark.key.0.as_slice() else {
                return None;
            };
            let (least, most) = ends.unwrap_or((*key, *key));
            ends = Some((least.min(*key), most.max(*key)));
        }
        let (least, most) = ends?;
        let rows = i64::try_from(self.rows.len()).ok()?;
        let is_dense = most.checked_sub(least)? < rows.checked_mul(GAPS)?;
        is_dense.then(|| format!("{} BETWEEN {least} AND {most}", part.same))
    }

    /// All rows with the versions of the archive.
    pub fn as_archived(&self) -> Vec<(usize, String)> {
        let rows = self.rows.iter().enumerate();
        rows.map(|(at, (mark, _))| (at, mark.version.0.clone()))
            .collect()
    }

    fn keys(&self, wanted: &[(usize, String)]) -> String {
        let keys: Vec<(&RowKey, Option<&str>)> = (wanted.iter())
            .map(|(at, version)| (&self.rows[*at].0.key, Some(version.as_str())))
            .collect();
        self.target.keys(&keys)
    }

    fn differs(&self, at: Option<usize>) -> StoreError {
        let key = at.map_or_else(String::new, |at| {
            let key = crate::core::event::EventId::of_key(&self.rows[at].0.key.0);
            format!(" {}", crate::core::sanitise::safe(key.as_str()))
        });
        StoreError::Refused {
            message: format!(
                "{}: the server handed back another row{key} than the archive holds; nothing was deleted",
                self.target.label
            ),
            hint: Some("verify the archive again; triggers on DELETE may change rows".to_owned()),
        }
    }
}
