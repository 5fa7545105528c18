//! Predicates about values that occur: every operator on every type of value, alone and combined.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use auditail::core::event::{Event, Field, Outcome};
use auditail::core::instant::Micros;
use auditail::core::json::FlatJson;
use auditail::core::path::Path;
use auditail::core::profile::evaluate::values;
use auditail::core::profile::{OwnField, Profile};
use auditail::core::query::catalog::Catalog;
use auditail::core::query::predicate::{Atom, Literal, Order, Predicate, Test};
use auditail::core::scalar::{Scalar, compare_numbers};
use fastrand::Rng;

/// What an atom asks, for the count of what was covered.
pub const OPERATORS: [&str; 12] = [
    "exists", "one-of", "bare", "quoted", "glob", "contains", ">", ">=", "<", "<=", "range",
    "missing",
];

/// Of what type the value is that an atom was made from.
pub const TYPES: [&str; 3] = ["text", "number", "bool"];

/// Atoms that are not about values.
pub const OTHERS: [&str; 4] = ["at", "has-time", "outcome", "id"];

/// Where values come from.
#[derive(Clone, Debug)]
enum Subject {
    Field(Field),
    Own(Arc<OwnField>),
    Path(Path),
    Anywhere,
}

impl Subject {
    fn atom(&self, test: Test) -> Predicate {
        Predicate::Atom(match self {
            Self::Field(field) => Atom::Field(*field, test),
            Self::Own(own) => Atom::Own(Arc::clone(own), test),
            Self::Path(path) => Atom::Path(path.clone(), test),
            Self::Anywhere => Atom::Anywhere(test),
        })
    }
}

/// What occurs in a table, by the type of the value.
pub struct Known {
    by_type: BTreeMap<&'static str, Vec<(Subject, Vec<Scalar<'static>>)>>,
    paths: Vec<Path>,
    times: Vec<Micros>,
    ids: Vec<String>,
}

/// A predicate and what was asked in it.
pub struct Case {
    pub predicate: Predicate,
    pub asked: Vec<(&'static str, &'static str)>,
}

