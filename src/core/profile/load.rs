//! Profiles as TOML: the built-in ones, and files of the user's. A mistake is refused with file,
//! line, key and a suggestion.
//!
//! The format, by example:
//!
//! ```toml
//! name = "shop"                       # for --profile
//! title = "Shop audit"                # for people; optional
//! key = ["id"]                        # optional: the store's primary key otherwise
//! changes = "never"                   # or { within_seconds = 60 }; optional
//!
//! [[signature]]                       # any one is enough; none: only by --profile
//! columns = { id = "int", at = ["timestamptz", "timestamp"] }
//! absent = ["author_id"]              # optional
//! others = "allowed"                  # or "none"; optional
//!
//! [time]
//! path = "at"
//! encoding = "instant"                # or zoneless (zone = "Europe/Berlin"), epoch_seconds, …
//!
//! [[time_also]]                       # optional: where other stores of the kind keep it
//! path = "created"
//! encoding = "epoch_millis"
//!
//! [fields]                            # actor, action, service, kind, resource, status, …
//! actor = "who.name"                  # a path
//! action = { first = ["verb", "type"] }
//! resource = { all = ["target", "others.id"] }
//! session = { template = "{host}-{run}" }
//! kind = { lookup = "op", table = { I = "INSERT", D = "DELETE" } }
//! service = { if = { value = "source", in = ["app"] }, then = "parent" }
//!
//! [[outcome]]                         # the first that holds decides
//! is = "failed"
//! when = { or = [{ has = "error" }, { value = "type", ends_with = "-error" }] }
//! # also { and = […] }, { not = {…} }, { value = "code", in = ["7", "16"] }
//!
//! [[own]]                             # names of your own for queries
//! name = "code"
//! about = "status code"
//! value = "result.code"
//!
//! [calls]                             # what `usage calls` shows; optional
//! inputs = ["request.body"]
//! outputs = ["response.body"]
//!
//! [groups]                            # a table that says who is in which group; optional
//! table = "memberships"               # or schema.name
//! user = "login"                      # a column, spelled as the actor is; in documents a path
//! group = { column = "team", table = "teams", id = "id", name = "title" }   # where it has ids
//!
//! [purge]
//! refuse = "why it is never purged"   # optional
//! [purge.chain]                       # rows chained by hashes: only the oldest go, all of them
//! hash = "hash"
//! previous = "prev_hash"
//! [[purge.keep]]
//! because = "why these rows stay"
//! when = { value = "sent", in = ["false"] }
//! [[purge.related]]                   # rows that belong to an event and go with it
//! table = "parameters"
//! columns = { event_id = "id" }       # its column = its parent's; `parent = "…"` when that is not the event
//! ```

mod expression;
mod print;
mod sections;

use std::sync::{Arc, LazyLock};

use crate::core::profile::{Origin, Profile};
use crate::core::strict;

pub use print::print;

/// A profile that cannot be used, and where it says so.
pub use crate::core::strict::Mistake as ProfileError;

/// The embedded files, in the order in which they are tried.
const FILES: [&str; 2] = [
    include_str!("../../profiles/clutch.toml"),
    include_str!("../../profiles/dronahq.toml"),
];

/// The built-in profiles, in the order in which they are tried.
pub fn built_in() -> &'static [Arc<Profile>] {
    static PROFILES: LazyLock<Vec<Arc<Profile>>> = LazyLock::new(|| {
        FILES
            .iter()
            // A test holds that every one of them is read.
            .filter_map(|text| parse(text, Origin::BuiltIn).ok())
            .map(Arc::new)
            .collect()
    });
    &PROFILES
}

/// The built-in profile with this name.
pub fn named(name: &str) -> Option<Arc<Profile>> {
    built_in()
        .iter()
        .find(|profile| profile.name == name)
        .cloned()
}

