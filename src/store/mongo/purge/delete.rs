//! Deletes archived documents, batch by batch.
//!
//! Where the server has transactions see `transaction`, where it has none see `single`. Chooses no
//! documents: the archive names them.

mod alone;
mod settle;
mod single;
mod transaction;

use std::collections::BTreeSet;
use std::sync::Arc;

use mongodb::bson::doc;
use tokio_util::sync::CancellationToken;

use crate::core::purge::plan::Plan;
use crate::core::purge::row::RowKey;
use crate::core::sanitise::safe;
use crate::store::mongo::numbers::counted;
use crate::store::mongo::purge::desk::{Desk, Rows, namespace};
use crate::store::mongo::purge::facts::Facts;
use crate::store::mongo::purge::{pressure, primary, refused};
use crate::store::mongo::source;
use crate::store::purger::{Batch, Deleter, Pressure, Settled, Staged};
use crate::store::{BoxFuture, StoreError};

/// Somebody who may delete.
pub struct MongoDeleter {
    desk: Arc<Desk>,
    /// What other purges of the collection call themselves, too, up to a word of each.
    calling: String,
    /// Whether other users' purges can be seen.
    sees_others: bool,
    /// Transactions begun.
    begun: u64,
    /// Documents of the current batch that were deleted one by one.
    gone: BTreeSet<RowKey>,
}

impl MongoDeleter {
    /// Connects, checks that everything is as planned, and that no other purge is at work.
    pub async fn open(
        target: &str,
        plan: &Plan,
        stop: &CancellationToken,
    ) -> Result<Self, StoreError> {
        let (database, name) = namespace(plan)?;
        let uuid = plan.identity.facts.iter().find(|(fact, _)| fact == "uuid");
        let uuid = uuid.map_or("", |(_, uuid)| uuid);
        let calling = format!("auditail purge {uuid}");
        let mut target = primary(target).await?;
        target.options.app_name = Some(format!("{calling} {}", alone::own_word()));
        let desk = Desk::open(target, database, name).await?;
        let Some(found) = desk.found(stop).await? else {
            return Err(refused(
                format!("{} is gone, or this user may not see it", desk.label),
                "grant find and remove on it",
            ));
        };
        let mut work = desk.link.work(&desk.label, stop).await?;
        let facts = Facts::of(&desk.link, &mut work, &found).await?;
        drop(work);
        let is_planned = facts.identity(&source::server(&desk.link)) == plan.identity;
        if !is_planned || plan.relations != [facts.relation()] {
            return Err(refused(
                format!("{} is not as it was when the plan was made", desk.label),
                "make a new plan; the archive stays as it is",
            ));
        }
        may_delete(&desk)?;
        let mut deleter = Self {
            desk: Arc::new(desk),
            calling,
            sees_others: true,
            begun: 0,
            gone: BTreeSet::new(),
        };
        deleter.alone(stop).await?;
        deleter.sweep().await;
        Ok(deleter)
    }
}

fn may_delete(desk: &Desk) -> Result<(), StoreError> {
    let (database, name) = (&desk.database, &desk.name);
    for action in ["find", "remove"] {
        if !desk.link.may(action, database, name) {
            return Err(refused(
                format!("this user may not {action} in {}", desk.label),
                &format!(
                    "db.createRole({{role: \"auditail_purge\", roles: [], privileges: [\
                     {{resource: {{db: \"{0}\", collection: \"{1}\"}}, actions: [\"find\", \"remove\"]}}, \
                     {{resource: {{db: \"{0}\", collection: \"\"}}, actions: [\"listCollections\"]}}]}}), \
                     and name its user with --delete-as",
                    safe(database),
                    safe(name)
                ),
            ));
        }
    }
    Ok(())
}

impl Deleter for MongoDeleter {
    fn stage<'a>(
        &'a mut self,
        batch: &'a Batch,
        _stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Box<dyn Staged + 'a>, StoreError>> {
        Box::pin(async move {
            let Some(rows) = batch.rows.first() else {
                return Err(refused("the batch is not of this plan", ""));
            };
            if self.desk.has_transactions() {
                return Ok(Box::new(self.transaction(rows).await?) as Box<dyn Staged>);
            }
            let staged = single::stage(&self.desk, rows, &mut self.gone).await?;
            Ok(Box::new(staged) as Box<dyn Staged>)
        })
    }

    fn second<'a>(
        &'a mut self,
        _stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Option<Box<dyn Deleter>>, StoreError>> {
        Box::pin(async move {
            // Two sessions of one client, which calls itself a purge as long as either is there.
            let second = self.desk.has_transactions().then(|| Self {
                desk: Arc::clone(&self.desk),
                calling: self.calling.clone(),
                sees_others: self.sees_others,
                begun: 0,
                gone: BTreeSet::new(),
            });
            Ok(second.map(|second| Box::new(second) as Box<dyn Deleter>))
        })
    }

    fn settle<'a>(
        &'a mut self,
        transaction: &'a str,
        batch: &'a Batch,
        _stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Settled, StoreError>> {
        Box::pin(async move {
            match batch.rows.first() {
                Some(rows) => self.find_out(transaction, rows).await,
                None => Err(refused("the batch is not of this plan", "")),
            }
        })
    }

    fn present<'a>(
        &'a mut self,
        batch: &'a Batch,
        _stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<u64, StoreError>> {
        Box::pin(async move {
            let Some(rows) = batch.rows.first() else {
                return Ok(0);
            };
            let ids = Rows::new(rows)?.ids;
            let mut command = doc! {
                "aggregate": &self.desk.name,
                "pipeline": [{"$match": {"_id": {"$in": ids}}}, {"$count": "n"}],
                "collation": {"locale": "simple"},
                "cursor": {},
            };
            if self.desk.has_transactions() {
                command.insert("readConcern", doc! {"level": "majority"});
            }
            let answer = self.desk.command(&self.desk.database, command).await;
            Ok(counted(&answer.map_err(|error| self.desk.failed(&error))?))
        })
    }

    fn is_free<'a>(
        &'a mut self,
        least: &'a RowKey,
        most: &'a RowKey,
        _stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Option<bool>, StoreError>> {
        Box::pin(self.desk.is_free([least, most]))
    }

    fn pressure<'a>(
        &'a mut self,
        _stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Pressure, StoreError>> {
        Box::pin(async move {
            let mut pressure = pressure::of(&self.desk).await?;
            if !self.sees_others {
                let others = "purges of the collection by other users (privilege inprog)";
                pressure.unseen.push(others.to_owned());
            }
            Ok(pressure)
        })
    }
}
