//! What a name means in this store: a name of the language, one of the profile's own, or a payload
//! path; and what was probably meant when it is none of them.

use std::sync::Arc;

use super::group::by_users;
use super::{Resolver, choices};
use crate::core::path::{Path, PathError};
use crate::core::profile::OwnField;
use crate::core::query::catalog::Catalog;
use crate::core::query::expr::{Op, Spanned, Term, Value};
use crate::core::query::names::{self, Meaning, Name};
use crate::core::query::predicate::{Atom, Predicate, Test};
use crate::core::suggest::nearest;

/// What a name stands for.
#[derive(Clone, Debug)]
pub(in crate::core::query) enum Subject {
    /// A name of the language.
    Known(&'static Name),
    /// A name of the profile's own.
    Own(Arc<OwnField>),
    /// A payload path.
    Path(Path),
}

/// What a name as typed means in a store, when it is known there; a forced path always is.
pub(in crate::core::query) fn subject(catalog: &Catalog, typed: &str) -> Option<Subject> {
    let path = Path::parse(typed).ok()?;
    if typed.starts_with('.') {
        return Some(Subject::Path(path));
    }
    find(catalog, &path)
}

/// What a name without a leading dot means: the order of the language.
fn find(catalog: &Catalog, path: &Path) -> Option<Subject> {
    if let [spelling] = path.steps()
        && let Some(name) = names::find(spelling)
        && (name.meaning != Meaning::Group || catalog.groups.is_some())
    {
        return Some(Subject::Known(name));
    }
    let spelling = path.steps().join(".");
    let own = catalog.own.iter().find(|own| own.name == spelling);
    if let Some(own) = own {
        return Some(Subject::Own(Arc::clone(own)));
    }
    has_path(catalog, path).then(|| Subject::Path(path.clone()))
}

/// Whether a sampled record has this path, or something below it.
fn has_path(catalog: &Catalog, path: &Path) -> bool {
    let mut from_here = catalog.paths.range(path.clone()..);
    from_here
        .next()
        .is_some_and(|(known, _)| known.steps().starts_with(path.steps()))
}

impl Resolver<'_> {
    /// Whether an unquoted spelling means something without a leading dot.
    pub(super) fn knows(&self, spelling: &str) -> bool {
        Path::parse(spelling).is_ok_and(|path| self.find(&path).is_some())
    }

    fn find(&self, path: &Path) -> Option<Subject> {
        find(self.catalog, path)
    }

    fn has_path(&self, path: &Path) -> bool {
        has_path(self.catalog, path)
    }

    /// Looks a name up; `value` is what follows its colon, for better advice.
    pub(super) fn lookup(
        &mut self,
        name: &Spanned<String>,
        value: Option<&Spanned<Value>>,
    ) -> Option<Subject> {
        let typed = name.value.as_str();
        if typed.is_empty() {
            return None;
        }
        let path = match Path::parse(typed) {
            Ok(path) => path,
            Err(error) => {
                let hint = match error {
                    PathError::EmptyStep => {
                        "a name is steps with one dot between them; quote odd ones"
                    }
                    PathError::OpenQuote => "add the closing quote",
                };
                self.error(
                    &name.span,
                    format!("`{typed}` is not a name: {error}"),
                    hint,
                );
                return None;
            }
        };
        if typed.starts_with('.') {
            if !self.catalog.paths.is_empty() && !self.has_path(&path) {
                let hint = match self.path_meant(&path) {
                    Some(meant) => format!("did you mean `.{meant}`?"),
                    None => "events outside the sample may have it".to_owned(),
                };
                self.warn(&name.span, format!("no sampled event has `{typed}`"), hint);
            }
            return Some(Subject::Path(path));
        }
        let found = self.find(&path);
        if found.is_none() {
            let hint = self.advice(typed, &path, value);
            self.error(&name.span, format!("there is no field `{typed}`"), hint);
        }
        found
    }

