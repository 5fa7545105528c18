//! What could stand at the caret: names, operators, values.
//!
//! Does not rank: the filter bar does, by what was typed so far.

use crate::core::event::Outcome;
use crate::core::path::Path;
use crate::core::query::catalog::{Catalog, PathFacts, ValueCounts};
use crate::core::query::diagnostic::{Severity, Span};
use crate::core::query::expr::Op;
use crate::core::query::names::{Meaning, NAMES};
use crate::core::query::parse::scan::{Place, Scanned, Stop, scan};
use crate::core::query::parse::{focus, parse};
use crate::core::query::resolve::lookup::{Subject, subject};
use crate::core::query::resolve::outcome::IS;
use crate::core::query::time;

/// One candidate. Ranking by what was typed so far is the filter bar's affair (fuzzy).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// The part of the text it would replace.
    pub replaces: Span,
    /// What it would put there, quoted where needed.
    pub insert: String,
    /// What the list shows.
    pub label: String,
    /// What it is: a field's description, `seen 812 ×`.
    pub about: String,
}

/// All candidates at a caret (a byte offset), unranked; `typed` is the text to rank them by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completions {
    /// The part already typed, quotes and escapes resolved.
    pub typed: String,
    /// What fits the place, the most frequent first.
    pub candidates: Vec<Completion>,
}

/// What could stand at `caret` in `text`. Where inserting something would break what follows the
/// caret, there are no candidates.
pub fn complete(text: &str, caret: usize, catalog: &Catalog) -> Completions {
    let caret = text.floor_char_boundary(caret);
    let before = &text[..caret];
    let focus = focus(before);
    let Some(place) = focus.place else {
        return after_item(text, caret);
    };
    let typed = scan(before, focus.start, place, &mut Vec::new());
    let whole = word_around(text, &typed, caret, place);
    let open_behind = whole.stop == Stop::Open;
    // Between the two dots of a range, or at an operator that is not typed to its end.
    let in_sign = whole.span.end < caret
        || place == Place::Value && before_operand(&text[focus.start..], caret - focus.start);
    let glued = place == Place::Head && typed.span.is_empty() && !free_behind(text, caret);
    if open_behind || in_sign || glued {
        return Completions::default();
    }
    let mut list = List {
        replaces: whole.span.clone(),
        candidates: Vec::new(),
    };
    match &focus.name {
        None => {
            list.names(catalog, &before[focus.start..], Suffix::Colon);
            if whole.stop == Stop::Colon {
                list.replaces.end += 1;
                list.candidates.iter_mut().for_each(|candidate| {
                    candidate.replaces.end += 1;
                });
            } else {
                list.or(&before[..focus.start]);
            }
        }
        Some(name) => {
            if place == Place::Value && whole.span.is_empty() && whole.stop != Stop::Dots {
                list.operators(catalog, name);
            }
            list.values(catalog, name, &before[focus.start..]);
        }
    }
    Completions {
        typed: typed.word.pieces.join("*"),
        candidates: list.candidates,
    }
}

/// The word the caret stands in, as far as it reaches beyond the caret. A quote that is still open
/// must not swallow the terms behind it.
fn word_around(text: &str, typed: &Scanned, caret: usize, place: Place) -> Scanned {
    let whole = scan(text, typed.span.start, place, &mut Vec::new());
    let broken = || {
        let diagnostics = parse(text).diagnostics;
        diagnostics.iter().any(|d| d.severity == Severity::Error)
    };
    let behind = text.get(caret..whole.span.end).unwrap_or_default();
    let spans_words = behind.contains(char::is_whitespace);
    if spans_words && broken() {
        return Scanned {
            stop: Stop::Gap,
            ..typed.clone()
        };
    }
    if typed.span.is_empty() && place == Place::Head {
        return typed.clone();
    }
    whole
}

/// Whether an operator begins the value and reaches beyond the caret.
fn before_operand(value: &str, caret: usize) -> bool {
    let written = Op::WRITTEN.into_iter();
    written
        .map(|(_, sign, _)| sign)
        .find(|sign| value.starts_with(sign))
        .is_some_and(|sign| caret < sign.len())
}

/// Whether a term that is inserted here would stand apart from what follows.
fn free_behind(text: &str, caret: usize) -> bool {
    let next = text[caret..].chars().next();
    next.is_none_or(|c| c.is_whitespace() || c == ')')
}

fn after_item(text: &str, caret: usize) -> Completions {
    if caret < text.len() {
        return Completions::default();
    }
    let replaces = text[..caret].trim_end().len()..caret;
    let candidate = |insert: &str, about: &str| Completion {
        replaces: replaces.clone(),
        insert: insert.to_owned(),
        label: insert.trim_end().to_owned(),
        about: about.to_owned(),
    };
    Completions {
        typed: String::new(),
        candidates: vec![
            candidate(", ", "another value"),
            candidate(")", "end of the list"),
        ],
    }
}

/// What follows a name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Suffix {
    /// A colon: it begins a term.
    Colon,
    /// Nothing: it is what `has:` asks for.
    Nothing,
}

struct List {
    replaces: Span,
    candidates: Vec<Completion>,
}

impl List {
    fn push(&mut self, insert: String, label: &str, about: impl Into<String>) {
        self.candidates.push(Completion {
            replaces: self.replaces.clone(),
            insert,
            label: label.to_owned(),
            about: about.into(),
        });
    }

