use stats_charts::{Level, Lines, State, Theme};

use crate::samples::{
    attributes, by_class, by_name, day, html, lines, many_lines, parse, svg, text, value,
};

/// Returns the data of the lines in a page, in the order of the legend.
fn paths(lines: &Lines) -> Vec<String> {
    let html = html(lines);
    let document = parse(&html);
    let mut paths = attributes(&by_name(&document, "path"), "d");
    // What is drawn last is seen best.
    paths.reverse();
    paths.into_iter().map(str::to_owned).collect()
}

#[test]
fn lines_begin_at_zero_and_end_at_the_last_tick() {
    let lines = lines(&[&[Some(0.0), Some(8.0), Some(4.0)]]);
    assert_eq!(paths(&lines), ["M0 1000l1000-1000l1000 500"]);
    let html = html(&lines);
    let document = parse(&html);
    let ticks: Vec<_> = by_class(&document, "ch-small")
        .into_iter()
        .map(text)
        .collect();
    assert_eq!(
        ticks,
        [
            "0",
            "2",
            "4",
            "6",
            "8",
            "Day 2026-05-01",
            "Day 2026-05-02",
            "Day 2026-05-03"
        ]
    );
}

#[test]
fn a_date_without_a_value_is_a_gap() {
    let lines = lines(&[
        &[Some(1.0), Some(1.0), None, Some(1.0), Some(1.0)],
        &[Some(1.0), None, Some(0.5), None, None],
    ]);
    assert_eq!(paths(&lines), ["M0 0l500 0M1500 0l500 0", ""]);
    let html = html(&lines);
    let document = parse(&html);
    let dots = by_class(&document, "ch-disc");
    assert_eq!(attributes(&dots, "cx"), ["0%", "50%"]);
    assert_eq!(attributes(&dots, "cy"), ["0%", "50%"]);
}

#[test]
fn distances_are_those_of_the_dates() {
    let mut lines = lines(&[&[Some(1.0); 11]]);
    lines
        .dates
        .retain(|date| [day(0), day(1), day(10)].contains(date));
    assert_eq!(paths(&lines), ["M0 0l200 0l1800 0"]);
}

#[test]
fn values_of_other_dates_are_not_drawn() {
    let mut lines = lines(&[&[Some(1.0), Some(1.0)]]);
    lines.series[0].values.insert(day(9), value(1000.0));
    assert_eq!(paths(&lines), ["M0 0l2000 0"]);
    lines.dates = [day(20)].into();
    assert!(html(&lines).contains("No data"));
}

#[test]
fn a_single_date_is_a_dot_in_the_middle() {
    let lines = lines(&[&[Some(2.0)], &[Some(1.0)]]);
    let html = html(&lines);
    let document = parse(&html);
    assert_eq!(
        attributes(&by_class(&document, "ch-disc"), "cx"),
        ["50%", "50%"]
    );
    assert_eq!(by_class(&document, "ch-slider").len(), 0);
    assert!(html.contains("Full 2026-05-01"));
}

#[test]
fn the_tooltip_finds_its_texts_in_attributes() {
    let mut lines = lines(&[&[Some(1.0), None, Some(2.25)], &[None, Some(0.5), None]]);
    lines.notes.insert(day(1), "Few analyses".to_owned());
    lines.marks.extend([day(1), day(100)]);
    let html = html(&lines);
    let document = parse(&html);
    let plot = by_class(&document, "ch-plot")[0];
    assert_eq!(plot.attribute("data-x"), Some("0|1000|2000"));
    let dates = "Full 2026-05-01|Full 2026-05-02|Full 2026-05-03";
    assert_eq!(plot.attribute("data-dates"), Some(dates));
    assert_eq!(plot.attribute("data-notes"), Some("|Few analyses|"));
    let values = |class| {
        let series = by_class(&document, class);
        series
            .iter()
            .find_map(|node| node.attribute("data-values"))
            .unwrap()
            .to_owned()
    };
    assert_eq!(values("ch-v0"), "1,0||2,2");
    assert_eq!(values("ch-v1"), "|0,5|");
    assert_eq!(by_class(&document, "ch-mark").len(), 1);
}

