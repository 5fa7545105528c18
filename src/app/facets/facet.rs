//! One facet: what it counts, how that is asked, and what came of it.

use std::sync::Arc;

use tui_input::Input;

use crate::app::command::Polarity;
use crate::app::facets::said::{self, Said, Value};
use crate::core::aggregate::{
    Aggregate, AggregateRequest, Certainty, Group, GroupKey, GroupValue, Measure, Subject,
};
use crate::core::query::predicate::{Atom, Predicate, Test};

/// Values of a facet at first.
const FEW: usize = 6;

/// Values of a facet at most; whoever looks for another one types a part of it.
pub const MANY: usize = 30;

/// Groups that are asked for where a text narrows a list: its other values come along and are left
/// out here.
const AMONG: usize = 500;

/// How much of a facet is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Extent {
    /// Its heading; nothing is counted.
    Closed,
    /// The most frequent values.
    Few,
    /// More of them.
    Many,
}

/// Which events a facet is counted over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// All, unless that takes long: then the newest.
    Bounded,
    /// The newest.
    Sampled,
    /// All, however long that takes.
    Whole,
}

/// A facet's question.
#[derive(Clone, Debug)]
pub struct Ask {
    /// What is counted.
    pub request: AggregateRequest,
    /// Over what.
    pub how: How,
}

/// What a facet was counted over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// All events that match.
    All,
    /// This many newest of them: every number is about a part.
    Newest(u64),
}

/// A facet's answer.
#[derive(Clone, Debug)]
pub struct Counted {
    /// The groups.
    pub answer: Aggregate,
    /// Of what.
    pub basis: Basis,
}

/// Whether the numbers answer the filter as it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// They are to be asked, or are being asked.
    Due,
    /// They do.
    Told,
    /// The store did not answer; one sentence.
    Failed(String),
}

/// A line of a facet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The value.
    pub value: Value,
    /// Events with it, where that is known.
    pub count: Option<u64>,
    /// What the filter says of it.
    pub mark: Option<Polarity>,
}

/// What the values of a facet are a part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variety {
    /// So many different values there are.
    Values(usize),
    /// There are more than these.
    Many,
}

/// A facet.
#[derive(Clone, Debug)]
pub struct Facet {
    /// What is counted.
    pub subject: Subject,
    /// Its name as filters spell it.
    pub name: String,
    /// How much of it is shown.
    pub extent: Extent,
    /// What its values have to contain.
    pub narrow: Input,
    /// Whether the numbers answer the filter.
    pub state: State,
    /// The share of the events that was looked at, where that can be told.
    pub far: Option<f64>,
    /// Whether all events are to be counted, however long that takes.
    pub(super) how: How,
    counted: Option<Counted>,
    /// The part of the values that the numbers are about.
    counted_of: String,
    said: Vec<Said>,
    rows: Vec<Row>,
}

impl Facet {
    /// A facet of which nothing is known.
    pub fn new(subject: Subject, name: String) -> Self {
        Self {
            subject,
            name,
            extent: Extent::Few,
            narrow: Input::default(),
            state: State::Due,
            far: None,
            how: How::Bounded,
            counted: None,
            counted_of: String::new(),
            said: Vec::new(),
            rows: Vec::new(),
        }
    }

    /// What is to be asked about the events of a filter.
    pub(super) fn ask(&self, predicate: &Predicate) -> Ask {
        let others = said::of_others(predicate, &self.subject);
        let part = self.narrow.value();
        let test = Test::Contains(part.to_owned());
        let narrowing = match &self.subject {
            _ if part.is_empty() => Predicate::All,
            // There are four of them.
            Subject::Outcome => Predicate::All,
            Subject::Field(field) => Predicate::Atom(Atom::Field(*field, test)),
            Subject::Own(own) => Predicate::Atom(Atom::Own(own.clone(), test)),
            Subject::Path(path) => Predicate::Atom(Atom::Path(path.clone(), test)),
        };
        let most = if part.is_empty() { MANY } else { AMONG };
        Ask {
            request: AggregateRequest {
                predicate: Arc::new(others.and(narrowing)),
                keys: vec![GroupKey::Value(self.subject.clone())],
                measure: Measure::Count,
                // One more tells whether there are more.
                top: Some(most + 1),
            },
            how: self.how,
        }
    }

