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

impl App {
    pub(super) fn opened(
        &mut self,
        description: Arc<Description>,
        skew: Option<i64>,
    ) -> Vec<Effect> {
        self.learn(Catalog::new(&description.name, &description.profile));
        if self.settings.groups.is_none() {
            self.usage.by = By::Users;
        }
        self.connection = Connection::Ready(description);
        self.await_sample();
        self.skew = skew.unwrap_or(0);
        let mut effects = self.arrive();
        effects.extend(self.ask().into_iter().chain(self.load_marks()));
        effects.push(self.sample());
        effects.extend(self.seek_anchor());
        effects
    }

    /// Groups that were told by whoever opened the store come first.
    pub(super) fn told_groups(&mut self, result: Result<Arc<Groups>, StoreError>) -> Vec<Effect> {
        match result {
            Ok(groups) => {
                self.settings.groups.get_or_insert(groups);
            }
            Err(_) if self.settings.groups.is_some() => {}
            Err(error) => {
                let text = format!("who is in which group is not known: {error}");
                self.notify(Level::Error, text, error.hint().map(str::to_owned));
            }
        }
        Vec::new()
    }

    fn learn(&mut self, catalog: Catalog) {
        self.catalog = catalog;
        self.catalog.groups.clone_from(&self.settings.groups);
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

    fn learned_names(&mut self, result: Result<Box<Catalog>, StoreError>) -> Vec<Effect> {
        match result {
            Ok(catalog) => {
                self.learn(*catalog);
                self.sampled();
                self.filter.judge(&self.catalog, self.moment());
                if self.is_waiting_for_filter() {
                    return self.ask_again();
                }
                // A name that only the sample knows makes a waiting filter valid.
                self.run_filter()
            }
            Err(error) => {
                let mut effects = self.failed(&error);
                if self.is_waiting_for_filter() {
                    effects.extend(self.ask_again());
                }
                effects
            }
        }
    }
}
