//! A way to a server over a port of its own that can be disturbed.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// What happens on the way.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Disturbance {
    /// Startup options get lost, as poolers lose them.
    OptionsLost,
    /// Nothing, until it is silenced, cut, or somebody steps into a trap.
    None,
}

/// When a trap springs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Before the server hears the word.
    Question,
    /// When the server has answered it, before the client hears the answer.
    Answer,
}

/// What becomes of the connection that stepped into a trap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// It is cut; what was on its way is lost.
    Cut,
    /// It stays open, and nothing comes through any more.
    Silent,
    /// Nothing.
    GoesOn,
}

/// Something done once, when a client says a word.
struct Trap {
    word: &'static str,
    /// How often it may be said before.
    passes: usize,
    side: Side,
    action: Box<dyn FnOnce() -> After + Send>,
}

#[derive(Default)]
struct Switches {
    silent: AtomicBool,
    port: AtomicU16,
    /// Bytes of answers that still get through.
    budget: AtomicUsize,
    trap: Mutex<Option<Trap>>,
}

/// Passes bytes between clients and one port on loopback. Its threads end with their connections.
pub struct Detour {
    /// Where clients connect.
    pub port: u16,
    switches: Arc<Switches>,
}

impl Detour {
    /// A way to `port`.
    pub fn to(port: u16, disturbance: Disturbance) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let switches = Arc::new(Switches {
            port: AtomicU16::new(port),
            budget: AtomicUsize::new(usize::MAX),
            ..Switches::default()
        });
        let detour = Self {
            port: listener.local_addr().expect("bound").port(),
            switches: Arc::clone(&switches),
        };
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let port = switches.port.load(Ordering::Relaxed);
                // A server that is down refuses its clients; so does the way there.
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else {
                    continue;
                };
                Connection::start(client, server, &switches, disturbance);
            }
        });
        detour
    }

    /// New connections go to another port.
    pub fn turn(&self) -> impl Fn(u16) + Send + 'static {
        let switches = Arc::clone(&self.switches);
        move |port| switches.port.store(port, Ordering::Relaxed)
    }

    /// From now on bytes vanish, and nobody is told.
    pub fn silence(&self) {
        self.switches.silent.store(true, Ordering::Relaxed);
    }

    /// Connections are cut when so many bytes of answers have come through.
    pub fn cut_after(&self, bytes: usize) {
        self.switches.budget.store(bytes, Ordering::Relaxed);
    }

    /// New connections work again.
    pub fn mend(&self) {
        self.switches.silent.store(false, Ordering::Relaxed);
        self.switches.budget.store(usize::MAX, Ordering::Relaxed);
    }

    /// When a client says `word` for the time after `passes`, this is done, once.
    pub fn trap(
        &self,
        word: &'static str,
        passes: usize,
        side: Side,
        action: impl FnOnce() -> After + Send + 'static,
    ) {
        *self.switches.trap.lock().expect("whole") = Some(Trap {
            word,
            passes,
            side,
            action: Box::new(action),
        });
    }

    /// Whether nobody has stepped into the trap.
    pub fn is_set(&self) -> bool {
        self.switches.trap.lock().expect("whole").is_some()
    }
}

/// Both directions of one client.
struct Connection {
    client: TcpStream,
    server: TcpStream,
    switches: Arc<Switches>,
    /// What is done at the next answer.
    answered: Mutex<Option<Box<dyn FnOnce() -> After + Send>>>,
    is_silent: AtomicBool,
}

impl Connection {
    fn start(client: TcpStream, server: TcpStream, switches: &Arc<Switches>, way: Disturbance) {
        let both = Arc::new(Self {
            client,
            server,
            switches: Arc::clone(switches),
            answered: Mutex::default(),
            is_silent: AtomicBool::new(false),
        });
        let back = Arc::clone(&both);
        std::thread::spawn(move || {
            both.ask(way);
            both.close();
        });
        std::thread::spawn(move || {
            back.answer();
            back.close();
        });
    }

    fn close(&self) {
        for end in [&self.client, &self.server] {
            let _ = end.shutdown(Shutdown::Both);
        }
    }

    fn ask(&self, disturbance: Disturbance) {
        let mut bytes = [0; 8192];
        let mut is_first = true;
        while let Ok(count @ 1..) = (&self.client).read(&mut bytes) {
            let bytes = &mut bytes[..count];
            if is_first && disturbance == Disturbance::OptionsLost {
                blank_options(bytes);
            }
            is_first = false;
            if self.is_trapped(bytes) {
                return;
            }
            if !self.is_quiet() && (&self.server).write_all(bytes).is_err() {
                return;
            }
        }
    }

    fn answer(&self) {
        let mut bytes = [0; 8192];
        while let Ok(count @ 1..) = (&self.server).read(&mut bytes) {
            let action = self.answered.lock().expect("whole").take();
            if action.is_some_and(|action| self.is_end(action())) {
                return;
            }
            let budget = &self.switches.budget;
            let left = budget.load(Ordering::Relaxed);
            if left != usize::MAX {
                budget.store(left.saturating_sub(count), Ordering::Relaxed);
            }
            let bytes = &bytes[..count.min(left)];
            let is_sent = self.is_quiet() || (&self.client).write_all(bytes).is_ok();
            if !is_sent || left < count {
                return;
            }
        }
    }

    /// Whether the connection ends by a trap that these bytes step into.
    fn is_trapped(&self, bytes: &[u8]) -> bool {
        let mut set = self.switches.trap.lock().expect("whole");
        let Some(trap) = set.as_mut() else {
            return false;
        };
        let word = trap.word.as_bytes();
        if !bytes.windows(word.len()).any(|part| part == word) {
            return false;
        }
        if trap.passes > 0 {
            trap.passes -= 1;
            return false;
        }
        let Some(trap) = set.take() else {
            return false;
        };
        drop(set);
        match trap.side {
            Side::Question => self.is_end((trap.action)()),
            Side::Answer => {
                *self.answered.lock().expect("whole") = Some(trap.action);
                false
            }
        }
    }

    fn is_end(&self, after: After) -> bool {
        if after == After::Silent {
            self.is_silent.store(true, Ordering::Relaxed);
        }
        after == After::Cut
    }

    /// The connection stays open and is of no use any more.
    fn is_quiet(&self) -> bool {
        if self.switches.silent.load(Ordering::Relaxed) {
            self.is_silent.store(true, Ordering::Relaxed);
        }
        self.is_silent.load(Ordering::Relaxed)
    }
}

fn blank_options(startup: &mut [u8]) {
    let word = b"\0options\0";
    let Some(at) = startup.windows(word.len()).position(|part| part == word) else {
        return;
    };
    for byte in &mut startup[at + word.len()..] {
        if *byte == 0 {
            return;
        }
        *byte = b' ';
    }
}
