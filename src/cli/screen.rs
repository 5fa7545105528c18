//! The screen, where there is a terminal to draw it on.

use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;

use crate::app::view::Opening;
use crate::app::{Settings, Way};
use crate::archive::known;
use crate::cli::arguments::first::First;
use crate::cli::arguments::{Color, Common};
use crate::cli::failure::{Failure, Kind};
use crate::cli::first::{opening, words};
use crate::cli::session::open_options;
use crate::cli::{groups, headless};
use crate::runtime::environment::{self, ColorChoice, Look};
use crate::runtime::password::{self, Answer};
use crate::runtime::purging::Purging;
use crate::runtime::signals::Signal;
use crate::runtime::{
    self, Exit, Files, Opener, Options, RunError, history, marks, sessions, views,
};
use crate::store::connect::{self, OpenOptions, open, redact_url};
use crate::store::secret::Secret;
use crate::ui::theme::Glyphs;
use crate::ui::theme::load::ThemeError;

/// `auditail TARGET`.
pub fn run(target: Option<&str>, first: &First, common: &Common) -> Result<(), Failure> {
    let Some(target) = target else {
        return Err(Failure::usage("which store? TARGET is missing")
            .hint("auditail demo shows a generated audit log")
            .hint("auditail postgres://USER@HOST/DATABASE or mongodb://… opens a database, auditail --help tells more"));
    };
    need_terminal(
        "query TARGET -o ndjson prints events without a screen, tail TARGET follows them",
    )?;
    let files = files();
    let opening = opening(first, words(target, common), &files, common)?;
    let mut options = open_options(common)?;
    if let Some(question) = question(target, &options)? {
        options.password = Some(asked(&question)?);
    }
    let (opener, purging) = at(target, options);
    let shown = Shown {
        target: redact_url(target),
        opening,
        files,
    };
    show(opener, purging, shown, common)
}

/// What is shown, and what is kept of it.
pub struct Shown {
    /// What the store is called until it says its name.
    pub target: String,
    /// What is shown first.
    pub opening: Opening,
    /// The user's own files.
    pub files: Files,
}

/// The user's own files.
pub fn files() -> Files {
    Files {
        history: history::default_path(),
        views: views::default_path(),
        sessions: sessions::default_path(),
        marks: marks::default_path(),
    }
}

/// The store of a target, for reading and for purging.
fn at(target: &str, options: OpenOptions) -> (Opener, Purging) {
    let address: Arc<str> = Arc::from(target);
    let purging = Purging {
        target: {
            let address = Arc::clone(&address);
            Arc::new(move || Some(address.to_string()))
        },
        options: options.clone(),
        known: known::default_path(),
    };
    let options = Arc::new(options);
    let opener: Opener = Arc::new(move || {
        let (address, options) = (Arc::clone(&address), Arc::clone(&options));
        Box::pin(async move { open(&address, &options).await })
    });
    (opener, purging)
}

/// An archive says itself how it is to be read.
fn archive(directory: &Path) -> (Opener, Purging) {
    at(&directory.to_string_lossy(), OpenOptions::default())
}

/// What the server wants to know before it lets anybody in. Asked before the screen, where typing
/// without an echo is what people know.
fn question(target: &str, options: &OpenOptions) -> Result<Option<String>, Failure> {
    let mut question = None;
    headless(async {
        question = connect::question(target, options).await;
        Ok(())
    })?;
    Ok(question)
}

fn asked(question: &str) -> Result<Secret, Failure> {
    match password::ask(question)? {
        Answer::Password(secret) => Ok(secret),
        Answer::Given(signal) => Err(ended(signal)),
    }
}

fn ended(signal: Signal) -> Failure {
    match signal {
        Signal::Interrupt => Failure::new(Kind::Interrupted, "interrupted"),
        _ => Failure::new(Kind::Terminated, "terminated"),
    }
}

/// Refuses to draw where nobody would see it.
pub fn need_terminal(instead: &str) -> Result<(), Failure> {
    if has_terminal() {
        return Ok(());
    }
    Err(Failure::usage(
        "the screen needs a terminal, and stdin or stdout is none that can be drawn on",
    )
    .hint(format!("auditail {instead}")))
}

/// Whether there is a terminal that can be drawn on.
pub fn has_terminal() -> bool {
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    !dumb && std::io::stdout().is_terminal() && std::io::stdin().is_terminal()
}

/// Shows the screen until the user leaves.
pub fn show(open: Opener, purging: Purging, shown: Shown, common: &Common) -> Result<(), Failure> {
    let look = Look {
        theme: common.theme.clone(),
        color: match common.color {
            Color::Auto => ColorChoice::Auto,
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        },
        glyphs: common.ascii.then_some(Glyphs::Ascii),
    };
    let options = Options {
        settings: Settings {
            target: shown.target,
            tz: common.tz(),
            local: environment::local_zone(),
            way: Way::Out,
            opening: shown.opening,
            groups: groups::load(common)?,
        },
        theme: environment::theme(&look)?,
        files: shown.files,
        open,
        purging,
        visit: Arc::new(archive),
    };
    match runtime::run(options)? {
        Exit::Done => Ok(()),
        Exit::NotConnected(error) => Err(error.into()),
        Exit::Signal(signal) => Err(ended(signal)),
        Exit::Panicked => Err(Failure::panicked("a part of the program")),
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        Self::new(Kind::Failed, error.to_string())
    }
}

impl From<ThemeError> for Failure {
    fn from(error: ThemeError) -> Self {
        let mut failure = Self::usage(error.to_string());
        failure.hints.extend(error.hint);
        failure
    }
}
