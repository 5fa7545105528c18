//! Pages by keyset, both ways.
//!
//! Audit collections have an index on time, hardly ever one on (time, `_id`). Sorting by both would
//! make the server sort everything; so documents come by time alone and those of one instant are
//! put in order here. An instant with very many documents is asked for by itself.
//!
//! A filter that no index helps walks through time in slices, so that it can be stopped and shows
//! how far it is. What breaks in the middle goes on after the last event that was passed on.

mod ahead;
mod finder;
mod group;
mod walk;

use std::sync::Arc;
use std::time::Duration;

use mongodb::bson::{Document, doc};
use mongodb::options::{FindOptions, Hint};
use tokio::sync::mpsc::Sender;
use tokio_util::sync::CancellationToken;

use crate::core::bson::Raw;
use crate::core::event::{Cursor, Event, KeyPart};
use crate::core::query::predicate::Predicate;
use crate::store::mongo::batch::Batch;
use crate::store::mongo::filter::{self, Condition};
use crate::store::mongo::link::Work;
use crate::store::mongo::order::{Arrays, Section, Way};
use crate::store::mongo::page::ahead::{Ahead, Decoder, Pace};
use crate::store::mongo::page::group::{Group, settle};
use crate::store::mongo::rows::{RowReader, malformed};
use crate::store::mongo::source::{Ordering as Served, Source};
use crate::store::{Exactness, PageEnd, PageFrom, PageItem, PageRequest, StoreError};

/// Documents of one batch at most; the server ends a batch at 16 MB besides.
const BATCH: u32 = 500;
/// How often a page goes on after a lost connection.
const ATTEMPTS: u32 = 6;

/// Answers a page request.
pub async fn page(
    source: &Source,
    request: PageRequest,
    out: Sender<PageItem>,
    stop: &CancellationToken,
) -> Result<PageEnd, StoreError> {
    let (way, mut cursor) = match request.from {
        PageFrom::Newest => (Way::Back, None),
        PageFrom::Oldest => (Way::Forth, None),
        PageFrom::Before(cursor) => (Way::Back, Some(cursor)),
        PageFrom::After(cursor) => (Way::Forth, Some(cursor)),
    };
    let condition = filter::compile(&request.predicate, &source.profile, &source.order);
    let Condition {
        filter: Some(filter),
        exactness,
    } = condition
    else {
        return Ok(PageEnd::Exhausted);
    };
    let mut batch = Batch::new(out, request.limit, stop);
    let decoder = Arc::new(Decoder {
        profile: source.profile.clone(),
        order: source.order.clone(),
        need: request.payload,
        check: (exactness == Exactness::Superset).then(|| request.predicate.clone()),
    });
    let mut attempt = 0;
    loop {
        let mut pager = Pager {
            source,
            work: source.link.work(&source.label, stop).await?,
            filter: &filter,
            exactness,
            check: (exactness == Exactness::Superset).then_some(&*request.predicate),
            predicate: &request.predicate,
            way,
            hint: None,
            reader: RowReader::new(&source.profile, &source.order, request.payload),
            decoder: decoder.clone(),
            batch: &mut batch,
            stop,
        };
        let error = match pager.run(cursor.as_ref()).await {
            Ok(()) => break,
            Err(error) => error,
        };
        attempt += 1;
        if !matches!(error, StoreError::Lost { .. }) || attempt >= ATTEMPTS {
            return Err(error);
        }
        cursor = batch.last().cloned().or(cursor);
        let wait = Duration::from_millis(200 << attempt);
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = stop.cancelled() => return Err(StoreError::Cancelled),
        }
    }
    batch.flush().await?;
    Ok(if batch.is_full() {
        PageEnd::Limit
    } else {
        PageEnd::Exhausted
    })
}

struct Pager<'p, 'b> {
    source: &'p Source,
    work: Work<'p>,
    filter: &'p Document,
    exactness: Exactness,
    /// What every document is checked against, where the server's condition is wider.
    check: Option<&'p Predicate>,
    predicate: &'p Predicate,
    way: Way,
    /// The index that finds the filter's documents, where one does.
    hint: Option<Hint>,
    reader: RowReader<'p>,
    decoder: Arc<Decoder>,
    batch: &'p mut Batch<'b>,
    stop: &'p CancellationToken,
}

/// Why a stream of documents ended.
enum Ended {
    /// There are no more.
    Exhausted,
    /// The last instant may have more documents than were read.
    Torn(KeyPart),
}

/// What taking a document in led to.
#[derive(PartialEq, Eq)]
enum Gathered {
    /// There is room for more.
    Fine,
    /// One instant has more documents than are sorted here.
    TooMuch,
}

