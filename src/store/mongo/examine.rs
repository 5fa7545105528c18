//! What the collection and the role can and cannot do for us, and what the server would do for a
//! predicate.

use std::time::Duration;

use mongodb::bson::{Bson, Document, doc};
use mongodb::options::AggregateOptions;
use tokio_util::sync::CancellationToken;

use crate::core::bson::Value;
use crate::core::query::predicate::Predicate;
use crate::core::sanitise::safe;
use crate::store::mongo::discover::Kind;
use crate::store::mongo::filter;
use crate::store::mongo::link::{Rows, Work};
use crate::store::mongo::order::{Bracket, Way};
use crate::store::mongo::page::documents;
use crate::store::mongo::source::{Ordering, Source, bracket_of};
use crate::store::mongo::tail::{Means, means};
use crate::store::{Access, Exactness, Explanation, Finding, FindingLevel, StoreError};

/// Longest time the census of the time field may cost the server.
const CENSUS_TIME: Duration = Duration::from_secs(5);

/// What `doctor` has to say.
pub async fn examine(
    source: &Source,
    stop: &CancellationToken,
) -> Result<Vec<Finding>, StoreError> {
    let mut work = source.link.work(&source.label, stop).await?;
    let mut findings = vec![
        connection(source),
        privileges(source),
        index(source),
        tail(source),
    ];
    findings.extend(kind(source));
    findings.extend(expiry(source));
    findings.push(census(source, &mut work).await?);
    Ok(findings)
}

fn finding(level: FindingLevel, subject: &str, message: String, remedy: Option<String>) -> Finding {
    Finding {
        level,
        subject: subject.to_owned(),
        message,
        remedy,
    }
}

fn connection(source: &Source) -> Finding {
    let transport = source.link.target.transport();
    let message = format!(
        "{} at {}, {transport}",
        source.description.server, source.link.target.place
    );
    if transport == "no TLS" {
        let remedy = Some("tls=true in the URI encrypts, if the server offers it".to_owned());
        return finding(FindingLevel::Advice, "connection", message, remedy);
    }
    finding(FindingLevel::Good, "connection", message, None)
}

fn privileges(source: &Source) -> Finding {
    let user = source.link.target.user.as_deref();
    if source.description.access == Access::ReadOnly {
        let message = format!("user {} can only read", user.unwrap_or("nobody"));
        return finding(FindingLevel::Good, "privileges", message, None);
    }
    let database = safe(&source.found.database);
    let (message, remedy) = match user {
        Some(user) => (
            format!("user {user} could write; auditail never does, a reading role cannot"),
            format!(
                "db.getSiblingDB(\"{database}\").createUser({{user: \"auditail\", \
                 pwd: passwordPrompt(), roles: [{{role: \"read\", db: \"{database}\"}}]}})"
            ),
        ),
        None => (
            "the server asks nobody to log in: everybody could write".to_owned(),
            "start mongod with --auth and create users".to_owned(),
        ),
    };
    finding(FindingLevel::Advice, "privileges", message, Some(remedy))
}

fn index(source: &Source) -> Finding {
    let field = safe(&source.order.field);
    match (&source.index, source.served) {
        (Some(name), Ordering::Exactly | Ordering::ByTime) => finding(
            FindingLevel::Good,
            "index on time",
            format!(
                "index {} gives the documents in order of {field}",
                safe(name)
            ),
            None,
        ),
        _ => finding(
            FindingLevel::Problem,
            "index on time",
            format!("no index gives the documents in order of {field}: every page reads them all"),
            Some(format!(
                "db.getCollection(\"{}\").createIndex({{\"{field}\": -1}})",
                safe(&source.found.name)
            )),
        ),
    }
}

fn tail(source: &Source) -> Finding {
    match means(source) {
        Means::ChangeStream => finding(
            FindingLevel::Good,
            "tail",
            "a change stream follows the collection: every event, once".to_owned(),
            None,
        ),
        Means::TailableCursor => finding(
            FindingLevel::Good,
            "tail",
            "a tailable cursor follows the capped collection: every event, once; what is \
             overwritten before it was read is shown as a gap"
                .to_owned(),
            None,
        ),
        Means::Overlap(why) => finding(
            FindingLevel::Advice,
            "tail",
            format!("best effort, {why}: a window of time is read again and again"),
            Some("a replica set (of one node, if need be) has change streams".to_owned()),
        ),
    }
}

fn kind(source: &Source) -> Option<Finding> {
    let message = match source.found.kind {
        Kind::Plain => return None,
        Kind::Capped => "it is a capped collection: the oldest documents vanish when it is full",
        Kind::View => "it is a view: its speed is that of the query behind it",
        Kind::TimeSeries => {
            "it is a time-series collection: it can be read, and followed by reading again"
        }
    };
    Some(finding(
        FindingLevel::Advice,
        "collection",
        message.to_owned(),
        None,
    ))
}

fn expiry(source: &Source) -> Option<Finding> {
    let index = source
        .found
        .indexes
        .iter()
        .find(|index| index.expires_after.is_some())?;
    let days = index.expires_after.unwrap_or(0) / 86_400;
    let message = format!(
        "the server itself deletes documents {days} days after {} (index {})",
        safe(index.keys.first().map_or("", |(key, _)| key)),
        safe(&index.name)
    );
    Some(finding(FindingLevel::Good, "retention", message, None))
}

