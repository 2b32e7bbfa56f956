use std::collections::HashSet;

use chrono::NaiveDate;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, StatusCode};
use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use stats_core::{
    AnalysisId, DateRange, InvalidValue, Page, RawJson, Role, Stat, StatId, StatsType, Token,
    parse_date,
};

use crate::http::Http;
use crate::{Options, RemoteError};

const STATS: &str = "api/v1/stats/";
const ME: &str = "api/v1/client/me";

/// Another instance of the service, or of its predecessor in Python, as one of its clients sees it.
#[derive(Debug)]
pub struct StatsClient {
    http: Http,
}

/// The account that a token belongs to on a remote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteClient {
    /// Its name over there.
    pub name: String,
    /// What it may do over there.
    pub role: Role,
    /// Whether the remote may push its stats on.
    pub is_sharing_enabled: bool,
}

/// What became of the stats of a batch, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Posted {
    /// Those that the remote has stored.
    pub stored: Vec<StatId>,
    /// Those that it had before.
    pub already_there: Vec<StatId>,
}

/// The stats of a list.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Listed {
    /// Those that this service takes, too.
    pub stats: Vec<Stat>,
    /// Those that it does not.
    pub unusable: Vec<Unusable>,
}

impl Listed {
    /// How many the remote listed.
    pub fn len(&self) -> usize {
        self.stats.len() + self.unusable.len()
    }

    /// Whether the remote listed none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A stat that a remote has, and that this service does not take, since its document is not one that can be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unusable {
    /// Its id.
    pub uuid: StatId,
    /// Its day.
    pub date: NaiveDate,
    /// What is wrong with its document.
    pub reason: InvalidValue,
}

/// The body that posts stats: a list of `{uuid, anr, type, date, data}`, with each document as it was taken. There is
/// nothing in it about who sends it.
pub fn payload(stats: &[Stat]) -> Vec<u8> {
    let mut json = vec![b'['];
    for (position, stat) in stats.iter().enumerate() {
        if position > 0 {
            json.push(b',');
        }
        // Writing to memory does not fail.
        let _ = stat.write_json(&mut json);
    }
    json.push(b']');
    json
}

impl StatsClient {
    /// The service at `base`, such as `https://dashboard.monarc.lu`, as the client with this token.
    pub fn new(base: &str, token: Token, options: Options) -> Result<Self, RemoteError> {
        let http = Http::new(base, Some(token), options)?;
        Ok(Self { http })
    }

    /// The address of the remote, with a slash at its end.
    pub fn address(&self) -> &str {
        self.http.address()
    }

    /// Whom the token belongs to over there.
    pub fn me(&self) -> Result<RemoteClient, RemoteError> {
        let answer = self.http.send(self.http.request(Method::GET, ME))?;
        let me: MeAnswer = self.http.parse(&answer.body)?;
        Ok(RemoteClient {
            role: me.role(),
            name: me.name,
            is_sharing_enabled: me.is_sharing_enabled.unwrap_or(false),
        })
    }

    /// Posts a batch. It can be posted again if it is not known what became of it; no request is made for an empty one.
    ///
    /// This service stores a batch as a whole or not at all; the one in Python stores stat by stat, so that after an
    /// error some may be there.
    pub fn post_stats(&self, batch: &[Stat]) -> Result<Posted, RemoteError> {
        if batch.is_empty() {
            return Ok(Posted::default());
        }
        let request = self
            .http
            .request(Method::POST, STATS)
            .header(CONTENT_TYPE, "application/json")
            .body(payload(batch));
        let answer = self.http.send(request)?;
        if !matches!(
            answer.status,
            StatusCode::CREATED | StatusCode::MULTI_STATUS
        ) {
            return Err(RemoteError::nonsense(format!(
                "the status {} to a batch of stats, not 201 or 207",
                answer.status.as_u16()
            )));
        }
        let ListAnswer::<StoredStat> { data } = self.http.parse(&answer.body)?;
        let told: HashSet<_> = data.into_iter().map(|stat| stat.uuid).collect();
        let (stored, already_there): (Vec<_>, Vec<_>) = batch
            .iter()
            .map(|stat| stat.uuid)
            .partition(|uuid| told.contains(uuid));
        if stored.iter().collect::<HashSet<_>>().len() < told.len() {
            return Err(RemoteError::nonsense(
                "it claims to have stored stats that were not sent",
            ));
        }
        if answer.status == StatusCode::CREATED && !already_there.is_empty() {
            return Err(RemoteError::nonsense(format!(
                "the status 201, which means all, but {} of {} stats stored",
                stored.len(),
                batch.len()
            )));
        }
        Ok(Posted {
            stored,
            already_there,
        })
    }

