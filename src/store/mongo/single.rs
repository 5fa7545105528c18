//! One document in full, the ends of the collection, and the sample that completion learns from.

use mongodb::bson::{Document, doc};
use mongodb::options::FindOptions;
use tokio_util::sync::CancellationToken;

use crate::core::bson::render;
use crate::core::event::{Cursor, Event};
use crate::core::instant::Micros;
use crate::core::json::FlatJson;
use crate::core::path::Path;
use crate::core::query::catalog::Catalog;
use crate::store::membership::{MOST, PairRows, Pairs};
use crate::store::mongo::link::Work;
use crate::store::mongo::order::{Way, id_of};
use crate::store::mongo::page::documents;
use crate::store::mongo::rows::{RowReader, malformed};
use crate::store::mongo::source::{Ordering, Source};
use crate::store::{PayloadNeed, StoreError};

/// Documents a catalogue is learned from.
const SAMPLE: i64 = 300;

/// The event at a cursor with its whole payload.
pub async fn fetch(
    source: &Source,
    cursor: &Cursor,
    stop: &CancellationToken,
) -> Result<Option<Event>, StoreError> {
    let Some(id) = id_of(&cursor.key) else {
        return Ok(None);
    };
    let mut work = source.link.work(&source.label, stop).await?;
    let options = FindOptions::builder().limit(1).build();
    let filter = doc! {"_id": id};
    let mut rows = work.find(&source.collection(), filter, options).await?;
    let mut reader = RowReader::new(&source.profile, &source.order, PayloadNeed::Whole);
    let mut event = None;
    while let Some(batch) = work.next(&mut rows).await? {
        for document in documents(&batch)? {
            event = reader.read(document?, None)?;
        }
    }
    Ok(event)
}

/// Names and values of the newest documents.
pub async fn catalog(source: &Source, stop: &CancellationToken) -> Result<Catalog, StoreError> {
    let mut catalog = Catalog::new(&source.description.name, &source.profile);
    let mut work = source.link.work(&source.label, stop).await?;
    let mut options = FindOptions::default();
    options.limit = Some(SAMPLE);
    let mut filter = Document::new();
    if source.served != Ordering::Sorted {
        options.sort = Some(doc! {&source.order.field: Way::Back.sign()});
        filter = doc! {&source.order.field: source.order.dated()};
    }
    let mut rows = work.find(&source.collection(), filter, options).await?;
    let mut reader = RowReader::new(&source.profile, &source.order, PayloadNeed::Head);
    while let Some(batch) = work.next(&mut rows).await? {
        for document in documents(&batch)? {
            reader.visit(document?, None, |event, record| {
                catalog.learn(&event, record);
            })?;
        }
    }
    Ok(catalog)
}

/// Two paths of the documents of another collection; each value of a list makes a pair.
pub async fn pairs(
    source: &Source,
    pairs: Pairs,
    stop: &CancellationToken,
) -> Result<Option<PairRows>, StoreError> {
    let mut work = source.link.work(&pairs.table, stop).await?;
    let [one, other] = &pairs.columns;
    let mut options = FindOptions::default();
    options.limit = i64::try_from(MOST + 1).ok();
    // Without the id unless it is one of the two.
    let mut projection = doc! {one: 1, other: 1};
    if !pairs.columns.iter().any(|column| column == "_id") {
        projection.insert("_id", 0);
    }
    options.projection = Some(projection);
    let filter = doc! {one: {"$ne": null}, other: {"$ne": null}};
    let mut rows = work
        .find(&source.other(&pairs.table), filter, options)
        .await?;
    let paths = pairs.columns.each_ref().map(|column| {
        let steps = column.split('.');
        Path::new(steps)
    });
    let (mut found, mut text) = (Vec::new(), String::new());
    while let Some(batch) = work.next(&mut rows).await? {
        for document in documents(&batch)? {
            let record = render::record(document?, &mut text, Vec::new()).map_err(malformed)?;
            let [ones, others] = paths.each_ref().map(|path| names(path, &record));
            for one in &ones {
                found.extend(others.iter().map(|other| (one.clone(), other.clone())));
            }
        }
    }
    Ok(Some(found))
}

/// Values as text; an id that is no scalar in JSON by the text inside of it.
fn names(path: &Path, record: &FlatJson<'_>) -> Vec<String> {
    let text = |node| match record.scalar(node) {
        Some(value) => Some(value.into_text().into_owned()),
        None => record
            .children(node)
            .next()
            .and_then(|inside| Some(record.scalar(inside)?.into_text().into_owned())),
    };
    path.nodes(record).into_iter().filter_map(text).collect()
}

/// First and last instant of the dated documents.
pub async fn span(
    source: &Source,
    work: &mut Work<'_>,
) -> Result<Option<(Micros, Micros)>, StoreError> {
    let first = end(source, work, Way::Forth).await?;
    let last = end(source, work, Way::Back).await?;
    Ok(first.zip(last))
}

async fn end(source: &Source, work: &mut Work<'_>, way: Way) -> Result<Option<Micros>, StoreError> {
    let field = &source.order.field;
    let mut options = FindOptions::default();
    options.sort = Some(doc! {field: way.sign()});
    // An array that sorts at this end says nothing; a few of them are looked past.
    options.limit = Some(20);
    options.batch_size = Some(20);
    options.projection = Some(doc! {field: 1, "_id": 0});
    let filter = doc! {field: source.order.dated()};
    let mut rows = work.find(&source.collection(), filter, options).await?;
    while let Some(batch) = work.next(&mut rows).await? {
        for document in documents(&batch)? {
            if let Some(at) = source.order.place(document?).0.instant() {
                return Ok(Some(at));
            }
        }
    }
    Ok(None)
}
