//! Where a page looks: ranges of time, and slices of them for filters no index helps.

use std::time::{Duration, Instant};

use mongodb::bson::{Bson, Document, doc};
use mongodb::options::FindOptions;

use crate::core::event::{Cursor, KeyPart};
use crate::core::instant::At;
use crate::store::mongo::filter;
use crate::store::mongo::order::{Way, id_of};
use crate::store::mongo::page::{Pager, documents};
use crate::store::{PageItem, Progress, StoreError};

/// Documents of the first slice of a walk.
const FIRST_SLICE: u64 = 10_000;
/// Time one slice should take.
const SLICE_TIME: Duration = Duration::from_millis(250);

impl Pager<'_, '_> {
    /// Slice by slice through time.
    pub(super) async fn walk(&mut self, mut from: Option<KeyPart>) -> Result<(), StoreError> {
        let extent = self.extent(from.as_ref()).await?;
        let mut rows = FIRST_SLICE;
        loop {
            if self.batch.is_full() {
                return Ok(());
            }
            let begun = Instant::now();
            let edge = self.edge(from.as_ref(), self.way, rows).await?;
            self.stream(from.clone(), edge.as_ref().map(|(_, edge)| edge))
                .await?;
            self.batch.flush().await?;
            let Some((at, edge)) = edge else {
                return Ok(());
            };
            if self.batch.is_full() {
                return Ok(());
            }
            self.report(at, extent).await?;
            from = Some(edge);
            let pace = SLICE_TIME.as_secs_f64() / begun.elapsed().as_secs_f64().max(0.001);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                clippy::cast_precision_loss,
                reason = "a number of documents that is kept between bounds"
            )]
            let next = (rows as f64 * pace.clamp(0.25, 4.0)) as u64;
            rows = next.clamp(2_000, 2_000_000);
        }
    }

    async fn report(&mut self, at: At, extent: Option<[i64; 2]>) -> Result<(), StoreError> {
        let fraction = extent.zip(at.instant()).map(|([first, last], at)| {
            let done = match self.way {
                Way::Back => last.saturating_sub(at.0),
                Way::Forth => at.0.saturating_sub(first),
            };
            #[expect(clippy::cast_precision_loss, reason = "a share for a progress bar")]
            let share = done as f64 / last.saturating_sub(first).max(1) as f64;
            share.clamp(0.0, 1.0)
        });
        self.batch
            .send(PageItem::Progress(Progress {
                looked_to: at,
                fraction,
            }))
            .await
    }

    /// The place `rows` documents further on; `None` when there are not so many left.
    async fn edge(
        &mut self,
        from: Option<&KeyPart>,
        way: Way,
        rows: u64,
    ) -> Result<Option<(At, KeyPart)>, StoreError> {
        let mut options = FindOptions::default();
        options.sort = Some(doc! {&self.source.order.field: way.sign()});
        options.skip = Some(rows);
        options.limit = Some(1);
        // The index alone answers.
        options.projection = Some(doc! {&self.source.order.field: 1, "_id": 0});
        let range = self.range(from, None);
        let mut found = self
            .work
            .find(&self.source.collection(), range, options)
            .await?;
        let mut edge = None;
        while let Some(batch) = self.work.next(&mut found).await? {
            for document in documents(&batch)? {
                edge = Some(self.source.order.place(document?));
            }
        }
        Ok(edge.filter(|(at, _)| at.is_dated()))
    }

    /// First and last instant of the walk, for its progress.
    async fn extent(&mut self, from: Option<&KeyPart>) -> Result<Option<[i64; 2]>, StoreError> {
        let mut ends = [Way::Forth, Way::Back].map(|way| (way, None));
        for (way, end) in &mut ends {
            let found = self.edge(from, *way, 0).await?;
            *end = found.and_then(|(at, _)| at.instant());
        }
        Ok(match ends {
            [(_, Some(first)), (_, Some(last))] => Some([first.0, last.0]),
            _ => None,
        })
    }

    /// Ids strictly beyond that of a cursor, across types.
    pub(super) fn beyond(&self, cursor: &Cursor) -> Option<Document> {
        let id = id_of(&cursor.key)?;
        let literal: Bson = doc! {"$literal": id}.into();
        Some(doc! {"$expr": {self.way.beyond(): ["$_id", literal]}})
    }

    /// The dated documents strictly beyond `from`, to `edge` inclusive, inside the predicate's own
    /// bounds.
    pub(super) fn range(&self, from: Option<&KeyPart>, edge: Option<&KeyPart>) -> Document {
        let order = &self.source.order;
        let mut range = order.dated();
        let (towards, back) = match self.way {
            Way::Back => ("$lt", "$gte"),
            Way::Forth => ("$gt", "$lte"),
        };
        if let Some(from) = from {
            replace(&mut range, towards, order.time(from));
        }
        if let Some(edge) = edge {
            replace(&mut range, back, order.time(edge));
        }
        let plain = doc! {&order.field: range};
        let bounds = self.predicate.time_bounds();
        if bounds == (None, None) {
            return plain;
        }
        // The index on time serves these even where the whole condition has alternatives.
        match filter::bounds(order, bounds.0, bounds.1) {
            Some(bounds) => doc! {"$and": [plain, bounds]},
            None => plain,
        }
    }
}

/// Sets one side of a range, in place of whatever is set on that side.
fn replace(range: &mut Document, operator: &str, value: Bson) {
    let side = if operator.starts_with("$l") {
        ["$lt", "$lte"]
    } else {
        ["$gt", "$gte"]
    };
    for name in side {
        range.remove(name);
    }
    range.insert(operator, value);
}
