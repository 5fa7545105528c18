//! What the screen begins with, and what becomes known of its store when that opens.
//!
//! Opens nothing and asks nothing itself: that is an effect.

use std::sync::Arc;

use chrono_tz::Tz;

use crate::app::notice::Level;
use crate::app::usage::By;
use crate::app::view::Opening;
use crate::app::{App, Connection, Effect};
use crate::core::group::Groups;
use crate::core::profile::Profile;
use crate::core::query::catalog::Catalog;
use crate::store::{Description, StoreError};

/// What the screen begins with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What is being opened, without secrets, for the screen until the store says its name.
    pub target: String,
    /// The zone of times typed without one, and the first one shown.
    pub tz: Tz,
    /// The zone of this machine.
    pub local: Tz,
    /// Where leaving leads.
    pub way: Way,
    /// What is shown first.
    pub opening: Opening,
    /// Which users belong to which groups, where that was told.
    pub groups: Option<Arc<Groups>>,
}

/// Where leaving a store leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// To the shell.
    Out,
    /// To the store from which this one, an archive, was opened.
    Back,
}

/// What the store itself says of groups.
#[derive(Clone, Debug)]
pub(super) enum Told {
    /// It was not asked, or said nothing.
    Nothing,
    /// It is being asked.
    Pending,
    /// Who is in which group.
    Known(Arc<Groups>),
}

impl App {
    pub(super) fn opened(
        &mut self,
        description: Arc<Description>,
        skew: Option<i64>,
    ) -> Vec<Effect> {
        self.learn(Catalog::new(&description.name, &description.profile));
        let groups = self.ask_groups(&description.profile.clone());
        self.connection = Connection::Ready(description);
        self.await_sample();
        self.skew = skew.unwrap_or(0);
        let mut effects = self.arrive();
        effects.extend(groups);
        effects.extend(self.ask().into_iter().chain(self.load_marks()));
        effects.push(self.sample());
        effects.extend(self.seek_anchor());
        effects
    }

    /// Asks who is in which group, where nobody told it with the store and its profile knows a table.
    fn ask_groups(&mut self, profile: &Profile) -> Option<Effect> {
        if self.settings.groups.is_some() {
            return None;
        }
        if profile.groups.is_none() {
            self.tell_users("who is in which group was not told", None);
            return None;
        }
        let generation = self.next();
        self.question.groups = generation;
        if !matches!(self.told, Told::Known(_)) {
            self.told = Told::Pending;
        }
        Some(Effect::Groups(generation))
    }

    /// Tells users one by one; says why where somebody wanted it otherwise.
    fn tell_users(&mut self, why: &str, hint: Option<&str>) {
        if self.usage.by == By::Groups {
            self.usage.by = By::Users;
            let hint = hint.unwrap_or("--groups FILE.csv tells it, a line USER,GROUP each");
            let text = format!("{why}: users are told one by one");
            self.notify(Level::Error, text, Some(hint.to_owned()));
        }
    }

    /// What the store says of groups replaces what it said before.
    pub(super) fn told_groups(
        &mut self,
        result: Result<Option<Arc<Groups>>, StoreError>,
    ) -> Vec<Effect> {
        if matches!(self.told, Told::Pending) {
            self.told = Told::Nothing;
        }
        match result {
            Ok(Some(groups)) => self.told = Told::Known(groups),
            Ok(None) => self.tell_users("this store has no other tables", None),
            Err(StoreError::Cancelled) => return Vec::new(),
            Err(error) => {
                let text = format!("who is in which group is not known: {error}");
                self.notify(Level::Error, text, error.hint().map(str::to_owned));
                self.tell_users("who is in which group is not known", error.hint());
            }
        }
        self.catalog.groups = self.groups();
        self.filter.judge(&self.catalog, self.moment());
        let mut effects = if self.is_waiting_for_filter() {
            self.ask_again()
        } else {
            self.run_filter()
        };
        effects.extend(self.seek_anchor());
        if self.usage.by == By::Groups {
            effects.extend(self.report_anew());
        }
        effects
    }

    /// Who is in which group: as the command line says, or else the store.
    pub fn groups(&self) -> Option<Arc<Groups>> {
        let told = match &self.told {
            Told::Known(groups) => Some(groups),
            Told::Nothing | Told::Pending => None,
        };
        self.settings.groups.as_ref().or(told).cloned()
    }

    /// Whether the store is being asked who is in which group.
    pub fn awaits_groups(&self) -> bool {
        matches!(self.told, Told::Pending)
    }

    fn learn(&mut self, catalog: Catalog) {
        self.catalog = catalog;
        self.catalog.groups = self.groups();
    }

    pub(super) fn sample(&mut self) -> Effect {
        let generation = self.next();
        self.question.catalog = generation;
        Effect::Catalog(generation)
    }

    pub(super) fn learned(&mut self, result: Result<Box<Catalog>, StoreError>) -> Vec<Effect> {
        let mut effects = self.learned_names(result);
        effects.extend(self.seek_anchor());
        effects
    }

    /// Asks without a filter that nobody understands, unless groups may be what it lacks.
    fn ask_without(&mut self) -> Vec<Effect> {
        if self.awaits_groups() {
            return Vec::new();
        }
        self.ask_again()
    }

    fn learned_names(&mut self, result: Result<Box<Catalog>, StoreError>) -> Vec<Effect> {
        match result {
            Ok(catalog) => {
                self.learn(*catalog);
                self.sampled();
                self.filter.judge(&self.catalog, self.moment());
                if self.is_waiting_for_filter() {
                    return self.ask_without();
                }
                // A name that only the sample knows makes a waiting filter valid.
                self.run_filter()
            }
            Err(error) => {
                let mut effects = self.failed(&error);
                if self.is_waiting_for_filter() {
                    effects.extend(self.ask_without());
                }
                effects
            }
        }
    }
}
