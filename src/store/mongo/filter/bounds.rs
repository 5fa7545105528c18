//! Conditions with two sides: wide enough for every match, narrow enough for matches only.

use std::collections::HashSet;

use mongodb::bson::{Document, doc};

use crate::store::Exactness;

/// A condition, with the two that need no words.
#[derive(Clone, Debug, PartialEq)]
pub enum Cond {
    /// Every document.
    All,
    /// No document.
    Never,
    /// Those that MQL finds with this.
    Is(Document),
}

impl Cond {
    /// All of them.
    pub fn all(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut words = Vec::new();
        for part in parts {
            match part {
                Self::All => {}
                Self::Never => return Self::Never,
                Self::Is(part) => words.push(part),
            }
        }
        match words.len() {
            0 => Self::All,
            1 => words.pop().map_or(Self::All, Self::Is),
            _ => Self::Is(doc! {"$and": words}),
        }
    }

    /// Any of them.
    pub fn any(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut words = Vec::new();
        // By their bytes: there may be so many that each cannot be held against each.
        let mut seen = HashSet::new();
        for part in parts {
            match part {
                Self::All => return Self::All,
                Self::Never => {}
                Self::Is(part) => {
                    let is_new = part.to_vec().map_or(true, |bytes| seen.insert(bytes));
                    words.extend(is_new.then_some(part));
                }
            }
        }
        match words.len() {
            0 => Self::Never,
            1 => words.pop().map_or(Self::Never, Self::Is),
            _ => Self::Is(doc! {"$or": words}),
        }
    }

    /// The documents it does not hold for; MQL's conditions are two-valued.
    pub fn not(self) -> Self {
        match self {
            Self::All => Self::Never,
            Self::Never => Self::All,
            Self::Is(part) => Self::Is(doc! {"$nor": [part]}),
        }
    }
}

/// What holds for every match, and what holds for matches only.
#[derive(Clone, Debug, PartialEq)]
pub struct Bounds {
    /// No match is outside.
    pub wide: Cond,
    /// Nothing but matches is inside.
    pub narrow: Cond,
}

impl Bounds {
    /// The condition is what was asked for.
    pub fn exact(cond: Cond) -> Self {
        Self {
            wide: cond.clone(),
            narrow: cond,
        }
    }

    /// The condition lets every match through, and perhaps more.
    pub fn wider(cond: Cond) -> Self {
        Self {
            wide: cond,
            narrow: Cond::Never,
        }
    }

    /// Nothing can be said.
    pub fn unknown() -> Self {
        Self::wider(Cond::All)
    }

    /// Whether the server alone decides.
    pub fn exactness(&self) -> Exactness {
        if self.wide == self.narrow {
            Exactness::Exact
        } else {
            Exactness::Superset
        }
    }

    /// All of them.
    pub fn all(parts: impl IntoIterator<Item = Self>) -> Self {
        let (wide, narrow): (Vec<_>, Vec<_>) = parts
            .into_iter()
            .map(|part| (part.wide, part.narrow))
            .unzip();
        Self {
            wide: Cond::all(wide),
            narrow: Cond::all(narrow),
        }
    }

    /// Any of them.
    pub fn any(parts: impl IntoIterator<Item = Self>) -> Self {
        let (wide, narrow): (Vec<_>, Vec<_>) = parts
            .into_iter()
            .map(|part| (part.wide, part.narrow))
            .unzip();
        Self {
            wide: Cond::any(wide),
            narrow: Cond::any(narrow),
        }
    }

    /// The complement: what surely matched surely does not any more.
    pub fn not(self) -> Self {
        Self {
            wide: self.narrow.not(),
            narrow: self.wide.not(),
        }
    }
}
