//! Which profile fits a table: columns and their kinds decide, and the evidence is kept to be
//! printed.

use std::cmp::Reverse;
use std::sync::Arc;

use crate::core::path::Path;
use crate::core::profile::guess::guess;
use crate::core::profile::{ColumnKind, Others, Profile, Signature, TimeEncoding, TimeRule};
use crate::core::record::Column;
use crate::core::sanitise::safe;

/// A table (or collection) as the catalogue of its store describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    /// `schema.table`, `table` or the collection.
    pub name: String,
    /// Its columns in order.
    pub columns: Vec<Column>,
    /// Rows, as the store estimates them.
    pub estimate: Option<u64>,
}

impl Relation {
    /// The column with this name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// A profile tried on a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The table.
    pub relation: Relation,
    /// The profile: a known one, or a guess.
    pub profile: Arc<Profile>,
    /// Known signatures score 100 and more, guesses below 100 by the points of the reference's §G.
    pub score: u32,
    /// Sentences for people: what was found, what was missing.
    pub evidence: Vec<String>,
}

/// What a known signature scores before its columns are counted: more than any guess.
const KNOWN: u32 = 100;

/// The least a guess must score to be offered: a time, and rows that look like something that
/// happened.
const LEAST_GUESS: u32 = 4;

/// Every table that looks like an audit log, best first. Known signatures win over guesses; a table
/// that fits none and scores too low as a guess is left out. Among equals the fuller table is first.
pub fn detect(relations: &[Relation], profiles: &[Arc<Profile>]) -> Vec<Candidate> {
    let mut candidates: Vec<Candidate> = relations
        .iter()
        .filter_map(|relation| known(relation, profiles).or_else(|| guessed(relation)))
        .collect();
    candidates.sort_by(|a, b| {
        let order = |candidate: &Candidate| {
            (
                Reverse(candidate.score),
                Reverse(candidate.relation.estimate.unwrap_or(0)),
            )
        };
        order(a)
            .cmp(&order(b))
            .then_with(|| a.relation.name.cmp(&b.relation.name))
    });
    candidates
}

/// Tables named when none looks like an audit log; a database may have thousands.
const MOST_NAMED: usize = 5;

/// Why none of these was taken, for a store in which [`detect`] finds nothing: the objections of the
/// profile that was asked for, or what a guess misses. A clause a table.
pub fn passed_over(relations: &[Relation], asked: Option<&Arc<Profile>>) -> String {
    if relations.is_empty() {
        return "there is no table that this role may see".to_owned();
    }
    if let Some(profile) = asked.filter(|profile| profile.signatures.is_empty()) {
        return format!("profile {} has no signature", safe(&profile.name));
    }
    let reason = |relation: &Relation| {
        let objection = match asked {
            Some(profile) => fit(profile, relation).err().into_iter().flatten().next(),
            None => guess(relation).err(),
        };
        let little = || format!("{} has too few signs of events", safe(&relation.name));
        objection.unwrap_or_else(little)
    };
    let mut reasons: Vec<String> = relations.iter().take(MOST_NAMED).map(reason).collect();
    let more = relations.len().saturating_sub(MOST_NAMED);
    if more > 0 {
        reasons.push(format!("{more} more fit as little"));
    }
    reasons.join("; ")
}

fn known(relation: &Relation, profiles: &[Arc<Profile>]) -> Option<Candidate> {
    profiles
        .iter()
        .filter_map(|profile| {
            let profile = settled(profile, relation);
            let (columns, evidence) = try_on(&profile, relation).ok()?;
            Some(Candidate {
                relation: relation.clone(),
                profile,
                score: KNOWN + columns,
                evidence,
            })
        })
        // The first of equals: profiles come in the order in which they are to be tried.
        .min_by_key(|candidate| Reverse(candidate.score))
}

fn guessed(relation: &Relation) -> Option<Candidate> {
    let (profile, score, evidence) = guess(relation).ok()?;
    (score >= LEAST_GUESS).then(|| Candidate {
        relation: relation.clone(),
        profile: Arc::new(profile),
        score: score.min(KNOWN - 1),
        evidence,
    })
}

/// The profile with the time this table has: of those its profile knows, an indexed one, else the
/// first.
pub fn settled(profile: &Arc<Profile>, relation: &Relation) -> Arc<Profile> {
    let has = |rule: &TimeRule| {
        let column = relation.column(&dotted(&rule.path))?;
        is_written_as(column.kind, rule.encoding).then_some(column.indexed)
    };
    let rules = || std::iter::once(&profile.time).chain(&profile.time_also);
    let best = rules()
        .find(|rule| has(rule) == Some(true))
        .or_else(|| rules().find(|rule| has(rule).is_some()));
    match best {
        Some(rule) if *rule != profile.time => {
            let mut settled = Profile::clone(profile);
            settled.time = rule.clone();
            Arc::new(settled)
        }
        _ => profile.clone(),
    }
}

