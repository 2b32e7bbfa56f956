//! What part of the world a map shows, and how.

use std::fmt::Write;

use super::outline::{Bounds, EUROPE, Outline, Point, REGION, WORLD};
use super::{Coordinates, View};

/// A rectangle of the projected world.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Camera {
    projection: Projection,
    /// Longitudes.
    west: f64,
    east: f64,
    /// Projected latitudes, in units as long as a degree of longitude.
    bottom: f64,
    top: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Projection {
    /// Keeps shapes.
    Mercator,
    /// Exaggerates the north less than Mercator. Miller (1942).
    Miller,
}

impl Projection {
    fn project(self, latitude: f64) -> f64 {
        let mercator = |degrees: f64| {
            let radians = degrees.to_radians();
            (std::f64::consts::FRAC_PI_4 + radians / 2.0)
                .tan()
                .ln()
                .to_degrees()
        };
        match self {
            Self::Mercator => mercator(latitude.clamp(-MAX_LATITUDE, MAX_LATITUDE)),
            Self::Miller => 1.25 * mercator(0.8 * latitude),
        }
    }
}

/// Mercator's projection has no end at the poles.
const MAX_LATITUDE: f64 = 85.0;
/// Width by height of maps, except those of the world.
const ASPECT: f64 = 4.0 / 3.0;
/// The least height of a map, in degrees of longitude. About 150 km in the middle of Europe.
const MIN_HEIGHT: f64 = 2.0;
/// From this width in degrees on, a map shows the whole world.
const MAX_WIDTH: f64 = 150.0;
/// From this width on, a map is drawn with the outline of the world.
const REGION_WIDTH: f64 = 110.0;

impl Camera {
    pub(super) fn new(view: &View) -> Self {
        match view {
            // From Alaska to the Bering Strait, without Antarctica.
            View::World => Self::between(
                Projection::Miller,
                Bounds {
                    west: -170.0,
                    south: -56.0,
                    east: 190.0,
                    north: 78.0,
                },
            ),
            View::Europe => Self::between(
                Projection::Mercator,
                Bounds {
                    west: -25.0,
                    south: 35.0,
                    east: 45.0,
                    north: 70.0,
                },
            )
            .with_aspect(),
            View::Around(places) => Self::around(places),
        }
    }

    fn between(projection: Projection, bounds: Bounds) -> Self {
        Self {
            projection,
            west: bounds.west,
            east: bounds.east,
            bottom: projection.project(bounds.south),
            top: projection.project(bounds.north),
        }
    }

