//! One document in full, the ends of the collection, and the sample that completion learns from.

use std::time::Duration;

use mongodb::bson::{Document, doc};
use mongodb::options::FindOptions;
use tokio_util::sync::CancellationToken;

use crate::core::bson::render;
use crate::core::event::{Cursor, Event};
use crate::core::instant::Micros;
use crate::core::json::FlatJson;
use crate::core::path::Path;
use crate::core::query::catalog::Catalog;
use crate::store::membership::{LONGEST, MOST, PairRows, Pairs};
use crate::store::mongo::link::Work;
use crate::store::mongo::order::{Way, id_of};
use crate::store::mongo::page::documents;
use crate::store::mongo::rows::{RowReader, malformed};
use crate::store::mongo::source::{Ordering, Source};
use crate::store::{PayloadNeed, StoreError};

/// Documents a catalogue is learned from.
const SAMPLE: i64 = 300;

/// How long the server may look for members of groups.
const PAIRS_TIME: Duration = Duration::from_secs(15);

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

/// Two paths of the documents of another collection. Where both lead through one list, a pair is of
/// one element; values of two lists are paired each with each.
pub async fn pairs(
    source: &Source,
    pairs: Pairs,
    stop: &CancellationToken,
) -> Result<Option<PairRows>, StoreError> {
    let mut work = source.link.work(&pairs.table, stop).await?;
    let [one, other] = &pairs.columns;
    let mut options = FindOptions::default();
    options.limit = i64::try_from(MOST + 1).ok();
    options.max_time = Some(PAIRS_TIME);
    // Of a path below another one the server takes the upper alone.
    let is_below = |path: &str, upper: &str| {
        path.strip_prefix(upper)
            .is_some_and(|rest| rest.starts_with('.'))
    };
    let mut projection = Document::new();
    for (path, beside) in [(one, other), (other, one)] {
        if !is_below(path, beside) {
            projection.insert(path, 1);
        }
    }
    if !projection
        .keys()
        .any(|path| path == "_id" || is_below(path, "_id"))
    {
        projection.insert("_id", 0);
    }
    options.projection = Some(projection);
    // Not `$ne: null`, which leaves out a list with one element that has none.
    let filter = doc! {one: {"$exists": true}, other: {"$exists": true}};
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
            pair(&paths, &record, &mut found);
            if found.len() > MOST {
                return Ok(Some(found));
            }
        }
    }
    Ok(Some(found))
}

/// The pairs of one document, one more than there may be at most.
fn pair([one, other]: &[Path; 2], record: &FlatJson<'_>, found: &mut PairRows) {
    let steps = one.steps().iter().zip(other.steps());
    let shared = steps.take_while(|(a, b)| a == b).count();
    let roots = match one.steps().get(..shared) {
        Some(steps @ [_, ..]) => Path::new(steps.iter().cloned()).nodes(record),
        _ => vec![record.root()],
    };
    let texts = |path: &Path, root| -> Vec<String> {
        let nodes = path.nodes_below(shared, record, root).into_iter();
        let scalars = nodes.filter_map(|node| record.scalar(node));
        let texts = scalars.map(|value| value.text().chars().take(LONGEST + 1).collect());
        texts.collect()
    };
    for root in roots {
        let (ones, others) = (texts(one, root), texts(other, root));
        for one in &ones {
            let room = (MOST + 1).saturating_sub(found.len());
            let pairs = others.iter().map(|other| (one.clone(), other.clone()));
            found.extend(pairs.take(room));
        }
    }
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
