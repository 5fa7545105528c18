//! Which collections there are, and what their newest documents look like.
//!
//! Reads at most [`SAMPLE`] documents of each; does not judge, see `core::profile::detect`.

use std::collections::{BTreeMap, BTreeSet};

use mongodb::bson::{Bson, Document, doc};
use mongodb::options::FindOptions;

use crate::core::bson::{Malformed, Raw, Value};
use crate::core::profile::ColumnKind;
use crate::core::profile::detect::Relation;
use crate::core::record::Column;
use crate::store::StoreError;
use crate::store::mongo::link::Work;

/// Newest documents looked at per collection.
pub const SAMPLE: i64 = 50;
/// Longest time the server may spend on one collection's sample.
const SAMPLE_TIME: std::time::Duration = std::time::Duration::from_secs(2);
/// Collections looked at in one database; the others must be named.
const MOST_COLLECTIONS: usize = 200;
/// Dotted keys kept of one collection.
const MOST_COLUMNS: usize = 1_000;
/// Deeper keys are payload, not columns.
const DEEPEST: usize = 6;

/// What a collection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An ordinary collection.
    Plain,
    /// A ring of fixed size.
    Capped,
    /// A query under a name.
    View,
    /// Measurements in buckets.
    TimeSeries,
}

impl Kind {
    /// For people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Plain => "collection",
            Self::Capped => "capped collection",
            Self::View => "view",
            Self::TimeSeries => "time-series collection",
        }
    }
}

/// An index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// Its name, which may say anything.
    pub name: String,
    /// Its keys in order, with 1, −1 or the name of a special kind.
    pub keys: Vec<(String, Option<i64>)>,
    /// Whether every document is in it.
    pub is_whole: bool,
    /// Seconds after which the server deletes documents by it.
    pub expires_after: Option<i64>,
}

/// A collection and its sample.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its database.
    pub database: String,
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Its indexes.
    pub indexes: Vec<Index>,
    /// Documents, by the server's own count.
    pub estimate: Option<u64>,
    /// Dotted keys with the types seen, `_id` first.
    pub keys: BTreeMap<String, Seen>,
    /// How many documents were looked at.
    pub sampled: u64,
}

/// What was seen under a dotted key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// In how many documents, per type's name.
    pub types: BTreeMap<&'static str, u64>,
}

impl Found {
    /// An index that can give documents in the order of a field, and holds all of them.
    pub fn ordered_by(&self, field: &str) -> Option<&Index> {
        self.indexes
            .iter()
            .filter(|index| index.is_whole)
            .find(|index| {
                index
                    .keys
                    .first()
                    .is_some_and(|(key, way)| key == field && way.is_some())
            })
    }

    /// Whether any index begins with a field.
    pub fn is_indexed(&self, field: &str) -> bool {
        self.indexes
            .iter()
            .any(|index| index.keys.first().is_some_and(|(key, _)| key == field))
    }

    /// The sample as detection sees it.
    pub fn relation(&self) -> Relation {
        Relation {
            name: self.name.clone(),
            columns: self.columns(),
            estimate: self.estimate,
        }
    }

    /// The dotted keys in the words the rest of the program shares.
    pub fn columns(&self) -> Vec<Column> {
        self.keys
            .iter()
            .map(|(name, seen)| Column {
                name: name.clone(),
                kind: seen.kind(),
                type_name: seen.type_name(),
                indexed: self.is_indexed(name),
                key: name == "_id",
            })
            .collect()
    }
}

impl Seen {
    /// The kind of all types seen; several kinds of number are numbers, other mixtures go by the
    /// majority.
    pub fn kind(&self) -> ColumnKind {
        let real = || self.types.iter().filter(|(name, _)| **name != "null");
        let kinds: BTreeSet<ColumnKind> = real().map(|(name, _)| kind(name)).collect();
        let numbers = [ColumnKind::Int, ColumnKind::Number];
        if kinds.len() > 1 && kinds.iter().all(|kind| numbers.contains(kind)) {
            return ColumnKind::Number;
        }
        real()
            .max_by_key(|(_, times)| **times)
            .map_or(ColumnKind::Other, |(name, _)| kind(name))
    }

    fn type_name(&self) -> String {
        self.types.keys().copied().collect::<Vec<_>>().join("|")
    }

    fn add(&mut self, type_name: &'static str) {
        *self.types.entry(type_name).or_default() += 1;
    }
}

fn kind(type_name: &str) -> ColumnKind {
    match type_name {
        "int" | "long" => ColumnKind::Int,
        "double" | "decimal" => ColumnKind::Number,
        "string" | "symbol" => ColumnKind::Text,
        "bool" => ColumnKind::Bool,
        "date" => ColumnKind::Timestamptz,
        "object" => ColumnKind::Json,
        "array" => ColumnKind::Array,
        "objectId" | "uuid" => ColumnKind::Uuid,
        "binData" => ColumnKind::Bytes,
        _ => ColumnKind::Other,
    }
}

