//! The sections of a profile's file.

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};

use super::ProfileError;
use super::expression::{condition, expression, path};
use crate::core::event::{Field, Outcome};
use crate::core::profile::{
    CallFacts, Changes, ColumnKind, HashChain, Keep, Member, Membership, Naming, Origin, Others,
    OutcomeRule, OwnField, Profile, PurgeFacts, Related, Signature, TimeEncoding, TimeRule,
    ValueExpr,
};
use crate::core::strict::{Item, Source, Table};

const KEYS: [&str; 13] = [
    "name",
    "title",
    "key",
    "changes",
    "signature",
    "time",
    "time_also",
    "fields",
    "outcome",
    "own",
    "calls",
    "groups",
    "purge",
];

/// How files spell what `others` of a signature may be.
pub(super) const OTHERS: [(Others, &str); 2] =
    [(Others::Allowed, "allowed"), (Others::None, "none")];

/// How files spell encodings; the zone of `zoneless` is a key of its own.
pub(super) const ENCODINGS: [(TimeEncoding, &str); 6] = [
    (TimeEncoding::Instant, "instant"),
    (TimeEncoding::Zoneless(chrono_tz::Tz::UTC), "zoneless"),
    (TimeEncoding::EpochSeconds, "epoch_seconds"),
    (TimeEncoding::EpochMillis, "epoch_millis"),
    (TimeEncoding::EpochMicros, "epoch_micros"),
    (TimeEncoding::EpochNanos, "epoch_nanos"),
];

/// The whole file.
pub(super) fn profile(
    source: &Source<'_>,
    document: &DeTable<'_>,
    origin: Origin,
) -> Result<Profile, ProfileError> {
    let root = Table::document(source, document, &KEYS)?;
    let name = root.need("name")?.text()?.to_owned();
    let title = match root.get("title") {
        Some(title) => title.text()?.to_owned(),
        None => name.clone(),
    };
    Ok(Profile {
        name,
        title,
        origin,
        signatures: each(&root, "signature", signature)?,
        time: time(&root.need("time")?)?,
        time_also: each(&root, "time_also", time)?,
        key: match root.get("key") {
            Some(key) => key.texts()?,
            None => Vec::new(),
        },
        fields: fields(&root)?,
        outcome: each(&root, "outcome", outcome_rule)?,
        own: each(&root, "own", own)?,
        changes: match root.get("changes") {
            Some(changes) => self::changes(&changes)?,
            None => Changes::Never,
        },
        calls: match root.get("calls") {
            Some(calls) => self::calls(&calls)?,
            None => CallFacts::default(),
        },
        groups: root
            .get("groups")
            .map(|item| membership(&item))
            .transpose()?,
        purge: match root.get("purge") {
            Some(purge) => self::purge(&purge)?,
            None => PurgeFacts::default(),
        },
    })
}

