//! Conditions as a tree whose leaves are SQL, so that NOT can be pushed down to what is known
//! exactly and the rest becomes wider instead of wrong.

use crate::store::Exactness;

/// A condition on a row `t`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tree {
    /// Every row.
    True,
    /// No row.
    False,
    /// SQL cannot tell; the row has to be looked at by `matches`.
    Unknown,
    /// SQL that holds for exactly the rows meant; NULL counts as false.
    Leaf(String, Reach),
    /// A condition and its complement, where the complement has a better form than NOT.
    Pair(Box<Tree>, Box<Tree>),
    /// SQL that holds for the rows meant and perhaps for others.
    Wider(String),
    /// All of them.
    And(Vec<Tree>),
    /// Any of them.
    Or(Vec<Tree>),
    /// Not it.
    Not(Box<Tree>),
}

/// How the server can find the rows of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// All rows of a time range: the order by time is all there is to walk.
    Everything,
    /// An index leads to them.
    Indexed,
    /// Rows have to be looked at one by one.
    Scanned,
}

/// A predicate as a condition on rows `t`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The condition; `TRUE` when the server cannot help.
    pub sql: String,
    /// Whether it is the predicate, or wider.
    pub exactness: Exactness,
    /// How the server can find the rows.
    pub reach: Reach,
}

impl Tree {
    /// A leaf that has to be checked row by row.
    pub fn scan(sql: String) -> Self {
        Self::Leaf(sql, Reach::Scanned)
    }

    /// The tree as SQL.
    pub fn condition(&self) -> Condition {
        self.render(Side::Yes)
    }

    fn render(&self, side: Side) -> Condition {
        let all = |sql: &str, exactness, reach| Condition {
            sql: sql.to_owned(),
            exactness,
            reach,
        };
        match (self, side) {
            (Self::True, Side::Yes) | (Self::False, Side::No) => {
                all("TRUE", Exactness::Exact, Reach::Everything)
            }
            (Self::True, Side::No) | (Self::False, Side::Yes) => {
                all("FALSE", Exactness::Exact, Reach::Indexed)
            }
            (Self::Unknown, _) | (Self::Wider(_), Side::No) => {
                all("TRUE", Exactness::Superset, Reach::Scanned)
            }
            (Self::Wider(sql), Side::Yes) => all(sql, Exactness::Superset, Reach::Scanned),
            (Self::Leaf(sql, reach), Side::Yes) => all(sql, Exactness::Exact, *reach),
            (Self::Leaf(sql, _), Side::No) => all(
                &format!("({sql}) IS NOT TRUE"),
                Exactness::Exact,
                Reach::Scanned,
            ),
            (Self::Not(tree), side) => tree.render(side.other()),
            (Self::Pair(tree, _), Side::Yes) | (Self::Pair(_, tree), Side::No) => {
                tree.render(Side::Yes)
            }
            (Self::And(trees), Side::Yes) | (Self::Or(trees), Side::No) => {
                conjunction(trees.iter().map(|tree| tree.render(side)))
            }
            (Self::Or(trees), Side::Yes) | (Self::And(trees), Side::No) => {
                disjunction(trees.iter().map(|tree| tree.render(side)))
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Side {
    Yes,
    No,
}

impl Side {
    fn other(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
        }
    }
}

fn worst(parts: &[Condition]) -> Exactness {
    if parts.iter().all(|part| part.exactness == Exactness::Exact) {
        Exactness::Exact
    } else {
        Exactness::Superset
    }
}

fn joined(parts: &[Condition], neutral: &str, word: &str) -> String {
    let mut texts: Vec<&str> = Vec::new();
    for part in parts {
        if part.sql != neutral && !texts.contains(&part.sql.as_str()) {
            texts.push(&part.sql);
        }
    }
    match texts.as_slice() {
        [] => neutral.to_owned(),
        [one] => (*one).to_owned(),
        many => {
            let bracketed: Vec<String> = many.iter().map(|text| format!("({text})")).collect();
            bracketed.join(word)
        }
    }
}

fn conjunction(parts: impl Iterator<Item = Condition>) -> Condition {
    let parts: Vec<Condition> = parts.collect();
    if let Some(never) = parts.iter().find(|part| part.sql == "FALSE") {
        return never.clone();
    }
    let has = |reach| parts.iter().any(|part| part.reach == reach);
    let reach = if has(Reach::Indexed) {
        Reach::Indexed
    } else if has(Reach::Scanned) {
        Reach::Scanned
    } else {
        Reach::Everything
    };
    Condition {
        sql: joined(&parts, "TRUE", " AND "),
        exactness: worst(&parts),
        reach,
    }
}

fn disjunction(parts: impl Iterator<Item = Condition>) -> Condition {
    let parts: Vec<Condition> = parts.collect();
    let is_all = |part: &&Condition| part.sql == "TRUE";
    if let Some(all) = parts
        .iter()
        .find(|part| is_all(part) && part.exactness == Exactness::Exact)
    {
        return all.clone();
    }
    if let Some(unknown) = parts.iter().find(is_all) {
        return unknown.clone();
    }
    let reach = if parts.iter().all(|part| part.reach == Reach::Indexed) {
        Reach::Indexed
    } else {
        Reach::Scanned
    };
    Condition {
        sql: joined(&parts, "FALSE", " OR "),
        exactness: worst(&parts),
        reach,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(sql: &str) -> Tree {
        Tree::scan(sql.to_owned())
    }

    #[test]
    fn what_is_unknown_widens_on_both_sides_of_not() {
        let tree = Tree::And(vec![leaf("a"), Tree::Unknown]);
        let condition = tree.condition();
        assert_eq!(
            (condition.sql.as_str(), condition.exactness),
            ("a", Exactness::Superset)
        );
        let condition = Tree::Not(Box::new(tree)).condition();
        assert_eq!(
            (condition.sql.as_str(), condition.exactness),
            ("TRUE", Exactness::Superset)
        );
        let tree = Tree::Not(Box::new(Tree::Or(vec![leaf("a"), Tree::Unknown])));
        let condition = tree.condition();
        assert_eq!(condition.sql, "(a) IS NOT TRUE");
        assert_eq!(condition.exactness, Exactness::Superset);
    }

    #[test]
    fn constants_fold() {
        assert_eq!(Tree::And(vec![leaf("a"), Tree::True]).condition().sql, "a");
        assert_eq!(
            Tree::And(vec![leaf("a"), Tree::False]).condition().sql,
            "FALSE"
        );
        assert_eq!(Tree::Or(vec![leaf("a"), Tree::False]).condition().sql, "a");
        assert_eq!(Tree::Or(vec![]).condition().sql, "FALSE");
        let both = Tree::Or(vec![leaf("a"), leaf("b")]).condition();
        assert_eq!(both.sql, "(a) OR (b)");
    }
}