    fn around(places: &[Coordinates]) -> Self {
        let Some((west, east)) = narrowest(places) else {
            return Self::new(&View::World);
        };
        let latitudes = places.iter().map(|place| place.latitude());
        let projected = latitudes.map(|latitude| Projection::Mercator.project(latitude));
        let (bottom, top) = projected
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), y| {
                (least.min(y), most.max(y))
            });
        let margin = 0.2 * (top - bottom).max((east - west) / ASPECT);
        let short = (MIN_HEIGHT - (top - bottom + 2.0 * margin)).max(0.0) / 2.0;
        let camera = Self {
            projection: Projection::Mercator,
            west: west - margin,
            east: east + margin,
            bottom: bottom - margin - short,
            top: top + margin + short,
        };
        let camera = camera.with_aspect();
        if camera.width() > MAX_WIDTH {
            Self::new(&View::World)
        } else {
            camera
        }
    }

    /// Shows more, until the map has its aspect.
    fn with_aspect(self) -> Self {
        let wider = (self.height() * ASPECT - self.width()).max(0.0) / 2.0;
        let higher = (self.width() / ASPECT - self.height()).max(0.0) / 2.0;
        Self {
            west: self.west - wider,
            east: self.east + wider,
            bottom: self.bottom - higher,
            top: self.top + higher,
            ..self
        }
    }

    fn width(self) -> f64 {
        self.east - self.west
    }

    fn height(self) -> f64 {
        self.top - self.bottom
    }

    /// The height of the map in units of its width.
    pub(super) fn ratio(self) -> f64 {
        self.height() / self.width()
    }

    pub(super) fn is_world(self) -> bool {
        self.projection == Projection::Miller
    }

    /// Returns the place as fractions of the map, from its upper left corner, or `None` if it is outside.
    pub(super) fn place(self, at: Coordinates) -> Option<(f64, f64)> {
        let turns = ((self.west - at.longitude()) / 360.0).ceil();
        let x = (at.longitude() + turns * 360.0 - self.west) / self.width();
        let y = (self.top - self.projection.project(at.latitude())) / self.height();
        ((0.0..=1.0).contains(&x) && (0.0..=1.0).contains(&y)).then_some((x, y))
    }

    fn outline(self) -> &'static Outline {
        // The bounds that the detailed outline must have: only Mercator gets there, whose inverse is this.
        let latitude = |y: f64| 2.0 * y.to_radians().exp().atan().to_degrees() - 90.0;
        let shown = Bounds {
            west: self.west,
            south: latitude(self.bottom),
            east: self.east,
            north: latitude(self.top),
        };
        if self.is_world() || self.width() > REGION_WIDTH {
            &WORLD
        } else if EUROPE.bounds.contains(shown) {
            &EUROPE
        } else {
            &REGION
        }
    }

    /// Returns the data of a path of all land in the map, which is `width` units wide. Coordinates are whole units.
    pub(super) fn land(self, width: f64) -> String {
        // Beyond the edges, so that the borders along them are not seen.
        const MARGIN: f64 = 0.02;
        let scale = width / self.width();
        let height = width * self.ratio();
        let clip = Bounds {
            west: -MARGIN * width,
            south: -MARGIN * width,
            east: width * (1.0 + MARGIN),
            north: height + MARGIN * width,
        };
        let mut path = String::new();
        for ring in &self.outline().rings {
            for turn in [-360.0, 0.0, 360.0] {
                let bounds = ring.bounds.moved(turn);
                if bounds.east < self.west || bounds.west > self.east {
                    continue;
                }
                let project = |&(x, y): &Point| {
                    (
                        (x + turn - self.west) * scale,
                        (self.top - self.projection.project(y)) * scale,
                    )
                };
                let points: Vec<_> = ring.points.iter().map(project).collect();
                if Bounds::of(&points).overlaps(clip) {
                    draw(&mut path, &clipped(points, clip));
                }
            }
        }
        path
    }
}

/// Returns the longitudes between which all places are, going the shortest way. The second is less than 540.
fn narrowest(places: &[Coordinates]) -> Option<(f64, f64)> {
    let mut longitudes: Vec<_> = places.iter().map(|place| place.longitude()).collect();
    longitudes.sort_by(f64::total_cmp);
    let (first, last) = (*longitudes.first()?, *longitudes.last()?);
    let gaps = longitudes
        .windows(2)
        .map(|pair| (pair[1] - pair[0], pair[1], pair[0] + 360.0));
    let over_the_antimeridian = (first + 360.0 - last, first, last);
    let widest = gaps.fold(over_the_antimeridian, |a, b| if b.0 > a.0 { b } else { a });
    Some((widest.1, widest.2))
}

/// Cuts a ring off at the edges of a rectangle, after Sutherland and Hodgman.
fn clipped(mut points: Vec<Point>, clip: Bounds) -> Vec<Point> {
    let at_x = |x: f64| move |a: Point, b: Point| (x, a.1 + (b.1 - a.1) * (x - a.0) / (b.0 - a.0));
    let at_y = |y: f64| move |a: Point, b: Point| (a.0 + (b.0 - a.0) * (y - a.1) / (b.1 - a.1), y);
    points = cut(&points, |p| p.0 >= clip.west, at_x(clip.west));
    points = cut(&points, |p| p.0 <= clip.east, at_x(clip.east));
    points = cut(&points, |p| p.1 >= clip.south, at_y(clip.south));
    cut(&points, |p| p.1 <= clip.north, at_y(clip.north))
}

fn cut(
    points: &[Point],
    is_inside: impl Fn(Point) -> bool,
    crossing: impl Fn(Point, Point) -> Point,
) -> Vec<Point> {
    let mut kept = Vec::with_capacity(points.len());
    let before = points.last().into_iter().chain(points);
    for (&from, &to) in before.zip(points) {
        if is_inside(from) != is_inside(to) {
            kept.push(crossing(from, to));
        }
        if is_inside(to) {
            kept.push(to);
        }
    }
    kept
}

