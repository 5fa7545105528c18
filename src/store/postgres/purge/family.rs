//! Deletes events together with the rows that belong to them: parents are locked, the children of
//! each are compared with the archive as a multiset, then children go before their parents.
//!
//! An event whose family is not as archived stays with all of it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use tokio_util::sync::CancellationToken;

use crate::core::purge::row::{RowDigest, RowKey, RowMark};
use crate::store::StoreError;
use crate::store::postgres::purge::batch::{Events, Found, Hold};
use crate::store::postgres::purge::delete::Work;
use crate::store::postgres::purge::link::{Fault, Link};
use crate::store::postgres::purge::read::linked;
use crate::store::postgres::purge::target::{Target, first_number};
use crate::store::purger::{Batch, Left};

/// A batch of families.
struct Families<'b> {
    link: &'b Link,
    targets: &'b [Target],
    batch: &'b Batch,
    events: Events<'b>,
    /// Which event a key is.
    places: HashMap<&'b RowKey, usize>,
    stop: &'b CancellationToken,
}

/// What became of an attempt at some families.
enum Attempt {
    /// All are gone; rows by relation.
    Done(Vec<u64>),
    /// These are not as archived, or were kept.
    Except(BTreeMap<usize, Left>),
}

/// Deletes what is as archived.
pub async fn delete(
    link: &Link,
    targets: &[Target],
    batch: &Batch,
    stop: &CancellationToken,
) -> Result<Work, StoreError> {
    let marks = batch.rows[0].marks.iter().enumerate();
    let families = Families {
        link,
        targets,
        batch,
        events: Events::new(&targets[0], &batch.rows[0], stop),
        places: marks.map(|(at, mark)| (&mark.key, at)).collect(),
        stop,
    };
    let mut why = BTreeMap::new();
    let free = families.hold(&mut why).await?;
    let mut deleted = vec![0; targets.len()];
    let mut todo = vec![free];
    while let Some(mut part) = todo.pop() {
        if part.is_empty() {
            continue;
        }
        link.run("SAVEPOINT part").await?;
        let except = match families.attempt(&part).await {
            Ok(Attempt::Done(rows)) => {
                link.run("RELEASE SAVEPOINT part").await?;
                for (sum, rows) in deleted.iter_mut().zip(rows) {
                    *sum += rows;
                }
                continue;
            }
            Ok(Attempt::Except(except)) => except,
            Err(fault) if fault.is_lock() || fault.is_objection() => {
                if part.len() > 1 {
                    link.run("ROLLBACK TO SAVEPOINT part").await?;
                    let second = part.split_off(part.len() / 2);
                    todo.extend([second, part]);
                    continue;
                }
                let left = if fault.is_lock() {
                    Left::Locked
                } else {
                    Left::Refused
                };
                part.iter().map(|(at, _)| (*at, left)).collect()
            }
            Err(fault) => return Err(fault.error),
        };
        link.run("ROLLBACK TO SAVEPOINT part").await?;
        part.retain(|(at, _)| !except.contains_key(at));
        why.extend(except);
        todo.push(part);
    }
    let left: Vec<(RowMark, Left)> = (why.into_iter())
        .map(|(at, left)| (families.events.rows[at].0.clone(), left))
        .collect();
    Ok(Work { deleted, left })
}

