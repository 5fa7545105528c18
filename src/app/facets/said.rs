//! What a filter says already of the values of a facet, and the filter that says one thing more or
//! less of them.

use crate::app::command::Polarity;
use crate::app::filter_bar::term;
use crate::core::aggregate::Subject;
use crate::core::event::Outcome;
use crate::core::query::expr::Expr;
use crate::core::query::parse::parse;
use crate::core::query::predicate::{Atom, Literal, Predicate, Test};

/// A value of a facet; `None` stands for events without any.
pub type Value = Option<String>;

/// One part of a filter that asks for nothing but some values of a facet, or rules them out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Whether they are asked for.
    pub polarity: Polarity,
    /// Any of these.
    pub values: Vec<Value>,
}

impl Said {
    /// What a part of a predicate says of a subject, where it says nothing else.
    pub fn of(part: &Predicate, subject: &Subject) -> Option<Self> {
        match part {
            Predicate::Atom(atom) => atom_says(atom, subject),
            Predicate::Not(part) => {
                let Self { polarity, values } = Self::of(part, subject)?;
                let polarity = match polarity {
                    Polarity::With => Polarity::Without,
                    Polarity::Without => Polarity::With,
                };
                Some(Self { polarity, values })
            }
            Predicate::Or(parts) => {
                let parts = parts.iter().map(|part| Self::of(part, subject));
                let parts: Option<Vec<Self>> = parts.collect();
                let parts = parts.filter(|parts| {
                    let with = |part: &Self| part.polarity == Polarity::With;
                    parts.iter().all(with)
                })?;
                Some(Self {
                    polarity: Polarity::With,
                    values: parts.into_iter().flat_map(|part| part.values).collect(),
                })
            }
            Predicate::All | Predicate::Never | Predicate::And(_) => None,
        }
    }

    /// The term that says it, of a name as filters spell it.
    fn term(&self, name: &str) -> String {
        let named: Vec<&str> = self.values.iter().flatten().map(String::as_str).collect();
        let some = match named.as_slice() {
            [] => None,
            [only] => Some(term::found_by(name, Some(only))),
            several => {
                let spelled: Vec<String> = several.iter().map(|one| term::grouped(one)).collect();
                Some(format!("{name}:({})", spelled.join(", ")))
            }
        };
        let nothing = self
            .values
            .contains(&None)
            .then(|| format!("missing:{name}"));
        let wanted = match (some, nothing) {
            (Some(some), Some(nothing)) => format!("({some} OR {nothing})"),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => return String::new(),
        };
        match self.polarity {
            Polarity::With => wanted,
            Polarity::Without if self.values == [None] => format!("has:{name}"),
            Polarity::Without => format!("-{wanted}"),
        }
    }
}

fn atom_says(atom: &Atom, subject: &Subject) -> Option<Said> {
    let test = match (atom, subject) {
        (Atom::Outcome(outcomes), Subject::Outcome) => {
            let is_any = Outcome::ALL.iter().all(|one| outcomes.contains(one));
            if is_any {
                &Test::Exists
            } else {
                let words = outcomes.iter().map(|one| Some(one.word().to_owned()));
                return Some(Said {
                    polarity: Polarity::With,
                    values: words.collect(),
                });
            }
        }
        (Atom::Field(field, test), Subject::Field(of)) if field == of => test,
        (Atom::Own(own, test), Subject::Own(of)) if own == of => test,
        (Atom::Path(path, test), Subject::Path(of)) if path == of => test,
        _ => return None,
    };
    match test {
        Test::Exists => Some(Said {
            polarity: Polarity::Without,
            values: vec![None],
        }),
        Test::Equals(Literal::Bare(value) | Literal::Text(value)) => Some(Said {
            polarity: Polarity::With,
            values: vec![Some(value.clone())],
        }),
        Test::OneOf(_)
        | Test::Glob(_)
        | Test::Contains(_)
        | Test::Compare(..)
        | Test::Range(..) => None,
    }
}

/// The parts that all must hold.
fn parts(predicate: &Predicate) -> &[Predicate] {
    match predicate {
        Predicate::And(parts) => parts,
        single => std::slice::from_ref(single),
    }
}

/// Everything a filter says of a subject alone.
pub fn all(predicate: &Predicate, subject: &Subject) -> Vec<Said> {
    let said = parts(predicate).iter();
    said.filter_map(|part| Said::of(part, subject)).collect()
}

/// The filter without what it says of a subject alone: so many events there would be of each value,
/// were it the one that is asked for.
pub fn of_others(predicate: &Predicate, subject: &Subject) -> Predicate {
    let others = parts(predicate).iter();
    let others = others.filter(|part| Said::of(part, subject).is_none());
    others.cloned().fold(Predicate::All, Predicate::and)
}

