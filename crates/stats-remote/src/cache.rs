use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use uuid::Uuid;

/// A cache with a limit on the number of entries and on their age.
pub(crate) struct Cache<T> {
    capacity: usize,
    ttl: Duration,
    entries: Mutex<HashMap<Uuid, Entry<T>>>,
}

struct Entry<T> {
    value: Arc<T>,
    fetched: Instant,
}

impl<T> Cache<T> {
    pub(crate) fn new(capacity: usize, ttl: Duration) -> Self {
        Self {
            capacity,
            ttl,
            entries: Mutex::default(),
        }
    }

    /// The value of an id, unless it has expired at `now`.
    pub(crate) fn get(&self, id: Uuid, now: Instant) -> Option<Arc<T>> {
        let entries = self.lock();
        let entry = entries.get(&id)?;
        let is_fresh = now.saturating_duration_since(entry.fetched) < self.ttl;
        is_fresh.then(|| Arc::clone(&entry.value))
    }

    /// Adds a value fetched at `now`. A full cache evicts its oldest entry.
    pub(crate) fn insert(&self, id: Uuid, value: Arc<T>, now: Instant) {
        if self.capacity == 0 {
            return;
        }
        let mut entries = self.lock();
        if !entries.contains_key(&id) && entries.len() >= self.capacity {
            // Linear, but cheap compared to the request that fetched the value.
            let oldest = entries.iter().min_by_key(|(_, entry)| entry.fetched);
            if let Some(oldest) = oldest.map(|(id, _)| *id) {
                entries.remove(&oldest);
            }
        }
        entries.insert(
            id,
            Entry {
                value,
                fetched: now,
            },
        );
    }

    /// Ignores poisoning: a panic cannot leave the entries inconsistent.
    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Entry<T>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn held(cache: &Cache<u128>, ids: impl IntoIterator<Item = u128>, now: Instant) -> Vec<u128> {
        ids.into_iter()
            .filter_map(|id| cache.get(Uuid::from_u128(id), now))
            .map(|value| *value)
            .collect()
    }

    fn insert(cache: &Cache<u128>, id: u128, now: Instant) {
        cache.insert(Uuid::from_u128(id), Arc::new(id), now);
    }

    #[test]
    fn entries_expire() {
        let (cache, start) = (Cache::new(10, MINUTE), Instant::now());
        insert(&cache, 1, start);
        assert_eq!(held(&cache, [1, 2], start), [1]);
        let just_before = start + MINUTE - Duration::from_nanos(1);
        assert_eq!(held(&cache, [1], just_before), [1]);
        assert_eq!(held(&cache, [1], start + MINUTE), []);
        insert(&cache, 1, start + MINUTE);
        assert_eq!(held(&cache, [1], start + MINUTE), [1]);
    }

    #[test]
    fn full_cache_evicts_its_oldest_entry() {
        let (cache, start) = (Cache::new(3, MINUTE), Instant::now());
        for id in 0..100 {
            let now = start + Duration::from_millis(id);
            insert(&cache, id.into(), now);
            assert!(cache.lock().len() <= 3);
        }
        let now = start + Duration::from_millis(100);
        assert_eq!(held(&cache, 0..100, now), [97, 98, 99]);
        insert(&cache, 97, now);
        // A new value for an old id evicts nothing.
        assert_eq!(held(&cache, 0..100, now), [97, 98, 99]);
        insert(&cache, 100, now);
        assert_eq!(held(&cache, 0..101, now), [97, 99, 100]);
    }

    #[test]
    fn cache_without_capacity_stays_empty() {
        let (cache, now) = (Cache::new(0, MINUTE), Instant::now());
        insert(&cache, 1, now);
        assert_eq!(held(&cache, [1], now), []);
    }
}
