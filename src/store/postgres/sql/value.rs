//! The expressions of profiles in SQL: which values a row has, and whether one of them passes a
//! test.

use crate::core::path::Path;
use crate::core::profile::{ColumnKind, Condition, TemplatePart, ValueExpr};
use crate::core::query::predicate::{Literal, Test};
use crate::store::Exactness;
use crate::store::postgres::catalogue::{JSON_IN_TEXT, Table, TableColumn};
use crate::store::postgres::sql::condition::{Reach, Tree};
use crate::store::postgres::sql::quote::{ident, text};
use crate::store::postgres::sql::steps::Steps;
use crate::store::postgres::sql::test::{
    SCALARS, array, json_path, of_document, of_scalar, of_text, trace,
};

/// Compiles for one table.
#[derive(Clone, Copy)]
pub struct Compiler<'l> {
    /// Its columns and indexes decide what SQL can do.
    pub table: &'l Table,
}

/// What of a path counts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// Anything that is not null.
    Nodes,
    /// Leaves only.
    Leaves,
}

impl<'l> Compiler<'l> {
    fn column(self, name: &str) -> Option<&'l TableColumn> {
        self.table.column(name).filter(|column| column.readable)
    }

    /// Whether anything a path reaches passes the test.
    pub fn path(self, path: &Path, test: &Test, reached: Reached) -> Tree {
        let Some(column) = self.column(path.column()) else {
            return Tree::False;
        };
        let below = &path.steps()[1..];
        match shape(column) {
            Shape::Document => self.document(column, below, test, reached),
            Shape::Opaque => Tree::Unknown,
            Shape::List => exists(Some(list_values(column, below)), test),
            _ if !below.is_empty() => Tree::False,
            Shape::Scalar => scalar(self.table, column, test),
        }
    }

    fn document(
        self,
        column: &TableColumn,
        below: &[Box<str>],
        test: &Test,
        reached: Reached,
    ) -> Tree {
        let Some(path) = json_path(below) else {
            return Tree::False;
        };
        let t = reference(column);
        if let Some(condition) = of_document(test, &path) {
            let is_equality = matches!(test, Test::Equals(_) | Test::OneOf(_));
            let reach = if is_equality && self.table.has_gin(&column.name) {
                Reach::Indexed
            } else {
                Reach::Scanned
            };
            return Tree::Leaf(format!("{t} @@ {}", text(&condition)), reach);
        }
        if matches!(test, Test::Exists) {
            let of_type = |kind: &str| format!("{path}[*].type() {kind}");
            let (types, through) = match reached {
                Reached::Nodes => ("<> 'null'".to_owned(), of_type("!= \"null\"")),
                Reached::Leaves => {
                    let kinds = ["string", "number", "boolean"];
                    let each = kinds.map(|kind| of_type(&format!("== \"{kind}\"")));
                    (format!("IN {SCALARS}"), each.join(" || "))
                }
            };
            return Tree::scan(match Steps::into(&t, below) {
                Some(steps) => steps.is_of_type(&t, &types, &through),
                None => format!("{t} @@ {}", text(&through)),
            });
        }
        exists(Some(document_values(&t, &format!("{path}[*]"))), test)
    }

    /// Whether any value of an expression passes the test.
    pub fn any(self, expr: &ValueExpr, test: &Test) -> Tree {
        match expr {
            ValueExpr::Absent => Tree::False,
            ValueExpr::Path(path) => self.path(path, test, Reached::Leaves),
            ValueExpr::All(parts) => {
                Tree::Or(parts.iter().map(|part| self.any(part, test)).collect())
            }
            ValueExpr::First(choices) => {
                let mut before: Vec<Tree> = Vec::new();
                let mut trees = Vec::new();
                for choice in choices {
                    let mut all = before.clone();
                    all.push(self.any(choice, test));
                    trees.push(Tree::And(all));
                    before.push(Tree::Not(Box::new(self.any(choice, &Test::Exists))));
                }
                Tree::Or(trees)
            }
            ValueExpr::When { holds, then } => {
                Tree::And(vec![self.holds(holds), self.any(then, test)])
            }
            ValueExpr::Template(_) | ValueExpr::Lookup { .. } => exists(self.values(expr), test),
        }
    }

    /// The values of an expression as a query with the columns `k` (JSON type) and `x` (text).
    /// `None`: SQL cannot list them.
    fn values(self, expr: &ValueExpr) -> Option<String> {
        match expr {
            ValueExpr::Absent => Some("SELECT ''::text k, ''::text x WHERE FALSE".to_owned()),
            ValueExpr::Path(path) => self.path_values(path),
            ValueExpr::All(parts) => {
                let parts: Option<Vec<String>> =
                    parts.iter().map(|part| self.values(part)).collect();
                Some(parts?.join(" UNION ALL "))
            }
            ValueExpr::First(choices) => {
                let mut before = String::new();
                let mut parts = Vec::new();
                for choice in choices {
                    let values = self.values(choice)?;
                    parts.push(format!("SELECT k, x FROM ({values}) c WHERE TRUE{before}"));
                    before = format!("{before} AND NOT EXISTS ({values})");
                }
                Some(parts.join(" UNION ALL "))
            }
            ValueExpr::Template(parts) => {
                let pieces: Option<Vec<String>> = parts
                    .iter()
                    .map(|part| match part {
                        TemplatePart::Literal(literal) => Some(text(literal)),
                        TemplatePart::Value(expr) => Some(format!(
                            "(SELECT x FROM ({}) h LIMIT 1)",
                            self.values(expr)?
                        )),
                    })
                    .collect();
                let joined = pieces?.join(" || ");
                Some(format!(
                    "SELECT 'string'::text k, x FROM (SELECT {joined} AS x) p WHERE x IS NOT NULL"
                ))
            }
            ValueExpr::When { holds, then } => {
                let values = self.values(then)?;
                let holds = self.holds(holds).condition();
                (holds.exactness == Exactness::Exact)
                    .then(|| format!("SELECT k, x FROM ({values}) w WHERE {}", holds.sql))
            }
            ValueExpr::Lookup { of, table } => {
                let values = self.values(of)?;
                let cases = |otherwise: &str, name: &dyn Fn(&str) -> String| {
                    let whens: Vec<String> = table
                        .iter()
                        .map(|(word, found)| format!("WHEN {} THEN {}", text(word), name(found)))
                        .collect();
                    if whens.is_empty() {
                        otherwise.to_owned()
                    } else {
                        format!("CASE x {} ELSE {otherwise} END", whens.join(" "))
                    }
                };
                let kinds = cases("k", &|_| "'string'".to_owned());
                let names = cases("x", &|found| text(found));
                Some(format!("SELECT {kinds} k, {names} x FROM ({values}) l"))
            }
        }
    }

    fn path_values(self, path: &Path) -> Option<String> {
        let none = || Some("SELECT ''::text k, ''::text x WHERE FALSE".to_owned());
        let Some(column) = self.column(path.column()) else {
            return none();
        };
        let below = &path.steps()[1..];
        match shape(column) {
            Shape::Opaque => None,
            Shape::Document => match json_path(below) {
                Some(path) => Some(document_values(&reference(column), &format!("{path}[*]"))),
                None => none(),
            },
            Shape::List => Some(list_values(column, below)),
            Shape::Scalar if !below.is_empty() => none(),
            Shape::Scalar => Some(scalar_values(column)),
        }
    }

    /// Whether a profile's condition holds.
    pub fn holds(self, condition: &Condition) -> Tree {
        match condition {
            Condition::Has(path) => self.path(path, &Test::Exists, Reached::Nodes),
            Condition::In(expr, words) => Tree::Or(
                words
                    .iter()
                    .map(|word| self.any(expr, &Test::Equals(Literal::Bare(word.clone()))))
                    .collect(),
            ),
            Condition::EndsWith(expr, end) => {
                self.any(expr, &Test::Glob(vec![String::new(), end.clone()]))
            }
            Condition::And(parts) => Tree::And(parts.iter().map(|part| self.holds(part)).collect()),
            Condition::Or(parts) => Tree::Or(parts.iter().map(|part| self.holds(part)).collect()),
            Condition::Not(part) => Tree::Not(Box::new(self.holds(part))),
        }
    }

    /// Whether any leaf of the record passes the test.
    pub fn anywhere(self, test: &Test) -> Tree {
        let trees = self
            .table
            .columns
            .iter()
            .filter(|column| column.readable)
            .map(|column| {
                let t = reference(column);
                match shape(column) {
                    Shape::Opaque => Tree::Unknown,
                    Shape::Scalar => scalar(self.table, column, test),
                    Shape::Document => leaf_of(&t, test),
                    Shape::List => leaf_of(&format!("to_jsonb({t})"), test),
                }
            });
        Tree::Or(trees.collect())
    }
}