/// Appends a ring to the data of a path, without the points that are too near to each other to be seen.
fn draw(path: &mut String, points: &[Point]) {
    let mut rounded: Vec<(i64, i64)> = Vec::with_capacity(points.len());
    for &(x, y) in points {
        let point = (x.round() as i64, y.round() as i64);
        if rounded.last() == Some(&point) {
            continue;
        }
        // A point on the line between its neighbours is not seen either.
        if let [.., a, b] = rounded[..] {
            let (ab, bc) = ((b.0 - a.0, b.1 - a.1), (point.0 - b.0, point.1 - b.1));
            if ab.0 * bc.1 == ab.1 * bc.0 && ab.0 * bc.0 + ab.1 * bc.1 > 0 {
                rounded.pop();
            }
        }
        rounded.push(point);
    }
    let &[(mut x, mut y), ref rest @ ..] = &rounded[..] else {
        return;
    };
    if rest.len() < 2 {
        return;
    }
    // Writing to a string cannot fail.
    let _ = write!(path, "M{x} {y}l");
    for (position, &(to_x, to_y)) in rest.iter().enumerate() {
        let (dx, dy) = (to_x - x, to_y - y);
        // A minus separates numbers too.
        let before_x = if position == 0 || dx < 0 { "" } else { " " };
        let before_y = if dy < 0 { "" } else { " " };
        let _ = write!(path, "{before_x}{dx}{before_y}{dy}");
        (x, y) = (to_x, to_y);
    }
    path.push('z');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(latitude: f64, longitude: f64) -> Coordinates {
        Coordinates::new(latitude, longitude).unwrap()
    }

    #[test]
    fn projections_have_known_values() {
        for (projection, latitude, expected) in [
            (Projection::Mercator, 0.0, 0.0),
            (Projection::Mercator, 50.0, 57.9079),
            (Projection::Mercator, -90.0, -179.4104),
            (Projection::Miller, 50.0, 54.6394),
            (Projection::Miller, 90.0, 131.9761),
        ] {
            let projected = projection.project(latitude);
            assert!(
                (projected - expected).abs() < 1e-3,
                "{projection:?} {latitude}: {projected}"
            );
        }
    }

    #[test]
    fn a_view_around_places_shows_them_with_a_margin() {
        for places in [
            vec![at(49.61, 6.13)],
            vec![at(49.61, 6.13), at(50.85, 4.35), at(48.85, 2.35)],
            vec![at(-17.7, 178.0), at(-13.8, -171.8)],
            vec![at(-90.0, 0.0)],
            vec![at(80.0, 180.0), at(75.0, -180.0)],
        ] {
            let camera = Camera::new(&View::Around(places.clone()));
            for place in places {
                let (x, y) = camera.place(place).unwrap();
                assert!(
                    (0.1..=0.9).contains(&x) && (0.1..=0.9).contains(&y),
                    "{place:?}: {x} {y}"
                );
            }
            assert!((camera.ratio() * ASPECT - 1.0).abs() < 1e-9);
            assert!(camera.height() > MIN_HEIGHT - 1e-9);
        }
    }

    #[test]
    fn a_view_around_distant_places_is_the_world() {
        let world = Camera::new(&View::World);
        assert_eq!(Camera::new(&View::Around(Vec::new())), world);
        let places = vec![at(40.0, -100.0), at(30.0, 20.0), at(-30.0, 140.0)];
        assert_eq!(Camera::new(&View::Around(places)), world);
    }

    #[test]
    fn places_outside_the_view_have_no_place() {
        let europe = Camera::new(&View::Europe);
        assert!(europe.place(at(49.61, 6.13)).is_some());
        assert_eq!(europe.place(at(49.61, -100.0)), None);
        assert_eq!(europe.place(at(0.0, 6.13)), None);
        assert!(Camera::new(&View::World).place(at(66.0, -175.0)).is_some());
    }

    #[test]
    fn nearer_views_have_better_outlines() {
        let outline = |view| Camera::new(&view).outline().rings.len();
        let around = |place| View::Around(vec![place]);
        assert_eq!(outline(View::World), WORLD.rings.len());
        assert_eq!(outline(View::Europe), REGION.rings.len());
        assert_eq!(outline(around(at(49.61, 6.13))), EUROPE.rings.len());
        assert_eq!(outline(around(at(-17.7, 178.0))), REGION.rings.len());
    }

    /// Whether a place is on land, by the even-odd rule on the path.
    fn is_land(camera: Camera, at: Coordinates) -> bool {
        let (x, y) = camera.place(at).unwrap();
        let (x, y) = (x * 4000.0 + 0.37, y * 4000.0 * camera.ratio() + 0.41);
        let path = camera.land(4000.0);
        let crossings: usize = path
            .split_terminator('z')
            .map(|ring| {
                let (start, rest) = ring[1..].split_once('l').unwrap();
                let spaced = format!("{start} {}", rest.replace('-', " -"));
                let numbers: Vec<f64> = spaced
                    .split_whitespace()
                    .map(|number| number.parse().unwrap())
                    .collect();
                let mut points: Vec<Point> = Vec::new();
                for step in numbers.chunks(2) {
                    let (from_x, from_y) = points.last().copied().unwrap_or_default();
                    points.push((from_x + step[0], from_y + step[1]));
                }
                let before = points.last().into_iter().chain(&points);
                let edges = before.zip(&points);
                edges
                    .filter(|(a, b)| (a.1 > y) != (b.1 > y))
                    .filter(|(a, b)| a.0 + (b.0 - a.0) * (y - a.1) / (b.1 - a.1) > x)
                    .count()
            })
            .sum();
        crossings % 2 == 1
    }

    #[test]
    fn land_and_sea_are_where_they_should_be() {
        let world = Camera::new(&View::World);
        for (name, latitude, longitude, expected) in [
            ("Luxembourg", 49.7, 6.1, true),
            ("Kansas", 38.5, -98.0, true),
            ("Chukotka, west of the antimeridian", 67.0, 178.0, true),
            ("Chukotka, east of the antimeridian", 66.5, -174.0, true),
            ("Lesotho, inside South Africa", -29.5, 28.2, true),
            ("the Atlantic", 30.0, -40.0, false),
            ("the Pacific", 0.0, 180.0, false),
            ("the Caspian Sea", 42.0, 50.5, false),
        ] {
            assert_eq!(is_land(world, at(latitude, longitude)), expected, "{name}");
        }
        let near = |latitude, longitude| {
            let place = at(latitude, longitude);
            is_land(Camera::new(&View::Around(vec![place])), place)
        };
        for (name, latitude, longitude, expected) in [
            ("Luxembourg", 49.61, 6.13, true),
            ("Fiji", -17.8, 178.0, true),
            ("the Channel", 50.2, -1.0, false),
            ("the Gulf of Lion", 42.7, 4.2, false),
            ("Zurich", 47.37, 8.54, true),
            ("the Ross Sea", -70.0, 180.0, false),
        ] {
            assert_eq!(near(latitude, longitude), expected, "{name}");
        }
    }

    #[test]
    fn land_beyond_the_antimeridian_is_drawn() {
        let (fiji, samoa) = (at(-17.8, 178.0), at(-13.6, -172.4));
        for view in [vec![fiji, samoa], vec![samoa, fiji]] {
            let camera = Camera::new(&View::Around(view));
            assert!(is_land(camera, fiji) && is_land(camera, samoa));
        }
    }

    #[test]
    fn land_stays_near_the_map() {
        let camera = Camera::new(&View::Around(vec![at(49.61, 6.13)]));
        let path = camera.land(1000.0);
        let starts = path.split('M').skip(1).map(|ring| {
            let (x, y) = ring.split_once('l').unwrap().0.split_once(' ').unwrap();
            (x.parse::<f64>().unwrap(), y.parse::<f64>().unwrap())
        });
        for (x, y) in starts {
            assert!(
                (-20.0..=1020.0).contains(&x) && (-20.0..=770.0).contains(&y),
                "{x} {y}"
            );
        }
    }
}
