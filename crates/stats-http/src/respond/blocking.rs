use actix_web::rt::task::spawn_blocking;
use actix_web::web::{Bytes, Data};
use stats_db::{Cancel, Db, DbError};
use tokio::time::timeout;

use crate::answers::{AnswerKey, Basis};
use crate::errors::ApiError;
use crate::state::App;
use crate::turns::{Party, Turn};

/// Runs `work` on a blocking thread. When the client hangs up, the database statements of `work` are cancelled. Fails
/// with [`ApiError::Unavailable`] after [`Limits::work_timeout`](crate::limits::Limits::work_timeout).
pub(crate) async fn blocking<T: Send + 'static>(
    app: &App,
    work: impl FnOnce(&Db) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    run(app, None, work).await
}

/// Like [`blocking`], for expensive work: first waits for the turn of `party`.
async fn process<T: Send + 'static>(
    app: &App,
    party: Party,
    work: impl FnOnce(&Db) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let turn = app.processing.take(party, 1).await?;
    run(app, Some(turn), work).await
}

/// Returns the answer to `question` for the current stats: from the cache, or what `compute` returns, after waiting for
/// the turn of `party`. The question must have all that the answer depends on besides the stats.
pub(crate) async fn cached(
    app: &Data<App>,
    party: Party,
    question: String,
    compute: impl FnOnce(&App, &Db) -> Result<Bytes, ApiError> + Send + 'static,
) -> Result<Bytes, ApiError> {
    // Their state is read before the stats, so the answer is at least as new as it says.
    let changes = blocking(app, |db| Ok(db.changes()?)).await?;
    cached_of(app, party, question, Basis::Stats(changes), compute).await
}

/// Like [`cached`] for what is computed from `basis`.
pub(crate) async fn cached_of(
    app: &Data<App>,
    party: Party,
    question: String,
    basis: Basis,
    compute: impl FnOnce(&App, &Db) -> Result<Bytes, ApiError> + Send + 'static,
) -> Result<Bytes, ApiError> {
    let key = AnswerKey { question, basis };
    let cached = app.answers.get(&key);
    app.metrics.count_answer(cached.is_some());
    if let Some(answer) = cached {
        return Ok(answer);
    }
    let state = app.clone();
    process(app, party, move |db| {
        let compute = || compute(&state, db);
        state.answers.get_or_insert_with(&key, compute)
    })
    .await
}

/// Runs `work` of no request on a blocking thread, as long as it takes. The database statements of `work` are cancelled when
/// the server stops.
pub(crate) async fn background<T: Send + 'static, E: From<DbError> + Send + 'static>(
    app: &App,
    work: impl FnOnce(&Db) -> Result<T, E> + Send + 'static,
) -> Result<T, E> {
    let guard = CancelOnDrop::default();
    let db = app.db.cancelled_by(&guard.0);
    let result = spawn_blocking(move || work(&db)).await;
    // It panicked, or the server stops.
    result.unwrap_or_else(|_| Err(DbError::Cancelled.into()))
}

async fn run<T: Send + 'static>(
    app: &App,
    turn: Option<Turn>,
    work: impl FnOnce(&Db) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let guard = CancelOnDrop::default();
    let db = app.db.cancelled_by(&guard.0);
    // Hold the turn until the work ends: cancelled work may run on for a moment.
    let task = spawn_blocking(move || {
        let result = work(&db);
        drop(turn);
        result
    });
    let result = timeout(app.config.limits.work_timeout, task).await;
    let result = result.map_err(|_| ApiError::Unavailable("the work took too long".into()))?;
    result.map_err(ApiError::internal)?
}

/// Cancels work when dropped. actix-web drops the future of a request when the client hangs up.
#[derive(Default)]
pub(super) struct CancelOnDrop(pub(super) Cancel);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}
