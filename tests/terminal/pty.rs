//! A real terminal: the program runs in a pty, its output is interpreted as a terminal would, and
//! tests wait for what they want to see.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, SlavePty, native_pty_system};
use tempfile::TempDir;

/// Longest wait for anything; a debug build on a busy machine is slow to start.
const PATIENCE: Duration = Duration::from_mins(1);

/// A terminal with a program in it.
pub struct Terminal {
    master: Box<dyn MasterPty + Send>,
    /// Kept open, so that the modes can still be read when the program has ended.
    _slave: Box<dyn SlavePty + Send>,
    child: Box<dyn Child + Send + Sync>,
    writer: Box<dyn Write + Send>,
    shown: Arc<(Mutex<vt100::Parser>, Condvar)>,
    /// Bytes the program has written.
    written: Arc<AtomicUsize>,
    modes: String,
    copied: Arc<Mutex<Vec<u8>>>,
    home: Option<TempDir>,
}

fn cells(number: u16) -> NonZeroU16 {
    NonZeroU16::new(number).expect("a size")
}

fn size((cols, rows): (u16, u16)) -> PtySize {
    PtySize {
        rows,
        cols,
        pixel_width: 0,
        pixel_height: 0,
    }
}

impl Terminal {
    /// Runs the program with arguments in a terminal of this many columns and rows.
    pub fn auditail(arguments: &[&str], columns_rows: (u16, u16)) -> Self {
        let program = assert_cmd::cargo::cargo_bin!("auditail");
        Self::run(CommandBuilder::new(program), arguments, columns_rows)
    }

    /// The same for a user whose files are in this directory.
    pub fn auditail_at(home: &Path, arguments: &[&str], columns_rows: (u16, u16)) -> Self {
        let program = assert_cmd::cargo::cargo_bin!("auditail");
        Self::begin(CommandBuilder::new(program), arguments, columns_rows, home)
    }

    /// Runs any program.
    pub fn run(command: CommandBuilder, arguments: &[&str], columns_rows: (u16, u16)) -> Self {
        let home = TempDir::new().expect("a directory");
        let mut terminal = Self::begin(command, arguments, columns_rows, home.path());
        terminal.home = Some(home);
        terminal
    }

