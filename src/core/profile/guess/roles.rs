//! Which column of an unknown table plays which part in an event.

use super::vocabulary::{self, plain};
use crate::core::event::{Field, Outcome};
use crate::core::path::Path;
use crate::core::profile::detect::Relation;
use crate::core::profile::{
    CallFacts, ColumnKind, Condition, OutcomeRule, TemplatePart, ValueExpr,
};
use crate::core::record::Column;

/// How many columns stand in for one another, at most: a readable name, and a key for the rows
/// that lack it.
const ALTERNATIVES: usize = 2;

/// A table's columns by the words they are known by, without its time.
pub(super) struct Roles<'r> {
    columns: Vec<(String, &'r Column)>,
    action: Vec<&'r Column>,
}

impl<'r> Roles<'r> {
    pub(super) fn of(relation: &'r Relation, time: &Column) -> Self {
        let columns: Vec<_> = relation
            .columns
            .iter()
            .filter(|column| column.name != time.name)
            .map(|column| (plain(&column.name), column))
            .collect();
        let mut roles = Self {
            columns,
            action: Vec::new(),
        };
        // One column only: what a second word means depends on the first.
        roles.action = roles.find(vocabulary::ACTION, 1);
        roles
    }

    /// The columns known by these words, in the order of the words.
    fn find(&self, words: &[&str], most: usize) -> Vec<&'r Column> {
        words
            .iter()
            .filter_map(|word| self.named(word))
            .filter(|column| column.kind != ColumnKind::Bytes)
            .take(most)
            .collect()
    }

    fn named(&self, word: &str) -> Option<&'r Column> {
        self.columns
            .iter()
            .find(|(name, _)| name == word)
            .map(|(_, column)| *column)
    }

    /// The names of the columns that play a field's part.
    pub(super) fn columns(&self, field: Field) -> Vec<&'r str> {
        self.playing(field)
            .into_iter()
            .map(|column| column.name.as_str())
            .collect()
    }

    fn playing(&self, field: Field) -> Vec<&'r Column> {
        match field {
            Field::Actor => self.find(vocabulary::ACTOR, ALTERNATIVES),
            Field::Action => self.action.clone(),
            Field::Service => self.find(vocabulary::SERVICE, 1),
            Field::Kind => {
                let mut kinds = self.find(vocabulary::KIND, usize::MAX);
                kinds.retain(|kind| !self.action.iter().any(|action| action.name == kind.name));
                kinds.truncate(1);
                kinds
            }
            Field::Resource => self.find(vocabulary::RESOURCE, 1),
            Field::Status => self.find(vocabulary::STATUS, 1),
            Field::Session => self.find(vocabulary::SESSION, 1),
            Field::Origin => self.find(vocabulary::ORIGIN, 1),
            Field::Duration => {
                let mut found = self.find(vocabulary::DURATION, 1);
                found.retain(|c| matches!(c.kind, ColumnKind::Int | ColumnKind::Number));
                found
            }
        }
    }

    /// The name of a column that holds more than a plain value.
    pub(super) fn payload(&self) -> Option<&'r str> {
        self.columns
            .iter()
            .find(|(name, column)| {
                column.kind == ColumnKind::Json || vocabulary::PAYLOAD.contains(&name.as_str())
            })
            .map(|(_, column)| column.name.as_str())
    }

    /// The expression of a field.
    pub(super) fn field(&self, field: Field) -> ValueExpr {
        let mut choices = Vec::new();
        if field == Field::Resource {
            choices.extend(self.resource_pair());
        }
        for column in self.playing(field) {
            choices.extend(readable(column, field));
        }
        match choices.len() {
            0 => ValueExpr::Absent,
            1 => choices.remove(0),
            _ => ValueExpr::First(choices),
        }
    }

    fn resource_pair(&self) -> Option<ValueExpr> {
        let (kind, key) = vocabulary::RESOURCE_PAIRS
            .iter()
            .find_map(|(kind, key)| Some((self.named(kind)?, self.named(key)?)))?;
        Some(ValueExpr::Template(vec![
            TemplatePart::Value(column_path(kind)),
            TemplatePart::Literal("/".to_owned()),
            TemplatePart::Value(column_path(key)),
        ]))
    }

    /// Columns with what was asked and what was answered.
    pub(super) fn calls(&self) -> CallFacts {
        let paths = |words| {
            let found = self.find(words, 1).into_iter();
            found
                .map(|column| Path::new([column.name.as_str()]))
                .collect()
        };
        CallFacts {
            inputs: paths(vocabulary::INPUTS),
            outputs: paths(vocabulary::OUTPUTS),
        }
    }

    /// Rules from an outcome column, an error column, or a level.
    pub(super) fn outcome_rules(&self) -> Vec<OutcomeRule> {
        let mut rules = Vec::new();
        for column in self.find(vocabulary::OUTCOME, 1) {
            rules.extend(word_rules(column));
        }
        for column in self.find(vocabulary::ERROR, 1) {
            rules.push(OutcomeRule {
                when: Condition::Has(Path::new([column.name.as_str()])),
                is: Outcome::Failed,
            });
        }
        if rules.is_empty() {
            for column in self.find(&["level", "lvl", "severity"], 1) {
                rules.push(rule(column, vocabulary::FAILED_WORDS, Outcome::Failed));
            }
        }
        rules
    }
}

fn column_path(column: &Column) -> ValueExpr {
    ValueExpr::Path(Path::new([column.name.as_str()]))
}

/// A person in a JSON column goes by one of a few keys; other JSON columns are no names.
fn readable(column: &Column, field: Field) -> Option<ValueExpr> {
    match (column.kind, field) {
        (ColumnKind::Json, Field::Actor) => Some(ValueExpr::First(
            ["username", "email", "name", "id"]
                .map(|key| ValueExpr::Path(Path::new([column.name.as_str(), key])))
                .into(),
        )),
        (ColumnKind::Json, _) => None,
        _ => Some(column_path(column)),
    }
}

fn word_rules(column: &Column) -> Vec<OutcomeRule> {
    if column.kind == ColumnKind::Bool {
        let no = match plain(&column.name).as_str() {
            "allowed" | "authorized" | "decision" => Outcome::Denied,
            _ => Outcome::Failed,
        };
        return vec![
            rule(column, &["true"], Outcome::Ok),
            rule(column, &["false"], no),
        ];
    }
    if !matches!(column.kind, ColumnKind::Text | ColumnKind::Other) {
        return Vec::new();
    }
    vec![
        rule(column, vocabulary::PENDING_WORDS, Outcome::Pending),
        rule(column, vocabulary::DENIED_WORDS, Outcome::Denied),
        rule(column, vocabulary::FAILED_WORDS, Outcome::Failed),
        rule(column, vocabulary::OK_WORDS, Outcome::Ok),
    ]
}

/// The words as stores spell them: small, capital first, all capitals.
fn rule(column: &Column, words: &[&str], is: Outcome) -> OutcomeRule {
    let spelt = words.iter().flat_map(|word| {
        let capital = word[..1].to_uppercase() + &word[1..];
        [(*word).to_owned(), capital, word.to_uppercase()]
    });
    let words = if column.kind == ColumnKind::Bool {
        words.iter().map(|word| (*word).to_owned()).collect()
    } else {
        spelt.collect()
    };
    OutcomeRule {
        when: Condition::In(column_path(column), words),
        is,
    }
}
