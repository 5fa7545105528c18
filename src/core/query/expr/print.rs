//! The canonical spelling of a tree: parsing it gives the same tree again (spans aside).
//!
//! Does not keep the author's spelling: redundant brackets, `AND` and `NOT` are not printed.

use std::fmt::{self, Display, Formatter, Write};

use super::{Expr, Op, Quoting, Term, Value, Word};

/// How tightly the surroundings bind: what binds less tightly gets brackets.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Or,
    And,
    Unary,
}

/// Where a word stands decides what must be escaped in it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Head,
    Value,
    RangeEnd,
    Item,
}

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        print(self, Level::Or, f)
    }
}

impl Display for Term {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.name.value)?;
        match &self.value.value {
            Value::Compare(op, word) => {
                f.write_str(op.sign())?;
                print_word(&word.value, Place::Value, f)
            }
            Value::Range(low, high) => {
                if let Some(low) = low {
                    print_word(&low.value, Place::RangeEnd, f)?;
                }
                f.write_str("..")?;
                match high {
                    Some(high) => print_word(&high.value, Place::RangeEnd, f),
                    None => Ok(()),
                }
            }
            Value::AnyOf(items) => {
                f.write_char('(')?;
                for (place, item) in items.iter().enumerate() {
                    if place > 0 {
                        f.write_str(", ")?;
                    }
                    print_word(&item.value, Place::Item, f)?;
                }
                f.write_char(')')
            }
            Value::Missing => Ok(()),
        }
    }
}

fn print(expr: &Expr, around: Level, f: &mut Formatter<'_>) -> fmt::Result {
    match expr {
        Expr::All | Expr::Hole(_) => Ok(()),
        Expr::Or(parts) => joined(parts, " OR ", (Level::Or, Level::And), around, f),
        Expr::And(parts) => joined(parts, " ", (Level::And, Level::Unary), around, f),
        Expr::Not(part) => {
            f.write_char('-')?;
            print(part, Level::Unary, f)
        }
        Expr::Term(term) => term.fmt(f),
        Expr::Word(word) => print_word(&word.value, Place::Head, f),
    }
}

fn joined(
    parts: &[Expr],
    between: &str,
    (own, inner): (Level, Level),
    around: Level,
    f: &mut Formatter<'_>,
) -> fmt::Result {
    if own < around {
        f.write_char('(')?;
    }
    for (place, part) in parts.iter().enumerate() {
        if place > 0 {
            f.write_str(between)?;
        }
        print(part, inner, f)?;
    }
    if own < around {
        f.write_char(')')?;
    }
    Ok(())
}

fn print_word(word: &Word, place: Place, f: &mut Formatter<'_>) -> fmt::Result {
    match (word.text(), word.quoting) {
        (Some(text), Quoting::Quoted) | (Some(text @ ""), Quoting::Bare) => {
            write!(f, "\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
        }
        (Some(text @ ("OR" | "AND" | "NOT")), _) if place == Place::Head => write!(f, "\\{text}"),
        _ => {
            for (nth, piece) in word.pieces.iter().enumerate() {
                if nth > 0 {
                    f.write_char('*')?;
                }
                let first = nth == 0;
                let last = nth + 1 == word.pieces.len();
                print_piece(piece, place, (first, last), f)?;
            }
            Ok(())
        }
    }
}

fn print_piece(
    piece: &str,
    place: Place,
    (first, last): (bool, bool),
    f: &mut Formatter<'_>,
) -> fmt::Result {
    let chars: Vec<char> = piece.chars().collect();
    for (at, c) in chars.iter().copied().enumerate() {
        let begins = first && at == 0;
        let ends = last && at + 1 == chars.len();
        let beside_dot = chars.get(at + 1) == Some(&'.') || (at > 0 && chars[at - 1] == '.');
        let special = match c {
            '"' | '\\' | '*' | '(' | ')' => true,
            c if c.is_whitespace() => true,
            ':' => place == Place::Head,
            '-' => begins && place == Place::Head,
            ',' => place == Place::Item,
            '=' | '<' | '>' | '~' | '!' => begins && place != Place::Head,
            '.' if place == Place::RangeEnd => begins || ends || beside_dot,
            '.' => place != Place::Head && beside_dot,
            _ => false,
        };
        if special {
            f.write_char('\\')?;
        }
        f.write_char(c)?;
    }
    Ok(())
}

impl Display for Op {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.sign())
    }
}

#[cfg(test)]
mod tests {
    use crate::core::query::parse::parse;

    #[test]
    fn the_canonical_spelling_is_the_plainest() {
        for (typed, canonical) in [
            ("  a   AND  NOT b ", "a -b"),
            ("((a OR b)) c", "(a OR b) c"),
            ("(a b) OR c", "a b OR c"),
            ("a (b c)", "a (b c)"),
            ("-(a b)", "-(a b)"),
            ("--a", "--a"),
            (r#"user:"bob""#, r#"user:"bob""#),
            ("code:( 1,2 ,3)", "code:(1, 2, 3)"),
            (r"\-x \OR a\:b", r"\-x \OR a\:b"),
            ("x:1..2.5 y:..9 z:-3h..", "x:1..2.5 y:..9 z:-3h.."),
            (r#""a b"*c"#, r"a\ b*c"),
            ("", ""),
        ] {
            assert_eq!(parse(typed).expr.to_string(), canonical, "{typed}");
        }
    }
}
