//! A password typed on the terminal before the screen takes it: nothing of it is shown, not even its
//! length.
//!
//! Does not know whether a server asks for one.

use std::io::{self, Write as _, stdout};

use crossterm::event::{Event, EventStream, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use crossterm::terminal::{disable_raw_mode, enable_raw_mode};
use futures_util::StreamExt as _;

use crate::core::sanitise::safe;
use crate::runtime::RunError;
use crate::runtime::signals::{Signal, Signals};
use crate::store::secret::Secret;

/// How a question ended.
pub enum Answer {
    /// With a password, which may be empty.
    Password(Secret),
    /// The user does not want to answer, or a signal came.
    Given(Signal),
}

/// Asks on the terminal. Blocks; must not be called from within a tokio runtime.
pub fn ask(question: &str) -> Result<Answer, RunError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(RunError::System)?;
    // Before the echo goes: a signal in between would leave the terminal without one.
    let signals = {
        let _within = runtime.enter();
        Signals::listen().map_err(RunError::System)?
    };
    let silence = Silence::begin().map_err(RunError::Terminal)?;
    let asked = write!(stdout(), "{}: ", safe(question)).and_then(|()| stdout().flush());
    let answer = match asked {
        Ok(()) => runtime.block_on(answer(signals)),
        Err(error) => Err(error),
    };
    drop(silence);
    // The Enter was not echoed either.
    let _ = writeln!(stdout());
    answer.map_err(RunError::Terminal)
}

/// The terminal without echo; with it again when this ends.
struct Silence;

impl Silence {
    fn begin() -> io::Result<Self> {
        enable_raw_mode().map(|()| Self)
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        let _ = disable_raw_mode();
    }
}

async fn answer(mut signals: Signals) -> io::Result<Answer> {
    let mut keys = EventStream::new();
    let mut typed = String::new();
    loop {
        let event = tokio::select! {
            biased;
            signal = signals.next() => match signal {
                Signal::Stop | Signal::Continue => continue,
                signal => return Ok(Answer::Given(signal)),
            },
            event = keys.next() => event,
        };
        match event {
            Some(Ok(Event::Key(key))) if key.kind != KeyEventKind::Release => {
                if let Some(done) = take(&mut typed, key) {
                    return Ok(done);
                }
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(error),
            None => return Ok(Answer::Given(Signal::Hangup)),
        }
    }
}

/// What a key does to what was typed; the answer, where it ends the question.
fn take(typed: &mut String, key: KeyEvent) -> Option<Answer> {
    let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Enter => return Some(Answer::Password(Secret::new(std::mem::take(typed)))),
        KeyCode::Char('c' | 'd') if is_control => return Some(Answer::Given(Signal::Interrupt)),
        KeyCode::Char('u') if is_control => typed.clear(),
        KeyCode::Char(c) if !is_control => typed.push(c),
        KeyCode::Backspace => {
            typed.pop();
        }
        _ => {}
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_make_a_password() {
        let key = |code, modifiers| KeyEvent::new(code, modifiers);
        let plain = |c| key(KeyCode::Char(c), KeyModifiers::NONE);
        let control = |c| key(KeyCode::Char(c), KeyModifiers::CONTROL);
        let mut typed = String::new();
        for key in [
            plain('x'),
            control('u'),
            plain('s'),
            key(KeyCode::Char('Q'), KeyModifiers::SHIFT),
            plain('z'),
            key(KeyCode::Backspace, KeyModifiers::NONE),
            key(KeyCode::Left, KeyModifiers::NONE),
            control('a'),
        ] {
            assert!(take(&mut typed, key).is_none());
        }
        match take(&mut typed, key(KeyCode::Enter, KeyModifiers::NONE)) {
            Some(Answer::Password(secret)) => assert_eq!(secret.expose(), "sQ"),
            _ => panic!("Enter ends it"),
        }
        for c in ['c', 'd'] {
            let given = take(&mut typed, control(c));
            assert!(matches!(given, Some(Answer::Given(Signal::Interrupt))));
        }
    }
}
