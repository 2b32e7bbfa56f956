//! The namespace `stats`: what front offices send, and get back as they sent it.

use std::collections::{BTreeSet, HashSet};
use std::io::{self, Write};
use std::ops::ControlFlow;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{ContentType, HeaderName};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use chrono::{Local, NaiveDate};
use serde::Serialize;
use stats_core::{
    AnalysisId, Client, ClientId, DateRange, Page, Stat, StatsFilter, StatsType, function_name,
    parse_batch,
};

use crate::answer::{AnswerWriter, blocking, stream_json};
use crate::app::{App, HttpConfig};
use crate::errors::ApiError;
use crate::mask::Mask;
use crate::openapi::schemas;
use crate::request::{Arguments, Call, Input, read_json_body, values};

/// Tells how many stats there are before paging.
const TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");
/// So many skipped stats of one batch are named in the log.
const NAMED_DUPLICATES: usize = 10;

/// A batch of stats, unread: it may be large, so that it is parsed where that does not hold up others.
pub(super) struct Batch(Vec<u8>);

impl Input for Batch {
    async fn read(
        request: &HttpRequest,
        payload: &mut Payload,
        config: &HttpConfig,
    ) -> Result<Self, ApiError> {
        Ok(Self(
            read_json_body(request, payload, config.max_body_bytes).await?,
        ))
    }
}

/// Stores stats
///
/// All of them or, where one is malformed, none.
#[utoipa::path(post, path = "/api/v1/stats/", operation_id = "create_stats", tag = "stats",
    request_body = Vec<schemas::NewStat>, responses(
    (status = 201, description = "What was stored", body = schemas::StatsList),
    (status = 207, description = "What was stored; the others were there already", body = schemas::StatsList),
))]
pub(super) async fn create(call: Call<Batch>) -> Result<HttpResponse, ApiError> {
    let Call {
        caller,
        app,
        mask,
        input: Batch(body),
    } = call;
    let (status, answer) = blocking(move || {
        let batch: Vec<Stat> = parse_batch(&body)?.into_iter().map(Stat::from).collect();
        drop(body);
        let skipped: HashSet<usize> = app
            .db
            .insert_stats(caller.id, &batch)?
            .into_iter()
            .collect();
        let (skipped, stored): (Vec<_>, Vec<_>) = batch
            .iter()
            .enumerate()
            .partition(|(position, _)| skipped.contains(position));
        log_duplicates(&skipped);
        app.metrics.count_stored(stored.len());
        let mut answer = Vec::new();
        let metadata = Metadata::new(stored.len() as u64, Page::default());
        let mut list = ListWriter::begin(&mut answer, &mask, Some(&metadata))?;
        for (_, stat) in stored {
            list.stat(stat)?;
        }
        list.end()?;
        let status = if skipped.is_empty() {
            StatusCode::CREATED
        } else {
            StatusCode::MULTI_STATUS
        };
        Ok((status, answer))
    })
    .await?;
    Ok(HttpResponse::build(status)
        .content_type(ContentType::json())
        .body(answer))
}

fn log_duplicates(skipped: &[(usize, &Stat)]) {
    for (_, stat) in skipped.iter().take(NAMED_DUPLICATES) {
        log::error!(function = function_name!(); "Duplicate stats: {}", stat.uuid);
    }
    if skipped.len() > NAMED_DUPLICATES {
        let more = skipped.len() - NAMED_DUPLICATES;
        log::error!(function = function_name!(); "Duplicate stats: {more} more");
    }
}

/// Which stats to list. All of it is optional.
pub(super) struct List {
    stats_type: Option<StatsType>,
    analyses: Option<BTreeSet<AnalysisId>>,
    date_from: Option<NaiveDate>,
    date_to: Option<NaiveDate>,
    get_last: bool,
    offset: u32,
    /// 0 for all.
    limit: u32,
}

impl Input for List {
    async fn read(
        request: &HttpRequest,
        payload: &mut Payload,
        _: &HttpConfig,
    ) -> Result<Self, ApiError> {
        Self::from_arguments(Arguments::read(request, payload).await?)
    }
}