/// A path as the columns of documents are named.
fn dotted(path: &Path) -> String {
    path.steps().join(".")
}

fn is_written_as(kind: ColumnKind, encoding: TimeEncoding) -> bool {
    use ColumnKind::{Date, Int, Number, Text, Timestamp, Timestamptz};
    match encoding {
        TimeEncoding::Instant | TimeEncoding::Zoneless(_) => {
            matches!(kind, Timestamptz | Timestamp | Date | Text)
        }
        _ => matches!(kind, Int | Number),
    }
}

/// Tries one profile on one table: evidence for and against.
pub fn fit(profile: &Arc<Profile>, relation: &Relation) -> Result<Vec<String>, Vec<String>> {
    try_on(profile, relation).map(|(_, evidence)| evidence)
}

/// How many columns the best signature names, and the evidence.
fn try_on(profile: &Profile, relation: &Relation) -> Result<(u32, Vec<String>), Vec<String>> {
    let mut against = Vec::new();
    for signature in &profile.signatures {
        let objections = objections(signature, relation);
        if objections.is_empty() {
            let columns = u32::try_from(signature.columns.len()).unwrap_or(u32::MAX - KNOWN);
            return Ok((columns, shown(evidence(profile, signature, relation))));
        }
        against.extend(
            objections
                .into_iter()
                .filter(|objection| !against.contains(objection))
                .collect::<Vec<_>>(),
        );
    }
    if profile.signatures.is_empty() {
        against.push(format!("profile {} has no signature", profile.name));
    }
    Err(shown(against))
}

/// Names of tables and columns come from outside.
pub(super) fn shown(sentences: Vec<String>) -> Vec<String> {
    sentences
        .into_iter()
        .map(|sentence| safe(&sentence).into_owned())
        .collect()
}

fn evidence(profile: &Profile, signature: &Signature, relation: &Relation) -> Vec<String> {
    let columns: Vec<String> = signature
        .columns
        .keys()
        .filter_map(|name| relation.column(name))
        .map(|column| format!("{} {}", column.name, column.type_name))
        .collect();
    let mut evidence = vec![format!(
        "{} has the columns of {}: {}",
        relation.name,
        profile.title,
        columns.join(", ")
    )];
    let time = dotted(&profile.time.path);
    match relation.column(&time) {
        Some(column) if column.indexed => {
            evidence.push(format!("an index starts with its time column {time}"));
        }
        Some(_) => evidence.push(format!(
            "no index starts with its time column {time}: pages will be slow"
        )),
        None => {}
    }
    evidence
}

