//! An archive put back by its README alone, with the store's own tools.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// What stands where the README says `DATABASE` or `FILE`, and how statements are run there.
pub struct Tool<'t> {
    /// The word of the README.
    pub word: &'static str,
    /// What it stands for.
    pub target: String,
    /// Runs statements on their own: the tables come first.
    pub run: &'t dyn Fn(&str),
    /// Where the tools are.
    pub path: String,
}

impl Tool<'_> {
    /// Does what the README says from its first command to its last.
    pub fn follow(&self, archive: &Path) {
        let readme = fs::read_to_string(archive.join("README.txt")).expect("there");
        let mut statements = String::new();
        let mut commands = 0;
        for line in readme.lines().filter_map(|line| line.strip_prefix("  ")) {
            if !line.starts_with("zstd ") {
                statements.push_str(line);
                statements.push('\n');
                continue;
            }
            (self.run)(&statements);
            statements.clear();
            self.shell(archive, &line.replace(self.word, &self.target));
            commands += 1;
        }
        (self.run)(&statements);
        assert!(commands > 0, "{readme}");
    }

    fn shell(&self, archive: &Path, command: &str) {
        let tools = tempfile::tempdir().expect("a directory");
        let mut path = format!("{}:/usr/bin:/bin", self.path);
        if !has("zstd") {
            stand_in(tools.path(), archive);
            path = format!("{}:{path}", tools.path().display());
        }
        let end = Command::new("sh")
            .args(["-e", "-c", command])
            .current_dir(archive)
            .env_clear()
            .env("PATH", path)
            .stdin(Stdio::null())
            .output()
            .expect("a shell");
        let said = String::from_utf8_lossy(&end.stderr);
        assert!(end.status.success() && said.is_empty(), "{command}\n{said}");
    }
}

/// Whether a machine has a program.
pub fn has(program: &str) -> bool {
    let mut asked = Command::new(program);
    let asked = asked.arg("--version").stdout(Stdio::null()).status();
    asked.is_ok()
}

/// A `zstd -dc` for machines that have none.
fn stand_in(tools: &Path, archive: &Path) {
    for entry in fs::read_dir(archive).expect("there").flatten() {
        let name = entry.file_name();
        if name.to_string_lossy().ends_with(".zst") {
            let packed = fs::read(entry.path()).expect("readable");
            let plain = zstd::decode_all(&packed[..]).expect("zstd");
            fs::write(tools.join(name), plain).expect("writable");
        }
    }
    let script = format!(
        "#!/bin/sh\nshift\nfor file; do cat '{}'/\"$file\"; done\n",
        tools.display()
    );
    let path = tools.join("zstd");
    fs::write(&path, script).expect("writable");
    fs::set_permissions(path, fs::Permissions::from_mode(0o700)).expect("ours");
}
