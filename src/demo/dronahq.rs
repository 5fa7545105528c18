//! The same days as DronaHQ's logger writes them: who ran which query in which app or automation.
//!
//! Times, rhythm and failures are those of the other demo; names and keys are DronaHQ's.

use fastrand::Rng;
use serde_json::{Map, Value};

use super::{DemoAction, History, Live, Plan};
use crate::core::instant::Micros;

/// One record of the logging schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// When it happened.
    pub at: Micros,
    /// How long after that it was logged, in milliseconds.
    pub delay: i64,
    /// `info` or `error`.
    pub level: &'static str,
    /// The logger's text.
    pub message: &'static str,
    /// The logging schema's keys with their values, in its order; numbers are digits.
    pub meta: Vec<(&'static str, String)>,
}

impl Record {
    /// `meta` as winston's SQL transports write it: a JSON object, `time` in milliseconds first.
    pub fn meta_json(&self) -> String {
        let mut meta = Map::new();
        meta.insert("time".to_owned(), self.at.0.div_euclid(1000).into());
        for (key, value) in &self.meta {
            let value = match value.parse::<i64>() {
                Ok(number) if NUMBERS.contains(key) => number.into(),
                _ => value.as_str().into(),
            };
            meta.insert((*key).to_owned(), value);
        }
        Value::Object(meta).to_string()
    }

    /// When it was logged.
    pub fn logged_at(&self) -> Micros {
        self.at.plus(self.delay.saturating_mul(1000))
    }
}

/// The keys whose values are numbers.
pub const NUMBERS: [&str; 2] = ["resource-id", "resource-group-id"];

const PEOPLE: [&str; 9] = [
    "ana.ruiz",
    "ben.okafor",
    "chi.nguyen",
    "dana.levi",
    "eli.novak",
    "fatima.zahra",
    "goran.ilic",
    "hana.sato",
    "ops-bot",
];

/// Event, text, kind of connector, what it was asked, names, how often among all.
type Kind = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static [&'static str],
    u32,
);

const KINDS: [Kind; 10] = [
    (
        "db_query",
        "DB Connector Query Execute",
        "mysql",
        "runapi",
        &["getAuthor", "listInvoices", "ordersByDay", "updateStock"],
        46,
    ),
    (
        "api_call",
        "API Call",
        "rest",
        "runapi",
        &["createInvoice", "sendSms", "geocode"],
        30,
    ),
    (
        "user_logged_in",
        "User Logged In",
        "user",
        "login",
        &["web", "mobile"],
        12,
    ),
    (
        "user_logged_out",
        "User Logged Out",
        "user",
        "logout",
        &["web", "mobile"],
        5,
    ),
    (
        "app_saved",
        "App Saved",
        "app",
        "save",
        &["Login", "Warehouse", "Helpdesk"],
        8,
    ),
    (
        "app_published",
        "App Published",
        "app",
        "publish",
        &["Login", "Warehouse", "Helpdesk"],
        2,
    ),
    (
        "connectors_updated",
        "Connector Updated",
        "connector",
        "update",
        &["mysql-main", "stripe"],
        2,
    ),
    (
        "automation_enabled",
        "Automation Enabled",
        "automation",
        "enable",
        &["Nightly export"],
        1,
    ),
    (
        "user_invited",
        "User Invited",
        "user",
        "invite",
        &["new colleague"],
        1,
    ),
    (
        "settings_updated",
        "Settings Updated",
        "settings",
        "update",
        &["Security", "Branding"],
        1,
    ),
];

const APPS: [&str; 4] = ["Login", "Warehouse", "Helpdesk", "Field visits"];
const AUTOMATIONS: [&str; 3] = ["Nightly export", "Stock alert", "Invoice reminder"];

/// The records of a plan, oldest first.
pub fn history(plan: Plan) -> impl Iterator<Item = Record> {
    let mut rng = Rng::with_seed(plan.seed ^ 0xd201);
    History::new(plan).map(move |row| record(&mut rng, row.occurred_at, &row.details))
}

/// What was due at or before `now`.
pub fn live(source: &mut Live, rng: &mut Rng, now: Micros) -> Vec<Record> {
    source
        .take(now)
        .into_iter()
        .filter_map(|action| match action {
            DemoAction::Insert { row, .. } => Some(record(rng, row.occurred_at, &row.details)),
            DemoAction::Update { .. } | DemoAction::Sent { .. } => None,
        })
        .collect()
}

fn record(rng: &mut Rng, at: Micros, details: &str) -> Record {
    let total: u32 = KINDS.iter().map(|kind| kind.5).sum();
    let mut draw = rng.u32(..total);
    let (event, message, connector, verb, names, _) = KINDS
        .iter()
        .find(|kind| {
            let is_it = draw < kind.5;
            draw = draw.saturating_sub(kind.5);
            is_it
        })
        .unwrap_or(&KINDS[0]);
    let is_automation = rng.u32(..4) == 0;
    let person = if is_automation {
        PEOPLE[8]
    } else {
        PEOPLE[rng.usize(..8)]
    };
    let (source, parents): (_, &[&str]) = if is_automation {
        ("automation", &AUTOMATIONS)
    } else {
        ("microapp", &APPS)
    };
    let name = names[rng.usize(..names.len())];
    let environment = if rng.u32(..10) == 0 {
        "Staging"
    } else {
        "Production"
    };
    let meta = vec![
        ("organization-id", "ACME_Team7".to_owned()),
        ("environment", environment.to_owned()),
        ("user-email", format!("{person}@example.com")),
        ("resource-id", (20_000 + name.len() * 97).to_string()),
        ("resource-name", name.to_owned()),
        ("resource-type", (*connector).to_owned()),
        ("resource-action", (*verb).to_owned()),
        (
            "parent-name",
            parents[rng.usize(..parents.len())].to_owned(),
        ),
        ("parent-type", source.to_owned()),
        ("event-id", (*event).to_owned()),
        ("source", source.to_owned()),
        ("user-agent", "Mozilla/5.0 (X11; Linux x86_64)".to_owned()),
        ("resource-group-id", "6625".to_owned()),
    ];
    // A request that failed there fails here.
    let is_fine = details.contains("\"code\":0") || details.contains("\"code\": 0");
    Record {
        at,
        delay: rng.i64(1..40),
        level: if is_fine { "info" } else { "error" },
        message,
        meta,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_plan_gives_the_same_records() {
        let plan = Plan {
            seed: 7,
            events: 500,
            now: Micros(1_767_225_600_000_000),
        };
        let records: Vec<_> = history(plan).collect();
        assert_eq!(records, history(plan).collect::<Vec<_>>());
        assert_eq!(records.len(), 500);
        assert!(records.is_sorted_by_key(|record| record.at));
        let failed = records
            .iter()
            .filter(|record| record.level == "error")
            .count();
        assert!((5..250).contains(&failed), "{failed} of 500 failed");
    }
}
