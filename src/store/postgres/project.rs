//! The parts of a record that a question needs, selected and grouped by the server.
//!
//! The server groups rows by the raw parts and the one evaluator reads each group as if it were a
//! record, so facets and histograms need no second meaning of the profile's expressions in SQL.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::core::aggregate::Subject;
use crate::core::path::Path;
use crate::core::profile::{Condition, Profile, TemplatePart, ValueExpr};
use crate::store::postgres::catalogue::Table;
use crate::store::postgres::sql::plain::json;
use crate::store::postgres::sql::quote::{ident, text};
use crate::store::postgres::sql::steps::Steps;

/// A part of the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    /// Whether there is anything that is not null.
    Presence,
    /// What is there.
    Value,
}

/// Which parts are needed.
#[derive(Debug, Default)]
pub struct Projection {
    parts: BTreeMap<Path, Part>,
}

impl Projection {
    /// Adds what a subject reads.
    pub fn need(&mut self, subject: &Subject, profile: &Profile) {
        match subject {
            Subject::Outcome => {
                for rule in &profile.outcome {
                    self.condition(&rule.when);
                }
            }
            Subject::Field(field) => self.expr(profile.field(*field)),
            Subject::Own(own) => self.expr(&own.expr),
            Subject::Path(path) => self.path(path, Part::Value),
        }
    }

    fn path(&mut self, path: &Path, part: Part) {
        let known = self.parts.entry(path.clone()).or_insert(part);
        *known = part.max(*known);
    }

    fn expr(&mut self, expr: &ValueExpr) {
        match expr {
            ValueExpr::Absent => {}
            ValueExpr::Path(path) => self.path(path, Part::Value),
            ValueExpr::First(parts) | ValueExpr::All(parts) => {
                for part in parts {
                    self.expr(part);
                }
            }
            ValueExpr::Template(parts) => {
                for part in parts {
                    if let TemplatePart::Value(expr) = part {
                        self.expr(expr);
                    }
                }
            }
            ValueExpr::Lookup { of, .. } => self.expr(of),
            ValueExpr::When { holds, then } => {
                self.condition(holds);
                self.expr(then);
            }
        }
    }

    fn condition(&mut self, condition: &Condition) {
        match condition {
            Condition::Has(path) => self.path(path, Part::Presence),
            Condition::In(expr, _) | Condition::EndsWith(expr, _) => self.expr(expr),
            Condition::And(parts) | Condition::Or(parts) => {
                for part in parts {
                    self.condition(part);
                }
            }
            Condition::Not(part) => self.condition(part),
        }
    }

    /// The parts as columns, and how to put a record together from them.
    pub fn select(self, table: &Table) -> Selection {
        let mut selection = Selection {
            columns: Vec::new(),
            plain: Vec::new(),
            places: Vec::new(),
        };
        for (path, part) in &self.parts {
            let column = table.column(path.column()).filter(|column| column.readable);
            let Some(column) = column else {
                continue;
            };
            let t = format!("t.{}", ident(&column.name));
            if column.base == "jsonb" && path.steps().len() > 1 {
                // A value further up brings everything below it.
                let covered = (1..path.steps().len()).any(|length| {
                    let above = Path::new(path.steps()[..length].iter().cloned());
                    self.parts.get(&above) == Some(&Part::Value)
                });
                let Some(inside) = inside(&t, &path.steps()[1..], *part).filter(|_| !covered)
                else {
                    continue;
                };
                selection.add(inside, path, *part);
            } else {
                let whole = Path::new([column.name.as_str()]);
                // The same digits, without a look at what the type is, row by row.
                let sql = match column.base.as_str() {
                    "int2" | "int4" | "int8" => format!("{t}::text"),
                    _ => format!("to_json({t})::text"),
                };
                selection.add(Inside { sql, plain: None }, &whole, Part::Value);
            }
        }
        selection
    }
}

/// A part of a document.
struct Inside {
    sql: String,
    plain: Option<String>,
}

fn inside(document: &str, steps: &[Box<str>], part: Part) -> Option<Inside> {
    let steps = Steps::into(document, steps)?;
    let path = &steps.path;
    if part == Part::Presence {
        let through = format!("{path}[*].type() != \"null\"");
        let is_there = steps.is_of_type(document, "<> 'null'", &through);
        return Some(Inside {
            sql: format!("(({is_there}) IS TRUE)"),
            plain: None,
        });
    }
    // Where an array holds nothing of the kind, an empty list would bring its parents into being.
    let through = format!(
        "nullif(jsonb_path_query_array({document}, {}), '[]')",
        text(&format!("{path}[*]"))
    );
    Some(Inside {
        sql: steps.value(&through),
        plain: Some(steps.plain),
    })
}

/// Columns that hold the parts.
#[derive(Debug)]
pub struct Selection {
    /// Their expressions.
    pub columns: Vec<String>,
    /// Of each, its text without quotes, where that says what it is of most.
    pub plain: Vec<Option<String>>,
    places: Vec<(Path, Part)>,
}

impl Selection {
    fn add(&mut self, Inside { sql, plain }: Inside, path: &Path, part: Part) {
        if !self.places.iter().any(|(known, _)| known == path) {
            self.columns.push(sql);
            self.plain.push(plain);
            self.places.push((path.clone(), part));
        }
    }

