use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;
use stats_core::Token;
use uuid::Uuid;

use crate::cache::Cache;
use crate::http::Http;
use crate::{HttpOptions, RemoteError};

const OBJECTS: &str = "api/v2/object/";
/// The maximum length of a label in characters. With [`MAX_LANGUAGES`] it bounds the memory of the cache.
const MAX_LABEL_LENGTH: usize = 500;
/// The maximum number of languages kept for an object.
const MAX_LANGUAGES: usize = 32;
/// The languages of `label1` to `label4`.
const NUMBERED_LABELS: [(&str, &str); 4] = [
    ("label1", "fr"),
    ("label2", "en"),
    ("label3", "de"),
    ("label4", "nl"),
];

/// The limits of the connection to MOSP and of the cache of labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MospOptions {
    /// The limits of the connection.
    pub http: HttpOptions,
    /// The number of objects whose labels are cached.
    pub cached_objects: usize,
    /// How long labels are cached.
    pub cache_ttl: Duration,
}

impl Default for MospOptions {
    fn default() -> Self {
        Self {
            http: HttpOptions::default(),
            cached_objects: 10_000,
            cache_ttl: Duration::from_secs(24 * 60 * 60),
        }
    }
}

/// A client of the MONARC Objects Sharing Platform.
pub struct Mosp {
    http: Http,
    labels: Cache<Labels>,
}

/// Shows only the address.
impl fmt::Debug for Mosp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mosp")
            .field("http", &self.http)
            .finish_non_exhaustive()
    }
}

impl Mosp {
    /// The platform at `base`, such as `https://objects.monarc.lu`. Published objects can be read without a token.
    pub fn new(
        base: &str,
        token: Option<Token>,
        options: MospOptions,
    ) -> Result<Self, RemoteError> {
        Ok(Self {
            http: Http::new(base, token, options.http)?,
            labels: Cache::new(options.cached_objects, options.cache_ttl),
        })
    }

    /// The JSON of an object in its first language, or `None` if it is not published.
    pub fn object(&self, uuid: Uuid) -> Result<Option<Value>, RemoteError> {
        Ok(self.objects(uuid)?.into_iter().next())
    }

    /// The label of an object in a language, such as `en` or `fr-LU`. `None` if the object is not published or has no
    /// label in that language; both are cached, errors are not.
    pub fn label(&self, uuid: Uuid, language: &str) -> Result<Option<String>, RemoteError> {
        let labels = match self.labels.get(uuid, Instant::now()) {
            Some(labels) => labels,
            None => {
                let labels = Arc::new(Labels::of(&self.objects(uuid)?));
                self.labels
                    .insert(uuid, Arc::clone(&labels), Instant::now());
                labels
            }
        };
        Ok(labels.get(language))
    }

    /// The published objects with an id, one for each language.
    fn objects(&self, uuid: Uuid) -> Result<Vec<Value>, RemoteError> {
        /// The part of `{"data": […], "metadata": {…}}` that is read.
        #[derive(Deserialize)]
        struct List {
            data: Vec<Value>,
        }

        let path = format!("{OBJECTS}?uuid={uuid}");
        let response = self.http.send(self.http.request(Method::GET, &path))?;
        let List { mut data } = self.http.parse("the list of objects", &response.body)?;
        // An object with another id was not requested.
        data.retain(|object| object.is_object() && id(object).is_none_or(|id| id == uuid));
        Ok(data)
    }
}

/// The `json_object` of an object, or the object itself.
fn content(object: &Value) -> &Value {
    object.get("json_object").unwrap_or(object)
}

/// The id of an object, if it has one.
fn id(object: &Value) -> Option<Uuid> {
    content(object).get("uuid")?.as_str()?.parse().ok()
}

/// The labels of an object by language.
#[derive(Debug, Default, PartialEq)]
struct Labels(BTreeMap<String, String>);

impl Labels {
    fn of(objects: &[Value]) -> Self {
        let mut labels = Self::default();
        for content in objects.iter().map(content) {
            let text = |field| content.get(field).and_then(Value::as_str);
            labels.add(text("language"), text("label"));
            for (field, language) in NUMBERED_LABELS {
                labels.add(Some(language), text(field));
            }
        }
        labels
    }

    /// Adds a label unless its language has one.
    fn add(&mut self, language: Option<&str>, label: Option<&str>) {
        if let (Some(code), Some(label)) = (language.and_then(code), label.map(str::trim))
            && !label.is_empty()
            && self.0.len() < MAX_LANGUAGES
        {
            let label = || label.chars().take(MAX_LABEL_LENGTH).collect();
            self.0.entry(code).or_insert_with(label);
        }
    }

    fn get(&self, language: &str) -> Option<String> {
        self.0.get(&code(language)?).cloned()
    }
}

/// The language of a tag such as `EN`, `en` or `en-GB`: `en`.
fn code(language: &str) -> Option<String> {
    let code = language.split(['-', '_']).next()?.trim();
    let is_code =
        matches!(code.len(), 2..=3) && code.bytes().all(|byte| byte.is_ascii_alphabetic());
    is_code.then(|| code.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn labels_are_read_from_both_forms() {
        let labels = Labels::of(&[
            json!({"json_object": {"label": " Phishing ", "language": "EN"}, "name": "x"}),
            json!({"json_object": {"label": "Hameçonnage", "language": "fr"}}),
            json!({"json_object": {"label1": "Autre", "label2": "Other", "label3": "", "label4": "Phishing (nl)"}}),
        ]);
        for (language, label) in [
            ("en", Some("Phishing")),
            ("EN", Some("Phishing")),
            ("en-GB", Some("Phishing")),
            ("fr_LU", Some("Hameçonnage")),
            ("nl", Some("Phishing (nl)")),
            ("de", None),
            ("", None),
            ("english", None),
        ] {
            assert_eq!(labels.get(language).as_deref(), label, "{language}");
        }
    }

    #[test]
    fn malformed_labels_are_ignored_and_large_ones_cut() {
        let malformed = [
            json!({"json_object": null}),
            json!({"json_object": {"label": 5, "language": "EN"}}),
            json!({"json_object": {"label": "x", "language": ["EN"]}}),
            json!({"json_object": {"label": "x"}}),
            json!({"json_object": "text", "label2": "ignored"}),
        ];
        assert_eq!(Labels::of(&malformed), Labels::default());
        let many: Vec<_> = ('a'..='z')
            .flat_map(|a| ('a'..='z').map(move |b| format!("{a}{b}")))
            .map(|language| json!({"label": "é".repeat(10_000), "language": language}))
            .collect();
        let labels = Labels::of(&many);
        assert_eq!(labels.0.len(), MAX_LANGUAGES);
        assert_eq!(labels.get("aa").unwrap(), "é".repeat(MAX_LABEL_LENGTH));
    }

    #[test]
    fn id_is_read_from_the_json_object() {
        let uuid = Uuid::from_u128(5);
        assert_eq!(
            id(&json!({"json_object": {"uuid": uuid}, "uuid": "x"})),
            Some(uuid)
        );
        assert_eq!(id(&json!({"uuid": uuid})), Some(uuid));
        assert_eq!(id(&json!({"json_object": {"uuid": 5}})), None);
        assert_eq!(id(&json!({})), None);
    }
}
