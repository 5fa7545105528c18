//! Deletes archived rows, batch by batch, each in a transaction of its own that is only committed
//! when what the server handed back equals the archive.
//!
//! First all rows of the batch's range at once; where that meets a row that is not archived, the
//! transaction is taken back and the batch done by key and version.

mod by_key;
mod lock;
mod settle;
mod staged;

use std::collections::BTreeMap;

use tokio_util::sync::CancellationToken;

use crate::core::purge::plan::{Plan, RowOrder};
use crate::core::purge::row::{RowKey, RowMark};
use crate::store::postgres::layout::TimeColumn;
use crate::store::postgres::params::Params;
use crate::store::postgres::purge::batch::Events;
use crate::store::postgres::purge::delete::staged::OpenWork;
use crate::store::postgres::purge::link::Link;
use crate::store::postgres::purge::probe::{self, Examined, not_allowed, refused};
use crate::store::postgres::purge::target::Target;
use crate::store::postgres::purge::{Known, family};
use crate::store::postgres::session::Purpose;
use crate::store::purger::{Batch, Deleter, Left, Pressure, Settled, Staged};
use crate::store::{BoxFuture, StoreError};

/// Batches done by key after ranges have failed twice.
const COOLING: u32 = 16;

/// Somebody who may delete.
pub struct PostgresDeleter {
    params: Params,
    link: Link,
    plan: Plan,
    examined: Examined,
    /// What a range of rows is bounded by besides its ends: the time column and the cutoff.
    bound: Option<String>,
    time: TimeColumn,
    /// A transaction may be open on the link.
    is_open: bool,
    ranges: Ranges,
    seat: Seat,
}

/// Which of a purge's connections it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seat {
    /// The only one.
    Only,
    /// One of two: when one is lost, both are made anew.
    OfTwo,
}

/// Whether whole ranges are tried.
#[derive(Clone, Copy, Debug, Default)]
struct Ranges {
    misses: u32,
    cooling: u32,
}

/// What was done in an open transaction.
pub struct Work {
    /// Rows deleted, by relation.
    pub deleted: Vec<u64>,
    /// Events that were not.
    pub left: Vec<(RowMark, Left)>,
}

impl PostgresDeleter {
    /// Connects, checks that everything is as planned, and takes the lock.
    pub async fn open(
        params: Params,
        known: &Known,
        plan: &Plan,
        stop: &CancellationToken,
    ) -> Result<Self, StoreError> {
        let layout = &known.layout;
        let label = layout.table.label();
        let link = Link::open(&params, Purpose::Change, &label).await?;
        let key = probe::key(layout)?;
        link.begin_reading().await?;
        let examined = probe::examine(&link, &layout.table, &key, &layout.profile, stop).await?;
        link.end("ROLLBACK").await?;
        let asked = "SELECT current_setting('default_transaction_read_only')";
        if link.value(asked, stop).await?.as_deref() == Some("on") {
            let hint = "name a role and a server that may write: --delete-as URL";
            return Err(not_allowed(
                format!("{label}: this session is read-only"),
                hint,
            ));
        }
        if let Err(hint) = &examined.can_delete {
            return Err(not_allowed(
                format!("this role has no permission to delete from {label}"),
                hint,
            ));
        }
        compare(&label, &examined, plan)?;
        let literal = layout.time.literal(plan.scope.cutoff);
        let deleter = Self {
            params,
            link,
            plan: plan.clone(),
            examined,
            bound: literal.map(|cutoff| {
                format!(
                    "{} AND {} < {cutoff}",
                    layout.time.is_dated(),
                    layout.time.sql
                )
            }),
            time: layout.time.clone(),
            is_open: false,
            ranges: Ranges::default(),
            seat: Seat::Only,
        };
        deleter.lock(stop).await?;
        Ok(deleter)
    }

    fn events(&self) -> &Target {
        &self.examined.targets[0]
    }

