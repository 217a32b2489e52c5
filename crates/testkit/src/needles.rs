//! One pass over a long haystack for all spellings of several needles: write-ahead logs are long, and there are many spellings.

use std::collections::BTreeSet;

use crate::Needle;

/// Named needles, prepared for many haystacks.
#[derive(Debug)]
pub struct Needles {
    names: Vec<String>,
    spellings: Vec<Spelling>,
    /// For each pair of bytes the place in `groups` of what begins with it; 0 is the empty group.
    begins: Vec<u16>,
    groups: Vec<Vec<usize>>,
}

#[derive(Debug)]
struct Spelling {
    needle: usize,
    name: &'static str,
    bytes: Vec<u8>,
}

impl Needles {
    /// Prepares the search.
    ///
    /// # Panics
    /// When there are more spellings than pairs of bytes.
    pub fn new(named: impl IntoIterator<Item = (String, Needle)>) -> Self {
        let mut needles =
            Self { names: Vec::new(), spellings: Vec::new(), begins: vec![0; 1 << 16], groups: vec![Vec::new()] };
        for (name, needle) in named {
            for (spelling, bytes) in needle.into_spellings() {
                needles.add(Spelling { needle: needles.names.len(), name: spelling, bytes });
            }
            needles.names.push(name);
        }
        needles
    }

    fn add(&mut self, spelling: Spelling) {
        let pair = spelling.bytes.first_chunk().expect("a spelling is longer than two bytes");
        let begin = self.begins.get_mut(usize::from(u16::from_be_bytes(*pair))).expect("there is one for each pair");
        if *begin == 0 {
            *begin = self.groups.len().try_into().expect("there are fewer spellings than pairs");
            self.groups.push(Vec::new());
        }
        let group = self.groups.get_mut(usize::from(*begin)).expect("it was just made");
        group.push(self.spellings.len());
        self.spellings.push(spelling);
    }

    /// What a haystack holds: the names of the needles with the spelling, each once, in the order they were given.
    pub fn find_in(&self, haystack: &[u8]) -> Vec<(&str, &'static str)> {
        let mut found = BTreeSet::new();
        for (at, pair) in haystack.array_windows().enumerate() {
            let begin = self.begins.get(usize::from(u16::from_be_bytes(*pair))).copied().unwrap_or_default();
            if begin == 0 {
                continue;
            }
            let rest = haystack.get(at..).unwrap_or_default();
            for &index in self.groups.get(usize::from(begin)).into_iter().flatten() {
                if self.spellings.get(index).is_some_and(|spelling| rest.starts_with(&spelling.bytes)) {
                    found.insert(index);
                }
            }
        }
        let found = found.into_iter().filter_map(|index| self.spellings.get(index));
        let mut finds: Vec<_> =
            found.filter_map(|spelling| Some((self.names.get(spelling.needle)?.as_str(), spelling.name))).collect();
        finds.dedup();
        finds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needles() -> Needles {
        let named = [("one", "canary-one"), ("two", "canary-two")];
        Needles::new(named.map(|(name, value)| (name.to_owned(), Needle::new(value))))
    }

    #[test]
    fn finds_each_needle_in_one_pass() {
        assert_eq!(needles().find_in(b"CANARY-TWO, canary-one, canary-one"), [("one", "plain"), ("two", "upper case")]);
        assert_eq!(needles().find_in(b"canary-three"), []);
    }

    #[test]
    fn finds_what_begins_inside_another_begin() {
        assert_eq!(needles().find_in(b"canary-canary-two"), [("two", "plain")]);
    }
}
