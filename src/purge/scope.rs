//! What goes and what stays: the texts of a plan turned into predicates again, and asked about
//! archived bytes.
//!
//! The server preselects; what is decided here, about the very bytes that are kept, is what counts.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::core::event::{Cursor, Event, EventId, KeyPart, Payload};
use crate::core::instant::{At, Micros};
use crate::core::json::FlatJson;
use crate::core::path::Path;
use crate::core::profile::evaluate::{self, evaluate, values};
use crate::core::profile::{Condition, Origin, Profile, ValueExpr, load};
use crate::core::purge::decode::{self, DecodeError, Decoder};
use crate::core::purge::plan::{Encoding, Plan, Scope};
use crate::core::purge::row::RowMark;
use crate::core::query::catalog::{Catalog, PathFacts};
use crate::core::query::diagnostic;
use crate::core::query::parse::parse;
use crate::core::query::predicate::{Atom, Literal, Predicate, Test};
use crate::core::query::resolve::{Moment, resolve};
use crate::purge::chain::Link;
use crate::purge::fault::Fault;
use crate::store::purger::Selection;

/// What is to become of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes.
    Goes,
    /// The filter does not select it, or its time is not before the cutoff.
    Outside,
    /// A hold keeps it: the text of a `--keep`, or the profile's reason.
    Held(String),
}

/// Decides about rows.
#[derive(Clone, Debug)]
pub struct Judge {
    profile: Arc<Profile>,
    filter: Predicate,
    keep: Vec<(String, Predicate)>,
    cutoff: Micros,
    relation: String,
    encoding: Encoding,
    decoder: Decoder,
}

impl Judge {
    /// Reads a plan's texts again.
    pub fn of(plan: &Plan) -> Result<Self, Fault> {
        let profile = profile(plan)?;
        let (filter, keep) = predicates(&plan.scope, &profile, &remembered(&plan.scope, &profile))?;
        let relation = plan.relations.first().ok_or_else(|| Fault::Files {
            message: "the plan names no table".to_owned(),
            hint: None,
        })?;
        Ok(Self {
            filter,
            keep: plan.scope.keep.iter().cloned().zip(keep).collect(),
            cutoff: plan.scope.cutoff,
            relation: relation.name.clone(),
            encoding: plan.encoding,
            decoder: Decoder::new(plan.encoding, relation, &profile),
            profile,
        })
    }

    /// The same with more holds: those added since the plan was made.
    pub fn holding(mut self, more: &[String], scope: &Scope) -> Result<Self, Fault> {
        let catalog = remembered(scope, &self.profile);
        for text in more {
            self.keep
                .push((text.clone(), one(text, scope, &catalog, "hold")?));
        }
        Ok(self)
    }

    /// What the server is asked for: a superset of what goes.
    pub fn selection(&self) -> Selection {
        let stays = self.keep.iter().map(|(_, keep)| keep.clone());
        let facts = self.profile.purge.keep.iter();
        let predicate = facts
            .filter_map(|keep| asked(&keep.when))
            .chain(stays)
            .fold(self.filter.clone(), |rest, keep| rest.and(keep.negated()));
        Selection {
            cutoff: self.cutoff,
            predicate: Arc::new(predicate),
        }
    }

    /// What each hold keeps of that which the cutoff and the filter select, as far as it can be said
    /// to a server: what was typed first, then the profile's.
    pub fn held(&self) -> Vec<(String, Selection)> {
        let typed = self.keep.iter();
        let typed = typed.map(|(text, keep)| (format!("keep {text}"), keep.clone()));
        let facts = self.profile.purge.keep.iter();
        let facts = facts.filter_map(|keep| Some((keep.because.clone(), asked(&keep.when)?)));
        typed
            .chain(facts)
            .map(|(because, keep)| {
                let selection = Selection {
                    cutoff: self.cutoff,
                    predicate: Arc::new(self.filter.clone().and(keep)),
                };
                (because, selection)
            })
            .collect()
    }

    /// Whether everything that decides can be said to a server.
    pub fn is_sayable(&self) -> bool {
        let facts = &self.profile.purge.keep;
        facts.iter().all(|keep| asked(&keep.when).is_some())
    }

