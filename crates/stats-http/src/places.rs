//! The clients on the map.

use chrono::{Days, Utc};
use stats_core::{ClientId, Coordinates, DateRange, StatsFilter, last_acceptable_date};
use stats_db::{Release, Snapshot};
use stats_partials::{Figures, PartialsError};
use stats_processors::{
    Labels, ObjectPartial, Registered, ThreatAverageOnDate, View, VulnerabilityAverageOnDate,
};
use uuid::Uuid;

use crate::state::App;

/// A client with coordinates.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Place {
    pub(crate) coordinates: Coordinates,
    /// From its stats about threats and vulnerabilities. A release has no figures of single clients.
    pub(crate) most_frequent: Option<[MostFrequent; 2]>,
}

/// The threat or vulnerability with the highest mean count in the stats of a client.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct MostFrequent {
    pub(crate) object: Uuid,
    /// Its labels in these stats.
    pub(crate) labels: Labels,
    /// The mean over the stats with the object.
    pub(crate) count: f64,
    /// The number of analyses with the object, on the day with the most of them.
    pub(crate) analyses: u64,
}

/// How many days count, up to the day of the client's newest stats: a client that went silent stays on the map.
const DAYS: u64 = 7;

/// Returns the places of a release.
pub(crate) fn released_places(release: &Release) -> Result<Vec<Place>, PartialsError> {
    let figures = Figures::of(release)?;
    let places = figures.places().map(|coordinates| Place {
        coordinates,
        most_frequent: None,
    });
    Ok(places.collect())
}

/// Returns the clients on the map, which have stats about threats and vulnerabilities, in the order of their creation.
pub(crate) fn places(app: &App, snapshot: &mut Snapshot<'_>) -> Result<Vec<Place>, PartialsError> {
    let threats = Registered::extracted::<ThreatAverageOnDate>();
    let vulnerabilities = Registered::extracted::<VulnerabilityAverageOnDate>();
    let mut places = Vec::new();
    for client in snapshot.clients()? {
        let Some(coordinates) = client.coordinates.filter(|_| !client.is_excluded) else {
            continue;
        };
        let threat = most_frequent(app, snapshot, client.id, &threats)?;
        let vulnerability = most_frequent(app, snapshot, client.id, &vulnerabilities)?;
        if let Some((threat, vulnerability)) = threat.zip(vulnerability) {
            places.push(Place {
                coordinates,
                most_frequent: Some([threat, vulnerability]),
            });
        }
    }
    Ok(places)
}

fn most_frequent(
    app: &App,
    snapshot: &mut Snapshot<'_>,
    owner: ClientId,
    processor: &Registered,
) -> Result<Option<MostFrequent>, PartialsError> {
    let filter = StatsFilter {
        owner: Some(owner),
        stats_type: Some(processor.stats_type),
        // Earlier versions accepted stats of later dates.
        dates: DateRange::until(last_acceptable_date(Utc::now())),
        ..StatsFilter::default()
    };
    let Some(newest) = snapshot.newest_date(&filter)? else {
        return Ok(None);
    };
    let first = newest.checked_sub_days(Days::new(DAYS - 1));
    let dates = first.and_then(|first| DateRange::new(first, newest).ok());
    let filter = StatsFilter {
        dates: dates.unwrap_or(DateRange::until(newest)),
        ..filter
    };
    let accumulator = app.partials.accumulate(snapshot, processor, &filter)?;
    let partial: ObjectPartial = accumulator.into_partial()?;
    let most_frequent = partial.top(1, View::default()).into_iter().next();
    Ok(most_frequent.and_then(|top| {
        Some(MostFrequent {
            object: top.object,
            labels: top.labels,
            count: top.overall.count.value()?,
            analyses: top.overall.count.analyses(),
        })
    }))
}
