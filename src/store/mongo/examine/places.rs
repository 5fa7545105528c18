//! Indexes that help less than they look: a field that may be in several places asks for all of
//! them at once, and an index on one of the places cannot answer that.
//!
//! Asking only the places that a sample shows would be quick and would lose events; so it is said.

use crate::core::event::Field;
use crate::core::path::Path;
use crate::core::profile::{Profile, ValueExpr};
use crate::core::sanitise::safe;
use crate::store::mongo::discover::{Found, Index};
use crate::store::mongo::examine::finding;
use crate::store::{Finding, FindingLevel};

/// What is said of each index on one place of several.
pub fn partly_served(found: &Found, profile: &Profile) -> Vec<Finding> {
    let indexes = found.indexes.iter();
    indexes
        .filter_map(|index| about(index, found, profile))
        .collect()
}

fn about(index: &Index, found: &Found, profile: &Profile) -> Option<Finding> {
    let (key, _) = index.keys.first()?;
    let fields = Field::ALL.map(|field| (field.name(), profile.field(field)));
    let own = profile.own.iter().map(|own| (own.name.as_str(), &own.expr));
    let mut names = Vec::new();
    let mut others: Vec<String> = Vec::new();
    for (name, expr) in fields.into_iter().chain(own) {
        let mut places = Vec::new();
        dotted(expr, &mut places);
        let lacking: Vec<String> = places
            .iter()
            .filter(|place| !found.is_indexed(place))
            .cloned()
            .collect();
        if places.contains(key) && !lacking.is_empty() {
            names.push(format!("{}:", safe(name)));
            others.extend(lacking);
        }
    }
    if names.is_empty() {
        return None;
    }
    others.sort();
    others.dedup();
    let path = Path::new(key.split('.'));
    let message = format!(
        "index {} serves .{path}:VALUE, but not {}: that may be in {} as well, which no index has",
        safe(&index.name),
        names.join(" "),
        safe(&others.join(", "))
    );
    let remedy = format!("where the documents keep it in {path} only, ask for .{path}:VALUE");
    Some(finding(
        FindingLevel::Advice,
        "index on a field",
        message,
        Some(remedy),
    ))
}

/// The places an expression reads values from, as MongoDB writes them.
fn dotted(expr: &ValueExpr, places: &mut Vec<String>) {
    match expr {
        ValueExpr::Absent | ValueExpr::Template(_) => {}
        ValueExpr::Path(path) => places.push(path.steps().join(".")),
        ValueExpr::First(parts) | ValueExpr::All(parts) => {
            for part in parts {
                dotted(part, places);
            }
        }
        ValueExpr::Lookup { of, .. } => dotted(of, places),
        ValueExpr::When { then, .. } => dotted(then, places),
    }
}
