//! Processes, their time and their memory, and the table of results.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What one run of a process took.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// From start to end.
    pub time: Duration,
    /// From start to the first byte of output.
    pub first_byte: Option<Duration>,
    /// Lines printed.
    pub lines: u64,
    /// Most memory held, in KiB.
    pub peak: u64,
}

/// Runs a process to its end and reads what it prints, as `| cat` would.
pub fn run(command: &mut Command) -> Run {
    let begun = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut out = child.stdout.take().expect("stdout is piped");
    let status = format!("/proc/{}/status", child.id());
    let (mut lines, mut first_byte, mut peak) = (0, None, 0);
    let mut buffer = vec![0; 1 << 20];
    let mut looked = begun;
    while let Ok(read @ 1..) = out.read(&mut buffer) {
        first_byte.get_or_insert_with(|| begun.elapsed());
        for byte in &buffer[..read] {
            lines += u64::from(*byte == b'\n');
        }
        if looked.elapsed() > Duration::from_millis(50) || peak == 0 {
            looked = Instant::now();
            peak = peak.max(kib(Path::new(&status), "VmHWM:"));
        }
    }
    let ended = child.wait().expect("our own child");
    let time = begun.elapsed();
    assert!(ended.success(), "{command:?} failed");
    Run {
        time,
        first_byte,
        lines,
        peak,
    }
}

/// A number of a process's status file.
pub fn kib(status: &Path, key: &str) -> u64 {
    fs::read_to_string(status)
        .unwrap_or_default()
        .lines()
        .find_map(|line| {
            line.strip_prefix(key)?
                .split_whitespace()
                .next()?
                .parse()
                .ok()
        })
        .unwrap_or_default()
}

/// The middle of several measurements.
pub fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// Milliseconds, for the table.
pub fn ms(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1000.0)
}

/// How much longer the first is than the second.
pub fn ratio(one: Duration, other: Duration) -> f64 {
    one.as_secs_f64() / other.as_secs_f64()
}

/// Prints the head of the table.
pub fn head() {
    println!(
        "{:<58} {:>18} {:>18} {:>8}  wanted",
        "measure", "auditail", "against", "ratio"
    );
}

/// Prints a row with a ratio.
pub fn against(name: &str, ours: &str, against: &str, ratio: f64, wanted: &str) {
    println!("{name:<58} {ours:>18} {against:>18} {ratio:>8.2}  {wanted}");
}

/// Prints a row that compares with nothing.
pub fn alone(name: &str, ours: &str, wanted: &str) {
    println!("{name:<58} {ours:>18} {:>18} {:>8}  {wanted}", "", "");
}
