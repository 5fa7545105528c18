//! Predicates as SQL conditions that let through what matches, and sometimes more; `matches`
//! re-checks. Never less: every doubt (escapes in JSON, odd spellings of numbers, broken UTF-8) is
//! let through. Pure.
//!
//! Time is not here; it is a range of the walk.

use rusqlite::types::Value;

use crate::core::path::Path;
use crate::core::profile::{ColumnKind, Condition, ValueExpr};
use crate::core::query::predicate::{Atom, Literal, Predicate, Test};
use crate::core::record::Column;
use crate::core::scalar::Scalar;
use crate::core::words::Words;
use crate::store::Exactness;
use crate::store::sqlite::shape::{Shape, Sql, quoted};
use crate::store::sqlite::sieve::{Needle, SIEVE};

/// True for values whose text in a record is not what SQLite would print: floats, blobs, broken
/// UTF-8. Registered on every connection.
pub(super) const IS_ODD: &str = "auditail_is_odd";

/// Digits up to which a double holds every decimal.
const EXACT_DIGITS: usize = 15;

/// So many words are looked for one by one.
const MOST_SPELLED: usize = 32;

/// Values one condition may bind; SQLite's limit for a whole statement is 32,766. A longer condition
/// is left to `matches` alone.
const MOST_VALUES: usize = 30_000;

/// The condition of a predicate; it is never NULL.
pub(super) fn compile(shape: &Shape, predicate: &Predicate) -> (Sql, Exactness) {
    match predicate {
        Predicate::All => (always(), Exactness::Exact),
        Predicate::Never => (never(), Exactness::Exact),
        _ => {
            let sql = superset(shape, predicate);
            let is_too_long = sql.values.len() > MOST_VALUES;
            let sql = if is_too_long { always() } else { sql };
            (sql, Exactness::Superset)
        }
    }
}

fn always() -> Sql {
    Sql::plain("TRUE")
}

fn never() -> Sql {
    Sql::plain("FALSE")
}

fn superset(shape: &Shape, predicate: &Predicate) -> Sql {
    match predicate {
        // What a superset leaves out is only part of the complement.
        Predicate::All | Predicate::Not(_) => always(),
        Predicate::Never => never(),
        Predicate::And(parts) => all(parts.iter().map(|part| superset(shape, part))),
        Predicate::Or(parts) => any(parts.iter().map(|part| superset(shape, part))),
        Predicate::Atom(atom) => atom_sql(shape, atom),
    }
}

/// All of the conditions; those that are always true are left out.
fn all(parts: impl IntoIterator<Item = Sql>) -> Sql {
    let mut kept: Vec<Sql> = Vec::new();
    for part in parts {
        if part == never() {
            return part;
        }
        if part != always() {
            kept.push(part);
        }
    }
    join(kept, " AND ").unwrap_or_else(always)
}

/// Any of the conditions.
fn any(parts: impl IntoIterator<Item = Sql>) -> Sql {
    let mut kept: Vec<Sql> = Vec::new();
    for part in parts {
        if part == always() {
            return part;
        }
        if part != never() {
            kept.push(part);
        }
    }
    join(kept, " OR ").unwrap_or_else(never)
}

/// Joined as a balanced tree: SQLite refuses expressions deeper than 1,000, and a chain of terms is
/// as deep as it is long.
fn join(mut parts: Vec<Sql>, word: &str) -> Option<Sql> {
    if parts.len() < 2 {
        return parts.pop();
    }
    let right = join(parts.split_off(parts.len() / 2), word)?;
    let mut sql = Sql::plain("(");
    sql.push(join(parts, word)?);
    sql.push(Sql::plain(word));
    sql.push(right);
    sql.push(Sql::plain(")"));
    Some(sql)
}

fn atom_sql(shape: &Shape, atom: &Atom) -> Sql {
    match atom {
        Atom::Field(field, test) => expr_sql(shape, shape.profile.field(*field), test),
        Atom::Own(own, test) => expr_sql(shape, &own.expr, test),
        Atom::Path(path, test) => path_sql(shape, path, test),
        Atom::Anywhere(test) => any(shape
            .columns
            .iter()
            .map(|column| column_sql(column, &[], test))),
        // The first rule that holds decides, so one of the rules for these outcomes must hold.
        Atom::Outcome(outcomes) => any(shape
            .profile
            .outcome
            .iter()
            .filter(|rule| outcomes.contains(&rule.is))
            .map(|rule| condition_sql(shape, &rule.when))),
        Atom::At { .. } | Atom::HasTime | Atom::Id(_) => always(),
    }
}

fn condition_sql(shape: &Shape, condition: &Condition) -> Sql {
    match condition {
        Condition::Has(path) => path_sql(shape, path, &Test::Exists),
        Condition::In(expr, words) => any(words
            .iter()
            .map(|word| expr_sql(shape, expr, &Test::Equals(Literal::Bare(word.clone()))))),
        Condition::EndsWith(expr, end) => {
            expr_sql(shape, expr, &Test::Glob(vec![String::new(), end.clone()]))
        }
        Condition::And(parts) => all(parts.iter().map(|part| condition_sql(shape, part))),
        Condition::Or(parts) => any(parts.iter().map(|part| condition_sql(shape, part))),
        Condition::Not(_) => always(),
    }
}

fn expr_sql(shape: &Shape, expr: &ValueExpr, test: &Test) -> Sql {
    match expr {
        ValueExpr::Absent => never(),
        ValueExpr::Path(path) => path_sql(shape, path, test),
        ValueExpr::First(parts) | ValueExpr::All(parts) => {
            any(parts.iter().map(|part| expr_sql(shape, part, test)))
        }
        ValueExpr::When { holds, then } => {
            all([condition_sql(shape, holds), expr_sql(shape, then, test)])
        }
        ValueExpr::Template(_) | ValueExpr::Lookup { .. } => always(),
    }
}

