//! The outlines of countries. `scripts/outlines.py` makes their files and describes the format.

use std::sync::LazyLock;

/// Longitude and latitude in degrees.
pub(super) type Point = (f64, f64);

/// West, south, east and north, in degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bounds {
    pub(super) west: f64,
    pub(super) south: f64,
    pub(super) east: f64,
    pub(super) north: f64,
}

/// Rings around land or lakes. Longitudes beyond ±180 continue a ring over the antimeridian.
#[derive(Debug)]
pub(super) struct Outline {
    /// Where the outline is good enough to be looked at.
    pub(super) bounds: Bounds,
    pub(super) rings: Vec<Ring>,
}

#[derive(Debug)]
pub(super) struct Ring {
    pub(super) bounds: Bounds,
    /// The last point is connected with the first.
    pub(super) points: Vec<Point>,
}

pub(super) static WORLD: LazyLock<Outline> =
    LazyLock::new(|| Outline::parse(include_str!("../../outlines/world.txt")));
/// The world in more detail.
pub(super) static REGION: LazyLock<Outline> =
    LazyLock::new(|| Outline::parse(include_str!("../../outlines/region.txt")));
/// A part of Europe in much detail.
pub(super) static EUROPE: LazyLock<Outline> =
    LazyLock::new(|| Outline::parse(include_str!("../../outlines/europe.txt")));

impl Bounds {
    pub(super) fn of(points: &[Point]) -> Self {
        let empty = Self {
            west: f64::INFINITY,
            south: f64::INFINITY,
            east: f64::NEG_INFINITY,
            north: f64::NEG_INFINITY,
        };
        points.iter().fold(empty, |bounds, &(x, y)| Self {
            west: bounds.west.min(x),
            south: bounds.south.min(y),
            east: bounds.east.max(x),
            north: bounds.north.max(y),
        })
    }

    pub(super) fn contains(self, other: Self) -> bool {
        self.west <= other.west
            && self.south <= other.south
            && self.east >= other.east
            && self.north >= other.north
    }

    pub(super) fn overlaps(self, other: Self) -> bool {
        self.west <= other.east
            && other.west <= self.east
            && self.south <= other.north
            && other.south <= self.north
    }

    /// Returns the bounds moved to the east.
    pub(super) fn moved(self, degrees: f64) -> Self {
        Self {
            west: self.west + degrees,
            east: self.east + degrees,
            ..self
        }
    }
}

impl Outline {
    /// Parses a file of this crate. Lines that are not in the format are ignored: a test reads them all.
    fn parse(text: &str) -> Self {
        let mut lines = text.lines().skip_while(|line| line.starts_with('#'));
        let header = lines.next().unwrap_or_default();
        let numbers: Vec<f64> = header
            .split(' ')
            .filter_map(|number| number.parse().ok())
            .collect();
        let units = numbers.first().copied().unwrap_or(1.0);
        let bounds = match numbers[..] {
            [_, west, south, east, north] => Bounds {
                west,
                south,
                east,
                north,
            },
            _ => Bounds {
                west: f64::NEG_INFINITY,
                south: -90.0,
                east: f64::INFINITY,
                north: 90.0,
            },
        };
        let arcs: Vec<_> = lines
            .by_ref()
            .take_while(|line| !line.is_empty())
            .map(|line| parse_arc(line, units))
            .collect();
        let rings = lines.map(|line| {
            let indexes = line.split(' ').filter_map(|index| index.parse().ok());
            Ring::join(indexes, &arcs)
        });
        Self {
            bounds,
            rings: rings.collect(),
        }
    }
}

impl Ring {
    /// Joins arcs. The index `!i` means arc `i` backwards.
    fn join(indexes: impl Iterator<Item = i32>, arcs: &[Vec<Point>]) -> Self {
        let mut points: Vec<Point> = Vec::new();
        for index in indexes {
            let arc = usize::try_from(index.max(!index))
                .ok()
                .and_then(|index| arcs.get(index));
            let arc = arc.map(Vec::as_slice).unwrap_or_default();
            let mut forwards = arc.iter();
            let mut backwards = arc.iter().rev();
            let arc: &mut dyn Iterator<Item = &Point> = if index < 0 {
                &mut backwards
            } else {
                &mut forwards
            };
            // The first point of an arc is the last one of the arc before it, perhaps one turn of the world away.
            let mut turn = 0.0;
            for (position, &(x, y)) in arc.enumerate() {
                if position == 0
                    && let Some(&(last, _)) = points.last()
                {
                    turn = ((last - x) / 360.0).round() * 360.0;
                } else {
                    points.push((x + turn, y));
                }
            }
        }
        points.pop();
        Self {
            bounds: Bounds::of(&points),
            points,
        }
    }
}

fn parse_arc(line: &str, units: f64) -> Vec<Point> {
    let mut numbers = Vec::new();
    let (mut number, mut shift) = (0_i64, 0);
    for byte in line.bytes() {
        let group = i64::from(byte) - 63;
        number |= (group & 31) << shift;
        shift += 5;
        if group < 32 {
            numbers.push(if number & 1 == 1 {
                -(number + 1) / 2
            } else {
                number / 2
            });
            (number, shift) = (0, 0);
        }
    }
    let (mut x, mut y) = (0, 0);
    let points = numbers.chunks_exact(2).map(|delta| {
        (x, y) = (x + delta[0], y + delta[1]);
        (x as f64 / units, y as f64 / units)
    });
    points.collect()
}
