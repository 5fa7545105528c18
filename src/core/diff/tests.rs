//! What differs, by hand and by chance.

use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn json(text: &str) -> FlatJson<'_> {
    FlatJson::parse(text).expect(text)
}

fn between(before: &str, after: &str) -> Diff {
    Diff::of(&json(before), &json(after))
}

/// `~ path before → after`, without what is the same.
fn said(before: &str, after: &str) -> Vec<String> {
    let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
    between(before, after)
        .rows
        .iter()
        .filter(|row| row.change != Change::Same)
        .map(|row| {
            let change = match row.change {
                Change::Added => '+',
                Change::Removed => '-',
                Change::Moved => '↕',
                Change::Changed | Change::Same => '~',
            };
            let (before, after) = (shown(&row.before), shown(&row.after));
            format!("{change} {} {before} → {after}", row.path)
        })
        .collect()
}

#[test]
fn what_differs_is_named_by_its_path() {
    for (before, after, expected) in [
        (r#"{"a":1}"#, r#"{"a":1}"#, &[][..]),
        (r#"{"a":1,"b":[1.50]}"#, r#"{"b":[15e-1],"a":1.0}"#, &[]),
        (r#"{"a":"x"}"#, r#"{"a":"\u0078"}"#, &[]),
        (r#"{"a":1,"a":2}"#, r#"{"a":2}"#, &[]),
        (r#"{"a":7}"#, r#"{"a":"7"}"#, &[r#"~ a 7 → "7""#]),
        (r#"{"a":null}"#, "{}", &["- a null → -"]),
        ("{}", r#"{"a":{"b":1}}"#, &[r#"+ a - → {"b":1}"#]),
        ("{}", "[]", &["~  {} → []"]),
        (
            r#"{"a":{"b":{"c":true}}}"#,
            r#"{"a":{"b":{"c":false}}}"#,
            &["~ a.b.c true → false"],
        ),
        (
            r#"{"a b":{"c.d":1}}"#,
            r#"{"a b":{"c.d":2}}"#,
            &[r#"~ "a b"."c.d" 1 → 2"#],
        ),
        ("[1,2,3]", "[1,3]", &["~ [1] 2 → 3", "- [2] 3 → -"]),
        (
            r#"[{"id":1,"n":1},{"id":2,"n":1}]"#,
            r#"[{"id":2,"n":5},{"id":3}]"#,
            &[
                r#"- [id=1] {"id":1,"n":1} → -"#,
                "~ [id=2].n 1 → 5",
                r#"+ [id=3] - → {"id":3}"#,
            ],
        ),
        (
            r#"[{"id":1},{"id":2}]"#,
            r#"[{"id":2},{"id":1}]"#,
            &[r#"↕  [{"id":1},{"id":2}] → [{"id":2},{"id":1}]"#],
        ),
        // Not an id of their own: by place.
        (
            r#"[{"id":1},{"id":1}]"#,
            r#"[{"id":1},{"id":2}]"#,
            &["~ [1].id 1 → 2"],
        ),
        (r#"[{"id":1}]"#, r#"[{"id":1.0}]"#, &[]),
    ] {
        assert_eq!(said(before, after), expected, "{before} {after}");
    }
}

#[test]
fn what_is_the_same_stands_once_and_whole() {
    let diff = between(r#"{"a":{"b":[1.0,2]},"c":1}"#, r#"{"a":{"b":[1,2]},"c":2}"#);
    let rows: Vec<_> = diff
        .rows
        .iter()
        .map(|row| (&*row.path, row.change))
        .collect();
    assert_eq!(rows, [("a", Change::Same), ("c", Change::Changed)]);
}

#[test]
fn huge_and_deep_records_are_bounded_and_that_is_counted() {
    let count = MOST_ROWS + 500;
    let many = |value: &str| format!("[{}]", vec![value; count].join(","));
    let diff = between(&many("1"), &many("2"));
    assert_eq!(diff.rows.len(), MOST_ROWS);
    assert_eq!((diff.changes, diff.cut), (count as u64, 500));
    let long = |letter: &str| format!(r#"{{"a":"{}"}}"#, letter.repeat(1_000_000));
    let diff = between(&long("é"), &long("ü"));
    let kept = diff.rows[0].after.as_ref().expect("a value");
    assert!(kept.len() <= LONGEST_VALUE + 3 && kept.ends_with('…'));
    let deep = |leaf: &str| {
        format!(
            "{}{leaf}{}",
            r#"{"a":["#.repeat(50_000),
            "]}".repeat(50_000)
        )
    };
    assert_eq!(between(&deep("1"), &deep("2")).changes, 1);
    assert_eq!(between(&deep("1"), &deep("1.0")).changes, 0);
}

fn documents() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..4_i64).prop_map(Value::from),
        "[ab]{0,2}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 30, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((prop::sample::select(vec!["a", "b.c", "id"]), inner), 0..4)
                .prop_map(|members| {
                    let named = members.into_iter();
                    named.map(|(key, value)| (key.to_owned(), value)).collect()
                }),
        ]
    })
}

/// The same with the two sides exchanged.
fn mirrored(diff: &Diff) -> Vec<Row> {
    let mut rows: Vec<Row> = diff
        .rows
        .iter()
        .filter(|row| row.change != Change::Same)
        .cloned()
        .collect();
    for row in &mut rows {
        std::mem::swap(&mut row.before, &mut row.after);
        row.change = match row.change {
            Change::Added => Change::Removed,
            Change::Removed => Change::Added,
            other => other,
        };
    }
    rows.sort_by(|a, b| (&a.path, &a.before).cmp(&(&b.path, &b.before)));
    rows
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn empty_exactly_when_equal_and_the_same_from_both_sides(
        a in documents(), b in documents(),
    ) {
        let (text_a, text_b) = (a.to_string(), serde_json::to_string_pretty(&b).expect("prints"));
        let (there, back) = (between(&text_a, &text_b), between(&text_b, &text_a));
        prop_assert_eq!(there.changes == 0, a == b, "{} {}", text_a, text_b);
        prop_assert_eq!(mirrored(&there).len() as u64, there.changes);
        let mut expected: Vec<Row> = back.rows.iter().filter(|row| row.change != Change::Same).cloned().collect();
        expected.sort_by(|a, b| (&a.path, &a.before).cmp(&(&b.path, &b.before)));
        prop_assert_eq!(mirrored(&there), expected);
        prop_assert_eq!(between(&text_a, &serde_json::to_string_pretty(&a).expect("prints")).changes, 0);
    }
}
