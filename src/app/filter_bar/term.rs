//! Writes terms into a filter's text: a value with or without which events are wanted, and the
//! time range.

use crate::app::command::Polarity;
use crate::core::contrast::{Subject, Value};
use crate::core::event::Field;
use crate::core::path::Path;
use crate::core::query::expr::{Expr, Term};
use crate::core::query::parse::parse;
use crate::core::scalar::{self, Scalar};

/// Names that bound the time.
const TIME_NAMES: [&str; 3] = ["since", "until", "at"];

/// A value in the spelling that finds exactly it again.
pub fn literal(value: &Scalar<'_>) -> String {
    let text = value.text();
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '/' | '@' | '.'))
        && !text.contains("..")
        && !matches!(text, "true" | "false" | "null" | "AND" | "OR" | "NOT");
    match value {
        Scalar::Text(_) if plain && !scalar::is_number(text) => text.to_owned(),
        Scalar::Text(_) => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
        Scalar::Number(_) | Scalar::Bool(_) => text.to_owned(),
    }
}

/// What a term asks of a payload path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// The value is this one.
    Is(String),
    /// There is a value.
    Present,
    /// There is none.
    Missing,
}

/// The term that finds the events with a value of a field; `None` finds those without any.
pub fn field(field: Field, value: Option<&str>) -> String {
    found_by(spelling(field), value)
}

/// The term that finds the events with a value of anything that values are of.
pub fn of(subject: &Subject, value: &Value) -> String {
    let name = name(subject);
    match value {
        Value::Is(text) => found_by(&name, Some(text)),
        Value::Missing => found_by(&name, None),
        Value::AtLeast(text) => format!("{name}:>={text}"),
    }
}

/// What a filter calls what values are of.
pub fn name(subject: &Subject) -> String {
    match subject {
        Subject::Outcome => "outcome".to_owned(),
        Subject::Field(field) => spelling(*field).to_owned(),
        Subject::Own(own) => Path::new(own.name.split('.')).to_string(),
        Subject::Path(path) => format!(".{path}"),
    }
}

/// A term about a payload path.
pub fn payload(path: &Path, ask: &Ask) -> String {
    match ask {
        Ask::Is(value) => format!(".{path}:{value}"),
        Ask::Present => format!("has:.{path}"),
        Ask::Missing => format!("missing:.{path}"),
    }
}

/// What a filter calls a field.
pub fn spelling(field: Field) -> &'static str {
    match field {
        Field::Actor => "user",
        field => field.name(),
    }
}

/// A value of a group in the spelling that finds all that was counted in it: numbers and words such
/// as `true` may be held as text, too.
pub fn grouped(value: &str) -> String {
    if scalar::is_number(value) || matches!(value, "true" | "false") {
        value.to_owned()
    } else {
        literal(&Scalar::Text(value.into()))
    }
}

/// The term that finds the events of a group by the values of a name; `None` are those without any.
pub fn found_by(name: &str, value: Option<&str>) -> String {
    match value {
        None => format!("missing:{name}"),
        Some(value) => format!("{name}:{}", grouped(value)),
    }
}

/// The filter with a term joined to it. A term that already stands there is not repeated, and its
/// contrary is replaced.
pub fn join(filter: &str, term: &str, polarity: Polarity) -> String {
    let (wanted, contrary) = match polarity {
        Polarity::With => (term.to_owned(), format!("-{term}")),
        Polarity::Without => (format!("-{term}"), term.to_owned()),
    };
    let filter = filter.trim();
    if matches!(parse(filter).expr, Expr::Or(_)) {
        return format!("({filter}) {wanted}");
    }
    let padded = format!(" {filter} ");
    if padded.contains(&format!(" {wanted} ")) {
        return filter.to_owned();
    }
    let kept = padded.replace(&format!(" {contrary} "), " ");
    format!("{} {wanted}", kept.trim()).trim().to_owned()
}

/// The filter with its time range replaced; `None` removes it.
pub fn with_range(filter: &str, range: Option<&str>) -> String {
    let mut kept = filter.to_owned();
    let mut spans: Vec<_> = match parse(filter).expr {
        Expr::And(parts) => parts.iter().filter_map(time_span).collect(),
        single => time_span(&single).into_iter().collect(),
    };
    spans.sort_by_key(|span| std::cmp::Reverse(span.start));
    for span in spans {
        // The blanks after a term go with it; those inside quotes elsewhere stay as they are.
        let rest = &kept[span.end..];
        let end = span.end + (rest.len() - rest.trim_start().len());
        kept.replace_range(span.start..end, "");
    }
    match range {
        Some(range) => join(&kept, range, Polarity::With),
        None => kept.trim().to_owned(),
    }
}

fn time_span(expr: &Expr) -> Option<std::ops::Range<usize>> {
    match expr {
        Expr::Term(Term { name, value }) if TIME_NAMES.contains(&name.value.as_str()) => {
            Some(name.span.start..value.span.end)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_spelled_so_that_they_mean_themselves() {
        for (value, expected) in [
            (Scalar::Text("alice".into()), "alice"),
            (Scalar::Text("7".into()), "\"7\""),
            (Scalar::Text("a*b".into()), "\"a*b\""),
            (Scalar::Text("a b\"c".into()), "\"a b\\\"c\""),
            (Scalar::Text("true".into()), "\"true\""),
            (Scalar::Text("a..b".into()), "\"a..b\""),
            (Scalar::Text(String::new().into()), "\"\""),
            (Scalar::Number("7".into()), "7"),
            (Scalar::Bool(true), "true"),
        ] {
            assert_eq!(literal(&value), expected);
        }
    }

    #[test]
    fn joining_neither_repeats_nor_contradicts() {
        for (filter, polarity, expected) in [
            ("", Polarity::With, "user:bob"),
            ("is:error", Polarity::Without, "is:error -user:bob"),
            ("is:error user:bob", Polarity::With, "is:error user:bob"),
            ("is:error -user:bob", Polarity::With, "is:error user:bob"),
            ("a OR b", Polarity::With, "(a OR b) user:bob"),
        ] {
            assert_eq!(join(filter, "user:bob", polarity), expected, "{filter}");
        }
    }

    #[test]
    fn a_range_replaces_the_range_before() {
        for (filter, range, expected) in [
            ("", Some("since:-24h"), "since:-24h"),
            (
                "since:-7d is:error until:today",
                Some("since:-1h"),
                "is:error since:-1h",
            ),
            ("is:error at:2026-08", None, "is:error"),
        ] {
            assert_eq!(with_range(filter, range), expected, "{filter}");
        }
    }
}
