//! Expressions and conditions in TOML.

use std::collections::BTreeMap;

use toml::de::DeValue;

use super::ProfileError;
use crate::core::path::Path;
use crate::core::profile::{Condition, TemplatePart, ValueExpr};
use crate::core::strict::{Item, Table};

const EXPRESSIONS: [&str; 8] = [
    "first", "all", "template", "with", "lookup", "table", "if", "then",
];
const CONDITIONS: [&str; 7] = ["has", "value", "in", "ends_with", "and", "or", "not"];

/// `"path"`, `{ first = […] }`, `{ all = […] }`, `{ template = "…" }`,
/// `{ lookup = …, table = {…} }`, `{ if = {condition}, then = … }`; `{}` is a value the store does not have.
pub(super) fn expression(item: &Item<'_>) -> Result<ValueExpr, ProfileError> {
    if matches!(item.value, DeValue::String(_)) {
        return Ok(ValueExpr::Path(path(item)?));
    }
    let table = item.table(&EXPRESSIONS)?;
    let mut heads = ["first", "all", "template", "lookup", "if"]
        .into_iter()
        .filter_map(|head| Some((head, table.get(head)?)));
    let Some((head, value)) = heads.next() else {
        return match table.entries().next() {
            None => Ok(ValueExpr::Absent),
            Some((key, rest)) => Err(rest.fail_with(
                format!("`{key}` does nothing alone"),
                Some(
                    "write `template` beside `with`, `lookup` beside `table`, `if` beside `then`"
                        .to_owned(),
                ),
            )),
        };
    };
    if let Some((other, second)) = heads.next() {
        return Err(second.fail_with(format!("`{head}` and `{other}` exclude each other"), None));
    }
    let belongs = match head {
        "template" => "with",
        "lookup" => "table",
        "if" => "then",
        _ => "",
    };
    for stray in ["with", "table", "then"] {
        if let Some(stray_item) = table.get(stray).filter(|_| stray != belongs) {
            return Err(stray_item.fail_with(format!("`{head}` takes no `{stray}`"), None));
        }
    }
    Ok(match head {
        "first" => ValueExpr::First(expressions(&value)?),
        "all" => ValueExpr::All(expressions(&value)?),
        "template" => ValueExpr::Template(template(&value, &holes(&table)?)?),
        "if" => ValueExpr::When {
            holds: Box::new(condition(&value)?),
            then: Box::new(expression(&table.need("then")?)?),
        },
        _ => ValueExpr::Lookup {
            of: Box::new(expression(&value)?),
            table: table
                .need("table")?
                .open_table()?
                .entries()
                .map(|(key, name)| Ok((key.to_owned(), name.text()?.to_owned())))
                .collect::<Result<_, ProfileError>>()?,
        },
    })
}

fn expressions(item: &Item<'_>) -> Result<Vec<ValueExpr>, ProfileError> {
    item.list()?.iter().map(expression).collect()
}

/// A path.
pub(super) fn path(item: &Item<'_>) -> Result<Path, ProfileError> {
    let text = item.text()?;
    Path::parse(text).map_err(|error| {
        item.fail_with(
            format!("`{text}` is not a path: {error}"),
            Some(r#"write it like `details."odd key".id`"#.to_owned()),
        )
    })
}

/// Named holes of a template: `with = { who = { first = […] } }`.
fn holes(table: &Table<'_>) -> Result<BTreeMap<String, ValueExpr>, ProfileError> {
    let Some(with) = table.get("with") else {
        return Ok(BTreeMap::new());
    };
    with.open_table()?
        .entries()
        .map(|(name, item)| Ok((name.to_owned(), expression(&item)?)))
        .collect()
}

/// `text {path} text`; `{{` and `}}` are braces. A hole is a name of `with`, or a path.
fn template(
    item: &Item<'_>,
    holes: &BTreeMap<String, ValueExpr>,
) -> Result<Vec<TemplatePart>, ProfileError> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = item.text()?;
    while let Some(at) = rest.find(['{', '}']) {
        literal.push_str(&rest[..at]);
        let brace = &rest[at..=at];
        let after = &rest[at + 1..];
        if let Some(doubled) = after.strip_prefix(brace) {
            literal.push_str(brace);
            rest = doubled;
            continue;
        }
        let end = (brace == "{").then(|| hole_end(after)).flatten();
        let Some(end) = end else {
            return Err(item.fail_with(
                format!("a `{brace}` stands alone"),
                Some("write `{{` or `}}` for the character itself".to_owned()),
            ));
        };
        if !literal.is_empty() {
            parts.push(TemplatePart::Literal(std::mem::take(&mut literal)));
        }
        let hole = &after[..end];
        parts.push(TemplatePart::Value(match holes.get(hole) {
            Some(expr) => expr.clone(),
            None => ValueExpr::Path(Path::parse(hole).map_err(|error| {
                item.fail_with(format!("`{{{hole}}}` is not a path: {error}"), None)
            })?),
        }));
        rest = &after[end + 1..];
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        parts.push(TemplatePart::Literal(literal));
    }
    Ok(parts)
}

/// Where the closing brace stands; a quoted step may have braces of its own.
fn hole_end(text: &str) -> Option<usize> {
    let mut quoted = false;
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'}' if !quoted => return Some(at),
            b'"' => quoted = !quoted,
            b'\\' if quoted => {
                bytes.next();
            }
            _ => {}
        }
    }
    None
}

/// `{ has = "path" }`, `{ value = …, in = […] }`, `{ value = …, ends_with = "…" }`,
/// `{ and = […] }`, `{ or = […] }`, `{ not = {…} }`.
pub(super) fn condition(item: &Item<'_>) -> Result<Condition, ProfileError> {
    let table = item.table(&CONDITIONS)?;
    let keys: Vec<&str> = table.entries().map(|(key, _)| key).collect();
    let conditions = |item: &Item<'_>| item.list()?.iter().map(condition).collect::<Result<_, _>>();
    Ok(match keys.as_slice() {
        ["has"] => Condition::Has(path(&table.need("has")?)?),
        ["and"] => Condition::And(conditions(&table.need("and")?)?),
        ["or"] => Condition::Or(conditions(&table.need("or")?)?),
        ["not"] => Condition::Not(Box::new(condition(&table.need("not")?)?)),
        // Keys come in alphabetical order.
        ["in", "value"] => Condition::In(
            expression(&table.need("value")?)?,
            table.need("in")?.texts()?,
        ),
        ["ends_with", "value"] => Condition::EndsWith(
            expression(&table.need("value")?)?,
            table.need("ends_with")?.text()?.to_owned(),
        ),
        _ => {
            return Err(item.fail_with(
                "this is not a condition",
                Some("write one of has, and, or, not; or value with in or ends_with".to_owned()),
            ));
        }
    })
}