    /// Decides about an event row, by its bytes.
    pub fn of_row(&self, mark: &RowMark, row: &[u8]) -> Result<Verdict, Fault> {
        if self.asks_for_time_only() {
            let time = decode::time(self.encoding, &self.profile, row)
                .map_err(|error| self.unreadable(mark, &error.to_string()))?;
            match time {
                Some(At::Instant(at)) if at < self.cutoff => return Ok(Verdict::Goes),
                Some(_) => return Ok(Verdict::Outside),
                None => {}
            }
        }
        let of_part = self.by_profile(&self.record(self.decoder.deciding(row), mark)?);
        if of_part != Verdict::Goes || (self.filter == Predicate::All && self.keep.is_empty()) {
            return Ok(of_part);
        }
        let record = self.record(self.decoder.record(row), mark)?;
        let evaluated = evaluate(&self.profile, &record);
        let event = Event {
            id: self.id(mark),
            cursor: Cursor {
                at: evaluated.at,
                time: KeyPart::Null,
                key: mark.key.0.clone(),
            },
            outcome: evaluated.outcome,
            values: evaluated.values,
            payload: Payload::bounded(""),
        };
        if !self.filter.matches(&event, &record) {
            return Ok(Verdict::Outside);
        }
        let held = self
            .keep
            .iter()
            .find(|(_, keep)| keep.matches(&event, &record));
        Ok(held.map_or(Verdict::Goes, |(text, _)| Verdict::Held(text.clone())))
    }

    /// What the time and the profile's holds say; a record of nothing else is enough.
    fn by_profile(&self, record: &FlatJson<'_>) -> Verdict {
        if !matches!(evaluate::time(&self.profile, record), At::Instant(at) if at < self.cutoff) {
            return Verdict::Outside;
        }
        let mut holds = self.profile.purge.keep.iter();
        match holds.find(|keep| evaluate::holds(&keep.when, record)) {
            Some(keep) => Verdict::Held(keep.because.clone()),
            None => Verdict::Goes,
        }
    }

    /// Whether nothing but its time decides about a row.
    fn asks_for_time_only(&self) -> bool {
        self.filter == Predicate::All && self.keep.is_empty() && self.profile.purge.keep.is_empty()
    }

    /// What a chained row says of itself; `None` where rows are not chained.
    pub fn link(&self, mark: &RowMark, row: &[u8]) -> Result<Option<Link>, Fault> {
        let Some(chain) = &self.profile.purge.chain else {
            return Ok(None);
        };
        let record = self.record(self.decoder.record(row), mark)?;
        let text = |path: &Path| {
            let value = values(&ValueExpr::Path(path.clone()), &record);
            value.first().map(|value| value.text().to_owned())
        };
        let Some(hash) = text(&chain.hash) else {
            return Err(self.unreadable(mark, "it is chained to others and has no hash"));
        };
        Ok(Some(Link {
            hash,
            previous: text(&chain.previous),
        }))
    }

    /// A row's id.
    pub fn id(&self, mark: &RowMark) -> EventId {
        decode::id(self.encoding, &mark.key)
    }

    /// Whether rows are chained by hashes.
    pub fn is_chained(&self) -> bool {
        self.profile.purge.chain.is_some()
    }

    /// Whether some rows stay whatever a filter says.
    pub fn has_holds(&self) -> bool {
        !self.keep.is_empty() || !self.profile.purge.keep.is_empty()
    }

    fn record(
        &self,
        decoded: Result<String, DecodeError>,
        mark: &RowMark,
    ) -> Result<FlatJson<'static>, Fault> {
        let text = decoded.map_err(|error| self.unreadable(mark, &error.to_string()))?;
        FlatJson::parse(text).map_err(|error| self.unreadable(mark, &error.to_string()))
    }

    fn unreadable(&self, mark: &RowMark, error: &str) -> Fault {
        Fault::Refused {
            message: format!(
                "the row {} of {} cannot be understood: {error}",
                decode::id(self.encoding, &mark.key),
                self.relation
            ),
            hint: None,
        }
    }
}

/// Freezes the texts of a purge: with this catalogue they mean something, and with what the plan
/// remembers of it they mean the same again.
pub fn freeze(mut scope: Scope, profile: &Profile, catalog: &Catalog) -> Result<Scope, Fault> {
    let (filter, keep) = predicates(&scope, profile, catalog)?;
    doubtless(&scope, catalog)?;
    let mut paths = BTreeSet::new();
    for predicate in keep.iter().chain([&filter]) {
        name(predicate, &mut paths);
    }
    scope.names = paths.iter().map(ToString::to_string).collect();
    let again = predicates(&scope, profile, &remembered(&scope, profile))?;
    if again != (filter, keep) {
        return Err(Fault::refused(
            "the filter means something else when it is read again",
            "write payload paths with a leading dot: .details.user_name",
        ));
    }
    Ok(scope)
}

