//! Filters whose few documents an index finds: they are sought and sorted at once, without a walk
//! through time.

use std::time::Duration;

use mongodb::bson::doc;

use crate::store::StoreError;
use crate::store::mongo::examine;
use crate::store::mongo::numbers;
use crate::store::mongo::page::Pager;

/// So many documents the server may sort for one page.
const FEW: u64 = 10_000;
/// How long finding out may take.
const PATIENCE: Duration = Duration::from_millis(250);

impl Pager<'_, '_> {
    /// The index by which the server finds few documents for the filter; `None` where there is none,
    /// where it is the one on time, or where there are many.
    pub(super) async fn finder(&mut self) -> Result<Option<String>, StoreError> {
        let found = &self.source.found;
        let is_another = |name: &str| name != "_id_" && Some(name) != self.source.index.as_deref();
        if !found.indexes.iter().any(|index| is_another(&index.name)) {
            return Ok(None);
        }
        let find = doc! {
            "find": &found.name, "filter": self.filter.clone(), "collation": {"locale": "simple"},
        };
        let command = doc! {"explain": find, "verbosity": "queryPlanner"};
        let Ok(answer) = self.work.attempt(&found.database, command).await? else {
            return Ok(None);
        };
        let names = examine::indexes(&answer);
        let [name] = names.as_slice() else {
            return Ok(None);
        };
        if !is_another(name) {
            return Ok(None);
        }
        let limit = i64::try_from(FEW).unwrap_or(i64::MAX);
        let count = doc! {
            "aggregate": &found.name,
            "pipeline": [{"$match": self.filter.clone()}, {"$limit": limit}, {"$count": "n"}],
            "collation": {"locale": "simple"},
            "hint": name,
            "maxTimeMS": i64::try_from(PATIENCE.as_millis()).unwrap_or(i64::MAX),
            "cursor": {},
        };
        let Ok(answer) = self.work.attempt(&found.database, count).await? else {
            return Ok(None);
        };
        Ok((numbers::counted(&answer) < FEW).then(|| name.clone()))
    }
}
