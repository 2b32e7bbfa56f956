use stats_charts::{Coordinates, Theme, View};

use crate::samples::{attributes, by_class, by_name, html, map, parse, svg, text};

const LUXEMBOURG: (f64, f64) = (49.61, 6.13);
const ESCH: (f64, f64) = (49.5, 5.98);
const TALLINN: (f64, f64) = (59.44, 24.75);

#[test]
fn pins_that_overlap_are_one_with_a_list_of_both() {
    let html = html(&map(View::Europe, &[LUXEMBOURG, TALLINN, ESCH]));
    let document = parse(&html);
    let pins = by_class(&document, "ch-place");
    assert_eq!(
        attributes(&pins, "aria-label"),
        ["place 1, place 3", "place 2"]
    );
    let entries = by_name(&document, "li");
    let entries: Vec<_> = entries.into_iter().map(text).collect();
    assert_eq!(
        entries,
        [
            "place 1Top threat: fireplace 3Top threat: fire",
            "place 2Top threat: fire"
        ]
    );
    let numbers: Vec<_> = pins.into_iter().map(text).collect();
    assert_eq!(numbers, ["1", "2"]);
}

#[test]
fn near_places_have_pins_of_their_own_on_a_map_of_the_surroundings() {
    let places = [LUXEMBOURG, ESCH];
    let around = places.map(|(latitude, longitude)| Coordinates::new(latitude, longitude).unwrap());
    let html = html(&map(View::Around(around.into()), &places));
    assert_eq!(by_class(&parse(&html), "ch-place").len(), 2);
}

#[test]
fn pins_can_have_the_focus_and_are_outside_of_the_picture() {
    let html = html(&map(View::World, &[LUXEMBOURG]));
    let document = parse(&html);
    let pin = by_class(&document, "ch-place")[0];
    assert_eq!(pin.attribute("tabindex"), Some("0"));
    // The children of an image are hidden from screen readers.
    assert!(
        pin.ancestors()
            .skip(1)
            .all(|node| node.attribute("role") != Some("img"))
    );
}

#[test]
fn pins_outside_the_view_are_not_shown() {
    let html = html(&map(View::Europe, &[(-41.3, 174.8), LUXEMBOURG]));
    assert!(!html.contains("place 1"));
    assert!(html.contains("place 2"));
}

#[test]
fn coordinates_are_places_on_earth() {
    for (latitude, longitude) in [(90.0, -180.0), (-90.0, 180.0)] {
        let at = Coordinates::new(latitude, longitude).unwrap();
        assert_eq!((at.latitude(), at.longitude()), (latitude, longitude));
    }
    for (latitude, longitude) in [
        (90.1, 0.0),
        (0.0, -180.1),
        (f64::NAN, 0.0),
        (0.0, f64::INFINITY),
    ] {
        assert_eq!(Coordinates::new(latitude, longitude), None);
    }
}

#[test]
fn maps_are_small() {
    let around = View::Around(vec![Coordinates::new(49.61, 6.13).unwrap()]);
    for view in [View::World, View::Europe, around] {
        let chart = map(view, &[LUXEMBOURG]);
        let size = html(&chart).len();
        assert!(
            (1_000..45_000).contains(&size),
            "{:?}: {size} bytes",
            chart.view
        );
    }
}

#[test]
fn an_image_lists_the_places() {
    let svg = svg(&map(View::Europe, &[LUXEMBOURG, TALLINN]), Theme::Dark);
    let document = parse(&svg);
    let texts: Vec<_> = by_name(&document, "text").into_iter().map(text).collect();
    assert_eq!(texts.iter().filter(|text| *text == "2").count(), 2);
    assert!(texts.contains(&"place 2".to_owned()));
}
