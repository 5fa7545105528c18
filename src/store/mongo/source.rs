//! A target opened: which collection, which profile, in which order it can be read.

mod dotted;

use std::sync::Arc;

use mongodb::Collection;
use mongodb::bson::{Bson, Document, RawDocumentBuf, doc};
use mongodb::options::FindOptions;
use tokio_util::sync::CancellationToken;

use crate::core::bson::render;
use crate::core::profile::detect::{Candidate, Relation};
use crate::core::profile::guess::epoch_unit_of;
use crate::core::profile::{Origin, Profile, TimeEncoding};
use crate::core::sanitise::safe;
use crate::store::choice;
use crate::store::connect::OpenOptions;
use crate::store::mongo::discover::{self, Found, Kind};
use crate::store::mongo::link::{Deployment, Link, Watcher, Work};
use crate::store::mongo::order::{Arrays, Bracket, Order};
use crate::store::mongo::page::documents;
use crate::store::mongo::source::dotted::dotted_paths;
use crate::store::mongo::target::Target;
use crate::store::{Description, StoreError, TimeAccess};

/// How the server can give documents in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ordering {
    /// An index has exactly the order: time, then `_id`.
    Exactly,
    /// An index has the time; documents of one instant come in any order.
    ByTime,
    /// No index helps: the server sorts.
    Sorted,
}

/// An opened collection.
pub struct Source {
    /// The conversation.
    pub link: Link,
    /// What was found.
    pub found: Found,
    /// How documents become events.
    pub profile: Arc<Profile>,
    /// The order of the collection.
    pub order: Arc<Order>,
    /// How the server can give it.
    pub served: Ordering,
    /// The index that gives it.
    pub index: Option<String>,
    /// `database.collection`, for messages.
    pub label: String,
    /// For the rest of the program.
    pub description: Arc<Description>,
}

/// Connects, finds the collection and opens it.
pub async fn open(
    target: &str,
    options: &OpenOptions,
    watcher: Option<Watcher>,
) -> Result<Source, StoreError> {
    let target = Target::resolve(target).await?;
    open_at(
        target.with_password(options.password.as_ref())?,
        options,
        watcher,
    )
    .await
}

/// As [`open`], with a target that was read before.
pub async fn open_at(
    target: Target,
    options: &OpenOptions,
    watcher: Option<Watcher>,
) -> Result<Source, StoreError> {
    let link = Link::open(target, watcher).await?;
    let stop = CancellationToken::new();
    let object = object(&link, options);
    let mut work = link.work(&object, &stop).await?;
    let (found, candidate) = choose(&mut work, &link, options).await?;
    let label = safe(&format!("{}.{}", found.database, found.name)).into_owned();
    let mut profile = candidate.profile;
    if profile.origin == Origin::Guessed {
        profile = Arc::new(dotted_paths(&profile));
    }
    let mut order = order(&found, &profile)?;
    if profile.origin == Origin::Guessed && order.bracket == Bracket::Number {
        order.encoding = unit(&mut work, &found, &order)
            .await?
            .unwrap_or(order.encoding);
        Arc::make_mut(&mut profile).time.encoding = order.encoding;
    }
    let index = found.ordered_by(&order.field).cloned();
    if let Some(index) = &index {
        order.arrays = arrays(&mut work, &found, &order, &index.name).await?;
    }
    let served = match &index {
        None => Ordering::Sorted,
        Some(index) => match index.keys.as_slice() {
            [(_, time), (second, id)] if second == "_id" && time == id => Ordering::Exactly,
            _ => Ordering::ByTime,
        },
    };
    drop(work);
    let description = Arc::new(Description {
        name: safe(&found.database).into_owned(),
        relation: safe(&found.name).into_owned(),
        server: server(&link),
        profile: profile.clone(),
        evidence: evidence(candidate.evidence, &found, &order),
        columns: found.columns(),
        access: link.access(&found.database, &found.name),
        transport: link.target.transport(),
        estimate: found.estimate,
        time: TimeAccess::indexed(served != Ordering::Sorted),
    });
    let index = index.map(|index| index.name);
    Ok(Source {
        link,
        found,
        profile,
        order: Arc::new(order),
        served,
        index,
        label,
        description,
    })
}

/// What `profiles detect` prints.
pub async fn candidates(target: &str, options: &OpenOptions) -> Result<Vec<Candidate>, StoreError> {
    let target = Target::resolve(target).await?;
    let target = target.with_password(options.password.as_ref())?;
    let link = Link::open(target, None).await?;
    let stop = CancellationToken::new();
    let object = object(&link, options);
    let mut work = link.work(&object, &stop).await?;
    let found = wanted(&mut work, &link, options).await?;
    Ok(choice::rank(options, &relations(&found)))
}

