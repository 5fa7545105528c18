//! What a query asks of one value, in SQL: of a scalar given by its JSON type `k` and its text `x`,
//! or of a `jsonb` document through a path.

use std::sync::Arc;

use crate::core::query::predicate::{Literal, Order, Test};
use crate::core::scalar::is_number;
use crate::store::postgres::sql::quote::text;

/// The JSON types of scalars.
pub const SCALARS: &str = "('string', 'number', 'boolean')";

/// So many words are spelled out in a condition that an index may serve.
const MOST_SPELLED: usize = 64;

/// A test of a scalar with the columns `k` and `x`. `None`: SQL cannot decide it.
pub fn of_scalar(test: &Test) -> Option<String> {
    Some(match test {
        Test::Exists => "TRUE".to_owned(),
        Test::Equals(literal) => {
            let word = text(literal.text());
            match (literal, literal.number()) {
                (Literal::Text(_), _) => format!("k = 'string' AND x = {word}"),
                (Literal::Bare(_), None) => format!("k <> 'number' AND x = {word}"),
                (Literal::Bare(_), Some(number)) => format!(
                    "CASE k WHEN 'number' THEN x::numeric = {} ELSE x = {word} END",
                    decimal(number)?
                ),
            }
        }
        Test::OneOf(words) => {
            let among = format!("x = ANY({})", array(words.iter(), "text"));
            let mut numbers = words.numbers().peekable();
            if numbers.peek().is_none() {
                return Some(format!("k <> 'number' AND {among}"));
            }
            if !words.numbers().all(|number| holds(number)) {
                return None;
            }
            let numbers = array(numbers, "numeric");
            format!("CASE k WHEN 'number' THEN x::numeric = ANY({numbers}) ELSE {among} END")
        }
        Test::Glob(_) | Test::Contains(_) => of_text(test, "x")?,
        Test::Compare(order, literal) => ordered("k", "x", *order, literal)?,
        Test::Range(low, high) => format!(
            "({}) AND ({})",
            ordered("k", "x", Order::AtLeast, low)?,
            ordered("k", "x", Order::AtMost, high)?
        ),
    })
}

/// A test of a value that is text. `None`: SQL cannot decide it.
pub fn of_text(test: &Test, x: &str) -> Option<String> {
    Some(match test {
        Test::Exists => format!("{x} IS NOT NULL"),
        Test::Equals(literal) => format!("{x} = {}", text(literal.text())),
        Test::OneOf(words) => format!("{x} = ANY({})", array(words.iter(), "text")),
        Test::Glob(pieces) => format!("{x} LIKE {}", text(&like(pieces))),
        Test::Contains(needle) => {
            // lower() folds ASCII only under the collation "C", which is what `~` means.
            let needle = text(&needle.to_ascii_lowercase());
            format!("strpos(lower({x} COLLATE \"C\"), {needle}) > 0")
        }
        Test::Compare(_, literal) if literal.number().is_some() => "FALSE".to_owned(),
        Test::Compare(order, literal) => {
            format!(
                "{x} COLLATE \"C\" {} {}",
                sign(*order),
                text(literal.text())
            )
        }
        Test::Range(low, high) => {
            let low = of_text(&Test::Compare(Order::AtLeast, low.clone()), x)?;
            let high = of_text(&Test::Compare(Order::AtMost, high.clone()), x)?;
            format!("{low} AND {high}")
        }
    })
}

/// Words as one constant: the server looks each value up in it once, however many there are.
pub fn array<'w>(words: impl Iterator<Item = &'w Arc<str>>, of: &str) -> String {
    let mut array = String::from("{");
    for word in words {
        array.push_str(if array.len() > 1 { ",\"" } else { "\"" });
        for c in word.chars() {
            if matches!(c, '"' | '\\') {
                array.push('\\');
            }
            array.push(c);
        }
        array.push('"');
    }
    array.push('}');
    format!("{}::{of}[]", text(&array))
}

fn ordered(k: &str, x: &str, order: Order, literal: &Literal) -> Option<String> {
    let sign = sign(order);
    Some(match literal.number() {
        Some(number) => {
            let number = decimal(number)?;
            format!("CASE {k} WHEN 'number' THEN {x}::numeric {sign} {number} ELSE FALSE END")
        }
        None => format!(
            "{k} = 'string' AND {x} COLLATE \"C\" {sign} {}",
            text(literal.text())
        ),
    })
}

/// The comparison sign.
pub fn sign(order: Order) -> &'static str {
    match order {
        Order::Greater => ">",
        Order::AtLeast => ">=",
        Order::Less => "<",
        Order::AtMost => "<=",
    }
}

/// A number as a literal of type numeric; `None` beyond what that can hold.
pub fn decimal(number: &str) -> Option<String> {
    holds(number).then(|| format!("'{number}'::numeric"))
}

fn holds(number: &str) -> bool {
    let exponent = number
        .split_once(['e', 'E'])
        .map_or(Ok(0), |(_, exponent)| exponent.parse::<i32>());
    is_number(number) && number.len() < 1_000 && exponent.is_ok_and(|e| e.abs() < 10_000)
}