fn objections(signature: &Signature, relation: &Relation) -> Vec<String> {
    let mut objections = Vec::new();
    for (name, kinds) in &signature.columns {
        match relation.column(name) {
            None => objections.push(format!("{} has no column {name}", relation.name)),
            Some(column) if !kinds.contains(&column.kind) => {
                let words: Vec<_> = kinds.iter().map(|kind: &ColumnKind| kind.word()).collect();
                objections.push(format!(
                    "{}.{name} is {}, not {}",
                    relation.name,
                    column.type_name,
                    words.join(" or ")
                ));
            }
            Some(_) => {}
        }
    }
    for name in &signature.absent {
        if relation.column(name).is_some() {
            objections.push(format!("{} has a column {name}", relation.name));
        }
    }
    if signature.others == Others::None {
        let strangers: Vec<_> = relation
            .columns
            .iter()
            .filter(|column| !signature.columns.contains_key(&column.name))
            .map(|column| column.name.as_str())
            .collect();
        if !strangers.is_empty() {
            objections.push(format!(
                "{} has other columns: {}",
                relation.name,
                strangers.join(", ")
            ));
        }
    }
    objections
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::core::event::Field;
    use crate::core::profile::{Origin, ValueExpr, load};

    /// `system table: name kind[!][*], … -> time | actor | action`: the tables of real products;
    /// `!` is part of the primary key, `*` begins an index.
    const TABLES: &str = include_str!("detect/tables.txt");

    fn relation(line: &str) -> (&str, Relation) {
        let (table, columns) = line.split_once(": ").expect("name: columns");
        let (system, name) = table.split_once(' ').expect("system table");
        (system, table_of(name, columns))
    }

    /// A table from `name kind[!][*], …`.
    pub(in crate::core::profile) fn table_of(name: &str, columns: &str) -> Relation {
        let column = |text: &str| {
            let (name, kind) = text.split_once(' ').expect("name kind");
            let word = kind.trim_end_matches(['!', '*']);
            let kinds = ColumnKind::WORDS.into_iter();
            Column {
                name: name.to_owned(),
                kind: kinds
                    .clone()
                    .find(|(_, known)| *known == word)
                    .expect(word)
                    .0,
                type_name: word.to_owned(),
                indexed: kind.contains('*'),
                key: kind.contains('!'),
            }
        };
        Relation {
            name: name.to_owned(),
            columns: columns.split(", ").map(column).collect(),
            estimate: None,
        }
    }

    /// What a field of a guess reads first; `-` without one.
    fn reads(expr: &ValueExpr) -> String {
        match expr {
            ValueExpr::Path(path) => path.to_string(),
            ValueExpr::First(choices) => choices.first().map_or("-".to_owned(), reads),
            _ => "-".to_owned(),
        }
    }

    #[test]
    fn tables_of_real_products_are_told_apart() {
        let profiles = load::built_in();
        for line in TABLES.lines() {
            let (table, expected) = line.split_once(" -> ").expect("table -> expected");
            let (system, relation) = relation(table);
            // DronaHQ writes through winston, into winston's own tables.
            let system = if system == "winston" {
                "dronahq"
            } else {
                system
            };
            let guessed = match guess(&relation) {
                Ok((profile, _, _)) => format!(
                    "{} | {} | {}",
                    profile.time.path,
                    reads(profile.field(Field::Action)),
                    reads(profile.field(Field::Actor)),
                ),
                Err(why) => {
                    assert!(why.contains(&relation.name), "{why}");
                    "- | - | -".to_owned()
                }
            };
            assert_eq!(guessed, expected, "{table}");
            for found in detect(std::slice::from_ref(&relation), profiles) {
                let known = found.profile.origin == Origin::BuiltIn;
                assert_eq!(known, found.score >= KNOWN);
                assert_eq!(known, found.profile.name == system, "{table}");
                assert!(!found.evidence.is_empty());
            }
            for profile in profiles {
                assert_eq!(
                    fit(profile, &relation).is_ok(),
                    profile.name == system,
                    "{table}"
                );
            }
        }
    }

    #[test]
    fn of_several_tables_the_audit_log_comes_first() {
        let mut relations: Vec<_> = TABLES
            .lines()
            .filter_map(|line| Some(relation(line.split_once(" -> ")?.0)))
            .filter(|(system, _)| matches!(*system, "clutch" | "datagrok"))
            .map(|(_, relation)| relation)
            .collect();
        relations.push(table_of(
            "orders",
            "id int!*, created_at timestamptz*, user_id int, total number",
        ));
        relations.reverse();
        let found = detect(&relations, load::built_in());
        let names: Vec<_> = found
            .iter()
            .map(|found| found.relation.name.as_str())
            .collect();
        assert_eq!(names, ["audit_events", "events"]);
        assert_eq!(found[0].profile.name, "clutch");
    }

    #[test]
    fn what_was_passed_over_is_said_with_the_reason() {
        let table = |name: &str| table_of(name, "id int!*, name text");
        let orders = table_of("orders", "id int!*, created_at timestamptz*, total number");
        assert_eq!(
            passed_over(&[table("users"), orders], None),
            "users has no column that could be the time of an event; \
             orders has too few signs of events"
        );
        let many: Vec<_> = (0..7).map(|number| table(&format!("t{number}"))).collect();
        let told = passed_over(&many, None);
        assert!(
            told.ends_with("; 2 more fit as little") && !told.contains("t5"),
            "{told}"
        );
        let clutch = load::named("clutch").expect("built in");
        let told = passed_over(&many[..1], Some(&clutch));
        assert!(told.starts_with("t0 has no column"), "{told}");
        let mut unsigned = Profile::clone(&clutch);
        unsigned.signatures.clear();
        let told = passed_over(&many, Some(&Arc::new(unsigned)));
        assert_eq!(told, "profile clutch has no signature");
    }

    #[test]
    fn clutch_before_its_third_migration_and_its_look_alikes() {
        let clutch = load::named("clutch").expect("built in");
        let new = "id int!*, occurred_at timestamptz*, details json, sent bool";
        let old = "id int!*, occurred_at timestamptz*, details json";
        let score = |columns: &str| {
            let found = detect(&[table_of("audit_events", columns)], load::built_in());
            found
                .first()
                .map(|found| (found.profile.name.clone(), found.score))
        };
        assert_eq!(score(new), Some(("clutch".to_owned(), 104)));
        assert_eq!(score(old), Some(("clutch".to_owned(), 103)));
        for (columns, why) in [
            (
                format!("{old}, actor text"),
                "audit_events has other columns: actor",
            ),
            (
                new.replace("timestamptz", "timestamp"),
                "audit_events.occurred_at is timestamp, not timestamptz",
            ),
            (
                new.replace("json", "text"),
                "audit_events.details is text, not json",
            ),
            (
                format!("{new}, author_id int"),
                "audit_events has a column author_id",
            ),
            ("id int!*".to_owned(), "audit_events has no column details"),
        ] {
            let against = fit(&clutch, &table_of("audit_events", &columns)).expect_err(&columns);
            assert!(
                against.iter().any(|objection| objection == why),
                "{against:?}"
            );
        }
    }
}
