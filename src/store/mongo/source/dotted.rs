//! Guesses are made from column names, and the columns of documents are dotted keys: each becomes a
//! path into the document.

use crate::core::path::Path;
use crate::core::profile::{Condition, Profile, TemplatePart, ValueExpr};

/// A guess made from dotted keys: each becomes a path into the document.
pub fn dotted_paths(profile: &Profile) -> Profile {
    let mut profile = profile.clone();
    profile.time.path = undot(&profile.time.path);
    for field in &mut profile.fields {
        in_expression(field);
    }
    for rule in &mut profile.outcome {
        in_condition(&mut rule.when);
    }
    for own in &mut profile.own {
        in_expression(&mut own.expr);
    }
    profile
}

fn undot(path: &Path) -> Path {
    Path::new(path.steps().iter().flat_map(|step| step.split('.')))
}

fn in_expression(expr: &mut ValueExpr) {
    match expr {
        ValueExpr::Absent => {}
        ValueExpr::Path(path) => *path = undot(path),
        ValueExpr::First(parts) | ValueExpr::All(parts) => {
            for part in parts {
                in_expression(part);
            }
        }
        ValueExpr::Template(parts) => {
            for part in parts {
                if let TemplatePart::Value(part) = part {
                    in_expression(part);
                }
            }
        }
        ValueExpr::Lookup { of, .. } => in_expression(of),
        ValueExpr::When { holds, then } => {
            in_condition(holds);
            in_expression(then);
        }
    }
}

fn in_condition(condition: &mut Condition) {
    match condition {
        Condition::Has(path) => *path = undot(path),
        Condition::In(expr, _) | Condition::EndsWith(expr, _) => in_expression(expr),
        Condition::And(parts) | Condition::Or(parts) => {
            for part in parts {
                in_condition(part);
            }
        }
        Condition::Not(part) => in_condition(part),
    }
}
