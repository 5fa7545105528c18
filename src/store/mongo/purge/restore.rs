//! Puts archived documents back where they are missing.
//!
//! Every document is compared before and read back after it was inserted. What is there with other
//! contents stays as it is.

use mongodb::bson::{Bson, Document, RawArrayBuf, RawDocument, RawDocumentBuf, cstr, doc, rawdoc};
use tokio_util::sync::CancellationToken;

use crate::core::bson::{Raw, Value};
use crate::core::purge::decode;
use crate::core::purge::plan::{Encoding, Plan};
use crate::core::sanitise::safe;
use crate::store::mongo::discover::{Kind, unsigned};
use crate::store::mongo::purge::desk::{Desk, Hitch, Now, Rows, namespace};
use crate::store::mongo::purge::{primary, refused};
use crate::store::purger::{Batch, RestoreInto, Restored, Restorer};
use crate::store::{BoxFuture, StoreError};

/// Bytes and documents in one command.
const COMMAND: (usize, usize) = (8 << 20, 1_000);
/// Somebody may not do something.
const UNAUTHORIZED: i32 = 13;

/// Somebody who may insert.
pub struct MongoRestorer {
    desk: Desk,
    into: RestoreInto,
    /// Whether validation rules may be passed by: what was valid once belongs back.
    bypass: bool,
}

impl MongoRestorer {
    /// Connects; the target's own database and name win over the plan's.
    pub async fn open(
        target: &str,
        table: Option<&str>,
        plan: &Plan,
        into: RestoreInto,
        stop: &CancellationToken,
    ) -> Result<Self, StoreError> {
        let (database, name) = namespace(plan)?;
        let target = primary(target).await?;
        let database = target
            .database
            .clone()
            .unwrap_or_else(|| database.to_owned());
        let named = table.map(str::to_owned).or_else(|| target.table.clone());
        let name = match into {
            RestoreInto::Table => named.unwrap_or_else(|| name.to_owned()),
            RestoreInto::Scratch => format!("auditail_drill_{:016x}", fastrand::u64(..)),
        };
        let desk = Desk::open(target, &database, &name).await?;
        if into == RestoreInto::Table {
            check(&desk, stop).await?;
        }
        if !desk.link.may("insert", &database, &name) {
            return Err(refused(
                format!("this user may not insert into {}", desk.label),
                "restore as a user with the role readWrite",
            ));
        }
        let bypass = desk.link.may("bypassDocumentValidation", &database, &name);
        Ok(Self { desk, into, bypass })
    }

    async fn put(&self, batch: &Batch) -> Result<Restored, StoreError> {
        let Some(rows) = batch.rows.first() else {
            return Err(refused("the batch is not of this plan", ""));
        };
        let rows = Rows::new(rows)?;
        let mut report = Restored::default();
        let id =
            |place: usize| decode::id(Encoding::Bson, &rows.archived.marks[place].key).to_string();
        let bytes: Vec<&[u8]> = rows.bytes().collect();
        let mut missing = Vec::new();
        for (place, now) in self.now(&rows).await?.into_iter().enumerate() {
            match now {
                Now::Equal => report.equal += 1,
                Now::Other => report.conflicts.push(id(place)),
                // A server puts its own time in the place of an empty one.
                Now::Missing if has_empty_time(bytes[place]) => report.altered.push(id(place)),
                Now::Missing => missing.push(place),
            }
        }
        let mut refused_ones = Vec::new();
        for places in parts(&missing, &bytes) {
            let wrong = self
                .insert(places.iter().map(|place| bytes[*place]))
                .await?;
            refused_ones.extend(wrong.into_iter().filter_map(|at| places.get(at).copied()));
        }
        let after = if missing.is_empty() {
            Vec::new()
        } else {
            self.now(&rows).await?
        };
        for place in missing {
            match after[place] {
                Now::Equal if refused_ones.contains(&place) => report.equal += 1,
                Now::Equal => report.inserted += 1,
                Now::Other if !refused_ones.contains(&place) => report.altered.push(id(place)),
                Now::Other | Now::Missing => report.conflicts.push(id(place)),
            }
        }
        Ok(report)
    }

    async fn now(&self, rows: &Rows<'_>) -> Result<Vec<Now>, StoreError> {
        match self.desk.compare(rows, None).await {
            Ok(now) => Ok(now),
            Err(Hitch::Conflict) => Err(self.desk.busy()),
            Err(Hitch::Error(error)) => Err(error),
        }
    }

