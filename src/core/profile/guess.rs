//! A generic profile from column names and kinds, for tables no profile knows.
//!
//! Looks at names and kinds only: the unit of a numeric time can be told from values alone, so
//! drivers refine it with [`epoch_unit_of`] and a sample.

mod roles;
mod vocabulary;

use crate::core::event::Field;
use crate::core::path::Path;
use crate::core::profile::detect::{Relation, shown};
use crate::core::profile::{
    Changes, ColumnKind, HashChain, Origin, Profile, PurgeFacts, TimeEncoding, TimeRule,
};
use crate::core::record::Column;
use crate::core::sanitise::safe;
use crate::core::scalar::compare_numbers;
use roles::Roles;
use vocabulary::plain;

/// A guessed profile, its score (reference §G) and why; `Err` says what is missing, e.g. that there
/// is no column that could be a time.
pub fn guess(relation: &Relation) -> Result<(Profile, u32, Vec<String>), String> {
    let time = time_column(relation).ok_or_else(|| {
        format!(
            "{} has no column that could be the time of an event",
            safe(&relation.name)
        )
    })?;
    let roles = Roles::of(relation, time);
    let (score, evidence) = score(relation, time, &roles);
    let profile = Profile {
        name: "guessed".to_owned(),
        title: format!("guess from the columns of {}", relation.name),
        origin: Origin::Guessed,
        signatures: Vec::new(),
        time: TimeRule {
            path: Path::new([time.name.as_str()]),
            encoding: encoding(time.kind),
        },
        time_also: Vec::new(),
        groups: None,
        key: Vec::new(),
        fields: Field::ALL.map(|field| roles.field(field)),
        outcome: roles.outcome_rules(),
        own: Vec::new(),
        changes: changes(relation),
        calls: roles.calls(),
        purge: purge_facts(relation),
    };
    Ok((profile, score, shown(evidence)))
}

/// Below what is offered: orders and users have times and people too.
const NO_SIGN_OF_EVENTS: u32 = 3;

/// The points of the reference's §G: a table's name 2, a time 3 where it is indexed and 1 where it
/// is not, an action 2, an actor 2, a payload 1.
fn score(relation: &Relation, time: &Column, roles: &Roles<'_>) -> (u32, Vec<String>) {
    let mut score = 0;
    let mut evidence = Vec::new();
    let table = relation.name.rsplit('.').next().unwrap_or_default();
    let table = plain(table);
    let word = vocabulary::TABLE.iter().find(|word| table.contains(**word));
    let named = word.is_some();
    if let Some(word) = word {
        score += 2;
        evidence.push(format!("the table's name has `{word}` in it (+2)"));
    }
    let (points, why) = if time.indexed || time.key {
        (3, "indexed")
    } else {
        (1, "no index starts with it")
    };
    score += points;
    evidence.push(format!(
        "the time of an event may be {} ({}; {why}) (+{points})",
        time.name, time.type_name
    ));
    let signs = [
        ("what was done", 2, roles.columns(Field::Action)),
        ("who did it", 2, roles.columns(Field::Actor)),
        ("the payload", 1, roles.payload().into_iter().collect()),
    ];
    for (what, points, columns) in signs {
        if columns.is_empty() {
            evidence.push(format!("no column looks like {what}"));
        } else {
            score += points;
            evidence.push(format!("{what} may be {} (+{points})", columns.join(", ")));
        }
    }
    if !named && roles.columns(Field::Action).is_empty() {
        score = score.min(NO_SIGN_OF_EVENTS);
        evidence.push(format!(
            "nothing says that a row is something that happened (at most {NO_SIGN_OF_EVENTS})"
        ));
    }
    (score, evidence)
}

/// The likeliest time column: a telling name first, then an instant type, then an index.
fn time_column(relation: &Relation) -> Option<&Column> {
    relation
        .columns
        .iter()
        .filter_map(|column| Some((time_points(column)?, column)))
        // Among equals the first column wins, so later ones must be strictly better.
        .reduce(|best, next| if next.0 > best.0 { next } else { best })
        .map(|(_, column)| column)
}