impl Pager<'_, '_> {
    async fn run(&mut self, cursor: Option<&Cursor>) -> Result<(), StoreError> {
        let in_section = cursor.filter(|cursor| !cursor.at.is_dated());
        let among_dated = cursor.filter(|cursor| cursor.at.is_dated());
        match self.way {
            Way::Back => {
                if in_section.is_none() {
                    self.dated(among_dated).await?;
                }
                self.undated(in_section).await
            }
            Way::Forth => {
                if among_dated.is_none() {
                    self.undated(in_section).await?;
                }
                self.dated(among_dated).await
            }
        }
    }

    async fn dated(&mut self, cursor: Option<&Cursor>) -> Result<(), StoreError> {
        if self.batch.is_full() {
            return Ok(());
        }
        let mut from = None;
        if let Some(cursor) = cursor {
            self.instant(&cursor.time, Some(cursor)).await?;
            from = Some(cursor.time.clone());
        }
        let (since, until) = self.predicate.time_bounds();
        let is_range =
            filter::bounds(&self.source.order, since, until).as_ref() == Some(self.filter);
        let everything = self.filter.is_empty() || (is_range && self.check.is_none());
        if everything || self.source.served == Served::Sorted {
            return self.stream(from, None).await;
        }
        self.hint = self.finder().await?.map(Hint::Name);
        if self.hint.is_some() {
            return self.stream(from, None).await;
        }
        self.walk(from).await
    }

    /// Everything strictly beyond `from`, to `edge` inclusive.
    async fn stream(
        &mut self,
        mut from: Option<KeyPart>,
        edge: Option<&KeyPart>,
    ) -> Result<(), StoreError> {
        loop {
            if self.batch.is_full() {
                return Ok(());
            }
            match self.bring(from.as_ref(), edge).await? {
                Ended::Exhausted => return Ok(()),
                Ended::Torn(time) => {
                    self.instant(&time, None).await?;
                    from = Some(time);
                }
            }
        }
    }

    /// How many documents to ask for: one more than wanted tells whether the last instant is whole.
    /// None where some will be left out here.
    fn limit(&self) -> Option<i64> {
        let is_sure = self.source.order.arrays == Arrays::None;
        match (self.exactness, is_sure, self.batch.left) {
            (Exactness::Exact, true, Some(left)) => {
                Some(i64::try_from(left).unwrap_or(i64::MAX - 1) + 1)
            }
            _ => None,
        }
    }

    fn options(&self, limit: Option<i64>) -> FindOptions {
        let sign = self.way.sign();
        let field = &self.source.order.field;
        let mut options = FindOptions::default();
        options.sort = Some(match self.source.served {
            Served::ByTime => doc! {field: sign},
            Served::Exactly | Served::Sorted => doc! {field: sign, "_id": sign},
        });
        let is_sorting = self.source.served == Served::Sorted || self.hint.is_some();
        options.allow_disk_use = is_sorting.then_some(true);
        options.hint.clone_from(&self.hint);
        options.limit = limit;
        let wanted = limit.and_then(|most| u32::try_from(most).ok());
        options.batch_size = Some(wanted.unwrap_or(BATCH).min(BATCH));
        options
    }

    /// One `find` by time.
    async fn bring(
        &mut self,
        from: Option<&KeyPart>,
        edge: Option<&KeyPart>,
    ) -> Result<Ended, StoreError> {
        let mut filter = self.range(from, edge);
        if !self.filter.is_empty() {
            filter = doc! {"$and": [filter, self.filter.clone()]};
        }
        let limit = self.limit();
        let options = self.options(limit);
        let mut rows = self
            .work
            .find(&self.source.collection(), filter, options)
            .await?;
        let mut group = Group::default();
        let mut read = 0;
        let mut ahead = Ahead::new(self.decoder.clone(), self.pace());
        let mut is_over = false;
        while !is_over {
            match self.work.next(&mut rows).await? {
                Some(batch) => ahead.take(batch),
                None => is_over = true,
            }
            while let Some(decoded) = if is_over {
                ahead.next().await?
            } else {
                ahead.due().await?
            } {
                read += decoded.read;
                if self.gather(decoded.events, &mut group).await? == Gathered::TooMuch
                    && let Some(time) = group.time
                {
                    return Ok(Ended::Torn(time));
                }
                if self.batch.is_full() {
                    return Ok(Ended::Exhausted);
                }
            }
        }
        if limit.is_some_and(|limit| read >= limit)
            && let Some(time) = group.time
        {
            // Full already, or the limit fell into this instant.
            return Ok(Ended::Torn(time));
        }
        self.emit(&mut group).await?;
        Ok(Ended::Exhausted)
    }

    /// Lists are read a page at a time; only what has no end is worth reading ahead.
    fn pace(&self) -> Pace {
        if self.batch.left.is_none() {
            Pace::Ahead
        } else {
            Pace::InStep
        }
    }