    fn names(&mut self, catalog: &Catalog, typed: &str, suffix: Suffix) {
        let colon = if suffix == Suffix::Colon { ":" } else { "" };
        let forced = typed.starts_with('.');
        if !forced {
            for name in NAMES {
                let is_unknown = name.meaning == Meaning::Group && catalog.groups.is_none();
                if is_unknown || suffix == Suffix::Nothing && !is_had(name.meaning) {
                    continue;
                }
                for spelling in name.aliases.iter().chain([&name.name]) {
                    self.push(format!("{spelling}{colon}"), spelling, name.about);
                }
            }
            for own in &catalog.own {
                let spelled = Path::new(own.name.split('.')).to_string();
                self.push(format!("{spelled}{colon}"), &own.name, own.about.as_str());
            }
        }
        let mut paths: Vec<(&Path, &PathFacts)> = catalog
            .paths
            .iter()
            .filter(|(_, facts)| suffix == Suffix::Nothing || facts.scalars > 0)
            .collect();
        paths.sort_by_key(|(_, facts)| std::cmp::Reverse(facts.seen));
        for (path, facts) in paths {
            let plain = path.to_string();
            let means_itself = matches!(subject(catalog, &plain), Some(Subject::Path(_)));
            let dot = if forced || !means_itself || plain.starts_with('-') {
                "."
            } else {
                ""
            };
            let spelled = format!("{dot}{plain}");
            self.push(
                format!("{spelled}{colon}"),
                &spelled,
                times_seen(facts.seen),
            );
        }
    }

    /// `OR`, where a term stands before it.
    fn or(&mut self, before: &str) {
        let errors = |text: &str| {
            let diagnostics = parse(text).diagnostics;
            diagnostics
                .iter()
                .filter(|d| d.severity == Severity::Error)
                .count()
        };
        if errors(&format!("{before}OR x")) <= errors(&format!("{before}x")) {
            self.push("OR ".to_owned(), "OR", "either this or what stands before");
        }
    }

    fn operators(&mut self, catalog: &Catalog, name: &str) {
        let fits = |op: Op| match subject(catalog, name) {
            Some(Subject::Known(name)) => match name.meaning {
                Meaning::Field(_) | Meaning::Id => true,
                Meaning::At => op != Op::Contains,
                Meaning::Outcome | Meaning::Store | Meaning::Group => {
                    matches!(op, Op::NotEquals | Op::Contains)
                }
                Meaning::Is => op == Op::NotEquals,
                _ => false,
            },
            Some(Subject::Own(_) | Subject::Path(_)) => true,
            None => false,
        };
        for (op, sign, about) in Op::WRITTEN {
            if fits(op) {
                self.push(sign.to_owned(), sign, about);
            }
        }
    }

    fn values(&mut self, catalog: &Catalog, name: &str, typed: &str) {
        let known = match subject(catalog, name) {
            None => return,
            Some(Subject::Own(own)) => return self.counted(catalog.own_values.get(&own.name)),
            Some(Subject::Path(path)) => {
                return self.counted(catalog.paths.get(&path).map(|facts| &facts.values));
            }
            Some(Subject::Known(known)) => known,
        };
        match known.meaning {
            Meaning::Field(field) => self.counted(catalog.values.get(&field)),
            Meaning::Id => {}
            Meaning::Outcome => {
                self.words(Outcome::ALL.map(|outcome| (outcome.word(), "outcome")));
            }
            Meaning::Is => self.words(IS.map(|(word, set)| {
                let about = if set.len() > 1 {
                    "failed or denied"
                } else {
                    "outcome"
                };
                (word, about)
            })),
            Meaning::At | Meaning::Since | Meaning::Until => self.words(time::WORDS),
            Meaning::Older | Meaning::Newer => self.words(time::LENGTHS),
            Meaning::Has | Meaning::Missing => self.names(catalog, typed, Suffix::Nothing),
            Meaning::Group => {
                for (name, users) in catalog.groups.iter().flat_map(|groups| groups.iter()) {
                    self.push(quoted(name), name, format!("{} users", users.iter().len()));
                }
            }
            Meaning::Store => self.push(quoted(&catalog.store), &catalog.store, "this store"),
        }
    }

    fn words<const N: usize>(&mut self, words: [(&str, &str); N]) {
        for (word, about) in words {
            self.push(word.to_owned(), word, about);
        }
    }

    fn counted(&mut self, counts: Option<&ValueCounts>) {
        let mut counts: Vec<_> = counts.into_iter().flatten().collect();
        counts.sort_by_key(|(_, seen)| std::cmp::Reverse(**seen));
        for (value, seen) in counts {
            self.push(quoted(value), value, times_seen(*seen));
        }
    }
}

fn is_had(meaning: Meaning) -> bool {
    matches!(
        meaning,
        Meaning::Field(_) | Meaning::Outcome | Meaning::At | Meaning::Id | Meaning::Group
    )
}

fn times_seen(count: u64) -> String {
    format!("seen {count} ×")
}

/// A value as it must be typed to be equal to that very text, in quotes unless it is plain.
pub fn quoted(value: &str) -> String {
    let plain =
        |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '@' | ':' | '+');
    let dots = value.starts_with('.') || value.ends_with('.') || value.contains("..");
    if !value.is_empty() && value.chars().all(plain) && !dots {
        return value.to_owned();
    }
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}