impl Source {
    /// The collection, its documents as bytes.
    pub fn collection(&self) -> Collection<RawDocumentBuf> {
        self.other(&self.found.name)
    }

    /// Another collection of its database.
    pub fn other(&self, name: &str) -> Collection<RawDocumentBuf> {
        self.link.collection(&self.found.database, name)
    }
}

/// What is being opened, for messages: as much as is known before anything was found.
fn object(link: &Link, options: &OpenOptions) -> String {
    let target = &link.target;
    let table = options.table.as_deref().or(target.table.as_deref());
    let name = match (target.database.as_deref(), table) {
        (Some(database), Some(table)) => format!("collection {database}.{table}"),
        (Some(database), None) => format!("database {database}"),
        (None, _) => return target.place.clone(),
    };
    format!("{} at {}", safe(&name), target.place)
}

/// The server in words.
pub fn server(link: &Link) -> String {
    let kind = match &link.server.deployment {
        Deployment::Standalone => "standalone".to_owned(),
        Deployment::ReplicaSet(name) => format!("replica set {}", safe(name)),
        Deployment::Sharded => "sharded".to_owned(),
    };
    // Only this line of versions has been run.
    let tested = if link.server.version.starts_with("6.0.") {
        ""
    } else {
        ", version not tested"
    };
    format!("MongoDB {} ({kind}{tested})", link.server.version)
}

fn evidence(mut evidence: Vec<String>, found: &Found, order: &Order) -> Vec<String> {
    if found.kind != Kind::Plain {
        evidence.push(format!("{} is a {}", safe(&found.name), found.kind.word()));
    }
    let types = found.keys.get(&order.field).map(|seen| &seen.types);
    let others: Vec<String> = types
        .into_iter()
        .flatten()
        .filter(|(name, _)| bracket_of(name) != Some(order.bracket))
        .map(|(name, times)| format!("{times} × {name}"))
        .collect();
    if !others.is_empty() {
        evidence.push(format!(
            "of {} documents looked at, {} keep {} as another type: {}; they are in the section \
             without a time",
            found.sampled,
            others.len(),
            order.field,
            others.join(", ")
        ));
    }
    evidence
}

/// The bracket a type belongs to, by the name `$type` gives it.
pub fn bracket_of(type_name: &str) -> Option<Bracket> {
    match type_name {
        "date" => Some(Bracket::Date),
        "int" | "long" | "double" | "decimal" => Some(Bracket::Number),
        "string" => Some(Bracket::Text),
        _ => None,
    }
}

async fn wanted(
    work: &mut Work<'_>,
    link: &Link,
    options: &OpenOptions,
) -> Result<Vec<Found>, StoreError> {
    let name = options.table.as_deref().or(link.target.table.as_deref());
    let databases = match (&link.target.database, name) {
        (Some(database), _) => vec![database.clone()],
        (None, _) => discover::databases(work).await?,
    };
    let mut found = Vec::new();
    for database in &databases {
        found.extend(discover::collections(work, database, name).await?);
    }
    if !found.is_empty() {
        return Ok(found);
    }
    let place = &link.target.place;
    let (message, hint) = match (name, databases.as_slice()) {
        (Some(name), [database]) => (
            format!(
                "there is no collection {} in database {}",
                safe(name),
                safe(database)
            ),
            "is the name right, and may this user read it? Without --table the best candidate is \
             opened; auditail profiles detect TARGET lists them",
        ),
        (Some(name), _) => (
            format!("no database of {place} has a collection {}", safe(name)),
            "name the database: mongodb://HOST/DATABASE",
        ),
        (None, [database]) => (
            format!(
                "database {} at {place} has no collection that can be read",
                safe(database)
            ),
            "is this the right database, and may this user read it?",
        ),
        (None, _) => (
            format!("no database of {place} can be read"),
            "name one: mongodb://HOST/DATABASE",
        ),
    };
    Err(StoreError::Failed {
        message,
        hint: Some(hint.to_owned()),
    })
}

fn relations(found: &[Found]) -> Vec<Relation> {
    found.iter().map(Found::relation).collect()
}