    /// Inserts; the places of those that were not taken.
    async fn insert<'b>(
        &self,
        documents: impl Iterator<Item = &'b [u8]>,
    ) -> Result<Vec<usize>, StoreError> {
        let mut list = RawArrayBuf::new();
        for bytes in documents {
            let document = RawDocument::from_bytes(bytes)
                .map_err(|_| refused("an archived document cannot be read", "verify it"))?;
            list.push(document);
        }
        let desk = &self.desk;
        let mut command: RawDocumentBuf = rawdoc! {"insert": desk.name.as_str(), "ordered": false};
        command.append(cstr!("documents"), list);
        if self.bypass {
            command.append(cstr!("bypassDocumentValidation"), true);
        }
        let concern = if desk.has_transactions() {
            rawdoc! {"w": "majority", "j": true}
        } else {
            rawdoc! {"w": 1, "j": true}
        };
        command.append(cstr!("writeConcern"), concern);
        let database = desk.link.client().database(&desk.database);
        let answer = Desk::answered(database.run_raw_command(command)).await;
        let answer: Document = answer.map_err(|error| desk.failed(&error))?;
        if answer.contains_key("writeConcernError") {
            return Err(StoreError::Lost {
                name: desk.link.target.place.clone(),
                message: "the restored documents are not on a majority of the members".to_owned(),
            });
        }
        let wrong = answer.get_array("writeErrors").cloned().unwrap_or_default();
        let mut places = Vec::new();
        for error in wrong.iter().filter_map(Bson::as_document) {
            if error.get_i32("code").is_ok_and(|code| code == UNAUTHORIZED) {
                return Err(refused(format!("{} takes no documents", desk.label), ""));
            }
            let place = error.get("index").and_then(unsigned);
            places.extend(place.and_then(|place| usize::try_from(place).ok()));
        }
        Ok(places)
    }
}

/// Whether a collection is one that documents can be put back into, and stay.
async fn check(desk: &Desk, stop: &CancellationToken) -> Result<(), StoreError> {
    let Some(found) = desk.found(stop).await? else {
        // It will be created, as mongorestore does.
        return Ok(());
    };
    if found.kind != Kind::Plain {
        return Err(refused(
            format!("{} is a {}", desk.label, found.kind.word()),
            "restore into an ordinary collection: --table NAME",
        ));
    }
    let expires = found
        .indexes
        .iter()
        .find(|index| index.expires_after.is_some());
    if let Some(index) = expires {
        return Err(refused(
            format!(
                "{} would delete again what is put back: index {} expires documents",
                desk.label,
                safe(&index.name)
            ),
            "restore into another collection with --table NAME, or drop that index",
        ));
    }
    Ok(())
}

/// Places in parts that a command can hold.
fn parts(places: &[usize], bytes: &[&[u8]]) -> Vec<Vec<usize>> {
    let mut parts: Vec<Vec<usize>> = Vec::new();
    let mut held = usize::MAX;
    for place in places {
        let length = bytes[*place].len();
        let is_full = parts.last().is_none_or(|part| part.len() >= COMMAND.1);
        if is_full || held.saturating_add(length) > COMMAND.0 {
            parts.push(Vec::new());
            held = 0;
        }
        held += length;
        if let Some(part) = parts.last_mut() {
            part.push(*place);
        }
    }
    parts
}

/// Whether a document has an empty timestamp of its own.
fn has_empty_time(bytes: &[u8]) -> bool {
    Raw::new(bytes).is_ok_and(|document| {
        let mut elements = document.elements();
        elements.any(|element| {
            element.is_ok_and(|element| {
                element.value == Value::Timestamp(0, 0) && element.key != b"_id"
            })
        })
    })
}

impl Restorer for MongoRestorer {
    fn restore<'a>(
        &'a mut self,
        batch: &'a Batch,
        _stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Restored, StoreError>> {
        Box::pin(self.put(batch))
    }

    fn finish<'a>(
        self: Box<Self>,
        _stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<(), StoreError>>
    where
        Self: 'a,
    {
        Box::pin(async move {
            if self.into == RestoreInto::Table {
                return Ok(());
            }
            let dropped = self
                .desk
                .command(&self.desk.database, doc! {"drop": &self.desk.name})
                .await;
            dropped
                .map(|_| ())
                .map_err(|error| self.desk.failed(&error))
        })
    }
}
