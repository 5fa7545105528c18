//! The plan: what would go and what would stay, looked at before anything is decided.

use crate::core::instant::Micros;
use crate::core::profile::load;
use crate::core::purge::plan::{CountExactness, Plan, Scope, Survey};
use crate::purge::chain;
use crate::purge::engine::Engine;
use crate::purge::fault::Fault;
use crate::purge::scope::Judge;
use crate::store::purger::Probe;

const WRITTEN_BY: &str = concat!("auditail ", env!("CARGO_PKG_VERSION"));

/// Chained rows are told of.
const CHAINED: &str = "the rows are chained by hashes: the oldest go, one after the other, and the \
                       receipt keeps the hash that the first row left refers to";

impl Engine<'_> {
    /// Surveys what a scope means in this store. `target` is without its password.
    pub async fn plan(&self, probe: &Probe, target: &str, scope: Scope) -> Result<Plan, Fault> {
        refuse_impossible(probe, scope.cutoff)?;
        let mut warnings = probe.warnings.clone();
        warnings.extend(self.skew(probe));
        let mut plan = Plan {
            format: Plan::FORMAT,
            target: target.to_owned(),
            written_by: WRITTEN_BY.to_owned(),
            scope,
            identity: probe.identity.clone(),
            relations: probe.relations.clone(),
            profile: load::print(&probe.profile),
            encoding: probe.encoding,
            order: probe.order,
            survey: Survey::default(),
            warnings,
            made_at: probe.now,
        };
        let judge = Judge::of(&plan)?;
        plan.survey = self
            .purger
            .survey(&judge.selection(), self.halt.token())
            .await?;
        let timeless = plan.survey.timeless.iter().map(|(_, rows)| rows).sum();
        chain::check(&judge, &plan.scope, timeless)?;
        if judge.is_chained() {
            plan.warnings.push(CHAINED.to_owned());
        }
        for (because, selection) in judge.held() {
            // Some stores count what the profile holds back while they survey.
            if plan.survey.held.iter().all(|(known, _)| *known != because) {
                let rows = self.purger.count(&selection, self.halt.token()).await?;
                plan.survey.held.push((because, rows));
            }
        }
        if !judge.is_sayable() {
            plan.survey.exactness = CountExactness::AtMost;
        }
        Ok(plan)
    }
}

fn refuse_impossible(probe: &Probe, cutoff: Micros) -> Result<(), Fault> {
    if let Some(because) = &probe.profile.purge.refuse {
        return Err(Fault::refused(
            format!(
                "a store of {} is never purged: {because}",
                probe.profile.title
            ),
            "use that product's own retention",
        ));
    }
    if cutoff > probe.now {
        return Err(Fault::Usage {
            message: format!(
                "the cutoff {cutoff} is later than the server's clock, {}",
                probe.now
            ),
            hint: Some("events that have not happened yet cannot be old".to_owned()),
        });
    }
    Ok(())
}