    fn advice(&self, typed: &str, path: &Path, value: Option<&Spanned<Value>>) -> String {
        let after = value.map_or("", |value| self.typed(&value.span));
        let is_number = typed.bytes().all(|byte| byte.is_ascii_digit());
        if after.starts_with("//") || is_number {
            return format!("quote it to look for the text: \"{typed}:{after}\"");
        }
        if typed == "group" {
            let hint = "where one looks at events (not purges them) --groups FILE.csv tells who is in which group";
            return format!("{hint}; a leading dot names a key of the payload: .group");
        }
        match self.meant(path) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("a leading dot names a key of the payload: .{path}"),
        }
    }

    /// The name that was probably meant: in another case, further down the payload, or mistyped.
    fn meant(&self, path: &Path) -> Option<String> {
        let spelling = path.steps().join(".");
        let own = self.catalog.own.iter().map(|own| own.name.as_str());
        let mut names: Vec<&str> = names::spellings().collect();
        names.extend(own);
        let in_other_case = names
            .iter()
            .find(|name| name.to_lowercase() == spelling.to_lowercase());
        in_other_case
            .copied()
            .map(str::to_owned)
            .or_else(|| self.path_ending_in(path))
            .or_else(|| nearest(&spelling, names).map(str::to_owned))
            .or_else(|| self.path_meant(path))
    }

    /// The most frequent path that ends in these steps.
    fn path_ending_in(&self, path: &Path) -> Option<String> {
        let ends_alike = |known: &Path| {
            let (known, wanted) = (known.steps(), path.steps());
            known.len() >= wanted.len()
                && known[known.len() - wanted.len()..]
                    .iter()
                    .zip(wanted)
                    .all(|(known, wanted)| known.to_lowercase() == wanted.to_lowercase())
        };
        let paths = self.catalog.paths.iter();
        paths
            .filter(|(known, _)| ends_alike(known))
            .max_by_key(|(_, facts)| facts.seen)
            .map(|(known, _)| known.to_string())
    }

    /// The path that ends in these steps, or is spelled almost like them.
    fn path_meant(&self, path: &Path) -> Option<String> {
        let spelled: Vec<_> = self.catalog.paths.keys().map(Path::to_string).collect();
        self.path_ending_in(path).or_else(|| {
            let known = spelled.iter().map(String::as_str);
            nearest(&path.to_string(), known).map(str::to_owned)
        })
    }

    /// An object equals nothing; say so instead of finding nothing.
    pub(super) fn note_container(&mut self, path: &Path, term: &Term) {
        let inside = self
            .catalog
            .paths
            .range(path.clone()..)
            .find(|(known, _)| *known != path)
            .filter(|(known, _)| known.steps().starts_with(path.steps()))
            .map(|(known, _)| known.to_string());
        let scalars = self
            .catalog
            .paths
            .get(path)
            .map_or(0, |facts| facts.scalars);
        if let (Some(inside), 0) = (inside, scalars) {
            let message = format!("`{}` is an object in every sampled event", term.name.value);
            self.warn(
                &term.name.span,
                message,
                format!("name a key in it, such as {inside}"),
            );
        }
    }

    /// `has:` and `missing:`, the latter to be negated.
    pub(super) fn presence(&mut self, name: &Name, value: &Spanned<Value>) -> Option<Predicate> {
        let Some((Op::Equals, items)) = choices(&value.value) else {
            let message = format!("`{}` takes a name", name.name);
            self.error(&value.span, message, format!("write {}", name.example));
            return None;
        };
        let mut any = Some(Predicate::Never);
        for item in items {
            let spelled = Spanned {
                value: self.typed(&item.span).to_owned(),
                span: item.span.clone(),
            };
            let held = self
                .lookup(&spelled, None)
                .and_then(|subject| self.has(&subject, &spelled));
            any = any.zip(held).map(|(any, held)| any.or(held));
        }
        any
    }

    fn has(&mut self, subject: &Subject, spelled: &Spanned<String>) -> Option<Predicate> {
        let name = match subject {
            Subject::Own(own) => {
                return Some(Predicate::Atom(Atom::Own(Arc::clone(own), Test::Exists)));
            }
            Subject::Path(path) => {
                return Some(Predicate::Atom(Atom::Path(path.clone(), Test::Exists)));
            }
            Subject::Known(name) => name,
        };
        Some(match name.meaning {
            Meaning::Field(field) => Predicate::Atom(Atom::Field(field, Test::Exists)),
            Meaning::Outcome => {
                Predicate::Atom(Atom::Outcome(crate::core::event::Outcome::ALL.to_vec()))
            }
            Meaning::At => Predicate::Atom(Atom::HasTime),
            Meaning::Id => Predicate::All,
            Meaning::Group => by_users(self.catalog.groups.as_ref()?.everybody()),
            _ => {
                let message = format!("`{}` is not something an event has", name.name);
                self.error(&spelled.span, message, "name a field, such as user");
                return None;
            }
        })
    }
}
