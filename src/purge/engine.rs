//! What every step works with: the store's purging side, a clock, somebody to tell, ways to stop.

use std::time::Duration;

use crate::core::purge::plan::Plan;
use crate::purge::clock::Clock;
use crate::purge::delete::cut;
use crate::purge::fault::Fault;
use crate::purge::halt::Halt;
use crate::purge::progress::{Progress, Told};
use crate::store::purger::{Probe, Purger};

/// Drives a store and an archive; a step each in a file below.
pub struct Engine<'e> {
    /// The store.
    pub purger: &'e dyn Purger,
    /// Time.
    pub clock: &'e dyn Clock,
    /// Who listens.
    pub told: Told,
    /// What stops it.
    pub halt: Halt,
}

impl Engine<'_> {
    /// How long a plan is good before its backup is verified.
    pub const PLAN_LASTS: Duration = Duration::from_hours(24);
    /// Another clock than the server's by more than this is told.
    const SKEW: i64 = 60 * 1_000_000;

    /// Looks at the store; whatever differs from the plan is refused.
    pub async fn same_store(&self, plan: &Plan) -> Result<Probe, Fault> {
        let probe = self.purger.probe(self.halt.token()).await.map_err(cut)?;
        let different = differences(plan, &probe);
        if different.is_empty() {
            return Ok(probe);
        }
        Err(Fault::refused(
            format!(
                "{} is not what it was when the purge was planned: {}",
                plan.target,
                different.join(", ")
            ),
            "make a new plan; the archive stays as it is",
        ))
    }

    /// The same, and the plan must still be fresh.
    pub async fn same_store_in_time(&self, plan: &Plan) -> Result<Probe, Fault> {
        let probe = self.same_store(plan).await?;
        let lasts = i64::try_from(Self::PLAN_LASTS.as_micros()).unwrap_or(i64::MAX);
        if probe.now > plan.made_at.plus(lasts) {
            return Err(Fault::refused(
                format!(
                    "the plan of {} is older than 24 hours and its backup is not verified",
                    plan.made_at
                ),
                "make a new plan into another directory",
            ));
        }
        Ok(probe)
    }

    /// A sentence when this machine's clock and the server's disagree.
    pub fn skew(&self, probe: &Probe) -> Option<String> {
        let ahead = self.clock.now().0.saturating_sub(probe.now.0);
        (ahead.abs() > Self::SKEW).then(|| {
            format!(
                "this machine's clock and the server's differ by {} s; the server's decides",
                ahead.abs() / 1_000_000
            )
        })
    }

    /// Tells something in words.
    pub async fn note(&self, text: impl Into<String>) {
        self.told.tell(Progress::Note { text: text.into() }).await;
    }
}

/// What a probe finds otherwise than the plan has it, in words.
pub(super) fn differences(plan: &Plan, probe: &Probe) -> Vec<String> {
    let mut words = Vec::new();
    if probe.identity != plan.identity {
        let facts = plan.identity.facts.iter().zip(&probe.identity.facts);
        let other = facts.filter(|(then, now)| then != now);
        words
            .extend(other.map(|(then, now)| format!("{} was {} and is {}", then.0, then.1, now.1)));
        let (then, now) = (&plan.identity.server, &probe.identity.server);
        if then != now {
            words.push(format!("the server was {then} and is {now}"));
        }
        if words.is_empty() {
            words.push("it is another one".to_owned());
        }
    }
    if probe.relations != plan.relations {
        words.push("its columns, keys or related tables have changed".to_owned());
    }
    if probe.encoding != plan.encoding || probe.order != plan.order {
        words.push("its rows would be read in another order or form".to_owned());
    }
    words
}
