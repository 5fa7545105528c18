//! The options that say what the screen shows first.

use chrono_tz::Tz;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};

use crate::app::view::Tab;
use crate::app::view::anchor::Anchor;
use crate::cli::arguments::{named, names, zone};
use crate::core::calendar::Period;
use crate::core::column::Names;

/// What the screen shows first; as it was left without any of it.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "What the screen shows first")]
pub struct First {
    /// These events
    #[arg(long, value_name = "FILTER", conflicts_with = "view")]
    pub filter: Option<String>,
    /// A saved view
    #[arg(long, value_name = "NAME")]
    pub view: Option<String>,
    /// These columns of the list, by event field, profile field or .payload.path
    #[arg(long, value_name = "A,B,…", value_parser = names)]
    pub columns: Vec<Names>,
    /// This event, by its time and id or by its id alone, and those around it
    #[arg(long, value_name = "TIME/ID")]
    pub event: Option<Anchor>,
    /// This page
    #[arg(long, value_name = "TAB", value_parser = words(&Tab::ALL).try_map(|word| named(&Tab::ALL, &word)))]
    pub tab: Option<Tab>,
    /// Part of the calendar that reports count in one
    #[arg(long, value_parser = words(&Period::ALL).try_map(|word| named(&Period::ALL, &word)))]
    pub period: Option<Period>,
    /// Tells the ranking of users by their groups
    #[arg(long)]
    pub by_group: bool,
    /// Zone of times on the screen, where it is another one than --tz
    #[arg(long, value_name = "ZONE", value_parser = zone)]
    pub zone: Option<Tz>,
    /// Nothing of what was on the screen when the store was left
    #[arg(long)]
    pub fresh: bool,
}

impl First {
    /// Whether any of it was given.
    pub fn is_given(&self) -> bool {
        self.filter.is_some()
            || self.view.is_some()
            || !self.columns.is_empty()
            || self.event.is_some()
            || self.tab.is_some()
            || self.period.is_some()
            || self.by_group
            || self.zone.is_some()
            || self.fresh
    }
}

fn words<T>(all: &[(T, &'static str)]) -> PossibleValuesParser {
    all.iter().map(|(_, word)| *word).collect::<Vec<_>>().into()
}
