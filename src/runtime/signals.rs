//! Signals the screen answers to.

use std::io;

use signal_hook::consts::{SIGCONT, SIGTSTP};
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

/// A signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM
    Terminate,
    /// SIGHUP, or the terminal is gone.
    Hangup,
    /// SIGINT from outside; the key is an ordinary key here.
    Interrupt,
    /// SIGTSTP from outside.
    Stop,
    /// SIGCONT
    Continue,
}

/// The signals as they arrive.
pub struct Signals {
    terminate: Stream,
    hangup: Stream,
    interrupt: Stream,
    stop: Stream,
    proceed: Stream,
}

impl Signals {
    /// Begins to listen; their default actions end with it.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            stop: signal(SignalKind::from_raw(SIGTSTP))?,
            proceed: signal(SignalKind::from_raw(SIGCONT))?,
        })
    }

    /// The next one.
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::Terminate,
            _ = self.hangup.recv() => Signal::Hangup,
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.stop.recv() => Signal::Stop,
            _ = self.proceed.recv() => Signal::Continue,
        }
    }
}

/// Stops this process as Ctrl-z would have; returns when it is continued.
pub fn stop_self() -> io::Result<()> {
    signal_hook::low_level::emulate_default_handler(SIGTSTP)
}
