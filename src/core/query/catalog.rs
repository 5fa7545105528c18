//! What a query may name in one store: the profile's own names, and the payload paths and values
//! seen in a sample.
//!
//! Does not fetch the sample; drivers feed it event by event.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::core::event::{Event, Field};
use crate::core::group::Groups;
use crate::core::json::{FlatJson, NodeId};
use crate::core::path::Path;
use crate::core::profile::evaluate::values;
use crate::core::profile::{OwnField, Profile, ValueExpr};

/// Names and values for resolution, completion and did-you-mean.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// The store's name, for `store:`.
    pub store: String,
    /// The profile's own names.
    pub own: Vec<Arc<OwnField>>,
    /// Names of the language that this store has no values for.
    pub lacks: BTreeSet<&'static str>,
    /// Which users belong to which groups, where that was told.
    pub groups: Option<Arc<Groups>>,
    /// Payload paths seen, in path order; containers are among them.
    pub paths: BTreeMap<Path, PathFacts>,
    /// Values seen per event field, with how often; the most frequent are kept.
    pub values: BTreeMap<Field, ValueCounts>,
    /// Values seen per name of the profile's own.
    pub own_values: BTreeMap<String, ValueCounts>,
}

/// Values as text, with how often they were seen.
pub type ValueCounts = BTreeMap<String, u64>;

/// What was seen at one payload path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathFacts {
    /// In how many sampled records.
    pub seen: u64,
    /// How often there was a text, number or boolean, not only an object.
    pub scalars: u64,
    /// A few of its values as text, with how often.
    pub values: ValueCounts,
}

impl Catalog {
    /// Paths kept at most; a store with more keys than this keeps the most frequent ones.
    pub const MOST_PATHS: usize = 2_000;
    /// Values kept at most per field or path.
    pub const MOST_VALUES: usize = 200;
    /// Longer values are nothing one would pick from a list.
    const LONGEST_VALUE: usize = 200;

    /// A catalogue that knows the profile and nothing of the data yet.
    pub fn new(store: &str, profile: &Profile) -> Self {
        let mut lacks: BTreeSet<&'static str> = Field::ALL
            .into_iter()
            .filter(|field| *profile.field(*field) == ValueExpr::Absent)
            .map(Field::name)
            .collect();
        if profile.outcome.is_empty() {
            lacks.insert("outcome");
        }
        Self {
            store: store.to_owned(),
            own: profile.own.iter().cloned().map(Arc::new).collect(),
            lacks,
            ..Self::default()
        }
    }

    /// Adds what one event shows. `record` is the whole record.
    pub fn learn(&mut self, event: &Event, record: &FlatJson<'_>) {
        for field in Field::ALL {
            let counts = self.values.entry(field).or_default();
            for value in event.all(field) {
                count(counts, value.text());
            }
        }
        for own in &self.own {
            let counts = self.own_values.entry(own.name.clone()).or_default();
            for value in values(&own.expr, record) {
                count(counts, value.text());
            }
        }
        self.learn_paths(record);
        if self.paths.len() > Self::MOST_PATHS {
            keep_most(&mut self.paths, Self::MOST_PATHS, |facts| facts.seen);
        }
    }

    fn learn_paths(&mut self, record: &FlatJson<'_>) {
        let mut seen_here = BTreeSet::new();
        Path::each(record, &mut |steps, node| {
            let path = Path::new(steps.iter().cloned());
            self.learn_node(path, record, node, &mut seen_here);
        });
    }

    fn learn_node(
        &mut self,
        path: Path,
        record: &FlatJson<'_>,
        node: NodeId,
        seen_here: &mut BTreeSet<Path>,
    ) {
        if self.paths.len() >= 2 * Self::MOST_PATHS && !self.paths.contains_key(&path) {
            keep_most(&mut self.paths, Self::MOST_PATHS, |facts| facts.seen);
        }
        let facts = self.paths.entry(path.clone()).or_default();
        if let Some(value) = record.scalar(node) {
            facts.scalars += 1;
            count(&mut facts.values, value.text());
        }
        facts.seen += u64::from(seen_here.insert(path));
    }
}

