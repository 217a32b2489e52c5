//! How often others may call us: so many requests per caller in a window that begins with the caller's first.
//!
//! Kept in memory, by each process for itself, and bounded: callers whose window is over are forgotten when room is needed, and when
//! there are more at once than there is room for, the rest share one window. Nothing here knows HTTP.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Callers remembered at once.
const ROOM: usize = 65_536;

/// How often a caller may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Requests in a window.
    pub requests: u32,
    /// The window.
    pub window: Duration,
}

/// Where a caller stands after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// What it may do.
    pub quota: Quota,
    /// Requests left in the window.
    pub remaining: u32,
    /// How long until the window is over.
    pub resets_in: Duration,
}

/// Callers and where they stand.
#[derive(Debug)]
pub struct Callers<K> {
    quota: Option<Quota>,
    room: usize,
    state: Mutex<State<K>>,
}

#[derive(Debug)]
struct State<K> {
    windows: HashMap<K, Window>,
    /// Of all callers for whom there is no room.
    rest: Option<Window>,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    ends_at: Instant,
    used: u32,
}

impl<K: Hash + Eq> Callers<K> {
    /// Nobody has called yet. Without a quota nobody is counted.
    pub fn new(quota: Option<Quota>) -> Self {
        Self::with_room(quota, ROOM)
    }

    fn with_room(quota: Option<Quota>, room: usize) -> Self {
        Self { quota, room, state: Mutex::new(State { windows: HashMap::new(), rest: None }) }
    }

    /// Counts a request; none when nobody is counted, but the caller is known from then on.
    ///
    /// # Errors
    /// When the caller has none left; it is not counted then.
    pub fn take(&self, caller: K) -> Result<Option<Standing>, Standing> {
        let now = Instant::now();
        let mut state = self.lock();
        let fresh = Window { ends_at: self.quota.map_or(now, |quota| now + quota.window), used: 0 };
        let is_new = !state.windows.contains_key(&caller);
        if is_new && state.windows.len() >= self.room {
            state.windows.retain(|_, window| window.ends_at > now);
        }
        let window = if is_new && state.windows.len() >= self.room {
            state.rest.get_or_insert(fresh)
        } else {
            state.windows.entry(caller).or_insert(fresh)
        };
        let Some(quota) = self.quota else { return Ok(None) };
        if window.ends_at <= now {
            *window = fresh;
        }
        if window.used >= quota.requests {
            return Err(stand(quota, *window, now));
        }
        window.used += 1;
        Ok(Some(stand(quota, *window, now)))
    }

    /// Whether a caller has none left; asking counts nothing.
    pub fn find_exhausted(&self, caller: &K) -> Option<Standing> {
        let quota = self.quota?;
        let now = Instant::now();
        let window = self.lock().windows.get(caller).copied()?;
        (window.ends_at > now && window.used >= quota.requests).then(|| stand(quota, window, now))
    }

    /// Whether a caller has called before and was not forgotten, however long ago: who is known is not held up by strangers.
    pub fn knows(&self, caller: &K) -> bool {
        self.lock().windows.contains_key(caller)
    }

    /// Forgets a caller.
    pub fn forget(&self, caller: &K) {
        self.lock().windows.remove(caller);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State<K>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn stand(quota: Quota, window: Window, now: Instant) -> Standing {
    let remaining = quota.requests.saturating_sub(window.used);
    Standing { quota, remaining, resets_in: window.ends_at.saturating_duration_since(now) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUOTA: Quota = Quota { requests: 3, window: Duration::from_secs(10) };

    fn remaining(callers: &Callers<u8>, caller: u8) -> Result<u32, u32> {
        callers.take(caller).map(|standing| standing.unwrap().remaining).map_err(|standing| standing.remaining)
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_has_its_quota_in_each_window_and_others_have_theirs() {
        let callers = Callers::new(Some(QUOTA));
        assert_eq!([remaining(&callers, 1), remaining(&callers, 1), remaining(&callers, 1)], [Ok(2), Ok(1), Ok(0)]);
        assert_eq!(remaining(&callers, 1), Err(0));
        assert!(callers.find_exhausted(&1).is_some() && callers.find_exhausted(&2).is_none());
        assert_eq!(remaining(&callers, 2), Ok(2));
        tokio::time::advance(Duration::from_secs(4)).await;
        assert_eq!(callers.take(1).unwrap_err().resets_in, Duration::from_secs(6));
        tokio::time::advance(Duration::from_secs(6)).await;
        assert!(callers.find_exhausted(&1).is_none() && callers.knows(&1) && !callers.knows(&3));
        assert_eq!(remaining(&callers, 1), Ok(2));
    }

    #[tokio::test(start_paused = true)]
    async fn callers_without_room_share_a_window_until_others_are_over() {
        let callers = Callers::with_room(Some(QUOTA), 2);
        for caller in [1, 2] {
            assert_eq!(remaining(&callers, caller), Ok(2));
        }
        assert_eq!([3, 4, 5, 6].map(|caller| remaining(&callers, caller)), [Ok(2), Ok(1), Ok(0), Err(0)]);
        assert_eq!(remaining(&callers, 1), Ok(1));
        assert_eq!(callers.lock().windows.len(), 2);
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(remaining(&callers, 6), Ok(2));
        assert_eq!(callers.lock().windows.len(), 1);
    }

    #[tokio::test]
    async fn without_a_quota_nobody_is_counted_and_all_are_known() {
        let callers = Callers::with_room(None, 2);
        for caller in [1, 1, 1, 1, 2, 3] {
            assert_eq!(callers.take(caller), Ok(None));
            assert!(callers.find_exhausted(&caller).is_none() && callers.knows(&caller));
        }
        assert!(callers.lock().windows.len() <= 2, "whose window is over makes room");
        callers.forget(&3);
        assert!(!callers.knows(&3));
    }

    #[tokio::test]
    async fn who_is_forgotten_begins_anew() {
        let callers = Callers::new(Some(QUOTA));
        assert_eq!([remaining(&callers, 1), remaining(&callers, 1)], [Ok(2), Ok(1)]);
        callers.forget(&1);
        assert_eq!(remaining(&callers, 1), Ok(2));
    }
}
