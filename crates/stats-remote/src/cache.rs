use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use uuid::Uuid;

/// Values by id, so many at most and each for so long.
pub(crate) struct Cache<T> {
    capacity: usize,
    time_to_live: Duration,
    entries: Mutex<HashMap<Uuid, Entry<T>>>,
}

struct Entry<T> {
    value: Arc<T>,
    since: Instant,
}

impl<T> Cache<T> {
    pub(crate) fn new(capacity: usize, time_to_live: Duration) -> Self {
        Self {
            capacity,
            time_to_live,
            entries: Mutex::default(),
        }
    }

    /// The value for an id, unless it is too old at the time `now`.
    pub(crate) fn get(&self, id: Uuid, now: Instant) -> Option<Arc<T>> {
        let entries = self.lock();
        let entry = entries.get(&id)?;
        let is_fresh = now.saturating_duration_since(entry.since) < self.time_to_live;
        is_fresh.then(|| Arc::clone(&entry.value))
    }

    /// Keeps a value that was fetched at the time `now`. Where there is no room the oldest one goes.
    pub(crate) fn insert(&self, id: Uuid, value: Arc<T>, now: Instant) {
        if self.capacity == 0 {
            return;
        }
        let mut entries = self.lock();
        if !entries.contains_key(&id) && entries.len() >= self.capacity {
            // A look at all of them is nothing beside the request that the new value took.
            let oldest = entries.iter().min_by_key(|(_, entry)| entry.since);
            if let Some(oldest) = oldest.map(|(id, _)| *id) {
                entries.remove(&oldest);
            }
        }
        entries.insert(id, Entry { value, since: now });
    }

    /// Nothing that holds the lock can leave the map half changed.
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
    fn a_value_lives_for_its_time() {
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
    fn where_there_is_no_room_the_oldest_goes() {
        let (cache, start) = (Cache::new(3, MINUTE), Instant::now());
        for id in 0..100 {
            let now = start + Duration::from_millis(id);
            insert(&cache, id.into(), now);
            assert!(cache.lock().len() <= 3);
        }
        let now = start + Duration::from_millis(100);
        assert_eq!(held(&cache, 0..100, now), [97, 98, 99]);
        insert(&cache, 97, now);
        assert_eq!(
            held(&cache, 0..100, now),
            [97, 98, 99],
            "a new value for an old id"
        );
        insert(&cache, 100, now);
        assert_eq!(held(&cache, 0..101, now), [97, 99, 100]);
    }

    #[test]
    fn no_capacity_keeps_nothing() {
        let (cache, now) = (Cache::new(0, MINUTE), Instant::now());
        insert(&cache, 1, now);
        assert_eq!(held(&cache, [1], now), []);
    }
}