    /// The stats of a type and of some days that the client may see. All of them are checked as if they were posted
    /// here. A document that cannot be stored is the affair of one stat; what else is wrong makes nonsense of the list.
    pub fn stats(
        &self,
        stats_type: StatsType,
        dates: DateRange,
        page: Page,
    ) -> Result<Listed, RemoteError> {
        if page.limit == Some(0) {
            // On the wire 0 means all.
            return Ok(Listed::default());
        }
        let question = Question {
            stats_type,
            date_from: dates.from,
            date_to: dates.to,
            offset: Some(page.offset).filter(|offset| *offset > 0),
            limit: page.limit,
        };
        let request = self.http.request(Method::GET, STATS).json(&question);
        let answer = self.http.send(request)?;
        let ListAnswer::<&RawValue> { data } = self.http.parse(&answer.body)?;
        let mut listed = Listed::default();
        for (index, raw) in data.iter().enumerate() {
            match self.read_stat(index, raw, &question)? {
                Ok(stat) => listed.stats.push(stat),
                Err(unusable) => listed.unusable.push(unusable),
            }
        }
        match page.limit {
            Some(limit) if listed.len() as u64 > limit.into() => {
                Err(RemoteError::nonsense(format!(
                    "{} stats where at most {limit} were asked for",
                    listed.len()
                )))
            }
            _ => Ok(listed),
        }
    }

    /// A stat of a list, if it is one that was asked for.
    fn read_stat(
        &self,
        index: usize,
        raw: &RawValue,
        question: &Question,
    ) -> Result<Result<Stat, Unusable>, RemoteError> {
        let nonsense = |what: String| {
            RemoteError::nonsense(format!(
                "stat {index} of the list: {}",
                self.http.quote(&what)
            ))
        };
        let stat: ListedStat<'_> =
            serde_json::from_str(raw.get()).map_err(|error| nonsense(error.to_string()))?;
        if stat.stats_type != question.stats_type {
            let (given, asked) = (stat.stats_type, question.stats_type);
            return Err(nonsense(format!("its type is {given}, not {asked}")));
        }
        if !(question.date_from..=question.date_to).contains(&stat.date) {
            let (date, from, to) = (stat.date, question.date_from, question.date_to);
            return Err(nonsense(format!(
                "its date is {date}, not in {from} to {to}"
            )));
        }
        Ok(match RawJson::try_from(stat.data) {
            Ok(data) => Ok(Stat {
                uuid: stat.uuid,
                analysis: stat.analysis,
                stats_type: stat.stats_type,
                date: stat.date,
                data,
            }),
            Err(reason) => Err(Unusable {
                uuid: stat.uuid,
                date: stat.date,
                reason,
            }),
        })
    }
}

/// Which stats are wanted, as MONARC asks.
#[derive(Serialize)]
struct Question {
    #[serde(rename = "type")]
    stats_type: StatsType,
    date_from: NaiveDate,
    date_to: NaiveDate,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u32>,
}

/// What is read of `{"metadata": {…}, "data": […]}`.
#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
struct ListAnswer<T> {
    data: Vec<T>,
}

/// What is read of a stat that was stored.
#[derive(Deserialize)]
struct StoredStat {
    uuid: StatId,
}

/// A stat as a remote lists it; its date may be a timestamp.
#[derive(Deserialize)]
struct ListedStat<'a> {
    uuid: StatId,
    #[serde(rename = "anr")]
    analysis: AnalysisId,
    #[serde(rename = "type")]
    stats_type: StatsType,
    #[serde(deserialize_with = "date")]
    date: NaiveDate,
    #[serde(borrow)]
    data: &'a RawValue,
}

fn date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NaiveDate, D::Error> {
    parse_date(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

/// `{"name", "role", "is_sharing_enabled"}`. Python writes numbers as text, and null where it knows nothing.
#[derive(Deserialize)]
struct MeAnswer {
    name: String,
    role: Option<Value>,
    is_sharing_enabled: Option<bool>,
}

impl MeAnswer {
    fn role(&self) -> Role {
        let number = match &self.role {
            Some(Value::String(text)) => text.parse().ok(),
            Some(Value::Number(number)) => number.as_i64().and_then(|n| n.try_into().ok()),
            _ => None,
        };
        Role::from_number(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_payload_is_the_json_of_the_stats_with_their_documents_as_they_are() {
        let stats = ["[]", r#"{"é" :[1.50,"\u00e9","日"]}"#].map(|data| Stat {
            uuid: StatId::random(),
            analysis: AnalysisId::random(),
            stats_type: StatsType::Compliance,
            date: "2026-11-20".parse().unwrap(),
            data: RawJson::parse(data).unwrap(),
        });
        assert_eq!(payload(&stats), serde_json::to_vec(&stats).unwrap());
        assert_eq!(payload(&[]), b"[]");
    }

    #[test]
    fn an_account_is_read_leniently() {
        let role = |json: &str| serde_json::from_str::<MeAnswer>(json).unwrap().role();
        assert_eq!(role(r#"{"name": "a", "role": "2"}"#), Role::Admin);
        assert_eq!(role(r#"{"name": "a", "role": 2}"#), Role::Admin);
        for other in [r#""1""#, "1", "null", "[]", r#""admin""#, "99999999999"] {
            assert_eq!(
                role(&format!(r#"{{"name": "a", "role": {other}}}"#)),
                Role::User
            );
        }
    }
}
