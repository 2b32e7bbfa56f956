use std::collections::BTreeMap;
use std::fmt;

use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;
use stats_core::Token;
use uuid::Uuid;

use crate::http::Http;
use crate::{HttpOptions, RemoteError};

const OBJECTS: &str = "api/v2/object/";
/// The languages of `label1` to `label4`.
const NUMBERED_LABELS: [(&str, &str); 4] = [
    ("label1", "fr"),
    ("label2", "en"),
    ("label3", "de"),
    ("label4", "nl"),
];

/// A client of the MONARC Objects Sharing Platform.
pub struct Mosp {
    http: Http,
}

/// Shows only the address.
impl fmt::Debug for Mosp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Mosp").field(&self.http).finish()
    }
}

impl Mosp {
    /// The platform at `base`, such as `https://objects.monarc.lu`. Published objects can be read without a token.
    pub fn new(
        base: &str,
        token: Option<Token>,
        options: HttpOptions,
    ) -> Result<Self, RemoteError> {
        Ok(Self {
            http: Http::new(base, token, options)?,
        })
    }

    /// The JSON of an object in its first language, or `None` if it is not published.
    pub fn object(&self, uuid: Uuid) -> Result<Option<Value>, RemoteError> {
        Ok(self.objects(uuid)?.into_iter().next())
    }

    /// The labels of an object by language, such as `en`. Empty if the object is not published.
    pub fn labels(&self, uuid: Uuid) -> Result<BTreeMap<String, String>, RemoteError> {
        Ok(labels(&self.objects(uuid)?))
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

/// The labels of objects. The first of several in one language counts.
fn labels(objects: &[Value]) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    for content in objects.iter().map(content) {
        let text = |field| content.get(field).and_then(Value::as_str);
        let numbered = NUMBERED_LABELS.map(|(field, language)| (Some(language), text(field)));
        for (language, label) in [(text("language"), text("label"))]
            .into_iter()
            .chain(numbered)
        {
            if let (Some(code), Some(label)) = (language.and_then(code), label.map(str::trim))
                && !label.is_empty()
            {
                labels.entry(code).or_insert_with(|| label.to_owned());
            }
        }
    }
    labels
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
        let found = labels(&[
            json!({"json_object": {"label": " Phishing ", "language": "EN"}, "name": "x"}),
            json!({"json_object": {"label": "Hameçonnage", "language": "fr_LU"}}),
            json!({"json_object": {"label1": "Autre", "label2": "Other", "label3": "", "label4": "Phishing (nl)"}}),
            json!({"json_object": {"label": "Phishing (it)", "language": "it-CH"}}),
        ]);
        let expected = json!({
            "en": "Phishing",
            "fr": "Hameçonnage",
            "it": "Phishing (it)",
            "nl": "Phishing (nl)",
        });
        assert_eq!(json!(found), expected);
    }

    #[test]
    fn malformed_labels_are_ignored() {
        let malformed = [
            json!({"json_object": null}),
            json!({"json_object": {"label": 5, "language": "EN"}}),
            json!({"json_object": {"label": "x", "language": ["EN"]}}),
            json!({"json_object": {"label": "x", "language": "english"}}),
            json!({"json_object": {"label": "x", "language": ""}}),
            json!({"json_object": {"label": "x"}}),
            json!({"json_object": "text", "label2": "ignored"}),
        ];
        assert_eq!(labels(&malformed), BTreeMap::new());
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