    /// Has a column sent in another way; its place. `None`: it is not among the parts.
    pub fn resend(&mut self, column: &str, sql: String) -> Option<usize> {
        let place = self.place(&Path::new([column]))?;
        self.columns[place] = sql;
        Some(place)
    }

    /// What the columns are of.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.places.iter().map(|(path, _)| path)
    }

    /// The column of a value that is sent by itself.
    pub fn place(&self, wanted: &Path) -> Option<usize> {
        let is_it = |(path, part): &(Path, Part)| path == wanted && *part == Part::Value;
        self.places.iter().position(is_it)
    }

    /// What stands before, between and after the parts in a record that has them all, NULLs as null.
    /// `None`: what is there decides which of them are written.
    pub fn around(&self) -> Option<Vec<String>> {
        let mut around = vec!["{".to_owned()];
        let (mut open, mut former): (&[Box<str>], &[Box<str>]) = (&[], &[]);
        for (place, (path, part)) in self.places.iter().enumerate() {
            let steps = path.steps();
            let (name, above) = steps.split_last()?;
            let shared = open.iter().zip(above).take_while(|(a, b)| a == b).count();
            let is_within = place > 0 && above.starts_with(former);
            if *part == Part::Presence || is_within {
                return None;
            }
            let before = around.last_mut()?;
            before.push_str(&"}".repeat(open.len() - shared));
            if place > 0 {
                before.push(',');
            }
            for step in &above[shared..] {
                before.push_str(&key(step));
                before.push('{');
            }
            before.push_str(&key(name));
            (open, former) = (above, steps);
            around.push(String::new());
        }
        let last = around.last_mut()?;
        last.push_str(&"}".repeat(open.len() + 1));
        Some(around)
    }

    /// A part that was sent, as JSON: only those that can be sent without quotes ever get some.
    pub fn json<'v>(&self, place: usize, value: &'v str) -> Cow<'v, str> {
        match self.plain.get(place) {
            Some(Some(_)) => json(value),
            _ => Cow::Borrowed(value),
        }
    }

    /// A record with nothing but the parts, from the columns' texts as JSON, or as `plain` knows them.
    pub fn record(&self, values: &[Option<String>]) -> String {
        let mut tree = Branch::default();
        for (place, ((path, part), value)) in self.places.iter().zip(values).enumerate() {
            let Some(value) = value else {
                continue;
            };
            match part {
                Part::Value => tree.put(path.steps(), self.json(place, value).into_owned()),
                // As a cast to text spells it.
                Part::Presence if value == "true" => tree.put(path.steps(), "true".to_owned()),
                Part::Presence => {}
            }
        }
        let mut text = String::new();
        tree.write(&mut text);
        text
    }
}

/// A key and its colon.
fn key(name: &str) -> String {
    let quoted = serde_json::value::to_raw_value(name);
    format!("{}:", quoted.as_deref().map_or("\"\"", RawValue::get))
}

#[derive(Default)]
struct Branch {
    /// JSON; a branch below it takes its place.
    value: Option<String>,
    below: BTreeMap<Box<str>, Branch>,
}

impl Branch {
    fn put(&mut self, steps: &[Box<str>], value: String) {
        match steps {
            [] => self.value = Some(value),
            [step, rest @ ..] => self.below.entry(step.clone()).or_default().put(rest, value),
        }
    }

    fn write(&self, out: &mut String) {
        if let (Some(value), true) = (&self.value, self.below.is_empty()) {
            out.push_str(value);
            return;
        }
        out.push('{');
        for (place, (step, branch)) in self.below.iter().enumerate() {
            if place > 0 {
                out.push(',');
            }
            out.push_str(&key(step));
            branch.write(out);
        }
        out.push('}');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_around_parts_is_known_where_it_does_not_depend_on_them() {
        let around = |paths: &[(&str, Part)]| {
            let place = |(text, part): &(&str, Part)| (Path::parse(text).expect(text), *part);
            let selection = Selection {
                columns: Vec::new(),
                plain: Vec::new(),
                places: paths.iter().map(place).collect(),
            };
            selection.around().map(|around| around.join("1"))
        };
        let value = |text| (text, Part::Value);
        assert_eq!(
            around(&["a.b.c", "a.b.d", "a.e", "f", "g.h"].map(value)).as_deref(),
            Some(r#"{"a":{"b":{"c":1,"d":1},"e":1},"f":1,"g":{"h":1}}"#)
        );
        assert_eq!(around(&["a"].map(value)).as_deref(), Some(r#"{"a":1}"#));
        assert_eq!(around(&[("a", Part::Presence), value("a.b")]), None);
        assert_eq!(around(&["a", "a.b"].map(value)), None);
    }

    #[test]
    fn parts_become_a_record_again() {
        let path = |text: &str| Path::parse(text).expect(text);
        let selection = Selection {
            columns: Vec::new(),
            plain: Vec::new(),
            places: vec![
                (path("details.status"), Part::Presence),
                (path("details.status.code"), Part::Value),
                (path("details.request_body"), Part::Presence),
                (path("sent"), Part::Value),
            ],
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            selection.record(&[some("true"), some("7"), some("false"), some("true")]),
            r#"{"details":{"status":{"code":7}},"sent":true}"#
        );
        assert_eq!(
            selection.record(&[some("true"), None, some("true"), None]),
            r#"{"details":{"request_body":true,"status":true}}"#
        );
    }
}
