//! Makes releases, and reads their partials.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize};
use stats_core::{Client, Coordinates, DateRange, StatsFilter, StatsType};
use stats_db::{
    DayVersion, Db, DbError, NewRelease, PartialKind, Release, ReleasedDay, Scope, SharedTotals,
    Snapshot,
};
use stats_processors::{Accumulator, Disclosure, Registered, Registry};

use crate::{Month, MonthKey, Origin, Partials, PartialsError, kind, month, of_type};

/// The figures of a release that are not partials. Those that too few clients are behind are missing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// The number of active clients without admins.
    pub clients: Option<u64>,
    /// The number of analyses. This and the following count the days on which enough clients have stats of the type.
    pub analyses: Option<u64>,
    /// The number of stats of each type.
    pub stats: BTreeMap<StatsType, u64>,
    /// The first and the last of these days.
    pub dates: Option<(NaiveDate, NaiveDate)>,
    /// The latitude and longitude of active clients, ordered, so that the order does not tell who is where.
    places: Vec<(f64, f64)>,
}

impl Figures {
    fn new(totals: SharedTotals, clients: &[Client], min_clients: u64) -> Self {
        let active = clients
            .iter()
            .filter(|client| client.is_active && !client.is_excluded);
        let places = active.clone().filter_map(|client| client.coordinates);
        let mut places: Vec<_> = places.map(|at| (at.latitude(), at.longitude())).collect();
        places.sort_by(|(a, b), (c, d)| a.total_cmp(c).then(b.total_cmp(d)));
        let users = active.filter(|client| !client.is_admin()).count() as u64;
        Self {
            clients: (users >= min_clients).then_some(users),
            analyses: totals.dates.map(|_| totals.analyses),
            stats: totals.stats,
            dates: totals.dates,
            places,
        }
    }

    /// Those of a release.
    pub fn of(release: &Release) -> Result<Self, PartialsError> {
        serde_json::from_str(&release.figures).map_err(PartialsError::Figures)
    }

    /// Where active clients are.
    pub fn places(&self) -> impl Iterator<Item = Coordinates> {
        let places = self.places.iter();
        places.filter_map(|(latitude, longitude)| Coordinates::new(*latitude, *longitude).ok())
    }
}

/// How releases are made: with the partials of these processors and of the built-in ones, for which pages have pictures.
#[derive(Debug, Clone, Copy)]
pub struct Publisher<'a> {
    /// The processors.
    pub processors: &'a Registry,
    /// How many clients have to be behind each figure.
    pub min_clients: u64,
}

/// The end of [`Publisher::try_publish`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// There is a new release.
    Published,
    /// Another program has replaced the release meanwhile.
    Overtaken,
    /// Another server is making a release.
    Deferred,
}

