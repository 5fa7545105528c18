//! Predicates as MQL conditions. Pure.
//!
//! Every part is compiled twice: a condition that holds for every match and perhaps for more, and
//! one that holds for matches only, perhaps not for all. NOT swaps the two, so a negation of
//! something that MQL cannot say exactly is still right. Where both are the same the condition is
//! exact; otherwise `Predicate::matches` decides about what the server sends.
//!
//! Does not know indexes or pages.

mod bounds;
mod leaf;

use mongodb::bson::{Bson, Decimal128, Document, doc};

use crate::core::event::Outcome;
use crate::core::instant::Micros;
use crate::core::profile::{
    Condition as Rule, OutcomeRule, Profile, TemplatePart, TimeEncoding, ValueExpr,
};
use crate::core::query::predicate::{Atom, Literal, Predicate, Test};
use crate::core::scalar::{Scalar, is_number};
use crate::store::Exactness;
use crate::store::mongo::filter::bounds::{Bounds, Cond};
use crate::store::mongo::filter::leaf::Ask;
use crate::store::mongo::order::{Arrays, Bracket, FIRST_INSTANT, Order, date};

/// A predicate in MQL.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// For `find` and `$match`; empty for everything. `None`: nothing can match.
    pub filter: Option<Document>,
    /// Whether what it finds must be checked again.
    pub exactness: Exactness,
}

/// Compiles a predicate for a collection.
pub fn compile(predicate: &Predicate, profile: &Profile, order: &Order) -> Condition {
    let bounds = Compiler { profile, order }.predicate(predicate);
    let exactness = bounds.exactness();
    let filter = match bounds.wide {
        Cond::All => Some(doc! {}),
        Cond::Never => None,
        Cond::Is(filter) => Some(filter),
    };
    Condition { filter, exactness }
}

/// The condition on time alone; `None` when there is none.
pub fn bounds(order: &Order, since: Option<Micros>, until: Option<Micros>) -> Option<Document> {
    match at(order, since, until).wide {
        Cond::Is(found) => Some(found),
        Cond::All | Cond::Never => None,
    }
}

struct Compiler<'c> {
    profile: &'c Profile,
    order: &'c Order,
}

impl Compiler<'_> {
    fn predicate(&self, predicate: &Predicate) -> Bounds {
        match predicate {
            Predicate::All => Bounds::exact(Cond::All),
            Predicate::Never => Bounds::exact(Cond::Never),
            Predicate::And(parts) => Bounds::all(parts.iter().map(|part| self.predicate(part))),
            Predicate::Or(parts) => Bounds::any(parts.iter().map(|part| self.predicate(part))),
            Predicate::Not(part) => self.predicate(part).not(),
            Predicate::Atom(atom) => self.atom(atom),
        }
    }

    fn atom(&self, atom: &Atom) -> Bounds {
        match atom {
            Atom::At { since, until } => at(self.order, *since, *until),
            Atom::HasTime => at(self.order, None, None),
            Atom::Outcome(any_of) => outcome(&self.profile.outcome, any_of),
            Atom::Id(test) => id(test),
            Atom::Field(field, test) => expression(self.profile.field(*field), Ask::of(test)),
            Atom::Own(own, test) => expression(&own.expr, Ask::of(test)),
            Atom::Path(path, Test::Exists) => leaf::path(path, Ask::Anything),
            Atom::Path(path, test) => leaf::path(path, Ask::of(test)),
            // MQL has no "any key".
            Atom::Anywhere(_) => Bounds::unknown(),
        }
    }
}

