//! The folder of the embedded database: private to its owner, and one running process at a time.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use rustix::fs::Access;

const DATABASE: &str = "gangway.sqlite";
const LOCK: &str = "gangway.lock";

/// A data folder that exists and can be written.
#[derive(Debug, Clone)]
pub struct DataFolder {
    path: PathBuf,
}

/// Held by the one running process. The system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
}

impl DataFolder {
    /// Creates the folder (mode 0700) unless it is there, and makes sure that it can be written.
    ///
    /// # Errors
    /// When it can't be created or written; the message names it and the cure.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let folder = Self { path: path.to_owned() };
        DirBuilder::new().recursive(true).mode(0o700).create(path).with_context(|| folder.complaint("create"))?;
        drop(folder.private_file(LOCK).with_context(|| folder.complaint("write to"))?);
        Ok(folder)
    }

    /// The folder as it is, for a look: nothing is made, and it need not be there.
    pub fn look_at(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the folder for this process.
    ///
    /// # Errors
    /// When another process runs on it.
    pub fn lock(&self) -> anyhow::Result<FolderLock> {
        let mut file = self.private_file(LOCK).with_context(|| self.complaint("write to"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let process = fs::read_to_string(self.path.join(LOCK)).unwrap_or_default();
                let process = process.trim();
                let named = if process.is_empty() { String::new() } else { format!(" (process {process})") };
                bail!(
                    "another gangway{named} is running on {}; stop it first, or choose another folder with --data",
                    self.path.display()
                );
            }
            Err(TryLockError::Error(error)) => return Err(error).with_context(|| self.complaint("lock")),
        }
        // For the message above only, so a full disk is no reason to stop here.
        drop(file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())));
        Ok(FolderLock { _file: file })
    }

    /// The embedded database's file. Created empty and private here, since the library would use the process's mask.
    ///
    /// # Errors
    /// When it can't be created.
    pub fn database_file(&self) -> anyhow::Result<PathBuf> {
        drop(self.private_file(DATABASE).with_context(|| self.complaint("write to"))?);
        Ok(self.path.join(DATABASE))
    }

    /// Whether a database is there; an empty file is none.
    ///
    /// # Errors
    /// When that can't be seen.
    pub fn has_database(&self) -> anyhow::Result<bool> {
        match fs::metadata(self.path.join(DATABASE)) {
            Ok(file) => Ok(file.len() > 0),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error).with_context(|| self.complaint("look into")),
        }
    }

    /// Reads a file, if it is there.
    ///
    /// # Errors
    /// When it is there and can't be read.
    pub fn read(&self, name: &str) -> anyhow::Result<Option<String>> {
        let path = self.path.join(name);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// Removes a file, if it is there.
    ///
    /// # Errors
    /// When it is there and can't be removed.
    pub fn remove(&self, name: &str) -> anyhow::Result<()> {
        let path = self.path.join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot remove {}", path.display()))
            }
            _ => Ok(()),
        }
    }

    /// Replaces a file (mode 0600) as a whole: a kill in between leaves the old one.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn write(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let (path, new) = (self.path.join(name), format!("{name}.new"));
        let write = || -> io::Result<()> {
            let mut file = self.private_file(&new)?;
            file.set_len(0)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(self.path.join(&new), &path)
        };
        write().with_context(|| format!("cannot write {}", path.display()))
    }

    /// Permission bits of the folder, for `doctor`.
    ///
    /// # Errors
    /// When the folder can't be looked at.
    pub fn mode(path: &Path) -> io::Result<u32> {
        Ok(fs::metadata(path)?.permissions().mode() & 0o777)
    }

    /// Whether files can be made in a folder, or in the nearest one there is where it would be made.
    pub fn can_be_written(path: &Path) -> bool {
        let there = path.ancestors().find(|folder| folder.exists());
        // A path without a folder is one in the present one.
        let folder = there.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        rustix::fs::access(folder, Access::WRITE_OK | Access::EXEC_OK).is_ok()
    }

    fn private_file(&self, name: &str) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(self.path.join(name))
    }

    fn complaint(&self, what: &str) -> String {
        format!(
            "cannot {what} the data folder {}; check its owner and rights, or choose another with --data",
            self.path.display()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_private_and_belongs_to_one_process() {
        let parent = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(&parent.path().join("a/b")).unwrap();
        assert_eq!(DataFolder::mode(folder.path()).unwrap(), 0o700);
        let file = folder.database_file().unwrap();
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
        let lock = folder.lock().unwrap();
        assert!(folder.lock().unwrap_err().to_string().starts_with("another gangway (process "));
        drop(lock);
        folder.lock().unwrap();
    }

    #[test]
    fn a_look_makes_nothing() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("data");
        let folder = DataFolder::look_at(&path);
        assert!(!folder.has_database().unwrap());
        assert_eq!(folder.read("x").unwrap(), None);
        assert!(!path.exists());
        let file = DataFolder::open(&path).unwrap().database_file().unwrap();
        assert!(!folder.has_database().unwrap(), "an empty file is no database");
        fs::write(file, "x").unwrap();
        assert!(folder.has_database().unwrap());
    }

    #[test]
    fn a_written_file_is_private_and_replaced_as_a_whole() {
        let parent = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(parent.path()).unwrap();
        assert_eq!(folder.read("x").unwrap(), None);
        folder.write("x", "longer").unwrap();
        folder.write("x", "new").unwrap();
        assert_eq!(folder.read("x").unwrap().as_deref(), Some("new"));
        assert_eq!(fs::metadata(parent.path().join("x")).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_file_in_the_way_is_one_clear_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = DataFolder::open(file.path()).unwrap_err();
        assert!(error.to_string().contains("choose another with --data"), "{error}");
    }
}
