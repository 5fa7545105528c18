//! The loop around the screen: terminal events, answers of stores, timers and signals in; effects
//! and frames out. Owns every task, channel and clock of the screen.
//!
//! Decides nothing about what is shown; that is `app`.

pub mod effects;
pub mod environment;
pub mod history;
pub mod input;
pub mod marks;
pub mod own_file;
pub mod password;
pub mod purging;
pub mod sessions;
pub mod signals;
pub mod terminal;
pub mod theme_files;
pub mod views;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crossterm::event::{Event as TerminalEvent, EventStream};
use futures_util::StreamExt as _;
use tokio::sync::Notify;
use tokio::sync::mpsc::{Receiver, channel};
use tokio::time::Instant;

use crate::app::view::Opening;
use crate::app::{App, Connection, Effect, Generation, Msg, Settings, Way};
use crate::core::instant::Micros;
use crate::runtime::effects::{Report, Workers};
use crate::runtime::purging::Purging;
use crate::runtime::signals::{Signal, Signals};
use crate::runtime::terminal::Screen;
use crate::store::{BoxFuture, Store, StoreError};
use crate::ui::theme::Theme;

/// Opens the store; called again when the user asks for another attempt.
pub type Opener =
    Arc<dyn Fn() -> BoxFuture<'static, Result<Arc<dyn Store>, StoreError>> + Send + Sync>;

/// Opens an archive beside the store of the screen.
pub type Visitor = Arc<dyn Fn(&Path) -> (Opener, Purging) + Send + Sync>;

/// Frames are at least this far apart.
const FRAME: Duration = Duration::from_millis(16);

/// Answers that wait for the loop; a store that is faster waits.
const WAITING: usize = 32;

/// Answers taken in before the next look at the keyboard.
const DRAINED: usize = 64;

/// What the screen needs to begin.
pub struct Options {
    /// What is shown first.
    pub settings: Settings,
    /// How it looks.
    pub theme: Theme,
    /// What is kept between sessions, and where.
    pub files: Files,
    /// How the store is opened.
    pub open: Opener,
    /// What purging needs to know of it.
    pub purging: Purging,
    /// How an archive is opened from the screen.
    pub visit: Visitor,
}

/// The user's own files; `None` keeps nothing of the kind.
#[derive(Clone, Debug, Default)]
pub struct Files {
    /// Filters of former sessions.
    pub history: Option<PathBuf>,
    /// Views that have names.
    pub views: Option<PathBuf>,
    /// How sources were left.
    pub sessions: Option<PathBuf>,
    /// Marked events, a file for each source.
    pub marks: Option<PathBuf>,
}

/// How the screen ended.
#[derive(Clone, Debug)]
pub enum Exit {
    /// The user left.
    Done,
    /// The user left the screen that said why there is no connection.
    NotConnected(StoreError),
    /// A signal ended it; the terminal is as it was.
    Signal(Signal),
    /// Work in the background panicked; the report is on stderr, the terminal is as it was.
    Panicked,
}

/// Why there is no screen.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The terminal does not do what is needed.
    #[error("the terminal cannot be used: {0}")]
    Terminal(#[source] io::Error),
    /// The system gives no threads, timers or signals.
    #[error("the screen cannot start: {0}")]
    System(#[source] io::Error),
}

/// Runs the screen until the user leaves. Blocks; must not be called from within a tokio runtime.
pub fn run(options: Options) -> Result<Exit, RunError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(RunError::System)?;
    // First of all: a signal between taking the terminal and listening would leave it raw.
    let signals = {
        let _within = runtime.enter();
        Signals::listen().map_err(RunError::System)?
    };
    let mut screen = Screen::enter(options.theme).map_err(RunError::Terminal)?;
    let exit = runtime.block_on(async {
        let mut seat = Seat {
            screen: &mut screen,
            keys: EventStream::new(),
            signals,
            files: options.files,
            visit: options.visit,
            next: None,
            rows: Rows::Still,
        };
        let exit = seat
            .sit(options.settings, options.open, options.purging)
            .await;
        seat.screen.leave();
        exit
    });
    screen.leave();
    runtime.shutdown_background();
    exit
}

/// What all stores that are shown one over the other have in common.
struct Seat<'s> {
    screen: &'s mut Screen,
    keys: EventStream,
    signals: Signals,
    files: Files,
    visit: Visitor,
    /// The archive to show next, instead of the store from which this one was opened.
    next: Option<PathBuf>,
    /// Whether what was shown over a store has moved rows into one, or out of it.
    rows: Rows,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Rows {
    Still,
    Moved,
}

