//! The file of named views in the user's configuration. What is not a view in it, comments too,
//! stays as it is; a file with a mistake is left alone until somebody mends it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy as _;

use crate::app::view::Named;
use crate::app::view::file::{cut, parse, put};
use crate::core::strict::Mistake;
use crate::runtime::own_file::OwnFile;

/// Why views cannot be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum ViewsError {
    /// The file system refused.
    #[error("{path}: {source}")]
    File {
        /// Which file.
        path: String,
        /// What it said.
        #[source]
        source: io::Error,
    },
    /// The file has a mistake.
    #[error("{0}{hint}", hint = .0.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default())]
    Mistake(#[from] Mistake),
    /// The view is written in a way that cannot be changed here.
    #[error("{path}: the view {name} is written in a way that is only changed by hand")]
    Shape {
        /// Which file.
        path: String,
        /// Which view.
        name: String,
    },
}

/// The file of this user: `$XDG_CONFIG_HOME/auditail/views.toml`. `None` without a home directory.
pub fn default_path() -> Option<PathBuf> {
    let dirs = etcetera::choose_base_strategy().ok()?;
    Some(dirs.config_dir().join("auditail").join("views.toml"))
}

/// The views of a file; none when it is not there.
pub fn load(path: &Path) -> Result<Vec<Named>, ViewsError> {
    Ok(parse(&read(path)?, &path.display().to_string())?)
}

/// Keeps a view; one of the same name is replaced. Gives all views then.
pub fn save(path: &Path, named: &Named) -> Result<Vec<Named>, ViewsError> {
    let kept = |views: &[Named]| views.iter().any(|view| view == named);
    change(path, &named.name, |text| put(text, named), kept)
}

/// Forgets the view of a name. Gives all views then.
pub fn delete(path: &Path, name: &str) -> Result<Vec<Named>, ViewsError> {
    let gone = |views: &[Named]| views.iter().all(|view| view.name != name);
    change(path, name, |text| cut(text, name), gone)
}

fn change(
    path: &Path,
    name: &str,
    edit: impl FnOnce(&str) -> String,
    wanted: impl FnOnce(&[Named]) -> bool,
) -> Result<Vec<Named>, ViewsError> {
    let own = OwnFile::lock(path).map_err(|source| refused(path, source))?;
    let text = read(path)?;
    let file = path.display().to_string();
    parse(&text, &file)?;
    let text = edit(&text);
    match parse(&text, &file) {
        Ok(views) if wanted(&views) => {
            own.replace(&text).map_err(|source| refused(path, source))?;
            Ok(views)
        }
        _ => Err(ViewsError::Shape {
            path: file,
            name: name.to_owned(),
        }),
    }
}

fn refused(path: &Path, source: io::Error) -> ViewsError {
    ViewsError::File {
        path: path.display().to_string(),
        source,
    }
}

fn read(path: &Path) -> Result<String, ViewsError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(refused(path, error)),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;
    use crate::app::view::View;

    fn named(name: &str) -> Named {
        Named {
            name: name.to_owned(),
            view: View::default(),
        }
    }

    #[test]
    fn views_come_back_private_and_through_a_link() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("config").join("views.toml");
        assert!(load(&path).expect("no file is no error").is_empty());
        save(&path, &named("a")).expect("saves");
        let link = dir.path().join("link.toml");
        symlink(&path, &link).expect("a link");
        let all = save(&link, &named("b")).expect("saves");
        assert_eq!(all, [named("a"), named("b")]);
        assert!(link.is_symlink());
        assert_eq!(delete(&path, "a").expect("deletes"), [named("b")]);
        assert_eq!(load(&path).expect("reads"), [named("b")]);
        let mode = fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn two_at_once_keep_each_others_views() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("views.toml");
        let link = dir.path().join("link.toml");
        symlink(&path, &link).expect("a link");
        save(&path, &named("first")).expect("saves");
        std::thread::scope(|scope| {
            for (who, path) in [("x", &path), ("y", &link), ("z", &path)] {
                scope.spawn(move || {
                    for n in 0..20 {
                        save(path, &named(&format!("{who}{n}"))).expect("saves");
                    }
                });
            }
        });
        assert_eq!(load(&path).expect("reads").len(), 61);
    }

    #[test]
    fn a_file_with_a_mistake_is_left_alone() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("views.toml");
        let broken = "[[view]]\nname = \"a\"\ntab = \"useage\"\n";
        fs::write(&path, broken).expect("writes");
        let error = save(&path, &named("b")).expect_err("a mistake").to_string();
        assert!(error.contains("views.toml:3: view.1.tab:"), "{error}");
        assert!(error.contains("did you mean `usage`?"), "{error}");
        assert_eq!(fs::read_to_string(&path).expect("reads"), broken);
        let inline = "view = [{ name = \"a\" }]\n";
        fs::write(&path, inline).expect("writes");
        let error = save(&path, &named("a\u{e9}")).expect_err("no block");
        assert!(error.to_string().contains("by hand"), "{error}");
        assert_eq!(fs::read_to_string(&path).expect("reads"), inline);
    }
}