async fn choose(
    work: &mut Work<'_>,
    link: &Link,
    options: &OpenOptions,
) -> Result<(Found, Candidate), StoreError> {
    let found = wanted(work, link, options).await?;
    let is_named = options.table.is_some() || link.target.table.is_some();
    // One collection and a profile by name: nothing to detect.
    if let ([only], true) = (found.as_slice(), is_named || options.profile.is_some()) {
        return Ok((only.clone(), choice::named(options, only.relation())?));
    }
    let relations = relations(&found);
    let ranked = choice::rank(options, &relations);
    let Some(best) = ranked.first() else {
        let place = match &link.target.database {
            Some(database) => format!("database {}", safe(database)),
            None => link.target.place.clone(),
        };
        let among = format!("collection of {place}");
        return Err(choice::none_fits(options, &among, &relations));
    };
    let equals: Vec<String> = ranked
        .iter()
        .filter(|other| other.score == best.score && best.profile.origin != Origin::Guessed)
        .map(|other| safe(&other.relation.name).into_owned())
        .collect();
    if equals.len() > 1 {
        return Err(StoreError::Target {
            message: format!("several collections are audit logs: {}", equals.join(", ")),
            hint: Some("name one with --table, or with ?table= in the URI".to_owned()),
        });
    }
    match found.iter().find(|found| found.name == best.relation.name) {
        Some(chosen) => Ok((chosen.clone(), best.clone())),
        None => Err(StoreError::Failed {
            message: format!("{} is gone", safe(&best.relation.name)),
            hint: None,
        }),
    }
}

/// The order of a collection: by the type most of its times have.
fn order(found: &Found, profile: &Profile) -> Result<Order, StoreError> {
    let rule = &profile.time;
    let is_number = !matches!(
        rule.encoding,
        TimeEncoding::Instant | TimeEncoding::Zoneless(_)
    );
    let field = rule.path.steps().join(".");
    if rule
        .path
        .steps()
        .iter()
        .any(|step| step.contains(['.', '$', '\0']) || step.is_empty())
    {
        return Err(StoreError::Failed {
            message: format!(
                "{}: MongoDB cannot sort by the key {}",
                safe(&found.name),
                safe(&field)
            ),
            hint: Some("name another time field in a profile".to_owned()),
        });
    }
    let seen = found.keys.get(&field);
    let times = |bracket: Bracket| -> u64 {
        let types = seen.into_iter().flat_map(|seen| &seen.types);
        types
            .filter(|(name, _)| bracket_of(name) == Some(bracket))
            .map(|(_, times)| *times)
            .sum()
    };
    let bracket = if is_number {
        Bracket::Number
    } else if times(Bracket::Text) > times(Bracket::Date) {
        Bracket::Text
    } else {
        Bracket::Date
    };
    Ok(Order::new(rule, bracket, Arrays::Possible))
}

/// Whether the index on time has seen an array.
async fn arrays(
    work: &mut Work<'_>,
    found: &Found,
    order: &Order,
    index: &str,
) -> Result<Arrays, StoreError> {
    let filter = doc! {&order.field: order.dated()};
    let find = doc! {"find": &found.name, "filter": filter, "hint": index};
    let explain = doc! {"explain": find, "verbosity": "queryPlanner"};
    let Ok(plan) = work.attempt(&found.database, explain).await? else {
        return Ok(Arrays::Possible);
    };
    let mut known = None;
    find_multikey(&Bson::Document(plan), &mut known);
    Ok(if known == Some(false) {
        Arrays::None
    } else {
        Arrays::Possible
    })
}

fn find_multikey(plan: &Bson, known: &mut Option<bool>) {
    match plan {
        Bson::Document(stage) => {
            for (key, value) in stage {
                match value {
                    Bson::Boolean(value) if key == "isMultiKey" => {
                        *known = Some(known.unwrap_or(false) || *value);
                    }
                    value => find_multikey(value, known),
                }
            }
        }
        Bson::Array(stages) => stages.iter().for_each(|stage| find_multikey(stage, known)),
        _ => {}
    }
}

/// The unit of numeric times, judged by the newest.
async fn unit(
    work: &mut Work<'_>,
    found: &Found,
    order: &Order,
) -> Result<Option<TimeEncoding>, StoreError> {
    let mut options = FindOptions::default();
    options.sort = Some(doc! {"_id": -1});
    options.limit = Some(1);
    let filter: Document = doc! {&order.field: order.dated()};
    let collection = work.collection(&found.database, &found.name);
    let mut rows = work.find(&collection, filter, options).await?;
    let mut unit = None;
    while let Some(batch) = work.next(&mut rows).await? {
        for document in documents(&batch)? {
            let value = document?.at(order.path.steps().iter().map(|step| &**step));
            let mut text = String::new();
            if let Some(value) = value {
                render::scalar(&mut text, value);
            }
            unit = epoch_unit_of(&text);
        }
    }
    Ok(unit)
}
