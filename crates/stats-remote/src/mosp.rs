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
use crate::{Options, RemoteError};

const OBJECTS: &str = "api/v2/object/";
/// A longer label is cut, so that it is known how much the cache can hold.
const MAX_LABEL_LENGTH: usize = 500;
/// So many languages of one object are kept.
const MAX_LANGUAGES: usize = 32;
/// The languages of `label1` to `label4`.
const NUMBERED_LABELS: [(&str, &str); 4] = [
    ("label1", "fr"),
    ("label2", "en"),
    ("label3", "de"),
    ("label4", "nl"),
];

/// How MOSP is talked to, and how much of it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MospOptions {
    /// How it is talked to.
    pub remote: Options,
    /// The labels of so many objects are kept.
    pub cached_objects: usize,
    /// They are kept for so long.
    pub cached_for: Duration,
}

impl Default for MospOptions {
    fn default() -> Self {
        Self {
            remote: Options::default(),
            cached_objects: 10_000,
            cached_for: Duration::from_secs(24 * 60 * 60),
        }
    }
}

/// The MONARC Objects Sharing Platform.
pub struct Mosp {
    http: Http,
    labels: Cache<Labels>,
}

/// Shows the address alone.
impl fmt::Debug for Mosp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mosp")
            .field("http", &self.http)
            .finish_non_exhaustive()
    }
}

impl Mosp {
    /// The platform at `base`, such as `https://objects.monarc.lu`. What is published can be read without a token.
    pub fn new(
        base: &str,
        token: Option<Token>,
        options: MospOptions,
    ) -> Result<Self, RemoteError> {
        Ok(Self {
            http: Http::new(base, token, options.remote)?,
            labels: Cache::new(options.cached_objects, options.cached_for),
        })
    }

    /// The object with this id as the platform gives it; `None` if it is not published. Where it is published in
    /// several languages, one of them.
    pub fn object(&self, uuid: Uuid) -> Result<Option<Value>, RemoteError> {
        Ok(self.objects(uuid)?.into_iter().next())
    }

    /// Whether there is an object with this id.
    pub fn is_object_published(&self, uuid: Uuid) -> Result<bool, RemoteError> {
        Ok(self.object(uuid)?.is_some())
    }

    /// The label of an object in a language, such as `en` or `fr-LU`; `None` if it is not published or has no label in
    /// that language. Either answer is kept for a while, an error is not.
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

    /// The published objects with this id.
    fn objects(&self, uuid: Uuid) -> Result<Vec<Value>, RemoteError> {
        let path = format!("{OBJECTS}?uuid={uuid}");
        let answer = self.http.send(self.http.request(Method::GET, &path))?;
        let ObjectsAnswer { mut data } = self.http.parse(&answer.body)?;
        // Nobody is told about an object that was not asked for.
        data.retain(|object| object.is_object() && id(object).is_none_or(|id| id == uuid));
        Ok(data)
    }
}

/// What is read of `{"data": […], "metadata": {…}}`.
#[derive(Deserialize)]
struct ObjectsAnswer {
    data: Vec<Value>,
}

/// What an object is about: its `json_object`, or else the object itself.
fn content(object: &Value) -> &Value {
    object.get("json_object").unwrap_or(object)
}

/// The id of an object, if it tells one.
fn id(object: &Value) -> Option<Uuid> {
    content(object).get("uuid")?.as_str()?.parse().ok()
}

/// The labels of an object, by language.
#[derive(Debug, Default, PartialEq)]
struct Labels(BTreeMap<String, String>);

impl Labels {
    fn of(objects: &[Value]) -> Self {
        let mut labels = Self::default();
        for content in objects.iter().map(content) {
            labels.add(content.get("language"), content.get("label"));
            for (field, language) in NUMBERED_LABELS {
                labels.add(Some(&language.into()), content.get(field));
            }
        }
        labels
    }

    /// Keeps a label, if it is one and the first in its language.
    fn add(&mut self, language: Option<&Value>, label: Option<&Value>) {
        let (Some(Value::String(language)), Some(Value::String(label))) = (language, label) else {
            return;
        };
        let label = label.trim();
        if let Some(code) = code(language)
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

/// The language in `EN`, `en` and `en-GB`: `en`.
fn code(language: &str) -> Option<String> {
    let code = language.split(['-', '_']).next()?.trim();
    let fits = matches!(code.len(), 2..=3) && code.bytes().all(|byte| byte.is_ascii_alphabetic());
    fits.then(|| code.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn labels_are_found_in_either_form_by_language() {
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
    fn odd_objects_have_no_labels_and_large_ones_few() {
        let odd = [
            json!({"json_object": null}),
            json!({"json_object": {"label": 5, "language": "EN"}}),
            json!({"json_object": {"label": "x", "language": ["EN"]}}),
            json!({"json_object": {"label": "x"}}),
            json!({"json_object": "text", "label2": "not here"}),
        ];
        assert_eq!(Labels::of(&odd), Labels::default());
        let many: Vec<_> = ('a'..='z')
            .flat_map(|a| ('a'..='z').map(move |b| format!("{a}{b}")))
            .map(|language| json!({"label": "é".repeat(10_000), "language": language}))
            .collect();
        let labels = Labels::of(&many);
        assert_eq!(labels.0.len(), MAX_LANGUAGES);
        assert_eq!(labels.get("aa").unwrap(), "é".repeat(MAX_LABEL_LENGTH));
    }

    #[test]
    fn an_id_is_that_of_the_content() {
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
