//! `auditail purge`: the steps of a purge, each resumable, for people and for cron.
//!
//! Decides nothing: the engine does. Here are the questions asked on a terminal, what is printed,
//! and which exit code a fault means.

mod narration;
mod opening;
mod report;

use std::io::{BufRead, IsTerminal, Write};
use std::path::Path;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::archive::known;
use crate::cli::arguments::Common;
use crate::cli::arguments::purge::{
    Answer, Deletion, Form, Planning, Purge, PurgeCommand, Restore, Resumption, Status,
};
use crate::cli::failure::{Failure, Kind};
use crate::cli::narrate;
use crate::cli::signals;
use crate::purge::clock::SystemClock;
use crate::purge::confirm::{self, Consent, Person};
use crate::purge::dossier::Dossier;
use crate::purge::engine::Engine;
use crate::purge::fault::Fault;
use crate::purge::halt::{Going, Halt};
use crate::purge::pace::Limits;
use crate::purge::progress::{Progress, Told};
use crate::purge::verify::Drill;
use crate::store::StoreError;
use crate::store::purger::Purger;

/// Progress under way between the engine and the narration.
const PROGRESS: usize = 64;

/// Runs a step of a purge.
pub async fn run(arguments: &Purge, common: &Common) -> Result<(), Failure> {
    let stop = CancellationToken::new();
    let work = async {
        match &arguments.command {
            PurgeCommand::Plan(planning) => plan(planning, common, &stop).await,
            PurgeCommand::Backup(which) => step(which, common, &stop, Step::Backup).await,
            PurgeCommand::Verify(verify) => {
                let drill = drill(verify.drill);
                step(&verify.which, common, &stop, Step::Verify(drill)).await
            }
            PurgeCommand::Delete(delete) if delete.dry_run => {
                report::statements(&Dossier::read(&delete.which.dir)?, delete.which.format)
            }
            PurgeCommand::Delete(delete) => {
                step(&delete.which, common, &stop, Step::Delete(&delete.how)).await
            }
            PurgeCommand::Status(asked) => status(asked, common, &stop).await,
            PurgeCommand::Run(all) => {
                plan(&all.planning, common, &stop).await?;
                if all.planning.dry_run {
                    return Ok(());
                }
                let which = Resumption {
                    dir: all.planning.to.clone(),
                    target: Some(all.planning.target.clone()),
                    format: all.planning.format,
                };
                step(&which, common, &stop, Step::All(drill(all.drill), &all.how)).await
            }
        }
    };
    signals::heed_gently(&stop, work).await
}

/// Puts an archive back.
pub async fn restore(arguments: &Restore, common: &Common) -> Result<(), Failure> {
    let stop = CancellationToken::new();
    let work = async {
        let dossier = Dossier::read(&arguments.dir)?;
        remember(&arguments.dir);
        let purger = opening::archived(&arguments.target, &dossier, common).await?;
        let restored = with_engine(
            &*purger,
            &arguments.dir,
            arguments.format,
            &stop,
            async |engine| Ok(engine.restore(&dossier).await?),
        )
        .await?;
        report::restored(&restored, arguments.format)?;
        if restored.is_whole() {
            return Ok(());
        }
        Err(Failure::new(
            Kind::Failed,
            format!(
                "{} rows are there with other contents and {} read back altered; all others are as archived",
                restored.conflicts.len(),
                restored.altered.len()
            ),
        ))
    };
    signals::heed_gently(&stop, work).await
}

