//! What names, values and times come to mean, and what is said when they mean nothing.

use insta::assert_snapshot;
use rstest::rstest;

use super::fixture::{catalog, moment, resolved};
use crate::core::event::{Field, Outcome};
use crate::core::instant::Micros;
use crate::core::path::Path;
use crate::core::query::catalog::Catalog;
use crate::core::query::diagnostic::render;
use crate::core::query::parse::parse;
use crate::core::query::predicate::{Atom, Literal, Order, Predicate, Test};
use crate::core::query::resolve::resolve;

fn bare(text: &str) -> Literal {
    Literal::Bare(text.to_owned())
}

fn quoted(text: &str) -> Literal {
    Literal::Text(text.to_owned())
}

fn field(field: Field, test: Test) -> Predicate {
    Predicate::Atom(Atom::Field(field, test))
}

fn path(spelled: &str, test: Test) -> Predicate {
    Predicate::Atom(Atom::Path(Path::parse(spelled).expect(spelled), test))
}

fn equals(text: &str) -> Test {
    Test::Equals(bare(text))
}

fn outcomes(set: &[Outcome]) -> Predicate {
    Predicate::Atom(Atom::Outcome(set.to_vec()))
}

fn id(test: Test) -> Predicate {
    Predicate::Atom(Atom::Id(test))
}

fn glob(pieces: &[&str]) -> Test {
    Test::Glob(pieces.iter().map(|piece| (*piece).to_owned()).collect())
}

#[rstest]
#[case("", Predicate::All)]
#[case("user:alice", field(Field::Actor, equals("alice")))]
#[case("actor:alice", field(Field::Actor, equals("alice")))]
#[case(r#""user":"7""#, field(Field::Actor, Test::Equals(quoted("7"))))]
#[case("-user:alice", field(Field::Actor, equals("alice")).negated())]
#[case("user:!=alice", field(Field::Actor, equals("alice")).negated())]
#[case("-(-user:alice)", field(Field::Actor, equals("alice")))]
#[case("type:READ", field(Field::Kind, equals("READ")))]
#[case("action:Desc*Pod", field(Field::Action, glob(&["Desc", "Pod"])))]
#[case("action:~desc", field(Field::Action, Test::Contains("desc".to_owned())))]
#[case(r"user:\>x", field(Field::Actor, equals(">x")))]
#[case("user:(a, b)", field(Field::Actor, equals("a")).or(field(Field::Actor, equals("b"))))]
#[case(
    "duration:>1.5s",
    field(Field::Duration, Test::Compare(Order::Greater, bare("1500")))
)]
#[case("duration:2m30s", field(Field::Duration, equals("150000")))]
#[case("duration_ms:100", field(Field::Duration, equals("100")))]
#[case("id:7", id(Test::Equals(quoted("7"))))]
#[case("has:id", Predicate::All)]
#[case("missing:id", Predicate::Never)]
#[case("code:7", Predicate::Atom(Atom::Own(catalog().own[0].clone(), equals("7"))))]
#[case(
    "details.status.code:>=7",
    path("details.status.code", Test::Compare(Order::AtLeast, bare("7")))
)]
#[case(
    ".details.status.code:1..9",
    path("details.status.code", Test::Range(bare("1"), bare("9")))
)]
#[case(".sent:1..", path("sent", Test::Compare(Order::AtLeast, bare("1"))))]
#[case(
    r#"details."user-email x":a@b.c"#,
    path(r#"details."user-email x""#, equals("a@b.c"))
)]
#[case(
    r#"has:details."user-email x""#,
    path(r#"details."user-email x""#, Test::Exists)
)]
#[case("missing:(user, .details)", field(Field::Actor, Test::Exists).or(path("details", Test::Exists)).negated())]
#[case("has:at", Predicate::Atom(Atom::HasTime))]
#[case("has:outcome", outcomes(&Outcome::ALL))]
#[case("outcome:failed", outcomes(&[Outcome::Failed]))]
#[case("outcome:(denied, failed)", outcomes(&[Outcome::Failed, Outcome::Denied]))]
#[case("outcome:!=ok", outcomes(&[Outcome::Ok]).negated())]
#[case("outcome:*ed", outcomes(&[Outcome::Failed, Outcome::Denied]))]
#[case("result:~PEND", outcomes(&[Outcome::Pending]))]
#[case("is:error", outcomes(&[Outcome::Failed, Outcome::Denied]))]
#[case("-is:(error, pending)", outcomes(&[Outcome::Failed, Outcome::Denied, Outcome::Pending]).negated())]
#[case("store:prod*", Predicate::All)]
#[case("store:other", Predicate::Never)]
#[case("a OR store:other", Predicate::Atom(Atom::Anywhere(Test::Contains("a".to_owned()))))]
#[case("\"two words\"", Predicate::Atom(Atom::Anywhere(Test::Contains("two words".to_owned()))))]
#[case("pod-*", Predicate::Atom(Atom::Anywhere(glob(&["pod-", ""]))))]
fn meanings(#[case] text: &str, #[case] expected: Predicate) {
    let resolved = resolved(text);
    assert_eq!(
        resolved.predicate,
        Some(expected),
        "{:?}",
        resolved.diagnostics
    );
    assert_eq!(resolved.diagnostics, []);
}

