use std::ops::RangeInclusive;

use chrono::{Days, NaiveDate};
use stats_core::NewStat;

use crate::analysis::{Course, Sample};
use crate::incident::Incident;

/// What happens to several front offices in some months. Days count from 0.
///
/// They join one after the other and treat their risks; an incident strikes many of their analyses; some of them send
/// nothing for a while, or nothing any more. Some labels of their stats are empty, but no object is without a label.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Story {
    sample: Sample,
    /// The number of days.
    pub days: u32,
    /// The front offices, in the order in which they join.
    pub offices: &'static [Office],
    /// The incident.
    pub incident: Incident,
}

/// A made-up front office of a [`Story`].
#[derive(Debug, Clone, PartialEq)]
pub struct Office {
    /// Its name, unique in the story.
    pub name: &'static str,
    /// Its latitude, in degrees north.
    pub latitude: f64,
    /// Its longitude, in degrees east.
    pub longitude: f64,
    /// The number of its analyses.
    pub analyses: u32,
    /// The day of its first stats.
    pub joins: u32,
    /// The number of days, after it has joined, in which it treats its risks and improves its controls.
    pub treatment_days: u32,
    /// The days on which it sends nothing.
    pub absences: &'static [RangeInclusive<u32>],
    /// Whether its analyses have all referentials of the catalogue, rather than the first one only.
    pub has_all_referentials: bool,
}

impl Story {
    /// Half a year of twelve front offices in Europe and overseas.
    ///
    /// The incident begins after two thirds, with the threat *Ransomware*. One of the front offices that it strikes falls
    /// silent, and another one misses some days now and then.
    pub const HALF_YEAR: Self = Self {
        // Chosen for the look of the charts.
        sample: Sample::new(20),
        days: 183,
        offices: &OFFICES,
        incident: Incident {
            threat: 1,
            first_day: 122,
            days: 54,
        },
    };

    /// Returns each front office with its stats, day by day, of which the last ones have the date `last_day`.
    pub fn told(
        self,
        last_day: NaiveDate,
    ) -> impl Iterator<Item = (&'static Office, Vec<NewStat>)> {
        let mut indices = 0..;
        let offices = self.offices.iter();
        offices.map(move |office| {
            let course = Course {
                start: self.date(office.joins, last_day),
                treatment_days: office.treatment_days,
                has_all_referentials: office.has_all_referentials,
                incident: (self.incident, self.date(self.incident.first_day, last_day)),
            };
            let indices = indices.by_ref().take(office.analyses as usize);
            let analyses = indices.map(|index| self.sample.analysis_in_story(index, &course));
            let analyses: Vec<_> = analyses.collect();
            let present = (office.joins..self.days).filter(|day| !office.is_absent(*day));
            let dates = present.map(|day| self.date(day, last_day));
            let stats = dates.flat_map(|date| {
                let analyses = analyses.iter();
                analyses.flat_map(move |analysis| analysis.stats_on(date))
            });
            (office, stats.collect())
        })
    }

    /// The date of a day if the story ends on `last_day`.
    pub fn date(self, day: u32, last_day: NaiveDate) -> NaiveDate {
        let days_before_the_end = self.days.saturating_sub(1).saturating_sub(day);
        last_day - Days::new(days_before_the_end.into())
    }
}

impl Office {
    /// Whether it sends nothing on a day.
    fn is_absent(&self, day: u32) -> bool {
        self.absences.iter().any(|days| days.contains(&day))
    }
}

/// An ordinary front office: the other ones say how they differ.
const OFFICE: Office = Office {
    name: "",
    latitude: 0.0,
    longitude: 0.0,
    analyses: 1,
    joins: 0,
    treatment_days: 200,
    absences: &[],
    has_all_referentials: false,
};

static OFFICES: [Office; 12] = [
    Office {
        name: "Clinic of the North",
        latitude: 50.05,
        longitude: 6.02,
        analyses: 2,
        treatment_days: 150,
        ..OFFICE
    },
    Office {
        name: "City Hall",
        latitude: 49.611,
        longitude: 6.13,
        analyses: 3,
        has_all_referentials: true,
        ..OFFICE
    },
    Office {
        name: "Steelworks",
        latitude: 49.49,
        longitude: 5.98,
        ..OFFICE
    },
    Office {
        name: "Moselle Bank",
        latitude: 49.615,
        longitude: 6.14,
        analyses: 2,
        joins: 11,
        treatment_days: 120,
        has_all_referentials: true,
        ..OFFICE
    },
    Office {
        name: "Ardennes Tramways",
        latitude: 49.6,
        longitude: 6.12,
        joins: 23,
        ..OFFICE
    },
    Office {
        name: "Scheldt Shipping",
        latitude: 51.22,
        longitude: 4.4,
        analyses: 2,
        joins: 37,
        // Silent from soon after the incident until the end.
        absences: &[129..=u32::MAX],
        ..OFFICE
    },
    Office {
        name: "Hôpital des Trois Frontières",
        latitude: 49.12,
        longitude: 6.18,
        analyses: 2,
        joins: 48,
        treatment_days: 160,
        // A failing scheduler.
        absences: &[63..=65, 80..=80, 97..=103, 151..=153],
        ..OFFICE
    },
    Office {
        name: "Rheinufer Versicherung",
        latitude: 50.94,
        longitude: 6.96,
        analyses: 2,
        joins: 62,
        has_all_referentials: true,
        ..OFFICE
    },
    Office {
        name: "Waterschap Polderland",
        latitude: 52.09,
        longitude: 5.12,
        joins: 74,
        ..OFFICE
    },
    Office {
        name: "Isar Chemicals",
        latitude: 48.14,
        longitude: 11.58,
        joins: 88,
        // Its plans are slow to become measures.
        treatment_days: 400,
        ..OFFICE
    },
    Office {
        name: "Alpine Railways",
        latitude: 46.95,
        longitude: 7.45,
        analyses: 2,
        joins: 99,
        ..OFFICE
    },
    Office {
        name: "Maple Logistics",
        latitude: 45.5,
        longitude: -73.57,
        joins: 113,
        ..OFFICE
    },
];
