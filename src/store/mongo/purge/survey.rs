//! Counts and looks: what would go, month by month, and what would stay.
//!
//! Everything here is the server's word, for people and for counting three ways; the archived bytes
//! decide.

use std::collections::BTreeMap;

use mongodb::bson::{Document, doc};
use mongodb::options::FindOptions;
use tokio_util::sync::CancellationToken;

use crate::core::bson::render::render;
use crate::core::bson::{Raw, Value};
use crate::core::event::Payload;
use crate::core::instant::{At, Micros};
use crate::core::purge::plan::{CountExactness, Month, Survey};
use crate::core::sanitise::safe;
use crate::store::mongo::discover::type_name;
use crate::store::mongo::link::Work;
use crate::store::mongo::numbers::counted;
use crate::store::mongo::order::{Bracket, Way};
use crate::store::mongo::page::documents;
use crate::store::mongo::purge::read::concern;
use crate::store::mongo::purge::refused;
use crate::store::mongo::purge::sieve::Sieve;
use crate::store::mongo::rows::malformed;
use crate::store::mongo::source::Source;
use crate::store::purger::Selection;
use crate::store::{Exactness, StoreError};

/// Documents of a batch that consist of their time.
const TIMES: u32 = 50_000;
/// How many of the oldest and newest documents are shown.
const SHOWN: i64 = 5;
/// Documents that tell how long documents are.
const WEIGHED: i64 = 1_000;
/// Documents whose times tell in which unit they are.
const JUDGED: i64 = 1_000;

/// Documents that are selected now.
pub async fn count(
    source: &Source,
    what: &Selection,
    stop: &CancellationToken,
) -> Result<u64, StoreError> {
    let Some(filter) = Sieve::of(source, what).filter else {
        return Ok(0);
    };
    let mut work = source.link.work(&source.label, stop).await?;
    let mut command = doc! {
        "aggregate": &source.found.name,
        "pipeline": [{"$match": filter}, {"$count": "n"}],
        "collation": {"locale": "simple"},
        "cursor": {},
    };
    if concern(&source.link.server.deployment).is_some() {
        command.insert("readConcern", doc! {"level": "majority"});
    }
    let answer = work.command(&source.found.database, command).await?;
    Ok(counted(&answer))
}

/// The whole survey.
pub async fn survey(
    source: &Source,
    what: &Selection,
    stop: &CancellationToken,
) -> Result<Survey, StoreError> {
    let sieve = Sieve::of(source, what);
    let mut work = source.link.work(&source.label, stop).await?;
    let mut survey = Survey {
        exactness: match sieve.exactness {
            Exactness::Exact => CountExactness::Exact,
            Exactness::Superset => CountExactness::AtMost,
        },
        ..Survey::default()
    };
    let mut census = Census::default();
    each(source, &mut work, doc! {}, times(source), |document| {
        census.see(source, document);
    })
    .await?;
    let mut going = BTreeMap::new();
    if let Some(filter) = &sieve.filter {
        each(
            source,
            &mut work,
            filter.clone(),
            times(source),
            |document| {
                if let At::Instant(at) = source.order.place(document).0 {
                    *going.entry(month(at)).or_default() += 1;
                    survey.oldest = Some(survey.oldest.map_or(at, |oldest| oldest.min(at)));
                    survey.newest = Some(survey.newest.map_or(at, |newest| newest.max(at)));
                }
            },
        )
        .await?;
        survey.first_rows = look(source, &mut work, filter, Way::Forth, SHOWN).await?;
        survey.last_rows = look(source, &mut work, filter, Way::Back, SHOWN).await?;
        let weight = weight(source, &mut work, filter).await?;
        survey.selected = going.values().sum();
        survey.bytes = survey.selected.saturating_mul(weight);
    }
    let field = source.order.field.as_str();
    let kept = doc! {"$and": [
        {field: source.order.dated()},
        {"$nor": [Sieve::of(source, &everything(what)).filter.unwrap_or_default()]},
    ]};
    let first = look(source, &mut work, &kept, Way::Forth, 1).await?;
    survey.first_kept = first.into_iter().next();
    survey.months = months(&census.months, &going);
    survey.timeless = census
        .timeless
        .into_iter()
        .map(|(kind, count)| (kind.to_owned(), count))
        .collect();
    Ok(survey)
}

/// The selection without its predicate.
fn everything(what: &Selection) -> Selection {
    Selection {
        cutoff: what.cutoff,
        predicate: std::sync::Arc::new(crate::core::query::predicate::Predicate::All),
    }
}

