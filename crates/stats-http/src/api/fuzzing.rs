//! What stats-fuzz calls. No part of the API of this crate: only the feature `fuzzing` compiles it.

#![expect(missing_docs, reason = "for stats-fuzz alone")]

use std::net::{IpAddr, SocketAddr};

use actix_web::ResponseError;
use actix_web::body::MessageBody;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::test::TestRequest;
use chrono::NaiveDate;
use serde_json::Value;
use stats_core::Stat;

use super::list::ListQuery;
use super::stats_json::ListWriter;
use super::{client, processed};
use crate::address::address;
use crate::base::Base;
use crate::config::HttpConfig;
use crate::csv::Field;
use crate::errors::ApiError;
use crate::extract::parse_arguments;
use crate::language;
use crate::mask::Mask;

/// What is answered to a request with invalid input, and logged about it.
#[derive(Debug)]
pub struct Refusal {
    pub status: u16,
    pub body: Value,
    pub log: String,
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        let response = error.error_response();
        let status = response.status().as_u16();
        let body = response.into_body().try_into_bytes();
        let body = body.map(|bytes| serde_json::from_slice(&bytes).unwrap_or_default());
        Self {
            status,
            body: body.unwrap_or_default(),
            log: error.to_string(),
        }
    }
}

/// A route whose arguments are read.
#[derive(Debug, Clone, Copy)]
pub enum Route {
    ListStats,
    Process,
    CreateClient,
}

/// Reads the arguments of a request on a day, and formats them for comparison.
pub fn arguments(
    route: Route,
    query: &str,
    body: &[u8],
    today: NaiveDate,
) -> Result<String, Refusal> {
    let is_strict = !query.is_empty();
    let read = || match route {
        Route::ListStats => {
            let arguments: ListQuery = parse_arguments(query, body)?;
            let filter = arguments.filter(None, today, is_strict)?;
            Ok(format!("{filter:?}"))
        }
        Route::Process => {
            let arguments: processed::ProcessQuery = parse_arguments(query, body)?;
            Ok(format!("{arguments:?}"))
        }
        Route::CreateClient => {
            let arguments: client::Create = parse_arguments(query, body)?;
            Ok(format!("{arguments:?}"))
        }
    };
    read().map_err(|error: ApiError| error.into())
}

/// Removes what a mask does not keep.
pub fn apply_mask(mask: &str, value: &mut Value) -> Result<(), String> {
    let mask = Mask::parse(mask).map_err(|error| error.to_string())?;
    mask.apply(value);
    Ok(())
}

/// Writes a list of stats, reduced by a mask.
pub fn masked_list(mask: &str, stats: &[Stat]) -> Result<Vec<u8>, String> {
    let mask = Mask::parse(mask).map_err(|error| error.to_string())?;
    let mut written = Vec::new();
    let mut write = || {
        let mut list = ListWriter::bare(&mut written, &mask)?;
        stats.iter().try_for_each(|stat| list.stat(stat))?;
        list.end()
    };
    write().map_err(|error| error.to_string())?;
    Ok(written)
}

/// Writes rows of text as CSV.
pub fn csv(rows: &[Vec<&str>]) -> Result<Vec<u8>, String> {
    let rows = rows.iter();
    let rows = rows.map(|row| row.iter().map(|text| Field::from(*text)));
    crate::csv::csv(rows).map_err(|error| error.to_string())
}

/// What a request with some headers is thought to be.
#[derive(Debug, PartialEq, Eq)]
pub struct Seen {
    /// A link within the site.
    pub link: String,
    /// An absolute link.
    pub url: String,
    /// The address of the client.
    pub address: Option<IpAddr>,
    /// The code of the language of the reader.
    pub language: &'static str,
}

/// Reads headers. What cannot be a header is left out.
pub fn read_headers(headers: &[(&str, &str)], peer: SocketAddr, trusts_proxy: bool) -> Seen {
    let mut request = TestRequest::get().peer_addr(peer);
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes());
        let value = HeaderValue::from_bytes(value.as_bytes());
        if let (Ok(name), Ok(value)) = (name, value) {
            request = request.append_header((name, value));
        }
    }
    let request = request.to_http_request();
    let config = HttpConfig {
        trusts_proxy,
        ..HttpConfig::default()
    };
    let base = Base::new(&request, &config);
    Seen {
        link: base.link("/stats"),
        url: base.url("/stats"),
        address: address(&request, &config),
        language: language::accepted(&request).code(),
    }
}
