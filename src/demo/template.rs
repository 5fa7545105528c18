//! Texts with `<words>` to be filled in: bodies, ids and messages of the demo's material.

use serde::{Deserialize, Deserializer, de::Error as _};

/// A text taken apart at its words.
#[derive(Debug)]
pub(super) struct Template(pub(super) Vec<Part>);

#[derive(Debug)]
pub(super) enum Part {
    Text(String),
    Word(Word),
}

/// What can be filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Cluster,
    Namespace,
    App,
    Region,
    Table,
    Stream,
    Group,
    Reason,
    /// `app-5d9c7b6f4-x2x9k`
    Pod,
    /// `i-0a1b2c3d4e5f67890`
    Instance,
    /// `10.…`
    Ip,
    /// Eight hexadecimal digits.
    Hex,
    /// `v2026.3.14`
    Version,
    /// 0 to 3.
    Small,
    /// 2 to 12.
    Few,
    /// 15 to 400.
    Many,
    /// 5, 10 … 50.
    Percent,
    /// An array of pods.
    Pods,
}

/// How the material spells them.
const WORDS: [(Word, &str); 18] = [
    (Word::Cluster, "cluster"),
    (Word::Namespace, "namespace"),
    (Word::App, "app"),
    (Word::Region, "region"),
    (Word::Table, "table"),
    (Word::Stream, "stream"),
    (Word::Group, "group"),
    (Word::Reason, "reason"),
    (Word::Pod, "pod"),
    (Word::Instance, "instance"),
    (Word::Ip, "ip"),
    (Word::Hex, "hex"),
    (Word::Version, "version"),
    (Word::Small, "small"),
    (Word::Few, "few"),
    (Word::Many, "many"),
    (Word::Percent, "percent"),
    (Word::Pods, "pods"),
];

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut parts = Vec::new();
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once('<') {
            let (name, behind) = after
                .split_once('>')
                .ok_or_else(|| D::Error::custom(format!("`<` without `>` in {text:?}")))?;
            let (word, _) = WORDS
                .into_iter()
                .find(|(_, known)| *known == name)
                .ok_or_else(|| D::Error::custom(format!("no word `<{name}>`")))?;
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            parts.push(Part::Word(word));
            rest = behind;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self(parts))
    }
}
