//! Names of threats, vulnerabilities and referentials: labels of the stats, else of the MONARC Objects Sharing Platform
//! (MOSP).

use std::collections::{HashSet, VecDeque};
use std::iter::once;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use quick_cache::sync::Cache;
use stats_core::WithCauses;
use stats_processors::{Labels, Language};
use stats_remote::{Mosp, RemoteError};
use uuid::Uuid;

/// Number of objects whose labels at MOSP are remembered. It bounds the memory, whatever objects clients send.
const REMEMBERED: usize = 10_000;
/// Number of objects that wait for a lookup. Others are looked up when they are asked for again.
const QUEUE: usize = 1000;
/// Time between two lookups. It bounds the load on MOSP, whatever objects clients send.
const INTERVAL: Duration = Duration::from_millis(500);
/// How long the labels of an object, or that it is not published, are believed.
const FRESH: Duration = Duration::from_secs(24 * 60 * 60);
/// How long an object is not looked up again after a response that cannot be used.
const UNUSABLE: Duration = Duration::from_secs(10 * 60);
/// Time without lookups after an error. It doubles with each further error, up to [`MAX_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(30);
const MAX_PAUSE: Duration = Duration::from_secs(30 * 60);

/// Names of objects: labels of the stats, else of MOSP. The default is without MOSP.
///
/// A thread looks the objects up, one after the other. Dropping this value ends it, without waiting for a lookup that is
/// under way.
#[derive(Default)]
pub(crate) struct Names(Option<Arc<Lookups>>);

impl Names {
    pub(crate) fn new(mosp: Mosp) -> Self {
        let lookups = Arc::new(Lookups::default());
        let shared = Arc::clone(&lookups);
        thread::spawn(move || shared.run(&mosp));
        Self(Some(lookups))
    }

    /// Returns the name of an object in `language`, else in English, else in any language, with the language of the
    /// name. Labels of the stats come before those of MOSP in the same language. `None` if there is no name yet: show
    /// the UUID.
    ///
    /// If the stats have no label in `language`, the object is looked up in the background, for later calls.
    pub(crate) fn get(
        &self,
        object: Uuid,
        labels: &Labels,
        language: Language,
    ) -> Option<(String, Language)> {
        let published = match labels.get(language) {
            "" => self.published(object),
            label => return Some((label.to_owned(), language)),
        };
        let (label, language) = best([Some(labels), published.as_deref()], language)?;
        Some((label.to_owned(), language))
    }

    /// Returns the labels of the stats, completed with those of MOSP. If one is missing, the object is looked up in the
    /// background, for later calls.
    pub(crate) fn complete(&self, object: Uuid, labels: &Labels) -> Labels {
        let is_missing = |language| labels.get(language).is_empty();
        if !Language::ALL.into_iter().any(is_missing) {
            return labels.clone();
        }
        let published = self.published(object);
        let sources = once(labels).chain(published.as_deref());
        sources
            .flat_map(|labels| Language::ALL.map(|language| (language, labels.get(language))))
            .collect()
    }

    /// Changes whenever a lookup has brought a name: cached pages depend on it.
    pub(crate) fn version(&self) -> u64 {
        let lookups = self.0.as_ref();
        lookups.map_or(0, |lookups| lookups.version.load(Ordering::Acquire))
    }

    /// The labels at MOSP, as far as they are known.
    fn published(&self, object: Uuid) -> Option<Arc<Labels>> {
        self.0.as_ref()?.labels(object, Instant::now())
    }
}

/// Returns the label in `language`, else in English, else in any language, with the language of the label. For what has
/// no object at MOSP.
pub(crate) fn label(labels: &Labels, language: Language) -> Option<(&str, Language)> {
    best([Some(labels)], language)
}

/// The label in `language`, else in English, else in any language. In one language, those of the first sources win.
fn best<const N: usize>(
    sources: [Option<&Labels>; N],
    language: Language,
) -> Option<(&str, Language)> {
    let preferred = [language, Language::English].into_iter();
    let preferred = preferred.flat_map(|language| sources.map(|labels| (labels, language)));
    let others = sources.into_iter();
    let others = others.flat_map(|labels| Language::ALL.map(|language| (labels, language)));
    preferred.chain(others).find_map(|(labels, language)| {
        let label = labels?.get(language);
        (!label.is_empty()).then_some((label, language))
    })
}