fn path_sql(shape: &Shape, path: &Path, test: &Test) -> Sql {
    // SQLite's names ignore case, a record's keys do not.
    let column = shape
        .columns
        .iter()
        .find(|column| column.name == path.column());
    column.map_or_else(never, |column| column_sql(column, path.within(), test))
}

/// A test of what a column's value, or what lies under these keys of it, may be.
fn column_sql(column: &Column, keys: &[Box<str>], test: &Test) -> Sql {
    let name = quoted(&column.name);
    let sql = match (column.kind, keys) {
        (ColumnKind::Json, keys) => document_sql(&name, keys, test),
        (_, [_, ..]) => return never(),
        // Stored as 1 and 0, shown as `true` and `false`.
        (ColumnKind::Bool, []) if accepts_a_flag(test) => Sql::plain(format!("{name} IS NOT NULL")),
        (_, []) => scalar_sql(&name, test),
    };
    if sql == always() { sql } else { no_null(sql) }
}

fn accepts_a_flag(test: &Test) -> bool {
    [true, false]
        .into_iter()
        .any(|flag| test.accepts(&Scalar::Bool(flag)))
}

/// A NULL column has no value, so no test of it holds.
fn no_null(sql: Sql) -> Sql {
    let mut wrapped = Sql::plain("ifnull(");
    wrapped.push(sql);
    wrapped.push(Sql::plain(", FALSE)"));
    wrapped
}

fn text(value: impl Into<String>) -> Value {
    Value::Text(value.into())
}

fn scalar_sql(name: &str, test: &Test) -> Sql {
    let odd = format!("{IS_ODD}({name})");
    match test {
        Test::Equals(literal) => {
            let mut sql = Sql::new(format!("({odd} OR {name} = ?"), [text(literal.text())]);
            if let Some(number) = literal.number() {
                if number.bytes().filter(u8::is_ascii_digit).count() > EXACT_DIGITS {
                    return Sql::plain(format!("{name} IS NOT NULL"));
                }
                sql.push(Sql::new(
                    format!(" OR {name} = CAST(? AS NUMERIC)"),
                    [text(number)],
                ));
            }
            sql.push(Sql::plain(")"));
            sql
        }
        Test::OneOf(words) if words.iter().len() <= MOST_SPELLED => {
            any(single(words).map(|test| scalar_sql(name, &test)))
        }
        Test::OneOf(words) if is_plain(words) => {
            let list: Vec<&str> = words.iter().map(|word| &**word).collect();
            Sql::new(
                format!("({odd} OR {name} IN (SELECT value FROM json_each(?)))"),
                [text(serde_json::Value::from(list).to_string())],
            )
        }
        Test::Glob(pieces) => {
            let needle = Needle::Exact.argument(longest(pieces));
            Sql::new(format!("{SIEVE}({name}, ?)"), [text(needle)])
        }
        Test::Contains(needle) => Sql::new(
            format!("{SIEVE}({name}, ?)"),
            [text(Needle::AnyCase.argument(needle))],
        ),
        Test::Exists | Test::OneOf(_) | Test::Compare(..) | Test::Range(..) => {
            Sql::plain(format!("{name} IS NOT NULL"))
        }
    }
}

/// Whether a list says all that they are: numbers compare by value, which depends on what a column
/// was declared as, and text ends at a NUL.
fn is_plain(words: &Words) -> bool {
    words.numbers().next().is_none() && words.iter().all(|word| !word.contains('\0'))
}

/// Each of some words alone.
fn single(words: &Words) -> impl Iterator<Item = Test> {
    let words = words.iter().map(|word| (**word).to_owned());
    words.map(|word| Test::Equals(Literal::Bare(word)))
}

/// JSON text must hold the keys and the value, as far as the sieve can tell.
fn document_sql(name: &str, keys: &[Box<str>], test: &Test) -> Sql {
    if let Test::OneOf(words) = test
        && words.iter().len() <= MOST_SPELLED
    {
        return any(single(words).map(|test| document_sql(name, keys, &test)));
    }
    let mut needles: Vec<Value> = keys
        .iter()
        .map(|key| text(Needle::Exact.argument(&format!("\"{key}\""))))
        .collect();
    match test {
        Test::Equals(literal) => match literal.number() {
            Some(number) => needles.extend(plain(number).map(number_needle)),
            None => needles.push(text(Needle::Exact.argument(literal.text()))),
        },
        Test::Glob(pieces) => needles.push(text(Needle::Exact.argument(longest(pieces)))),
        Test::Contains(needle) => needles.push(text(Needle::AnyCase.argument(needle))),
        Test::Exists | Test::OneOf(_) | Test::Compare(..) | Test::Range(..) => {}
    }
    if needles.is_empty() {
        return Sql::plain(format!("{name} IS NOT NULL"));
    }
    let marks = ", ?".repeat(needles.len());
    Sql::new(format!("{SIEVE}({name}{marks})"), needles)
}

fn number_needle(number: &str) -> Value {
    text(Needle::Number.argument(number))
}

/// A number whose equals can be told by their digits.
fn plain(number: &str) -> Option<&str> {
    let is_plain = number.bytes().all(|byte| byte.is_ascii_digit()) && !number.starts_with('0');
    is_plain.then_some(number)
}

fn longest(pieces: &[String]) -> &str {
    pieces
        .iter()
        .max_by_key(|piece| piece.len())
        .map_or("", String::as_str)
}
