//! The terminal: taken in a known way, and given back as it was on every way out.
//!
//! Does not know what is drawn.

use std::io::{self, BufWriter, Stdout, Write as _, stdout};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::clipboard::CopyToClipboard;
use crossterm::cursor::Show;
use crossterm::event::{
    DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture,
};
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
    disable_raw_mode, enable_raw_mode,
};
use crossterm::{execute, queue};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

use crate::app::layout::Regions;
use crate::app::{App, Mouse};
use crate::ui;
use crate::ui::theme::Theme;

/// Whether the terminal is ours. The panic hook may run on any thread, so this is process-wide, as
/// the terminal is.
static OURS: AtomicBool = AtomicBool::new(false);

/// A frame of a large terminal fits, so that it arrives in one write.
const BUFFER: usize = 256 * 1024;

/// The terminal while it is ours.
pub struct Screen {
    terminal: Terminal<CrosstermBackend<BufWriter<Stdout>>>,
    theme: Theme,
    mouse: Mouse,
}

impl Screen {
    /// Takes the terminal. A panic on any thread gives it back before its report is printed.
    pub fn enter(theme: Theme) -> io::Result<Self> {
        hook();
        take()?;
        let backend = CrosstermBackend::new(BufWriter::with_capacity(BUFFER, stdout()));
        let terminal = match Terminal::new(backend) {
            Ok(terminal) => terminal,
            Err(error) => {
                give_back();
                return Err(error);
            }
        };
        Ok(Self {
            terminal,
            theme,
            mouse: Mouse::Off,
        })
    }

    /// Draws a frame. Draws nothing when a panic has given the terminal back.
    pub fn draw(&mut self, app: &App) -> io::Result<Regions> {
        let mut regions = *app.regions();
        if !OURS.load(Ordering::Acquire) {
            return Ok(regions);
        }
        queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
        let theme = &self.theme;
        self.terminal
            .draw(|frame| regions = ui::draw(frame, app, theme))?;
        execute!(self.terminal.backend_mut(), EndSynchronizedUpdate)?;
        Ok(regions)
    }

    /// Puts text on the clipboard of the terminal, also over ssh.
    pub fn copy(&mut self, text: &str) -> io::Result<()> {
        execute!(
            self.terminal.backend_mut(),
            CopyToClipboard::to_clipboard_from(text)
        )
    }

    /// Takes the mouse, or leaves it to the terminal.
    pub fn mouse(&mut self, mouse: Mouse) -> io::Result<()> {
        self.mouse = mouse;
        match mouse {
            Mouse::On => execute!(self.terminal.backend_mut(), EnableMouseCapture),
            Mouse::Off => execute!(self.terminal.backend_mut(), DisableMouseCapture),
        }
    }

    /// Forgets what is on the screen, so that the next frame draws every cell.
    pub fn clear(&mut self) -> io::Result<()> {
        // `Terminal::clear` would ask the terminal where its cursor is, and the answer would go to
        // whoever reads the keys; a resize to the same size clears without asking.
        let size = self.terminal.size()?;
        self.terminal.resize(size.into())
    }

    /// Gives the terminal back.
    pub fn leave(&mut self) {
        give_back();
    }

    /// Takes the terminal again after somebody else had it.
    pub fn come_back(&mut self) -> io::Result<()> {
        // A shell may have changed the modes behind our back: begin from what it left.
        give_back();
        take()?;
        self.mouse(self.mouse)?;
        self.clear()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

fn take() -> io::Result<()> {
    enable_raw_mode()?;
    OURS.store(true, Ordering::Release);
    let taken = execute!(stdout(), EnterAlternateScreen, EnableBracketedPaste);
    if taken.is_err() {
        give_back();
    }
    taken
}

/// Gives the terminal back if it is ours. Errors have nobody to be told to: the terminal is gone.
fn give_back() {
    if OURS.swap(false, Ordering::AcqRel) {
        let _ = execute!(
            stdout(),
            EndSynchronizedUpdate,
            DisableMouseCapture,
            DisableBracketedPaste,
            LeaveAlternateScreen,
            Show
        );
        let _ = stdout().flush();
        let _ = disable_raw_mode();
    }
}

fn hook() {
    static HOOKED: Once = Once::new();
    HOOKED.call_once(|| {
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            give_back();
            report(panic);
        }));
    });
}
