//! Panels that list what is known of a user or a resource, and the questions they ask: one at a time,
//! on the connection of the reports.

use crate::app::filter_bar::term;
use crate::app::inquiry::lines::{Asking, of_resource, of_user};
use crate::app::inquiry::sheet::{Aim, Row, Sheet, Tone};
use crate::app::inquiry::{Panel, Wanted};
use crate::app::notice::Level;
use crate::app::overlay::{Overlay, Picker};
use crate::app::zone::Zone;
use crate::app::{App, Effect, Page};
use crate::core::aggregate::{Aggregate, AggregateRequest};
use crate::core::event::Field;
use crate::core::instant::Micros;
use crate::core::usage::Report;
use crate::core::usage::answer::Answer as Said;
use crate::core::usage::dossier::Dossier;
use crate::core::usage::touched::Touched;
use crate::store::StoreError;

/// What a listing is about.
#[derive(Clone, Debug)]
pub enum About {
    /// A user.
    User(Box<Dossier>),
    /// A resource.
    Resource(Touched),
}

/// A panel with lines that lead to events.
#[derive(Clone, Debug)]
pub struct Listing {
    /// What it is about.
    pub about: About,
    /// Its lines.
    pub sheet: Sheet,
    /// Why nothing more is asked.
    ended: Option<Ended>,
}

/// Why nothing more is asked for a listing.
#[derive(Clone, Debug)]
enum Ended {
    /// Somebody has stopped it.
    Stopped,
    /// The store did not answer; why.
    Failed(String),
}

impl Ended {
    fn word(&self) -> &str {
        match self {
            Self::Stopped => "stopped",
            Self::Failed(why) => why,
        }
    }
}

impl Listing {
    fn new(about: About, zone: &Zone) -> Self {
        let mut listing = Self {
            about,
            sheet: Sheet::default(),
            ended: None,
        };
        listing.refill(zone);
        listing
    }

    pub(super) fn next(&mut self, span: Option<(Micros, Micros)>) -> Option<AggregateRequest> {
        if self.ended.is_some() {
            return None;
        }
        match &mut self.about {
            About::User(dossier) => dossier.next(),
            About::Resource(touched) => touched.next(span),
        }
    }

    fn take(&mut self, answer: Result<Aggregate, StoreError>) {
        match (answer, &mut self.about) {
            (Ok(answer), About::User(dossier)) => dossier.take(&answer),
            (Ok(answer), About::Resource(touched)) => touched.take(&answer),
            // The tab has asked something in its place.
            (Err(StoreError::Cancelled), _) => self.ended = Some(Ended::Stopped),
            (Err(error), _) => self.ended = Some(Ended::Failed(error.to_string())),
        }
    }

    fn refill(&mut self, zone: &Zone) {
        let asking = match self.ended {
            None => Asking::On,
            Some(_) => Asking::Ended,
        };
        let (title, mut rows) = match &self.about {
            About::User(dossier) => of_user(dossier, zone, asking),
            About::Resource(touched) => of_resource(touched, zone, asking),
        };
        if let Some(ended) = &self.ended {
            let text = format!("{} · F5 asks again", ended.word());
            rows.insert(0, Row::new(Tone::New, "not all is known", text));
        }
        self.sheet.fill(title, rows);
    }
}

impl App {
    /// What is known of the user of the event, or of the selected line of users.
    pub(super) fn look_into_user(&mut self) -> Vec<Effect> {
        let Some(profile) = self.description().map(|known| known.profile.clone()) else {
            return Vec::new();
        };
        let now = (self.now(), self.zone.tz());
        let (user, event) = if self.page == Page::Usage {
            (self.selected_user(), None)
        } else {
            let event = self.subject().cloned();
            let user = event.as_ref().and_then(|event| event.first(Field::Actor));
            (user.map(str::to_owned), event)
        };
        let name = user.as_deref().unwrap_or_default();
        let Some(dossier) = Dossier::new(name, event.as_ref(), &profile, now) else {
            self.notify(Level::Info, "this store does not say who acted", None);
            return Vec::new();
        };
        if user.is_none() {
            let text = match self.page {
                Page::Usage => "select a user's line",
                _ => "this event does not say who acted",
            };
            self.notify(Level::Info, text, None);
            return Vec::new();
        }
        self.list(About::User(Box::new(dossier)))
    }

    /// The user on the selected line of the Usage tab.
    fn selected_user(&self) -> Option<String> {
        let (number, line) = self.usage.selected;
        let section = self.usage.sections.get(number)?;
        let usage = section.usage();
        let is_of_users =
            matches!(usage.report, Report::TopUsers | Report::NewUsers) && usage.groups.is_none();
        match section.answer.as_ref().filter(|_| is_of_users)? {
            Said::Ranking(ranking) => ranking.rows.get(line)?.value.clone(),
            _ => None,
        }
    }