/// How a column's values look to the query language.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// One value.
    Scalar,
    /// `jsonb`
    Document,
    /// An array that `to_jsonb` writes as `to_json` does.
    List,
    /// What SQL cannot look into the way records are read.
    Opaque,
}

fn shape(column: &TableColumn) -> Shape {
    match column.base.as_str() {
        "jsonb" => Shape::Document,
        // json keeps its own spelling of numbers and escapes, and may not even convert.
        "json" | JSON_IN_TEXT | "hstore" | "xml" => Shape::Opaque,
        "_text" | "_varchar" | "_int2" | "_int4" | "_int8" | "_bool" | "_uuid" | "_jsonb" => {
            Shape::List
        }
        _ if column.kind() == ColumnKind::Array || column.class == "c" => Shape::Opaque,
        _ => Shape::Scalar,
    }
}

/// A column's value, equal only to the very same text.
pub fn reference(column: &TableColumn) -> String {
    let t = format!("t.{}", ident(&column.name));
    if column.folding {
        format!("({t} COLLATE \"C\")")
    } else {
        t
    }
}

/// The scalars a jsonpath reaches in a document.
fn document_values(document: &str, path: &str) -> String {
    format!(
        "SELECT jsonb_typeof(v) k, v #>> '{{}}' x FROM jsonb_path_query({document}, {}) v \
         WHERE jsonb_typeof(v) IN {SCALARS}",
        text(path)
    )
}