impl Families<'_> {
    /// Locks the events that are as archived, each with its version of now.
    async fn hold(
        &self,
        why: &mut BTreeMap<usize, Left>,
    ) -> Result<Vec<(usize, String)>, StoreError> {
        let all: Vec<usize> = (0..self.events.rows.len()).collect();
        self.link.run("SAVEPOINT hold").await?;
        let held = match self.events.look(self.link, &all, Hold::Lock).await {
            Ok(held) => held,
            Err(fault) if fault.is_lock() => {
                self.link.run("ROLLBACK TO SAVEPOINT hold").await?;
                why.extend(all.iter().map(|at| (*at, Left::Locked)));
                return Ok(Vec::new());
            }
            Err(fault) => return Err(fault.error),
        };
        let rest: Vec<usize> = all
            .iter()
            .copied()
            .filter(|at| !held.contains_key(at))
            .collect();
        let there = self.events.look(self.link, &rest, Hold::Not).await?;
        for at in rest {
            let left = if there.contains_key(&at) {
                Left::Locked
            } else {
                Left::Gone
            };
            why.insert(at, left);
        }
        let mut free = Vec::new();
        for (at, found) in held {
            match found {
                Found::Same { version } => free.push((at, version)),
                Found::Other => {
                    why.insert(at, Left::Changed);
                }
            }
        }
        Ok(free)
    }

    async fn attempt(&self, part: &[(usize, String)]) -> Result<Attempt, Fault> {
        let chosen: BTreeSet<usize> = part.iter().map(|(at, _)| *at).collect();
        for place in 1..self.targets.len() {
            self.lock_related(place, &chosen).await?;
        }
        let mut rows = vec![0; self.targets.len()];
        let mut except = BTreeMap::new();
        for place in (1..self.targets.len()).rev() {
            let found = self.delete_related(place, &chosen).await?;
            let archived = self.archived(place, &chosen);
            rows[place] = found.values().map(|digests| digests.len() as u64).sum();
            for at in &chosen {
                if found.get(at) != archived.get(at) {
                    except.insert(*at, Left::Changed);
                }
            }
        }
        if !except.is_empty() {
            return Ok(Attempt::Except(except));
        }
        let deleted = self.events.delete_keys(self.link, part).await?;
        rows[0] = deleted.len() as u64;
        if deleted == chosen {
            return Ok(Attempt::Done(rows));
        }
        let kept = chosen.difference(&deleted);
        Ok(Attempt::Except(
            kept.map(|at| (*at, Left::Refused)).collect(),
        ))
    }

    /// The statement's end that names the rows of a relation which belong to the chosen events, and
    /// whose event each parent is.
    fn of_parents(
        &self,
        place: usize,
        chosen: &BTreeSet<usize>,
    ) -> Option<(String, String, Vec<usize>)> {
        let target = &self.targets[place];
        let parent = target.relation.parent.as_ref()?;
        let (mut owners, mut rows) = (Vec::new(), Vec::new());
        for (mark, row) in self.batch.rows[parent.relation].iter() {
            let event = self.places.get(mark.parent.as_ref().unwrap_or(&mark.key));
            if let Some(event) = event.filter(|event| chosen.contains(event)) {
                owners.push(*event);
                rows.push(row);
            }
        }
        let linked = linked(target, parent, &self.targets[parent.relation], &rows);
        Some((linked.keys, linked.joined, owners))
    }

    async fn lock_related(&self, place: usize, chosen: &BTreeSet<usize>) -> Result<(), Fault> {
        let Some((keys, joined, _)) = self.of_parents(place, chosen) else {
            return Ok(());
        };
        let statement = format!(
            "SELECT count(*) FROM (SELECT FROM {} t JOIN {keys} ON {joined} FOR UPDATE OF t) s",
            self.targets[place].quoted()
        );
        self.link.lines(&statement, self.stop).await?.all().await?;
        Ok(())
    }

    /// Deletes related rows; their digests by event, in order.
    async fn delete_related(
        &self,
        place: usize,
        chosen: &BTreeSet<usize>,
    ) -> Result<BTreeMap<usize, Vec<RowDigest>>, Fault> {
        let Some((keys, joined, owners)) = self.of_parents(place, chosen) else {
            return Ok(BTreeMap::new());
        };
        let target = &self.targets[place];
        let statement = format!(
            "DELETE FROM {} t USING {keys} WHERE {joined} RETURNING k.n, {}",
            target.quoted(),
            target.columns("t.")
        );
        let mut found: BTreeMap<usize, Vec<RowDigest>> = BTreeMap::new();
        let mut lines = self.link.lines(&statement, self.stop).await?;
        while let Some(line) = lines.next().await? {
            let (number, row) = first_number(&line);
            if let Some(event) = owners.get(number.wrapping_sub(1)) {
                found.entry(*event).or_default().push(RowDigest::of(row));
            }
        }
        for digests in found.values_mut() {
            digests.sort_unstable();
        }
        Ok(found)
    }

    fn archived(&self, place: usize, chosen: &BTreeSet<usize>) -> BTreeMap<usize, Vec<RowDigest>> {
        let mut archived: BTreeMap<usize, Vec<RowDigest>> = BTreeMap::new();
        for (mark, row) in self.batch.rows[place].iter() {
            let event = mark.parent.as_ref().and_then(|key| self.places.get(key));
            if let Some(event) = event.filter(|event| chosen.contains(event)) {
                archived.entry(*event).or_default().push(RowDigest::of(row));
            }
        }
        for digests in archived.values_mut() {
            digests.sort_unstable();
        }
        archived
    }
}
