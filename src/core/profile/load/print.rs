//! A profile as TOML, for saving guesses and for `profiles show`.

use std::fmt::Write as _;

use super::sections::{ENCODINGS, OTHERS};
use crate::core::event::Field;
use crate::core::profile::{
    CallFacts, Changes, ColumnKind, Condition, Membership, Others, Profile, PurgeFacts, Signature,
    TemplatePart, TimeEncoding, TimeRule, ValueExpr,
};

/// Writes a profile as TOML that [`super::parse`] reads back equal.
pub fn print(profile: &Profile) -> String {
    let mut out = String::new();
    line(&mut out, "name", &quoted(&profile.name));
    line(&mut out, "title", &quoted(&profile.title));
    if !profile.key.is_empty() {
        line(&mut out, "key", &texts(&profile.key));
    }
    let changes = match profile.changes {
        Changes::Never => quoted("never"),
        Changes::Within(seconds) => format!("{{ within_seconds = {seconds} }}"),
    };
    line(&mut out, "changes", &changes);
    for known in &profile.signatures {
        signature(&mut out, known);
    }
    time(&mut out, "[time]", &profile.time);
    for rule in &profile.time_also {
        time(&mut out, "[[time_also]]", rule);
    }
    fields(&mut out, profile);
    for rule in &profile.outcome {
        out.push_str("\n[[outcome]]\n");
        line(&mut out, "is", &quoted(rule.is.word()));
        line(&mut out, "when", &condition(&rule.when));
    }
    for own in &profile.own {
        out.push_str("\n[[own]]\n");
        line(&mut out, "name", &quoted(&own.name));
        line(&mut out, "about", &quoted(&own.about));
        line(&mut out, "value", &expression(&own.expr));
    }
    calls(&mut out, &profile.calls);
    groups(&mut out, profile.groups.as_ref());
    purge(&mut out, &profile.purge);
    out
}

fn calls(out: &mut String, calls: &CallFacts) {
    if *calls == CallFacts::default() {
        return;
    }
    out.push_str("\n[calls]\n");
    for (name, paths) in [("inputs", &calls.inputs), ("outputs", &calls.outputs)] {
        let paths = paths.iter().map(|path| quoted(&path.to_string()));
        line(out, name, &list(paths));
    }
}

fn groups(out: &mut String, membership: Option<&Membership>) {
    let Some(membership) = membership else { return };
    out.push_str("\n[groups]\n");
    line(out, "table", &quoted(&membership.table));
    for (key, member) in [("user", &membership.user), ("group", &membership.group)] {
        let value = match &member.named {
            None => quoted(&member.column),
            Some(named) => table([
                ("column", quoted(&member.column)),
                ("table", quoted(&named.table)),
                ("id", quoted(&named.id)),
                ("name", quoted(&named.name)),
            ]),
        };
        line(out, key, &value);
    }
}

fn purge(out: &mut String, purge: &PurgeFacts) {
    if let Some(refuse) = &purge.refuse {
        out.push_str("\n[purge]\n");
        line(out, "refuse", &quoted(refuse));
    }
    if let Some(chain) = &purge.chain {
        out.push_str("\n[purge.chain]\n");
        line(out, "hash", &quoted(&chain.hash.to_string()));
        line(out, "previous", &quoted(&chain.previous.to_string()));
    }
    for keep in &purge.keep {
        out.push_str("\n[[purge.keep]]\n");
        line(out, "because", &quoted(&keep.because));
        line(out, "when", &condition(&keep.when));
    }
    for related in &purge.related {
        out.push_str("\n[[purge.related]]\n");
        line(out, "table", &quoted(&related.table));
        if let Some(parent) = &related.parent {
            line(out, "parent", &quoted(parent));
        }
        let columns = related.columns.iter();
        let columns = columns.map(|(name, of)| (name.as_str(), quoted(of)));
        line(out, "columns", &table(columns));
    }
}

fn line(out: &mut String, key: &str, value: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{key} = {value}");
}

fn signature(out: &mut String, signature: &Signature) {
    out.push_str("\n[[signature]]\n");
    let columns = signature.columns.iter().map(|(name, kinds)| {
        let kinds = match kinds.as_slice() {
            [kind] => quoted(kind.word()),
            kinds => list(kinds.iter().map(|kind: &ColumnKind| quoted(kind.word()))),
        };
        (name.as_str(), kinds)
    });
    line(out, "columns", &table(columns));
    if !signature.absent.is_empty() {
        line(out, "absent", &texts(&signature.absent));
    }
    if signature.others != Others::Allowed {
        line(out, "others", &quoted(word(&OTHERS, signature.others)));
    }
}