/// A LIKE pattern: the pieces with anything between them.
fn like(pieces: &[String]) -> String {
    let escaped: Vec<String> = pieces
        .iter()
        .map(|piece| {
            piece
                .replace('\\', "\\\\")
                .replace('%', "\\%")
                .replace('_', "\\_")
        })
        .collect();
    escaped.join("%")
}

/// A jsonpath that reaches what a path reaches, before its last look through an array.
///
/// Lax jsonpath looks through arrays one level per step, as the query language does.
/// `None`: no `jsonb` has such a key.
pub fn json_path(steps: &[Box<str>]) -> Option<String> {
    let mut path = "$".to_owned();
    for step in steps {
        path.push('.');
        path.push_str(&json_text(step)?);
    }
    Some(path)
}

/// Text as a jsonpath literal; `None` with a NUL, which `jsonb` cannot hold.
fn json_text(value: &str) -> Option<String> {
    if value.contains('\0') {
        return None;
    }
    serde_json::to_string(value).ok()
}

/// A condition for `document @@ '…'`. A comparison there looks through one array, exactly as the
/// language does at the end of a path; a filter (`? (…)`) would look through two, and `@>` through
/// none. GIN indexes of both classes serve `==`. `None`: only a look at every value can tell.
pub fn of_document(test: &Test, path: &str) -> Option<String> {
    match test {
        Test::Equals(literal) => {
            let mut choices = Vec::new();
            if let Some(word) = json_text(literal.text()) {
                choices.push(format!("{path} == {word}"));
            }
            if let Literal::Bare(word) = literal {
                if let Some(number) = literal.number() {
                    if !holds(number) {
                        return None;
                    }
                    choices.push(format!("{path} == {}", plain(number)));
                }
                if word == "true" || word == "false" {
                    choices.push(format!("{path} == {word}"));
                }
            }
            // Nothing equals a text that jsonb cannot hold.
            Some(if choices.is_empty() {
                "1 == 2".to_owned()
            } else {
                choices.join(" || ")
            })
        }
        // Longer ones are looked up in an array, value by value.
        Test::OneOf(words) if (1..=MOST_SPELLED).contains(&words.iter().len()) => {
            let choices: Option<Vec<String>> = words
                .iter()
                .map(|word| of_document(&Test::Equals(Literal::Bare((**word).to_owned())), path))
                .collect();
            Some(choices?.join(" || "))
        }
        Test::Compare(order, literal) => {
            let value = match literal.number() {
                Some(number) if holds(number) => plain(number),
                Some(_) => return None,
                None => json_text(literal.text())?,
            };
            Some(format!("{path} {} {value}", sign(*order)))
        }
        Test::Exists | Test::OneOf(_) | Test::Glob(_) | Test::Contains(_) | Test::Range(..) => None,
    }
}

/// A number without leading zeros, which jsonpath does not read.
fn plain(number: &str) -> String {
    let (minus, digits) = number
        .strip_prefix('-')
        .map_or(("", number), |digits| ("-", digits));
    let trimmed = digits.trim_start_matches('0');
    if trimmed.starts_with(|c: char| c.is_ascii_digit()) {
        format!("{minus}{trimmed}")
    } else {
        format!("{minus}0{trimmed}")
    }
}

/// Text that must occur in a document's own text if a leaf passes the test; a cheap first look.
/// `None`: nothing can be said.
pub fn trace(test: &Test) -> Option<String> {
    let piece = match test {
        Test::Contains(needle) => needle.clone(),
        Test::Glob(pieces) => pieces.iter().max_by_key(|piece| piece.len())?.clone(),
        Test::Equals(literal) if literal.number().is_none() => literal.text().to_owned(),
        _ => return None,
    };
    let escaped = json_text(&piece)?;
    let inner = escaped.strip_prefix('"')?.strip_suffix('"')?;
    (!inner.is_empty()).then(|| inner.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_become_typed_comparisons() {
        let bare = |text: &str| Test::Equals(Literal::Bare(text.to_owned()));
        assert_eq!(
            of_document(&bare("007"), "$.\"a\"").as_deref(),
            Some(r#"$."a" == "007" || $."a" == 7"#)
        );
        assert_eq!(
            of_document(&bare("true"), "$").as_deref(),
            Some(r#"$ == "true" || $ == true"#)
        );
        let quoted = Test::Equals(Literal::Text("7".to_owned()));
        assert_eq!(of_document(&quoted, "$").as_deref(), Some(r#"$ == "7""#));
        assert_eq!(of_document(&bare("\0"), "$").as_deref(), Some("1 == 2"));
        assert_eq!(of_document(&bare("1e999999"), "$"), None);
    }

    #[test]
    fn patterns_are_escaped() {
        let pieces = ["a_%".to_owned(), "\\".to_owned()];
        assert_eq!(like(&pieces), "a\\_\\%%\\\\");
        assert_eq!(json_path(&["a\"b".into()]).as_deref(), Some(r#"$."a\"b""#));
        assert_eq!(json_path(&["a\0".into()]), None);
    }
}
