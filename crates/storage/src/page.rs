//! Seek pagination: rows after a key, in key order. Offsets are never used.

/// Which page of a listing.
#[derive(Debug, Clone, Copy)]
pub struct PageRequest<K> {
    /// Rows at most.
    pub limit: u64,
    /// Only rows after this key.
    pub after: Option<K>,
}

/// One page of a listing.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Whether rows follow.
    pub has_more: bool,
}

impl<T> Page<T> {
    /// Builds a page from one row more than asked for.
    pub(crate) fn from_overfetch(mut rows: Vec<T>, limit: u64) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        Self { items: rows, has_more }
    }

    /// Maps the rows.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(f).collect(), has_more: self.has_more }
    }
}
