//! Rows grouped by the server: by their bucket of time and by the raw parts of records that a question
//! reads. Strings are asked for without quotes as long as there is nothing but strings.
//!
//! Does not run any statement, nor read a group.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::core::aggregate::{AggregateRequest, GroupKey, Measure};
use crate::core::instant::{At, Micros};
use crate::store::postgres::Inner;
use crate::store::postgres::layout::TimeForm;
use crate::store::postgres::project::{Projection, Selection};
use crate::store::postgres::sql::plain::{is_plain, is_string};

/// A statement that groups by the parts which a question reads.
pub struct Grouping {
    edges: Option<Vec<Micros>>,
    /// `width_bucket(…)`
    bucket: Option<String>,
    /// How a group becomes a record.
    pub selection: Selection,
    /// The parts that are asked for without quotes: those that have been nothing but strings so far.
    plain: Vec<Option<String>>,
}

/// Parts of records that are not always strings, as far as anybody has seen.
#[derive(Default)]
pub struct Doubts(Mutex<HashSet<String>>);

impl Doubts {
    fn add(&self, plain: Option<String>) {
        self.all().extend(plain);
    }

    /// Which of these may be asked for without quotes.
    fn without(&self, plain: &[Option<String>]) -> Vec<Option<String>> {
        let doubts = self.all();
        let trusted =
            |plain: &Option<String>| plain.clone().filter(|plain| !doubts.contains(plain));
        plain.iter().map(trusted).collect()
    }

    fn all(&self) -> MutexGuard<'_, HashSet<String>> {
        // Whoever panicked has left no doubt half-said.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How the parts of a statement are spelled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// Strings without quotes; what may be something else is left out.
    Plain,
    /// JSON.
    Json,
}

impl Grouping {
    /// For a question. `None`: rows have to be looked at one by one.
    pub fn new(inner: &Inner, request: &AggregateRequest) -> Option<Self> {
        let layout = &inner.layout;
        let mut projection = Projection::default();
        let mut edges = None;
        for key in &request.keys {
            match key {
                // Two time keys are nobody's question; rows answer it.
                GroupKey::Time(_) if edges.is_some() => return None,
                GroupKey::Time(buckets) => edges = Some(buckets.clone()),
                GroupKey::Value(subject) | GroupKey::Magnitude(subject) => {
                    projection.need(subject, &layout.profile);
                }
            }
        }
        if let Measure::Distinct(subject) = &request.measure {
            projection.need(subject, &layout.profile);
        }
        let bucket = match &edges {
            None => None,
            Some(edges) => Some(bucket(inner, edges)?),
        };
        let selection = projection.select(&layout.table);
        Some(Self {
            edges,
            bucket,
            plain: inner.doubts.without(&selection.plain),
            selection,
        })
    }

    /// Asks for some parts as JSON from now on, in later questions, too: there will be more of what is no
    /// string, and to ask twice costs more than quotes.
    pub fn doubt(&mut self, parts: BTreeSet<usize>, doubts: &Doubts) {
        for part in parts {
            doubts.add(self.plain[part].take());
        }
    }

    /// The condition for the rows of another that a plain statement leaves out. `None`: it leaves out none.
    pub fn rest(&self, condition: &str) -> Option<String> {
        let plain = self.plain.iter().flatten();
        let strings: Vec<String> = plain.map(|text| is_string(text)).collect();
        let strings = strings.join(" AND ");
        (!strings.is_empty()).then(|| format!("({condition}) AND ({strings}) IS NOT TRUE"))
    }

    /// The parts of a group that a plain statement cannot tell.
    pub fn no_strings(&self, values: &[Option<String>], spelling: Spelling) -> Vec<usize> {
        if spelling == Spelling::Json {
            return Vec::new();
        }
        let is_told = |value: &Option<String>| value.as_deref().is_some_and(is_plain);
        let parts = self.plain.iter().zip(values).enumerate();
        parts
            .filter(|(_, (plain, value))| plain.is_some() && !is_told(value))
            .map(|(place, _)| place)
            .collect()
    }

    /// Rows by their parts. The parts are made in a query of their own, of which the planner expects few
    /// different ones: it hashes short texts then and never sorts documents.
    pub fn statement(&self, from: &str, condition: &str, spelling: Spelling) -> String {
        let bucket = self.bucket.iter().cloned();
        let texts = self.selection.columns.iter().zip(&self.plain);
        let texts = texts.map(|(column, plain)| match (plain, spelling) {
            (Some(plain), Spelling::Plain) => plain.clone(),
            // By their text: as jsonb 7 and 7.0 are equal, as values of an event they are not.
            _ => format!("({column})::text"),
        });
        let parts: Vec<String> = bucket.chain(texts).collect();
        let numbered = |form: &dyn Fn(usize) -> String, sign: &str| -> String {
            (0..parts.len()).map(form).collect::<Vec<_>>().join(sign)
        };
        if parts.is_empty() {
            return format!("SELECT count(*)::text FROM {from} WHERE {condition}");
        }
        let made = numbered(&|place| format!("{} AS p{place}", parts[place]), ", ");
        let shown = numbered(&|place| format!("p{place}::text"), ", ");
        let groups = numbered(&|place| format!("p{place}"), ", ");
        format!(
            "SELECT count(*)::text, {shown} FROM \
             (SELECT {made} FROM {from} WHERE {condition} OFFSET 0) parts GROUP BY {groups}"
        )
    }

    /// Takes the bucket off a row: any instant in it will do.
    pub fn instant(&self, values: &mut Vec<Option<String>>) -> At {
        let Some(edges) = &self.edges else {
            return At::Absent;
        };
        let bucket: Option<usize> = values.remove(0).and_then(|text| text.parse().ok());
        bucket
            .and_then(|bucket| bucket.checked_sub(1))
            .and_then(|bucket| edges.get(bucket))
            .map_or(At::Absent, |edge| At::Instant(*edge))
    }
}

/// The bucket's number, from 1. `None` for columns that are not instants of their own.
fn bucket(inner: &Inner, edges: &[Micros]) -> Option<String> {
    let time = &inner.layout.time;
    if !matches!(
        time.form,
        TimeForm::Instant | TimeForm::WallClock(chrono_tz::UTC) | TimeForm::Integer(_)
    ) {
        return None;
    }
    let literals: Option<Vec<String>> = edges.iter().map(|edge| time.literal(*edge)).collect();
    let kind = match time.form {
        TimeForm::Integer(_) => "::numeric[]",
        _ => "",
    };
    let cast = if time.form == TimeForm::Instant {
        ""
    } else if kind.is_empty() {
        "::timestamp"
    } else {
        "::numeric"
    };
    Some(format!(
        "width_bucket({}{cast}, ARRAY[{}]{kind})",
        time.sql,
        literals?.join(", ")
    ))
}
