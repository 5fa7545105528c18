//! What holds for every text and every tree.

use proptest::prelude::*;

use crate::core::query::diagnostic::Span;
use crate::core::query::expr::{Expr, Op, Quoting, Spanned, Term, Value, Word};
use crate::core::query::parse::parse;

const NOWHERE: Span = 0..0;

fn nowhere<T>(value: T) -> Spanned<T> {
    Spanned {
        value,
        span: NOWHERE,
    }
}

/// Texts made of the language's own characters reach far more of the parser than random ones.
pub(super) fn query_like() -> impl Strategy<Value = String> {
    let token = prop_oneof![
        Just("user:"),
        Just("-"),
        Just("("),
        Just(")"),
        Just(" "),
        Just("OR "),
        Just(" AND "),
        Just("NOT "),
        Just("\""),
        Just("\\"),
        Just("*"),
        Just(".."),
        Just(">="),
        Just("!="),
        Just("~"),
        Just(","),
        Just(":"),
        Just("."),
        Just("since:"),
        Just("-3h"),
        Just("2026-08"),
        Just("é"),
        Just("日本"),
        Just("\u{202e}"),
        Just("a"),
        Just("7"),
        Just("has:"),
        Just("is:"),
        Just("\t"),
        Just("."),
        Just("details"),
    ];
    prop::collection::vec(token, 0..14).prop_map(|tokens| tokens.concat())
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), query_like()]
}

fn spans(expr: &Expr, out: &mut Vec<Span>) {
    match expr {
        Expr::All => {}
        Expr::And(parts) | Expr::Or(parts) => parts.iter().for_each(|part| spans(part, out)),
        Expr::Not(part) => spans(part, out),
        Expr::Term(term) => {
            out.extend([term.name.span.clone(), term.value.span.clone()]);
            match &term.value.value {
                Value::Compare(_, word) => out.push(word.span.clone()),
                Value::Range(low, high) => {
                    out.extend(
                        [low, high]
                            .into_iter()
                            .flatten()
                            .map(|word| word.span.clone()),
                    );
                }
                Value::AnyOf(items) => out.extend(items.iter().map(|item| item.span.clone())),
                Value::Missing => {}
            }
        }
        Expr::Word(word) => out.push(word.span.clone()),
        Expr::Hole(span) => out.push(span.clone()),
    }
}

/// The same tree without its places.
fn shape(expr: &Expr) -> Expr {
    let word = |word: &Spanned<Word>| nowhere(word.value.clone());
    match expr {
        Expr::All => Expr::All,
        Expr::And(parts) => Expr::And(parts.iter().map(shape).collect()),
        Expr::Or(parts) => Expr::Or(parts.iter().map(shape).collect()),
        Expr::Not(part) => Expr::Not(Box::new(shape(part))),
        Expr::Term(term) => Expr::Term(Term {
            name: nowhere(term.name.value.clone()),
            value: nowhere(match &term.value.value {
                Value::Compare(op, operand) => Value::Compare(*op, word(operand)),
                Value::Range(low, high) => {
                    Value::Range(low.as_ref().map(word), high.as_ref().map(word))
                }
                Value::AnyOf(items) => Value::AnyOf(items.iter().map(word).collect()),
                Value::Missing => Value::Missing,
            }),
        }),
        Expr::Word(bare) => Expr::Word(word(bare)),
        Expr::Hole(_) => Expr::Hole(NOWHERE),
    }
}

fn word() -> impl Strategy<Value = Spanned<Word>> {
    let piece = prop_oneof![
        3 => r#"[a-z:.,*()"\\<>=!~ -]{1,5}"#,
        1 => Just("OR".to_owned()),
        1 => any::<String>(),
    ];
    let glob = prop::collection::vec(prop_oneof![piece.clone(), Just(String::new())], 2..4)
        .prop_map(|pieces| Word {
            pieces,
            quoting: Quoting::Bare,
        });
    let single = (piece, any::<bool>()).prop_map(|(text, quoted)| Word {
        quoting: if quoted || text.is_empty() {
            Quoting::Quoted
        } else {
            Quoting::Bare
        },
        pieces: vec![text],
    });
    prop_oneof![3 => single, 1 => glob].prop_map(nowhere)
}

fn term() -> impl Strategy<Value = Expr> {
    let name = prop_oneof![
        Just("user"),
        Just(".details.status.code"),
        Just(r#"."odd: \"key".x"#),
        Just("a-b"),
    ];
    let op = prop::sample::select(vec![
        Op::Equals,
        Op::NotEquals,
        Op::Greater,
        Op::AtLeast,
        Op::Less,
        Op::AtMost,
        Op::Contains,
    ]);
    let value = prop_oneof![
        3 => (op, word()).prop_map(|(op, word)| Value::Compare(op, word)),
        1 => (word(), word()).prop_map(|(low, high)| Value::Range(Some(low), Some(high))),
        1 => word().prop_map(|low| Value::Range(Some(low), None)),
        1 => word().prop_map(|high| Value::Range(None, Some(high))),
        1 => prop::collection::vec(word(), 1..4).prop_map(Value::AnyOf),
    ];
    (name, value).prop_map(|(name, value)| {
        Expr::Term(Term {
            name: nowhere(name.to_owned()),
            value: nowhere(value),
        })
    })
}

fn tree() -> impl Strategy<Value = Expr> {
    let leaf = prop_oneof![term(), word().prop_map(Expr::Word)];
    let inner = leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(Expr::And),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Expr::Or),
            inner.prop_map(|part| Expr::Not(Box::new(part))),
        ]
    });
    prop_oneof![9 => inner, 1 => Just(Expr::All)]
}

proptest! {
    #[test]
    fn parsing_is_total_and_its_places_are_real(text in any_text()) {
        let parsed = parse(&text);
        let mut places = Vec::new();
        spans(&parsed.expr, &mut places);
        places.extend(parsed.diagnostics.iter().map(|d| d.span.clone()));
        for span in places {
            prop_assert!(text.get(span.clone()).is_some(), "{span:?} in {text:?}");
        }
    }

    #[test]
    fn printed_trees_parse_to_themselves(tree in tree()) {
        let printed = tree.to_string();
        let parsed = parse(&printed);
        prop_assert_eq!(shape(&parsed.expr), tree, "{}", printed);
        prop_assert!(
            parsed.diagnostics.iter().all(|d| d.message.contains("cancel")),
            "{printed}: {:?}", parsed.diagnostics
        );
    }

    #[test]
    fn what_parses_without_a_word_prints_and_parses_the_same(text in query_like()) {
        let parsed = parse(&text);
        if parsed.diagnostics.is_empty() {
            let again = parse(&parsed.expr.to_string());
            prop_assert_eq!(shape(&again.expr), shape(&parsed.expr));
        }
    }
}