impl Publisher<'_> {
    /// Whether a release can be shown: it withholds enough, and has the partials of all processors.
    pub fn accepts(&self, release: &Release) -> bool {
        let known: BTreeSet<_> = release.formats.split(' ').collect();
        release.min_clients >= self.min_clients
            && self
                .kinds()
                .iter()
                .all(|(_, kind)| known.contains(format_name(kind).as_str()))
    }

    /// Makes a release and replaces the current one. `today` is the first day that is not in it.
    pub fn publish(
        &self,
        db: &Db,
        partials: &Partials,
        today: NaiveDate,
    ) -> Result<(), PartialsError> {
        // Another program may publish meanwhile.
        while self.attempt(db, partials, today, |_| Ok(true))? != Attempt::Published {}
        Ok(())
    }

    /// Like [`Publisher::publish`], unless another server does the same at this time.
    pub fn try_publish(
        &self,
        db: &Db,
        partials: &Partials,
        today: NaiveDate,
    ) -> Result<Attempt, PartialsError> {
        self.attempt(db, partials, today, |snapshot| snapshot.try_lock_release())
    }

    fn attempt(
        &self,
        db: &Db,
        partials: &Partials,
        today: NaiveDate,
        is_admitted: impl FnOnce(&mut Snapshot<'_>) -> Result<bool, DbError>,
    ) -> Result<Attempt, PartialsError> {
        let kinds = self.kinds();
        let db = db.with_statement_timeout(None);
        let made = db.read(|snapshot| match is_admitted(snapshot)? {
            true => self.make(&kinds, partials, snapshot, today).map(Some),
            false => Ok::<_, PartialsError>(None),
        })?;
        let Some(made) = made else {
            return Ok(Attempt::Deferred);
        };
        let formats: BTreeSet<_> = kinds.iter().map(|(_, kind)| format_name(kind)).collect();
        let formats: Vec<_> = formats.into_iter().collect();
        let figures = serde_json::to_string(&made.figures).map_err(PartialsError::Figures)?;
        let kinds: Vec<_> = kinds.into_iter().map(|(_, kind)| kind).collect();
        let is_replaced = db.replace_release(&NewRelease {
            base: made.base.as_ref(),
            day: today,
            min_clients: self.min_clients,
            formats: &formats.join(" "),
            figures: &figures,
            kinds: &kinds,
            changed: &made.changed,
            removed: &made.removed,
        })?;
        Ok(match is_replaced {
            true => Attempt::Published,
            false => Attempt::Overtaken,
        })
    }

    /// The kinds of partials, each with a processor.
    fn kinds(&self) -> Vec<(Registered, PartialKind)> {
        let built_in = Registry::default();
        let mut kinds: Vec<(Registered, PartialKind)> = Vec::new();
        for processor in self.processors.iter().chain(built_in.iter()) {
            if let Some(kind) = kind(processor, processor.format, Scope::All)
                && kinds.iter().all(|(_, known)| *known != kind)
            {
                kinds.push((*processor, kind));
            }
        }
        kinds
    }

    fn make(
        &self,
        kinds: &[(Registered, PartialKind)],
        partials: &Partials,
        snapshot: &mut Snapshot<'_>,
        today: NaiveDate,
    ) -> Result<Made, PartialsError> {
        let base = snapshot.release()?;
        let is_comparable = base
            .as_ref()
            .is_some_and(|base| base.min_clients == self.min_clients);
        let has_other = !snapshot.is_all_local()?;
        let (mut changed, mut removed) = (Vec::new(), Vec::new());
        if let Some(last) = today.checked_sub_days(Days::new(1)) {
            let whole = DateRange::until(last);
            for (processor, kind) in kinds {
                let known = snapshot.released_days(*kind, whole, false)?;
                let known: BTreeSet<_> = known.into_iter().filter(|_| is_comparable).collect();
                let days = snapshot.day_versions(kind.stats_type, whole)?;
                let dates: BTreeSet<_> = days.iter().map(|day| day.date).collect();
                for day in days.into_iter().filter(|day| !known.contains(day)) {
                    let of_kind = (processor, *kind);
                    changed.push(self.disclose(partials, snapshot, of_kind, day, has_other)?);
                }
                let all = snapshot.released_days(*kind, DateRange::default(), true)?;
                let gone = all.into_iter().filter(|day| !dates.contains(&day.date));
                removed.extend(gone.map(|day| (*kind, day.date)));
            }
        }
        let totals = snapshot.shared_totals(today, self.min_clients)?;
        Ok(Made {
            base,
            figures: Figures::new(totals, &snapshot.clients()?, self.min_clients),
            changed,
            removed,
        })
    }

    /// What is published of a day. `has_other` is whether there are stats of other than local clients.
    fn disclose(
        &self,
        partials: &Partials,
        snapshot: &mut Snapshot<'_>,
        (processor, kind): (&Registered, PartialKind),
        day: DayVersion,
        has_other: bool,
    ) -> Result<ReleasedDay, PartialsError> {
        let filter = of_type(processor, DateRange::day(day.date));
        let local = StatsFilter {
            local_only: true,
            ..filter.clone()
        };
        let mut all = partials.accumulate(snapshot, processor, &filter)?;
        let mut published_local = None;
        if has_other {
            let mut local = partials.accumulate(snapshot, processor, &local)?;
            if local.to_json()? != all.to_json()? {
                local.withhold(&mut Disclosure::new(self.min_clients), Some(&all))?;
                published_local = Some(local.to_json()?);
            }
        }
        let mut disclosure = Disclosure::new(self.min_clients);
        all.withhold(&mut disclosure, None)?;
        Ok(ReleasedDay {
            kind,
            day,
            content: all.to_json()?,
            local: published_local,
            published: disclosure.published,
            withheld: disclosure.withheld,
        })
    }
}