enum Step<'a> {
    Backup,
    Verify(Drill),
    Delete(&'a Deletion),
    All(Drill, &'a Deletion),
}

fn drill(wanted: bool) -> Drill {
    if wanted { Drill::Scratch } else { Drill::None }
}

async fn plan(
    planning: &Planning,
    common: &Common,
    stop: &CancellationToken,
) -> Result<(), Failure> {
    if !planning.dry_run && Dossier::is_there(&planning.to) {
        return opening::same_plan(planning, common);
    }
    let purger = opening::given(&planning.target, common).await?;
    let plan = with_engine(
        &*purger,
        &planning.to,
        planning.format,
        stop,
        async |engine| opening::plan(engine, planning, common, stop).await,
    )
    .await?;
    if planning.dry_run {
        return report::plan(&plan, planning.format);
    }
    // A plan that could not be written down is not shown either: a failure prints no data.
    Dossier::create(&planning.to, &plan)?;
    remember(&planning.to);
    report::plan(&plan, planning.format)?;
    narrate::say(&format!("the plan is in {}", planning.to.display()));
    Ok(())
}

/// How far a purge has come; and, where a store is named, what is there of the archive's rows.
async fn status(asked: &Status, common: &Common, stop: &CancellationToken) -> Result<(), Failure> {
    let dossier = Dossier::read(&asked.dir)?;
    let standing = match &asked.target {
        None => None,
        Some(target) => {
            let purger = opening::archived(target, &dossier, common).await?;
            let look = async |engine: &Engine<'_>| Ok(engine.standing(&dossier).await?);
            Some(with_engine(&*purger, &asked.dir, asked.format, stop, look).await?)
        }
    };
    report::status(&dossier, standing.as_ref(), asked.format)
}

/// Keeps the directory for the screen's list of archives; one that cannot be kept is no reason to
/// stop.
fn remember(dir: &Path) {
    let kept = known::default_path().map(|file| known::add(&file, dir));
    if let Some(Err(error)) = kept {
        narrate::say(&format!("{} is not remembered: {error}", dir.display()));
    }
}

async fn step(
    which: &Resumption,
    common: &Common,
    stop: &CancellationToken,
    wanted: Step<'_>,
) -> Result<(), Failure> {
    let mut dossier = Dossier::open(&which.dir)?;
    remember(&which.dir);
    let purger = opening::resumed(which, &dossier, common).await?;
    let dir = which.dir.clone();
    with_engine(&*purger, &dir, which.format, stop, async |engine| {
        if matches!(wanted, Step::Backup | Step::All(..)) {
            engine.back_up(&mut dossier).await?;
        }
        if let Step::Verify(drill) | Step::All(drill, _) = wanted {
            engine.verify(&mut dossier, drill).await?;
        }
        if let Step::Delete(how) | Step::All(_, how) = wanted {
            delete(engine, &mut dossier, how, which.format).await?;
        }
        Ok(())
    })
    .await
}

async fn delete(
    engine: &Engine<'_>,
    dossier: &mut Dossier,
    how: &Deletion,
    format: Form,
) -> Result<(), Failure> {
    if !dossier.is_confirmed() {
        let consent = consent(dossier, &how.answer)?;
        engine.confirm(dossier, &consent, &Person::of_this_process())?;
    }
    let as_whom = how.delete_as.as_deref();
    engine.delete(dossier, as_whom, limits(how)).await?;
    let receipt = engine.reconcile(dossier, as_whom).await?;
    report::receipt(&receipt, format)
}

/// The typed phrase, or the options that stand for it.
fn consent(dossier: &Dossier, answer: &Answer) -> Result<Consent, Failure> {
    if answer.yes {
        return match answer.expect_count {
            Some(expected) => Ok(Consent::Expected(expected)),
            None => Err(Failure::usage("--yes needs --expect-count")
                .hint("say how many rows are to go: --expect-count 1000..1500")),
        };
    }
    if !std::io::stdin().is_terminal() {
        return Err(
            Failure::new(Kind::Refused, "nobody is there to confirm the deletion")
                .hint("without a terminal: --yes --expect-count N"),
        );
    }
    report::before_confirmation(dossier);
    narrate::say(&format!("type: {}", confirm::phrase(dossier)));
    let _ = std::io::stderr().flush();
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|error| Failure::new(Kind::Failed, format!("cannot read the phrase: {error}")))?;
    Ok(Consent::Typed(line))
}

/// Runs work with an engine whose progress is narrated.
async fn with_engine<T>(
    purger: &dyn Purger,
    dir: &Path,
    format: Form,
    stop: &CancellationToken,
    work: impl AsyncFnOnce(&Engine<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let (out, mut progress) = mpsc::channel::<Progress>(PROGRESS);
    // Nobody pauses a purge that has no screen.
    let (_going, switch) = watch::channel(Going::On);
    let clock = SystemClock::start();
    let telling = async {
        let mut narration = narration::Narration::new(format);
        while let Some(step) = progress.recv().await {
            narration.tell(&step)?;
        }
        narration.end();
        Ok::<_, Failure>(())
    };
    let working = async {
        let engine = Engine {
            purger,
            clock: &clock,
            told: Told::new(out),
            halt: Halt::new(stop.clone(), switch, dir),
        };
        work(&engine).await
    };
    let (done, told) = tokio::join!(working, telling);
    let done = done?;
    told?;
    Ok(done)
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        let kind = match fault {
            // What was done stays done, and the same command goes on from there.
            Fault::Stopped { .. } | Fault::Store(StoreError::Lost { .. }) => Kind::Partial,
            Fault::Store(error) => return error.into(),
            Fault::Files { .. } => Kind::Failed,
            Fault::Usage { .. } => Kind::Usage,
            Fault::Refused { .. } => Kind::Refused,
        };
        let mut failure = Self::new(kind, fault.to_string());
        failure.hints.extend(fault.hint().map(str::to_owned));
        failure
    }
}

/// Two batches at a time are for somebody who is in a hurry; whoever keeps to a rate gains nothing.
fn limits(how: &Deletion) -> Limits {
    let limits = how.limits();
    if limits.jobs > 1 && !limits.is_none() {
        narrate::say("one batch at a time: --jobs 2 needs --max-rate none");
    }
    limits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_was_cut_off_can_be_gone_on_with() {
        let lost = StoreError::Lost {
            name: "db:5432".to_owned(),
            message: "connection reset".to_owned(),
        };
        let failure = Failure::from(Fault::Store(lost));
        assert_eq!(failure.kind, Kind::Partial);
    }
}
