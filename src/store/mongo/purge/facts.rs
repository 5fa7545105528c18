//! What a collection is, apart from its documents: the identity a plan holds on to, and the reasons
//! why it cannot be purged.

use mongodb::bson::{Bson, Document, doc, spec::BinarySubtype};

use crate::core::purge::plan::{Identity, Relation};
use crate::core::sanitise::safe;
use crate::store::StoreError;
use crate::store::mongo::discover::{Found, Index, Kind};
use crate::store::mongo::link::{Deployment, Link, Work};
use crate::store::mongo::purge::refused;

/// A collection as the server describes it.
#[derive(Clone, Debug)]
pub struct Facts {
    database: String,
    name: String,
    uuid: String,
    /// What the operator must be told.
    pub warnings: Vec<String>,
}

impl Facts {
    /// Looks at a collection; refuses what cannot be purged.
    pub async fn of(link: &Link, work: &mut Work<'_>, found: &Found) -> Result<Self, StoreError> {
        let label = safe(&format!("{}.{}", found.database, found.name)).into_owned();
        check_kind(found.kind, &label)?;
        let entry = entry(work, &found.database, &found.name, &label).await?;
        let options = entry.get_document("options").cloned().unwrap_or_default();
        check_options(&options, &label)?;
        check_node(link, work, &label).await?;
        if link.server.deployment == Deployment::Sharded {
            check_shards(work, found, &label).await?;
        }
        let mut warnings = Vec::new();
        warnings.extend(deployment(&link.server.deployment));
        warnings.extend(
            found
                .indexes
                .iter()
                .filter_map(|index| expiry(index, &label)),
        );
        if options.contains_key("changeStreamPreAndPostImages") {
            warnings.push(format!(
                "{label} keeps images of deleted documents for change streams; they go by the server's own rule"
            ));
        }
        Ok(Self {
            database: found.database.clone(),
            name: found.name.clone(),
            uuid: uuid(&entry).ok_or_else(|| {
                refused(
                    format!("the server does not tell the identity of {label}"),
                    "grant the role read on the database: it includes listCollections",
                )
            })?,
            warnings,
        })
    }

    /// For the plan.
    pub fn identity(&self, server: &str) -> Identity {
        let fact = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Identity {
            server: server.to_owned(),
            facts: vec![
                fact("database", &self.database),
                fact("collection", &self.name),
                fact("uuid", &self.uuid),
            ],
        }
    }

    /// For the plan.
    pub fn relation(&self) -> Relation {
        Relation {
            schema: Some(self.database.clone()),
            name: self.name.clone(),
            columns: Vec::new(),
            key: vec!["_id".to_owned()],
            parent: None,
            ddl: Vec::new(),
        }
    }
}

fn check_kind(kind: Kind, label: &str) -> Result<(), StoreError> {
    let (what, hint) = match kind {
        Kind::Plain => return Ok(()),
        Kind::Capped => (
            "is a capped collection: it deletes its oldest documents by itself, and nobody else \
             may on every version",
            "query and export still work; its size is its retention",
        ),
        Kind::View => ("is a view", "purge the collection behind it: --table NAME"),
        Kind::TimeSeries => (
            "is a time-series collection: deleting single measurements makes some versions of \
             MongoDB expire new ones early",
            "use its own retention: collMod with expireAfterSeconds",
        ),
    };
    Err(refused(format!("{label} {what}"), hint))
}

/// Options under which keys or documents would not be what they seem.
fn check_options(options: &Document, label: &str) -> Result<(), StoreError> {
    let locale = options
        .get_document("collation")
        .and_then(|collation| collation.get_str("locale"));
    if locale.is_ok_and(|locale| locale != "simple") {
        return Err(refused(
            format!("{label} has a collation: documents with different keys may count as one"),
            "query and export still work",
        ));
    }
    for (option, what) in [
        ("clusteredIndex", "a clustered index"),
        ("encryptedFields", "encrypted fields"),
    ] {
        if options.contains_key(option) {
            return Err(refused(
                format!("{label} has {what}, which a purge does not know how to treat"),
                "query and export still work",
            ));
        }
    }
    Ok(())
}