#[rstest]
#[case("since:2026-08", Some("2026-08-01T00:00:00.000000Z"), None)]
#[case("until:2026-08", None, Some("2026-09-01T00:00:00.000000Z"))]
#[case(
    "at:2026-08",
    Some("2026-08-01T00:00:00.000000Z"),
    Some("2026-09-01T00:00:00.000000Z")
)]
#[case(
    "at:2026-08..2026-09",
    Some("2026-08-01T00:00:00.000000Z"),
    Some("2026-10-01T00:00:00.000000Z")
)]
#[case("at:>2026-08", Some("2026-09-01T00:00:00.000000Z"), None)]
#[case("at:>=2026-08", Some("2026-08-01T00:00:00.000000Z"), None)]
#[case("at:<2026-08", None, Some("2026-08-01T00:00:00.000000Z"))]
#[case("at:<=2026-08", None, Some("2026-09-01T00:00:00.000000Z"))]
#[case("at:..2026", None, Some("2027-01-01T00:00:00.000000Z"))]
#[case(
    "time:2026-08-14T10:05:30Z",
    Some("2026-08-14T10:05:30.000000Z"),
    Some("2026-08-14T10:05:31.000000Z")
)]
#[case(
    "until:2026-08-14T10:05:30Z",
    None,
    Some("2026-08-14T10:05:30.000000Z")
)]
#[case(
    r#"since:"2026-08-14 10:05""#,
    Some("2026-08-14T10:05:00.000000Z"),
    None
)]
#[case("since:-3h", Some("2026-11-20T12:04:05.000000Z"), None)]
#[case(
    "since:90d until:-1h",
    Some("2026-08-22T15:04:05.000000Z"),
    Some("2026-11-20T14:04:05.000000Z")
)]
#[case("older:30s", None, Some("2026-11-20T15:03:35.000000Z"))]
#[case("newer:30s", Some("2026-11-20T15:03:35.000000Z"), None)]
fn bounds(#[case] text: &str, #[case] since: Option<&str>, #[case] until: Option<&str>) {
    let resolved = resolved(text);
    let predicate = resolved.predicate.expect(text);
    let (from, to) = predicate.time_bounds();
    let print = |at: Option<Micros>| at.map(|at| at.to_string());
    assert_eq!(
        (print(from).as_deref(), print(to).as_deref()),
        (since, until)
    );
    assert_eq!(resolved.diagnostics, []);
}

#[test]
fn an_unsampled_store_takes_forced_paths_at_their_word() {
    let none = Catalog::default();
    let forced = resolve(&parse(".a.b:1"), &none, moment());
    assert_eq!(forced.predicate, Some(path("a.b", equals("1"))));
    assert_eq!(forced.diagnostics, []);
    assert_eq!(resolve(&parse("a.b:1"), &none, moment()).predicate, None);
}

fn told(texts: &[&str]) -> String {
    texts
        .iter()
        .map(|text| {
            let resolved = resolved(text);
            assert!(!resolved.diagnostics.is_empty(), "{text}");
            render(text, &resolved.diagnostics)
        })
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn unknown_names() {
    assert_snapshot!(told(&[
        "usr:alice",
        "User:alice flavour:x",
        "cluster:prod",
        ".details.body.clustre:prod",
        ".nowhere:1",
        "https://x.y/z",
        "10:30",
        "a..b:x",
        "has:usr",
        "has:since",
        "has:>user",
        "Code:7",
    ]));
}

#[test]
fn values_that_cannot_be() {
    assert_snapshot!(told(&[
        "outcome:faild",
        "outcome:>ok",
        "is:errr",
        "is:*",
        "outcome:error",
        "code:1..b",
        "code:9..1",
        "code:>7*",
        "status:~a*b",
        "store:>a",
        "id:>5",
        "details.status:7",
        "session:x",
        "\"\"",
        "user=alice",
        "code>=5",
    ]));
}

#[test]
fn times_that_cannot_be() {
    assert_snapshot!(told(&[
        "since:2026-02-30",
        "since:tody",
        "since:>today",
        "at:2026-08-*",
        "at:~2026",
        "older:2026",
        "older:>3h",
        "at:2026-09..2026-08",
        "since:today until:yesterday",
        "at:(today, nope)",
    ]));
}
