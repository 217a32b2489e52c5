//! Folders that the process may not write to. Root may write everywhere, so as root the binary runs as somebody else.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use super::process::{Finished, MASTER_KEY, binary, clean, finish};

/// `nobody` on most systems; any that is not root does.
const NOBODY: u32 = 65_534;

/// A folder that everybody may look into, and the binary in it.
struct Place {
    folder: TempDir,
    binary: PathBuf,
    is_root: bool,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let is_root = fs::metadata(folder.path()).unwrap().uid() == 0;
        mode(folder.path(), 0o755);
        // Somebody else may not come as far as to where it was built.
        let copy = folder.path().join("gangway");
        if fs::hard_link(binary(), &copy).is_err() {
            fs::copy(binary(), &copy).unwrap();
        }
        Self { folder, binary: copy, is_root }
    }

    /// Runs the binary of this place without root's rights.
    async fn run(&self, arguments: &str) -> Finished {
        let mut command = clean(&self.binary);
        command.args(arguments.split_whitespace()).env("GANGWAY_MASTER_KEY", MASTER_KEY).current_dir("/");
        if self.is_root {
            command.uid(NOBODY).gid(NOBODY);
        }
        finish(command).await
    }

    /// A folder of this place with files in it, which belong to the one who runs the binary.
    fn own(&self, name: &str, files: &[&str]) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::create_dir(&path).unwrap();
        for file in files {
            fs::write(path.join(file), "").unwrap();
            self.give(&path.join(file));
        }
        self.give(&path);
        path
    }

    fn give(&self, path: &Path) {
        if self.is_root {
            std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
    }
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_or_written_is_one_line_with_the_cure() {
    let place = Place::new();
    let closed = place.own("closed", &[]);
    mode(&closed, 0o555);
    let new = closed.join("data");
    let listening = "--listen 127.0.0.1:0";
    let demo = format!("demo {listening} --sandbox-listen 127.0.0.1:0");
    for (command, data, expected) in [
        (demo.clone(), &new, "cannot create the data folder"),
        (format!("serve {listening}"), &new, "cannot create the data folder"),
        (demo, &closed, "cannot write to the data folder"),
        (format!("serve {listening}"), &closed, "cannot write to the data folder"),
        ("key create --operator".to_owned(), &closed, "cannot write to the data folder"),
    ] {
        let finished = place.run(&format!("{command} --data {}", data.display())).await;
        assert_eq!(finished.code, Some(1), "{command}: {finished:?}");
        assert_eq!(finished.err.lines().count(), 1, "{command}: {}", finished.err);
        for part in [expected, &data.display().to_string(), "check its owner and rights", "--data"] {
            assert!(finished.err.contains(part), "{command}: {part} in {}", finished.err);
        }
    }
    for data in [&new, &closed] {
        let found = place.run(&format!("doctor --data {}", data.display())).await;
        let expected = format!("fail  data folder: {} cannot be written", data.display());
        assert!(found.code == Some(1) && found.out.contains(&expected), "{found:?}");
    }
    mode(&closed, 0o755);
}

#[tokio::test]
async fn a_database_that_cannot_be_written_is_one_line_with_the_cure() {
    let place = Place::new();
    let data = place.own("data", &["gangway.sqlite"]);
    mode(&data.join("gangway.sqlite"), 0o444);
    let finished = place.run(&format!("serve --listen 127.0.0.1:0 --data {}", data.display())).await;
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert_eq!(finished.err.lines().count(), 1, "{}", finished.err);
    assert!(finished.err.contains("owner and rights"), "{}", finished.err);
}