/// The type as `$type` calls it.
pub fn type_name(value: Value<'_>) -> &'static str {
    match value {
        Value::Double(_) => "double",
        Value::Text(_) => "string",
        Value::Document(_) => "object",
        Value::Array(_) => "array",
        Value::Binary(4, _) => "uuid",
        Value::Binary(..) => "binData",
        Value::ObjectId(_) => "objectId",
        Value::Bool(_) => "bool",
        Value::Date(_) => "date",
        Value::Null | Value::Undefined => "null",
        Value::Regex(..) => "regex",
        Value::DbPointer(..) => "dbPointer",
        Value::Code(_) | Value::CodeWithScope(..) => "javascript",
        Value::Symbol(_) => "symbol",
        Value::Int32(_) => "int",
        Value::Timestamp(..) => "timestamp",
        Value::Int64(_) => "long",
        Value::Decimal(_) => "decimal",
        Value::MinKey => "minKey",
        Value::MaxKey => "maxKey",
    }
}

/// Looks at one collection, or at all of a database.
pub async fn collections(
    work: &mut Work<'_>,
    database: &str,
    only: Option<&str>,
) -> Result<Vec<Found>, StoreError> {
    let mut filter = doc! {"name": {"$not": {"$regex": "^system\\."}}};
    if let Some(name) = only {
        filter = doc! {"name": name};
    }
    let command = doc! {
        "listCollections": 1, "filter": filter, "authorizedCollections": true,
        "nameOnly": false, "cursor": {"batchSize": 10_000},
    };
    let listed = if let Ok(answer) = work.attempt(database, command.clone()).await? {
        batch(&answer)
    } else {
        // Without the privilege on the database, names are all there is.
        let mut names = command;
        names.insert("nameOnly", true);
        batch(&work.command(database, names).await?)
    };
    let mut found = Vec::new();
    for entry in listed.iter().take(MOST_COLLECTIONS) {
        if let Some(collection) = look(work, database, entry).await? {
            found.push(collection);
        }
    }
    Ok(found)
}

fn batch(answer: &Document) -> Vec<Document> {
    let cursor = answer.get_document("cursor");
    let batch = cursor.and_then(|cursor| cursor.get_array("firstBatch"));
    let documents = batch.into_iter().flatten();
    documents.filter_map(Bson::as_document).cloned().collect()
}

async fn look(
    work: &mut Work<'_>,
    database: &str,
    entry: &Document,
) -> Result<Option<Found>, StoreError> {
    let Ok(name) = entry.get_str("name") else {
        return Ok(None);
    };
    let is_capped = entry
        .get_document("options")
        .is_ok_and(|options| options.get_bool("capped").unwrap_or(false));
    let kind = match entry.get_str("type") {
        Ok("view") => Kind::View,
        Ok("timeseries") => Kind::TimeSeries,
        _ if is_capped => Kind::Capped,
        _ => Kind::Plain,
    };
    let mut found = Found {
        database: database.to_owned(),
        name: name.to_owned(),
        kind,
        indexes: Vec::new(),
        estimate: None,
        keys: BTreeMap::new(),
        sampled: 0,
    };
    if kind != Kind::View {
        let indexes = doc! {"listIndexes": name, "cursor": {"batchSize": 1_000}};
        let answer = work.attempt(database, indexes).await?;
        found.indexes = answer
            .map(|answer| read_indexes(&batch(&answer)))
            .unwrap_or_default();
        let count = work
            .attempt(database, doc! {"count": name})
            .await?
            .unwrap_or_default();
        found.estimate = number(count.get("n")).and_then(|count| u64::try_from(count).ok());
    }
    sample(work, &mut found).await?;
    Ok(Some(found))
}

fn read_indexes(listed: &[Document]) -> Vec<Index> {
    let read = |index: &Document| {
        let keys = index.get_document("key").ok()?;
        let special = ["partialFilterExpression", "wildcardProjection"];
        let is_set = |name: &str| index.get_bool(name).unwrap_or(false);
        Some(Index {
            name: index.get_str("name").unwrap_or_default().to_owned(),
            keys: keys
                .iter()
                .map(|(key, way)| (key.clone(), number(Some(way))))
                .collect(),
            is_whole: !is_set("sparse")
                && !is_set("hidden")
                && !special.iter().any(|name| index.contains_key(name))
                && index.get_document("collation").map_or(true, |collation| {
                    collation.get_str("locale").ok() == Some("simple")
                }),
            expires_after: number(index.get("expireAfterSeconds")),
        })
    };
    listed.iter().filter_map(read).collect()
}

/// A count of whatever type.
pub fn unsigned(value: &Bson) -> Option<u64> {
    number(Some(value)).and_then(|count| u64::try_from(count).ok())
}

/// An integer of whatever type; special indexes have text instead.
fn number(value: Option<&Bson>) -> Option<i64> {
    match value? {
        Bson::Int32(number) => Some(i64::from(*number)),
        Bson::Int64(number) => Some(*number),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "counts, directions and seconds"
        )]
        Bson::Double(number) => Some(*number as i64),
        _ => None,
    }
}

