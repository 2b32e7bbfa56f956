//! `POST stats/`: store stats.

use std::collections::HashSet;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use chrono::Utc;
use stats_core::{Page, Stat, last_acceptable_date, parse_batch};
use stats_db::{SkipReason, Skipped};
use tokio::time::timeout;

use super::stats_json::{ListWriter, Metadata};
use super::{documents, schema};
use crate::errors::ApiError;
use crate::extract::{Authenticated, Body};
use crate::function_name::function_name;
use crate::respond::stream_json;

/// Maximum number of skipped stats of a batch that are logged one by one.
const NAMED_SKIPPED: usize = 10;

/// Store stats
///
/// If one stat is malformed, none is stored. Stats whose id is stored already are skipped, and so are stats that the client
/// deleted.
#[utoipa::path(post, path = "/api/v1/stats/", operation_id = "create_stats", tag = "stats",
    request_body(content = Vec<schema::NewStat>, example = json!(documents::batch())), responses(
    (status = 201, description = "The stats that were stored", body = schema::StatsList,
        example = json!(documents::list())),
    (status = 207, description = "The stats that were stored; the others were stored already, or the client deleted them", body = schema::StatsList),
))]
pub(super) async fn create(request: Authenticated<Body>) -> Result<HttpResponse, ApiError> {
    let Authenticated {
        client,
        app,
        mask,
        input: body,
        ..
    } = request;
    let state = app.clone();
    let stored = stream_json(&app, StatusCode::CREATED, move |db, answer| {
        let batch = parse_batch(&body.bytes, last_acceptable_date(Utc::now()))?;
        let batch: Vec<Stat> = batch.into_iter().map(Stat::from).collect();
        let skipped = db.insert_stats(client.id, &batch)?;
        log_skipped(&batch, &skipped);
        let skipped: HashSet<usize> = skipped.iter().map(|skipped| skipped.position).collect();
        let stored: Vec<_> = (0..)
            .zip(&batch)
            .filter(|(position, _)| !skipped.contains(position))
            .collect();
        state.metrics.count_stored(stored.len());
        if !skipped.is_empty() {
            answer.status(StatusCode::MULTI_STATUS);
        }
        let metadata = Metadata::new(stored.len() as u64, Page::default());
        let mut list = ListWriter::with_metadata(answer, &mask, &metadata)?;
        for (_, stat) in stored {
            list.stat(stat)?;
        }
        list.end()?;
        // Hold the reservation of the body until here: the batch uses memory until the answer is written.
        drop(body);
        Ok(())
    });
    // A commit that waits for a standby has no limit of its own.
    let stored = timeout(app.config.limits.work_timeout, stored).await;
    stored.map_err(|_| ApiError::Unavailable("storing the stats took too long".into()))?
}

fn log_skipped(batch: &[Stat], skipped: &[Skipped]) {
    for (reason, what) in [
        (SkipReason::Stored, "Duplicate stats"),
        (SkipReason::Deleted, "Stats that the client deleted before"),
    ] {
        let skipped = skipped.iter().filter(|skipped| skipped.reason == reason);
        let stats: Vec<&Stat> = skipped
            .filter_map(|skipped| batch.get(skipped.position))
            .collect();
        for stat in stats.iter().take(NAMED_SKIPPED) {
            log::error!(function = function_name!(); "{what}: {}", stat.uuid);
        }
        if stats.len() > NAMED_SKIPPED {
            let more = stats.len() - NAMED_SKIPPED;
            log::error!(function = function_name!(); "{what}: {more} more");
        }
    }
}
