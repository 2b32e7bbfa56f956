//! Images and PNGs.

use stats_charts::{Chart, Export, PngError, Theme, Width, png};

use crate::samples::{
    Comma, by_name, empty_charts, every_chart, hostile_charts, lines, many_lines, parse, single,
    svg, text,
};

/// The width and the height in the header of a PNG.
fn size(png: &[u8]) -> (u32, u32) {
    assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"));
    let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
    (number(16), number(20))
}

#[test]
fn images_depend_on_no_style_sheet() {
    for chart in every_chart().into_iter().chain(empty_charts()) {
        for theme in [Theme::Light, Theme::Dark] {
            let svg = svg(&*chart, theme);
            let document = parse(&svg);
            assert_eq!(
                document.root_element().tag_name().namespace(),
                Some("http://www.w3.org/2000/svg")
            );
            for node in document.descendants() {
                assert!(!["style", "script", "image", "use"].contains(&node.tag_name().name()));
                assert!(
                    node.attribute("class").is_none() && node.attribute("style").is_none(),
                    "{svg}"
                );
            }
        }
    }
}

#[test]
fn images_have_the_colours_of_their_theme() {
    let chart = single(&[("a", 1.0)]);
    let (light, dark) = (svg(&chart, Theme::Light), svg(&chart, Theme::Dark));
    assert!(light.contains("#1f5fb4") && !light.contains("#7fb2ff"));
    assert!(dark.contains("#7fb2ff") && !dark.contains("#1f5fb4"));
}

#[test]
fn an_image_has_the_width_that_was_asked_for() {
    assert_eq!((Width::new(319), Width::new(2401)), (None, None));
    for width in [320, 2400] {
        let export = Export {
            theme: Theme::Light,
            width: Width::new(width).unwrap(),
        };
        let svg = many_lines().svg(&Comma, export);
        let png = png(&svg, 0.5).unwrap();
        let (png_width, png_height) = size(&png);
        let height = parse(&svg)
            .root_element()
            .attribute("height")
            .unwrap()
            .parse::<u32>()
            .unwrap();
        assert_eq!(
            (png_width, png_height),
            (u32::from(width) / 2, height.div_ceil(2))
        );
    }
}

#[test]
fn images_name_their_source() {
    for chart in [
        &single(&[("a", 1.0)]) as &dyn Chart,
        &lines(&[&[Some(1.0)]]),
    ] {
        assert!(svg(chart, Theme::Light).contains("Source of "));
    }
}

#[test]
fn every_image_becomes_a_png() {
    for chart in every_chart()
        .into_iter()
        .chain(hostile_charts())
        .chain(empty_charts())
    {
        size(&png(&svg(&*chart, Theme::Dark), 1.0).unwrap());
    }
}

#[test]
fn characters_that_xml_lacks_are_replaced() {
    let svg = svg(&single(&[("a\0b\u{1b}c\u{ffff}\td", 1.0)]), Theme::Light);
    let document = parse(&svg);
    let texts: Vec<_> = by_name(&document, "text").into_iter().map(text).collect();
    assert!(
        texts.contains(&"a\u{fffd}b\u{fffd}c\u{fffd} d".to_owned()),
        "{texts:?}"
    );
}

/// Returns the PNG of a text.
fn drawn(text: &str) -> Vec<u8> {
    let svg = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' width='300' height='20' font-family='Noto Sans, sans-serif'>\
         <text y='15' font-size='12'>{text}</text></svg>"
    );
    png(&svg, 1.0).unwrap()
}

#[test]
fn pngs_have_letters_of_their_own_font() {
    // U+4E00 is in none of the fonts: its box is what other missing letters look like.
    let missing = drawn("\u{4e00}");
    assert_ne!(missing, drawn(""));
    for text in ["e", "é", "ß", "Ё", "Ω", "€", "…", "–", "×", "ش", "ש", "đ"] {
        let drawn = drawn(text);
        assert_ne!(drawn, missing, "{text}");
    }
    // Spaces are not boxes.
    assert_eq!(drawn("1\u{202f}"), drawn("1"));
    // Arabic letters are joined: together they are not what they are apart.
    assert_ne!(drawn("شش"), drawn("ش\u{200c}ش"));
}

#[test]
fn pngs_have_a_limited_size() {
    let svg = svg(&single(&[("a", 1.0)]), Theme::Light);
    for scale in [20.0, 1000.0, 0.0, -1.0, f32::NAN, f32::INFINITY] {
        let error = png(&svg, scale).unwrap_err();
        assert!(matches!(error, PngError::Size { .. }), "{scale}: {error}");
    }
    assert!(matches!(png("<p>", 1.0), Err(PngError::Svg(_))));
}

#[test]
fn all_parts_of_an_image_are_inside() {
    for chart in every_chart() {
        let svg = svg(&*chart, Theme::Light);
        let document = parse(&svg);
        let number = |name: &str| {
            document
                .root_element()
                .attribute(name)
                .unwrap()
                .parse::<f64>()
                .unwrap()
        };
        let (width, height) = (number("width"), number("height"));
        for text in by_name(&document, "text") {
            let at = |name| text.attribute(name).unwrap().parse::<f64>().unwrap();
            let (x, y) = (at("x") + at("dx"), at("y") + at("dy"));
            assert!(
                (0.0..width).contains(&x) && (0.0..height).contains(&y),
                "{x} {y}: {svg}"
            );
        }
    }
}