async fn sample(work: &mut Work<'_>, found: &mut Found) -> Result<(), StoreError> {
    let mut options = FindOptions::default();
    options.limit = Some(SAMPLE);
    options.max_time = Some(SAMPLE_TIME);
    match found.kind {
        Kind::Plain => options.sort = Some(doc! {"_id": -1}),
        Kind::Capped => options.sort = Some(doc! {"$natural": -1}),
        // Their order costs the server a sort of everything.
        Kind::View | Kind::TimeSeries => {}
    }
    let collection = work.collection(&found.database, &found.name);
    // A collection that cannot be read has no columns, and so fits nothing.
    let Ok(mut rows) = work.find(&collection, doc! {}, options).await else {
        return work.still_wanted();
    };
    while let Ok(Some(batch)) = work.next(&mut rows).await {
        let Ok(documents) = batch.doc_slices() else {
            break;
        };
        for document in documents {
            let Some(bytes) = document
                .ok()
                .and_then(mongodb::bson::RawBsonRef::as_document)
            else {
                continue;
            };
            if let Ok(raw) = Raw::new(bytes.as_bytes()) {
                found.sampled += 1;
                // What is broken was counted as far as it could be read.
                let _ = learn(&mut found.keys, raw);
            }
        }
    }
    work.still_wanted()
}

/// Adds the dotted keys of a document.
fn learn(keys: &mut BTreeMap<String, Seen>, document: Raw<'_>) -> Result<(), Malformed> {
    let mut open = vec![(String::new(), document, 1)];
    while let Some((prefix, document, depth)) = open.pop() {
        for element in document.elements() {
            let element = element?;
            let key = String::from_utf8_lossy(element.key);
            // A dot in a key would look like a step.
            if key.is_empty() || key.contains(['.', '[', '\0']) {
                continue;
            }
            let name = format!("{prefix}{key}");
            if keys.len() >= MOST_COLUMNS && !keys.contains_key(&name) {
                continue;
            }
            keys.entry(name.clone())
                .or_default()
                .add(type_name(element.value));
            if let (Value::Document(inner), true) = (element.value, depth < DEEPEST) {
                open.push((format!("{name}."), inner, depth + 1));
            }
        }
    }
    Ok(())
}

/// The names of a server's databases that are not its own.
pub async fn databases(work: &mut Work<'_>) -> Result<Vec<String>, StoreError> {
    let command = doc! {"listDatabases": 1, "nameOnly": true, "authorizedDatabases": true};
    let answer = work.command("admin", command).await?;
    let listed = answer.get_array("databases").cloned().unwrap_or_default();
    Ok(listed
        .iter()
        .filter_map(|database| {
            database
                .as_document()?
                .get_str("name")
                .ok()
                .map(str::to_owned)
        })
        .filter(|name| !["admin", "config", "local"].contains(&name.as_str()))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(documents: &[Document]) -> BTreeMap<String, Seen> {
        let mut keys = BTreeMap::new();
        for document in documents {
            let raw = document.to_vec().expect("bson");
            learn(&mut keys, Raw::new(&raw).expect("a document")).expect("well formed");
        }
        keys
    }

    #[test]
    fn keys_are_dotted_and_know_their_types() {
        let keys = seen(&[
            doc! {"_id": 1, "meta": {"time": 1.0, "user-email": "a"}, "tags": [1], "n": 1},
            doc! {"_id": 2, "meta": {"time": 2_i64, "a[dot]b": 1}, "n": "x", "z": Bson::Null},
            doc! {"_id": 3, "meta": Bson::Null, "n": 2},
        ]);
        let shown: Vec<_> = keys
            .iter()
            .map(|(name, seen)| (name.as_str(), seen.kind(), seen.type_name()))
            .collect();
        let expected = [
            ("_id", ColumnKind::Int, "int"),
            ("meta", ColumnKind::Json, "null|object"),
            ("meta.time", ColumnKind::Number, "double|long"),
            ("meta.user-email", ColumnKind::Text, "string"),
            ("n", ColumnKind::Int, "int|string"),
            ("tags", ColumnKind::Array, "array"),
            ("z", ColumnKind::Other, "null"),
        ];
        let expected: Vec<_> = expected
            .iter()
            .map(|(name, kind, types)| (*name, *kind, (*types).to_owned()))
            .collect();
        assert_eq!(shown, expected);
    }
}
