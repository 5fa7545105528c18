//! The user's own files: filters of former sessions and saved views.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use crate::app::Effect;
use crate::runtime::effects::{Report, Workers};
use crate::runtime::{history, views};

impl Workers {
    /// Runs an effect on the user's own files.
    pub(super) fn take_personal(&mut self, effect: Effect) {
        match effect {
            Effect::Remember(filter) => self.with_file(self.files.history.clone(), move |path| {
                let kept = history::append(path, &filter);
                let failed = kept.err()?;
                Some(trouble("the filter cannot be kept in", path, &failed))
            }),
            Effect::SaveView(named) => self.with_file(self.files.views.clone(), move |path| {
                Some(match views::save(path, &named) {
                    Ok(all) => {
                        let said = format!("saved as {} in {}", named.name, path.display());
                        Report::Views(all, Some(said))
                    }
                    Err(error) => Report::Trouble(format!("the view is not saved: {error}")),
                })
            }),
            Effect::DeleteView(name) => self.with_file(self.files.views.clone(), move |path| {
                Some(match views::delete(path, &name) {
                    Ok(all) => {
                        let said = format!("deleted {name} from {}", path.display());
                        Report::Views(all, Some(said))
                    }
                    Err(error) => Report::Trouble(format!("the view is not deleted: {error}")),
                })
            }),
            other => self.take_purge(other),
        }
    }

    pub(super) fn load_history(&self) {
        self.with_file(self.files.history.clone(), |path| {
            Some(match history::load(path) {
                Ok(entries) => Report::History(entries),
                Err(error) => trouble("former filters cannot be read from", path, &error),
            })
        });
    }

    pub(super) fn load_views(&self) {
        self.with_file(self.files.views.clone(), |path| {
            Some(match views::load(path) {
                Ok(all) => Report::Views(all, None),
                Err(error) => Report::Trouble(format!("saved views cannot be read: {error}")),
            })
        });
    }

    /// Works on a file where that may block.
    pub(super) fn with_file(
        &self,
        path: Option<PathBuf>,
        work: impl FnOnce(&Path) -> Option<Report> + Send + 'static,
    ) {
        let Some(path) = path else {
            return;
        };
        let out = self.out.clone();
        self.spawn(async move {
            let done = tokio::task::spawn_blocking(move || work(&path));
            if let Ok(Some(report)) = done.await {
                let _ = out.send(report).await;
            }
        });
    }
}

fn trouble(what: &str, path: &Path, error: &dyn Display) -> Report {
    Report::Trouble(format!("{what} {}: {error}", path.display()))
}