impl Seat<'_> {
    /// Shows one store until the user leaves it.
    async fn sit(
        &mut self,
        settings: Settings,
        open: Opener,
        purging: Purging,
    ) -> Result<Exit, RunError> {
        let way = settings.way;
        let (app, first) = App::new(settings);
        let (out, answers) = channel(WAITING);
        let alarm = Arc::new(Notify::new());
        let workers = Workers::start(open, self.files.clone(), out, alarm.clone())
            .map_err(RunError::System)?;
        let mut state = Loop {
            app,
            seat: self,
            workers: workers.with(purging),
            wait: None,
            watch: None,
            next_frame: Instant::now(),
            dirty: true,
            exit: None,
            visiting: None,
        };
        let exit = state.run(first, answers, &alarm).await;
        if state.app.has_moved_rows() {
            state.seat.rows = Rows::Moved;
        }
        if way == Way::Out {
            // The shell has its terminal back before servers are told to stop: one that hangs
            // would keep both.
            state.seat.screen.leave();
        }
        state.workers.stop();
        if way == Way::Out {
            state.keep_session();
        }
        exit
    }
}

struct Loop<'s, 't> {
    app: App,
    seat: &'s mut Seat<'t>,
    workers: Workers,
    wait: Option<(Generation, Instant)>,
    watch: Option<(Generation, Instant)>,
    next_frame: Instant,
    dirty: bool,
    exit: Option<Exit>,
    visiting: Option<PathBuf>,
}

impl Loop<'_, '_> {
    async fn run(
        &mut self,
        first: Vec<Effect>,
        mut answers: Receiver<Report>,
        alarm: &Notify,
    ) -> Result<Exit, RunError> {
        // The first frame comes before anything that could take time.
        self.tell(Msg::Clock(now()));
        self.draw()?;
        self.execute(first);
        loop {
            if let Some(directory) = self.visiting.take() {
                self.visit(directory).await?;
            }
            if let Some(exit) = self.exit.take() {
                return Ok(exit);
            }
            if self.dirty && Instant::now() >= self.next_frame {
                self.draw()?;
            }
            let wait = self.wait.map(|(_, at)| at);
            let watch = self.watch.map(|(_, at)| at);
            tokio::select! {
                biased;
                signal = self.seat.signals.next() => self.signal(signal)?,
                () = alarm.notified() => self.exit = Some(Exit::Panicked),
                event = self.seat.keys.next() => self.event(event),
                () = tokio::time::sleep_until(self.next_frame), if self.dirty => {}
                () = sleep_until(wait), if wait.is_some() => {
                    let over = self.wait.take();
                    self.waited(over);
                }
                () = sleep_until(watch), if watch.is_some() => {
                    let over = self.watch.take();
                    self.waited(over);
                }
                report = answers.recv() => {
                    let drained = std::iter::from_fn(|| answers.try_recv().ok()).take(DRAINED);
                    let reports: Vec<_> = report.into_iter().chain(drained).collect();
                    self.tell(Msg::Clock(now()));
                    for report in reports {
                        self.report(report);
                    }
                }
            }
        }
    }

    /// Shows an archive over this store, and those that are opened from it, until the user leaves.
    async fn visit(&mut self, directory: PathBuf) -> Result<(), RunError> {
        self.seat.next = Some(directory);
        while let Some(directory) = self.seat.next.take() {
            let (open, purging) = (self.seat.visit)(&directory);
            let settings = Settings {
                target: directory.display().to_string(),
                way: Way::Back,
                opening: Opening {
                    words: vec![directory.display().to_string()],
                    ..Opening::default()
                },
                ..self.app.settings.clone()
            };
            match Box::pin(self.seat.sit(settings, open, purging)).await? {
                // Why an archive cannot be opened was on the screen.
                Exit::Done | Exit::NotConnected(_) => {}
                exit @ (Exit::Signal(_) | Exit::Panicked) => self.exit = Some(exit),
            }
        }
        self.tell(Msg::Clock(now()));
        self.tell(Msg::Disturbed);
        if self.seat.rows == Rows::Moved {
            self.seat.rows = Rows::Still;
            self.tell(Msg::Moved);
        }
        Ok(())
    }

    fn draw(&mut self) -> Result<(), RunError> {
        self.dirty = false;
        let regions = self
            .seat
            .screen
            .draw(&self.app)
            .map_err(RunError::Terminal)?;
        self.next_frame = Instant::now() + FRAME;
        self.tell(Msg::Laid(regions));
        Ok(())
    }

