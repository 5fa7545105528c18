//! A value that must never be printed. It has neither `Debug` nor `Display`, so a format string
//! that would show it does not compile.

/// A password, or a private key's passphrase.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Takes the secret text.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself, for handing to the protocol and nowhere else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}