    /// The numbers are those of another filter, or of another text.
    pub(super) fn expire(&mut self) {
        self.state = State::Due;
        self.far = None;
    }

    /// Takes an answer in.
    pub(super) fn take(&mut self, counted: Counted) {
        self.state = State::Told;
        self.far = None;
        self.counted = Some(counted);
        self.narrow.value().clone_into(&mut self.counted_of);
        self.arrange();
    }

    /// Takes in what the filter says of it.
    pub(super) fn heed(&mut self, predicate: &Predicate) {
        self.said = said::all(predicate, &self.subject);
        self.arrange();
    }

    fn arrange(&mut self) {
        let found = self.found();
        let missing = self.said.iter().flat_map(|said| &said.values);
        let missing = missing.filter(|value| !found.iter().any(|(known, _)| known == *value));
        // What is not among all the values that there are is nowhere.
        let nowhere = self.is_complete().then_some(0);
        let mut rows: Vec<Row> = found
            .iter()
            .map(|(value, count)| (value, Some(*count)))
            .chain(missing.map(|value| (value, nowhere)))
            .map(|(value, count)| Row {
                value: value.clone(),
                count,
                mark: self.mark(value),
            })
            .collect();
        if !self.counted_of.is_empty() {
            rows.truncate(found.len());
        }
        let mut seen = Vec::new();
        rows.retain(|row| {
            let is_new = !seen.contains(&row.value);
            seen.push(row.value.clone());
            is_new
        });
        self.rows = rows;
    }

    /// The values that were found, the most frequent first.
    fn found(&self) -> Vec<(Value, u64)> {
        let wanted = self.counted_of.to_ascii_lowercase();
        let groups = self
            .counted
            .iter()
            .flat_map(|counted| &counted.answer.groups);
        let value = |group: &Group| match group.key.first() {
            Some(GroupValue::Text(text)) => Some(text.to_string()),
            _ => None,
        };
        groups
            .map(|group| (value(group), group.count))
            .filter(|(value, _)| match value {
                Some(text) => text.to_ascii_lowercase().contains(&wanted),
                None => wanted.is_empty(),
            })
            .collect()
    }

    fn mark(&self, value: &Value) -> Option<Polarity> {
        let said = self.said.iter().rev();
        let mut said = said.filter(|said| said.values.contains(value));
        said.next().map(|said| said.polarity)
    }

    /// Whether the answer holds every value there is.
    fn is_complete(&self) -> bool {
        let most = if self.counted_of.is_empty() {
            MANY
        } else {
            AMONG
        };
        self.counted.as_ref().is_some_and(|counted| {
            counted.basis == Basis::All
                && counted.answer.certainty == Certainty::Exact
                && counted.answer.groups.len() <= most
        })
    }

    /// Its lines, as far as they are shown; what the filter says is shown always.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        let most = match self.extent {
            Extent::Closed => 0,
            Extent::Few => FEW,
            Extent::Many => MANY,
        };
        let is_open = self.extent != Extent::Closed;
        let rows = self.rows.iter().enumerate();
        rows.filter(move |(place, row)| *place < most || is_open && row.mark.is_some())
            .map(|(_, row)| row)
    }

    /// Whether there are lines that the fewest do not show.
    pub fn has_folded(&self) -> bool {
        self.rows.len() > FEW
    }

    /// What was counted; `None` before the first answer.
    pub fn basis(&self) -> Option<Basis> {
        Some(self.counted.as_ref()?.basis)
    }

    /// How much each number may be too small.
    pub fn error(&self) -> Option<u64> {
        match self.counted.as_ref()?.answer.certainty {
            Certainty::Exact => None,
            Certainty::AtLeast { error } => Some(error),
        }
    }

    /// How many different values there are; `None` before the first answer.
    pub fn variety(&self) -> Option<Variety> {
        let counted = self.counted.as_ref()?;
        let values = self
            .found()
            .iter()
            .filter(|(value, _)| value.is_some())
            .count();
        let most = if self.counted_of.is_empty() {
            MANY
        } else {
            AMONG
        };
        let is_sure = counted.answer.certainty == Certainty::Exact;
        Some(if counted.answer.groups.len() > most || !is_sure {
            Variety::Many
        } else {
            Variety::Values(values)
        })
    }
}
