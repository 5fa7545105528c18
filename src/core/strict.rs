//! A TOML document that is read strictly: every value knows its place, so that every complaint can
//! name file, line, key and what to write instead.
//!
//! Does not know what any of the keys mean.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::core::nearest::nearest;
use crate::core::sanitise::safe;

/// A file that cannot be used, and where it says so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {key}: {message}")]
pub struct Mistake {
    /// The file's path, or `built-in NAME`.
    pub file: String,
    /// 1-based.
    pub line: usize,
    /// The dotted key at fault.
    pub key: String,
    /// What is wrong with it.
    pub message: String,
    /// What to write instead, when there is a guess.
    pub hint: Option<String>,
}

/// The file that is read.
pub(crate) struct Source<'t> {
    file: String,
    text: &'t str,
}

impl<'t> Source<'t> {
    pub(crate) fn new(file: String, text: &'t str) -> Self {
        Self { file, text }
    }

    /// The file is not TOML.
    pub(crate) fn broken(&self, error: &toml::de::Error) -> Mistake {
        let at = error.span().map_or(0, |span| span.start);
        let line = self.line(at);
        Mistake {
            file: self.file.clone(),
            line,
            key: self.key_of_line(line),
            message: safe(error.message()).into_owned(),
            hint: None,
        }
    }

    fn line(&self, at: usize) -> usize {
        let before = self.text.get(..at).unwrap_or(self.text);
        before.bytes().filter(|byte| *byte == b'\n').count() + 1
    }

    /// What stands before the equals sign: good enough to name where TOML itself is broken.
    fn key_of_line(&self, line: usize) -> String {
        let text = self.text.lines().nth(line - 1).unwrap_or_default();
        safe(text.split('=').next().unwrap_or_default().trim()).into_owned()
    }
}

/// One value and its place.
pub(crate) struct Item<'d> {
    source: &'d Source<'d>,
    key: String,
    span: Range<usize>,
    pub(crate) value: &'d DeValue<'d>,
}

/// A table whose keys are all known.
pub(crate) struct Table<'d> {
    source: &'d Source<'d>,
    key: String,
    span: Range<usize>,
    members: &'d DeTable<'d>,
}

impl<'d> Item<'d> {
    fn fail(&self, message: impl Into<String>) -> Mistake {
        self.fail_with(message, None)
    }

    /// A complaint about this value, and what to write instead.
    pub(crate) fn fail_with(&self, message: impl Into<String>, hint: Option<String>) -> Mistake {
        Mistake {
            file: self.source.file.clone(),
            line: self.source.line(self.span.start),
            key: safe(&self.key).into_owned(),
            message: safe(&message.into()).into_owned(),
            hint,
        }
    }

    pub(crate) fn text(&self) -> Result<&'d str, Mistake> {
        self.value
            .as_str()
            .ok_or_else(|| self.fail(format!("a string is needed, not {}", self.value.type_str())))
    }

    pub(crate) fn seconds(&self) -> Result<u32, Mistake> {
        self.value
            .as_integer()
            .and_then(|number| u32::from_str_radix(number.as_str(), number.radix()).ok())
            .ok_or_else(|| self.fail("a whole number of seconds is needed"))
    }

    pub(crate) fn list(&self) -> Result<Vec<Item<'d>>, Mistake> {
        let array = self
            .value
            .as_array()
            .ok_or_else(|| self.fail(format!("a list is needed, not {}", self.value.type_str())))?;
        Ok(array
            .iter()
            .enumerate()
            .map(|(place, value)| self.below(&format!("{}", place + 1), value))
            .collect())
    }

    /// The texts of a list of strings.
    pub(crate) fn texts(&self) -> Result<Vec<String>, Mistake> {
        self.list()?
            .iter()
            .map(|item| item.text().map(str::to_owned))
            .collect()
    }

    /// One of a closed set of words.
    pub(crate) fn word<T: Copy>(&self, words: &[(T, &'static str)]) -> Result<T, Mistake> {
        let text = self.text()?;
        let known = || words.iter().map(|(_, word)| *word);
        words
            .iter()
            .find(|(_, word)| *word == text)
            .map(|(value, _)| *value)
            .ok_or_else(|| {
                self.fail_with(
                    format!("`{text}` is not known here"),
                    Some(suggestion(text, known())),
                )
            })
    }

    /// A table with any keys.
    pub(crate) fn open_table(&self) -> Result<Table<'d>, Mistake> {
        let table = self.value.as_table().ok_or_else(|| {
            self.fail(format!("a table is needed, not {}", self.value.type_str()))
        })?;
        Ok(Table {
            source: self.source,
            key: self.key.clone(),
            span: self.span.clone(),
            members: table,
        })
    }

    /// A table with no other keys than these.
    pub(crate) fn table(&self, known: &[&'static str]) -> Result<Table<'d>, Mistake> {
        let table = self.open_table()?;
        table.check(known)?;
        Ok(table)
    }

    fn below(&self, key: &str, value: &'d Spanned<DeValue<'d>>) -> Item<'d> {
        Item {
            source: self.source,
            key: format!("{}.{key}", self.key),
            span: value.span(),
            value: value.get_ref(),
        }
    }
}

impl<'d> Table<'d> {
    /// The document itself.
    pub(crate) fn document(
        source: &'d Source<'d>,
        table: &'d DeTable<'d>,
        known: &[&'static str],
    ) -> Result<Self, Mistake> {
        let root = Self {
            source,
            key: String::new(),
            span: 0..0,
            members: table,
        };
        root.check(known)?;
        Ok(root)
    }

    fn check(&self, known: &[&'static str]) -> Result<(), Mistake> {
        for key in self.members.keys() {
            if !known.contains(&&**key.get_ref()) {
                let at = self.complaint(key.get_ref(), key.span());
                return Err(at.fail_with(
                    "there is no such key",
                    Some(suggestion(key.get_ref(), known.iter().copied())),
                ));
            }
        }
        Ok(())
    }

    fn complaint(&self, key: &str, span: Range<usize>) -> Item<'d> {
        const NOTHING: &DeValue<'static> = &DeValue::Boolean(false);
        Item {
            source: self.source,
            key: self.name(key),
            span,
            value: NOTHING,
        }
    }

    fn name(&self, key: &str) -> String {
        if self.key.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.key)
        }
    }

    /// The value of a key.
    pub(crate) fn get(&self, key: &str) -> Option<Item<'d>> {
        self.entries()
            .find(|(name, _)| *name == key)
            .map(|(_, item)| item)
    }

    /// The value of a key that must be there.
    pub(crate) fn need(&self, key: &str) -> Result<Item<'d>, Mistake> {
        self.get(key)
            .ok_or_else(|| self.complaint(key, self.span.clone()).fail("it is missing"))
    }

    /// All keys with their values, in the order of the keys.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&'d str, Item<'d>)> + '_ {
        self.members.iter().map(|(key, value)| {
            let item = Item {
                source: self.source,
                key: self.name(key.get_ref()),
                span: value.span(),
                value: value.get_ref(),
            };
            (&**key.get_ref(), item)
        })
    }
}

/// `did you mean …?`, or the whole list when nothing is close.
fn suggestion<'c>(typed: &str, known: impl Iterator<Item = &'c str> + Clone) -> String {
    match nearest(typed, known.clone()) {
        Some(word) => format!("did you mean `{word}`?"),
        None => format!("known: {}", known.collect::<Vec<_>>().join(", ")),
    }
}
