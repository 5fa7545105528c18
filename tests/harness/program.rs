//! The program as a user's shell would start it, but with nothing of this machine's environment.

use std::ffi::OsStr;
use std::process::Output;

/// What a finished run of the program left.
pub struct Finished {
    /// Exit code; a run that a signal ended has none.
    pub code: Option<i32>,
    /// Data.
    pub out: String,
    /// Narration.
    pub err: String,
}

/// The path of the program under test.
pub const PATH: &str = env!("CARGO_BIN_EXE_auditail");

/// A home that does not exist and that not even root can make: what one test left there, the next
/// would find.
pub const HOME: &str = "/proc/nonexistent";

/// A command that knows nothing of this machine: no variables, a home that does not exist.
pub fn command() -> assert_cmd::Command {
    let mut command = assert_cmd::Command::new(PATH);
    command
        .env_clear()
        .env("HOME", HOME)
        .env("LC_ALL", "C.UTF-8")
        .timeout(std::time::Duration::from_mins(1));
    command
}

/// Runs the program to its end.
pub fn run<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Finished {
    finish(&mut command(), arguments)
}

/// Runs a prepared command to its end.
pub fn finish<S: AsRef<OsStr>>(
    command: &mut assert_cmd::Command,
    arguments: impl IntoIterator<Item = S>,
) -> Finished {
    let output = command
        .args(arguments)
        .output()
        .expect("the program starts");
    output.into()
}

impl From<Output> for Finished {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("output is UTF-8");
        Self {
            code: output.status.code(),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }
}

impl Finished {
    /// The run ended well; what it printed.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(
            self.code,
            Some(0),
            "stdout:\n{}\nstderr:\n{}",
            self.out,
            self.err
        );
        self.out
    }

    /// The run failed with this code, and printed no data.
    #[track_caller]
    pub fn failed(self, code: i32) -> String {
        assert_eq!(
            self.code,
            Some(code),
            "stdout:\n{}\nstderr:\n{}",
            self.out,
            self.err
        );
        assert_eq!(self.out, "", "a failure prints no data");
        self.err
    }

    /// The lines of an NDJSON output.
    #[track_caller]
    pub fn events(self) -> Vec<serde_json::Value> {
        let out = self.ok();
        out.lines()
            .map(|line| serde_json::from_str(line).expect("each line is JSON"))
            .collect()
    }
}

/// The ids of events, in their order.
pub fn ids(events: &[serde_json::Value]) -> Vec<String> {
    events
        .iter()
        .map(|event| event["id"].as_str().expect("ids are text").to_owned())
        .collect()
}

#[test]
fn nothing_can_be_left_at_home() {
    assert!(std::fs::create_dir_all(HOME).is_err());
}
