//! Runs effects: one task each, on a thread of their own so that decoding rows never holds up a
//! key. A later effect of the same kind cancels the former one, on the server too.

mod contrast;
mod counting;
pub mod facets;
mod inquiry;
mod personal;
mod purges;

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::answer::{Answer, Fetched};
use crate::app::inspector::Tree;
use crate::app::view::Named;
use crate::app::{Effect, Generation};
use crate::core::event::{Cursor, Event, Payload};
use crate::core::instant::Micros;
use crate::core::json::FlatJson;
use crate::runtime::purging::{Desk, Purging};
use crate::runtime::{Files, Opener};
use crate::store::{CountMode, PageRequest, Store, StoreError, TailRequest, membership};

/// Pieces of an answer that wait to be passed on.
const PIECES: usize = 4;

/// How long the store may take to tell its time before ours is taken for it.
const CLOCK: Duration = Duration::from_secs(2);

/// How long work may take to end when the screen has gone.
const GRACE: Duration = Duration::from_secs(1);

/// What tasks send to the loop.
pub enum Report {
    /// The store that was opened.
    Store(Arc<dyn Store>),
    /// An answer.
    Answer(Generation, Answer),
    /// Filters of former sessions.
    History(Vec<String>),
    /// The views that have names, and what was done with their file.
    Views(Vec<Named>, Option<String>),
    /// Something did not work; one sentence.
    Trouble(String),
}

/// A place for one running task; the next one in it cancels it.
#[derive(Default)]
struct Slot(CancellationToken);

impl Slot {
    fn renew(&mut self, all: &CancellationToken) -> CancellationToken {
        self.0.cancel();
        self.0 = all.child_token();
        self.0.clone()
    }
}

#[derive(Default)]
struct Slots {
    open: Slot,
    catalog: Slot,
    groups: Slot,
    page: Slot,
    histogram: Slot,
    usage: Slot,
    facet: Slot,
    contrast: Slot,
    count: Slot,
    span: Slot,
    tail: Slot,
    fetch: Slot,
    explain: Slot,
    survey: Slot,
    overview: Slot,
    compare: Slot,
}

/// The thread on which stores work, and what runs there.
pub struct Workers {
    handle: Handle,
    thread: Option<JoinHandle<()>>,
    tasks: TaskTracker,
    all: CancellationToken,
    slots: Slots,
    open: Opener,
    store: Option<Arc<dyn Store>>,
    files: Files,
    /// Whose turn it is to change the marks.
    marking: Arc<tokio::sync::Mutex<()>>,
    desk: Option<Desk>,
    out: Sender<Report>,
    alarm: Arc<Notify>,
}

/// Says that its task panicked; the report itself is the panic hook's.
pub struct Alarm(Arc<Notify>);

impl Drop for Alarm {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.notify_one();
        }
    }
}