/// A release, as it differs from another one.
struct Made {
    base: Option<Release>,
    figures: Figures,
    changed: Vec<ReleasedDay>,
    removed: Vec<(PartialKind, NaiveDate)>,
}

fn format_name(kind: &PartialKind) -> String {
    format!(
        "{}/{}:{}",
        kind.stats_type, kind.format, kind.format_version
    )
}

/// The days of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReleasedDates {
    /// Within a range.
    Within(DateRange),
    /// The newest one with a figure.
    Newest,
}

impl Partials {
    /// Merges the partials of a release, which has to be that of the snapshot. Fails with
    /// [`PartialsError::NotReleased`] if the partials of the processor cannot be stored.
    pub fn accumulate_released(
        &self,
        snapshot: &mut Snapshot<'_>,
        release: &Release,
        processor: &Registered,
        local_only: bool,
        dates: ReleasedDates,
    ) -> Result<Accumulator, PartialsError> {
        let scope = match local_only {
            true => Scope::Local,
            false => Scope::All,
        };
        let kind = kind(processor, processor.format, scope).ok_or(PartialsError::NotReleased)?;
        let dates = match dates {
            ReleasedDates::Within(dates) => dates,
            ReleasedDates::Newest => return newest(snapshot, processor, kind),
        };
        let mut total = processor.start();
        let days = snapshot.released_days(kind, dates, false)?;
        for days in days.chunk_by(|one, next| month(one.date) == month(next.date)) {
            let (Some(first), Some(last)) = (days.first(), days.last()) else {
                continue;
            };
            let key = MonthKey {
                origin: Origin::Release {
                    sequence: release.sequence,
                    made_at: release.made_at,
                },
                kind,
                first: first.date,
                last: last.date,
            };
            let released = self.month(&key, || {
                let dates = DateRange::new(key.first, key.last).unwrap_or_default();
                merge(snapshot, processor, kind, dates)
            })?;
            total.merge(&released.accumulator)?;
        }
        Ok(total)
    }
}

/// The partial of the newest day with a figure.
fn newest(
    snapshot: &mut Snapshot<'_>,
    processor: &Registered,
    kind: PartialKind,
) -> Result<Accumulator, PartialsError> {
    let days = snapshot.released_days(kind, DateRange::default(), false)?;
    for day in days.into_iter().rev() {
        let merged = merge(snapshot, processor, kind, DateRange::day(day.date))?;
        if !merged.accumulator.is_empty() {
            return Ok(merged.accumulator);
        }
    }
    Ok(processor.start())
}

fn merge(
    snapshot: &mut Snapshot<'_>,
    processor: &Registered,
    kind: PartialKind,
    dates: DateRange,
) -> Result<Month, PartialsError> {
    let mut merged = Month {
        accumulator: processor.start(),
        size: 0,
    };
    let mut result = Ok(());
    snapshot.for_each_released(kind, dates, &mut |json| {
        merged.size += json.len() as u64;
        if let Err(error) = merged.accumulator.merge_json(json) {
            result = Err(error);
        }
    })?;
    result?;
    Ok(merged)
}