    /// Takes documents in: passes them on, but for those whose instant may not be over.
    async fn gather(
        &mut self,
        mut events: Vec<Event>,
        group: &mut Group,
    ) -> Result<Gathered, StoreError> {
        // An array with a time in it; it belongs to the other section.
        events.retain(|event| event.cursor.at.is_dated());
        if self.source.served != Served::ByTime {
            self.batch.extend(events).await?;
            return Ok(Gathered::Fine);
        }
        let goes_on = events
            .iter()
            .take_while(|event| group.is_open_for(&event.cursor.time))
            .count();
        for event in events.drain(..goes_on) {
            group.add(event);
            if group.is_too_large() {
                return Ok(Gathered::TooMuch);
            }
        }
        if events.is_empty() {
            return Ok(Gathered::Fine);
        }
        self.emit(group).await?;
        let last = settle(&mut events, self.way);
        for event in events.drain(last..) {
            group.add(event);
        }
        self.batch.extend(events).await?;
        Ok(if group.is_too_large() {
            Gathered::TooMuch
        } else {
            Gathered::Fine
        })
    }

    /// Passes the documents of one instant on, in the order of their ids.
    async fn emit(&mut self, group: &mut Group) -> Result<(), StoreError> {
        self.batch.extend(group.take(self.way)).await
    }

    /// The documents of one instant, from a cursor among them on, sorted by the server.
    async fn instant(&mut self, time: &KeyPart, cursor: Option<&Cursor>) -> Result<(), StoreError> {
        let order = &self.source.order;
        let mut parts = vec![doc! {&order.field: order.time(time)}];
        parts.extend(cursor.and_then(|cursor| self.beyond(cursor)));
        self.by_id(parts, None).await
    }

    /// Documents of some condition in the order of their ids.
    async fn by_id(
        &mut self,
        mut parts: Vec<Document>,
        section: Option<Section>,
    ) -> Result<(), StoreError> {
        if self.batch.is_full() {
            return Ok(());
        }
        if !self.filter.is_empty() {
            parts.push(self.filter.clone());
        }
        let mut options = FindOptions::default();
        options.sort = Some(doc! {"_id": self.way.sign()});
        options.allow_disk_use = Some(true);
        options.batch_size = Some(BATCH);
        let is_sure = self.source.order.arrays == Arrays::None;
        if let (Exactness::Exact, true, Some(left)) = (self.exactness, is_sure, self.batch.left) {
            options.limit = i64::try_from(left).ok();
        }
        if let (Some(_), true, Some(index)) = (section, is_sure, &self.source.index) {
            // Else the planner may walk over all documents in the order of their ids.
            options.hint = Some(Hint::Name(index.clone()));
        }
        let filter = doc! {"$and": parts};
        let mut rows = self
            .work
            .find(&self.source.collection(), filter, options)
            .await?;
        while let Some(batch) = self.work.next(&mut rows).await? {
            for document in documents(&batch)? {
                let Some(event) = self.reader.read(document?, self.check)? else {
                    continue;
                };
                if Section::of(event.cursor.at) != section {
                    continue;
                }
                if self.batch.is_full() {
                    return Ok(());
                }
                self.batch.push(event).await?;
            }
            if self.stop.is_cancelled() {
                return Err(StoreError::Cancelled);
            }
        }
        Ok(())
    }

    /// The documents without a time, from a place in their section on.
    async fn undated(&mut self, cursor: Option<&Cursor>) -> Result<(), StoreError> {
        let bounds = self.predicate.time_bounds();
        if cursor.is_none() && bounds.0.is_some() && bounds.1.is_some() {
            // Nothing without a moment is inside a closed range.
            return Ok(());
        }
        let mut sections = Section::ALL;
        if self.way == Way::Forth {
            sections.reverse();
        }
        let begin = cursor.and_then(|cursor| Section::of(cursor.at));
        let first = sections
            .iter()
            .position(|section| begin.is_none_or(|at| at == *section));
        for (place, section) in sections.into_iter().enumerate().skip(first.unwrap_or(0)) {
            let Some(condition) = self.source.order.undated(section) else {
                continue;
            };
            let mut parts = vec![condition];
            if let (Some(cursor), true) = (cursor, Some(place) == first) {
                parts.extend(self.beyond(cursor));
            }
            self.by_id(parts, Some(section)).await?;
        }
        Ok(())
    }
}

/// The documents of a batch.
pub fn documents(
    batch: &mongodb::raw_batch_cursor::RawBatch,
) -> Result<impl Iterator<Item = Result<Raw<'_>, StoreError>>, StoreError> {
    let broken = || malformed(crate::core::bson::Malformed);
    let slices = batch.doc_slices().map_err(|_| broken())?;
    Ok(slices.into_iter().map(move |value| {
        let value = value.map_err(|_| broken())?;
        let document = value.as_document().ok_or_else(broken)?;
        Raw::new(document.as_bytes()).map_err(malformed)
    }))
}