/// The condition on time.
fn at(order: &Order, since: Option<Micros>, until: Option<Micros>) -> Bounds {
    let field = order.field.as_str();
    if order.bracket != Bracket::Number && until.is_some_and(|until| until <= FIRST_INSTANT) {
        return Bounds::exact(Cond::Never);
    }
    let found = match order.bracket {
        Bracket::Date => {
            let mut range = doc! {"$gte": date(since.map_or(i64::MIN, first_milli))};
            if let Some(until) = until {
                range.insert("$lt", date(first_milli(until)));
            }
            Bounds::exact(Cond::Is(doc! {field: range}))
        }
        Bracket::Number => {
            let mut range = Document::new();
            if let Some(since) = since {
                let (operator, bound) = first_number(order.encoding, since);
                range.insert(operator, bound);
            }
            if let Some(until) = until {
                // The complement of "at or after".
                let (operator, bound) = first_number(order.encoding, until);
                range.insert(if operator == "$gte" { "$lt" } else { "$lte" }, bound);
            }
            if range.is_empty() {
                range.insert("$gte", f64::NEG_INFINITY);
            }
            Bounds::exact(Cond::Is(doc! {field: range}))
        }
        Bracket::Text => {
            let wide = text_range(since, until).unwrap_or_else(|| doc! {"$type": "string"});
            return Bounds::wider(Cond::Is(doc! {field: wide}));
        }
    };
    if order.arrays == Arrays::None {
        return found;
    }
    let mut prefix = String::new();
    let mut arrays = Vec::new();
    for step in order.path.steps() {
        prefix.push_str(step);
        arrays.push(Cond::Is(doc! {prefix.as_str(): {"$type": "array"}}));
        prefix.push('.');
    }
    let narrow = Cond::all([found.narrow, Cond::any(arrays).not()]);
    Bounds {
        wide: found.wide,
        narrow,
    }
}

/// The first millisecond at or after an instant. Whatever was before the first instant is read as
/// the first.
fn first_milli(at: Micros) -> i64 {
    if at <= FIRST_INSTANT {
        return i64::MIN;
    }
    at.0.div_euclid(1000) + i64::from(at.0.rem_euclid(1000) != 0)
}

/// What a number must satisfy to be read as this instant or a later one. Numbers are rounded to the
/// microsecond, halves away from zero, so the bound is half a microsecond lower.
fn first_number(encoding: TimeEncoding, at: Micros) -> (&'static str, Bson) {
    // Whatever was before the first instant is read as the first; only −∞ is before that.
    if at <= FIRST_INSTANT {
        return ("$gt", f64::NEG_INFINITY.into());
    }
    let power = match encoding {
        TimeEncoding::EpochSeconds => -7,
        TimeEncoding::EpochMillis => -4,
        TimeEncoding::EpochNanos => 2,
        TimeEncoding::EpochMicros | TimeEncoding::Instant | TimeEncoding::Zoneless(_) => -1,
    };
    let text = format!("{}E{power}", i128::from(at.0) * 10 - 5);
    let bound = text
        .parse::<Decimal128>()
        .map_or(Bson::Null, Bson::Decimal128);
    (if at.0 > 0 { "$gte" } else { "$gt" }, bound)
}

/// Bounds on ISO text that hold for every offset there is; `None` where text and time do not sort
/// alike.
fn text_range(since: Option<Micros>, until: Option<Micros>) -> Option<Document> {
    const DAY: i64 = 86_400 * Micros::SECOND;
    let day = |at: Micros, shift: i64| {
        let day = at.plus(shift).to_utc()?.format("%Y-%m-%d").to_string();
        (day.len() == 10 && !day.starts_with(['+', '-'])).then_some(day)
    };
    // A year of five digits sorts among those of four, but only the last years reach it.
    let until = day(until?, 2 * DAY)?;
    let since = match since {
        Some(since) => day(since, -2 * DAY)?,
        None => String::new(),
    };
    // A sign or white space before the year sorts before every digit.
    Some(doc! {"$not": {"$gte": "0", "$lt": since}, "$lt": until})
}

/// The id is the `_id` as text.
fn id(asked: &Test) -> Bounds {
    let Test::Equals(literal) = asked else {
        return Bounds::unknown();
    };
    let text = literal.text();
    let found = leaf::field("_id", Ask::Words(&[text]));
    if text.starts_with('{') {
        return Bounds::unknown();
    }
    // `7` is the text of the id 7, not that of 7.0.
    if is_number(text) {
        Bounds::wider(found.wide)
    } else {
        found
    }
}

