//! A server's certificate and its authority, made by openssl, on which Debian's PostgreSQL depends.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// Files of one authority; they go with the value.
pub struct Certificates {
    dir: TempDir,
}

impl Certificates {
    /// Makes an authority and lets it sign a server's certificate for `localhost`, and a client's.
    pub fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let made = Self { dir };
        std::fs::write(made.path("server.ext"), "subjectAltName=DNS:localhost\n")
            .expect("writable");
        std::fs::write(made.path("client.ext"), "extendedKeyUsage=clientAuth\n").expect("writable");
        made.openssl(
            "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=Authority \
             -keyout root.key -out root.crt",
        );
        made.sign("server", "localhost");
        made.sign("client", "auditail");
        made
    }

    /// A file: `root.crt`, and of `server` and `client` each `.crt`, `.key` and both in one `.pem`.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn sign(&self, name: &str, subject: &str) {
        self.openssl(&format!(
            "req -newkey rsa:2048 -nodes -subj /CN={subject} -keyout {name}.key -out {name}.csr"
        ));
        self.openssl(&format!(
            "x509 -req -in {name}.csr -CA root.crt -CAkey root.key -CAcreateserial -days 2 \
             -extfile {name}.ext -out {name}.crt"
        ));
        let text = |path: &Path| std::fs::read_to_string(path).expect("made by openssl");
        let both = [".crt", ".key"].map(|end| text(&self.path(&format!("{name}{end}"))));
        std::fs::write(self.path(&format!("{name}.pem")), both.concat()).expect("writable");
    }

    fn openssl(&self, line: &str) {
        let done = Command::new("openssl")
            .current_dir(self.dir.path())
            .args(line.split(' '))
            .output()
            .expect("openssl is needed for this test: apt-get install openssl");
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{said}");
    }
}
