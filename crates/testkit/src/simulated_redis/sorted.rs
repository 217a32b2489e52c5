//! A sorted set: members in the order of their scores, then of their names.

use std::{
    cmp::Ordering,
    collections::{BTreeSet, HashMap},
};

/// A score, in the order of numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Score(pub(super) f64);

impl Eq for Score {}

impl Ord for Score {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Score {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The set.
#[derive(Debug, Default)]
pub(super) struct Sorted {
    order: BTreeSet<(Score, String)>,
    scores: HashMap<String, Score>,
}

impl Sorted {
    pub(super) fn len(&self) -> usize {
        self.scores.len()
    }

    pub(super) fn score(&self, member: &str) -> Option<f64> {
        self.scores.get(member).map(|score| score.0)
    }

    /// Sets a score; answers whether the member is new.
    pub(super) fn set(&mut self, member: &str, score: f64) -> bool {
        let old = self.scores.insert(member.to_owned(), Score(score));
        if let Some(old) = old {
            self.order.remove(&(old, member.to_owned()));
        }
        self.order.insert((Score(score), member.to_owned()));
        old.is_none()
    }

    pub(super) fn remove(&mut self, member: &str) -> bool {
        let Some(score) = self.scores.remove(member) else { return false };
        self.order.remove(&(score, member.to_owned()))
    }

    /// The members from one place to another; negative places count from the end.
    pub(super) fn range(&self, first: i64, last: i64) -> Vec<(String, f64)> {
        let len = i64::try_from(self.len()).unwrap_or(i64::MAX);
        let place = |at: i64| if at < 0 { (len + at).max(0) } else { at };
        let (first, last) = (place(first), place(last));
        if first > last {
            return Vec::new();
        }
        let (skip, take) = (usize::try_from(first).unwrap_or(0), usize::try_from(last - first + 1).unwrap_or(0));
        self.order.iter().skip(skip).take(take).map(|(score, member)| (member.clone(), score.0)).collect()
    }

    /// The members whose score is `most` or less.
    pub(super) fn up_to(&self, most: f64) -> Vec<String> {
        self.order.iter().take_while(|(score, _)| score.0 <= most).map(|(_, member)| member.clone()).collect()
    }
}