/// Refuses epoch numbers whose unit is implausible: half of the times before 2000 or in the future.
pub async fn check_unit(
    source: &Source,
    work: &mut Work<'_>,
    now: Micros,
) -> Result<(), StoreError> {
    if source.order.bracket != Bracket::Number {
        return Ok(());
    }
    let mut options = times(source);
    options.limit = Some(JUDGED);
    let mut seen = Vec::new();
    let dated = doc! {&source.order.field: source.order.dated()};
    each(source, work, dated, options, |document| {
        seen.push(source.order.place(document).0);
    })
    .await?;
    seen.sort_unstable();
    let (since, until) = (
        At::Instant(Micros(946_684_800 * Micros::SECOND)),
        At::Instant(now.plus(86_400 * Micros::SECOND)),
    );
    let median = seen.get(seen.len() / 2);
    if median.is_none_or(|median| (since..until).contains(median)) {
        return Ok(());
    }
    Err(refused(
        format!(
            "the times {} of {} are not in the unit the profile says",
            safe(&source.order.field),
            source.label
        ),
        "say the unit in a profile: seconds, milliseconds, microseconds or nanoseconds",
    ))
}

/// Only the times, and from an index alone where there is one.
fn times(source: &Source) -> FindOptions {
    let mut options = FindOptions::default();
    options.batch_size = Some(TIMES);
    options.projection = Some(doc! {&source.order.field: 1, "_id": 0});
    options
}

async fn each(
    source: &Source,
    work: &mut Work<'_>,
    filter: Document,
    mut options: FindOptions,
    mut see: impl FnMut(Raw<'_>),
) -> Result<(), StoreError> {
    options.read_concern = concern(&source.link.server.deployment);
    let mut rows = work.find(&source.collection(), filter, options).await?;
    while let Some(batch) = work.next(&mut rows).await? {
        for document in documents(&batch)? {
            see(document?);
        }
    }
    Ok(())
}

/// Documents at one end of a selection, each as JSON.
async fn look(
    source: &Source,
    work: &mut Work<'_>,
    filter: &Document,
    way: Way,
    most: i64,
) -> Result<Vec<String>, StoreError> {
    let mut options = FindOptions::default();
    options.sort = Some(doc! {&source.order.field: way.sign()});
    options.limit = Some(most);
    let mut found = Vec::new();
    let mut wrong = None;
    each(source, work, filter.clone(), options, |document| {
        let mut text = String::new();
        match render(document, &mut text) {
            Ok(()) => found.push(Payload::bounded(&text).text.to_string()),
            Err(error) => wrong = Some(error),
        }
    })
    .await?;
    wrong.map_or(Ok(found), |error| Err(malformed(error)))
}

/// How many bytes a document has on average.
async fn weight(
    source: &Source,
    work: &mut Work<'_>,
    filter: &Document,
) -> Result<u64, StoreError> {
    let mut options = FindOptions::default();
    options.limit = Some(WEIGHED);
    let (mut bytes, mut seen) = (0_u64, 0_u64);
    each(source, work, filter.clone(), options, |document| {
        bytes += document.bytes().len() as u64;
        seen += 1;
    })
    .await?;
    Ok(bytes.div_ceil(seen.max(1)))
}

/// The times of all documents.
#[derive(Default)]
struct Census {
    months: BTreeMap<String, u64>,
    timeless: BTreeMap<&'static str, u64>,
}

impl Census {
    fn see(&mut self, source: &Source, document: Raw<'_>) {
        match source.order.place(document).0 {
            At::Instant(at) => *self.months.entry(month(at)).or_default() += 1,
            At::NegInfinity => *self.timeless.entry("-infinity").or_default() += 1,
            At::PosInfinity => *self.timeless.entry("infinity").or_default() += 1,
            At::Absent => {
                let steps = source.order.path.steps();
                let kind = match document.at(steps.iter().map(|step| &**step)) {
                    None => "missing",
                    Some(Value::Double(number)) if number.is_nan() => "NaN",
                    Some(value) => type_name(value),
                };
                *self.timeless.entry(kind).or_default() += 1;
            }
        }
    }
}

fn months(all: &BTreeMap<String, u64>, going: &BTreeMap<String, u64>) -> Vec<Month> {
    let names: std::collections::BTreeSet<&String> = all.keys().chain(going.keys()).collect();
    let number = |of: &BTreeMap<String, u64>, month: &String| of.get(month).copied().unwrap_or(0);
    names
        .into_iter()
        .map(|month| {
            let going = number(going, month);
            Month {
                month: month.clone(),
                going,
                // Documents may have come and gone between the two looks.
                staying: number(all, month).saturating_sub(going),
            }
        })
        .collect()
}

fn month(at: Micros) -> String {
    at.to_utc().map_or_else(
        || "outside the calendar".to_owned(),
        |at| at.format("%Y-%m").to_string(),
    )
}