impl List {
    fn from_arguments(mut arguments: Arguments) -> Result<Self, ApiError> {
        let stats_type = arguments.take("type", values::parsed);
        let analysis = arguments.take("anr", values::parsed);
        let analyses = arguments
            .take("anrs", values::analyses)
            .filter(|analyses| !analyses.is_empty());
        let date_from = arguments.take("date_from", values::date);
        let date_to = arguments.take("date_to", values::date);
        let get_last = arguments.take("get_last", values::boolean).unwrap_or(false);
        let offset = arguments.take("offset", values::number).unwrap_or(0);
        let limit = arguments.take("limit", values::number).unwrap_or(0);
        // MONARC may ask for it, and has always been given a flat list all the same.
        arguments.take("group_by_anr", values::boolean);
        let analyses = match (analysis, analyses) {
            (None, analyses) => analyses,
            (Some(analysis), analyses) => {
                let is_among = analyses.is_none_or(|analyses| analyses.contains(&analysis));
                Some(is_among.then_some(analysis).into_iter().collect())
            }
        };
        arguments.finish(|| {
            Some(Self {
                stats_type,
                analyses,
                date_from,
                date_to,
                get_last,
                offset,
                limit,
            })
        })
    }

    /// The filter for what it means on the day `today`.
    fn filter(self, owner: Option<ClientId>, today: NaiveDate) -> StatsFilter {
        let recent = DateRange::three_months_to(today);
        let dates = DateRange {
            from: self.date_from.unwrap_or(recent.from),
            to: self.date_to.unwrap_or(recent.to),
        };
        StatsFilter {
            owner,
            stats_type: self.stats_type,
            analyses: self.analyses,
            dates: if self.get_last {
                DateRange::default()
            } else {
                dates
            },
            local_only: false,
            newest_only: self.get_last,
            page: Page {
                offset: self.offset,
                limit: Some(self.limit).filter(|limit| *limit > 0),
            },
        }
    }
}

/// Whose stats a client sees: its own, or those of everybody.
fn visible_owner(caller: &Client) -> Option<ClientId> {
    (!caller.is_admin()).then_some(caller.id)
}

/// Lists stats
///
/// One's own; an admin sees those of all clients.
#[utoipa::path(get, path = "/api/v1/stats/", operation_id = "list_stats", tag = "stats",
    params(schemas::ListQuery), responses(
    (status = 200, description = "The stats, by date and then by id", body = schemas::StatsList,
        headers(("X-Total-Count" = u64, description = "How many there are before paging"))),
))]
pub(super) async fn list(call: Call<List>) -> Result<HttpResponse, ApiError> {
    let Call {
        caller,
        app,
        mask,
        input,
    } = call;
    let filter = input.filter(visible_owner(&caller), Local::now().date_naive());
    send_stats(caller.id, app, mask, filter, Shape::WithMetadata).await
}

/// The analysis in the path.
pub(super) struct OfAnalysis(AnalysisId);

impl Input for OfAnalysis {
    async fn read(
        request: &HttpRequest,
        _: &mut Payload,
        _: &HttpConfig,
    ) -> Result<Self, ApiError> {
        let analysis = request.match_info().query("anr");
        analysis
            .parse()
            .map(Self)
            .map_err(|error| ApiError::field("anr", error))
    }
}

/// Lists the stats of one analysis
#[utoipa::path(get, path = "/api/v1/stats/{anr}", operation_id = "get_stats", tag = "stats",
    params(("anr" = Uuid, Path, description = "The analysis")), responses(
    (status = 200, description = "The stats, by date and then by id", body = [schemas::Stat],
        headers(("X-Total-Count" = u64, description = "How many there are"))),
    (status = 404, description = "There are none that the client may see", body = schemas::Failure),
))]
pub(super) async fn list_analysis(call: Call<OfAnalysis>) -> Result<HttpResponse, ApiError> {
    let Call {
        caller,
        app,
        mask,
        input: OfAnalysis(analysis),
    } = call;
    let filter = StatsFilter {
        owner: visible_owner(&caller),
        analyses: Some(BTreeSet::from([analysis])),
        ..StatsFilter::default()
    };
    send_stats(caller.id, app, mask, filter, Shape::Bare).await
}