    async fn begin(&self, stop: &CancellationToken) -> Result<String, StoreError> {
        self.link.begin_changing().await?;
        let number = self
            .link
            .value("SELECT pg_current_xact_id()::text", stop)
            .await?;
        let server = &self.examined.server;
        Ok(format!(
            "xid {} timeline {} system {}",
            number.unwrap_or_default(),
            server.timeline.as_deref().unwrap_or_default(),
            server.system
        ))
    }

    async fn work(
        &mut self,
        batch: &Batch,
        stop: &CancellationToken,
    ) -> Result<(String, Work), StoreError> {
        let Some(events) = batch.rows.first() else {
            return Ok((
                self.begin(stop).await?,
                Work {
                    deleted: Vec::new(),
                    left: Vec::new(),
                },
            ));
        };
        if self.examined.targets.len() > 1 {
            let name = self.begin(stop).await?;
            let work = family::delete(&self.link, &self.examined.targets, batch, stop).await?;
            return Ok((name, work));
        }
        let target = self.events().clone();
        let rows = Events::new(&target, events, stop);
        if let Some(range) = self.range(&rows) {
            if let Some(done) = self.by_range(&rows, &range, stop).await? {
                self.ranges.misses = 0;
                return Ok(done);
            }
            self.ranges.misses += 1;
            if self.ranges.misses >= 2 {
                self.ranges = Ranges {
                    misses: 0,
                    cooling: COOLING,
                };
            }
        }
        let name = self.begin(stop).await?;
        let (mut deleted, why) = by_key::delete(&self.link, &rows).await?;
        let left = rows.settle_rest(&self.link, &mut deleted, &why).await?;
        Ok((
            name,
            Work {
                deleted: vec![deleted.len() as u64],
                left,
            },
        ))
    }

    /// The condition for everything from the batch's first row to its last, where that is worth a
    /// try: triggers would run for rows that are not archived.
    fn range(&mut self, rows: &Events<'_>) -> Option<String> {
        if self.ranges.cooling > 0 {
            self.ranges.cooling -= 1;
            return None;
        }
        let target = self.events();
        if target.has_triggers || rows.rows.len() < 8 {
            return None;
        }
        let bound = self.bound.as_ref()?;
        let ends = [rows.rows.first()?, rows.rows.last()?].map(|(mark, row)| {
            let key = target.keys(&[(&mark.key, None)]);
            (self.time_of(row), key, mark)
        });
        let mut order = target.order();
        let mut values = [Vec::new(), Vec::new()];
        for (side, (time, _, mark)) in values.iter_mut().zip(&ends) {
            if self.plan.order == RowOrder::TimeThenKey {
                side.push(crate::store::postgres::sql::quote::text(time.as_deref()?));
            }
            side.extend(
                mark.key
                    .0
                    .iter()
                    .map(crate::store::postgres::layout::literal),
            );
        }
        if self.plan.order == RowOrder::TimeThenKey {
            order.insert(0, self.time.sql.clone());
        }
        let order = order.join(", ");
        Some(format!(
            "({order}) >= ({}) AND ({order}) <= ({}) AND {bound}",
            values[0].join(", "),
            values[1].join(", ")
        ))
    }

    fn time_of(&self, row: &[u8]) -> Option<String> {
        use crate::core::purge::decode::copy::{fields, unescape};
        let columns = &self.events().relation.columns;
        let at = columns
            .iter()
            .position(|column| column.name == self.time.name)?;
        let field = fields(super::target::trimmed(row)).nth(at)?;
        Some(String::from_utf8_lossy(&unescape(field)?).into_owned())
    }

