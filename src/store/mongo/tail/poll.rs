//! One reading of the window: dated documents from its low end on, the newest without a time, and
//! those that are still open.

use mongodb::bson::{Bson, Document, doc};
use mongodb::options::{FindOptions, Hint};

use crate::core::event::{Cursor, EventId};
use crate::core::instant::{At, Micros};
use crate::core::profile::Changes;
use crate::store::mongo::filter;
use crate::store::mongo::link::Work;
use crate::store::mongo::order::{Arrays, Section, Way, id_of, ids_with_text};
use crate::store::mongo::page::documents;
use crate::store::mongo::tail::{Seen, Tail, UNCHANGING};
use crate::store::overlap::{Glance, UNDATED_MOST};
use crate::store::{StoreError, TailItem};

/// Documents glanced at before news are fetched and told.
const GLANCES: usize = 1_000;
/// Documents of one batch.
const BATCH: u32 = 1_000;

/// A document of which only its place is known.
struct Glanced {
    cursor: Cursor,
    id: EventId,
}

impl Tail<'_> {
    /// Reads the window once; how many events were told. The instant was read before.
    pub(super) async fn poll(
        &mut self,
        work: &mut Work<'_>,
        now: Micros,
    ) -> Result<usize, StoreError> {
        if let Some(missed) = self.overlap.begin(now) {
            self.gap(missed).await?;
        }
        let mut told = self.window(work).await?;
        told += self.undated(work).await?;
        told += self.unsettled(work).await?;
        Ok(told)
    }

    /// The dated documents from the window's low end on.
    async fn window(&mut self, work: &mut Work<'_>) -> Result<usize, StoreError> {
        let order = &self.source.order;
        let mut condition = doc! {&order.field: order.dated()};
        if let Some(bounds) = filter::bounds(order, Some(self.overlap.low()), None) {
            condition = doc! {"$and": [condition, bounds]};
        }
        let mut options = FindOptions::default();
        options.sort = Some(doc! {&order.field: Way::Forth.sign()});
        options.batch_size = Some(BATCH);
        options.allow_disk_use = Some(true);
        let glances = self.source.profile.changes == Changes::Never;
        options.projection = glances.then(|| doc! {&order.field: 1});
        let mut rows = work
            .find(&self.source.collection(), condition, options)
            .await?;
        let mut told = 0;
        while let Some(batch) = work.next(&mut rows).await? {
            let (mut seen, mut places, mut last) = (Vec::new(), Vec::new(), None);
            for document in documents(&batch)? {
                let document = document?;
                let (cursor, id) = self.reader.cursor(document)?;
                let At::Instant(at) = cursor.at else { continue };
                last = Some(at);
                if glances {
                    places.push(Glanced { cursor, id });
                    continue;
                }
                let version = self.version(document);
                if self.overlap.glance(&id, &version, cursor.at) == Glance::Look {
                    seen.push(self.see(document)?);
                }
            }
            told += self.pass_on(seen).await?;
            told += self.look(work, places).await?;
            if let Some(at) = last {
                self.overlap.caught_up_to(at);
            }
        }
        Ok(told)
    }

    /// The newest of the documents without a time.
    async fn undated(&mut self, work: &mut Work<'_>) -> Result<usize, StoreError> {
        let order = &self.source.order;
        let mut all: Vec<Seen> = Vec::new();
        for section in Section::ALL {
            let Some(condition) = order.undated(section) else {
                continue;
            };
            let mut options = FindOptions::default();
            options.sort = Some(doc! {"_id": Way::Back.sign()});
            options.limit = i64::try_from(UNDATED_MOST).ok();
            options.batch_size = Some(BATCH);
            if let (Arrays::None, Some(index)) = (order.arrays, &self.source.index) {
                options.hint = Some(Hint::Name(index.clone()));
            }
            let mut rows = work
                .find(&self.source.collection(), condition, options)
                .await?;
            while let Some(batch) = work.next(&mut rows).await? {
                for document in documents(&batch)? {
                    let document = document?;
                    let (cursor, _) = self.reader.cursor(document)?;
                    if Section::of(cursor.at) == Some(section) {
                        all.push(self.see(document)?);
                    }
                }
            }
        }
        let places: Vec<(Cursor, EventId)> = all
            .iter()
            .map(|seen| (seen.event.cursor.clone(), seen.event.id.clone()))
            .collect();
        self.overlap.undated(&places);
        all.retain(|seen| {
            let Seen { event, version, .. } = seen;
            self.overlap.glance(&event.id, version, event.at()) == Glance::Look
        });
        all.reverse();
        self.pass_on(all).await
    }

    /// Documents that left the window before they were settled.
    async fn unsettled(&mut self, work: &mut Work<'_>) -> Result<usize, StoreError> {
        let open = self.overlap.unsettled();
        let ids: Vec<Bson> = open
            .iter()
            .flat_map(|id| ids_with_text(id.as_str()))
            .collect();
        self.look_at(work, ids).await
    }

    /// Reads those of the documents in full that are news.
    async fn look(
        &mut self,
        work: &mut Work<'_>,
        places: Vec<Glanced>,
    ) -> Result<usize, StoreError> {
        let ids: Vec<Bson> = places
            .iter()
            .filter(|place| {
                let Glanced { cursor, id } = place;
                self.overlap.glance(id, UNCHANGING, cursor.at) == Glance::Look
            })
            .filter_map(|place| id_of(&place.cursor.key))
            .collect();
        self.look_at(work, ids).await
    }

    async fn look_at(&mut self, work: &mut Work<'_>, ids: Vec<Bson>) -> Result<usize, StoreError> {
        let mut told = 0;
        for ids in ids.chunks(GLANCES) {
            let condition: Document = doc! {"_id": {"$in": ids.to_vec()}};
            let options = FindOptions::builder().batch_size(BATCH).build();
            let mut rows = work
                .find(&self.source.collection(), condition, options)
                .await?;
            // Nothing is recorded before all of it is here: what is recorded counts as told.
            let mut seen = Vec::new();
            while let Some(batch) = work.next(&mut rows).await? {
                for document in documents(&batch)? {
                    seen.push(self.see(document?)?);
                }
            }
            seen.sort_by(|a, b| a.event.cursor.cmp(&b.event.cursor));
            told += self.pass_on(seen).await?;
        }
        Ok(told)
    }

    /// Records what was read, and passes the news on.
    pub(super) async fn pass_on(&mut self, seen: Vec<Seen>) -> Result<usize, StoreError> {
        let events = self.tell(seen);
        let told = events.len();
        if told > 0 {
            self.outlet.send(TailItem::Events(events)).await?;
        }
        Ok(told)
    }
}
