//! A way to a server over a port of its own that can be disturbed.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What happens on the way.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Disturbance {
    /// Startup options get lost, as poolers lose them.
    OptionsLost,
    /// Nothing, until it is silenced.
    None,
}

/// Passes bytes between clients and one port on loopback. Its threads end with their connections.
pub struct Detour {
    /// Where clients connect.
    pub port: u16,
    silent: Arc<AtomicBool>,
}

impl Detour {
    /// A way to `port`.
    pub fn to(port: u16, disturbance: Disturbance) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let detour = Self {
            port: listener.local_addr().expect("bound").port(),
            silent: Arc::default(),
        };
        let silent = detour.silent.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let server = TcpStream::connect(("127.0.0.1", port)).expect("the server is there");
                let both = (
                    client.try_clone().expect("a second handle"),
                    server.try_clone().expect("a second handle"),
                );
                let (there, back) = (silent.clone(), silent.clone());
                std::thread::spawn(move || pass(client, server, disturbance, &there));
                std::thread::spawn(move || pass(both.1, both.0, Disturbance::None, &back));
            }
        });
        detour
    }

    /// From now on bytes vanish, and nobody is told.
    pub fn silence(&self) {
        self.silent.store(true, Ordering::Relaxed);
    }

    /// New connections work again.
    pub fn mend(&self) {
        self.silent.store(false, Ordering::Relaxed);
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, disturbance: Disturbance, silent: &AtomicBool) {
    let mut bytes = [0; 8192];
    let mut is_first = true;
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        let bytes = &mut bytes[..count];
        if is_first && disturbance == Disturbance::OptionsLost {
            blank_options(bytes);
        }
        is_first = false;
        if silent.load(Ordering::Relaxed) {
            // The connection stays open and is of no use any more.
            while let Ok(1..) = from.read(bytes) {}
            return;
        }
        if to.write_all(bytes).is_err() {
            return;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Both);
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