/// Reads a profile.
pub fn parse(text: &str, origin: Origin) -> Result<Profile, ProfileError> {
    let file = match &origin {
        Origin::BuiltIn => "built-in profile".to_owned(),
        Origin::File(path) => path.display().to_string(),
        Origin::Guessed => "guessed profile".to_owned(),
    };
    let source = strict::Source::new(file, text);
    let document = toml::de::DeTable::parse(text).map_err(|error| source.broken(&error))?;
    sections::profile(&source, document.get_ref(), origin)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::core::event::{Field, Outcome};
    use crate::core::path::Path;
    use crate::core::profile::{
        CallFacts, Changes, ColumnKind, Condition, HashChain, Keep, Member, Membership, Naming,
        Others, OutcomeRule, OwnField, PurgeFacts, Related, Signature, TemplatePart, TimeEncoding,
        TimeRule, ValueExpr,
    };

    const SMALL: &str = "name = \"x\"\n[time]\npath = \"at\"\nencoding = \"instant\"\n";

    fn refused(text: &str) -> (usize, String, String, String) {
        let path = Origin::File("shop.toml".into());
        let error = parse(text, path).expect_err(text);
        assert_eq!(error.file, "shop.toml");
        (
            error.line,
            error.key,
            error.message,
            error.hint.unwrap_or_default(),
        )
    }

    #[test]
    fn every_built_in_profile_is_read_and_printed_again() {
        assert_eq!(built_in().len(), FILES.len());
        for profile in built_in() {
            let again = parse(&print(profile), Origin::BuiltIn).expect("prints what it reads");
            assert_eq!(**profile, again);
        }
        assert!(named("clutch").is_some());
        assert!(named("crutch").is_none());
    }

    /// What is added to [`SMALL`], the line and key at fault, and parts of message and hint.
    const MISTAKES: &[(&str, usize, &str, &str, &str)] = &[
        (
            "[fields]\nactr = \"a\"\n",
            6,
            "fields.actr",
            "no such key",
            "did you mean `actor`?",
        ),
        (
            "[fields]\nactor = 7\n",
            6,
            "fields.actor",
            "a table is needed, not integer",
            "",
        ),
        (
            "[fields]\nactor = \"a..b\"\n",
            6,
            "fields.actor",
            "not a path",
            "odd key",
        ),
        (
            "[fields]\nactor = { frist = [] }\n",
            6,
            "fields.actor.frist",
            "no such key",
            "`first`",
        ),
        (
            "[fields]\nactor = { first = [], all = [] }\n",
            6,
            "fields.actor.all",
            "exclude",
            "",
        ),
        (
            "[fields]\nactor = { first = [], table = {} }\n",
            6,
            "fields.actor.table",
            "takes no",
            "",
        ),
        (
            "[fields]\nactor = { template = \"{a\" }\n",
            6,
            "fields.actor.template",
            "stands alone",
            "{{",
        ),
        (
            "[fields]\nactor = { lookup = \"a\" }\n",
            6,
            "fields.actor.table",
            "missing",
            "",
        ),
        (
            "[[outcome]]\nis = \"okay\"\nwhen = { has = \"a\" }\n",
            6,
            "outcome.1.is",
            "`okay`",
            "`ok`",
        ),
        (
            "[[outcome]]\nis = \"ok\"\nwhen = { has = \"a\", in = [] }\n",
            7,
            "outcome.1.when",
            "not a condition",
            "has",
        ),
        (
            "[[outcome]]\nis = \"ok\"\n",
            5,
            "outcome.1.when",
            "missing",
            "",
        ),
        (
            "[[own]]\nname = \"a b\"\nvalue = \"c\"\n",
            6,
            "own.1.name",
            "cannot be typed",
            "letters",
        ),
        (
            "[[own]]\nname = \"actor\"\nvalue = \"c\"\n",
            6,
            "own.1.name",
            "event field",
            "",
        ),
        (
            "[[signature]]\ncolumns = { id = \"integer\" }\n",
            6,
            "signature.1.columns.id",
            "`integer`",
            "known: int",
        ),
        (
            "[purge]\nkeep = 1\n",
            6,
            "purge.keep",
            "a list is needed",
            "",
        ),
        ("[fields\n", 5, "[fields", "", ""),
    ];

    #[test]
    fn mistakes_name_line_key_and_a_suggestion() {
        for (extra, line, key, says, hint) in MISTAKES {
            let (at, name, message, suggestion) = refused(&format!("{SMALL}{extra}"));
            assert_eq!((at, name.as_str()), (*line, *key), "{extra}{message}");
            assert!(message.contains(says), "{extra}{message}");
            assert!(suggestion.contains(hint), "{extra}{suggestion}");
        }
        assert_eq!(refused("title = \"no name\"\n").1, "name");
        let zone =
            "name = \"x\"\n[time]\npath = \"at\"\nencoding = \"zoneless\"\nzone = \"Berlin\"\n";
        assert_eq!(refused(zone).0, 5);
    }

    fn paths() -> impl Strategy<Value = Path> {
        prop::collection::vec("[a-z_]{1,4}|[a\"\\\\{}. é]{0,4}", 1..4).prop_map(Path::new)
    }

    fn words() -> impl Strategy<Value = String> {
        "[a-z0-9\"\\\\{}\n\u{7f}é' ]{0,6}"
    }

    /// Literals that stand together are one, and empty ones none, as the file has it.
    fn template(parts: Vec<TemplatePart>) -> ValueExpr {
        let mut merged: Vec<TemplatePart> = Vec::new();
        for part in parts {
            match (merged.last_mut(), part) {
                (_, TemplatePart::Literal(text)) if text.is_empty() => {}
                (Some(TemplatePart::Literal(before)), TemplatePart::Literal(text)) => {
                    before.push_str(&text);
                }
                (_, part) => merged.push(part),
            }
        }
        ValueExpr::Template(merged)
    }

    fn expressions() -> impl Strategy<Value = ValueExpr> {
        let leaf = prop_oneof![
            4 => paths().prop_map(ValueExpr::Path),
            1 => Just(ValueExpr::Absent),
        ];
        leaf.prop_recursive(3, 12, 3, |inner| {
            let part = prop_oneof![
                words().prop_map(TemplatePart::Literal),
                inner.clone().prop_map(TemplatePart::Value),
            ];
            let table = prop::collection::btree_map(words(), words(), 0..3);
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(ValueExpr::First),
                prop::collection::vec(inner.clone(), 0..3).prop_map(ValueExpr::All),
                prop::collection::vec(part, 0..4).prop_map(template),
                (inner.clone(), table).prop_map(|(of, table)| ValueExpr::Lookup {
                    of: Box::new(of),
                    table,
                }),
                (paths(), inner).prop_map(|(path, then)| ValueExpr::When {
                    holds: Box::new(Condition::Has(path)),
                    then: Box::new(then),
                }),
            ]
        })
    }

    fn conditions() -> impl Strategy<Value = Condition> {
        let leaf = prop_oneof![
            paths().prop_map(Condition::Has),
            (expressions(), prop::collection::vec(words(), 0..3))
                .prop_map(|(of, words)| Condition::In(of, words)),
            (expressions(), words()).prop_map(|(of, end)| Condition::EndsWith(of, end)),
        ];
        leaf.prop_recursive(2, 6, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Condition::And),
                prop::collection::vec(inner.clone(), 0..3).prop_map(Condition::Or),
                inner.prop_map(|part| Condition::Not(Box::new(part))),
            ]
        })
    }

    fn signatures() -> impl Strategy<Value = Signature> {
        let kind = prop::sample::select(ColumnKind::WORDS.map(|(kind, _)| kind).to_vec());
        let others = prop::sample::select(vec![Others::Allowed, Others::None]);
        let kinds = prop::collection::vec(kind, 0..3);
        (
            prop::collection::btree_map(words(), kinds, 0..3),
            prop::collection::vec(words(), 0..2),
            others,
        )
            .prop_map(|(columns, absent, others)| Signature {
                columns,
                absent,
                others,
            })
    }

    fn encodings() -> impl Strategy<Value = TimeEncoding> {
        prop::sample::select(vec![
            TimeEncoding::Instant,
            TimeEncoding::Zoneless(chrono_tz::Tz::UTC),
            TimeEncoding::Zoneless(chrono_tz::Tz::Europe__Berlin),
            TimeEncoding::EpochSeconds,
            TimeEncoding::EpochMillis,
            TimeEncoding::EpochMicros,
            TimeEncoding::EpochNanos,
        ])
    }

    prop_compose! {
        fn related()(
            (table, parent) in (words(), prop::option::of(words())),
            columns in prop::collection::btree_map(words(), words(), 1..3),
        ) -> Related {
            Related { table, parent, columns }
        }
    }

    fn members() -> impl Strategy<Value = Member> {
        let naming =
            (words(), words(), words()).prop_map(|(table, id, name)| Naming { table, id, name });
        (words(), prop::option::of(naming)).prop_map(|(column, named)| Member { column, named })
    }

    prop_compose! {
        fn profiles()(
            (name, title, key) in (words(), words(), prop::collection::vec(words(), 0..3)),
            signatures in prop::collection::vec(signatures(), 0..3),
            (path, encoding) in (paths(), encodings()),
            fields in prop::collection::vec(expressions(), Field::ALL.len()),
            outcome in prop::collection::vec(
                (conditions(), prop::sample::select(Outcome::ALL.to_vec())), 0..3),
            own in prop::collection::btree_map("[a-z]{6}", (words(), expressions()), 0..3),
            changes in prop::option::of(any::<u32>()),
            refuse in prop::option::of(words()),
            keep in prop::collection::vec((conditions(), words()), 0..2),
            related in prop::collection::vec(related(), 0..3),
            chain in prop::option::of((paths(), paths())),
            (inputs, outputs) in (
                prop::collection::vec(paths(), 0..3), prop::collection::vec(paths(), 0..3)),
            groups in prop::option::of((words(), members(), members()).prop_map(|(table, user, group)| {
                Membership { table, user, group }
            })),
        ) -> Profile {
            Profile {
                name, title, origin: Origin::Guessed, signatures, key,
                time_also: vec![TimeRule { path: path.clone(), encoding }],
                time: TimeRule { path, encoding },
                fields: fields.try_into().expect("as many as there are fields"),
                outcome: outcome.into_iter().map(|(when, is)| OutcomeRule { when, is }).collect(),
                own: own.into_iter()
                    .filter(|(name, _)| Field::from_name(name).is_none())
                    .map(|(name, (about, expr))| OwnField { name, about, expr })
                    .collect(),
                changes: changes.map_or(Changes::Never, Changes::Within),
                calls: CallFacts { inputs, outputs },
                groups,
                purge: PurgeFacts {
                    refuse,
                    keep: keep.into_iter().map(|(when, because)| Keep { when, because }).collect(),
                    related,
                    chain: chain.map(|(hash, previous)| HashChain { hash, previous }),
                },
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(profile in profiles()) {
            let text = print(&profile);
            let again = parse(&text, Origin::Guessed);
            prop_assert_eq!(again.as_ref(), Ok(&profile), "{}", text);
        }
    }

    #[test]
    fn the_format_in_the_documentation_is_the_format() {
        let text = "name = \"x\"\n[time]\npath = \"at\"\nencoding = \"instant\"\n[fields]\n\
            action = { first = [\"verb\", \"type\"] }\nsession = { template = \"{h}-{{{r}}}\" }\n\
            kind = { lookup = \"op\", table = { I = \"INSERT\" } }\n";
        let profile = parse(text, Origin::Guessed).expect("valid");
        let path = |step: &str| ValueExpr::Path(Path::new([step]));
        assert_eq!(
            *profile.field(Field::Action),
            ValueExpr::First(vec![path("verb"), path("type")])
        );
        assert_eq!(
            *profile.field(Field::Session),
            ValueExpr::Template(vec![
                TemplatePart::Value(path("h")),
                TemplatePart::Literal("-{".to_owned()),
                TemplatePart::Value(path("r")),
                TemplatePart::Literal("}".to_owned()),
            ])
        );
        assert_eq!(
            *profile.field(Field::Kind),
            ValueExpr::Lookup {
                of: Box::new(path("op")),
                table: BTreeMap::from([("I".to_owned(), "INSERT".to_owned())]),
            }
        );
    }
}
