//! From a number to what is behind it.
//!
//! Does not know where a line leads; its report does.

use crate::app::command::Polarity;
use crate::app::filter_bar::term;
use crate::app::notice::Level;
use crate::app::usage::DAYS;
use crate::app::{App, Effect, Page};

impl App {
    /// Goes to the events behind the selected line.
    pub(in crate::app) fn enter_number(&mut self, polarity: Polarity) -> Vec<Effect> {
        let (number, line) = self.usage.selected;
        let section = self.usage.sections.get(number);
        let Some(aim) = section.and_then(|section| section.aims().get(line).cloned()) else {
            return Vec::new();
        };
        if let Some(report) = aim.report {
            if polarity == Polarity::With {
                self.usage.select(report);
            } else {
                self.notify(Level::Info, "who they are is listed below", None);
            }
            return Vec::new();
        }
        let text = self.filter.text();
        let filter = match (polarity, aim.terms.first()) {
            (Polarity::With, _) => {
                let range = aim.range.clone().or_else(|| self.implicit_range());
                let within = match range {
                    Some(range) => term::with_range(text, Some(&range)),
                    None => text.to_owned(),
                };
                let join = |filter: String, term: &String| term::join(&filter, term, polarity);
                aim.terms.iter().fold(within, join)
            }
            (Polarity::Without, Some(term)) => term::join(text, term, polarity),
            (Polarity::Without, None) => {
                self.notify(Level::Info, "a stretch of time cannot be left out", None);
                return Vec::new();
            }
        };
        if polarity == Polarity::Without {
            return self.set_filter(&filter);
        }
        let mut effects = self.leave_usage();
        effects.extend(self.set_filter_from(&filter, Page::Usage));
        effects
    }

    /// The range in words that a filter takes, where it has none yet.
    pub(super) fn implicit_range(&self) -> Option<String> {
        let (since, until) = self.question.predicate.time_bounds();
        if since.is_some() {
            return None;
        }
        match (self.usage.range, until.or(self.long_ago())) {
            (Some((since, _)), Some(_)) => Some(format!("since:{since}")),
            _ => Some(format!("since:-{DAYS}d")),
        }
    }
}