fn time_points(column: &Column) -> Option<usize> {
    use ColumnKind::{Date, Int, Number, Text, Timestamp, Timestamptz};
    let name = plain(&column.name);
    if vocabulary::NOT_TIME.contains(&name.as_str()) {
        return None;
    }
    let place = vocabulary::TIME.iter().position(|word| *word == name);
    let kind = match (column.kind, place) {
        (Timestamptz, _) => 30,
        (Timestamp, _) => 25,
        (Int | Number, Some(_)) => 15,
        (Text, Some(_)) => 10,
        (Date, _) => 5,
        _ => return None,
    };
    let telling = place.map_or(0, |place| 60 - place);
    let indexed = if column.indexed || column.key { 20 } else { 0 };
    Some(kind + telling + indexed)
}

fn encoding(kind: ColumnKind) -> TimeEncoding {
    match kind {
        ColumnKind::Timestamp | ColumnKind::Date => TimeEncoding::Zoneless(chrono_tz::Tz::UTC),
        // What real stores have: whole milliseconds, fractional seconds.
        ColumnKind::Int => TimeEncoding::EpochMillis,
        ColumnKind::Number => TimeEncoding::EpochSeconds,
        _ => TimeEncoding::Instant,
    }
}

/// The unit of a number since the epoch: below 1e11 seconds, then milliseconds below 1e14,
/// microseconds below 1e17, nanoseconds above. `None` for what is not a number, and for numbers
/// below 1e8 (before 1973 in any unit), which are more likely something else.
pub fn epoch_unit_of(sample: &str) -> Option<TimeEncoding> {
    let below = |limit: &str| compare_numbers(sample, limit).map(std::cmp::Ordering::is_lt);
    Some(if below("1e8")? {
        return None;
    } else if below("1e11")? {
        TimeEncoding::EpochSeconds
    } else if below("1e14")? {
        TimeEncoding::EpochMillis
    } else if below("1e17")? {
        TimeEncoding::EpochMicros
    } else {
        TimeEncoding::EpochNanos
    })
}

/// A table that notes when a row was last changed does change rows.
fn changes(relation: &Relation) -> Changes {
    const A_MINUTE: u32 = 60;
    let updated = [
        "updatedat",
        "updateat",
        "modifiedat",
        "modified",
        "dateupdated",
    ];
    let notes = relation
        .columns
        .iter()
        .any(|column| updated.contains(&plain(&column.name).as_str()));
    if notes {
        Changes::Within(A_MINUTE)
    } else {
        Changes::Never
    }
}