    fn tell(&mut self, msg: Msg) {
        let effects = self.app.update(msg);
        self.dirty |= self.app.take_dirty();
        self.execute(effects);
    }

    fn report(&mut self, report: Report) {
        match report {
            Report::Store(store) => self.workers.adopt(store),
            Report::Answer(generation, answer) => self.tell(Msg::Answer(generation, answer)),
            Report::History(entries) => self.tell(Msg::History(entries)),
            Report::Views(all, said) => self.tell(Msg::Views(all, said)),
            Report::Trouble(sentence) => self.tell(Msg::Trouble(sentence)),
        }
    }

    /// Keeps how the store is left. Nobody sees the screen any more: what fails is only logged.
    fn keep_session(&self) {
        let words = &self.app.settings.opening.words;
        let Some(path) = self.seat.files.sessions.as_deref() else {
            return;
        };
        if words.is_empty() || self.app.description().is_none() {
            return;
        }
        let source = sessions::digest(words);
        if let Err(error) = sessions::keep(path, &source, &self.app.view(), now()) {
            tracing::warn!(%error, "how the store is left cannot be kept");
        }
    }

    fn event(&mut self, event: Option<io::Result<TerminalEvent>>) {
        match event {
            Some(Ok(event)) => {
                if let Some(msg) = input::message(event) {
                    self.tell(Msg::Clock(now()));
                    self.tell(msg);
                }
            }
            // Nobody is there any more to type or to read.
            Some(Err(_)) | None => self.exit = Some(Exit::Signal(Signal::Hangup)),
        }
    }

    fn waited(&mut self, over: Option<(Generation, Instant)>) {
        if let Some((generation, _)) = over {
            self.tell(Msg::Clock(now()));
            self.tell(Msg::Waited(generation));
        }
    }

    fn signal(&mut self, signal: Signal) -> Result<(), RunError> {
        match signal {
            Signal::Terminate | Signal::Hangup | Signal::Interrupt => {
                self.exit = Some(Exit::Signal(signal));
            }
            Signal::Stop => self.suspend()?,
            Signal::Continue => {
                self.seat.screen.come_back().map_err(RunError::Terminal)?;
                self.tell(Msg::Disturbed);
            }
        }
        Ok(())
    }

    fn suspend(&mut self) -> Result<(), RunError> {
        self.seat.screen.leave();
        signals::stop_self().map_err(RunError::System)?;
        self.seat.screen.come_back().map_err(RunError::Terminal)?;
        self.tell(Msg::Clock(now()));
        self.tell(Msg::Disturbed);
        Ok(())
    }

    fn execute(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Wait(generation, after) => {
                    self.wait = Some((generation, Instant::now() + after));
                }
                Effect::Watch(generation, after) => {
                    self.watch = Some((generation, Instant::now() + after));
                }
                Effect::Copy(text) => self.try_screen(|screen| screen.copy(&text)),
                Effect::Mouse(mouse) => self.try_screen(|screen| screen.mouse(mouse)),
                Effect::Redraw => {
                    self.try_screen(Screen::clear);
                    self.dirty = true;
                }
                Effect::Suspend => {
                    if let Err(error) = self.suspend() {
                        self.tell(Msg::Trouble(error.to_string()));
                    }
                }
                Effect::Quit => {
                    self.exit = Some(match &self.app.connection {
                        Connection::Failed(error) => Exit::NotConnected(error.clone()),
                        Connection::Opening | Connection::Ready(_) => Exit::Done,
                    });
                }
                Effect::Visit(directory) => match self.app.settings.way {
                    Way::Out => self.visiting = Some(directory),
                    // One over the other for ever would be a maze.
                    Way::Back => {
                        self.seat.next = Some(directory);
                        self.exit = Some(Exit::Done);
                    }
                },
                other => self.workers.take(other),
            }
        }
    }

    fn try_screen(&mut self, work: impl FnOnce(&mut Screen) -> io::Result<()>) {
        if let Err(error) = work(self.seat.screen) {
            self.tell(Msg::Trouble(format!("the terminal refused: {error}")));
        }
    }
}

async fn sleep_until(at: Option<Instant>) {
    if let Some(at) = at {
        tokio::time::sleep_until(at).await;
    }
}

fn now() -> Micros {
    Micros::from(chrono::Utc::now())
}
