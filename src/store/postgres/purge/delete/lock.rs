//! What keeps two purges of a table apart, and the connections that hold it.

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::{PostgresDeleter, Ranges, Seat};
use crate::store::StoreError;
use crate::store::postgres::purge::facts;
use crate::store::postgres::purge::link::Link;
use crate::store::postgres::purge::probe::refused;
use crate::store::postgres::session::Purpose;
use crate::store::postgres::sql::quote::text;

/// Names our advisory locks among those of others; the table's number is the second half.
const LOCK: i32 = 0x6175_6469;
/// The same of a second connection, which may outlive the first for a moment.
const LOCK_OF_SECOND: i32 = 0x6175_646a;
/// How long a lock that may still be our own, of a lost connection, is waited for.
const LINGERING: Duration = Duration::from_secs(3);
impl PostgresDeleter {
    /// One for batches beside this one's. Triggers may have rows of two batches meet, and related
    /// rows take locks on their parents.
    pub(super) async fn open_second(
        &mut self,
        stop: &CancellationToken,
    ) -> Result<Option<Self>, StoreError> {
        if self.examined.targets.len() > 1 || self.events().has_triggers {
            return Ok(None);
        }
        let second = Self {
            params: self.params.clone(),
            link: self.another_link(stop).await?,
            plan: self.plan.clone(),
            examined: self.examined.clone(),
            bound: self.bound.clone(),
            time: self.time.clone(),
            is_open: false,
            ranges: Ranges::default(),
            seat: Seat::OfTwo,
        };
        second.take(LOCK_OF_SECOND, stop).await?;
        self.seat = Seat::OfTwo;
        Ok(Some(second))
    }

    /// Takes the store's own lock against a second purge, of which no second connection may be left
    /// either.
    pub(super) async fn lock(&self, stop: &CancellationToken) -> Result<(), StoreError> {
        self.take(LOCK, stop).await?;
        self.take(LOCK_OF_SECOND, stop).await?;
        let free = format!(
            "SELECT pg_advisory_unlock({})::text",
            self.key(LOCK_OF_SECOND)
        );
        self.link.value(&free, stop).await?;
        Ok(())
    }

    fn key(&self, lock: i32) -> String {
        let table = text(&self.events().quoted());
        format!("{lock}, hashtext({table})")
    }

    async fn take(&self, lock: i32, stop: &CancellationToken) -> Result<(), StoreError> {
        let statement = format!("SELECT pg_try_advisory_lock({})::text", self.key(lock));
        let begun = Instant::now();
        while self.link.value(&statement, stop).await?.as_deref() != Some("true") {
            if begun.elapsed() > LINGERING {
                let hint = "wait until it has ended; auditail purge status DIR shows how far it is";
                return Err(refused(
                    format!("another purge of {} is running", self.events().label),
                    hint,
                ));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    /// A connection without a transaction: another one where the last was left in the middle.
    pub(super) async fn ready(&mut self, stop: &CancellationToken) -> Result<(), StoreError> {
        if !self.is_open && !self.link.is_closed() && self.link.session().is_usable() {
            return Ok(());
        }
        if self.seat == Seat::OfTwo {
            return Err(StoreError::Lost {
                name: self.events().label.clone(),
                message: "one of the purge's connections is gone".to_owned(),
            });
        }
        self.link = self.another_link(stop).await?;
        self.is_open = false;
        self.lock(stop).await
    }

    /// Another connection to the same server.
    async fn another_link(&self, stop: &CancellationToken) -> Result<Link, StoreError> {
        let label = self.events().label.clone();
        let link = Link::open(&self.params, Purpose::Change, &label).await?;
        let server = facts::server(&link, stop).await?;
        let before = &self.examined.server;
        if (&server.system, &server.timeline) != (&before.system, &before.timeline) {
            let hint = "another server has taken over; look at what came back with it, and resume";
            return Err(refused(format!("{label} is on another server now"), hint));
        }
        Ok(link)
    }
}