#[test]
fn controls_that_need_the_script_are_hidden_without_it() {
    let html = html(&lines(&[&[Some(1.0), Some(2.0)]]));
    let document = parse(&html);
    for class in ["ch-slider", "ch-invert"] {
        assert_eq!(by_class(&document, class)[0].attribute("hidden"), Some(""));
    }
    let slider = by_class(&document, "ch-slider")[0];
    assert_eq!(slider.attribute("aria-label"), Some("Date"));
    assert_eq!(
        (slider.attribute("max"), slider.attribute("value")),
        (Some("1"), Some("1"))
    );
}

#[test]
fn twenty_series_have_a_class_each_and_five_of_them_a_colour() {
    let html = html(&many_lines());
    let document = parse(&html);
    for index in 0..20 {
        // Its entry in the legend, its line, its dots and number.
        let parts = by_class(&document, &format!("ch-v{index}"));
        let names: Vec<_> = parts.iter().map(|part| part.tag_name().name()).collect();
        assert_eq!(names, ["g", "g", "li"], "{index}");
        for part in parts {
            let is_grey = part.attribute("class").unwrap().contains("ch-rest");
            assert_eq!(is_grey, index >= 5, "{index}");
        }
    }
    let numbers: Vec<_> = by_class(&document, "ch-index")
        .into_iter()
        .map(text)
        .collect();
    let ends: Vec<_> = by_class(&document, "ch-tiny")
        .into_iter()
        .map(text)
        .collect();
    assert_eq!(numbers.len(), 20);
    // Colours of lines have too little contrast for text.
    assert!(
        by_class(&document, "ch-tiny")
            .iter()
            .all(|text| text.attribute("class") == Some("ch-tiny ch-muted"))
    );
    assert_eq!(numbers, ends.into_iter().rev().collect::<Vec<_>>());
}

#[test]
fn series_after_the_twentieth_are_not_drawn() {
    let mut lines = many_lines();
    let mut last = lines.series[0].clone();
    last.values.insert(day(0), value(1e6));
    lines.series.push(last);
    assert_eq!(html(&lines), html(&many_lines()));
    assert_eq!(svg(&lines, Theme::Light), svg(&many_lines(), Theme::Light));
}

#[test]
fn twenty_series_of_180_dates_are_below_70_kilobytes() {
    let size = html(&many_lines()).len();
    assert!(size < 70_000, "{size} bytes");
}

#[test]
fn series_about_risks_have_the_colours_of_levels_and_dashes_of_states() {
    let mut lines = lines(&[&[Some(1.0), Some(2.0)][..]; 7]);
    for series in &mut lines.series {
        series.risks = Some((Level::High, State::Residual));
    }
    let html = html(&lines);
    assert!(
        html.contains("class=\"ch-line ch-high ch-dashed\""),
        "{html}"
    );
    assert!(!html.contains("ch-rest"), "{html}");
    assert!(svg(&lines, Theme::Light).contains("stroke=\"#6a0f2a\""));
}

#[test]
fn a_year_has_few_ticks() {
    let year = [Some(1.0); 366];
    let html = html(&lines(&[&year]));
    let document = parse(&html);
    let ticks: Vec<_> = by_class(&document, "ch-small")
        .into_iter()
        .map(text)
        .collect();
    let months = ticks.iter().filter(|tick| tick.starts_with("Month"));
    assert!((4..=8).contains(&months.count()), "{ticks:?}");
    assert!(by_class(&document, "ch-second").len() >= 2);
}

#[test]
fn an_image_has_a_legend() {
    let svg = svg(&many_lines(), Theme::Dark);
    let document = parse(&svg);
    let texts: Vec<_> = by_name(&document, "text").into_iter().map(text).collect();
    for index in 1..=20 {
        assert!(texts.contains(&format!("series {index}")), "{index}");
        // In the legend and at the end of the line.
        let number = index.to_string();
        assert!(
            texts.iter().filter(|text| **text == number).count() >= 2,
            "{index}"
        );
    }
}
