//! Effects that concern purges and archives.

use std::path::PathBuf;

use crate::app::{Answer, Effect};
use crate::archive::known;
use crate::runtime::effects::{Alarm, Report, Workers};
use crate::runtime::purging;

impl Workers {
    /// Runs an effect that concerns purges; what is left is the loop's own affair.
    pub(super) fn take_purge(&mut self, effect: Effect) {
        let Some(desk) = &mut self.desk else {
            return;
        };
        let means = desk.means().clone();
        match effect {
            Effect::Survey(generation, wish, catalog) => {
                let stop = self.slots.survey.renew(&self.all);
                self.ask(generation, async move {
                    Answer::Surveyed(purging::survey(&means, &wish, &catalog, &stop).await)
                });
            }
            Effect::Work(generation, job) => {
                let alarm = Alarm(self.alarm.clone());
                desk.begin(generation, *job, self.out.clone(), alarm);
            }
            Effect::Pause(going) => desk.pause(going),
            Effect::StopWork => desk.stop(),
            Effect::Archives(generation) => self.ask(generation, async move {
                let looking = tokio::task::spawn_blocking(move || purging::known(&means));
                Answer::Archives(looking.await.unwrap_or_default())
            }),
            Effect::Overview(generation, predicate, columns) => {
                let Some(store) = self.store.clone() else {
                    return;
                };
                let stop = self.slots.overview.renew(&self.all);
                self.ask(generation, async move {
                    Answer::Overview(purging::overview(store, predicate, columns, &stop).await)
                });
            }
            Effect::Forget(directory) => {
                if let Some(file) = means.known.clone() {
                    self.forget(file, directory);
                }
            }
            _ => {}
        }
    }

    fn forget(&self, file: PathBuf, directory: PathBuf) {
        let out = self.out.clone();
        self.spawn(async move {
            let forgetting = tokio::task::spawn_blocking(move || known::forget(&file, &directory));
            if let Ok(Err(error)) = forgetting.await {
                let sentence = format!("the list of archives cannot be changed: {error}");
                let _ = out.send(Report::Trouble(sentence)).await;
            }
        });
    }
}