impl Drop for Names {
    fn drop(&mut self) {
        if let Some(lookups) = &self.0 {
            lookups.queue().is_closed = true;
            lookups.wake.notify_all();
        }
    }
}

/// What is known of MOSP, and what is to be looked up.
struct Lookups {
    known: Cache<Uuid, Known>,
    version: AtomicU64,
    queue: Mutex<Queue>,
    /// Notified when an object is queued and when the queue is closed.
    wake: Condvar,
}

#[derive(Clone)]
struct Known {
    labels: Arc<Labels>,
    /// When to look the object up again. Until then, and until the answer, the labels are shown.
    until: Instant,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Uuid>,
    /// The objects that wait, and the one that is being looked up.
    members: HashSet<Uuid>,
    is_closed: bool,
}

/// Errors since the last success.
#[derive(Default)]
struct Outage {
    errors: u32,
    /// When the log said so, in this outage or an earlier one.
    warned: Option<Instant>,
}

impl Default for Lookups {
    fn default() -> Self {
        Self {
            known: Cache::new(REMEMBERED),
            version: AtomicU64::new(0),
            queue: Mutex::default(),
            wake: Condvar::new(),
        }
    }
}

impl Lookups {
    /// The labels of an object, if they are known. Queues the object unless they are fresh at `now`.
    fn labels(&self, object: Uuid, now: Instant) -> Option<Arc<Labels>> {
        let known = self.known.get(&object);
        if known.as_ref().is_none_or(|known| known.until <= now) {
            let mut queue = self.queue();
            if queue.members.len() < QUEUE && queue.members.insert(object) {
                queue.waiting.push_back(object);
                self.wake.notify_all();
            }
        }
        known.map(|known| known.labels)
    }

    /// Looks up what is queued until the queue is closed.
    fn run(&self, mosp: &Mosp) {
        let mut outage = Outage::default();
        while let Some(object) = self.next() {
            let result = mosp.labels(object);
            let pause = self.finish(object, result, &mut outage, Instant::now());
            let queue = self.queue();
            let is_open = |queue: &mut Queue| !queue.is_closed;
            let waited = self.wake.wait_timeout_while(queue, pause, is_open);
            drop(waited);
        }
    }

    /// The next object, as soon as there is one. `None` if the queue is closed.
    fn next(&self) -> Option<Uuid> {
        let is_idle = |queue: &mut Queue| !queue.is_closed && queue.waiting.is_empty();
        let queue = self.wake.wait_while(self.queue(), is_idle);
        let mut queue = queue.unwrap_or_else(PoisonError::into_inner);
        match queue.is_closed {
            true => None,
            false => queue.waiting.pop_front(),
        }
    }

    /// Takes the result of a lookup at `now`. Returns how long to wait before the next lookup.
    fn finish(
        &self,
        object: Uuid,
        result: Result<impl IntoIterator<Item = (String, String)>, RemoteError>,
        outage: &mut Outage,
        now: Instant,
    ) -> Duration {
        let known = self.known.get(&object).map(|known| known.labels);
        let known = known.unwrap_or_default();
        match result {
            Ok(labels) => {
                let labels = of_codes(labels);
                let has_news = *known != labels;
                let until = now + FRESH;
                let labels = Arc::new(labels);
                self.known.insert(object, Known { labels, until });
                self.queue().members.remove(&object);
                if has_news {
                    self.version.fetch_add(1, Ordering::Release);
                }
                outage.end();
                INTERVAL
            }
            Err(error) => {
                let mut queue = self.queue();
                if error.is_temporary() {
                    queue.waiting.push_back(object);
                } else {
                    let until = now + UNUSABLE;
                    let labels = known;
                    self.known.insert(object, Known { labels, until });
                    queue.members.remove(&object);
                }
                drop(queue);
                outage.add(&error, now)
            }
        }
    }

