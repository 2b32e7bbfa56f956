use stats_charts::{Bars, Chart, Label, Rows, Theme, Value};

use crate::samples::{
    attributes, by_class, by_name, html, pairs, parse, single, svg, targets, text, two_values,
};

/// Returns the lengths of the bars in a page.
fn lengths(chart: &Bars) -> Vec<String> {
    let html = html(chart);
    let document = parse(&html);
    let bars = by_name(&document, "rect");
    let bars: Vec<_> = bars
        .into_iter()
        .filter(|bar| !bar.attribute("class").unwrap().contains("ch-track"))
        .collect();
    attributes(&bars, "width")
        .into_iter()
        .map(str::to_owned)
        .collect()
}

#[test]
fn a_bar_is_as_long_as_its_value() {
    let bars = single(&[("a", 8.0), ("b", 2.0), ("c", 0.0)]);
    // There is no bar of length 0.
    assert_eq!(lengths(&bars), ["100%", "25%"]);
    let full = Some(Value::from(4));
    assert_eq!(lengths(&Bars { full, ..bars }), ["100%", "50%"]);
    assert_eq!(lengths(&single(&[("a", 0.0)])), [""; 0]);
}

#[test]
fn bars_are_a_table_with_headings_and_numbers() {
    let html = html(&single(&[("Fire", 1.5), ("Water", 0.25)]));
    let document = parse(&html);
    let rows: Vec<_> = by_name(&document, "tr").into_iter().map(text).collect();
    assert_eq!(rows, ["ThreatCount", "Fire1,50", "Water0,25"]);
    let headings = by_name(&document, "th");
    assert_eq!(attributes(&headings, "scope"), ["col", "col", "row", "row"]);
    let strips = by_name(&document, "svg");
    assert_eq!(attributes(&strips, "aria-hidden"), ["true", "true"]);
    assert_eq!(text(by_name(&document, "caption")[0]), "barsAbout bars");
}

#[test]
fn labels_keep_their_language() {
    let mut chart = single(&[("Feuer", 1.0)]);
    if let Rows::Single(_, bars) = &mut chart.rows {
        bars[0].label = Label {
            text: "Feuer".to_owned(),
            language: Some("de"),
        };
    }
    assert!(html(&chart).contains("<bdi lang=\"de\">Feuer</bdi>"));
}

#[test]
fn pairs_stand_one_above_the_other() {
    let html = html(&pairs());
    let document = parse(&html);
    let rows: Vec<_> = by_name(&document, "tr").into_iter().map(text).collect();
    assert_eq!(
        rows[1..],
        [
            "HighCurrent0,50",
            "Residual0,25",
            "LowCurrent0,00",
            "Residual0,75"
        ]
    );
    assert_eq!(lengths(&pairs()), ["66.67%", "33.33%", "100%"]);
    // Residual bars are light, and levels have their colours.
    let outlines = by_class(&document, "ch-outline");
    assert_eq!(
        attributes(&outlines, "class"),
        ["ch-outline ch-high", "ch-outline ch-low"]
    );
}

#[test]
fn a_target_is_a_mark_on_the_bar() {
    let html = html(&targets());
    let document = parse(&html);
    assert_eq!(
        attributes(&by_class(&document, "ch-target"), "x1"),
        ["25%", "75%"]
    );
    let rows: Vec<_> = by_name(&document, "tr").into_iter().map(text).collect();
    assert_eq!(rows, ["ThreatCurrentTarget", "High50 %25 %", "Low0 %75 %"]);
}

#[test]
fn bars_of_an_image_have_one_scale() {
    for chart in [
        pairs(),
        targets(),
        single(&[("a", 1e9), ("b".repeat(300).as_str(), 1.0)]),
    ] {
        let svg = svg(&chart, Theme::Light);
        let document = parse(&svg);
        let tracks = by_name(&document, "rect");
        let mut widths: Vec<_> = tracks
            .iter()
            .filter(|rect| rect.attribute("fill") == Some("#eef1ef"))
            .filter_map(|rect| rect.attribute("width"))
            .filter(|width| *width != "24")
            .collect();
        widths.dedup();
        assert_eq!(widths.len(), 1, "{widths:?}");
    }
}

#[test]
fn long_labels_wrap_in_images() {
    let words = "Unauthorised access to premises ".repeat(4);
    let word = "x".repeat(100);
    let svg = svg(&single(&[(words.trim(), 1.0), (&word, 2.0)]), Theme::Light);
    let document = parse(&svg);
    let ends = by_name(&document, "text");
    let ends: Vec<_> = ends
        .into_iter()
        .filter(|text| text.attribute("text-anchor") == Some("end"))
        .collect();
    assert!(ends.len() > 4, "{svg}");
    assert!(ends.iter().all(|line| text(*line).len() < 60), "{svg}");
}

#[test]
fn levels_have_the_same_colours_in_all_bars() {
    let names = ["a".to_owned(), "b".to_owned()];
    let chart = Bars {
        rows: Rows::Targets(names, two_values()),
        ..single(&[])
    };
    let html = chart.html(&crate::samples::Comma).into_string();
    assert!(html.contains("ch-fill ch-high"), "{html}");
}
