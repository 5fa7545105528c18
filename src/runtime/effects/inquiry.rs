//! Effects that look into single events.

use std::sync::Arc;

use tokio::sync::mpsc::channel;
use tokio_util::sync::CancellationToken;

use crate::app::inquiry::compare::{Compared, Earlier, Pair};
use crate::app::inquiry::marks::Marking;
use crate::app::inquiry::{Told, Wanted};
use crate::app::{Answer, Generation};
use crate::core::diff::Diff;
use crate::core::event::{Cursor, Event, Payload};
use crate::core::json::FlatJson;
use crate::runtime::effects::{PIECES, Report, Workers, taken_apart};
use crate::runtime::marks;
use crate::store::{PageFrom, PageItem, PageRequest, PayloadNeed, Store, StoreError};

impl Workers {
    /// Runs what a panel wants.
    pub(super) fn take_inquiry(&mut self, wanted: Wanted) {
        let wanted = match wanted {
            Wanted::Marks(generation, source) => return self.load_marks(generation, source),
            Wanted::Mark(source, marking) => return self.change_marks(source, marking),
            other => other,
        };
        let Some(store) = self.store.clone() else {
            return;
        };
        match wanted {
            Wanted::Compare(generation, earlier, later) => {
                let stop = self.slots.compare.renew(&self.all);
                self.ask(generation, async move {
                    let compared = compare(store, *earlier, *later, &stop).await;
                    Answer::Inquiry(Told::Compared(compared))
                });
            }
            Wanted::Count(generation, request) => {
                // One question about many events at a time, whoever asks.
                let stop = self.slots.usage.renew(&self.all);
                self.ask(generation, async move {
                    let (pieces, mut arriving) = channel(PIECES);
                    // Nobody looks at what is known before the end.
                    let passing = async { while arriving.recv().await.is_some() {} };
                    let asking = store.aggregate(*request, pieces, &stop);
                    let (counted, ()) = tokio::join!(asking, passing);
                    Answer::Inquiry(Told::Counted(counted))
                });
            }
            Wanted::Find(generation, cursor) => {
                let stop = self.slots.compare.renew(&self.all);
                self.ask(generation, async move {
                    let found = taken_apart(&*store, &cursor, &stop).await;
                    Answer::Inquiry(Told::Found(found))
                });
            }
            Wanted::Seek(generation, wanted) => {
                let stop = self.slots.compare.renew(&self.all);
                let request = PageRequest {
                    predicate: Arc::new(*wanted),
                    from: PageFrom::Newest,
                    limit: Some(1),
                    payload: PayloadNeed::Head,
                };
                self.ask(generation, async move {
                    let found = first(&*store, request, &stop).await;
                    Answer::Inquiry(Told::Sought(found.map(|event| event.map(Box::new))))
                });
            }
            // Those were the user's own files.
            Wanted::Marks(..) | Wanted::Mark(..) => {}
            Wanted::StopCompare => self.slots.compare.0.cancel(),
        }
    }
}

impl Workers {
    fn load_marks(&self, generation: Generation, source: Vec<String>) {
        self.with_file(self.files.marks.clone(), move |directory| {
            let told = match marks::load(directory, &source) {
                Ok(kept) => {
                    let trouble = (!kept.rubbish.is_empty()).then(|| {
                        let lines = kept.rubbish.len();
                        let at = directory.display();
                        format!("{lines} lines of the marks in {at} are no marks; they stay there")
                    });
                    Told::Marks(kept.marks, trouble)
                }
                Err(error) => {
                    let at = directory.display();
                    let text = format!("marks cannot be read from {at}: {error}");
                    Told::Marks(Vec::new(), Some(text))
                }
            };
            Some(Report::Answer(generation, Answer::Inquiry(told)))
        });
    }

    /// One change after the other, in the order in which they were made.
    fn change_marks(&self, source: Vec<String>, marking: Marking) {
        let Some(directory) = self.files.marks.clone() else {
            return;
        };
        let (turn, out) = (self.marking.clone(), self.out.clone());
        self.spawn(async move {
            let _turn = turn.lock().await;
            let changing = tokio::task::spawn_blocking(move || {
                let changed = marks::change(&directory, &source, &marking);
                (directory, changed)
            });
            if let Ok((directory, Err(error))) = changing.await {
                let at = directory.display();
                let text = format!("the marks in {at} cannot be changed: {error}");
                let _ = out.send(Report::Trouble(text)).await;
            }
        });
    }
}

async fn compare(
    store: Arc<dyn Store>,
    earlier: Earlier,
    later: Cursor,
    stop: &CancellationToken,
) -> Result<Compared, StoreError> {
    let Some(after) = store.fetch(&later, stop).await? else {
        return Ok(Compared::NoLater);
    };
    let before = match earlier {
        Earlier::At(cursor) => store.fetch(&cursor, stop).await?,
        Earlier::LastBefore(predicate) => {
            let request = PageRequest {
                predicate,
                from: PageFrom::Before(later),
                limit: Some(1),
                payload: PayloadNeed::Whole,
            };
            first(&*store, request, stop).await?
        }
    };
    let Some(before) = before else {
        return Ok(Compared::NoEarlier);
    };
    // Records of 20 MB take a while to compare.
    let comparing = tokio::task::spawn_blocking(move || pair(before, after));
    let pair = comparing.await.map_err(|_| StoreError::Cancelled)?;
    Ok(Compared::Both(Box::new(pair)))
}

/// The first event of a page.
async fn first(
    store: &dyn Store,
    request: PageRequest,
    stop: &CancellationToken,
) -> Result<Option<Event>, StoreError> {
    let (pieces, mut arriving) = channel(PIECES);
    let mut found = None;
    let taking = async {
        while let Some(item) = arriving.recv().await {
            if let PageItem::Events(events) = item {
                found = found.take().or(events.into_iter().next());
            }
        }
    };
    let (end, ()) = tokio::join!(store.page(request, pieces, stop), taking);
    end.map(|_| found)
}

fn pair(mut before: Event, mut after: Event) -> Pair {
    let diff = FlatJson::parse(&*before.payload.text).and_then(|earlier| {
        let later = FlatJson::parse(&*after.payload.text)?;
        Ok(Diff::of(&earlier, &later))
    });
    // What is shown of the events are their fields.
    for event in [&mut before, &mut after] {
        event.payload = Payload::bounded(&event.payload.text);
    }
    Pair {
        before,
        after,
        diff,
    }
}