/// Only a primary deletes; a shard behind a router does so behind its back.
async fn check_node(link: &Link, work: &mut Work<'_>, label: &str) -> Result<(), StoreError> {
    let hello = work.command("admin", doc! {"hello": 1}).await?;
    if !hello.get_bool("isWritablePrimary").unwrap_or(false) {
        return Err(refused(
            format!("{label} was looked at on a secondary, which cannot delete"),
            "name the whole replica set, or the primary",
        ));
    }
    if matches!(link.server.deployment, Deployment::ReplicaSet(_)) {
        // Without the privilege nobody tells, and nobody can be asked.
        let state = work.attempt("admin", doc! {"shardingState": 1}).await?;
        if state.is_ok_and(|state| state.get_bool("enabled").unwrap_or(false)) {
            return Err(refused(
                format!("{label} was looked at on a shard, not through its router"),
                "name a mongos: it alone knows whose documents these are",
            ));
        }
    }
    Ok(())
}

/// Documents of a sharded collection may share an `_id`, unless that is what shards it.
async fn check_shards(work: &mut Work<'_>, found: &Found, label: &str) -> Result<(), StoreError> {
    let namespace = format!("{}.{}", found.database, found.name);
    let find = doc! {"find": "collections", "filter": {"_id": namespace}, "limit": 1};
    let Ok(answer) = work.attempt("config", find).await? else {
        return Err(refused(
            format!("whether {label} is sharded, and how, cannot be seen"),
            "grant the role read on the database config",
        ));
    };
    let sharded = answer
        .get_document("cursor")
        .and_then(|cursor| cursor.get_array("firstBatch"))
        .ok()
        .and_then(|batch| batch.first()?.as_document());
    let Some(entry) = sharded else {
        return Ok(());
    };
    let by_id = entry
        .get_document("key")
        .is_ok_and(|key| key.len() == 1 && key.contains_key("_id"));
    if by_id {
        return Ok(());
    }
    Err(refused(
        format!("{label} is sharded by another key than _id: two documents may have one _id"),
        "query and export still work",
    ))
}

/// What the deployment means for the deletion.
fn deployment(deployment: &Deployment) -> Option<String> {
    match deployment {
        Deployment::ReplicaSet(_) => None,
        Deployment::Standalone => Some(
            "a server without a replica set has no transactions: documents are deleted one by one \
             and compared by the server, exact up to the type of numbers of equal size and value"
                .to_owned(),
        ),
        Deployment::Sharded => Some(
            "purging through a router has not been run by the makers of this program".to_owned(),
        ),
    }
}

fn expiry(index: &Index, label: &str) -> Option<String> {
    let seconds = index.expires_after?;
    Some(format!(
        "the server itself deletes documents of {label} after {} days (index {}); those that vanish \
         meanwhile are counted as gone",
        seconds / 86_400,
        safe(&index.name)
    ))
}

/// What `listCollections` says of a collection.
async fn entry(
    work: &mut Work<'_>,
    database: &str,
    name: &str,
    label: &str,
) -> Result<Document, StoreError> {
    let list = doc! {
        "listCollections": 1, "filter": {"name": name}, "nameOnly": false, "cursor": {},
    };
    let answer = work.command(database, list).await?;
    let listed = answer
        .get_document("cursor")
        .and_then(|cursor| cursor.get_array("firstBatch"));
    let entry = listed
        .ok()
        .and_then(|batch| batch.first()?.as_document().cloned());
    entry.ok_or_else(|| refused(format!("{label} is gone"), "look again"))
}

fn uuid(entry: &Document) -> Option<String> {
    match entry.get_document("info").ok()?.get("uuid")? {
        Bson::Binary(binary) if binary.subtype == BinarySubtype::Uuid => {
            Some(binary.to_uuid().ok()?.to_string())
        }
        _ => None,
    }
}
