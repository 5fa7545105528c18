//! A program that keeps running: its lines as they come, and its end.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use super::program::{HOME, PATH};

/// How long a line may take before the test gives up.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running `auditail`, ended with the value.
pub struct Following {
    child: Child,
    lines: Receiver<String>,
}

impl Following {
    /// Starts the program.
    pub fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(PATH)
            .env_clear()
            .env("HOME", HOME)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let out = BufReader::new(child.stdout.take().expect("piped"));
        let (sender, lines) = sync_channel(1000);
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    /// The next line.
    #[track_caller]
    pub fn line(&mut self) -> String {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => line,
            Err(ended) => panic!("{ended}: no line came; stderr:\n{}", self.stderr()),
        }
    }

    /// The next line as JSON.
    #[track_caller]
    pub fn json(&mut self) -> serde_json::Value {
        let line = self.line();
        serde_json::from_str(&line).expect(&line)
    }

    /// The next line for which this holds; the ones before it.
    #[track_caller]
    pub fn until(
        &mut self,
        wanted: impl Fn(&serde_json::Value) -> bool,
    ) -> (serde_json::Value, Vec<serde_json::Value>) {
        let mut before = Vec::new();
        loop {
            let line = self.json();
            if wanted(&line) {
                return (line, before);
            }
            before.push(line);
        }
    }

    /// Sends a signal by name and waits for the end; the exit code and the lines not read yet.
    #[track_caller]
    pub fn signal(mut self, name: &str) -> (Option<i32>, Vec<String>) {
        let pid = self.child.id().to_string();
        // The shell's own: the program of this name is in a package that need not be there.
        let sent = Command::new("sh")
            .args(["-c", "kill -s \"$0\" \"$1\"", name, &pid])
            .status();
        assert!(sent.is_ok_and(|status| status.success()));
        let deadline = Instant::now() + PATIENCE;
        let code = loop {
            if let Some(status) = self.child.try_wait().expect("our own child") {
                break status.code();
            }
            assert!(Instant::now() < deadline, "{name} did not end the program");
            std::thread::yield_now();
        };
        (code, self.lines.iter().collect())
    }

    fn stderr(&mut self) -> String {
        let _ = self.child.kill();
        let mut text = String::new();
        if let Some(mut err) = self.child.stderr.take() {
            let _ = err.read_to_string(&mut text);
        }
        text
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
