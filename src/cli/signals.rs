//! Ctrl-C and SIGTERM for headless commands: the server's work stops first, then the process.
//!
//! The terminal screen has signal handling of its own.

use std::future::Future;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::cli::failure::{Failure, Kind};

/// How long work may take to wind up after a signal. A second signal does not wait.
const GRACE: Duration = Duration::from_secs(3);

/// Runs a command's work; a signal cancels `stop` and gives the work time to end.
pub async fn heed<T>(
    stop: &CancellationToken,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let mut signals = Signals::listen()?;
    tokio::pin!(work);
    let kind = tokio::select! {
        biased;
        result = &mut work => return result,
        kind = signals.next() => kind,
    };
    stop.cancel();
    tokio::select! {
        _ = &mut work => {}
        _ = signals.next() => {}
        () = tokio::time::sleep(GRACE) => {}
    }
    Err(Failure::new(kind, "stopped by a signal"))
}

/// Runs work that ends by itself soon after it is asked to, and says how far it came; a second signal
/// does not wait for it.
pub async fn heed_gently<T>(
    stop: &CancellationToken,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let mut signals = Signals::listen()?;
    tokio::pin!(work);
    tokio::select! {
        biased;
        result = &mut work => return result,
        _ = signals.next() => stop.cancel(),
    }
    tokio::select! {
        biased;
        result = &mut work => result,
        kind = signals.next() => Err(Failure::new(kind, "stopped by a second signal")),
    }
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    fn listen() -> Result<Self, Failure> {
        let listen = |kind| {
            signal(kind).map_err(|error| {
                Failure::new(Kind::Failed, format!("cannot listen to signals: {error}"))
            })
        };
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Kind {
        tokio::select! {
            _ = self.interrupt.recv() => Kind::Interrupted,
            _ = self.terminate.recv() => Kind::Terminated,
            _ = self.hangup.recv() => Kind::Terminated,
        }
    }
}
