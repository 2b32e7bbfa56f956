use std::borrow::Borrow;
use std::collections::HashSet;

use chrono::NaiveDate;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, StatusCode};
use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use stats_core::{
    AnalysisId, DateRange, DayDigest, Deletion, InvalidValue, Page, RawJson, Stat, StatId,
    StatsType, Token, parse_date,
};

use crate::http::Http;
use crate::{HttpOptions, RemoteError};

const STATS: &str = "api/v1/stats/";
const DELETED: &str = "api/v1/stats/deleted/";
const DIGESTS: &str = "api/v1/stats/digests/";
const ME: &str = "api/v1/client/me";

/// A client of another instance of the service, or of its predecessor in Python.
#[derive(Debug)]
pub struct StatsClient {
    http: Http,
}

/// The account on the remote that a token belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct RemoteClient {
    /// Its name on the remote.
    pub name: String,
}

/// The result of posting a batch. Both lists are in the order of the batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BatchOutcome {
    /// The stats that the remote stored.
    pub stored: Vec<StatId>,
    /// The stats that the remote had before.
    pub already_there: Vec<StatId>,
}

/// A list of stats from a remote.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StatsList {
    /// The stats that can be stored here.
    pub stats: Vec<Stat>,
    /// The stats that cannot be stored here.
    pub unusable: Vec<UnusableStat>,
}

impl StatsList {
    /// The number of stats that the remote listed.
    pub fn total(&self) -> usize {
        self.stats.len() + self.unusable.len()
    }
}

/// A stat whose document cannot be stored here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnusableStat {
    /// Its id.
    pub uuid: StatId,
    /// Its day.
    pub date: NaiveDate,
    /// The error in the document.
    pub reason: InvalidValue,
}

/// The body of a request that posts stats: a list of `{uuid, anr, type, date, data}`. The documents are unchanged, and
/// nothing identifies the sender.
pub fn payload(stats: &[impl Borrow<Stat>]) -> Vec<u8> {
    let mut json = vec![b'['];
    for (position, stat) in stats.iter().enumerate() {
        if position > 0 {
            json.push(b',');
        }
        // Writing to a Vec cannot fail.
        let _ = stat.borrow().write_json(&mut json);
    }
    json.push(b']');
    json
}

/// The body of a request that deletes stats: a list of `{uuid, deleted_at}`.
pub fn deletion_payload(deletions: &[Deletion]) -> Vec<u8> {
    // Ids and times are always JSON.
    serde_json::to_vec(deletions).unwrap_or_default()
}

impl StatsClient {
    /// The service at `base`, such as `https://dashboard.monarc.lu`, with the token of an account on it.
    pub fn new(base: &str, token: Token, options: HttpOptions) -> Result<Self, RemoteError> {
        let http = Http::new(base, Some(token), options)?;
        Ok(Self { http })
    }

    /// The address of the remote, with a trailing slash.
    pub fn address(&self) -> &str {
        self.http.address()
    }

    /// The account that the token belongs to.
    pub fn me(&self) -> Result<RemoteClient, RemoteError> {
        let response = self.http.send(self.http.request(Method::GET, ME))?;
        self.http.parse("the account", &response.body)
    }

    /// Posts a batch; an empty batch makes no request. After an error the batch can be posted again.
    ///
    /// This service stores a batch as a whole or not at all. The Python service may store a part of it before an error.
    pub fn post_stats(&self, batch: &[impl Borrow<Stat>]) -> Result<BatchOutcome, RemoteError> {
        if batch.is_empty() {
            return Ok(BatchOutcome::default());
        }
        let request = self
            .http
            .request(Method::POST, STATS)
            .header(CONTENT_TYPE, "application/json")
            .body(payload(batch));
        let response = self.http.send(request)?;
        let is_complete = match response.status {
            StatusCode::CREATED => true,
            StatusCode::MULTI_STATUS => false,
            status => {
                return Err(RemoteError::invalid(format!(
                    "the status {} to a batch of stats, not 201 or 207",
                    status.as_u16()
                )));
            }
        };
        let List::<StoredStat> { data } = self
            .http
            .parse("the list of stored stats", &response.body)?;
        let confirmed: HashSet<_> = data.into_iter().map(|stat| stat.uuid).collect();
        let (stored, already_there): (Vec<_>, Vec<_>) = batch
            .iter()
            .map(|stat| stat.borrow().uuid)
            .partition(|uuid| confirmed.contains(uuid));
        if stored.iter().collect::<HashSet<_>>().len() < confirmed.len() {
            return Err(RemoteError::invalid(
                "it confirms stats that were not posted",
            ));
        }
        if is_complete && !already_there.is_empty() {
            return Err(RemoteError::invalid(format!(
                "the status 201 means that all stats were stored, but {} of {} are confirmed",
                stored.len(),
                batch.len()
            )));
        }
        Ok(BatchOutcome {
            stored,
            already_there,
        })
    }

    /// Deletes stats of the account by their ids; an empty list makes no request. Returns the number of stats that the remote
    /// had. After an error the list can be posted again. A remote without this route fails with
    /// [`RemoteError::is_unknown_route`].
    pub fn delete_stats(&self, deletions: &[Deletion]) -> Result<u64, RemoteError> {
        #[derive(Deserialize)]
        struct Deleted {
            deleted: u64,
        }

        if deletions.is_empty() {
            return Ok(0);
        }
        let request = self
            .http
            .request(Method::POST, DELETED)
            .header(CONTENT_TYPE, "application/json")
            .body(deletion_payload(deletions));
        let response = self.http.send(request)?;
        let Deleted { deleted } = self
            .http
            .parse("the number of deleted stats", &response.body)?;
        Ok(deleted)
    }

