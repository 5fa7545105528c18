//! `auditail demo`: a generated audit log, on the screen or into a database.

use std::time::Duration;

use chrono::Utc;
use tokio_util::sync::CancellationToken;

use crate::cli::arguments::{Common, Demo};
use crate::cli::failure::Failure;
use crate::cli::{headless, narrate, signals};
use crate::core::instant::Micros;
use crate::demo::{History, Live, Plan};
use crate::store::connect::redact_url;
use crate::store::postgres::demo::{DemoWriter, Loaded};

/// Systems whose audit log can be generated.
const SYSTEMS: [&str; 1] = ["clutch"];

/// Runs the command.
pub fn run(arguments: &Demo, _common: &Common) -> Result<(), Failure> {
    if !SYSTEMS.contains(&arguments.system.as_str()) {
        return Err(Failure::usage(format!(
            "no audit log of {} can be generated",
            arguments.system
        ))
        .hint(format!("--system {}", SYSTEMS.join(", "))));
    }
    if arguments
        .rate
        .is_some_and(|rate| !(0.0..=MOST_RATE).contains(&rate))
    {
        return Err(Failure::usage(format!(
            "--rate takes 0 to {MOST_RATE} events a second"
        )));
    }
    match &arguments.into {
        Some(url) => headless(into(url, arguments)),
        None => Err(Failure::usage("the demo on the screen is not there yet")),
    }
}

/// More is no demo, and every event of it is a statement of its own.
const MOST_RATE: f64 = 1000.0;

/// Loads the events into a database, and goes on writing if a rate is given.
async fn into(url: &str, arguments: &Demo) -> Result<(), Failure> {
    let stop = CancellationToken::new();
    let work = async {
        let mut writer = DemoWriter::connect(url).await?;
        let begun = local_now();
        let mut told = 0;
        let progress = |rows: u64| {
            if rows / 500_000 > told {
                told = rows / 500_000;
                narrate::say(&format!(
                    "{} of {} rows",
                    narrate::rows(rows),
                    narrate::rows(arguments.events)
                ));
            }
        };
        let rows = History::new(plan(arguments, begun));
        match writer.load(rows, progress, &stop).await? {
            Loaded::Rows(rows) => narrate::say(&format!(
                "loaded {rows} events into {} in {:.1} s",
                redact_url(url),
                seconds_since(begun)
            )),
            Loaded::AlreadyThere => narrate::say(&format!(
                "{} holds the demo's events of a former run; they stay as they are",
                redact_url(url)
            )),
        }
        match arguments.rate {
            Some(rate) if rate > 0.0 => write_on(&mut writer, rate, arguments.seed, &stop).await,
            _ => Ok(()),
        }
    };
    signals::heed(&stop, work).await
}

/// Writes until it is stopped.
async fn write_on(
    writer: &mut DemoWriter,
    rate: f64,
    seed: u64,
    stop: &CancellationToken,
) -> Result<(), Failure> {
    narrate::say(&format!(
        "writing {rate} events a second until it is stopped (Ctrl-C)"
    ));
    let mut live = Live::new(seed, rate, local_now());
    while !stop.is_cancelled() {
        let wait = live.due().0.saturating_sub(local_now().0);
        let wait = Duration::from_micros(u64::try_from(wait).unwrap_or(0));
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = stop.cancelled() => break,
        }
        writer.apply(live.take(local_now())).await?;
    }
    Ok(())
}

fn plan(arguments: &Demo, now: Micros) -> Plan {
    Plan {
        seed: arguments.seed,
        events: arguments.events,
        now,
    }
}

/// The demo makes events up; the clock of this machine is as good as any.
fn local_now() -> Micros {
    Utc::now().into()
}

fn seconds_since(begun: Micros) -> f64 {
    let micros = u64::try_from(local_now().0.saturating_sub(begun.0)).unwrap_or_default();
    Duration::from_micros(micros).as_secs_f64()
}
