//! Finding the place in the ring: where a tail begins, and where it goes on.

use std::collections::HashSet;

use mongodb::bson::{Document, doc};

use crate::core::event::{Cursor, EventId};
use crate::core::instant::Micros;
use crate::store::mongo::discover::unsigned;
use crate::store::mongo::failure;
use crate::store::mongo::filter;
use crate::store::mongo::link::Work;
use crate::store::mongo::order::{Section, Way, id_of};
use crate::store::mongo::page::documents;
use crate::store::mongo::tail::Tail;
use crate::store::mongo::tail::ring::{BATCH, LAPPED, MEANS, Opening, RECENT, Ring};
use crate::store::overlap::Missed;
use crate::store::{StoreError, TailFrom};

/// Documents that may be overwritten between the count and the cursor that relies on it.
const MARGIN: u64 = 1_000;

/// What a cursor has to begin with.
pub(super) enum Start {
    /// Everything there is.
    Oldest,
    /// What follows a document.
    After {
        /// The document.
        id: EventId,
        /// How many of those before it need not be read.
        skip: u64,
    },
}

impl Tail<'_> {
    /// Remembers what is there when the tail begins, and tells what of it was asked for.
    pub(super) async fn take_place(
        &mut self,
        work: &mut Work<'_>,
        ring: &mut Ring,
        now: Micros,
    ) -> Result<(), StoreError> {
        if let Some(missed) = self.overlap.begin(now) {
            self.gap(missed).await?;
        }
        let resume = self.request.resume.as_ref();
        let known = resume.map_or(&[][..], |checkpoint| &checkpoint.seen);
        if !known.is_empty() {
            ring.recent = known.iter().map(|(id, _)| id.clone()).collect();
            return Ok(());
        }
        let newest = self.newest(work).await?;
        for (_, id) in newest.iter().rev() {
            ring.remember(id.clone());
        }
        if let Some((last, _)) = newest.first()
            && (resume.is_some() || self.request.from != TailFrom::Now)
        {
            self.backlog(work, ring, last).await?;
        }
        self.last = ring.recent.back().cloned();
        self.completed(Some(MEANS)).await
    }

    /// The newest documents, by their ids alone.
    async fn newest(&self, work: &mut Work<'_>) -> Result<Vec<(Cursor, EventId)>, StoreError> {
        let mut options = self.options();
        options.sort = Some(doc! {"$natural": Way::Back.sign()});
        options.projection = Some(doc! {"_id": 1});
        options.limit = i64::try_from(RECENT).ok();
        let mut rows = work
            .find(&self.source.collection(), doc! {}, options)
            .await?;
        let mut newest = Vec::new();
        while let Some(batch) = work.next(&mut rows).await? {
            for document in documents(&batch)? {
                newest.push(self.reader.cursor(document?)?);
            }
        }
        Ok(newest)
    }

    /// Tells what the ring holds since the low end, up to the document that was the last when the
    /// tail began.
    async fn backlog(
        &mut self,
        work: &mut Work<'_>,
        ring: &mut Ring,
        last: &Cursor,
    ) -> Result<(), StoreError> {
        let low = self.overlap.low();
        let mut options = self.options();
        options.sort = Some(doc! {"$natural": Way::Forth.sign()});
        options.batch_size = Some(BATCH);
        let condition = self.since(low, last);
        let collection = self.source.collection();
        let mut rows = work.find(&collection, condition, options).await?;
        loop {
            let batch = match work.try_next(&mut rows).await? {
                Ok(Some(batch)) => batch,
                Ok(None) => break,
                Err(error) => {
                    self.gone(work, &error)?;
                    break;
                }
            };
            let mut seen = Vec::new();
            let mut is_over = false;
            for document in documents(&batch)? {
                let document = document?;
                let (cursor, id) = self.reader.cursor(document)?;
                is_over = cursor.key == last.key;
                ring.remember(id);
                if cursor.at.instant().is_none_or(|at| at >= low) {
                    seen.push(self.see(document)?);
                }
                if is_over {
                    break;
                }
            }
            self.pass_on(seen).await?;
            if is_over {
                return Ok(());
            }
        }
        let now = work.now().await?;
        self.lapped(low, now).await
    }

    /// The condition of every document since an instant, of those without a time, and of one more.
    fn since(&self, low: Micros, last: &Cursor) -> Document {
        let order = &self.source.order;
        let dated = doc! {&order.field: order.dated()};
        let bounds = filter::bounds(order, Some(low), None).unwrap_or_default();
        let mut ways = vec![doc! {"$and": [dated, bounds]}];
        ways.extend(
            Section::ALL
                .iter()
                .filter_map(|section| order.undated(*section)),
        );
        ways.extend(id_of(&last.key).map(|id| doc! {"_id": id}));
        doc! {"$or": ways}
    }

    /// Where the next cursor begins. What was read last may have been overwritten; that is said.
    pub(super) async fn start(
        &mut self,
        work: &mut Work<'_>,
        ring: &mut Ring,
    ) -> Result<Start, StoreError> {
        if ring.recent.is_empty() {
            return Ok(Start::Oldest);
        }
        let Some((id, behind)) = self.find_place(work, ring).await? else {
            let now = work.now().await?;
            let from = self
                .overlap
                .completeness()
                .map_or(now, |complete| complete.to);
            self.lapped(from, now).await?;
            ring.recent.clear();
            return Ok(Start::Oldest);
        };
        ring.remember(id.clone());
        self.last = Some(id.clone());
        if ring.opening == Opening::AtTheOldest {
            return Ok(Start::After { id, skip: 0 });
        }
        let found = &self.source.found;
        let count = work
            .command(&found.database, doc! {"count": &found.name})
            .await?;
        let count = count.get("n").and_then(unsigned).unwrap_or(0);
        let skip = count.saturating_sub(behind + 1 + MARGIN);
        Ok(Start::After { id, skip })
    }

    /// The newest document that is known, and how many come after it.
    async fn find_place(
        &self,
        work: &mut Work<'_>,
        ring: &Ring,
    ) -> Result<Option<(EventId, u64)>, StoreError> {
        let known: HashSet<&EventId> = ring.recent.iter().collect();
        let mut options = self.options();
        options.sort = Some(doc! {"$natural": Way::Back.sign()});
        options.projection = Some(doc! {"_id": 1});
        let mut rows = work
            .find(&self.source.collection(), doc! {}, options)
            .await?;
        let mut behind = 0;
        loop {
            let batch = match work.try_next(&mut rows).await? {
                Ok(Some(batch)) => batch,
                Ok(None) => return Ok(None),
                // What would come next has been overwritten.
                Err(error) if failure::code(&error) == Some(LAPPED) => return Ok(None),
                Err(error) => return Err(work.failed(&error)),
            };
            for document in documents(&batch)? {
                let (_, id) = self.reader.cursor(document?)?;
                if known.contains(&id) {
                    return Ok(Some((id, behind)));
                }
                behind += 1;
            }
        }
    }

    async fn lapped(&mut self, from: Micros, to: Micros) -> Result<(), StoreError> {
        let because = "the capped collection has overwritten what came next, or it was emptied";
        self.gap(Missed {
            from: from.min(to),
            to,
            because: because.to_owned(),
        })
        .await
    }
}
