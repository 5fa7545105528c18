//! The tree: moving, folding, searching, and what it spells.

use super::*;

const TEXT: &str = r#"{"id":7,"details":{"user":"Al","status":{"code":7,"note":null},"tags":["a",{"k":"7"}]},"odd key":true}"#;

fn tree() -> Tree {
    Tree::new(FlatJson::parse(TEXT.to_owned()).expect("valid"))
}

fn shown(tree: &Tree) -> Vec<String> {
    tree.view(100)
        .into_iter()
        .map(|line| {
            let mark = match line.folding {
                Folding::Leaf => ' ',
                Folding::Unfolded => 'v',
                Folding::Folded => '>',
            };
            let key = tree.json().key(line.node).unwrap_or_default().into_owned();
            let at = if line.node == tree.cursor() { "*" } else { "" };
            format!("{}{mark}{key}{at}", ".".repeat(line.depth))
        })
        .collect()
}

#[test]
fn folding_hides_and_unfolding_shows_the_same_again() {
    let mut tree = tree();
    let all = shown(&tree);
    assert_eq!(
        all,
        [
            " id*", "vdetails", ". user", ".vstatus", ".. code", ".. note", ".vtags", ".. ", "..v",
            "... k", " odd key"
        ]
    );
    tree.fold(Fold::Level(1));
    assert_eq!(shown(&tree), [" id*", ">details", " odd key"]);
    tree.fold(Fold::Level(2));
    assert_eq!(
        shown(&tree),
        [
            " id*", "vdetails", ". user", ".>status", ".>tags", " odd key"
        ]
    );
    tree.fold(Fold::Level(9));
    assert_eq!(shown(&tree), all);
}

#[test]
fn left_and_right_walk_the_tree() {
    let mut tree = tree();
    tree.move_by(1, 10);
    tree.fold(Fold::Expand);
    assert_eq!(tree.path(tree.cursor()).to_string(), "details.user");
    tree.fold(Fold::Collapse);
    assert_eq!(tree.path(tree.cursor()).to_string(), "details");
    tree.fold(Fold::Collapse);
    assert_eq!(shown(&tree), [" id", ">details*", " odd key"]);
    tree.fold(Fold::CollapseDeep);
    tree.fold(Fold::Expand);
    assert_eq!(
        shown(&tree),
        [
            " id",
            "vdetails*",
            ". user",
            ".>status",
            ".>tags",
            " odd key"
        ]
    );
    tree.fold(Fold::ExpandDeep);
    assert_eq!(shown(&tree).len(), 11);
}

#[test]
fn moving_up_from_below_a_fold_lands_on_it() {
    let mut tree = tree();
    tree.fold(Fold::Level(1));
    tree.move_last(10);
    assert_eq!(tree.path(tree.cursor()).to_string(), "\"odd key\"");
    tree.move_by(-1, 10);
    assert_eq!(tree.path(tree.cursor()).to_string(), "details");
    tree.move_by(-5, 10);
    assert_eq!(tree.path(tree.cursor()).to_string(), "id");
}

#[test]
fn searching_opens_what_hides_the_match_and_goes_round() {
    let mut tree = tree();
    tree.fold(Fold::Level(1));
    assert!(tree.search("K", Direction::Forward));
    assert_eq!(tree.path(tree.cursor()).to_string(), "details.tags.k");
    assert!(tree.search("al", Direction::Forward));
    assert_eq!(tree.path(tree.cursor()).to_string(), "details.user");
    assert!(tree.search("7", Direction::Backward));
    assert_eq!(tree.path(tree.cursor()).to_string(), "id");
    assert!(!tree.search("nowhere", Direction::Forward));
}

#[test]
fn terms_find_the_value_they_were_made_from() {
    let mut tree = tree();
    for (needle, expected) in [
        ("user", ".details.user:Al"),
        ("code", ".details.status.code:7"),
        ("note", "missing:.details.status.note"),
        ("tags", "has:.details.tags"),
        ("odd", ".\"odd key\":true"),
    ] {
        tree.move_first();
        assert!(tree.search(needle, Direction::Forward));
        assert_eq!(tree.copy(Part::Term).as_deref(), Some(expected));
    }
    tree.move_first();
    assert!(tree.search("k", Direction::Backward), "the element's key");
}

#[test]
fn a_record_that_is_no_object_is_a_line_itself() {
    for text in ["7", "{}", "[]", "\"x\""] {
        let mut tree = Tree::new(FlatJson::parse(text.to_owned()).expect("valid"));
        assert_eq!(tree.view(10).len(), 1, "{text}");
        tree.move_by(3, 10);
        tree.fold(Fold::Collapse);
        tree.move_last(10);
        assert_eq!(tree.copy(Part::Json).as_deref(), Some(text));
        assert_eq!(tree.copy(Part::Term), None);
    }
}

#[test]
fn a_changed_event_keeps_folds_and_cursor() {
    let mut before = tree();
    before.move_by(3, 10);
    before.fold(Fold::Toggle);
    assert_eq!(before.path(before.cursor()).to_string(), "details.status");
    let text = TEXT.replace("\"user\":\"Al\"", "\"new\":1,\"user\":\"Al\"");
    let mut after = Tree::new(FlatJson::parse(text).expect("valid"));
    after.take_over(&before);
    assert_eq!(after.path(after.cursor()).to_string(), "details.status");
    assert!(
        shown(&after).contains(&".>status*".to_owned()),
        "{:?}",
        shown(&after)
    );
}

#[test]
fn a_large_record_that_changed_is_taken_over_at_once() {
    // Element by element this would take minutes.
    let text = format!("{{\"a\":[{}]}}", vec!["{\"b\":[1]}"; 60_000].join(","));
    let tree = || Tree::new(FlatJson::parse(text.clone()).expect("valid"));
    let mut before = tree();
    before.fold(Fold::Expand);
    before.move_last(10);
    let at = before.cursor();
    let mut after = tree();
    after.take_over(&before);
    assert_eq!((after.cursor(), after.folded), (at, before.folded));
}
