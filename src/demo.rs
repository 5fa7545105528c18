//! The demo's material: audit events as Lyft Clutch writes them, made up, seeded and reproducible.
//!
//! Pure: drivers put the rows into a store. [`History`] is what is there when the demo starts,
//! [`Live`] what happens while somebody watches.

mod calendar;
#[cfg(test)]
mod causes;
pub mod dronahq;
mod history;
mod hostile;
mod live;
mod material;
mod scene;
mod template;

use crate::core::instant::Micros;

pub use history::History;
pub use live::Live;

/// One row of Clutch's `audit_events`; the store gives the id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoRow {
    /// `occurred_at`
    pub occurred_at: Micros,
    /// `details`: a JSON object as text.
    pub details: String,
    /// `sent`
    pub sent: bool,
}

/// How much history there is to be. The same plan gives the same rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Other seeds give other people's days.
    pub seed: u64,
    /// How many rows.
    pub events: u64,
    /// Where the history ends; it begins [`Plan::DAYS`] earlier.
    pub now: Micros,
}

impl Plan {
    /// How far the history reaches back.
    pub const DAYS: i64 = 120;
}

/// Names a row that [`Live`] inserted, until the driver knows its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// What a running Clutch does to its table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DemoAction {
    /// A request began (no `response_body` yet), or something finished was logged at once.
    Insert {
        /// For the updates that follow.
        ticket: Ticket,
        /// The row.
        row: DemoRow,
    },
    /// The response arrived. PostgreSQL: `details = details || patch`.
    Update {
        /// Which row.
        ticket: Ticket,
        /// The keys Clutch writes with the response.
        patch: String,
        /// The details with the patch applied, for stores that cannot do it.
        details: String,
    },
    /// The poller has handed the row to its sinks: `sent = true`. The last action of its ticket.
    Sent {
        /// Which row.
        ticket: Ticket,
    },
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::core::event::{Field, Outcome};
    use crate::core::json::FlatJson;
    use crate::core::profile::evaluate::{Evaluated, evaluate};
    use crate::core::profile::load;
    use crate::core::sanitise::safe;

    /// A Friday.
    const NOW: Micros = Micros(1_790_000_000_000_000);
    const HOUR: i64 = 3_600 * Micros::SECOND;
    const DAY: i64 = 24 * HOUR;

    fn plan(events: u64) -> Plan {
        Plan {
            seed: 7,
            events,
            now: NOW,
        }
    }

    fn read(at: Micros, details: &str) -> Evaluated {
        let record = format!(r#"{{"occurred_at":"{at}","details":{details}}}"#);
        let json = FlatJson::parse(record).expect(details);
        evaluate(&load::named("clutch").expect("built in"), &json)
    }

    fn first(event: &Evaluated, field: Field) -> &str {
        event.values.first(field).unwrap_or_default()
    }

    #[test]
    fn a_plan_gives_the_same_rows_in_order_and_no_more() {
        for events in [0, 1, 5, 40, 3_000] {
            let rows: Vec<_> = History::new(plan(events)).collect();
            assert_eq!(rows.len() as u64, events);
            assert!(
                rows.windows(2)
                    .all(|pair| pair[0].occurred_at <= pair[1].occurred_at)
            );
            assert!(rows.iter().all(|row| row.occurred_at <= NOW));
            let again: Vec<_> = History::new(plan(events)).collect();
            assert_eq!(rows, again);
        }
        let other = Plan {
            seed: 8,
            ..plan(40)
        };
        assert_ne!(
            History::new(plan(40)).collect::<Vec<_>>(),
            History::new(other).collect::<Vec<_>>()
        );
    }

    fn history() -> Vec<(DemoRow, Evaluated)> {
        History::new(plan(20_000))
            .map(|row| {
                let event = read(row.occurred_at, &row.details);
                (row, event)
            })
            .collect()
    }

    #[test]
    fn a_history_has_every_outcome_and_several_services() {
        let mut outcomes = BTreeMap::new();
        let mut services = BTreeSet::new();
        let mut hostile = 0;
        for (row, event) in history() {
            assert_eq!(event.at.instant(), Some(row.occurred_at));
            *outcomes.entry(event.outcome).or_insert(0) += 1;
            services.insert(first(&event, Field::Service).to_owned());
            let mut values = Field::ALL
                .into_iter()
                .flat_map(|field| event.values.all(field));
            hostile += u64::from(values.any(|value| safe(value.text()) != value.text()));
            assert!(
                !row.details.contains("\\u0000"),
                "jsonb has no such character"
            );
            assert!(row.sent || NOW.0 - row.occurred_at.0 < 60 * Micros::SECOND);
        }
        assert!(outcomes.keys().all(Option::is_some));
        assert_eq!(outcomes.len(), Outcome::ALL.len(), "{outcomes:?}");
        assert!(services.len() >= 7, "{services:?}");
        assert!(hostile >= 4, "{hostile}");
    }

    #[test]
    fn a_history_has_a_bot_a_newcomer_and_a_quiet_weekend() {
        let (mut days, mut joined, mut bot) = (BTreeMap::new(), None, 0);
        for (row, event) in history() {
            let actor = first(&event, Field::Actor);
            if actor.starts_with("noor") {
                joined.get_or_insert(row.occurred_at);
            }
            bot += u64::from(actor.starts_with("drift-checker"));
            *days.entry(row.occurred_at.0.div_euclid(DAY)).or_insert(0) += 1;
        }
        let joined = joined.expect("a newcomer").0;
        assert!((0..14 * DAY).contains(&(NOW.0 - joined)));
        assert!(bot > 3_000);
        let (most, least) = (days.values().max(), days.values().min());
        assert!(
            most.expect("days") > &(least.expect("days") * 4),
            "{days:?}"
        );
    }

    #[test]
    fn the_cause_of_the_incident_can_be_read_from_its_rows() {
        let mut hours: BTreeMap<i64, Vec<bool>> = BTreeMap::new();
        for (row, event) in history() {
            if event.outcome == Some(Outcome::Failed) {
                let cause = first(&event, Field::Action) == "ResizeHPA"
                    && row.details.contains("\"cluster\":\"prod-eu-2\"");
                let hour = row.occurred_at.0.div_euclid(HOUR);
                hours.entry(hour).or_default().push(cause);
            }
        }
        let ordinary = hours.values().map(Vec::len).sum::<usize>() / hours.len();
        let worst = hours.values().max_by_key(|errors| errors.len());
        let worst = worst.expect("errors");
        assert!(worst.len() > ordinary * 8, "{} to {ordinary}", worst.len());
        let caused = worst.iter().filter(|cause| **cause).count();
        assert!(caused * 10 > worst.len() * 8);
    }

    #[test]
    fn requests_begin_pending_and_end() {
        let mut live = Live::new(7, 5.0, NOW);
        let mut rows: BTreeMap<Ticket, (Micros, String)> = BTreeMap::new();
        let mut before = NOW;
        let (mut updates, mut sent) = (0, BTreeSet::new());
        for second in 1..=120 {
            let now = NOW.plus(second * Micros::SECOND);
            for action in live.take(now) {
                match action {
                    DemoAction::Insert { ticket, row } => {
                        assert!(row.occurred_at >= before && row.occurred_at <= now);
                        assert!(!row.sent);
                        before = row.occurred_at;
                        rows.insert(ticket, (row.occurred_at, row.details));
                    }
                    DemoAction::Update {
                        ticket,
                        patch,
                        details,
                    } => {
                        updates += 1;
                        let (at, old) = rows.get_mut(&ticket).expect("inserted before");
                        assert_eq!(read(*at, old).outcome, Some(Outcome::Pending));
                        assert_ne!(read(*at, &details).outcome, Some(Outcome::Pending));
                        assert_eq!(merged(old, &patch), value(&details));
                        *old = details;
                    }
                    DemoAction::Sent { ticket } => {
                        assert!(rows.contains_key(&ticket) && sent.insert(ticket));
                    }
                }
            }
            assert!(live.due() > now);
        }
        assert!((450..750).contains(&rows.len()), "{}", rows.len());
        assert!(
            updates > 250 && sent.len() > 400,
            "{updates} {}",
            sent.len()
        );
    }

    fn value(text: &str) -> serde_json::Value {
        serde_json::from_str(text).expect("json")
    }

    /// `details || patch`
    fn merged(details: &str, patch: &str) -> serde_json::Value {
        let mut details = value(details);
        let members = details.as_object_mut().expect("an object");
        for (key, patched) in value(patch).as_object().expect("an object") {
            members.insert(key.clone(), patched.clone());
        }
        details
    }

    #[test]
    fn a_long_sleep_is_not_made_up_for_and_no_rate_is_no_events() {
        let mut live = Live::new(7, 100.0, NOW);
        let after = live.take(NOW.plus(DAY));
        assert!(after.len() < 10, "{}", after.len());
        let mut still = Live::new(7, 0.0, NOW);
        assert_eq!(still.due(), Micros(i64::MAX));
        assert_eq!(still.take(NOW.plus(DAY)), []);
    }
}