fn time(out: &mut String, heading: &str, rule: &TimeRule) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "\n{heading}");
    line(out, "path", &quoted(&rule.path.to_string()));
    match rule.encoding {
        TimeEncoding::Zoneless(zone) => {
            line(out, "encoding", &quoted("zoneless"));
            line(out, "zone", &quoted(zone.name()));
        }
        encoding => line(out, "encoding", &quoted(word(&ENCODINGS, encoding))),
    }
}

fn fields(out: &mut String, profile: &Profile) {
    out.push_str("\n[fields]\n");
    for field in Field::ALL {
        let expr = profile.field(field);
        if *expr != ValueExpr::Absent {
            line(out, field.name(), &expression(expr));
        }
    }
}

/// Every value of the closed sets has a word; a test reads all of them back.
fn word<T: Copy + PartialEq>(words: &[(T, &'static str)], value: T) -> &'static str {
    words
        .iter()
        .find(|(known, _)| *known == value)
        .map_or("", |(_, word)| word)
}

fn expression(expr: &ValueExpr) -> String {
    match expr {
        ValueExpr::Absent => "{}".to_owned(),
        ValueExpr::Path(path) => quoted(&path.to_string()),
        ValueExpr::First(parts) => table([("first", list(parts.iter().map(expression)))]),
        ValueExpr::All(parts) => table([("all", list(parts.iter().map(expression)))]),
        ValueExpr::Template(parts) => template(parts),
        ValueExpr::When { holds, then } => {
            table([("if", condition(holds)), ("then", expression(then))])
        }
        ValueExpr::Lookup { of, table: names } => {
            let names = names
                .iter()
                .map(|(value, name)| (value.as_str(), quoted(name)));
            table([("lookup", expression(of)), ("table", table(names))])
        }
    }
}

fn template(parts: &[TemplatePart]) -> String {
    let mut text = String::new();
    let mut holes: Vec<(String, String)> = Vec::new();
    for part in parts {
        match part {
            TemplatePart::Literal(literal) => {
                text.push_str(&literal.replace('{', "{{").replace('}', "}}"));
            }
            TemplatePart::Value(ValueExpr::Path(path)) => {
                let _ = write!(text, "{{{path}}}");
            }
            TemplatePart::Value(expr) => {
                // No path prints like this: `#` is always in quotes there.
                let name = format!("#{}", holes.len() + 1);
                let _ = write!(text, "{{{name}}}");
                holes.push((name, expression(expr)));
            }
        }
    }
    let template = ("template", quoted(&text));
    if holes.is_empty() {
        table([template])
    } else {
        let holes = holes
            .iter()
            .map(|(name, expr)| (name.as_str(), expr.clone()));
        table([template, ("with", table(holes))])
    }
}

fn condition(condition: &Condition) -> String {
    let conditions = |parts: &[Condition]| list(parts.iter().map(self::condition));
    match condition {
        Condition::Has(path) => table([("has", quoted(&path.to_string()))]),
        Condition::In(expr, words) => table([("value", expression(expr)), ("in", texts(words))]),
        Condition::EndsWith(expr, end) => {
            table([("value", expression(expr)), ("ends_with", quoted(end))])
        }
        Condition::And(parts) => table([("and", conditions(parts))]),
        Condition::Or(parts) => table([("or", conditions(parts))]),
        Condition::Not(part) => table([("not", self::condition(part))]),
    }
}

fn texts(texts: &[String]) -> String {
    list(texts.iter().map(|text| quoted(text)))
}

fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(", "))
}

fn table<'k>(entries: impl IntoIterator<Item = (&'k str, String)>) -> String {
    let entries: Vec<_> = entries
        .into_iter()
        .map(|(key, value)| {
            let bare = !key.is_empty()
                && key
                    .bytes()
                    .all(|c| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-'));
            let key = if bare { key.to_owned() } else { quoted(key) };
            format!("{key} = {value}")
        })
        .collect();
    if entries.is_empty() {
        "{}".to_owned()
    } else {
        format!("{{ {} }}", entries.join(", "))
    }
}

/// A TOML basic string on one line.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
