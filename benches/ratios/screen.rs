//! The program on a pseudo-terminal: when it draws, what it costs when nothing happens.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// How long anything may take before the measurement gives up.
const PATIENCE: Duration = Duration::from_mins(2);

/// The terminal's size.
const ROWS: NonZeroU16 = NonZeroU16::new(40).expect("not zero");
const COLUMNS: NonZeroU16 = NonZeroU16::new(120).expect("not zero");

/// A running screen.
pub struct Screen {
    _master: Box<dyn MasterPty + Send>,
    child: Box<dyn Child + Send + Sync>,
    keys: Box<dyn Write + Send>,
    chunks: Receiver<(Instant, Vec<u8>)>,
    terminal: vt100::Parser,
    /// When it was started.
    pub begun: Instant,
}

impl Screen {
    /// Starts the program in a 120×40 terminal.
    pub fn start(program: &str, arguments: &[&str]) -> Self {
        let size = PtySize {
            rows: ROWS.get(),
            cols: COLUMNS.get(),
            pixel_width: 0,
            pixel_height: 0,
        };
        let pty = native_pty_system()
            .openpty(size)
            .expect("a pseudo-terminal");
        let mut command = CommandBuilder::new(program);
        command.args(arguments);
        command.cwd("/");
        command.env_clear();
        command.env("TERM", "xterm-256color");
        command.env("LC_ALL", "C.UTF-8");
        command.env("HOME", "/nonexistent");
        let mut reader = pty.master.try_clone_reader().expect("readable");
        let keys = pty.master.take_writer().expect("writable");
        let begun = Instant::now();
        let child = pty
            .slave
            .spawn_command(command)
            .expect("the program starts");
        drop(pty.slave);
        let (sender, chunks) = sync_channel(10_000);
        std::thread::spawn(move || {
            let mut buffer = vec![0; 65536];
            while let Ok(read @ 1..) = reader.read(&mut buffer) {
                if sender
                    .send((Instant::now(), buffer[..read].to_vec()))
                    .is_err()
                {
                    return;
                }
            }
        });
        Self {
            _master: pty.master,
            child,
            keys,
            chunks,
            terminal: vt100::Parser::new(ROWS, COLUMNS, 0),
            begun,
        }
    }

    /// Types.
    pub fn press(&mut self, keys: &str) {
        self.keys
            .write_all(keys.as_bytes())
            .and_then(|()| self.keys.flush())
            .expect("the program reads its keys");
    }

    /// Waits until the screen shows this; when it did.
    pub fn shows(&mut self, wanted: impl Fn(&str) -> bool, what: &str) -> Instant {
        let deadline = Instant::now() + PATIENCE;
        let mut last = Instant::now();
        loop {
            if wanted(&self.terminal.screen().contents()) {
                return last;
            }
            match self
                .chunks
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok((at, bytes)) => {
                    last = at;
                    self.terminal.process(&bytes);
                }
                Err(ended) => panic!(
                    "{ended}: never showed {what}; the screen:\n{}",
                    self.terminal.screen().contents()
                ),
            }
        }
    }

    /// When the next bytes come.
    pub fn next_bytes(&mut self) -> Option<Instant> {
        let (at, bytes) = self.chunks.recv_timeout(Duration::from_secs(2)).ok()?;
        self.terminal.process(&bytes);
        Some(at)
    }

    /// Reads until nothing was written for this long.
    pub fn settle(&mut self, quiet: Duration) {
        while let Ok((_, bytes)) = self.chunks.recv_timeout(quiet) {
            self.terminal.process(&bytes);
        }
    }

    /// Bytes written and processor time used while nothing happens for this long.
    pub fn idle(&mut self, length: Duration) -> (usize, Duration) {
        let before = self.cpu();
        let deadline = Instant::now() + length;
        let mut written = 0;
        loop {
            let rest = deadline.saturating_duration_since(Instant::now());
            match self.chunks.recv_timeout(rest) {
                Ok((_, bytes)) => written += bytes.len(),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        (written, self.cpu().saturating_sub(before))
    }

    /// Memory held now, in KiB.
    pub fn peak(&self) -> u64 {
        super::measure::kib(&self.proc("status"), "VmHWM:")
    }

    fn cpu(&self) -> Duration {
        let text = std::fs::read_to_string(self.proc("stat")).unwrap_or_default();
        let after_name = text.rsplit_once(')').map_or("", |(_, rest)| rest);
        // utime and stime, in ticks of 10 ms.
        let ticks: u64 = after_name
            .split_whitespace()
            .skip(11)
            .take(2)
            .filter_map(|field| field.parse::<u64>().ok())
            .sum();
        Duration::from_millis(ticks * 10)
    }

    fn proc(&self, file: &str) -> PathBuf {
        let pid = self.child.process_id().unwrap_or_default();
        PathBuf::from(format!("/proc/{pid}/{file}"))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
