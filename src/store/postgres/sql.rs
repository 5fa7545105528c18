//! From a predicate and a profile to SQL text. Pure: strings in, strings out.
//!
//! Each atom becomes a condition that is exactly the atom, or wider; what is wider is checked again
//! by `matches`. Nothing here decides how pages are fetched.

pub mod condition;
pub mod plain;
pub mod quote;
pub mod steps;
pub mod test;
mod value;

use crate::core::event::Outcome;
use crate::core::instant::Micros;
use crate::core::profile::{self, ColumnKind};
use crate::core::query::predicate::{Atom, Predicate, Test};
use crate::store::postgres::layout::{Layout, TimeForm};
use condition::Tree;
pub use condition::{Condition, Reach};
use value::{Compiler, Reached};

/// Compiles a predicate.
pub fn compile(predicate: &Predicate, layout: &Layout) -> Condition {
    tree(predicate, layout).condition()
}

/// Compiles a profile's own condition.
pub fn holding(when: &profile::Condition, layout: &Layout) -> Condition {
    Compiler {
        table: &layout.table,
    }
    .holds(when)
    .condition()
}

fn tree(predicate: &Predicate, layout: &Layout) -> Tree {
    let all = |parts: &[Predicate]| parts.iter().map(|part| tree(part, layout)).collect();
    match predicate {
        Predicate::All => Tree::True,
        Predicate::Never => Tree::False,
        Predicate::And(parts) => Tree::And(all(parts)),
        Predicate::Or(parts) => Tree::Or(all(parts)),
        Predicate::Not(part) => Tree::Not(Box::new(tree(part, layout))),
        Predicate::Atom(atom) => leaf(atom, layout),
    }
}

fn leaf(atom: &Atom, layout: &Layout) -> Tree {
    let compiler = Compiler {
        table: &layout.table,
    };
    match atom {
        Atom::At { since, until } => within(*since, *until, layout),
        Atom::HasTime => has_time(layout),
        Atom::Outcome(any_of) => outcome(any_of, layout),
        Atom::Id(test) => id(test, layout),
        Atom::Field(field, test) => compiler.any(layout.profile.field(*field), test),
        Atom::Own(own, test) => compiler.any(&own.expr, test),
        Atom::Path(path, test) => compiler.path(path, test, Reached::Nodes),
        Atom::Anywhere(test) => compiler.anywhere(test),
    }
}

/// How far a bound has to be moved outwards, and whether it is exact without that. `None`: the
/// column cannot be compared with instants.
fn slack(layout: &Layout) -> Option<i64> {
    match layout.time.form {
        TimeForm::Instant | TimeForm::Integer(_) | TimeForm::WallClock(chrono_tz::UTC) => Some(0),
        // A wall clock that is set back shows the same hour twice.
        TimeForm::WallClock(_) => Some(3 * 3_600 * Micros::SECOND),
        // A float's last digit is rounded.
        TimeForm::Number(_) => Some(2),
        TimeForm::Text => None,
    }
}

/// Lower and upper bound of a predicate as literals of the time column; nothing outside matches.
pub fn bounds(predicate: &Predicate, layout: &Layout) -> [Option<String>; 2] {
    let (since, until) = predicate.time_bounds();
    let Some(slack) = slack(layout) else {
        return [None, None];
    };
    [
        since.map(|at| at.plus(-slack)),
        until.map(|at| at.plus(slack)),
    ]
    .map(|at| at.and_then(|at| layout.time.literal(at)))
}

/// Plain ranges on the raw column, so that its index serves them.
fn within(since: Option<Micros>, until: Option<Micros>, layout: &Layout) -> Tree {
    let Some(slack) = slack(layout) else {
        return Tree::Unknown;
    };
    let sql = &layout.time.sql;
    let bound = |at: Option<Micros>, slack: i64, sign: &str| {
        let literal = layout.time.literal(at?.plus(slack))?;
        Some(format!("{sql} {sign} {literal}"))
    };
    let bounds: Vec<String> = [bound(since, -slack, ">="), bound(until, slack, "<")]
        .into_iter()
        .flatten()
        .collect();
    let is_complete = bounds.len() == usize::from(since.is_some()) + usize::from(until.is_some());
    if bounds.is_empty() {
        return if is_complete {
            has_time(layout)
        } else {
            Tree::Unknown
        };
    }
    let both = bounds.join(" AND ");
    if slack == 0 && is_complete {
        Tree::Leaf(both, Reach::Everything)
    } else {
        Tree::Wider(both)
    }
}

fn has_time(layout: &Layout) -> Tree {
    let sql = format!("{} IS NOT NULL", layout.time.sql);
    match layout.time.form {
        TimeForm::Instant | TimeForm::WallClock(_) | TimeForm::Integer(_) => {
            let absent = format!("{} IS NULL", layout.time.sql);
            Tree::Pair(
                Box::new(Tree::Leaf(sql, Reach::Everything)),
                Box::new(Tree::Leaf(absent, Reach::Indexed)),
            )
        }
        // There may be values that are no time.
        TimeForm::Number(_) | TimeForm::Text => Tree::Wider(sql),
    }
}

/// The first rule that holds decides, so a rule counts only where no earlier one holds.
fn outcome(any_of: &[Outcome], layout: &Layout) -> Tree {
    let compiler = Compiler {
        table: &layout.table,
    };
    let mut earlier: Vec<Tree> = Vec::new();
    let mut decided = Vec::new();
    for rule in &layout.profile.outcome {
        let holds = compiler.holds(&rule.when);
        if any_of.contains(&rule.is) {
            let mut all = vec![holds.clone()];
            all.extend(earlier.iter().cloned());
            decided.push(Tree::And(all));
        }
        earlier.push(Tree::Not(Box::new(holds)));
    }
    Tree::Or(decided)
}

fn id(test: &Test, layout: &Layout) -> Tree {
    let [key] = layout.key.as_slice() else {
        return Tree::Unknown;
    };
    let Some(column) = key.name().and_then(|name| layout.table.column(name)) else {
        return Tree::Unknown;
    };
    let t = value::reference(column);
    let kind = column.kind();
    if let Test::Equals(literal) = test {
        let word = literal.text();
        match kind {
            // `007` is another text than `7`.
            ColumnKind::Int => {
                let number = word
                    .parse::<i64>()
                    .ok()
                    .filter(|number| number.to_string() == word);
                return number.map_or(Tree::False, |number| {
                    Tree::Leaf(format!("{t} = {number}"), Reach::Indexed)
                });
            }
            ColumnKind::Uuid => {
                return value::uuid(word).map_or(Tree::False, |uuid| {
                    Tree::Leaf(format!("{t} = '{uuid}'"), Reach::Indexed)
                });
            }
            _ => {}
        }
    }
    match kind {
        ColumnKind::Int | ColumnKind::Uuid => {
            test::of_text(test, &format!("{t}::text")).map_or(Tree::Unknown, Tree::scan)
        }
        ColumnKind::Text if matches!(column.base.as_str(), "text" | "varchar") => {
            test::of_text(test, &t).map_or(Tree::Unknown, |sql| Tree::Leaf(sql, Reach::Scanned))
        }
        _ => Tree::Unknown,
    }
}
