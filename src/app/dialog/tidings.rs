//! What the store and the work on a purge tell the dialog, and which step that leads to.

use tui_input::Input;

use crate::app::archives::Whose;
use crate::app::dialog::steps::Proposal;
use crate::app::dialog::{Sights, Step, Surveying};
use crate::app::histogram::Histogram;
use crate::app::notice::Level;
use crate::app::work::{Outcome, Work};
use crate::app::{App, Effect, Page};
use crate::purge::dossier::Phase;
use crate::purge::facts::Facts;
use crate::purge::fault::Fault;
use crate::store::StoreError;

impl App {
    pub(in crate::app) fn told_survey(
        &mut self,
        result: Result<Box<Proposal>, Fault>,
    ) -> Vec<Effect> {
        let profile = self.description().map(|found| found.profile.clone());
        let Some(dialog) = &mut self.dialog else {
            return Vec::new();
        };
        match result {
            Ok(proposal) => {
                let Proposal { plan, place } = *proposal;
                let sights = profile.map(|profile| Sights::of(&plan, &profile));
                dialog.place = Input::new(place.display().to_string());
                dialog.surveying = Surveying::Done(Box::new(plan), sights.unwrap_or_default());
            }
            Err(fault) => dialog.surveying = Surveying::Failed(fault),
        }
        Vec::new()
    }

    pub(in crate::app) fn told_overview(
        &mut self,
        result: Result<Histogram, StoreError>,
    ) -> Vec<Effect> {
        match (result, &mut self.dialog) {
            (Ok(overview), Some(dialog)) => {
                dialog.overview = overview;
                Vec::new()
            }
            (Err(error), _) => self.failed(&error),
            (Ok(_), None) => Vec::new(),
        }
    }

    pub(in crate::app) fn found_at_place(&mut self, facts: Box<Facts>, whose: Whose) {
        let Some(dialog) = &mut self.dialog else {
            return;
        };
        dialog.step = Step::Place;
        let holds = match (facts.phase, whose) {
            (Phase::Complete, _) => "that directory holds a finished purge",
            (_, Whose::Another) => "that directory holds a purge of another store",
            (_, Whose::ThisStore) => {
                dialog.offer = Some(facts);
                return;
            }
        };
        self.complain(holds, "name one that does not exist");
    }

    /// The work on a purge has ended.
    pub(in crate::app) fn purge_ended(
        &mut self,
        work: &Work,
        facts: Option<Box<Facts>>,
        result: Result<Outcome, Fault>,
    ) {
        let asks_for_role = match &result {
            Err(Fault::Store(StoreError::NotAllowed { .. })) => true,
            // The role that was typed cannot log in: another one is needed.
            Err(Fault::Store(StoreError::Connect { .. } | StoreError::Target { .. })) => {
                let dialog = self.dialog.as_ref();
                dialog.is_some_and(|dialog| dialog.as_whom.is_some())
            }
            _ => false,
        };
        let was_seen = self.page == Page::Purge;
        let sentence = match (&result, &facts) {
            (Ok(_), Some(facts)) if facts.phase == Phase::Complete => "the purge is complete",
            (Ok(_), _) => "the archive is verified; the deletion waits for you",
            (Err(_), _) => "",
        };
        if let Some(dialog) = &mut self.dialog {
            match facts {
                Some(facts) => dialog.stand(facts),
                // Nothing was written: the place is still to be found.
                None if work.word == "backup" => dialog.step = Step::Place,
                None => {}
            }
            dialog.fault = result.as_ref().err().cloned();
            if asks_for_role {
                dialog.role = Some(dialog.role_to_mend());
            }
        }
        match result {
            Ok(_) if !was_seen => self.notify(Level::Info, sentence, Some("P shows it".to_owned())),
            Err(fault) if !was_seen => {
                self.notify(
                    Level::Error,
                    fault.to_string(),
                    Some("P shows it".to_owned()),
                );
            }
            Ok(_) | Err(_) => {}
        }
    }
}