/// The first rule that applies decides.
fn outcome(rules: &[OutcomeRule], any_of: &[Outcome]) -> Bounds {
    rules
        .iter()
        .rev()
        .fold(Bounds::exact(Cond::Never), |later, rule| {
            let applies = condition(&rule.when);
            if any_of.contains(&rule.is) {
                Bounds::any([applies, later])
            } else {
                Bounds::all([applies.not(), later])
            }
        })
}

fn condition(rule: &Rule) -> Bounds {
    match rule {
        Rule::Has(path) => leaf::path(path, Ask::Anything),
        Rule::In(expr, words) => {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            expression(expr, Ask::Words(&words))
        }
        Rule::EndsWith(expr, end) => {
            let glob = Test::Glob(vec![String::new(), end.clone()]);
            expression(expr, Ask::of(&glob))
        }
        Rule::And(parts) => Bounds::all(parts.iter().map(condition)),
        Rule::Or(parts) => Bounds::any(parts.iter().map(condition)),
        Rule::Not(part) => condition(part).not(),
    }
}

/// Whether any value of an expression is what is asked for.
fn expression(expr: &ValueExpr, ask: Ask<'_>) -> Bounds {
    match expr {
        ValueExpr::Absent => Bounds::exact(Cond::Never),
        ValueExpr::Path(path) => leaf::path(path, ask),
        ValueExpr::First(choices) => {
            choices
                .iter()
                .rev()
                .fold(Bounds::exact(Cond::Never), |later, choice| {
                    let has = expression(choice, Ask::Scalar);
                    Bounds::any([expression(choice, ask), Bounds::all([has.not(), later])])
                })
        }
        ValueExpr::All(parts) => Bounds::any(parts.iter().map(|part| expression(part, ask))),
        ValueExpr::Template(parts) => template(parts, ask),
        ValueExpr::When { holds, then } => Bounds::all([condition(holds), expression(then, ask)]),
        ValueExpr::Lookup { of, table } => {
            let names = |name: &String| ask.accepts(&Scalar::Text(name.as_str().into()));
            let keys: Vec<&str> = table
                .iter()
                .filter(|(_, name)| names(name))
                .map(|(key, _)| key.as_str())
                .collect();
            let by_name = match &*keys {
                [] => Bounds::exact(Cond::Never),
                keys => {
                    let found = expression(of, Ask::Words(keys));
                    // The table is looked up by text: 7.0 is not its "7".
                    let numeric = keys.iter().any(|key| is_number(key));
                    if numeric {
                        Bounds::wider(found.wide)
                    } else {
                        found
                    }
                }
            };
            // Values that the table does not rename.
            let hidden = |key: &str| {
                ask.accepts(&Scalar::Text(key.into()))
                    || is_number(key) && ask.accepts(&Scalar::Number(key.into()))
            };
            let is_hidden = table.iter().any(|(key, name)| hidden(key) && !names(name));
            let renamed = |literal: &Literal| {
                table.contains_key(literal.text()) && !is_number(literal.text())
            };
            let direct = match ask {
                Ask::Test(Test::Equals(literal)) if renamed(literal) => Bounds::exact(Cond::Never),
                _ if is_hidden => Bounds::wider(expression(of, ask).wide),
                _ => expression(of, ask),
            };
            Bounds::any([by_name, direct])
        }
    }
}

/// A text exists when each of its holes has a value; what it says, MQL is not asked.
fn template(parts: &[TemplatePart], ask: Ask<'_>) -> Bounds {
    let holes = parts.iter().filter_map(|part| match part {
        TemplatePart::Literal(_) => None,
        TemplatePart::Value(expr) => Some(expression(expr, Ask::Scalar)),
    });
    let exists = Bounds::all(holes);
    match ask {
        Ask::Scalar | Ask::Anything | Ask::Test(Test::Exists) => exists,
        Ask::Test(_) | Ask::Words(_) => Bounds::wider(exists.wide),
    }
}
