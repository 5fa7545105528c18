//! Every syntax diagnostic with its carets, as people see it.

use insta::assert_snapshot;

use crate::core::query::diagnostic::render;
use crate::core::query::parse::parse;

fn told(texts: &[&str]) -> String {
    texts
        .iter()
        .map(|text| render(text, &parse(text).diagnostics))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn quotes_and_escapes() {
    assert_snapshot!(told(&[
        r#"user:bob "permission den"#,
        r#"é日本 ."odd"#,
        r"C:\Users\",
        r#"user:"bob"action:x"#,
        r#""--dry-run" user:"b"* "q":"w""#,
    ]));
}

#[test]
fn operators_without_operands() {
    assert_snapshot!(told(&[
        "OR a",
        "a OR",
        "a OR OR b",
        "AND a",
        "a AND",
        "a AND OR b",
        "NOT",
        "a NOT",
        "-",
        "a - b",
        "--force",
        "-OR",
        "a or b",
    ]));
}

#[test]
fn brackets() {
    assert_snapshot!(told(&[
        "(a", "a)", "()", "(a OR", "Foo(bar)", ")(", "a ( ) b"
    ]));
}

#[test]
fn values() {
    assert_snapshot!(told(&[
        "user:",
        "user: bob",
        "user:>",
        "user:!= bob",
        ":x",
        "code:..",
        "code:1..2..3",
        "code:(1, 2",
        "code:()",
        "code:(1,,2)",
        "code:(1,)",
        "code:(a OR b)",
        "code:(>1, 2..3)",
    ]));
}

#[test]
fn nesting_is_bounded() {
    let deep = "(".repeat(70);
    let parsed = parse(&deep);
    assert_eq!(
        parsed
            .diagnostics
            .iter()
            .filter(|d| d.message.contains("deeper"))
            .count(),
        1
    );
    assert!(parse(&"-".repeat(100_000)).diagnostics.len() < 200);
    assert!(parse(&"a ".repeat(10_000)).diagnostics.is_empty());
}
