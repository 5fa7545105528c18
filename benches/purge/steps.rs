//! The steps of a purge as processes, timed from start to end, with what they told on the way.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::measure::{kib, run};

const AUDITAIL: &str = env!("CARGO_BIN_EXE_auditail");

/// A purge of a store.
pub struct Purge {
    target: String,
    dir: PathBuf,
}

/// What a step took.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// From start to end.
    pub time: Duration,
    /// From start until the rows were looked for once more.
    pub until_reconciled: Option<Duration>,
    /// Most memory held, in KiB.
    pub peak: u64,
}

impl Purge {
    /// Decides what goes; the archive will be `name` below `parent`.
    pub fn plan(target: &str, before: &str, parent: &Path, name: &str) -> Self {
        let purge = Self {
            target: target.to_owned(),
            dir: parent.join(name),
        };
        let mut command = command("plan");
        command.args([target, "--before", before, "--to"]);
        finish(command.arg(&purge.dir));
        purge
    }

    pub fn back_up(&self) -> Step {
        finish(&mut self.step("backup"))
    }

    pub fn verify(&self) -> Step {
        finish(&mut self.step("verify"))
    }

    /// Deletes as many rows as the plan found, as fast as it goes.
    pub fn delete(&self, rows: u64, jobs: &str) -> Step {
        let mut command = self.deletion(rows);
        finish(command.args(["--max-rate", "none", "--jobs", jobs]))
    }

    /// Deletes as gently as it does when nobody asks for more, until `meanwhile` has ended.
    pub fn delete_gently(&self, rows: u64, meanwhile: impl FnOnce()) {
        let mut child = self
            .deletion(rows)
            .stdout(Stdio::null())
            .spawn()
            .expect("the program starts");
        meanwhile();
        run(Command::new("/bin/kill").arg(child.id().to_string()));
        let ended = child.wait().expect("our own child");
        assert_eq!(ended.code(), Some(5), "it stops part-way");
    }

    fn deletion(&self, rows: u64) -> Command {
        let mut command = self.step("delete");
        command.args(["--yes", "--expect-count", &rows.to_string()]);
        command
    }

    /// Bytes of all files of the archive.
    pub fn bytes(&self) -> u64 {
        let files = std::fs::read_dir(&self.dir).expect("an archive");
        files
            .filter_map(|file| file.ok()?.metadata().ok())
            .map(|file| file.len())
            .sum()
    }

    fn step(&self, step: &str) -> Command {
        let mut command = command(step);
        command.arg(&self.dir).args(["--target", &self.target]);
        command
    }
}

fn command(step: &str) -> Command {
    let mut command = Command::new(AUDITAIL);
    command.env_clear().args(["purge", step, "-o", "json"]);
    command
}

fn finish(command: &mut Command) -> Step {
    let begun = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut step = Step {
        time: Duration::ZERO,
        until_reconciled: None,
        peak: 0,
    };
    for line in BufReader::new(child.stdout.take().expect("stdout is piped")).lines() {
        let line = line.expect("what the program tells is text");
        step.peak = step.peak.max(peak(&child));
        if line.contains("\"reconciling\"") {
            step.until_reconciled.get_or_insert_with(|| begun.elapsed());
        }
    }
    let ended = child.wait().expect("our own child");
    step.time = begun.elapsed();
    assert!(ended.success(), "{command:?} failed");
    step
}

fn peak(child: &Child) -> u64 {
    kib(Path::new(&format!("/proc/{}/status", child.id())), "VmHWM:")
}
