//! Groups of pins that would overlap.

use super::Pin;
use super::camera::Camera;

/// Pins that are drawn as one.
#[derive(Debug)]
pub(super) struct Group<'a> {
    /// The mean place of its pins, as fractions of the map.
    pub(super) at: (f64, f64),
    pub(super) pins: Vec<&'a Pin>,
}

/// The least distance between two groups, as a fraction of the width of the map.
const DISTANCE: f64 = 0.035;

/// Groups the pins in the view, in the order of their first pins.
pub(super) fn group(pins: &[Pin], camera: Camera) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for pin in pins {
        if let Some(at) = camera.place(pin.at) {
            add(
                &mut groups,
                Group {
                    at,
                    pins: vec![pin],
                },
                camera.ratio(),
            );
        }
    }
    groups
}

/// Adds a group, and merges it with those that it overlaps. A merged group moves, so that it may overlap others.
fn add<'a>(groups: &mut Vec<Group<'a>>, mut new: Group<'a>, ratio: f64) {
    let mut place = groups.len();
    while let Some(index) = groups.iter().position(|group| group.overlaps(&new, ratio)) {
        place = place.min(index);
        new = groups.remove(index).merge(new);
    }
    groups.insert(place.min(groups.len()), new);
}

impl Group<'_> {
    fn overlaps(&self, other: &Self, ratio: f64) -> bool {
        let (dx, dy) = (self.at.0 - other.at.0, (self.at.1 - other.at.1) * ratio);
        dx.hypot(dy) < DISTANCE
    }

    fn merge(mut self, other: Self) -> Self {
        let (a, b) = (self.pins.len() as f64, other.pins.len() as f64);
        let mean = |x: f64, y: f64| (x * a + y * b) / (a + b);
        self.at = (mean(self.at.0, other.at.0), mean(self.at.1, other.at.1));
        self.pins.extend(other.pins);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Coordinates, View};

    fn pins(places: &[(f64, f64)]) -> Vec<Pin> {
        let pins = places
            .iter()
            .enumerate()
            .map(|(index, &(latitude, longitude))| Pin {
                at: Coordinates::new(latitude, longitude).unwrap(),
                title: index.to_string().into(),
                description: Vec::new(),
            });
        pins.collect()
    }

    fn titles(pins: &[Pin], view: &View) -> Vec<String> {
        let groups = group(pins, Camera::new(view));
        groups.iter().map(Group::name).collect()
    }

    #[test]
    fn pins_that_overlap_are_grouped() {
        let pins = pins(&[
            (49.61, 6.13),
            (40.4, -3.7),
            (49.5, 5.98),
            (49.61, 6.13),
            (0.0, 6.13),
        ]);
        assert_eq!(titles(&pins, &View::Europe), ["0, 2, 3", "1"]);
        let places = vec![pins[0].at, pins[2].at];
        assert_eq!(titles(&pins, &View::Around(places)), ["0, 3", "2"]);
    }

    #[test]
    fn groups_do_not_overlap() {
        let places = (0..300).map(|index| {
            let index = f64::from(index);
            (45.0 + index % 17.0 / 2.0, index % 23.0 / 2.0)
        });
        let pins = pins(&places.collect::<Vec<_>>());
        let camera = Camera::new(&View::Europe);
        let groups = group(&pins, camera);
        assert_eq!(
            groups.iter().map(|group| group.pins.len()).sum::<usize>(),
            300
        );
        assert!(groups.len() > 10);
        for (index, a) in groups.iter().enumerate() {
            assert!(
                groups[..index]
                    .iter()
                    .all(|b| !a.overlaps(b, camera.ratio()))
            );
        }
    }
}
