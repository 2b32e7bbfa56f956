//! Keeps the release of today, which the public statistics are if several clients have to be behind each figure.

use std::time::Duration;

use actix_web::web::{Bytes, Data};
use chrono::{Local, NaiveDate};
use stats_core::WithCauses;
use stats_db::{Db, DbError, Release, Snapshot};
use stats_partials::{Attempt, PartialsError, Publisher};
use stats_processors::Precision;
use tokio::time::{sleep, timeout};

use crate::errors::ApiError;
use crate::function_name::function_name;
use crate::respond::{background, blocking, cached_of};
use crate::state::App;
use crate::turns::Party;

/// How often the server looks whether a release is due. All servers of a database look; one makes it.
const PERIOD: Duration = Duration::from_secs(30);

impl App {
    /// Whether the public statistics are a release.
    pub(crate) fn has_releases(&self) -> bool {
        self.config.public_min_clients > 1
    }

    /// The digits of public means.
    pub(crate) fn public_precision(&self) -> Precision {
        match self.has_releases() {
            true => Precision::Rounded,
            false => Precision::Full,
        }
    }

    fn publisher(&self) -> Publisher<'_> {
        Publisher {
            processors: &self.processors,
            min_clients: self.config.public_min_clients,
        }
    }
}

fn unavailable() -> ApiError {
    ApiError::Unavailable("the public statistics are being prepared".into())
}

/// Returns the answer to `question` for the current release: from the cache, or what `compute` returns, after waiting for the
/// turn of `party`. The question must have all that the answer depends on besides the release. Fails with
/// [`ApiError::Unavailable`] if there is no release yet.
pub(crate) async fn cached_release(
    app: &Data<App>,
    party: Party,
    question: String,
    compute: impl Fn(&App, &mut Snapshot<'_>, Release) -> Result<Bytes, ApiError> + Send + 'static,
) -> Result<Bytes, ApiError> {
    let release = current(app).await?;
    cached_of(app, party, question, (&release).into(), move |app, db| {
        db.read_replica(|snapshot| {
            // It may be newer by now.
            let release = snapshot.release()?;
            let release = release.filter(|release| app.publisher().accepts(release));
            compute(app, snapshot, release.ok_or_else(unavailable)?)
        })
    })
    .await
}

/// The release to show.
async fn current(app: &Data<App>) -> Result<Release, ApiError> {
    let mut start = app.has_looked.subscribe();
    let started = start.wait_for(|has_looked| *has_looked);
    let started = timeout(app.config.limits.turn_timeout, started).await;
    drop(
        started
            .map_err(|_| unavailable())?
            .map_err(ApiError::internal)?,
    );
    let release = blocking(app, |db| Ok(db.release()?)).await?;
    let release = release.filter(|release| app.publisher().accepts(release));
    release.ok_or_else(unavailable)
}

/// Makes a release when the server starts without one of today, and after midnight. If that fails, the release before
/// stays, and it is tried again.
pub(crate) async fn keep(app: Data<App>) {
    let mut has_looked = false;
    loop {
        let today = Local::now().date_naive();
        let state = app.clone();
        let looked = background(&app, move |db| {
            publish_if_due(&state, db, today, has_looked)
        });
        let mut is_deferred = false;
        match looked.await {
            Ok(Look::NotDue) => {}
            Ok(Look::Deferred) => is_deferred = true,
            Ok(Look::Published(release)) => log::info!(
                function = function_name!();
                "Published release {}: stats before {}, each figure of at least {} clients",
                release.sequence, release.day, release.min_clients
            ),
            // stats-db has logged it.
            Err(PartialsError::Db(DbError::Away { .. })) => {}
            Err(error) => log::error!(
                function = function_name!();
                "The public statistics are not renewed: {}", WithCauses(&error)
            ),
        }
        has_looked |= !is_deferred;
        app.has_looked.send_replace(true);
        sleep(PERIOD).await;
    }
}

/// What the server found when it looked whether a release is due.
enum Look {
    NotDue,
    /// Another server is making it.
    Deferred,
    Published(Release),
}

/// Makes a release if that is due.
fn publish_if_due(
    app: &App,
    db: &Db,
    today: NaiveDate,
    has_looked: bool,
) -> Result<Look, PartialsError> {
    let publisher = app.publisher();
    let is_due = |release: &Release| {
        // The setting may be lower than before the start. Later, another server may have a higher one.
        let is_other = !has_looked && release.min_clients != publisher.min_clients;
        release.day < today || is_other || !publisher.accepts(release)
    };
    if !db.release()?.as_ref().is_none_or(is_due) {
        return Ok(Look::NotDue);
    }
    Ok(match publisher.try_publish(db, &app.partials, today)? {
        Attempt::Published => db.release()?.map_or(Look::NotDue, Look::Published),
        Attempt::Overtaken => Look::NotDue,
        Attempt::Deferred => Look::Deferred,
    })
}