fn count(counts: &mut ValueCounts, value: &str) {
    if value.is_empty() || value.len() > Catalog::LONGEST_VALUE {
        return;
    }
    if let Some(seen) = counts.get_mut(value) {
        *seen += 1;
        return;
    }
    counts.insert(value.to_owned(), 1);
    if counts.len() > Catalog::MOST_VALUES {
        // Making room for many at once keeps the cost per value small.
        keep_most(counts, Catalog::MOST_VALUES / 2, |seen| *seen);
    }
}

/// Drops the rarest; of equally rare ones the first in order stay.
fn keep_most<K: Ord + Clone, V>(map: &mut BTreeMap<K, V>, most: usize, seen: impl Fn(&V) -> u64) {
    let mut by_count: Vec<(u64, K)> = map
        .iter()
        .map(|(key, value)| (seen(value), key.clone()))
        .collect();
    by_count.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    for (_, key) in by_count.drain(most.min(by_count.len())..) {
        map.remove(&key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::event::{Cursor, EventId, KeyPart, Payload, Values};
    use crate::core::instant::At;

    fn event() -> Event {
        Event {
            id: EventId::new("1"),
            cursor: Cursor {
                at: At::Absent,
                time: KeyPart::Null,
                key: Vec::new(),
            },
            outcome: None,
            values: Values::default(),
            payload: Payload::whole("{}"),
        }
    }

    fn learned(records: &[&str]) -> Catalog {
        let mut catalog = Catalog::default();
        for record in records {
            catalog.learn(&event(), &FlatJson::parse(*record).expect("valid"));
        }
        catalog
    }

    #[test]
    fn paths_are_those_a_query_can_follow() {
        let record =
            r#"{"id":1,"d":{"a b":[{"x":"p"},{"x":"q","y":null}],"n":[[{"z":1}]]},"e":{}}"#;
        let catalog = learned(&[record, record]);
        let seen: Vec<_> = catalog
            .paths
            .iter()
            .map(|(path, facts)| {
                (
                    path.to_string(),
                    facts.seen,
                    facts.scalars,
                    facts.values.len(),
                )
            })
            .collect();
        let expect = [
            ("d", 2, 0, 0),
            (r#"d."a b""#, 2, 0, 0),
            (r#"d."a b".x"#, 2, 4, 2),
            ("d.n", 2, 0, 0),
            ("e", 2, 0, 0),
            ("id", 2, 2, 1),
        ];
        assert_eq!(
            seen,
            expect.map(|(path, a, b, c)| (path.to_owned(), a, b, c))
        );
        let json = FlatJson::parse(record).expect("valid");
        for path in catalog.paths.keys() {
            assert!(path.reaches(&json, &mut |_| true), "{path}");
        }
    }

    #[test]
    fn what_is_frequent_survives_a_flood_of_keys() {
        let mut records = vec![r#"{"common":"x"}"#.to_owned(); 3];
        for batch in 0..5 {
            let keys: Vec<_> = (0..1_500)
                .map(|k| format!("\"k{batch}-{k}\":\"{k}\""))
                .collect();
            records.push(format!("{{{}}}", keys.join(",")));
        }
        let texts: Vec<_> = records.iter().map(String::as_str).collect();
        let catalog = learned(&texts);
        assert_eq!(catalog.paths.len(), Catalog::MOST_PATHS);
        assert_eq!(catalog.paths[&Path::new(["common"])].seen, 3);
        let values: Vec<_> = (0..1_000)
            .flat_map(|n| [format!("{{\"v\":\"{n}\"}}"), "{\"v\":\"often\"}".to_owned()])
            .collect();
        let texts: Vec<_> = values.iter().map(String::as_str).collect();
        let facts = &learned(&texts).paths[&Path::new(["v"])];
        assert!(facts.values.len() <= Catalog::MOST_VALUES);
        assert_eq!(facts.values["often"], 1_000);
    }

    #[test]
    fn deep_and_endless_records_are_harmless() {
        let deep = format!("{}1{}", "{\"a\":".repeat(5_000), "}".repeat(5_000));
        assert_eq!(learned(&[&deep]).paths.len(), crate::core::path::DEEPEST);
        let arrays = format!("{{\"a\":{}{}}}", "[".repeat(5_000), "]".repeat(5_000));
        assert_eq!(learned(&[&arrays]).paths.len(), 1);
    }
}
