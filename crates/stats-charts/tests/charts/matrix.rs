use stats_charts::Theme;

use crate::samples::{attributes, by_class, by_name, html, matrix, parse, svg, text};

#[test]
fn the_highest_impact_is_at_the_top() {
    let html = html(&matrix(&[((2, 0), 1.0), ((0, 3), 0.5), ((0, 0), 0.0)]));
    let document = parse(&html);
    let rows: Vec<_> = by_name(&document, "tr").into_iter().map(text).collect();
    assert_eq!(rows, ["Impact21,0", "1", "00,00,5", "0123", "Likelihood"]);
    let cells = by_name(&document, "td");
    let numbers: Vec<_> = cells.iter().map(|cell| text(*cell)).collect();
    assert_eq!(numbers[..4], ["1,0", "", "", ""]);
    assert_eq!(numbers[8..12], ["0,0", "", "", "0,5"]);
}

#[test]
fn the_colour_of_a_cell_is_its_part_of_the_greatest_value() {
    let html = html(&matrix(&[
        ((0, 0), 0.0),
        ((0, 1), 0.1),
        ((0, 2), 3.0),
        ((0, 3), 6.0),
    ]));
    let document = parse(&html);
    let cells = by_name(&document, "td");
    let classes = attributes(&cells, "class");
    assert_eq!(classes[8..12], ["", "ch-heat-1", "ch-heat-3", "ch-heat-6"]);
}

#[test]
fn headings_name_rows_and_columns() {
    let html = html(&matrix(&[((0, 0), 1.0)]));
    let document = parse(&html);
    let headings = by_name(&document, "th");
    let scopes = attributes(&headings, "scope");
    let count = |scope| scopes.iter().filter(|other| **other == scope).count();
    assert_eq!(
        (
            count("row"),
            count("col"),
            count("rowgroup"),
            count("colgroup")
        ),
        (3, 4, 1, 1)
    );
    let title = by_class(&document, "ch-vertical")[0];
    assert_eq!(
        (text(title).as_str(), title.attribute("rowspan")),
        ("Impact", Some("3"))
    );
}

#[test]
fn values_beyond_the_axes_are_not_shown() {
    let chart = matrix(&[((9, 0), 7.0), ((0, 9), 8.0), ((0, 0), 1.0)]);
    for xml in [html(&chart), svg(&chart, Theme::Light)] {
        assert!(!xml.contains("7,0") && !xml.contains("8,0"), "{xml}");
    }
    // Nor do they decide the colours.
    assert!(html(&chart).contains("ch-heat-6"));
}

#[test]
fn a_wide_matrix_scrolls_by_keyboard() {
    let mut chart = matrix(&[((0, 20), 1.0)]);
    chart.likelihood.last = 20;
    let html = html(&chart);
    let document = parse(&html);
    let region = by_class(&document, "ch-scroll")[0];
    assert_eq!(region.attribute("tabindex"), Some("0"));
    assert_eq!(region.attribute("aria-label"), Some("matrix"));
    assert_eq!(by_class(&document, "ch-wide").len(), 1);
}

#[test]
fn an_image_has_a_rectangle_for_each_cell() {
    let svg = svg(&matrix(&[((0, 0), 1.0)]), Theme::Light);
    let document = parse(&svg);
    // And one for the paper.
    assert_eq!(by_name(&document, "rect").len(), 3 * 4 + 1);
}
