use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::random::Random;

/// `catalogue.json`. A test checks that it parses.
pub(crate) static CATALOGUE: LazyLock<Catalogue> =
    LazyLock::new(|| parse(include_str!("../catalogue.json")).unwrap_or_default());

/// The catalogue without some labels, each in one language, as if nobody had translated them.
pub(crate) static GAPPY_CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
    let mut catalogue = parse(include_str!("../catalogue.json")).unwrap_or_default();
    let threats = catalogue.threats.iter_mut();
    let (threats, vulnerabilities): (Vec<_>, Vec<_>) = threats
        .map(|threat| (&mut threat.labels, &mut threat.vulnerabilities))
        .unzip();
    leave_gaps(threats);
    leave_gaps(vulnerabilities.into_iter().flatten());
    for referential in &mut catalogue.referentials {
        let categories = referential.categories.iter_mut();
        leave_gaps(categories.map(|category| &mut category.labels));
    }
    catalogue
});

/// Removes a label of every fifth object, of each language in turn.
fn leave_gaps<'a>(objects: impl IntoIterator<Item = &'a mut Labels>) {
    let languages: [fn(&mut Labels) -> &mut String; 4] =
        [|l| &mut l.nl, |l| &mut l.de, |l| &mut l.fr, |l| &mut l.en];
    let objects = objects.into_iter().skip(3).step_by(5);
    for (labels, language) in objects.zip(languages.iter().cycle()) {
        // MONARC sends an empty text.
        language(labels).clear();
    }
}

fn parse(json: &str) -> serde_json::Result<Catalogue> {
    serde_json::from_str(json)
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Catalogue {
    /// Analyses have the first one. Stories add the others to some.
    pub(crate) referentials: Vec<Referential>,
    pub(crate) threats: Vec<Threat>,
}

/// A name in the four languages of MONARC. Deserialised by language, serialised by number.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Labels {
    #[serde(rename(deserialize = "fr", serialize = "label1"))]
    fr: String,
    #[serde(rename(deserialize = "en", serialize = "label2"))]
    en: String,
    #[serde(rename(deserialize = "de", serialize = "label3"))]
    de: String,
    #[serde(rename(deserialize = "nl", serialize = "label4"))]
    nl: String,
}

/// A threat and the vulnerabilities that it exploits.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Threat {
    pub(crate) labels: Labels,
    pub(crate) vulnerabilities: [Labels; Self::VULNERABILITIES],
}

impl Threat {
    pub(crate) const VULNERABILITIES: usize = 2;
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Referential {
    pub(crate) labels: Labels,
    pub(crate) categories: Vec<Category>,
}

/// A category of a referential.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Category {
    /// The number of its controls.
    pub(crate) controls: u32,
    pub(crate) labels: Labels,
}

/// The kinds of objects that have a UUID, which is the same in every sample.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Threat = 1,
    Vulnerability,
    Referential,
    Measure,
}

/// The UUID of the object number `number` of a kind.
pub(crate) fn uuid(kind: Kind, number: usize) -> Uuid {
    const SEED: u64 = u64::from_be_bytes(*b"MONARC..");
    Random::new(SEED, ((kind as u64) << 32) + number as u64).uuid()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn catalogue_is_complete_with_distinct_labels() {
        let catalogue = parse(include_str!("../catalogue.json")).unwrap();
        assert_eq!(catalogue.threats.len(), 30);
        let mut labels = Vec::new();
        for threat in &catalogue.threats {
            labels.push(&threat.labels);
            labels.extend(&threat.vulnerabilities);
        }
        let categories = [14, 6];
        assert_eq!(catalogue.referentials.len(), categories.len());
        for (referential, categories) in catalogue.referentials.iter().zip(categories) {
            assert_eq!(referential.categories.len(), categories);
            labels.push(&referential.labels);
            for category in &referential.categories {
                assert!(category.controls > 0);
                labels.push(&category.labels);
            }
        }
        let languages: [fn(&Labels) -> &str; 4] = [|l| &l.fr, |l| &l.en, |l| &l.de, |l| &l.nl];
        for language in languages {
            let mut seen = HashSet::new();
            for label in labels.iter().map(|labels| language(labels)) {
                assert!(!label.is_empty() && label.trim() == label, "{label:?}");
                assert!(seen.insert(label), "{label}");
            }
        }
    }

    #[test]
    fn every_label_set_needs_four_languages() {
        let labels = |json: &str| serde_json::from_str::<Labels>(json);
        assert!(labels(r#"{"fr": "a", "en": "b", "de": "c", "nl": "d"}"#).is_ok());
        assert!(labels(r#"{"fr": "a", "en": "b", "de": "c"}"#).is_err());
        assert!(labels(r#"{"fr": "a", "en": "b", "de": "c", "nl": "d", "it": "e"}"#).is_err());
    }

    #[test]
    fn uuids_are_distinct_and_stable() {
        let kinds = [
            (Kind::Threat, "7cb16521-7746-424a-b0b7-e4896aa07062"),
            (Kind::Vulnerability, "644b44b7-bc23-4af3-8727-8bcf83d69cf2"),
            (Kind::Referential, "03ea7927-af18-4633-8a6e-8ee2c675c41a"),
            (Kind::Measure, "38930ff1-c501-474c-8d45-fe3381cdf525"),
        ];
        let mut seen = HashSet::new();
        for (kind, first) in kinds {
            assert_eq!(uuid(kind, 0).to_string(), first);
            seen.extend((0..1000).map(|number| uuid(kind, number)));
        }
        assert_eq!(seen.len(), 4000);
    }
}