    /// Deletes all stats of an analysis. The Python service deletes those of all accounts.
    pub fn delete_analysis(&self, analysis: AnalysisId) -> Result<(), RemoteError> {
        let path = format!("{STATS}{analysis}");
        self.http.send(self.http.request(Method::DELETE, &path))?;
        Ok(())
    }

    /// The digests of the stats of the account on some days. A remote without this route fails with
    /// [`RemoteError::is_unknown_route`], or with 400 if it takes the last part of the path for an analysis.
    pub fn digests(&self, dates: DateRange) -> Result<Vec<DayDigest>, RemoteError> {
        let path = format!(
            "{DIGESTS}?date_from={}&date_to={}",
            dates.from(),
            dates.to()
        );
        let response = self.http.send(self.http.request(Method::GET, &path))?;
        let digests: Vec<DayDigest> = self.http.parse("the digests", &response.body)?;
        let is_asked = |day: &DayDigest| (dates.from()..=dates.to()).contains(&day.date);
        match digests.iter().all(is_asked) {
            true => Ok(digests),
            false => Err(RemoteError::invalid("digests of other days")),
        }
    }

    /// Lists the ids and analyses of the stats of a type and a day that the account may read.
    pub fn list_ids(
        &self,
        stats_type: StatsType,
        date: NaiveDate,
    ) -> Result<Vec<(StatId, AnalysisId)>, RemoteError> {
        #[derive(Deserialize)]
        struct Listed {
            uuid: StatId,
            anr: AnalysisId,
        }

        let query = ListQuery {
            stats_type,
            date_from: date,
            date_to: date,
            offset: None,
            limit: None,
        };
        let request = self
            .http
            .request(Method::GET, STATS)
            .header("X-Fields", "data{uuid,anr}")
            .json(&query);
        let response = self.http.send(request)?;
        let List::<Listed> { data } = self.http.parse("the list of ids", &response.body)?;
        let ids = data.into_iter();
        Ok(ids.map(|listed| (listed.uuid, listed.anr)).collect())
    }

    /// Lists the stats of a type and a range of dates that the account may read. Each stat is validated like a posted
    /// one: a document that cannot be stored makes its stat unusable, any other error makes the response invalid.
    pub fn list_stats(
        &self,
        stats_type: StatsType,
        dates: DateRange,
        page: Page,
    ) -> Result<StatsList, RemoteError> {
        if page.limit == Some(0) {
            // In a request, 0 means no limit.
            return Ok(StatsList::default());
        }
        let query = ListQuery {
            stats_type,
            date_from: dates.from(),
            date_to: dates.to(),
            offset: Some(page.offset).filter(|offset| *offset > 0),
            limit: page.limit,
        };
        let request = self.http.request(Method::GET, STATS).json(&query);
        let response = self.http.send(request)?;
        let List::<&RawValue> { data } = self.http.parse("the list of stats", &response.body)?;
        if let Some(limit) = page.limit
            && data.len() as u64 > limit.into()
        {
            return Err(RemoteError::invalid(format!(
                "{} stats, although the limit of the request is {limit}",
                data.len()
            )));
        }
        let mut list = StatsList::default();
        for (index, raw) in data.into_iter().enumerate() {
            let name = format_args!("stat {index} of the list");
            let stat: ListedStat<'_> = self.http.parse(name, raw.get().as_bytes())?;
            query
                .check(&stat)
                .map_err(|reason| RemoteError::invalid(format!("{name} {reason}")))?;
            match RawJson::try_from(stat.data) {
                Ok(data) => list.stats.push(Stat {
                    uuid: stat.uuid,
                    analysis: stat.analysis,
                    stats_type: stat.stats_type,
                    date: stat.date,
                    data,
                }),
                Err(reason) => list.unusable.push(UnusableStat {
                    uuid: stat.uuid,
                    date: stat.date,
                    reason,
                }),
            }
        }
        Ok(list)
    }
}

/// The body of a request that lists stats, in the form that MONARC sends.
#[derive(Serialize)]
struct ListQuery {
    #[serde(rename = "type")]
    stats_type: StatsType,
    date_from: NaiveDate,
    date_to: NaiveDate,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u32>,
}

impl ListQuery {
    /// Fails if the stat does not match the query.
    fn check(&self, stat: &ListedStat<'_>) -> Result<(), String> {
        let Self {
            stats_type,
            date_from,
            date_to,
            ..
        } = self;
        if stat.stats_type != *stats_type {
            Err(format!(
                "has the type {}, not {stats_type}",
                stat.stats_type
            ))
        } else if !(date_from..=date_to).contains(&&stat.date) {
            let date = stat.date;
            Err(format!(
                "has the date {date}, not one from {date_from} to {date_to}"
            ))
        } else {
            Ok(())
        }
    }
}

/// The part of `{"metadata": {…}, "data": […]}` that is read.
#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
struct List<T> {
    data: Vec<T>,
}

/// The part of a stored stat that is read.
#[derive(Deserialize)]
struct StoredStat {
    uuid: StatId,
}

/// A stat in a list.
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

/// Parses a date or a timestamp.
fn date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NaiveDate, D::Error> {
    parse_date(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payload_is_the_json_of_the_stats() {
        let stats = ["[]", r#"{"é" :[1.50,"\u00e9","日"]}"#].map(|data| Stat {
            uuid: StatId::random(),
            analysis: AnalysisId::random(),
            stats_type: StatsType::Compliance,
            date: "2026-11-20".parse().unwrap(),
            data: RawJson::parse(data).unwrap(),
        });
        assert_eq!(payload(&stats), serde_json::to_vec(&stats).unwrap());
        assert_eq!(payload(&stats[..0]), b"[]");
    }
}
