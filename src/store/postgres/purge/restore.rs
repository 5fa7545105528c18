//! Puts archived rows back: into a staging table, read back and compared there, then into the table,
//! without touching what is there.
//!
//! Sequences are left alone: restored rows bring their numbers, and nothing draws one.

use std::collections::{BTreeSet, HashMap};

use tokio_util::sync::CancellationToken;

use crate::core::event::EventId;
use crate::core::purge::plan::Plan;
use crate::core::purge::row::{RawRows, RowDigest};
use crate::store::postgres::catalogue::{self, Table, Which};
use crate::store::postgres::params::Params;
use crate::store::postgres::purge::link::{Fault, Link};
use crate::store::postgres::purge::probe::refused;
use crate::store::postgres::purge::target::{Target, first_number};
use crate::store::postgres::purge::{facts, read};
use crate::store::postgres::session::Purpose;
use crate::store::postgres::sql::quote::ident;
use crate::store::purger::{Batch, RestoreInto, Restored, Restorer};
use crate::store::{BoxFuture, StoreError};

/// The staging table's own column, which numbers its rows.
const NUMBER: &str = "\"auditail row\"";

/// Somebody who may insert.
pub struct PostgresRestorer {
    link: Link,
    targets: Vec<Target>,
    into: RestoreInto,
}

impl PostgresRestorer {
    /// Connects and finds tables equal to the plan's.
    pub async fn open(
        params: &Params,
        table: Option<&str>,
        plan: &Plan,
        into: RestoreInto,
        stop: &CancellationToken,
    ) -> Result<Self, StoreError> {
        let link = Link::open(params, Purpose::Change, &params.database).await?;
        let mut targets: Vec<Target> = Vec::new();
        for (place, relation) in plan.relations.iter().enumerate() {
            let own = format!(
                "{}.{}",
                relation.schema.as_deref().unwrap_or("public"),
                relation.name
            );
            let name = match (place, table) {
                (0, Some(table)) => table.to_owned(),
                _ => own,
            };
            let found =
                catalogue::tables(link.session(), Which::Named(&name), &params.database, stop)
                    .await?;
            let Some(table) = found.into_iter().next() else {
                let hint = "make it first; README.txt in the archive has the statements";
                return Err(refused(
                    format!("there is no table {name} to restore into"),
                    hint,
                ));
            };
            check(&link, &table, relation, stop).await?;
            let mut relation = relation.clone();
            relation.schema = Some(table.schema.clone());
            relation.name.clone_from(&table.name);
            targets.push(Target::new(relation, &table, false));
        }
        let restorer = Self {
            link,
            targets,
            into,
        };
        if into == RestoreInto::Scratch {
            restorer.make_scratch().await?;
        }
        Ok(restorer)
    }

    /// The drill's tables live and die with this session.
    async fn make_scratch(&self) -> Result<(), StoreError> {
        for (place, target) in self.targets.iter().enumerate() {
            let columns = columns(target);
            let key: Vec<String> = target.relation.key.iter().map(|name| ident(name)).collect();
            let unique = if key.is_empty() {
                String::new()
            } else {
                format!(", UNIQUE ({})", key.join(", "))
            };
            self.link
                .run(&format!(
                    "CREATE TEMP TABLE auditail_scratch_{place} ({columns}{unique})"
                ))
                .await?;
        }
        Ok(())
    }

    fn table(&self, place: usize) -> String {
        match self.into {
            RestoreInto::Table => self.targets[place].quoted(),
            RestoreInto::Scratch => format!("pg_temp.auditail_scratch_{place}"),
        }
    }

    async fn put(&self, batch: &Batch, stop: &CancellationToken) -> Result<Restored, StoreError> {
        self.link.begin_changing().await?;
        let mut restored = Restored::default();
        for (place, rows) in batch.rows.iter().enumerate().take(self.targets.len()) {
            if !rows.marks.is_empty() {
                let part = Part {
                    restorer: self,
                    place,
                    rows,
                    stop,
                };
                part.put(batch, &mut restored).await?;
            }
        }
        self.link.end("COMMIT").await?;
        Ok(restored)
    }
}

fn columns(target: &Target) -> String {
    let columns = target.relation.columns.iter();
    let columns: Vec<String> = columns
        .map(|column| format!("{} {}", ident(&column.name), column.type_name))
        .collect();
    columns.join(", ")
}