fn purge_facts(relation: &Relation) -> PurgeFacts {
    let one_of = |words: &[&str]| {
        let columns = relation.columns.iter();
        let mut found = columns.filter(|column| words.contains(&plain(&column.name).as_str()));
        found.next().filter(|_| found.next().is_none())
    };
    let chained = relation
        .columns
        .iter()
        .find(|column| vocabulary::CHAIN.contains(&plain(&column.name).as_str()));
    let chain = match (one_of(vocabulary::CHAIN), one_of(vocabulary::OWN_HASH)) {
        (Some(previous), Some(hash)) => Some(HashChain {
            hash: Path::new([hash.name.as_str()]),
            previous: Path::new([previous.name.as_str()]),
        }),
        _ => None,
    };
    PurgeFacts {
        refuse: chained.filter(|_| chain.is_none()).map(|column| {
            format!(
                "its rows are chained by {}, and which column holds a row's own hash is not known",
                column.name
            )
        }),
        keep: Vec::new(),
        related: Vec::new(),
        chain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::event::Outcome;
    use crate::core::instant::{At, Micros};
    use crate::core::json::FlatJson;
    use crate::core::profile::detect::tests::table_of;
    use crate::core::profile::evaluate::{Evaluated, evaluate};
    use crate::core::profile::{Condition, load};

    fn read(columns: &str, record: &str) -> Evaluated {
        let (profile, _, _) = guess(&table_of("log", columns)).expect("a time");
        evaluate(
            &profile,
            &FlatJson::parse(record.to_owned()).expect("valid"),
        )
    }

    fn texts(event: &Evaluated, field: Field) -> Vec<String> {
        let values = event.values.all(field);
        values.map(|value| value.text().to_owned()).collect()
    }

    #[test]
    fn a_guess_reads_every_field() {
        let columns = "id int!*, ts timestamp*, userName text, userId int, action text, \
            service text, level text, entity_type text, entity_id int, outcome text, \
            error_message text, request_id text, ip other, duration_ms int, details json";
        let event = read(
            columns,
            r#"{"id":1,"ts":"2026-01-02T03:04:05","userName":null,"userId":7,"action":"login",
            "service":"web","level":"info","entity_type":"page","entity_id":9,"outcome":"Denied",
            "error_message":"no such user","request_id":"r1","ip":"10.0.0.1","duration_ms":12}"#,
        );
        assert_eq!(event.at, At::Instant(Micros(1_767_323_045_000_000)));
        assert_eq!(event.outcome, Some(Outcome::Denied));
        for (field, text) in [
            (Field::Actor, "7"),
            (Field::Action, "login"),
            (Field::Service, "web"),
            (Field::Kind, "info"),
            (Field::Resource, "page/9"),
            (Field::Status, "no such user"),
            (Field::Session, "r1"),
            (Field::Origin, "10.0.0.1"),
            (Field::Duration, "12"),
        ] {
            assert_eq!(texts(&event, field), [text], "{field:?}");
        }
    }

    #[test]
    fn an_outcome_is_guessed_from_words_flags_errors_and_levels_but_never_made_up() {
        let cases = [
            (
                "ts timestamptz, op_result bool",
                r#"{"op_result":true}"#,
                Some(Outcome::Ok),
            ),
            (
                "ts timestamptz, op_result bool",
                r#"{"op_result":false}"#,
                Some(Outcome::Failed),
            ),
            (
                "ts timestamptz, allowed bool",
                r#"{"allowed":false}"#,
                Some(Outcome::Denied),
            ),
            (
                "ts timestamptz, result text",
                r#"{"result":"SUCCESS"}"#,
                Some(Outcome::Ok),
            ),
            ("ts timestamptz, result text", r#"{"result":"fine"}"#, None),
            (
                "ts timestamptz, error text",
                r#"{"error":"boom"}"#,
                Some(Outcome::Failed),
            ),
            ("ts timestamptz, error text", r#"{"error":null}"#, None),
            (
                "ts timestamptz, level text",
                r#"{"level":"error"}"#,
                Some(Outcome::Failed),
            ),
            ("ts timestamptz, level text", r#"{"level":"info"}"#, None),
            ("ts timestamptz, action text", r#"{"action":"login"}"#, None),
        ];
        for (columns, record, outcome) in cases {
            assert_eq!(read(columns, record).outcome, outcome, "{columns} {record}");
        }
    }

    #[test]
    fn a_guess_can_be_saved_and_read_back() {
        let table = "id int!*, createdAt timestamptz, updatedAt timestamptz, user json, \
            event text, scope text, item_id int, status text, prev_hash text";
        let (profile, _, _) = guess(&table_of("s.audit_log", table)).expect("a time");
        assert_eq!(profile.changes, Changes::Within(60));
        assert!(
            profile
                .purge
                .refuse
                .as_ref()
                .is_some_and(|why| why.contains("prev_hash"))
        );
        assert!(matches!(profile.outcome[0].when, Condition::In(..)));
        let again = load::parse(&load::print(&profile), Origin::Guessed).expect("valid");
        assert_eq!(again, profile);
    }

    #[test]
    fn a_sample_tells_the_unit_of_a_time() {
        for (sample, encoding) in [
            ("1767225600.412", Some(TimeEncoding::EpochSeconds)),
            ("1767225600123", Some(TimeEncoding::EpochMillis)),
            ("1767225600123456", Some(TimeEncoding::EpochMicros)),
            ("1767225600123456789", Some(TimeEncoding::EpochNanos)),
            ("7", None),
            ("soon", None),
        ] {
            assert_eq!(epoch_unit_of(sample), encoding, "{sample}");
        }
    }

    #[test]
    fn a_table_without_a_time_says_so() {
        let why = guess(&table_of("users", "id int!*, name text")).expect_err("no time");
        assert_eq!(
            why,
            "users has no column that could be the time of an event"
        );
    }
}
