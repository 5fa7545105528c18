//! Work on one purge, from opening its directory to how it stands afterwards.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::mpsc::{Sender, channel};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::app::secret::Secret;
use crate::app::work::{Job, Outcome, Task, Tidings};
use crate::app::{Answer, Generation};
use crate::archive::known;
use crate::core::purge::plan::Plan;
use crate::purge::clock::SystemClock;
use crate::purge::confirm::{Consent, Person};
use crate::purge::dossier::Dossier;
use crate::purge::engine::Engine;
use crate::purge::facts::Facts;
use crate::purge::fault::Fault;
use crate::purge::halt::{Going, Halt};
use crate::purge::opening;
use crate::purge::pace::Limits;
use crate::purge::progress::{Progress, Told};
use crate::purge::verify::Drill;
use crate::runtime::effects::Report;
use crate::runtime::purging::{Purging, lists};
use crate::store::connect::{OpenOptions, lasting};
use crate::store::purger::Purger;

/// Progress under way between the engine and the screen.
const PROGRESS: usize = 16;

/// What work needs.
pub struct Bench {
    pub means: Arc<Purging>,
    pub stop: CancellationToken,
    pub going: watch::Receiver<Going>,
}

impl Bench {
    /// Works until the end, and tells how it came.
    pub fn run(&self, generation: Generation, job: Job, out: &Sender<Report>) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let at = job.at.clone();
        let tidings = match runtime {
            Ok(runtime) => runtime.block_on(self.narrated(generation, job, out)),
            Err(error) => Tidings::Ended(
                Facts::read(&at).ok().map(Box::new),
                Err(Fault::Files {
                    message: format!("the system gives no runtime: {error}"),
                    hint: None,
                }),
            ),
        };
        let answer = Answer::Work(tidings);
        // The loop has gone when this fails; nobody is left to be told.
        let _ = out.blocking_send(Report::Answer(generation, answer));
    }

    async fn narrated(&self, generation: Generation, job: Job, out: &Sender<Report>) -> Tidings {
        let (told, mut progress) = channel::<Progress>(PROGRESS);
        let telling = async {
            while let Some(step) = progress.recv().await {
                let answer = Answer::Work(Tidings::Progress(step));
                let _ = out.send(Report::Answer(generation, answer)).await;
            }
        };
        let (tidings, ()) = tokio::join!(self.work(job, Told::new(told)), telling);
        tidings
    }

    async fn work(&self, job: Job, told: Told) -> Tidings {
        let Job { at, task } = job;
        let at = at_home(&at);
        if let Task::Begin(plan) = &task {
            if Dossier::is_there(&at) {
                return match Facts::read(&at) {
                    Ok(facts) => {
                        let whose = lists::whose(&self.means, &facts);
                        Tidings::Found(Box::new(facts), whose)
                    }
                    Err(fault) => Tidings::Ended(None, Err(fault)),
                };
            }
            if let Err(fault) = Dossier::create(&at, plan) {
                return Tidings::Ended(None, Err(fault));
            }
        }
        if let Some(file) = &self.means.known
            && let Err(error) = known::add(file, &at)
        {
            let text = format!("{} is not remembered: {error}", at.display());
            told.tell(Progress::Note { text }).await;
        }
        let done = self.done(&at, task, told).await;
        Tidings::Ended(Facts::read(&at).ok().map(Box::new), done)
    }

    async fn done(&self, at: &Path, task: Task, told: Told) -> Result<Outcome, Fault> {
        // Whoever only reads an archive does not lock it.
        let mut dossier = match task {
            Task::Restore { .. } => Dossier::read(at)?,
            _ => Dossier::open(at)?,
        };
        let into = match &task {
            Task::Restore { into } => Some(into),
            _ => None,
        };
        let purger = self.purger(dossier.plan(), into).await?;
        let clock = SystemClock::start();
        let engine = Engine {
            purger: &*purger,
            clock: &clock,
            told,
            halt: Halt::new(self.stop.clone(), self.going.clone(), at),
        };
        match task {
            Task::Begin(_) | Task::GoOn => {
                engine.back_up(&mut dossier).await?;
                engine.verify(&mut dossier, Drill::None).await?;
            }
            Task::Verify => {
                engine.verify(&mut dossier, Drill::None).await?;
            }
            Task::Delete { typed, as_whom } => {
                if let Some(typed) = typed {
                    let consent = Consent::Typed(typed);
                    engine.confirm(&mut dossier, &consent, &Person::of_this_process())?;
                }
                let as_whom = as_whom.as_ref().map(Secret::expose);
                let limits = Limits::default();
                engine.delete(&mut dossier, as_whom, limits).await?;
                engine.reconcile(&mut dossier, as_whom).await?;
            }
            Task::Restore { .. } => {
                return Ok(Outcome::Restored(engine.restore(&dossier).await?));
            }
        }
        Ok(Outcome::Done)
    }

    /// The purging side of the store that a plan names, or of another one. The store on the screen
    /// was given with its password, which no plan holds.
    async fn purger(&self, plan: &Plan, into: Option<&Secret>) -> Result<Box<dyn Purger>, Fault> {
        let wanted = into.map_or(plan.target.as_str(), Secret::expose);
        let given = (self.means.target)().filter(|given| lasting(given) == wanted);
        // The password that was asked for is that of the store on the screen, and its table may be
        // another than the plan's.
        let options = OpenOptions {
            table: None,
            ..match &given {
                Some(_) => self.means.options.clone(),
                None => OpenOptions::default(),
            }
        };
        let target = given.unwrap_or_else(|| wanted.to_owned());
        opening::of_plan(&target, plan, options).await
    }
}

/// `~/` is the home directory, as in a shell.
pub fn at_home(path: &Path) -> std::path::PathBuf {
    match (path.strip_prefix("~"), etcetera::home_dir()) {
        (Ok(rest), Ok(home)) => home.join(rest),
        _ => path.to_owned(),
    }
}