/// What a search only warns about, a purge refuses: a hold that no event can match keeps nothing.
fn doubtless(scope: &Scope, catalog: &Catalog) -> Result<(), Fault> {
    let moment = moment(scope)?;
    for text in scope.keep.iter().chain([&scope.filter]) {
        let diagnostics = resolve(&parse(text), catalog, moment).diagnostics;
        if !diagnostics.is_empty() {
            return Err(Fault::Usage {
                message: format!(
                    "a purge needs a text without doubt\n{}",
                    diagnostic::render(text, &diagnostics)
                ),
                hint: None,
            });
        }
    }
    Ok(())
}

/// The plan's profile.
pub fn profile(plan: &Plan) -> Result<Arc<Profile>, Fault> {
    let parsed = load::parse(&plan.profile, Origin::Guessed).map_err(|error| Fault::Files {
        message: format!("the plan's profile cannot be read: {error}"),
        hint: error.hint,
    })?;
    Ok(Arc::new(parsed))
}

fn remembered(scope: &Scope, profile: &Profile) -> Catalog {
    let mut catalog = Catalog::new("", profile);
    for path in scope.names.iter().filter_map(|text| Path::parse(text).ok()) {
        catalog.paths.insert(path, PathFacts::default());
    }
    catalog
}

fn predicates(
    scope: &Scope,
    profile: &Profile,
    catalog: &Catalog,
) -> Result<(Predicate, Vec<Predicate>), Fault> {
    let mut catalog = catalog.clone();
    catalog.own = profile.own.iter().cloned().map(Arc::new).collect();
    let filter = one(&scope.filter, scope, &catalog, "filter")?;
    let keep = scope
        .keep
        .iter()
        .map(|text| one(text, scope, &catalog, "hold"));
    Ok((filter, keep.collect::<Result<_, _>>()?))
}

/// The frozen instant and zone of a plan's texts.
fn moment(scope: &Scope) -> Result<Moment, Fault> {
    let tz = scope.tz.parse().map_err(|_| Fault::Files {
        message: format!("the plan's zone {} is not known", scope.tz),
        hint: None,
    })?;
    Ok(Moment { now: scope.now, tz })
}

fn one(text: &str, scope: &Scope, catalog: &Catalog, what: &str) -> Result<Predicate, Fault> {
    let text = text.trim();
    if text.is_empty() {
        return match what {
            "filter" => Ok(Predicate::All),
            _ => Err(Fault::Usage {
                message: "an empty hold would keep every event".to_owned(),
                hint: Some("say which events stay: --keep user:alice".to_owned()),
            }),
        };
    }
    let resolved = resolve(&parse(text), catalog, moment(scope)?);
    resolved.predicate.ok_or_else(|| Fault::Usage {
        message: format!(
            "the {what} cannot be understood\n{}",
            diagnostic::render(text, &resolved.diagnostics)
        ),
        hint: None,
    })
}

/// Every payload path a predicate names.
fn name(predicate: &Predicate, paths: &mut BTreeSet<Path>) {
    match predicate {
        Predicate::And(parts) | Predicate::Or(parts) => {
            for part in parts {
                name(part, paths);
            }
        }
        Predicate::Not(part) => name(part, paths),
        Predicate::Atom(Atom::Path(path, _)) => {
            paths.insert(path.clone());
        }
        Predicate::All | Predicate::Never | Predicate::Atom(_) => {}
    }
}

/// A profile's condition as a predicate, where there is one that means the same.
fn asked(condition: &Condition) -> Option<Predicate> {
    Some(match condition {
        Condition::Has(path) => Predicate::Atom(Atom::Path(path.clone(), Test::Exists)),
        Condition::In(ValueExpr::Path(path), words) => words
            .iter()
            .map(|word| {
                let test = Test::Equals(Literal::Bare(word.clone()));
                Predicate::Atom(Atom::Path(path.clone(), test))
            })
            .fold(Predicate::Never, Predicate::or),
        Condition::And(parts) => parts
            .iter()
            .map(asked)
            .try_fold(Predicate::All, |rest, part| Some(rest.and(part?)))?,
        Condition::Or(parts) => parts
            .iter()
            .map(asked)
            .try_fold(Predicate::Never, |rest, part| Some(rest.or(part?)))?,
        Condition::Not(part) => asked(part)?.negated(),
        Condition::In(..) | Condition::EndsWith(..) => return None,
    })
}
