//! The demo's own master key, in a file of its data folder.

use std::path::PathBuf;

use gangway_vault::MasterKey;
use secrecy::{ExposeSecret as _, SecretString};

use crate::{config::MasterKeys, data_folder::DataFolder};

const FILE: &str = "master.key";

/// The key of a folder and the file that holds it, made at the demo's first start; none where no demo has started.
///
/// # Errors
/// When it is damaged or can't be read.
pub(crate) fn kept_master_key(folder: &DataFolder) -> anyhow::Result<Option<(PathBuf, SecretString)>> {
    let Some(text) = folder.read(FILE)? else { return Ok(None) };
    let (place, key) = (folder.path().join(FILE), SecretString::from(text.trim()));
    anyhow::ensure!(
        MasterKeys::single(key.clone()).ring().is_ok(),
        "{} is damaged, and without it nothing in {} can be opened; put a copy of it back, or delete the folder to begin \
         anew",
        place.display(),
        folder.path().display()
    );
    Ok(Some((place, key)))
}

/// The folder's key, made if there is none yet.
///
/// # Errors
/// When it is damaged, can't be read or written, or is missing beside a database that it sealed.
pub(super) fn master_key(folder: &DataFolder) -> anyhow::Result<SecretString> {
    if let Some((_, key)) = kept_master_key(folder)? {
        return Ok(key);
    }
    anyhow::ensure!(
        !folder.has_database()?,
        "{} is missing, and without it nothing in {} can be opened; put a copy of it back, or delete the folder to begin anew",
        folder.path().join(FILE).display(),
        folder.path().display()
    );
    let key = MasterKey::generate().to_base64();
    folder.write(FILE, &format!("{}\n", key.expose_secret()))?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_made_once_and_stays() {
        let parent = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(parent.path()).unwrap();
        assert!(kept_master_key(&folder).unwrap().is_none());
        let first = master_key(&folder).unwrap();
        assert_eq!(master_key(&folder).unwrap().expose_secret(), first.expose_secret());
        let (place, kept) = kept_master_key(&folder).unwrap().unwrap();
        assert_eq!((place, kept.expose_secret()), (parent.path().join("master.key"), first.expose_secret()));
    }

    #[test]
    fn none_is_made_beside_a_database_that_another_has_sealed() {
        let parent = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(parent.path()).unwrap();
        std::fs::write(folder.database_file().unwrap(), "rows").unwrap();
        let refused = master_key(&folder).unwrap_err().to_string();
        assert!(refused.contains("master.key is missing"), "{refused}");
        assert!(kept_master_key(&folder).unwrap().is_none());
    }
}