/// The text of a filter in which a value is asked for or ruled out; in which it is neither, when it
/// is so already. `says` tells what a part of the text says of the facet alone.
pub fn toggled(
    text: &str,
    (name, value): (&str, &Value),
    wanted: Polarity,
    says: impl Fn(&str) -> Option<Said>,
) -> String {
    let parts = match parse(text).expr {
        Expr::All => Vec::new(),
        Expr::And(parts) => parts,
        single => vec![single],
    };
    let mut is_so = false;
    let mut is_changed = false;
    let mut kept: Vec<(Expr, Option<Said>)> = Vec::new();
    for part in parts {
        let mut said = says(&part.to_string());
        if let Some(said) = said.as_mut().filter(|said| said.values.contains(value)) {
            is_changed = true;
            is_so |= said.polarity == wanted;
            said.values.retain(|one| one != value);
            if said.values.is_empty() {
                continue;
            }
            kept.push((parse(&said.term(name)).expr, Some(said.clone())));
        } else {
            kept.push((part, said));
        }
    }
    let new = Said {
        polarity: wanted,
        values: vec![value.clone()],
    };
    if !is_so {
        let together = |said: &&mut (Expr, Option<Said>)| {
            let of = said.1.as_ref();
            wanted == Polarity::With && of.is_some_and(|said| said.polarity == wanted)
        };
        // Several values are asked for as any of them: few fields hold two at once.
        if let Some((expr, Some(said))) = kept.iter_mut().rfind(together) {
            said.values.push(value.clone());
            *expr = parse(&said.term(name)).expr;
        } else if is_changed {
            kept.push((parse(&new.term(name)).expr, None));
        } else {
            // The author's spelling stays where nothing of it is in the way.
            return term::join(text, &new.term(name), Polarity::With);
        }
    }
    Expr::And(kept.into_iter().map(|(expr, _)| expr).collect()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::event::Field;
    use crate::core::instant::Micros;
    use crate::core::profile::load;
    use crate::core::query::catalog::Catalog;
    use crate::core::query::resolve::{Moment, resolve};

    fn resolved(text: &str) -> Predicate {
        let profile = load::named("clutch").expect("built in");
        let moment = Moment {
            now: Micros(0),
            tz: chrono_tz::Tz::UTC,
        };
        let resolved = resolve(&parse(text), &Catalog::new("x", &profile), moment);
        resolved.predicate.unwrap_or_else(|| panic!("{text}"))
    }

    fn toggle(text: &str, name: &str, value: Option<&str>, wanted: Polarity) -> String {
        let subject = match name {
            "outcome" => Subject::Outcome,
            _ => Subject::Field(Field::Actor),
        };
        let value = value.map(str::to_owned);
        let says = |part: &str| Said::of(&resolved(part), &subject);
        toggled(text, (name, &value), wanted, says)
    }

    #[test]
    fn a_value_is_asked_for_ruled_out_and_let_go() {
        use Polarity::{With, Without};
        for (text, value, wanted, expected) in [
            ("", Some("bob"), With, "user:bob"),
            ("is:error", Some("bob"), Without, "is:error -user:bob"),
            ("user:bob is:error", Some("bob"), With, "is:error"),
            ("actor:\"bob\" x", Some("bob"), Without, "x -user:bob"),
            ("user:bob", Some("al ice"), With, "user:(bob, \"al ice\")"),
            ("user:(bob, 7)", Some("bob"), With, "user:7"),
            (
                "user:bob OR user:7",
                Some("true"),
                With,
                "user:(bob, 7, true)",
            ),
            ("-user:bob", Some("bob"), With, "user:bob"),
            ("-user:(a, b) c", Some("b"), Without, "-user:a c"),
            ("-user:a", Some("b"), Without, "-user:a -user:b"),
            ("user:a", Some("b"), Without, "user:a -user:b"),
            ("user:bob", None, With, "(user:bob OR missing:user)"),
            ("(user:bob OR missing:user)", None, With, "user:bob"),
            ("x", None, Without, "x has:user"),
            ("has:user", None, Without, ""),
            ("has:user", None, With, "missing:user"),
            (
                "a OR user:bob",
                Some("bob"),
                With,
                "(a OR user:bob) user:bob",
            ),
        ] {
            assert_eq!(toggle(text, "user", value, wanted), expected, "{text}");
        }
        let let_go = toggle("is:error", "outcome", Some("failed"), With);
        assert_eq!(let_go, "outcome:denied");
    }

    #[test]
    fn what_is_said_of_others_stays() {
        let user = Subject::Field(Field::Actor);
        let left = of_others(&resolved("user:bob kind:x -user:(a, b) user:c*"), &user);
        assert_eq!(left, resolved("kind:x user:c*"));
        assert_eq!(of_others(&resolved("user:bob"), &user), Predicate::All);
    }
}