    fn begin(
        mut command: CommandBuilder,
        arguments: &[&str],
        columns_rows: (u16, u16),
        home: &Path,
    ) -> Self {
        command.args(arguments);
        command.env_clear();
        command.env("HOME", home);
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("TERM", "xterm-256color");
        command.env("COLORTERM", "truecolor");
        command.env("LANG", "C.UTF-8");
        command.env("TZ", "UTC");
        command.env("RUST_BACKTRACE", "0");
        let pair = native_pty_system()
            .openpty(size(columns_rows))
            .expect("a pty");
        let modes = modes(pair.master.as_ref());
        let child = pair.slave.spawn_command(command).expect("the program");
        let (columns, rows) = columns_rows;
        let parser = vt100::Parser::new(cells(rows), cells(columns), 0);
        let shown = Arc::new((Mutex::new(parser), Condvar::new()));
        let mut reader = pair.master.try_clone_reader().expect("a reader");
        let writer = pair.master.take_writer().expect("a writer");
        let into = shown.clone();
        let written = Arc::new(AtomicUsize::new(0));
        let count_into = written.clone();
        let copied = Arc::new(Mutex::new(Vec::new()));
        let copy_into = copied.clone();
        std::thread::spawn(move || {
            let mut buffer = [0; 16 * 1024];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                let Ok(mut shown) = into.0.lock() else {
                    // The test has failed while it looked at the screen; its failure says why.
                    return;
                };
                shown.process(&buffer[..count]);
                if let Ok(mut written) = copy_into.lock() {
                    written.extend_from_slice(&buffer[..count]);
                }
                count_into.fetch_add(count, Ordering::SeqCst);
                into.1.notify_all();
            }
        });
        Self {
            master: pair.master,
            _slave: pair.slave,
            child,
            writer,
            shown,
            written,
            modes,
            copied,
            home: None,
        }
    }

    /// Waits until the screen satisfies a condition; the screen is in the failure.
    pub fn wait(&self, what: &str, wanted: impl Fn(&vt100::Screen) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        let (lock, changed) = &*self.shown;
        let mut shown = lock.lock().expect("the reader goes on");
        while !wanted(shown.screen()) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "waited for {what}, but the screen is\n{}",
                shown.screen().contents()
            );
            shown = changed
                .wait_timeout(shown, left)
                .expect("the reader goes on")
                .0;
        }
    }

    /// Waits until a text is on the screen.
    pub fn see(&self, text: &str) {
        self.wait(text, |screen| screen.contents().contains(text));
    }

    /// What is on the screen now.
    pub fn contents(&self) -> String {
        let shown = self.shown.0.lock().expect("the reader goes on");
        shown.screen().contents()
    }

    /// What the program has last put on the clipboard (OSC 52).
    pub fn copied(&self) -> Option<String> {
        let written = self.copied.lock().expect("the reader goes on");
        let written = String::from_utf8_lossy(&written);
        let (_, encoded) = written.rsplit_once("\u{1b}]52;c;")?;
        let end = encoded.find(['\u{1b}', '\u{7}'])?;
        String::from_utf8(base64(&encoded[..end])).ok()
    }

    /// Bytes the program has written so far.
    pub fn written(&self) -> usize {
        self.written.load(Ordering::SeqCst)
    }

    /// Times the program has read from files so far: each look at a store is some.
    pub fn reads(&self) -> u64 {
        let pid = self.child.process_id().expect("a process");
        let told = std::fs::read_to_string(format!("/proc/{pid}/io")).expect("a running process");
        let reads = told.lines().find_map(|line| line.strip_prefix("syscr: "));
        reads
            .and_then(|reads| reads.parse().ok())
            .expect("a number")
    }

    /// Waits until the program is stopped; a signal to go on would be lost before.
    pub fn stopped(&self) {
        let pid = self.child.process_id().expect("a process");
        let deadline = Instant::now() + PATIENCE;
        loop {
            let told = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("a process");
            // The state is the word after the name, which is in brackets.
            let (_, after) = told.rsplit_once(") ").expect("a name");
            if after.starts_with('T') {
                return;
            }
            assert!(Instant::now() < deadline, "it goes on: {told}");
            std::thread::yield_now();
        }
    }

    /// Types.
    pub fn press(&mut self, keys: &str) {
        self.writer
            .write_all(keys.as_bytes())
            .expect("a program that reads");
        self.writer.flush().expect("a program that reads");
    }

    /// Gives the terminal another size.
    pub fn resize(&mut self, columns_rows: (u16, u16)) {
        let (columns, rows) = columns_rows;
        let mut shown = self.shown.0.lock().expect("the reader goes on");
        shown.set_size(cells(rows), cells(columns));
        drop(shown);
        self.master.resize(size(columns_rows)).expect("a pty");
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        let pid = self.child.process_id().expect("a process");
        // The shell's own: the program of this name is in a package that need not be there.
        let kill = Command::new("sh")
            .args(["-c", "kill -s \"$0\" \"$1\"", name, &pid.to_string()])
            .status();
        assert!(kill.expect("kill").success());
    }

    /// Waits for the end, checks that the terminal is as it was, gives the exit code.
    pub fn end(mut self) -> u32 {
        let status = self.child.wait().expect("an end");
        self.wait("the ordinary screen", |screen| !screen.alternate_screen());
        let shown = self.shown.0.lock().expect("the reader goes on");
        let screen = shown.screen();
        assert!(!screen.hide_cursor(), "the cursor is hidden");
        assert!(!screen.bracketed_paste(), "pastes are bracketed");
        assert_eq!(
            screen.mouse_protocol_mode(),
            vt100::MouseProtocolMode::None,
            "the mouse is taken"
        );
        assert_eq!(modes(self.master.as_ref()), self.modes, "raw mode is left");
        status.exit_code()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // After a failed test the program would wait for keys for ever.
        let _ = self.child.kill();
    }
}

/// What a text in base 64 stands for.
fn base64(text: &str) -> Vec<u8> {
    let value = |byte: u8| match byte {
        b'A'..=b'Z' => Some(u32::from(byte - b'A')),
        b'a'..=b'z' => Some(u32::from(byte - b'a') + 26),
        b'0'..=b'9' => Some(u32::from(byte - b'0') + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let (mut bits, mut held, mut out) = (0_u32, 0, Vec::new());
    for digit in text.bytes().filter_map(value) {
        bits = bits << 6 | digit;
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push(u8::try_from(bits >> held).expect("eight bits"));
            bits &= (1 << held) - 1;
        }
    }
    out
}

/// The modes of the terminal driver, to be compared.
fn modes(master: &dyn MasterPty) -> String {
    let modes = master.get_termios().expect("modes");
    format!(
        "{:?} {:?} {:?}",
        modes.input_flags, modes.output_flags, modes.local_flags
    )
}
