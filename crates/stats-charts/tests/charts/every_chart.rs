//! Rules for all charts.

use stats_charts::{Chart, SCRIPT, STYLE, Theme};

use crate::samples::{
    HOSTILE, by_name, empty_charts, every_chart, hostile_charts, html, many_lines, parse, svg, text,
};

fn all() -> Vec<Box<dyn Chart>> {
    let mut all = every_chart();
    all.extend(empty_charts());
    all.extend(hostile_charts());
    all
}

#[test]
fn html_has_no_inline_styles_and_scripts() {
    for chart in all() {
        let html = html(&*chart);
        for node in parse(&html).descendants() {
            assert!(
                !["script", "style"].contains(&node.tag_name().name()),
                "{html}"
            );
            for attribute in node.attributes() {
                let name = attribute.name();
                assert!(name != "style" && !name.starts_with("on"), "{name}: {html}");
            }
        }
    }
}

#[test]
fn pictures_have_a_title_and_a_description() {
    for chart in every_chart() {
        for xml in [html(&*chart), svg(&*chart, Theme::Light)] {
            let document = parse(&xml);
            let pictures = by_name(&document, "svg");
            let mut pictures = pictures
                .iter()
                .filter(|svg| svg.attribute("role") == Some("img"));
            if let Some(picture) = pictures.next() {
                let names: Vec<_> = picture
                    .children()
                    .map(|node| node.tag_name().name())
                    .collect();
                assert_eq!(names[..2], ["title", "desc"], "{xml}");
                let title = text(picture.first_child().unwrap());
                assert!(xml.contains(&format!("About {title}")), "{xml}");
            } else {
                // Tables need no alternative.
                assert_eq!(by_name(&document, "table").len(), 1, "{xml}");
            }
        }
    }
}

#[test]
fn text_of_users_stays_text() {
    for chart in hostile_charts() {
        let html = html(&*chart);
        let document = parse(&html);
        assert!(!html.contains("<script"), "{html}");
        assert!(text(document.root()).contains(HOSTILE), "{html}");
        for theme in [Theme::Light, Theme::Dark] {
            let svg = svg(&*chart, theme);
            assert!(!svg.contains("<script"), "{svg}");
            let title = by_name(&parse(&svg), "title")[0].text().unwrap().to_owned();
            assert_eq!(title, HOSTILE);
        }
    }
}

#[test]
fn text_of_users_is_isolated() {
    for chart in hostile_charts() {
        let html = html(&*chart);
        let document = parse(&html);
        for label in by_name(&document, "bdi") {
            assert_eq!(text(label), HOSTILE);
        }
        for label in by_name(&document, "text") {
            assert_eq!(label.attribute("unicode-bidi"), Some("plaintext"), "{html}");
        }
    }
}

#[test]
fn a_chart_without_data_says_so() {
    for chart in empty_charts() {
        for xml in [html(&*chart), svg(&*chart, Theme::Dark)] {
            assert!(text(parse(&xml).root()).contains("No data"), "{xml}");
        }
        assert!(!html(&*chart).contains("<svg"));
    }
}

#[test]
fn numbers_in_markup_are_short() {
    for xml in [html(&many_lines()), svg(&many_lines(), Theme::Light)] {
        let is_number = |c: char| c.is_ascii_digit() || c == '.';
        for number in xml
            .split(|c| !is_number(c))
            .filter(|text| text.contains('.'))
        {
            let (_, decimals) = number.split_once('.').unwrap();
            assert!(decimals.len() <= 2, "{number}");
        }
    }
}

#[test]
fn the_style_sheet_and_the_script_know_the_classes() {
    let mut unknown = Vec::new();
    for chart in all() {
        let html = html(&*chart);
        for node in parse(&html).descendants() {
            for class in node
                .attribute("class")
                .unwrap_or_default()
                .split_whitespace()
            {
                let is_known = STYLE.contains(&format!(".{class}")) || SCRIPT.contains(class);
                if !is_known {
                    unknown.push(class.to_owned());
                }
            }
        }
    }
    assert_eq!(unknown, [""; 0]);
}

#[test]
fn the_script_uses_no_network_and_no_inline_html() {
    for word in [
        "fetch",
        "XMLHttpRequest",
        "import",
        "innerHTML",
        "eval",
        "http",
    ] {
        assert!(!SCRIPT.contains(word), "{word}");
    }
    assert!(!STYLE.contains("url("));
    assert!(!STYLE.contains("@import"));
}