    /// Ignores poisoning: a panic cannot leave the queue inconsistent.
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outage {
    /// Adds an error at `now`. Returns how long to wait before the next lookup.
    fn add(&mut self, error: &RemoteError, now: Instant) -> Duration {
        // At most one line in the longest pause: errors may alternate with successes.
        let is_recent = |warned| now.saturating_duration_since(warned) < MAX_PAUSE;
        if self.errors == 0 && !self.warned.is_some_and(is_recent) {
            self.warned = Some(now);
            log::warn!(
                "Names of objects cannot be looked up at MOSP for now: {}",
                WithCauses(error)
            );
        }
        let doubled = 2_u32.saturating_pow(self.errors);
        self.errors = self.errors.saturating_add(1);
        let pause = FIRST_PAUSE.saturating_mul(doubled);
        pause
            .max(error.retry_after().unwrap_or_default())
            .min(MAX_PAUSE)
    }

    fn end(&mut self) {
        self.errors = 0;
    }
}

/// The labels in the languages of MONARC, of labels by ISO 639-1 code.
fn of_codes(labels: impl IntoIterator<Item = (String, String)>) -> Labels {
    let labels: Vec<_> = labels.into_iter().collect();
    let labels = labels.iter().filter_map(|(code, label)| {
        let mut languages = Language::ALL.into_iter();
        let language = languages.find(|language| language.code() == code)?;
        Some((language, label.as_str()))
    });
    labels.collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::thread::sleep;

    use serde_json::json;
    use stats_remote::HttpOptions;
    use stats_testing_http::{Remote, answer};

    use super::*;

    const OBJECT: Uuid = Uuid::from_u128(7);
    const SECOND: Duration = Duration::from_secs(1);

    fn labels(texts: &[(Language, &str)]) -> Labels {
        texts.iter().copied().collect()
    }

    /// A response of MOSP with English labels.
    fn found(label: &str) -> Result<Vec<(String, String)>, RemoteError> {
        Ok(vec![("en".to_owned(), label.to_owned())])
    }

    fn not_published() -> Result<Vec<(String, String)>, RemoteError> {
        Ok(Vec::new())
    }

    fn unavailable() -> RemoteError {
        RemoteError::TimedOut { timeout: SECOND }
    }

    fn unusable() -> RemoteError {
        RemoteError::ResponseTooLarge { limit: 1 }
    }

    /// Names with a queue that no thread works on.
    fn without_thread() -> (Names, Arc<Lookups>) {
        let lookups = Arc::new(Lookups::default());
        (Names(Some(Arc::clone(&lookups))), lookups)
    }

    fn names_of(remote: &Remote) -> Names {
        let options = HttpOptions {
            max_response_bytes: 100_000,
            ..HttpOptions::default()
        };
        Names::new(Mosp::new(&remote.url(), None, options).unwrap())
    }

    #[track_caller]
    fn wait_until(mut condition: impl FnMut() -> bool) {
        let start = Instant::now();
        while !condition() {
            assert!(start.elapsed() < 20 * SECOND, "the condition does not hold");
            sleep(Duration::from_millis(2));
        }
    }

    impl Lookups {
        fn is_waiting(&self) -> bool {
            !self.queue().waiting.is_empty()
        }

        /// Takes the next object, which must be there.
        #[track_caller]
        fn take(&self) -> Uuid {
            self.queue().waiting.pop_front().unwrap()
        }

        /// Looks up the next object.
        #[track_caller]
        fn answer(&self, result: Result<Vec<(String, String)>, RemoteError>, now: Instant) {
            self.finish(self.take(), result, &mut Outage::default(), now);
        }
    }

    #[test]
    fn names_prefer_the_language_then_english_then_the_stats() {
        use Language::{Dutch, English, French, German};

        for (stats, mosp, expected) in [
            (&[][..], &[][..], None),
            (&[(Dutch, "s")], &[(Dutch, "m")], Some(("s", Dutch))),
            (&[(English, "s")], &[(Dutch, "m")], Some(("m", Dutch))),
            (&[(English, "s")], &[(English, "m")], Some(("s", English))),
            (&[(French, "s")], &[(English, "m")], Some(("m", English))),
            (&[(German, "s")], &[(French, "m")], Some(("s", German))),
            (&[], &[(French, "m")], Some(("m", French))),
        ] {
            let (names, lookups) = without_thread();
            let known = Known {
                labels: Arc::new(labels(mosp)),
                until: Instant::now() + FRESH,
            };
            lookups.known.insert(OBJECT, known);
            let name = names.get(OBJECT, &labels(stats), Dutch);
            let expected = expected.map(|(name, language)| (name.to_owned(), language));
            assert_eq!(name, expected, "{stats:?} {mosp:?}");
            assert!(!lookups.is_waiting());
        }
    }

    #[test]
    fn without_mosp_names_are_the_labels_of_the_stats() {
        let names = Names::default();
        let french = labels(&[(Language::French, "Menace")]);
        let expected = Some(("Menace".to_owned(), Language::French));
        assert_eq!(names.get(OBJECT, &french, Language::Dutch), expected);
        assert_eq!(names.get(OBJECT, &Labels::default(), Language::Dutch), None);
        assert_eq!(names.complete(OBJECT, &french), french);
        assert_eq!(names.version(), 0);
    }

    #[test]
    fn only_objects_without_a_label_in_the_language_are_looked_up_and_once() {
        let (names, lookups) = without_thread();
        let english = labels(&[(Language::English, "Threat")]);
        names.get(OBJECT, &english, Language::English);
        let all = Language::ALL.map(|language| (language, "x"));
        names.complete(OBJECT, &labels(&all));
        assert!(!lookups.is_waiting());
        for _ in 0..3 {
            names.get(OBJECT, &english, Language::Dutch);
            names.complete(OBJECT, &english);
        }
        assert_eq!(lookups.take(), OBJECT);
        names.get(OBJECT, &english, Language::Dutch);
        assert!(!lookups.is_waiting(), "it is being looked up");
    }

    #[test]
    fn labels_of_the_stats_are_completed() {
        let (names, lookups) = without_thread();
        let english = labels(&[(Language::English, "Threat")]);
        assert_eq!(names.complete(OBJECT, &english), english);
        let found = [("en", "x"), ("nl", " Drei\u{202E}ging"), ("it", "y")];
        let found = found.map(|(code, label)| (code.to_owned(), label.to_owned()));
        lookups.answer(Ok(found.to_vec()), Instant::now());
        assert_eq!(
            names.complete(OBJECT, &english),
            labels(&[(Language::English, "Threat"), (Language::Dutch, "Dreiging")])
        );
    }

    #[test]
    fn what_mosp_said_is_believed_for_a_day_and_shown_until_it_says_more() {
        let (_names, lookups) = without_thread();
        let start = Instant::now();
        let ask = |now| {
            let labels = lookups.labels(OBJECT, now);
            labels.map(|labels| labels.get(Language::English).to_owned())
        };
        let (mut now, mut version, mut shown) = (start, 0, None);
        for (result, has_news, expected) in [
            (not_published(), false, ""),
            (found("a"), true, "a"),
            (found("a"), false, "a"),
            (found("b"), true, "b"),
            (Err(unusable()), false, "b"),
        ] {
            assert_eq!(ask(now), shown);
            let believed = match result.is_ok() {
                true => FRESH,
                false => UNUSABLE,
            };
            lookups.answer(result, now);
            version += u64::from(has_news);
            assert_eq!(lookups.version.load(Ordering::Acquire), version);
            shown = Some(expected.to_owned());
            now += believed;
            assert_eq!(ask(now - Duration::from_nanos(1)), shown);
            assert!(!lookups.is_waiting());
        }
        assert_eq!(ask(now), shown);
        assert!(lookups.is_waiting());
    }

    #[test]
    fn pauses_grow_with_errors_in_a_row() {
        let (_names, lookups) = without_thread();
        let (mut outage, now) = (Outage::default(), Instant::now());
        lookups.labels(OBJECT, now);
        let mut finish = |result| lookups.finish(lookups.take(), result, &mut outage, now);
        let mut pauses = Vec::new();
        for _ in 0..100 {
            // The object is asked for until there is an answer.
            pauses.push(finish(Err(unavailable())));
        }
        assert_eq!(pauses[..3], [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]);
        assert_eq!(pauses.last(), Some(&MAX_PAUSE));
        assert_eq!(finish(found("a")), INTERVAL);
        lookups.labels(OBJECT, now + FRESH);
        assert_eq!(finish(Err(unusable())), FIRST_PAUSE);
        for (seconds, pause) in [(300, Duration::from_secs(300)), (u64::MAX, MAX_PAUSE)] {
            let error = RemoteError::RateLimited {
                retry_after: Some(Duration::from_secs(seconds)),
            };
            assert_eq!(Outage::default().add(&error, now), pause);
        }
    }

    #[test]
    fn an_outage_is_logged_once() {
        let mut outage = Outage::default();
        let start = Instant::now();
        outage.add(&unavailable(), start);
        assert_eq!(outage.warned, Some(start));
        for seconds in 0..100_000 {
            let now = start + seconds * SECOND;
            outage.add(&unavailable(), now);
            assert_eq!(outage.warned, Some(start));
        }
        outage.end();
        outage.add(&unavailable(), start + SECOND);
        assert_eq!(
            outage.warned,
            Some(start),
            "errors may alternate with successes"
        );
        outage.end();
        outage.add(&unavailable(), start + MAX_PAUSE);
        assert_eq!(outage.warned, Some(start + MAX_PAUSE));
    }

    #[test]
    fn a_flood_of_objects_takes_bounded_memory() {
        let (names, lookups) = without_thread();
        let mut objects = (0..).map(Uuid::from_u128);
        for _ in 0..3 * REMEMBERED / QUEUE {
            for object in objects.by_ref().take(2 * QUEUE) {
                names.get(object, &Labels::default(), Language::English);
            }
            assert_eq!(lookups.queue().members.len(), QUEUE);
            while lookups.is_waiting() {
                lookups.answer(found("x"), Instant::now());
            }
            assert!(lookups.queue().members.is_empty());
        }
        assert!(lookups.known.len() <= REMEMBERED + REMEMBERED / 10);
    }

    #[test]
    fn a_name_arrives_after_the_first_call() {
        let published = json!({"data": [
            {"json_object": {"label": "Phishing", "language": "EN", "uuid": OBJECT}},
        ]});
        let remote = Remote::answering(answer("200 OK", &published.to_string()));
        let names = names_of(&remote);
        let get = || names.get(OBJECT, &Labels::default(), Language::French);
        assert_eq!((get(), names.version()), (None, 0));
        wait_until(|| names.version() > 0);
        assert_eq!(get(), Some(("Phishing".to_owned(), Language::English)));
        assert_eq!(remote.requests().len(), 1);
    }

    #[test]
    fn garbage_brings_no_name_and_no_second_request() {
        let large = format!(r#"{{"data": ["{}"]}}"#, "x".repeat(200_000));
        for body in ["", "<html>", "[]", r#"{"data": 5}"#, &large] {
            let remote = Remote::answering(answer("200 OK", body));
            let names = names_of(&remote);
            let lookups = names.0.clone().unwrap();
            names.get(OBJECT, &Labels::default(), Language::English);
            wait_until(|| lookups.known.get(&OBJECT).is_some());
            let name = names.get(OBJECT, &Labels::default(), Language::English);
            assert_eq!((name, names.version()), (None, 0));
            assert!(!lookups.is_waiting());
            assert_eq!(remote.requests().len(), 1);
        }
    }

    #[test]
    fn calls_do_not_wait_for_mosp_and_dropping_ends_the_thread() {
        for answers in [true, false] {
            let (send, received) = std::sync::mpsc::channel::<()>();
            let received = Mutex::new(received);
            let remote = Remote::start(true, move |mut stream, _, _| {
                if answers {
                    let _ = stream.write_all(answer("500 Oops", "{}").as_bytes());
                } else {
                    // Until the test is over.
                    let _ = received.lock().unwrap().recv();
                }
            });
            let names = names_of(&remote);
            for object in 0..100 {
                names.get(
                    Uuid::from_u128(object),
                    &Labels::default(),
                    Language::English,
                );
            }
            wait_until(|| !remote.requests().is_empty());
            let lookups = Arc::downgrade(names.0.as_ref().unwrap());
            drop(names);
            drop(send);
            // The pause after the error is longer than this wait.
            wait_until(|| lookups.strong_count() == 0);
            assert_eq!(remote.requests().len(), 1);
        }
    }
}
