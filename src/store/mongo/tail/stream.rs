//! A change stream in a task of its own, feeding a bounded channel.
//!
//! The driver's stream does not survive a `select!` or a timeout around its next event, so nothing
//! of the kind is done to it. On any error it is opened again by its token; what happened in
//! between is in the oplog. Does not judge events.

use std::sync::Arc;
use std::time::Duration;

use mongodb::bson::{Bson, RawDocumentBuf, Timestamp, doc, serialize_to_bson};
use mongodb::change_stream::ChangeStream;
use mongodb::change_stream::event::{ChangeStreamEvent, OperationType, ResumeToken};
use mongodb::error::Error;
use mongodb::options::FullDocumentType;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use crate::store::mongo::failure;
use crate::store::mongo::source::Source;

/// How long the server waits for something to happen before it says that nothing did.
const AWAIT: Duration = Duration::from_millis(400);
/// Events on their way; the oplog is the buffer behind them.
const ROOM: usize = 1_000;
/// Longest wait between attempts.
const PATIENCE: Duration = Duration::from_secs(10);
/// The oplog does not reach back to the token, or does not know it.
const HISTORY_LOST: [i32; 4] = [286, 280, 260, 50811];

/// What the task says.
pub enum Said {
    /// The stream is open; what happens from now on is in it.
    Opened,
    /// A document was inserted or changed.
    Event {
        /// Inserted or changed.
        operation: OperationType,
        /// As it is now; boxed, for it is the only large thing here.
        document: Box<RawDocumentBuf>,
        /// When, in the oplog's time.
        time: Timestamp,
    },
    /// Everything up to this time of the oplog has been said.
    Mark(Timestamp),
    /// The stream broke and will be opened again after the wait.
    Broken {
        /// 1, 2, 3 …
        attempt: u32,
        /// Why.
        error: Error,
        /// How long until the next attempt.
        wait: Duration,
    },
    /// The oplog does not reach back to where the stream broke; it is opened anew.
    HistoryLost,
    /// Waiting cannot mend it.
    Failed(Error),
}

/// A running stream; dropped, its task ends and the server's cursor with it.
pub struct Stream {
    /// What the task says.
    pub said: mpsc::Receiver<Said>,
    _task: AbortOnDropHandle<()>,
}

impl Stream {
    /// Opens a stream of everything since `from`.
    pub fn open(source: Arc<Source>, from: Timestamp) -> Self {
        let (say, said) = mpsc::channel(ROOM);
        let task = tokio::spawn(async move {
            // Nobody listens any more: the task has nothing left to do.
            let _ = Follower {
                source,
                say,
                token: None,
                from: Some(from),
            }
            .run()
            .await;
        });
        Self {
            said,
            _task: AbortOnDropHandle::new(task),
        }
    }
}

struct Follower {
    source: Arc<Source>,
    say: mpsc::Sender<Said>,
    token: Option<ResumeToken>,
    from: Option<Timestamp>,
}

type Gone = mpsc::error::SendError<Said>;

impl Follower {
    async fn run(mut self) -> Result<(), Gone> {
        let mut attempt = 0;
        loop {
            let error = match self.open().await {
                Ok(mut stream) => {
                    attempt = 0;
                    self.say.send(Said::Opened).await?;
                    match self.follow(&mut stream).await? {
                        Some(error) => error,
                        // The collection was dropped or renamed: the next one of its name.
                        None => continue,
                    }
                }
                Err(error) => error,
            };
            let code = failure::code(&error);
            if code.is_some_and(|code| HISTORY_LOST.contains(&code)) {
                (self.token, self.from) = (None, None);
                self.say.send(Said::HistoryLost).await?;
                continue;
            }
            if !failure::is_passing(&error) {
                return self.say.send(Said::Failed(error)).await;
            }
            attempt += 1;
            let longest = Duration::from_millis(200 << attempt.min(6)).min(PATIENCE);
            // Everybody who lost the same server must not come back at the same moment.
            let wait = longest.mul_f64(0.5 + fastrand::f64() / 2.0);
            self.say
                .send(Said::Broken {
                    attempt,
                    error,
                    wait,
                })
                .await?;
            tokio::time::sleep(wait).await;
        }
    }

    async fn open(&self) -> Result<ChangeStream<ChangeStreamEvent<RawDocumentBuf>>, Error> {
        let wanted = ["insert", "update", "replace", "invalidate"];
        let collection = self.source.collection();
        let watch = collection
            .watch()
            .pipeline([
                doc! {"$match": {"operationType": {"$in": wanted.to_vec()}}},
                // Beside the whole document it makes an event larger than a message may be.
                doc! {"$project": {"updateDescription": 0}},
            ])
            .full_document(FullDocumentType::UpdateLookup)
            .max_await_time(AWAIT)
            .batch_size(500);
        match (&self.token, self.from) {
            // `start_after` also goes on after the collection was dropped.
            (Some(token), _) => watch.start_after(token.clone()).await,
            (None, Some(from)) => watch.start_at_operation_time(from).await,
            (None, None) => watch.await,
        }
    }

    /// Says what happens until the stream ends; with the error that ended it.
    async fn follow(
        &mut self,
        stream: &mut ChangeStream<ChangeStreamEvent<RawDocumentBuf>>,
    ) -> Result<Option<Error>, Gone> {
        loop {
            let next = stream.next_if_any().await;
            if let Some(token) = stream.resume_token() {
                self.token = Some(token);
            }
            match next {
                Err(error) => return Ok(Some(error)),
                Ok(Some(event)) => {
                    let time = event.cluster_time;
                    if let (Some(document), Some(time)) = (event.full_document, time) {
                        let operation = event.operation_type;
                        let document = Box::new(document);
                        self.say
                            .send(Said::Event {
                                operation,
                                document,
                                time,
                            })
                            .await?;
                    }
                }
                Ok(None) => {
                    if let Some(time) = self.token.as_ref().and_then(time_of) {
                        self.say.send(Said::Mark(time)).await?;
                    }
                }
            }
            if !stream.is_alive() {
                return Ok(None);
            }
        }
    }
}

/// The time of the oplog a token stands at. Its text begins with the type of a timestamp, seconds
/// and counter, in every server since 4.0.
fn time_of(token: &ResumeToken) -> Option<Timestamp> {
    let Ok(Bson::Document(token)) = serialize_to_bson(token) else {
        return None;
    };
    let digits = token.get_str("_data").ok()?.strip_prefix("82")?;
    let number = |range: std::ops::Range<usize>| u32::from_str_radix(digits.get(range)?, 16).ok();
    Some(Timestamp {
        time: number(0..8)?,
        increment: number(8..16)?,
    })
}
