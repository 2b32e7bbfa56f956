//! Where clients are.

use stats_charts::{Caption, Coordinates, Label, Map, Pin};

use super::super::figure::{Entry, Figure, Table};
use super::super::options::View;
use super::super::site::Site;
use super::super::source::{Objects, Source};
use super::super::translation::{Texts, text};
use super::reports::Report;
use super::{Sketch, isolated, label};
use crate::errors::ApiError;
use crate::places::{MostFrequent, places, released_places};

/// Places at most this far from each other, in degrees, are near.
const NEAR: f64 = 4.0;

/// Draws the clients with coordinates.
pub(super) fn clients(
    sketch: &Sketch<'_>,
    source: &mut Source<'_, '_>,
) -> Result<Figure, ApiError> {
    let site = sketch.site;
    let texts = site.texts();
    let places = match &source.release {
        Some(release) => released_places(release)?,
        None => places(source.app, source.snapshot)?,
    };
    let has_figures = source.release.is_none();
    let mut rows = Vec::new();
    let mut pins = Vec::new();
    let mut reports = Report::default();
    for place in &places {
        let Some(at) =
            Coordinates::new(place.coordinates.latitude(), place.coordinates.longitude())
        else {
            continue;
        };
        let title = text!(
            texts,
            "map-place",
            latitude = degrees(texts, "latitude", at.latitude(), ["north", "south"]),
            longitude = degrees(texts, "longitude", at.longitude(), ["east", "west"]),
        );
        let mut row = vec![Entry::text(title.clone())];
        let mut description = Vec::new();
        if let Some(tops) = &place.most_frequent {
            for (kind, top) in [Objects::Threats, Objects::Vulnerabilities]
                .into_iter()
                .zip(tops)
            {
                description.push(line(site, source, kind, top));
                row.push(Entry::Text(label(site, source, top.object, &top.labels)));
            }
            let [threat, vulnerability] = tops;
            let analyses = threat.analyses.max(vulnerability.analyses);
            row.push(Entry::Count(analyses));
            reports.analyses += analyses;
        }
        reports.clients += 1;
        rows.push(row);
        pins.push(Pin {
            at,
            title: title.into(),
            description,
        });
    }
    let view = match sketch.options.view.unwrap_or_default() {
        View::Near => stats_charts::View::Around(near(&pins)),
        View::Europe => stats_charts::View::Europe,
        View::World => stats_charts::View::World,
    };
    let title = (!pins.is_empty()).then(|| text!(texts, "map-title", places = pins.len()));
    let mut description = match has_figures {
        true => text!(texts, "map-description", reports = reports.text(texts)),
        false => text!(texts, "map-places"),
    };
    if sketch.options.view != Some(View::World) {
        description = [description, text!(texts, "map-outside")].join(" ");
    }
    let caption = Caption {
        empty: text!(texts, "map-empty"),
        ..sketch.caption(title, description, source.edition)
    };
    let object = |kind: Objects| text!(texts, "object", objects = kind.as_str());
    let mut columns = vec![text!(texts, "place")];
    if has_figures {
        columns.extend([object(Objects::Threats), object(Objects::Vulnerabilities)]);
        columns.push(text!(texts, "analyses"));
    }
    let table = Table {
        title: caption.title.clone(),
        columns,
        rows,
    };
    Ok(sketch.figure(
        Map {
            caption,
            view,
            pins,
        },
        table,
    ))
}

/// Says which object a client met most often.
fn line(site: &Site, source: &Source<'_, '_>, kind: Objects, top: &MostFrequent) -> Label {
    let texts = site.texts();
    let name = label(site, source, top.object, &top.labels);
    let value = texts.decimal(top.count, 1);
    text!(
        texts,
        "map-top",
        objects = kind.as_str(),
        name = isolated(&name),
        value = value
    )
    .into()
}

/// Writes degrees to the north and east as positive numbers of the first hemisphere.
fn degrees(
    texts: &Texts,
    id: &str,
    degrees: f64,
    [positive, negative]: [&'static str; 2],
) -> String {
    let hemisphere = if degrees < 0.0 { negative } else { positive };
    text!(
        texts,
        id,
        hemisphere = hemisphere,
        degrees = texts.decimal(degrees.abs(), 1)
    )
}

/// Returns the places near that which has most places near it.
fn near(pins: &[Pin]) -> Vec<Coordinates> {
    let are_near = |a: &Pin, b: &Pin| {
        let (a, b) = (a.at, b.at);
        (a.latitude() - b.latitude()).hypot(a.longitude() - b.longitude()) <= NEAR
    };
    let around = |centre: &Pin| {
        pins.iter()
            .filter(|pin| are_near(centre, pin))
            .map(|pin| pin.at)
            .collect::<Vec<_>>()
    };
    let groups = pins.iter().map(around);
    // The first of equal groups.
    groups.rev().max_by_key(Vec::len).unwrap_or_default()
}