/// Whether a table has the archived columns and no others that must be given.
async fn check(
    link: &Link,
    table: &Table,
    relation: &crate::core::purge::plan::Relation,
    stop: &CancellationToken,
) -> Result<(), StoreError> {
    link.begin_reading().await?;
    let found = facts::table(link, table.oid, stop).await?;
    link.end("ROLLBACK").await?;
    let label = table.label();
    let hint = "restore into a table made with the statements in the archive's README.txt";
    let Some(found) = found else {
        return Err(refused(format!("{label} is gone"), hint));
    };
    for column in &relation.columns {
        let there = found.columns.iter().find(|other| other.name == column.name);
        let name = ident(&column.name);
        match there {
            None => return Err(refused(format!("{label} has no column {name}"), hint)),
            Some(other) if other.generated.is_some() => {
                return Err(refused(format!("{label} makes {name} itself"), hint));
            }
            Some(other) if other.type_name != column.type_name => {
                let (is, was) = (&other.type_name, &column.type_name);
                return Err(refused(
                    format!("{name} of {label} is {is}, not {was}"),
                    hint,
                ));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// One relation's rows of a batch.
struct Part<'p> {
    restorer: &'p PostgresRestorer,
    place: usize,
    rows: &'p RawRows,
    stop: &'p CancellationToken,
}

impl Part<'_> {
    fn target(&self) -> &Target {
        &self.restorer.targets[self.place]
    }

    async fn put(&self, batch: &Batch, restored: &mut Restored) -> Result<(), StoreError> {
        let mut wanted = self.stage(restored).await?;
        let before = self.there(batch).await?;
        let mut left = before.clone();
        let rows: Vec<&[u8]> = self.rows.iter().map(|(_, row)| row).collect();
        wanted.retain(|at| {
            let is_there = take(&mut left, rows[*at]);
            restored.equal += u64::from(is_there);
            !is_there
        });
        self.insert(&wanted).await?;
        // What is there now and was not before.
        let mut now = self.there(batch).await?;
        for (digest, count) in &before {
            if let Some(there) = now.get_mut(digest) {
                *there = there.saturating_sub(*count);
            }
        }
        let missing: Vec<usize> = wanted
            .iter()
            .copied()
            .filter(|at| !take(&mut now, rows[*at]))
            .collect();
        restored.inserted += (wanted.len() - missing.len()) as u64;
        self.explain(&missing, &before, restored).await
    }

    /// Fills the staging table; which rows read back as archived.
    async fn stage(&self, restored: &mut Restored) -> Result<Vec<usize>, StoreError> {
        let (link, target) = (&self.restorer.link, self.target());
        let stage = self.staged();
        link.run(&format!(
            "CREATE TEMP TABLE auditail_stage_{} ({NUMBER} bigint GENERATED ALWAYS AS IDENTITY, {}) \
             ON COMMIT DROP",
            self.place,
            columns(target)
        ))
        .await?;
        let names = target.columns("");
        link.fill(&format!("{stage} ({names})"), &self.rows.payload)
            .await?;
        let back = format!(
            "SELECT {NUMBER}, {} FROM {stage} t ORDER BY 1",
            target.columns("t.")
        );
        let lines = link.lines(&back, self.stop).await?.all().await?;
        if lines.len() != self.rows.marks.len() {
            return Err(StoreError::Refused {
                message: format!(
                    "{}: {} rows were staged and {} read back",
                    target.label,
                    self.rows.marks.len(),
                    lines.len()
                ),
                hint: Some("verify the archive: auditail purge verify DIR".to_owned()),
            });
        }
        let mut equal = Vec::new();
        for (at, ((_, row), line)) in self.rows.iter().zip(&lines).enumerate() {
            if first_number(line).1 == row {
                equal.push(at);
            } else {
                restored.altered.push(self.name(at));
            }
        }
        Ok(equal)
    }

    fn staged(&self) -> String {
        format!("pg_temp.auditail_stage_{}", self.place)
    }

    async fn insert(&self, wanted: &[usize]) -> Result<(), Fault> {
        let target = self.target();
        let numbers: Vec<String> = wanted.iter().map(|at| (at + 1).to_string()).collect();
        let statement = format!(
            "INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {} t \
             WHERE t.{NUMBER} = ANY ('{{{}}}'::bigint[]) ORDER BY t.{NUMBER} ON CONFLICT DO NOTHING",
            self.restorer.table(self.place),
            target.columns(""),
            target.columns("t."),
            self.staged(),
            numbers.join(",")
        );
        self.restorer.link.run(&statement).await
    }

    /// Rows of the table with the staged keys, or with the batch's parents where they have no key:
    /// how many of each digest.
    async fn there(&self, batch: &Batch) -> Result<HashMap<RowDigest, usize>, Fault> {
        let target = self.target();
        let (keys, joined) = match &target.relation.parent {
            Some(parent) if target.key.is_empty() => {
                let rows: Vec<&[u8]> = batch.rows[parent.relation]
                    .iter()
                    .map(|(_, row)| row)
                    .collect();
                let parents = &self.restorer.targets[parent.relation];
                let linked = read::linked(target, parent, parents, &rows);
                (linked.keys, linked.joined)
            }
            _ => {
                let marks = self.rows.marks.iter().map(|mark| (&mark.key, None));
                (target.keys(&marks.collect::<Vec<_>>()), target.joined())
            }
        };
        let statement = format!(
            "SELECT {} FROM {} t JOIN {keys} ON {joined}",
            target.columns("t."),
            self.restorer.table(self.place)
        );
        let mut there = HashMap::new();
        let mut lines = self.restorer.link.lines(&statement, self.stop).await?;
        while let Some(line) = lines.next().await? {
            *there.entry(RowDigest::of(&line)).or_default() += 1;
        }
        Ok(there)
    }

    /// Tells rows that were kept out from those that were changed on their way in.
    async fn explain(
        &self,
        missing: &[usize],
        before: &HashMap<RowDigest, usize>,
        restored: &mut Restored,
    ) -> Result<(), StoreError> {
        let target = self.target();
        if missing.is_empty() {
            return Ok(());
        }
        let mut changed = BTreeSet::new();
        if !target.key.is_empty() {
            let keys: Vec<_> = missing
                .iter()
                .map(|at| (&self.rows.marks[*at].key, None))
                .collect();
            let statement = format!(
                "SELECT k.n, {} FROM {} t JOIN {} ON {}",
                target.columns("t."),
                self.restorer.table(self.place),
                target.keys(&keys),
                target.joined()
            );
            let lines = self
                .restorer
                .link
                .lines(&statement, self.stop)
                .await?
                .all()
                .await?;
            for line in &lines {
                let (number, row) = first_number(line);
                if !before.contains_key(&RowDigest::of(row))
                    && let Some(at) = missing.get(number.wrapping_sub(1))
                {
                    changed.insert(*at);
                }
            }
        }
        for at in missing {
            if changed.contains(at) {
                restored.altered.push(self.name(*at));
            } else {
                restored.conflicts.push(self.name(*at));
            }
        }
        Ok(())
    }

    fn name(&self, at: usize) -> String {
        let mark = &self.rows.marks[at];
        let key = if mark.key.0.is_empty() {
            mark.parent.as_ref()
        } else {
            Some(&mark.key)
        };
        let id = key.map_or_else(|| EventId::new(""), |key| EventId::of_key(&key.0));
        match self.place {
            0 => id.as_str().to_owned(),
            _ => format!("{} {}", self.target().label, id.as_str()),
        }
    }
}

/// Takes one row of this content out of what is there.
fn take(there: &mut HashMap<RowDigest, usize>, row: &[u8]) -> bool {
    match there.get_mut(&RowDigest::of(row)) {
        Some(count) if *count > 0 => {
            *count -= 1;
            true
        }
        _ => false,
    }
}

impl Restorer for PostgresRestorer {
    fn restore<'a>(
        &'a mut self,
        batch: &'a Batch,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Restored, StoreError>> {
        Box::pin(async move {
            let restored = self.put(batch, stop).await;
            if restored.is_err() && !self.link.is_closed() {
                self.link.end("ROLLBACK").await?;
            }
            restored
        })
    }

    fn finish<'a>(
        self: Box<Self>,
        _: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<(), StoreError>>
    where
        Self: 'a,
    {
        // Staging tables go with their transaction, scratch tables with the session.
        Box::pin(async move {
            drop(self);
            Ok(())
        })
    }
}