/// Deletes one's own stats of one analysis
///
/// Nobody deletes the stats of another client, not even an admin. MONARC takes anything but 204 for a failure, so that
/// deleting nothing is fine.
#[utoipa::path(delete, path = "/api/v1/stats/{anr}", operation_id = "delete_stats", tag = "stats",
    params(("anr" = Uuid, Path, description = "The analysis")), responses(
    (status = 204, description = "There are none any more"),
))]
pub(super) async fn delete_analysis(call: Call<OfAnalysis>) -> Result<HttpResponse, ApiError> {
    let Call {
        caller,
        app,
        input: OfAnalysis(analysis),
        ..
    } = call;
    blocking(move || Ok(app.db.delete_stats(caller.id, analysis)?)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// How a list is wrapped.
#[derive(Clone, Copy, PartialEq)]
enum Shape {
    /// `{"metadata": {…}, "data": […]}`
    WithMetadata,
    /// `[…]`
    Bare,
}

/// Answers a client with what `mask` keeps of the stats that `filter` lets through, when it is its turn.
async fn send_stats(
    reader: ClientId,
    app: Data<App>,
    mask: Mask,
    filter: StatsFilter,
    shape: Shape,
) -> Result<HttpResponse, ApiError> {
    let limits = app.config.limits.clone();
    let turn = app.list_turns.wait(reader, &limits).await?;
    stream_json(&limits, mask, move |answer, mask| {
        let _until_sent = turn;
        write_stats(answer, mask, &app, &filter, shape)
    })
    .await
}

/// Writes what `mask` keeps of the stats that `filter` lets through, as the database gives them.
fn write_stats(
    answer: &mut AnswerWriter,
    mask: &Mask,
    app: &App,
    filter: &StatsFilter,
    shape: Shape,
) -> Result<(), ApiError> {
    app.db.read(|snapshot| {
        let total = snapshot.count_stats(filter)?;
        if total == 0 && shape == Shape::Bare {
            return Err(ApiError::NoStats);
        }
        answer.header(TOTAL_COUNT, total);
        let metadata = Metadata::new(filter.page.count(total), filter.page);
        let metadata = (shape == Shape::WithMetadata).then_some(&metadata);
        let mut list = ListWriter::begin(answer, mask, metadata)?;
        if list.mask.is_none() {
            return Ok(list.end()?);
        }
        let mut written = Ok(());
        snapshot.for_each_stat(filter, |stat| {
            written = list.stat(&stat);
            if written.is_ok() {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        })?;
        written?;
        Ok(list.end()?)
    })
}

/// What the API tells about a list, as strings.
#[derive(Serialize)]
struct Metadata {
    count: String,
    offset: String,
    limit: String,
}

impl Metadata {
    fn new(count: u64, Page { offset, limit }: Page) -> Self {
        Self {
            count: count.to_string(),
            offset: offset.to_string(),
            limit: limit.unwrap_or(0).to_string(),
        }
    }
}

/// Writes a list of stats as JSON, one by one. Where all of a stat is wanted, its document is passed through as it is.
struct ListWriter<'m, W> {
    out: W,
    /// That of a stat; `None` where no stats are wanted.
    mask: Option<&'m Mask>,
    separator: &'static str,
    end: &'static str,
}

impl<'m, W: Write> ListWriter<'m, W> {
    /// Begins a list, with metadata or bare.
    fn begin(mut out: W, mask: &'m Mask, metadata: Option<&Metadata>) -> io::Result<Self> {
        let (stats, end) = match metadata {
            None => (Some(mask), "]"),
            Some(metadata) => {
                out.write_all(b"{")?;
                let (kept, stats) = (mask.of("metadata"), mask.of("data"));
                if let Some(mask) = kept {
                    out.write_all(br#""metadata":"#)?;
                    serde_json::to_writer(&mut out, &mask.apply(metadata))?;
                }
                if stats.is_some() {
                    let separator = if kept.is_some() { "," } else { "" };
                    write!(out, r#"{separator}"data":"#)?;
                }
                (stats, if stats.is_some() { "]}" } else { "}" })
            }
        };
        if stats.is_some() {
            out.write_all(b"[")?;
        }
        Ok(Self {
            out,
            mask: stats,
            separator: "",
            end,
        })
    }

    fn stat(&mut self, stat: &Stat) -> io::Result<()> {
        let Some(mask) = self.mask else {
            return Ok(());
        };
        self.out.write_all(self.separator.as_bytes())?;
        self.separator = ",";
        if *mask != Mask::All {
            return Ok(serde_json::to_writer(&mut self.out, &mask.apply(stat))?);
        }
        stat.write_json(&mut self.out)
    }

    fn end(mut self) -> io::Result<()> {
        self.out.write_all(self.end.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use stats_core::{MAX_DATE, MIN_DATE, RawJson, StatId};

    use super::*;

    #[test]
    fn a_list_is_the_json_of_its_stats() {
        let stats = ["[]", r#"{"a": [1.50, "é"]}"#].map(|data| Stat {
            uuid: StatId::random(),
            analysis: AnalysisId::random(),
            stats_type: StatsType::Risk,
            date: MIN_DATE,
            data: RawJson::parse(data).unwrap(),
        });
        let write_masked = |mask: &str, stats: &[Stat], metadata: Option<&Metadata>| {
            let mask = Mask::parse(mask).unwrap();
            let mut out = Vec::new();
            let mut list = ListWriter::begin(&mut out, &mask, metadata).unwrap();
            stats.iter().for_each(|stat| list.stat(stat).unwrap());
            list.end().unwrap();
            serde_json::from_slice::<Value>(&out).unwrap()
        };
        let write = |stats: &[Stat], metadata| write_masked("", stats, metadata);
        assert_eq!(write(&stats, None), serde_json::to_value(&stats).unwrap());
        assert_eq!(write(&[], None), json!([]));
        let page = Page {
            offset: 3,
            limit: Some(2),
        };
        let metadata = Metadata::new(2, page);
        let whole = write(&stats, Some(&metadata));
        assert_eq!(
            whole,
            json!({"metadata": {"count": "2", "offset": "3", "limit": "2"}, "data": stats})
        );
        for mask in [
            "metadata,data{uuid}",
            "data",
            "metadata{count}",
            "x",
            "data{data{a},date},*",
        ] {
            let expected = serde_json::to_value(Mask::parse(mask).unwrap().apply(&whole)).unwrap();
            assert_eq!(
                write_masked(mask, &stats, Some(&metadata)),
                expected,
                "{mask}"
            );
        }
    }

    #[test]
    fn one_analysis_and_several_narrow_each_other() {
        let (a, b) = (AnalysisId::random(), AnalysisId::random());
        let analyses = |arguments: Value| {
            List::from_arguments(Arguments::of(arguments))
                .unwrap()
                .analyses
        };
        assert_eq!(analyses(json!({})), None);
        assert_eq!(analyses(json!({"anrs": []})), None);
        assert_eq!(analyses(json!({"anr": a})), Some(BTreeSet::from([a])));
        assert_eq!(
            analyses(json!({"anrs": [a, b]})),
            Some(BTreeSet::from([a, b]))
        );
        assert_eq!(
            analyses(json!({"anr": a, "anrs": [a, b]})),
            Some(BTreeSet::from([a]))
        );
        assert_eq!(
            analyses(json!({"anr": a, "anrs": [b]})),
            Some(BTreeSet::new())
        );
    }

    #[test]
    fn without_dates_the_last_three_months_count() {
        let today: NaiveDate = "2026-05-31".parse().unwrap();
        let dates = |arguments: Value| {
            let list = List::from_arguments(Arguments::of(arguments)).unwrap();
            let range = list.filter(None, today).dates;
            (range.from.to_string(), range.to.to_string())
        };
        let range = |from: &str, to: &str| (from.to_owned(), to.to_owned());
        assert_eq!(dates(json!({})), range("2026-02-28", "2026-05-31"));
        assert_eq!(
            dates(json!({"date_from": "2020-01-01"})),
            range("2020-01-01", "2026-05-31")
        );
        assert_eq!(
            dates(json!({"date_to": "2026-04-01T10:00:00Z"})),
            range("2026-02-28", "2026-04-01")
        );
        let everything = range(&MIN_DATE.to_string(), &MAX_DATE.to_string());
        assert_eq!(
            dates(json!({"get_last": 1, "date_from": "2026-01-01"})),
            everything
        );
    }
}