    /// Everything done to the event's resource; asks which one where there are several.
    pub(super) fn look_into_resource(&mut self) -> Vec<Effect> {
        let Some(event) = self.subject() else {
            return Vec::new();
        };
        let mut resources: Vec<String> = Vec::new();
        for value in event.all(Field::Resource) {
            if !resources.iter().any(|known| known == value.text()) {
                resources.push(value.text().to_owned());
            }
        }
        match resources.as_slice() {
            [] => {
                let text = "this event does not say what it was done to";
                self.notify(Level::Info, text, None);
            }
            [one] => return self.touch(one),
            several => self
                .overlays
                .push(Overlay::Picker(Picker::resources(several))),
        }
        Vec::new()
    }

    /// Filters by a resource, at all times, and lists who touched it.
    pub(in crate::app) fn touch(&mut self, resource: &str) -> Vec<Effect> {
        let Some(profile) = self.description().map(|known| known.profile.clone()) else {
            return Vec::new();
        };
        let mut effects = self.set_filter(&term::field(Field::Resource, Some(resource)));
        effects.extend(self.list(About::Resource(Touched::new(resource, &profile))));
        effects
    }

    fn list(&mut self, about: About) -> Vec<Effect> {
        // What is still being asked is another listing's, which gives way.
        let mut effects = self.stop_panel().unwrap_or_default();
        self.overlays.retain(
            |open| !matches!(open, Overlay::Panel(panel) if matches!(**panel, Panel::List(_))),
        );
        let listing = Listing::new(about, &self.zone);
        self.push_panel(Panel::List(Box::new(listing)));
        self.usage.give_way();
        effects.extend(self.ask_for_panel());
        effects
    }

    /// The listing that is open, also below something else.
    fn listing_mut(&mut self) -> Option<&mut Listing> {
        self.overlays.iter_mut().rev().find_map(|open| match open {
            Overlay::Panel(panel) => match &mut **panel {
                Panel::List(listing) => Some(&mut **listing),
                Panel::Note(_) | Panel::Compare(_) | Panel::Marks(_) => None,
            },
            _ => None,
        })
    }

    /// Asks the next question of the topmost panel, when none is being asked.
    pub(in crate::app) fn ask_for_panel(&mut self) -> Vec<Effect> {
        let span = self.question.span;
        if self.inquiry.is_asking() {
            return Vec::new();
        }
        let Some(request) = self.listing_mut().and_then(|listing| listing.next(span)) else {
            return Vec::new();
        };
        let generation = self.next();
        self.inquiry.counting = Some(generation);
        vec![Effect::Inquiry(Wanted::Count(
            generation,
            Box::new(request),
        ))]
    }

    pub(super) fn counted_for_panel(
        &mut self,
        result: Result<Aggregate, StoreError>,
    ) -> Vec<Effect> {
        self.inquiry.counting = None;
        let zone = self.zone.clone();
        if let Some(listing) = self.listing_mut() {
            listing.take(result);
            listing.refill(&zone);
        }
        self.ask_for_panel()
    }

    /// Asks once more what the store did not answer.
    pub(in crate::app) fn retry_listing(&mut self) -> Vec<Effect> {
        match self.listing_mut().map(|listing| &mut listing.ended) {
            Some(ended @ Some(Ended::Failed(_))) => *ended = None,
            _ => return Vec::new(),
        }
        self.go_on_asking()
    }

    /// The same for what was stopped, because the user wants that.
    pub(in crate::app) fn refresh_listing(&mut self) -> Vec<Effect> {
        match self.listing_mut() {
            Some(listing) => listing.ended = None,
            None => return Vec::new(),
        }
        self.go_on_asking()
    }

    fn go_on_asking(&mut self) -> Vec<Effect> {
        let zone = self.zone.clone();
        if let Some(listing) = self.listing_mut() {
            listing.refill(&zone);
        }
        let effects = self.ask_for_panel();
        if !effects.is_empty() {
            self.usage.give_way();
        }
        effects
    }

    /// Stops asking for a panel; `None` when nothing is being asked.
    pub(in crate::app) fn stop_panel(&mut self) -> Option<Vec<Effect>> {
        self.inquiry.counting.take()?;
        let zone = self.zone.clone();
        if let Some(listing) = self.listing_mut() {
            listing.ended = Some(Ended::Stopped);
            listing.refill(&zone);
        }
        Some(vec![Effect::StopUsage])
    }

    /// Goes where the selected line of the panel leads.
    pub(super) fn go_from_panel(&mut self) -> Vec<Effect> {
        let sheet = self.panel_mut().and_then(|panel| panel.sheet());
        let Some(aim) = sheet.and_then(|sheet| sheet.row()?.aim.clone()) else {
            return Vec::new();
        };
        let mut effects = self.back_from_panel();
        match aim {
            Aim::Filter(filter) => {
                let from = self.page;
                if from == Page::Usage {
                    effects.extend(self.leave_usage());
                }
                self.inspector = None;
                self.focus = crate::app::Focus::List;
                effects.extend(self.set_filter_from(&filter, from));
            }
            Aim::Mark(id) => effects.extend(self.go_to_mark(&id)),
        }
        effects
    }
}
