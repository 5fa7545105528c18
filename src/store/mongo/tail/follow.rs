//! Following the change stream: what it says becomes events, and instants to which the tail is
//! complete.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use mongodb::bson::{Timestamp, doc};
use mongodb::change_stream::event::OperationType;

use crate::core::bson::Raw;
use crate::core::instant::Micros;
use crate::store::mongo::failure;
use crate::store::mongo::link::Work;
use crate::store::mongo::rows::malformed;
use crate::store::mongo::tail::stream::{Said, Stream};
use crate::store::mongo::tail::{BUSY, Tail, digest};
use crate::store::overlap::{Missed, OVERLAP};
use crate::store::{Change, StoreError, TailItem};

/// Instants of the server that wait for the stream to pass them.
const MARKS: usize = 16;

/// Instants of the server, each with the oplog's time at that instant.
type Marks = VecDeque<(Micros, Timestamp)>;

/// How far a stream has come.
struct Following<'f> {
    work: Work<'f>,
    marks: Marks,
    /// When the server was last asked for its time.
    asked: Instant,
    /// The attempt to reopen the stream that is under way; 0 for none.
    attempt: u32,
    /// The last instant of the server that is known.
    latest: Micros,
    /// Whether the window is to be read once the stream is open.
    must_read: bool,
}

impl Following<'_> {
    fn is_steady(&self) -> bool {
        self.attempt == 0 && !self.must_read
    }

    /// Asks the server for its time now and then.
    async fn ask(&mut self) {
        if !self.is_steady() || self.asked.elapsed() < BUSY || self.marks.len() >= MARKS {
            return;
        }
        self.asked = Instant::now();
        // A server that does not answer is the stream's affair.
        if let Ok(mark) = clock(&mut self.work).await {
            self.latest = mark.0;
            self.marks.push_back(mark);
        }
    }
}

impl Tail<'_> {
    /// Follows the change stream for ever; gives the reason for the end.
    pub(super) async fn by_stream(&mut self) -> StoreError {
        match self.stream().await {
            Ok(()) => StoreError::Cancelled,
            Err(end) => end,
        }
    }

    async fn stream(&mut self) -> Result<(), StoreError> {
        let source = self.source;
        let mut work = source.link.work(&source.label, self.stop).await?;
        let (now, oplog) = clock(&mut work).await?;
        // A former run is complete to an instant but for what was committed late; the oplog has it.
        let from = self.request.resume.as_ref().map_or(oplog, |checkpoint| {
            let seconds = checkpoint
                .to
                .plus(-micros(OVERLAP))
                .0
                .div_euclid(Micros::SECOND);
            let time = u32::try_from(seconds).unwrap_or(0).min(oplog.time);
            Timestamp { time, increment: 0 }
        });
        let mut stream = Stream::open(source.clone(), from);
        let mut state = Following {
            work,
            marks: Marks::new(),
            asked: Instant::now(),
            attempt: 0,
            latest: now,
            must_read: true,
        };
        loop {
            let pause = BUSY.saturating_sub(state.asked.elapsed());
            let said = tokio::select! {
                biased;
                () = self.stop.cancelled() => return Err(StoreError::Cancelled),
                () = self.outlet.out.closed() => return Err(StoreError::Cancelled),
                // Reading from the channel may be given up; the stream behind it goes on.
                said = stream.said.recv() => said,
                () = tokio::time::sleep(pause), if state.is_steady() => None,
            };
            match said {
                Some(said) => self.hear(said, &mut state).await?,
                None if stream.said.is_closed() => {
                    return Err(StoreError::Lost {
                        name: source.link.target.place.clone(),
                        message: "the change stream ended".to_owned(),
                    });
                }
                None => {}
            }
            state.ask().await;
        }
    }

    /// What the stream says.
    async fn hear(&mut self, said: Said, state: &mut Following<'_>) -> Result<(), StoreError> {
        let source = self.source;
        match said {
            Said::Opened => {
                if state.attempt > 0 {
                    state.attempt = 0;
                    self.outlet.send(TailItem::Reconnected).await?;
                }
                if state.must_read {
                    state.must_read = false;
                    state.marks.clear();
                    let now = state.work.now().await?;
                    self.poll(&mut state.work, now).await?;
                    self.completed(Some("change stream")).await?;
                }
                Ok(())
            }
            Said::Event {
                operation,
                document,
                time,
            } => {
                self.event(&operation, document.as_bytes()).await?;
                self.passed(&mut state.marks, |mark| mark < time).await
            }
            Said::Mark(time) => self.passed(&mut state.marks, |mark| mark <= time).await,
            Said::Broken {
                attempt,
                error,
                wait,
            } => {
                state.attempt = attempt;
                state.marks.clear();
                let error = failure::failed(&error, &source.link.target, &source.label);
                let error = error.to_string();
                self.outlet
                    .send(TailItem::Reconnecting {
                        attempt,
                        error,
                        wait,
                    })
                    .await
            }
            Said::HistoryLost => {
                state.must_read = true;
                let because = "the server's oplog does not reach back so far".to_owned();
                let to = state.work.now().await?;
                self.gap(Missed {
                    from: state.latest,
                    to,
                    because,
                })
                .await
            }
            Said::Failed(error) => Err(state.work.failed(&error)),
        }
    }

    /// A document of the stream.
    async fn event(&mut self, operation: &OperationType, bytes: &[u8]) -> Result<(), StoreError> {
        let document = Raw::new(bytes).map_err(malformed)?;
        let mut seen = self.see(document)?;
        let is_change = *operation != OperationType::Insert;
        if is_change {
            // Even where nobody expects it.
            seen.version = digest(document);
        }
        let mut events = self.tell([seen]);
        let low = self.overlap.low();
        for event in &mut events {
            // Older than what is remembered, and so not known; but it was there.
            let is_old = event.event.at().instant().is_some_and(|at| at < low);
            if is_change && is_old && event.change == Change::New {
                event.change = Change::Update;
            }
        }
        if events.is_empty() {
            return Ok(());
        }
        self.outlet.send(TailItem::Events(events)).await
    }

    /// The stream has said everything before the latest of the marks that satisfy this.
    async fn passed(
        &mut self,
        marks: &mut Marks,
        is_passed: impl Fn(Timestamp) -> bool,
    ) -> Result<(), StoreError> {
        let mut complete = None;
        while let Some((now, mark)) = marks.front().copied()
            && is_passed(mark)
        {
            complete = Some(now);
            marks.pop_front();
        }
        let Some(now) = complete else { return Ok(()) };
        if let Some(missed) = self.overlap.begin(now) {
            self.gap(missed).await?;
        }
        self.completed(Some("change stream")).await
    }
}

/// The server's instant, and the oplog's time at it.
async fn clock(work: &mut Work<'_>) -> Result<(Micros, Timestamp), StoreError> {
    let hello = work.command("admin", doc! {"hello": 1}).await?;
    let instant = hello
        .get_datetime("localTime")
        .map(|now| now.timestamp_millis());
    match (instant, hello.get_timestamp("operationTime")) {
        (Ok(millis), Ok(oplog)) => Ok((Micros(millis.saturating_mul(1000)), oplog)),
        _ => Err(StoreError::Failed {
            message: "the server does not tell the time of its oplog".to_owned(),
            hint: Some("a replica set without an election has none yet".to_owned()),
        }),
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
