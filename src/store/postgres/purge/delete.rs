//! Deletes archived rows, batch by batch, each in a transaction of its own that is only committed
//! when what the server handed back equals the archive.
//!
//! First all rows of the batch's range at once; where that meets a row that is not archived, the
//! transaction is taken back and the batch done by key and version.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::core::purge::plan::{Plan, RowOrder};
use crate::core::purge::row::RowMark;
use crate::store::postgres::layout::TimeColumn;
use crate::store::postgres::params::Params;
use crate::store::postgres::purge::batch::Events;
use crate::store::postgres::purge::link::{Fault, Link};
use crate::store::postgres::purge::probe::{self, Examined, refused};
use crate::store::postgres::purge::target::Target;
use crate::store::postgres::purge::{Known, family};
use crate::store::postgres::session::Purpose;
use crate::store::purger::{Batch, Deleter, Left, Pressure, Settled, Staged};
use crate::store::{BoxFuture, StoreError};

/// Names our advisory locks among those of others; the table's number is the second half.
const LOCK: i32 = 0x6175_6469;
/// How long a lock that may still be our own, of a lost connection, is waited for.
const LINGERING: Duration = Duration::from_secs(3);
/// Rows the server may object to one by one before the rest of a batch counts as objected to.
const OBJECTIONS: usize = 64;
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
            return Err(refused(format!("{label}: this session is read-only"), hint));
        }
        if let Err(hint) = &examined.can_delete {
            return Err(refused(
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
        };
        deleter.lock(stop).await?;
        Ok(deleter)
    }

    fn events(&self) -> &Target {
        &self.examined.targets[0]
    }

    /// Takes the store's own lock against a second purge.
    async fn lock(&self, stop: &CancellationToken) -> Result<(), StoreError> {
        let target = self.events();
        let statement = format!(
            "SELECT pg_try_advisory_lock({LOCK}, hashtext({}))::text",
            crate::store::postgres::sql::quote::text(&target.quoted())
        );
        let begun = Instant::now();
        while self.link.value(&statement, stop).await?.as_deref() != Some("true") {
            if begun.elapsed() > LINGERING {
                let hint = "wait until it has ended; auditail purge status DIR shows how far it is";
                return Err(refused(
                    format!("another purge of {} is running", target.label),
                    hint,
                ));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    /// A connection without a transaction: another one where the last was left in the middle.
    async fn ready(&mut self, stop: &CancellationToken) -> Result<(), StoreError> {
        if !self.is_open && !self.link.is_closed() && self.link.session().is_usable() {
            return Ok(());
        }
        let label = self.events().label.clone();
        self.link = Link::open(&self.params, Purpose::Change, &label).await?;
        self.is_open = false;
        let server = super::facts::server(&self.link, stop).await?;
        let before = &self.examined.server;
        if (&server.system, &server.timeline) != (&before.system, &before.timeline) {
            let hint = "another server has taken over; look at what came back with it, and resume";
            return Err(refused(format!("{label} is on another server now"), hint));
        }
        self.lock(stop).await
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
        let (mut deleted, why) = self.by_key(&rows).await?;
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

    /// Deletes by key and version, around what is locked and what the server objects to.
    async fn by_key(
        &self,
        rows: &Events<'_>,
    ) -> Result<(BTreeSet<usize>, BTreeMap<usize, Left>), Fault> {
        let link = &self.link;
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

    async fn settled(
        &mut self,
        transaction: &str,
        batch: &Batch,
        stop: &CancellationToken,
    ) -> Result<Settled, StoreError> {
        self.ready(stop).await?;
        let words: Vec<&str> = transaction.split(' ').collect();
        let server = &self.examined.server;
        if let ["xid", number, "timeline", timeline, "system", system] = words.as_slice()
            && Some(*timeline) == server.timeline.as_deref()
            && *system == server.system
            && let Ok(number) = number.parse::<u64>()
        {
            let statement = format!("SELECT pg_xact_status('{number}'::xid8)");
            // An xid of the future is an error: the number is of no use then.
            match self.link.value(&statement, stop).await {
                Ok(Some(status)) if status == "committed" => return Ok(Settled::Committed),
                Ok(Some(status)) if status == "aborted" => return Ok(Settled::RolledBack),
                Ok(Some(_)) => return Ok(Settled::InProgress),
                Err(error @ (StoreError::Lost { .. } | StoreError::Cancelled)) => {
                    return Err(error);
                }
                Ok(None) | Err(_) => {}
            }
        }
        // The server has forgotten it. Rows that are still as archived are deleted again; where
        // none is, the archive holds them either way.
        let Some(events) = batch.rows.first() else {
            return Ok(Settled::RolledBack);
        };
        let rows = Events::new(self.events(), events, stop);
        self.link.begin_reading().await?;
        let same = rows.same(&self.link).await?;
        self.link.end("ROLLBACK").await?;
        Ok(if same == 0 {
            Settled::Committed
        } else {
            Settled::RolledBack
        })
    }
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

    fn pressure<'a>(
        &'a mut self,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Pressure, StoreError>> {
        Box::pin(async move {
            self.ready(stop).await?;
            pressure(&self.link, stop).await
        })
    }
}

async fn pressure(link: &Link, stop: &CancellationToken) -> Result<Pressure, StoreError> {
    let statement = "SELECT (pg_current_wal_lsn() - '0/0')::text, \
         (SELECT count(*) FROM pg_locks WHERE NOT granted)::text, count(*)::text, \
         count(replay_lsn)::text, \
         max(greatest(pg_current_wal_lsn() - replay_lsn, 0))::text, \
         max(extract(epoch FROM replay_lag))::text FROM pg_stat_replication";
    let row = link
        .texts(statement, stop)
        .await?
        .into_iter()
        .next()
        .unwrap_or_default();
    let cell = |at: usize| row.get(at).cloned().flatten();
    let number = |at: usize| cell(at).and_then(|value| value.parse::<u64>().ok());
    let mut unseen = Vec::new();
    if number(2) > number(3) {
        unseen.push("how far replicas are behind (needs pg_monitor)".to_owned());
    }
    Ok(Pressure {
        wal: number(0),
        replica_bytes: number(4),
        replica_seconds: cell(5).and_then(|value| value.parse().ok()),
        waiting: number(1),
        unseen,
    })
}

/// An open transaction. Dropped without an end, its connection is not used again, and the server
/// takes it back.
struct OpenWork<'d> {
    deleter: &'d mut PostgresDeleter,
    name: String,
    work: Work,
}

impl Staged for OpenWork<'_> {
    fn transaction(&self) -> &str {
        &self.name
    }

    fn deleted(&self) -> &[u64] {
        &self.work.deleted
    }

    fn left(&self) -> &[(RowMark, Left)] {
        &self.work.left
    }

    fn commit<'a>(self: Box<Self>) -> BoxFuture<'a, Result<(), StoreError>>
    where
        Self: 'a,
    {
        Box::pin(async move {
            let ended = self.deleter.link.end("COMMIT").await;
            self.deleter.is_open = ended.is_err();
            ended
        })
    }

    fn rollback<'a>(self: Box<Self>) -> BoxFuture<'a, Result<(), StoreError>>
    where
        Self: 'a,
    {
        Box::pin(async move {
            let ended = self.deleter.link.end("ROLLBACK").await;
            self.deleter.is_open = ended.is_err();
            ended
        })
    }
}