/// Each table of a list of tables; no list, no tables.
fn each<T>(
    table: &Table<'_>,
    key: &str,
    read: impl Fn(&Item<'_>) -> Result<T, ProfileError>,
) -> Result<Vec<T>, ProfileError> {
    match table.get(key) {
        Some(list) => list.list()?.iter().map(read).collect(),
        None => Ok(Vec::new()),
    }
}

fn signature(item: &Item<'_>) -> Result<Signature, ProfileError> {
    let table = item.table(&["columns", "absent", "others"])?;
    let columns = table
        .need("columns")?
        .open_table()?
        .entries()
        .map(|(name, kinds)| Ok((name.to_owned(), column_kinds(&kinds)?)))
        .collect::<Result<BTreeMap<_, _>, ProfileError>>()?;
    Ok(Signature {
        columns,
        absent: match table.get("absent") {
            Some(absent) => absent.texts()?,
            None => Vec::new(),
        },
        others: match table.get("others") {
            Some(others) => others.word(&OTHERS)?,
            None => Others::Allowed,
        },
    })
}

fn column_kinds(item: &Item<'_>) -> Result<Vec<ColumnKind>, ProfileError> {
    if matches!(item.value, DeValue::Array(_)) {
        item.list()?
            .iter()
            .map(|kind| kind.word(&ColumnKind::WORDS))
            .collect()
    } else {
        Ok(vec![item.word(&ColumnKind::WORDS)?])
    }
}

fn time(item: &Item<'_>) -> Result<TimeRule, ProfileError> {
    let table = item.table(&["path", "encoding", "zone"])?;
    let encoding = table.need("encoding")?.word(&ENCODINGS)?;
    let zone = table.get("zone");
    let encoding = match (encoding, zone) {
        (TimeEncoding::Zoneless(utc), zone) => TimeEncoding::Zoneless(match zone {
            Some(zone) => zone.text()?.parse().map_err(|_| {
                zone.fail_with(
                    "this zone is not known",
                    Some("write it like `Europe/Berlin` or `UTC`".to_owned()),
                )
            })?,
            None => utc,
        }),
        (_, Some(zone)) => {
            return Err(zone.fail_with("only the encoding `zoneless` has a zone", None));
        }
        (encoding, None) => encoding,
    };
    Ok(TimeRule {
        path: path(&table.need("path")?)?,
        encoding,
    })
}

fn fields(root: &Table<'_>) -> Result<[ValueExpr; Field::ALL.len()], ProfileError> {
    let mut fields = [const { ValueExpr::Absent }; Field::ALL.len()];
    if let Some(item) = root.get("fields") {
        let table = item.table(&Field::ALL.map(Field::name))?;
        for field in Field::ALL {
            if let Some(value) = table.get(field.name()) {
                fields[field as usize] = expression(&value)?;
            }
        }
    }
    Ok(fields)
}

fn outcome_rule(item: &Item<'_>) -> Result<OutcomeRule, ProfileError> {
    let table = item.table(&["is", "when"])?;
    Ok(OutcomeRule {
        when: condition(&table.need("when")?)?,
        is: table
            .need("is")?
            .word(&Outcome::ALL.map(|outcome| (outcome, outcome.word())))?,
    })
}

fn own(item: &Item<'_>) -> Result<OwnField, ProfileError> {
    let table = item.table(&["name", "about", "value"])?;
    let name = table.need("name")?;
    let text = name.text()?;
    let usable = !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
        && !text.starts_with('-');
    if !usable {
        return Err(name.fail_with(
            format!("`{text}` cannot be typed in a query"),
            Some("use letters, digits, `_` and `-`".to_owned()),
        ));
    }
    if Field::from_name(text).is_some() {
        return Err(name.fail_with(format!("`{text}` is an event field already"), None));
    }
    Ok(OwnField {
        name: text.to_owned(),
        about: match table.get("about") {
            Some(about) => about.text()?.to_owned(),
            None => String::new(),
        },
        expr: expression(&table.need("value")?)?,
    })
}

fn changes(item: &Item<'_>) -> Result<Changes, ProfileError> {
    if matches!(item.value, DeValue::String(_)) {
        return item.word(&[(Changes::Never, "never")]);
    }
    let table = item.table(&["within_seconds"])?;
    Ok(Changes::Within(table.need("within_seconds")?.seconds()?))
}

fn calls(item: &Item<'_>) -> Result<CallFacts, ProfileError> {
    let table = item.table(&["inputs", "outputs"])?;
    let paths = |key| each(&table, key, path);
    Ok(CallFacts {
        inputs: paths("inputs")?,
        outputs: paths("outputs")?,
    })
}

fn membership(item: &Item<'_>) -> Result<Membership, ProfileError> {
    let table = item.table(&["table", "user", "group"])?;
    Ok(Membership {
        table: table.need("table")?.text()?.to_owned(),
        user: member(&table.need("user")?)?,
        group: member(&table.need("group")?)?,
    })
}

/// A column; or a table, where the column has ids.
fn member(item: &Item<'_>) -> Result<Member, ProfileError> {
    if let Ok(column) = item.text() {
        return Ok(Member {
            column: column.to_owned(),
            named: None,
        });
    }
    let table = item.table(&["column", "table", "id", "name"])?;
    let text = |key| Ok::<_, ProfileError>(table.need(key)?.text()?.to_owned());
    Ok(Member {
        column: text("column")?,
        named: Some(Naming {
            table: text("table")?,
            id: text("id")?,
            name: text("name")?,
        }),
    })
}

fn purge(item: &Item<'_>) -> Result<PurgeFacts, ProfileError> {
    let table = item.table(&["refuse", "keep", "related", "chain"])?;
    Ok(PurgeFacts {
        refuse: match table.get("refuse") {
            Some(refuse) => Some(refuse.text()?.to_owned()),
            None => None,
        },
        keep: each(&table, "keep", |item| {
            let keep = item.table(&["because", "when"])?;
            Ok(Keep {
                when: condition(&keep.need("when")?)?,
                because: keep.need("because")?.text()?.to_owned(),
            })
        })?,
        related: each(&table, "related", related)?,
        chain: match table.get("chain") {
            Some(chain) => Some(self::chain(&chain)?),
            None => None,
        },
    })
}

fn chain(item: &Item<'_>) -> Result<HashChain, ProfileError> {
    let table = item.table(&["hash", "previous"])?;
    Ok(HashChain {
        hash: path(&table.need("hash")?)?,
        previous: path(&table.need("previous")?)?,
    })
}

fn related(item: &Item<'_>) -> Result<Related, ProfileError> {
    let table = item.table(&["table", "parent", "columns"])?;
    let columns = table.need("columns")?;
    let pairs = columns
        .open_table()?
        .entries()
        .map(|(name, of)| Ok((name.to_owned(), of.text()?.to_owned())))
        .collect::<Result<BTreeMap<_, _>, ProfileError>>()?;
    if pairs.is_empty() {
        return Err(columns.fail_with("no column says which event a row belongs to", None));
    }
    Ok(Related {
        table: table.need("table")?.text()?.to_owned(),
        parent: match table.get("parent") {
            Some(parent) => Some(parent.text()?.to_owned()),
            None => None,
        },
        columns: pairs,
    })
}