impl Workers {
    /// Starts the thread.
    pub fn start(
        open: Opener,
        files: Files,
        out: Sender<Report>,
        alarm: Arc<Notify>,
    ) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (handle, tasks) = (runtime.handle().clone(), TaskTracker::new());
        let all = CancellationToken::new();
        let (stopped, ending) = (all.clone(), tasks.clone());
        let thread = std::thread::Builder::new()
            .name("stores".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    stopped.cancelled().await;
                    ending.close();
                    let _ = tokio::time::timeout(GRACE, ending.wait()).await;
                });
                runtime.shutdown_timeout(GRACE);
            })?;
        let workers = Self {
            handle,
            thread: Some(thread),
            tasks,
            all,
            slots: Slots::default(),
            open,
            store: None,
            files,
            marking: Arc::default(),
            desk: None,
            out,
            alarm,
        };
        workers.load_history();
        workers.load_views();
        Ok(workers)
    }

    /// The same with what purging needs.
    #[must_use]
    pub fn with(mut self, purging: Purging) -> Self {
        self.desk = Some(Desk::new(Arc::new(purging)));
        self
    }

    /// Cancels everything.
    pub fn stop(&mut self) {
        self.all.cancel();
        self.store = None;
        if let Some(desk) = &mut self.desk {
            desk.end();
        }
    }

    /// Takes the store that was opened.
    pub fn adopt(&mut self, store: Arc<dyn Store>) {
        self.store = Some(store);
    }

    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let alarm = Alarm(self.alarm.clone());
        let task = async move {
            work.await;
            drop(alarm);
        };
        self.tasks.spawn_on(task, &self.handle);
    }

    /// Runs work that gives one answer.
    fn ask(&self, generation: Generation, work: impl Future<Output = Answer> + Send + 'static) {
        let out = self.out.clone();
        self.spawn(async move {
            let answer = work.await;
            send(&out, generation, answer).await;
        });
    }

    /// Runs an effect that is not the terminal's.
    pub fn take(&mut self, effect: Effect) {
        if let Effect::Open(generation) = effect {
            return self.open(generation);
        }
        let Some(store) = self.store.clone() else {
            // Archives and the user's own files are there without a store, too.
            return self.take_personal(effect);
        };
        let (all, out) = (&self.all, self.out.clone());
        match effect {
            Effect::Catalog(generation) => {
                let stop = self.slots.catalog.renew(all);
                self.ask(generation, async move {
                    Answer::Catalog(store.catalog(&stop).await.map(Box::new))
                });
            }
            Effect::Groups(generation) => {
                let stop = self.slots.groups.renew(all);
                self.ask(generation, async move {
                    let groups = membership::groups(&*store, &stop).await;
                    Answer::Groups(groups.map(|groups| groups.map(Arc::new)))
                });
            }
            Effect::Page(generation, request) => {
                let stop = self.slots.page.renew(all);
                self.spawn(page(store, request, generation, out, stop));
            }
            Effect::Count(generation, predicate) => {
                let stop = self.slots.count.renew(all);
                self.ask(generation, async move {
                    Answer::Count(store.count(&predicate, CountMode::Estimate, &stop).await)
                });
            }
            Effect::Span(generation) => {
                let stop = self.slots.span.renew(all);
                self.ask(
                    generation,
                    async move { Answer::Span(store.span(&stop).await) },
                );
            }
            Effect::Tail(generation, request) => {
                let stop = self.slots.tail.renew(all);
                self.spawn(tail(store, request, generation, out, stop));
            }
            Effect::Fetch(generation, event) => {
                let stop = self.slots.fetch.renew(all);
                self.spawn(fetch(store, *event, generation, out, stop));
            }
            Effect::Explain(generation, predicate) => {
                let stop = self.slots.explain.renew(all);
                self.ask(generation, async move {
                    Answer::Explained(store.explain(&predicate, &stop).await)
                });
            }
            Effect::Inquiry(wanted) => self.take_inquiry(wanted),
            other => self.take_counting(store, other),
        }
    }

    /// Ends what nobody waits for any more.
    fn take_stop(&mut self, effect: Effect) {
        let slots = &self.slots;
        match effect {
            Effect::StopTail => slots.tail.0.cancel(),
            Effect::StopUsage => slots.usage.0.cancel(),
            Effect::StopFacets => slots.facet.0.cancel(),
            Effect::StopContrast => slots.contrast.0.cancel(),
            Effect::StopQuery => {
                for slot in [&slots.page, &slots.histogram, &slots.count, &slots.span] {
                    slot.0.cancel();
                }
            }
            other => self.take_personal(other),
        }
    }

    fn open(&mut self, generation: Generation) {
        let stop = self.slots.open.renew(&self.all);
        let (opening, out) = (self.open.clone(), self.out.clone());
        self.spawn(async move {
            let opened = tokio::select! {
                opened = opening() => opened,
                () = stop.cancelled() => return,
            };
            match opened {
                Ok(store) => {
                    let before = now();
                    let asked = tokio::time::timeout(CLOCK, store.now(&stop)).await;
                    // Half of the way there and back is the best guess of when it was told.
                    let here = before.plus((now().0 - before.0) / 2);
                    let skew = asked
                        .ok()
                        .and_then(Result::ok)
                        .map(|there| there.0 - here.0);
                    let description = store.description();
                    let _ = out.send(Report::Store(store)).await;
                    send(&out, generation, Answer::Opened(description, skew)).await;
                }
                Err(error) => send(&out, generation, Answer::NotOpened(error)).await,
            }
        });
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.stop();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn send(out: &Sender<Report>, generation: Generation, answer: Answer) {
    // The loop has gone when this fails; nobody is left to be told.
    let _ = out.send(Report::Answer(generation, answer)).await;
}

async fn page(
    store: Arc<dyn Store>,
    request: PageRequest,
    generation: Generation,
    out: Sender<Report>,
    stop: CancellationToken,
) {
    let began = Instant::now();
    let (pieces, mut arriving) = channel(PIECES);
    let pass_on = async {
        while let Some(item) = arriving.recv().await {
            send(&out, generation, Answer::Page(item)).await;
        }
    };
    let (result, ()) = tokio::join!(store.page(request, pieces, &stop), pass_on);
    send(&out, generation, Answer::PageEnd(result, began.elapsed())).await;
}

/// Passes pieces of an answer on as they come.
async fn pass_on<T>(
    mut arriving: Receiver<T>,
    out: &Sender<Report>,
    generation: Generation,
    answer: fn(T) -> Answer,
) {
    while let Some(item) = arriving.recv().await {
        send(out, generation, answer(item)).await;
    }
}

async fn tail(
    store: Arc<dyn Store>,
    request: TailRequest,
    generation: Generation,
    out: Sender<Report>,
    stop: CancellationToken,
) {
    let (pieces, arriving) = channel(PIECES);
    let pass_on = pass_on(arriving, &out, generation, Answer::Tail);
    let (result, ()) = tokio::join!(store.tail(request, pieces, &stop), pass_on);
    send(&out, generation, Answer::TailEnd(result)).await;
}

async fn fetch(
    store: Arc<dyn Store>,
    event: Event,
    generation: Generation,
    out: Sender<Report>,
    stop: CancellationToken,
) {
    let result = taken_apart(&*store, &event.cursor, &stop).await;
    send(&out, generation, Answer::Record(result)).await;
}

/// An event with its whole record, taken apart.
async fn taken_apart(
    store: &dyn Store,
    cursor: &Cursor,
    stop: &CancellationToken,
) -> Result<Option<Box<Fetched>>, StoreError> {
    let Some(mut event) = store.fetch(cursor, stop).await? else {
        return Ok(None);
    };
    // A record of 20 MB takes a while to take apart, and one copy of it is enough.
    let parsed = tokio::task::spawn_blocking(move || {
        let json = FlatJson::parse(event.payload.text.to_string());
        let tree = json.map(Tree::new);
        event.payload = Payload::bounded(&event.payload.text);
        Fetched { event, tree }
    });
    let fetched = parsed.await.map_err(|_| StoreError::Cancelled)?;
    Ok(Some(Box::new(fetched)))
}

fn now() -> Micros {
    Micros::from(chrono::Utc::now())
}
