//! Columns of outputs and lists: what each shows of an event, and what it says of one.
//!
//! Draws and prints nothing, and does not know which of them anybody has chosen.

use std::borrow::Cow;
use std::sync::Arc;

use smallvec::{SmallVec, smallvec};

use crate::core::aggregate::Subject;
use crate::core::event::{Event, Extent, Field};
use crate::core::json::{FlatJson, Kind};
use crate::core::path::Path;
use crate::core::profile::{OwnField, evaluate};
use crate::core::scalar::Scalar;

/// What a column shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The store's key.
    Id,
    /// When.
    At,
    /// What became of it.
    Outcome,
    /// An event field.
    Field(Field),
    /// The whole record.
    Payload,
    /// A name of the profile's own.
    Own(Arc<OwnField>),
    /// A place in the payload.
    Path(Path),
}

/// A column of an output or of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its header, and its key in JSON.
    pub name: String,
    /// What it shows.
    pub shown: Shown,
}

impl Column {
    /// The columns of machine-readable outputs, in the order that scripts rely on.
    pub fn all() -> Vec<Self> {
        let [actor, action, service, kind, resource, rest @ ..] = Field::ALL.map(Shown::Field);
        let mut shown = vec![Shown::Id, Shown::At, actor, action, service, kind, resource];
        shown.push(Shown::Outcome);
        shown.extend(rest);
        shown.push(Shown::Payload);
        shown.into_iter().map(Self::plain).collect()
    }

    /// The columns of the table, as many as a person reads at a glance.
    pub fn glance() -> Vec<Self> {
        [
            Shown::At,
            Shown::Outcome,
            Shown::Field(Field::Actor),
            Shown::Field(Field::Action),
            Shown::Field(Field::Resource),
            Shown::Field(Field::Status),
        ]
        .into_iter()
        .map(Self::plain)
        .collect()
    }

    /// A column under its usual name.
    pub fn plain(shown: Shown) -> Self {
        let name = match &shown {
            Shown::Id => "id".to_owned(),
            Shown::At => "at".to_owned(),
            Shown::Outcome => "outcome".to_owned(),
            Shown::Payload => "payload".to_owned(),
            Shown::Field(field) => field.name().to_owned(),
            Shown::Own(own) => own.name.clone(),
            Shown::Path(path) => format!(".{path}"),
        };
        Self { name, shown }
    }

    /// The column that every store has under this name.
    pub fn known(name: &str) -> Option<Self> {
        Self::all().into_iter().find(|column| column.name == name)
    }

    /// What a subject is shown by, under the name that was typed for it.
    pub fn of(name: &str, subject: Subject) -> Self {
        Self {
            name: name.to_owned(),
            shown: match subject {
                Subject::Outcome => Shown::Outcome,
                Subject::Field(field) => Shown::Field(field),
                Subject::Own(own) => Shown::Own(own),
                Subject::Path(path) => Shown::Path(path),
            },
        }
    }
}

impl Shown {
    /// Whether showing it needs the record taken apart.
    pub fn reads_record(&self) -> bool {
        matches!(self, Self::Own(_) | Self::Path(_))
    }
}

/// The names of columns that were typed in one text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names(pub Vec<String>);

/// Takes a text apart at its commas; those inside quotes are a part of a name.
impl From<&str> for Names {
    fn from(text: &str) -> Self {
        let (mut names, mut name) = (Vec::new(), String::new());
        let mut chars = text.chars();
        let mut is_quoted = false;
        while let Some(c) = chars.next() {
            match c {
                ',' if !is_quoted => {
                    names.push(std::mem::take(&mut name));
                    continue;
                }
                '"' => is_quoted = !is_quoted,
                '\\' if is_quoted => {
                    name.push(c);
                    name.extend(chars.next());
                    continue;
                }
                _ => {}
            }
            name.push(c);
        }
        names.push(name);
        Self(names.iter().map(|name| name.trim().to_owned()).collect())
    }
}

/// The record of an event taken apart, when a column asks for it and the payload is all there.
pub fn record<'s, 'e>(
    mut columns: impl Iterator<Item = &'s Shown>,
    event: &'e Event,
) -> Option<FlatJson<'e>> {
    let is_whole = event.payload.extent == Extent::Whole;
    (columns.any(Shown::reads_record) && is_whole)
        .then(|| FlatJson::parse(&*event.payload.text).ok())
        .flatten()
}

/// Most columns show one value.
pub type Texts<'e> = SmallVec<[Cow<'e, str>; 1]>;

/// The values a column shows as text: leaves as people read them, containers as JSON.
pub fn texts<'e>(shown: &Shown, event: &'e Event, record: Option<&'e FlatJson<'e>>) -> Texts<'e> {
    match (shown, record) {
        (Shown::Id, _) => smallvec![Cow::Borrowed(event.id.as_str())],
        (Shown::At, _) => smallvec![event.at().spelled()],
        (Shown::Outcome, _) => event
            .outcome
            .map(|outcome| Cow::Borrowed(outcome.word()))
            .into_iter()
            .collect(),
        (Shown::Payload, _) => smallvec![Cow::Borrowed(&*event.payload.text)],
        (Shown::Field(field), _) => {
            let values = event.all(*field);
            values.map(Scalar::into_text).collect()
        }
        (Shown::Own(own), Some(record)) => evaluate::values(&own.expr, record)
            .into_iter()
            .map(|value| Cow::Owned(value.text().to_owned()))
            .collect(),
        (Shown::Path(path), Some(record)) => path
            .nodes(record)
            .into_iter()
            .map(|node| match record.kind(node) {
                Kind::Array | Kind::Object => Cow::Borrowed(record.raw(node)),
                _ => Cow::Owned(
                    record
                        .scalar(node)
                        .map(|value| value.text().to_owned())
                        .unwrap_or_default(),
                ),
            })
            .collect(),
        (Shown::Own(_) | Shown::Path(_), None) => Texts::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_in_quotes_are_part_of_a_name() {
        for (text, names) in [
            ("at, user", &["at", "user"][..]),
            (r#".a."b,c",id"#, &[r#".a."b,c""#, "id"]),
            (r#".a."q\",x",id"#, &[r#".a."q\",x""#, "id"]),
            ("", &[""]),
            ("a,", &["a", ""]),
        ] {
            assert_eq!(Names::from(text).0, names, "{text}");
        }
    }
}