/// The scalars in an array column; the elements of an array have no keys of their own.
fn list_values(column: &TableColumn, below: &[Box<str>]) -> String {
    let path = json_path(below).unwrap_or_else(|| "$.\"\"".to_owned());
    document_values(
        &format!("to_jsonb({})", reference(column)),
        &format!("{path}[*]"),
    )
}

/// A column's value as the record shows it.
fn scalar_values(column: &TableColumn) -> String {
    format!(
        "SELECT json_typeof(j) k, j #>> '{{}}' x FROM (SELECT to_json({}) j) c \
         WHERE json_typeof(j) IN {SCALARS}",
        reference(column)
    )
}

fn exists(values: Option<String>, test: &Test) -> Tree {
    match (values, of_scalar(test)) {
        (Some(values), Some(test)) => {
            Tree::scan(format!("EXISTS (SELECT 1 FROM ({values}) s WHERE {test})"))
        }
        _ => Tree::Unknown,
    }
}

/// Whether a leaf anywhere in a document passes; its text is looked at first, which is much cheaper.
fn leaf_of(document: &str, test: &Test) -> Tree {
    let Tree::Leaf(sql, reach) = exists(Some(document_values(document, "strict $.**")), test)
    else {
        return Tree::Unknown;
    };
    match trace(test) {
        Some(trace) => Tree::Leaf(
            format!(
                "strpos(lower({document}::text COLLATE \"C\"), {}) > 0 AND {sql}",
                text(&trace)
            ),
            reach,
        ),
        None => Tree::Leaf(sql, reach),
    }
}

fn scalar(table: &Table, column: &TableColumn, test: &Test) -> Tree {
    let t = reference(column);
    let found = |sql: String| {
        let reach = if table.is_indexed(&column.name) {
            Reach::Indexed
        } else {
            Reach::Scanned
        };
        Tree::Leaf(sql, reach)
    };
    match (column.base.as_str(), test) {
        (_, Test::Exists) => Tree::scan(format!("{t} IS NOT NULL")),
        ("text" | "varchar", Test::Equals(literal)) => {
            found(format!("{t} = {}", text(literal.text())))
        }
        ("text" | "varchar", Test::OneOf(words)) => {
            found(format!("{t} = ANY({})", array(words.iter(), "text")))
        }
        ("text" | "varchar", test) => of_text(test, &t).map_or(Tree::Unknown, Tree::scan),
        ("bool", Test::Equals(Literal::Bare(word))) if word == "true" => Tree::scan(t),
        ("bool", Test::Equals(Literal::Bare(word))) if word == "false" => {
            Tree::scan(format!("{t} = FALSE"))
        }
        ("bool", Test::Equals(_)) => Tree::False,
        ("int2" | "int4" | "int8", Test::Equals(literal)) => match literal.number() {
            None => Tree::False,
            Some(number) => match number.parse::<i64>() {
                Ok(number) => found(format!("{t} = {number}")),
                Err(_) => exists(Some(scalar_values(column)), test),
            },
        },
        ("uuid", Test::Equals(literal)) => match uuid(literal.text()) {
            Some(uuid) => found(format!("{t} = '{uuid}'")),
            None => Tree::False,
        },
        _ => exists(Some(scalar_values(column)), test),
    }
}

/// The text, when it spells a uuid the way the server prints it.
pub fn uuid(word: &str) -> Option<&str> {
    let shaped = word.len() == 36
        && word.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
        });
    shaped.then_some(word)
}