    async fn by_range(
        &self,
        rows: &Events<'_>,
        range: &str,
        stop: &CancellationToken,
    ) -> Result<Option<(String, Work)>, StoreError> {
        let name = self.begin(stop).await?;
        match rows.delete_range(&self.link, range).await {
            Ok(Some(mut deleted)) => {
                // What is missing was changed, deleted, or given another version.
                let left = rows
                    .settle_rest(&self.link, &mut deleted, &BTreeMap::new())
                    .await?;
                let deleted = vec![deleted.len() as u64];
                return Ok(Some((name, Work { deleted, left })));
            }
            Ok(None) => {}
            Err(fault) if fault.is_lock() || fault.is_objection() => {}
            Err(fault) => return Err(fault.error),
        }
        self.link.end("ROLLBACK").await?;
        Ok(None)
    }
}

/// Whether the store is still what the plan was made for.
fn compare(label: &str, found: &Examined, plan: &Plan) -> Result<(), StoreError> {
    let hint = "look at what changed, and make a new plan";
    for (name, planned) in &plan.identity.facts {
        let now = found.identity.facts.iter().find(|(known, _)| known == name);
        if now.map(|(_, value)| value) != Some(planned) {
            return Err(refused(
                format!("{label}: the {name} is not what it was in the plan"),
                hint,
            ));
        }
    }
    let columns = |relation: &crate::core::purge::plan::Relation| {
        (
            relation.columns.clone(),
            relation.key.clone(),
            relation.parent.clone(),
        )
    };
    let now = found.targets.iter().map(|target| columns(&target.relation));
    if !now.eq(plan.relations.iter().map(columns)) {
        return Err(refused(
            format!("{label}: the columns are not those of the plan"),
            hint,
        ));
    }
    Ok(())
}

impl Deleter for PostgresDeleter {
    fn stage<'a>(
        &'a mut self,
        batch: &'a Batch,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Box<dyn Staged + 'a>, StoreError>> {
        Box::pin(async move {
            self.ready(stop).await?;
            self.is_open = true;
            let mut done = self.work(batch, stop).await;
            // COMMIT of a transaction that has failed says nothing, and takes it back.
            if done.is_ok()
                && let Err(fault) = self.link.run("SELECT").await
            {
                done = Err(fault.error);
            }
            let (name, work) = match done {
                Ok(done) => done,
                Err(error) => {
                    // On a connection that does not answer, the server takes it back by itself.
                    self.is_open = self.link.end("ROLLBACK").await.is_err();
                    return Err(error);
                }
            };
            Ok(Box::new(OpenWork {
                deleter: self,
                name,
                work,
            }) as Box<dyn Staged + 'a>)
        })
    }

    fn second<'a>(
        &'a mut self,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Option<Box<dyn Deleter>>, StoreError>> {
        Box::pin(async move {
            let second = self.open_second(stop).await?;
            Ok(second.map(|second| Box::new(second) as Box<dyn Deleter>))
        })
    }

    fn settle<'a>(
        &'a mut self,
        transaction: &'a str,
        batch: &'a Batch,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Settled, StoreError>> {
        Box::pin(self.settled(transaction, batch, stop))
    }

    fn present<'a>(
        &'a mut self,
        batch: &'a Batch,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<u64, StoreError>> {
        Box::pin(async move {
            self.ready(stop).await?;
            let Some(events) = batch.rows.first() else {
                return Ok(0);
            };
            let rows = Events::new(self.events(), events, stop);
            self.link.begin_reading().await?;
            let present = rows.present(&self.link).await?;
            self.link.end("ROLLBACK").await?;
            Ok(present)
        })
    }

    fn is_free<'a>(
        &'a mut self,
        least: &'a RowKey,
        most: &'a RowKey,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Option<bool>, StoreError>> {
        Box::pin(async move {
            self.ready(stop).await?;
            settle::is_free(&self.link, self.events(), [least, most], stop).await
        })
    }

    fn pressure<'a>(
        &'a mut self,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Pressure, StoreError>> {
        Box::pin(async move {
            self.ready(stop).await?;
            settle::pressure(&self.link, stop).await
        })
    }
}
