//! The pictures, each drawn from stats and a reader's choices.

mod activity;
mod compliance;
mod map;
mod matrices;
mod objects;
mod reports;
mod risks;

use stats_charts::{Caption, Chart, Controls, Label, Lines, NumberForm, Series};
use stats_processors::{Labels, Language, View};
use uuid::Uuid;

use self::reports::Reports;
use super::figure::{Entry, Figure, Table};
use super::options::Options;
use super::site::Site;
use super::source::{Edition, Objects, Source};
use super::translation::text;
use crate::config::Routes;
use crate::errors::ApiError;
use crate::names;
use crate::period::Days;

pub(super) use compliance::referentials;

/// A kind of picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Picture {
    /// Current and residual risks by level.
    Risks,
    /// The same over time.
    RisksOverTime,
    /// Threats or vulnerabilities by a measure.
    Objects(Objects),
    /// The same over time.
    ObjectsOverTime(Objects),
    /// A risk matrix.
    Cartography,
    /// The compliance with a referential.
    Compliance,
    /// Where clients are.
    Map,
    /// How many analyses reported.
    Activity,
}

impl Picture {
    const ALL: [Self; 10] = [
        Self::Risks,
        Self::RisksOverTime,
        Self::Objects(Objects::Threats),
        Self::ObjectsOverTime(Objects::Threats),
        Self::Objects(Objects::Vulnerabilities),
        Self::ObjectsOverTime(Objects::Vulnerabilities),
        Self::Cartography,
        Self::Compliance,
        Self::Map,
        Self::Activity,
    ];

    /// Finds a picture by its name.
    pub(super) fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|picture| picture.name() == name)
    }

    /// Returns the name in addresses.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Risks => "risks",
            Self::RisksOverTime => "risks-over-time",
            Self::Objects(Objects::Threats) => "threats",
            Self::ObjectsOverTime(Objects::Threats) => "threats-over-time",
            Self::Objects(Objects::Vulnerabilities) => "vulnerabilities",
            Self::ObjectsOverTime(Objects::Vulnerabilities) => "vulnerabilities-over-time",
            Self::Cartography => "cartography",
            Self::Compliance => "compliance",
            Self::Map => "map",
            Self::Activity => "activity",
        }
    }

    /// Returns the period that is shown unless the reader chooses another.
    pub(super) fn default_days(self) -> Days {
        match self {
            Self::RisksOverTime | Self::ObjectsOverTime(_) => Days(180),
            _ => Days(30),
        }
    }

    /// Returns whether the group of routes that the picture belongs to is active.
    pub(super) fn is_active(self, routes: Routes) -> bool {
        match self {
            Self::Map => routes.map,
            _ => routes.stats,
        }
    }

    pub(super) fn draw(
        self,
        site: &Site,
        source: &mut Source<'_, '_>,
        options: Options,
    ) -> Result<Figure, ApiError> {
        let days = options.days.unwrap_or(self.default_days());
        let sketch = Sketch {
            picture: self,
            options,
            days,
            site,
        };
        match self {
            Self::Risks => risks::levels(&sketch, source),
            Self::RisksOverTime => risks::over_time(&sketch, source),
            Self::Objects(objects) => objects::bars(&sketch, source, objects),
            Self::ObjectsOverTime(objects) => objects::over_time(&sketch, source, objects),
            Self::Cartography => matrices::matrix(&sketch, source),
            Self::Compliance => compliance::categories(&sketch, source),
            Self::Map => map::clients(&sketch, source),
            Self::Activity => activity::reports(&sketch, source),
        }
    }
}

/// A picture before its stats are read.
struct Sketch<'a> {
    picture: Picture,
    options: Options,
    days: Days,
    site: &'a Site,
}

impl Sketch<'_> {
    /// Returns how the picture shows means.
    fn view(&self) -> View {
        View {
            weight: self.options.weight(),
            ..self.site.view()
        }
    }

    /// Returns what is said about the picture. Without data it has no title of its own.
    fn caption(&self, title: Option<String>, description: String, edition: Edition) -> Caption {
        let texts = self.site.texts();
        let Days(days) = self.days;
        let description = match self.picture {
            Picture::Map | Picture::Activity => description,
            _ => {
                let weight = self.options.weight().as_str();
                [description, text!(texts, "weight-meaning", weight = weight)].join(" ")
            }
        };
        // The map has no figures of a release.
        let few = edition
            .few_clients(texts)
            .filter(|_| self.picture != Picture::Map);
        let empty = text!(texts, "no-stats", days = days);
        let and_few = |text: String| [text].into_iter().chain(few.clone()).collect::<Vec<_>>();
        Caption {
            title: title
                .unwrap_or_else(|| text!(texts, "picture-name", picture = self.picture.name())),
            description: and_few(description).join(" "),
            source: self.site.source(edition.today),
            empty: and_few(empty).join(" "),
        }
    }

    fn figure(&self, chart: impl Chart + 'static, table: Table) -> Figure {
        Figure {
            picture: self.picture,
            options: self.options,
            chart: Box::new(chart),
            table,
        }
    }

    /// Returns a picture over time, with a table by date.
    fn lines(
        &self,
        title: Option<String>,
        reports: &Reports,
        unit: String,
        form: NumberForm,
        series: Vec<Series>,
        edition: Edition,
    ) -> Figure {
        let texts = self.site.texts();
        let sentences = [Some(reports.sentence(texts)), reports.gaps_sentence(texts)];
        let sentences: Vec<_> = sentences.into_iter().flatten().collect();
        let caption = self.caption(title, sentences.join(" "), edition);
        let names = series.iter().map(|series| series.name.text.clone());
        let rows = reports.iter().map(|(date, report)| {
            let means = series
                .iter()
                .map(|series| Entry::Number(series.values.get(&date).copied(), form));
            [Entry::Date(date)]
                .into_iter()
                .chain(means)
                .chain([Entry::Count(report.analyses), Entry::Count(report.clients)])
                .collect()
        });
        let table = Table {
            title: caption.title.clone(),
            columns: [text!(texts, "date")]
                .into_iter()
                .chain(names)
                .chain([text!(texts, "analyses"), text!(texts, "clients")])
                .collect(),
            rows: rows.collect(),
        };
        let chart = Lines {
            caption,
            unit,
            form,
            dates: reports.dates().collect(),
            series,
            notes: reports.notes(texts),
            marks: reports.gaps().map(|gap| gap.date).collect(),
            controls: Controls {
                legend: text!(texts, "legend"),
                invert: text!(texts, "legend-invert"),
                date: text!(texts, "date"),
            },
        };
        self.figure(chart, table)
    }
}

/// Returns the name of an object in the reader's language if there is one, else in another, else its id.
pub(super) fn label(site: &Site, source: &Source<'_, '_>, object: Uuid, labels: &Labels) -> Label {
    let name = source.app.names.get(object, labels, site.language);
    named(site, object, name)
}

/// Like [`label`] for a category, which has the id of one of its measures: that would have another name.
fn category_label(site: &Site, category: Uuid, labels: &Labels) -> Label {
    let name = names::label(labels, site.language);
    named(
        site,
        category,
        name.map(|(text, language)| (text.to_owned(), language)),
    )
}

fn named(site: &Site, id: Uuid, name: Option<(String, Language)>) -> Label {
    match name {
        Some((text, language)) => Label {
            text,
            language: (language != site.language).then_some(language.code()),
        },
        None => id.to_string().into(),
    }
}

/// Isolates a name from the direction of the sentence around it.
fn isolated(name: &Label) -> String {
    format!("\u{2068}{}\u{2069}", name.text)
}