fn type_of(value: &Scalar<'_>) -> &'static str {
    match value {
        Scalar::Text(_) => "text",
        Scalar::Number(_) => "number",
        Scalar::Bool(_) => "bool",
    }
}

impl Known {
    pub fn learn(profile: &Profile, rows: &[(Event, FlatJson<'static>)]) -> Self {
        let mut catalog = Catalog::new("differential", profile);
        for (event, record) in rows {
            catalog.learn(event, record);
        }
        let mut paths: Vec<Path> = catalog.paths.keys().cloned().collect();
        paths.push(Path::new(["no", "such", "path"]));
        let fields = Field::ALL.map(Subject::Field);
        let own = catalog.own.iter().cloned().map(Subject::Own);
        let subjects = fields
            .into_iter()
            .chain(own)
            .chain(paths.iter().cloned().map(Subject::Path))
            .chain([Subject::Anywhere]);
        let mut by_type: BTreeMap<_, Vec<(Subject, Vec<Scalar<'static>>)>> = BTreeMap::new();
        for subject in subjects {
            let mut seen: BTreeMap<&str, Vec<Scalar<'static>>> = BTreeMap::new();
            for (event, record) in rows {
                for value in of(&subject, event, record) {
                    seen.entry(type_of(&value)).or_default().push(value);
                }
            }
            for (kind, values) in seen {
                by_type
                    .entry(kind)
                    .or_default()
                    .push((subject.clone(), values));
            }
        }
        let times = rows
            .iter()
            .filter_map(|(event, _)| event.at().instant())
            .collect();
        let ids = rows.iter().map(|(event, _)| event.id.to_string()).collect();
        Self {
            by_type,
            paths,
            times,
            ids,
        }
    }

    /// The `nth` case: operators and types take turns, everything else is random.
    pub fn case(&self, nth: usize, rng: &mut Rng) -> Case {
        let operator = OPERATORS[nth % OPERATORS.len()];
        let kind = TYPES[nth / OPERATORS.len() % TYPES.len()];
        let mut case = Case {
            predicate: Predicate::All,
            asked: Vec::new(),
        };
        let first = self.atom(operator, kind, rng, &mut case.asked);
        case.predicate = match rng.u8(..10) {
            0..=4 => first,
            5 => first.negated(),
            _ => self.combined(first, rng, &mut case.asked),
        };
        case
    }

    fn combined(
        &self,
        first: Predicate,
        rng: &mut Rng,
        asked: &mut Vec<(&'static str, &'static str)>,
    ) -> Predicate {
        let mut whole = first;
        for _ in 0..rng.usize(1..4) {
            let mut part = self.any_atom(rng, asked);
            if rng.u8(..3) == 0 {
                part = part.negated();
            }
            whole = match rng.u8(..5) {
                0 | 1 => whole.and(part),
                2 => Predicate::Or(vec![whole, part]),
                3 => whole.or(part).negated(),
                _ => Predicate::And(vec![whole, part]).negated(),
            };
        }
        whole
    }

    fn any_atom(&self, rng: &mut Rng, asked: &mut Vec<(&'static str, &'static str)>) -> Predicate {
        let other = match rng.u8(..10) {
            0 => "at",
            1 => "outcome",
            2 => ["has-time", "id"][rng.usize(..2)],
            _ => {
                let operator = OPERATORS[rng.usize(..OPERATORS.len())];
                return self.atom(operator, TYPES[rng.usize(..TYPES.len())], rng, asked);
            }
        };
        asked.push((other, "-"));
        Predicate::Atom(match other {
            "at" => self.at(rng),
            "outcome" => Atom::Outcome(Outcome::ALL.into_iter().filter(|_| rng.bool()).collect()),
            "has-time" => Atom::HasTime,
            _ => {
                let id = Scalar::Text(self.ids[rng.usize(..self.ids.len())].clone().into());
                let operator = ["quoted", "glob", "contains", ">", "range"][rng.usize(..5)];
                Atom::Id(test(operator, &id, &id, rng))
            }
        })
    }

    fn at(&self, rng: &mut Rng) -> Atom {
        let mut bound = || {
            let at = self.times[rng.usize(..self.times.len())];
            rng.bool().then(|| at.plus(rng.i64(-1..2)))
        };
        let (since, until) = (bound(), bound());
        match (since, until) {
            (Some(a), Some(b)) if a > b => Atom::At {
                since: Some(b),
                until: Some(a),
            },
            _ => Atom::At { since, until },
        }
    }

    fn atom(
        &self,
        operator: &'static str,
        kind: &'static str,
        rng: &mut Rng,
        asked: &mut Vec<(&'static str, &'static str)>,
    ) -> Predicate {
        asked.push((operator, kind));
        if operator == "missing" && rng.u8(..4) == 0 {
            let path = self.paths[rng.usize(..self.paths.len())].clone();
            return Subject::Path(path).atom(Test::Exists).negated();
        }
        let subjects = self.by_type.get(kind).expect("every type occurs");
        let (subject, own) = &subjects[rng.usize(..subjects.len())];
        // Now and then a value that occurs elsewhere: a key that a table has renamed, say.
        let from = match rng.u8(..8) {
            0 => rng.usize(..subjects.len()),
            _ => usize::MAX,
        };
        let values = subjects.get(from).map_or(own, |(_, elsewhere)| elsewhere);
        let value = &values[rng.usize(..values.len())];
        let other = &values[rng.usize(..values.len())];
        match operator {
            "missing" => subject.atom(Test::Exists).negated(),
            operator => subject.atom(test(operator, value, other, rng)),
        }
    }
}

/// The values of a subject in one record.
fn of(subject: &Subject, event: &Event, record: &FlatJson<'_>) -> Vec<Scalar<'static>> {
    let nodes = match subject {
        Subject::Field(field) => return event.all(*field).map(Scalar::into_owned).collect(),
        Subject::Own(own) => {
            let values = values(&own.expr, record);
            return values.into_iter().map(Scalar::into_owned).collect();
        }
        Subject::Path(path) => path.nodes(record),
        Subject::Anywhere => {
            let mut nodes = Vec::new();
            let mut open = vec![record.root()];
            while let Some(node) = open.pop() {
                nodes.push(node);
                open.extend(record.children(node));
            }
            nodes
        }
    };
    nodes
        .into_iter()
        .filter_map(|node| record.scalar(node).map(Scalar::into_owned))
        .collect()
}

fn test(operator: &str, value: &Scalar<'_>, other: &Scalar<'_>, rng: &mut Rng) -> Test {
    let perturbed = perturbed(value.text(), rng);
    let text = perturbed.as_str();
    match operator {
        "exists" => Test::Exists,
        "one-of" => {
            let strangers = (0..rng.usize(..3) * 50).map(|n| format!("stranger {n}"));
            let words = [respelled(value, rng), respelled(other, rng)];
            let words = words.into_iter().chain(strangers).map(Arc::from);
            Test::OneOf(Arc::new(words.collect()))
        }
        "bare" => Test::Equals(Literal::Bare(respelled(value, rng))),
        "quoted" => Test::Equals(Literal::Text(text.to_owned())),
        "glob" => Test::Glob(pieces(text, rng)),
        "contains" => {
            let (from, to) = cut(text, rng);
            Test::Contains(text[from..to].chars().map(|c| recased(c, rng)).collect())
        }
        "range" => {
            let (low, high) = (literal(value, rng), literal(other, rng));
            let swap = match (low.number(), high.number()) {
                (Some(a), Some(b)) => compare_numbers(a, b).is_some_and(Ordering::is_gt),
                _ => low.text() > high.text(),
            };
            if swap {
                Test::Range(high, low)
            } else {
                Test::Range(low, high)
            }
        }
        order => {
            let order = match order {
                ">" => Order::Greater,
                ">=" => Order::AtLeast,
                "<" => Order::Less,
                _ => Order::AtMost,
            };
            Test::Compare(order, literal(value, rng))
        }
    }
}

/// Now and then the text with one character replaced by one that patterns, quoting or paths might
/// take for something else; it must not match what it was made from.
fn perturbed(text: &str, rng: &mut Rng) -> String {
    let chars = text.chars().count();
    if chars == 0 || rng.u8(..4) > 0 {
        return text.to_owned();
    }
    let place = rng.usize(..chars);
    let odd = ['_', '_', '%', '\\', '.', '?', '[', '\'', '"', '|', '\0'];
    let other = odd[rng.usize(..odd.len())];
    text.chars()
        .enumerate()
        .map(|(at, c)| if at == place { other } else { c })
        .collect()
}

/// Texts are mostly compared as texts, even those that look like numbers.
fn literal(value: &Scalar<'_>, rng: &mut Rng) -> Literal {
    match value {
        Scalar::Text(text) if rng.u8(..3) > 0 => Literal::Text(text.to_string()),
        _ => Literal::Bare(value.text().to_owned()),
    }
}

/// Another spelling of the same number, now and then; now and then something that is not equal.
fn respelled(value: &Scalar<'_>, rng: &mut Rng) -> String {
    let text = value.text();
    match (value, rng.u8(..5)) {
        (Scalar::Number(_), 0) if !text.contains(['e', 'E']) => {
            let point = if text.contains('.') { "" } else { "." };
            format!("{text}{point}00")
        }
        (Scalar::Number(_), 1) if !text.contains(['e', 'E']) => format!("{text}e0"),
        (_, 2) if rng.bool() => text.to_uppercase(),
        _ => text.to_owned(),
    }
}

fn recased(c: char, rng: &mut Rng) -> char {
    if rng.u8(..3) > 0 {
        c
    } else if c.is_ascii_lowercase() {
        c.to_ascii_uppercase()
    } else {
        c.to_ascii_lowercase()
    }
}

/// Two places between characters.
fn cut(text: &str, rng: &mut Rng) -> (usize, usize) {
    let mut place = || text.floor_char_boundary(rng.usize(..=text.len()));
    let (a, b) = (place(), place());
    (a.min(b), a.max(b))
}

fn pieces(text: &str, rng: &mut Rng) -> Vec<String> {
    // Mostly the whole text, so that all of it has to fit.
    let (from, to) = match rng.u8(..3) {
        0 => cut(text, rng),
        _ => (text.len(), text.len()),
    };
    let (head, middle, tail) = (&text[..from], &text[from..to], &text[to..]);
    let pieces: &[&str] = match rng.u8(..5) {
        0 => &[head, tail],
        1 => &["", middle, ""],
        2 => &[head, ""],
        3 => &["", tail],
        _ => &[head, "", tail],
    };
    pieces.iter().map(|piece| (*piece).to_owned()).collect()
}