/// Which types the time field has, over all documents.
async fn census(source: &Source, work: &mut Work<'_>) -> Result<Finding, StoreError> {
    let field = &source.order.field;
    let group = doc! {"$group": {"_id": {"$type": format!("${field}")}, "n": {"$sum": 1}}};
    let mut options = AggregateOptions::default();
    options.max_time = Some(CENSUS_TIME);
    let counted = work
        .aggregate(&source.collection(), vec![group], options)
        .await?;
    let Ok(rows) = counted else {
        let message = format!(
            "counting the types of {} took the server too long",
            safe(field)
        );
        return Ok(finding(
            FindingLevel::Advice,
            "types of time",
            message,
            None,
        ));
    };
    let types = counts(work, rows).await?;
    let is_dated = |name: &str| bracket_of(name) == Some(source.order.bracket);
    let others: Vec<String> = types
        .iter()
        .filter(|(name, _)| !is_dated(name))
        .map(|(name, times)| format!("{times} {name}"))
        .collect();
    let field = safe(field);
    let kind = match source.order.bracket {
        Bracket::Date => "a date",
        Bracket::Number => "a number",
        Bracket::Text => "text",
    };
    if others.is_empty() {
        let message = format!("{field} is {kind} in every document");
        return Ok(finding(FindingLevel::Good, "types of time", message, None));
    }
    let message = format!(
        "{field} should be {kind}, but is not everywhere: {}; these events are in the section \
         without a time",
        others.join(", ")
    );
    Ok(finding(
        FindingLevel::Advice,
        "types of time",
        message,
        None,
    ))
}

/// The groups of the census, largest first.
async fn counts(work: &mut Work<'_>, mut rows: Rows) -> Result<Vec<(String, u64)>, StoreError> {
    let mut types = Vec::new();
    while let Some(batch) = work.next(&mut rows).await? {
        for group in documents(&batch)? {
            let group = group?;
            let times = match group.get("n") {
                Some(Value::Int32(times)) => u64::try_from(times).unwrap_or(0),
                Some(Value::Int64(times)) => u64::try_from(times).unwrap_or(0),
                _ => 0,
            };
            if let Some(Value::Text(name)) = group.get("_id") {
                types.push((String::from_utf8_lossy(name).into_owned(), times));
            }
        }
    }
    types.sort_by_key(|(_, times)| std::cmp::Reverse(*times));
    Ok(types)
}

/// The query for a predicate, and the server's plan for it.
pub async fn explain(
    source: &Source,
    predicate: &Predicate,
    stop: &CancellationToken,
) -> Result<Explanation, StoreError> {
    let condition = filter::compile(predicate, &source.profile, &source.order);
    let exactness = condition.exactness;
    let Some(filter) = condition.filter else {
        return Ok(Explanation {
            statement: "nothing can match; the server is not asked".to_owned(),
            plan: Vec::new(),
            indexes: Vec::new(),
            exactness: Exactness::Exact,
        });
    };
    let sort = doc! {&source.order.field: Way::Back.sign()};
    let statement = format!(
        "db.getCollection({:?}).find({filter}).sort({sort})",
        source.found.name
    );
    let find = doc! {
        "find": &source.found.name, "filter": filter, "sort": sort,
        "collation": {"locale": "simple"},
    };
    let command = doc! {"explain": find, "verbosity": "queryPlanner"};
    let mut work = source.link.work(&source.label, stop).await?;
    let answer = work.command(&source.found.database, command).await?;
    let mut explanation = Explanation {
        statement: safe(&statement).into_owned(),
        plan: Vec::new(),
        indexes: Vec::new(),
        exactness,
    };
    winning(&answer, &mut |plan| stages(plan, 0, &mut explanation));
    Ok(explanation)
}

/// Finds the winning plans, wherever the kind of deployment puts them.
fn winning(answer: &Document, visit: &mut impl FnMut(&Document)) {
    for (key, value) in answer {
        match value {
            Bson::Document(plan) if key == "winningPlan" => {
                visit(plan.get_document("queryPlan").unwrap_or(plan));
            }
            Bson::Document(inner) => winning(inner, visit),
            Bson::Array(parts) => {
                parts
                    .iter()
                    .filter_map(Bson::as_document)
                    .for_each(|part| winning(part, visit));
            }
            _ => {}
        }
    }
}

/// The indexes a plan reads, as they are called.
pub fn indexes(answer: &Document) -> Vec<String> {
    let mut names = Vec::new();
    winning(answer, &mut |plan| named(plan, &mut names));
    names
}

fn named(stage: &Document, names: &mut Vec<String>) {
    if let Ok(name) = stage.get_str("indexName") {
        names.push(name.to_owned());
    }
    let inner = stage.get_array("inputStages").into_iter().flatten();
    for inner in inner.chain(stage.get("inputStage")) {
        inner
            .as_document()
            .into_iter()
            .for_each(|inner| named(inner, names));
    }
}

fn stages(stage: &Document, depth: usize, out: &mut Explanation) {
    let mut line = "  ".repeat(depth) + stage.get_str("stage").unwrap_or("?");
    if let Ok(index) = stage.get_str("indexName") {
        let index = safe(index).into_owned();
        line = format!("{line} {index}");
        if !out.indexes.contains(&index) {
            out.indexes.push(index);
        }
    }
    if let Ok(direction) = stage.get_str("direction") {
        line = format!("{line} {direction}");
    }
    if let Ok(filter) = stage.get_document("filter") {
        line = format!("{line} filter {}", safe(&filter.to_string()));
    }
    out.plan.push(line);
    if let Ok(inner) = stage.get_document("inputStage") {
        stages(inner, depth + 1, out);
    }
    for inner in stage.get_array("inputStages").into_iter().flatten() {
        inner
            .as_document()
            .into_iter()
            .for_each(|inner| stages(inner, depth + 1, out));
    }
}
