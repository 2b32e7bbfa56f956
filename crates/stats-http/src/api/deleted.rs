//! `POST stats/deleted/`: delete single stats, which an instance does for its front offices.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::Serialize;
use stats_core::parse_deletions;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::errors::ApiError;
use crate::extract::{Authenticated, Body};
use crate::respond::{blocking, json};

/// Maximum number of deletions in a request. They are one transaction.
const MAX_DELETIONS: usize = 5_000;

/// A stat that its client deleted.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "for the specification; stats-core parses deletions"
)]
pub(super) struct Deletion {
    /// The id of the stat.
    uuid: Uuid,
    /// When it was deleted; in UTC if it has no offset.
    deleted_at: DateTime<Utc>,
}

/// How many stats were deleted.
#[derive(Serialize, ToSchema)]
pub(super) struct Deleted {
    deleted: usize,
}

/// Delete the client's own stats by their ids
///
/// The service remembers the ids and refuses these stats if the client posts them again, also those that it did not have.
/// Stats of other clients are as if they were not there. A request can be repeated. At most 5000 deletions.
#[utoipa::path(post, path = "/api/v1/stats/deleted/", operation_id = "delete_stats_by_id", tag = "stats",
    request_body = Vec<Deletion>, responses(
    (status = 200, description = "The number of stats that were deleted", body = Deleted),
))]
pub(super) async fn delete(request: Authenticated<Body>) -> Result<HttpResponse, ApiError> {
    let Authenticated {
        client,
        app,
        mask,
        input: body,
        ..
    } = request;
    let deleted = blocking(&app, move |db| {
        let deletions = parse_deletions(&body.bytes, MAX_DELETIONS)?;
        let deleted = db.delete_by_ids(client.id, &deletions)?;
        // Hold the reservation of the body until here.
        drop(body);
        Ok(deleted)
    })
    .await?;
    json(StatusCode::OK, &mask, &Deleted { deleted })
}
