//! The search: every place that a flow may have written to, for every canary in every spelling.

use gangway_testkit::{Disk, Needle, Needles, TestDb};

/// Searched for everywhere but in the server's log: a filter of a query is bound to its statement, and only here the server is
/// told to log those.
pub(super) const FILTER: &str = "filter";

/// A running search. It reports every find, not only the first.
pub(super) struct Search {
    needles: Needles,
    finds: Vec<String>,
}

impl Search {
    /// For values with their names, and API keys. The ends of these are cut off, so that a mistyped or a shortened one is found.
    pub(super) fn new<'a>(values: impl IntoIterator<Item = (&'a str, &'a str)>, keys: &[String]) -> Self {
        let mut needles: Vec<_> =
            values.into_iter().map(|(name, value)| (name.to_owned(), Needle::new(value))).collect();
        for key in keys {
            let (kind, digits) = key.split_once('_').expect("a key has a prefix");
            needles.push((format!("a key {kind}_"), Needle::new(&digits[..digits.len() - 6])));
        }
        Self { needles: Needles::new(needles), finds: Vec::new() }
    }

    /// Searches one place, which must hold something.
    pub(super) fn look_at(&mut self, place: &str, bytes: &[u8]) {
        assert!(!bytes.is_empty(), "{place} holds nothing, so it was not looked at");
        self.look_into(place, bytes);
    }

    /// Searches the rows of a database, and every file that was written since its disk is watched.
    pub(super) async fn look_at_database(&mut self, db: &TestDb, disk: &Disk) {
        self.look_at("the rows", db.dump().await.as_bytes());
        for file in disk.written().await {
            // Files of other databases go with their tests.
            let bytes = match std::fs::read(&file) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                read => read.unwrap(),
            };
            self.look_into(&file.display().to_string(), &bytes);
        }
    }

    fn look_into(&mut self, place: &str, bytes: &[u8]) {
        for (name, spelling) in self.needles.find_in(bytes) {
            if name != FILTER || !place.ends_with(gangway_testkit::SERVER_LOG) {
                self.finds.push(format!("{name} in {place} ({spelling})"));
            }
        }
    }

    /// What was found, and where.
    pub(super) fn finds(mut self) -> Vec<String> {
        self.finds.sort();
        self.finds.dedup();
        self.finds
    }
}
