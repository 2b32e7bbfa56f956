//! Colours and strokes. Pages have them in classes, which `chart.css` defines, and images in attributes.

use crate::Theme;

/// The number of colours of series. The series after them have the same colours with other dashes.
const SERIES_COLOURS: usize = 10;
/// How many series of a chart have colours. The others are grey until the reader chooses fewer.
pub(crate) const COLOURED_SERIES: usize = 5;
/// The number of steps of [`Colour::Heat`].
pub(crate) const HEAT_STEPS: usize = 6;

/// A level of risk. Its colours are ordered, and differ in greyscale too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Low risks.
    Low,
    /// Medium risks.
    Medium,
    /// High risks.
    High,
}

/// Whether risks are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Before treatment: full bars, solid lines.
    Current,
    /// After treatment: light bars, dashed lines.
    Residual,
}

/// The meaning of a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Colour {
    Paper,
    Text,
    Muted,
    Rule,
    Track,
    /// Series beyond the coloured ones.
    Grey,
    Series(usize),
    Level(Level),
    /// A step from 1 (few) to [`HEAT_STEPS`] (many).
    Heat(usize),
    HeatText(usize),
    Sea,
    Land,
    Pin,
    PinText,
}

/// The name of the custom property in `chart.css`, the color in light and that in dark.
type Swatch = (&'static str, &'static str, &'static str);

const PAPER: Swatch = ("paper", "#ffffff", "#1a1f1c");
const TEXT: Swatch = ("text", "#1c2420", "#e7ece9");
const MUTED: Swatch = ("muted", "#55605a", "#a3aea8");
const RULE: Swatch = ("rule", "#dde2df", "#38413c");
const TRACK: Swatch = ("track", "#eef1ef", "#262d29");
const GREY: Swatch = ("grey", "#87918c", "#78847e");
const SEA: Swatch = ("sea", "#eef3f6", "#141a1d");
const LAND: Swatch = ("land", "#cdd6d1", "#3a4540");
const PIN: Swatch = ("pin", "#a3164a", "#ff9dbd");
const PIN_TEXT: Swatch = ("pin-text", "#ffffff", "#121614");
const LEVELS: [Swatch; 3] = [
    ("low", "#b58a1a", "#94783a"),
    ("medium", "#a83a08", "#ee8b3d"),
    ("high", "#6a0f2a", "#ffc4bb"),
];
/// The first five are the most different, with each kind of colour-blindness too.
const SERIES: [Swatch; SERIES_COLOURS] = [
    ("s0", "#1f5fb4", "#7fb2ff"),
    ("s1", "#c96b1b", "#edd627"),
    ("s2", "#46591f", "#36edd3"),
    ("s3", "#ae6f9d", "#be6b78"),
    ("s4", "#e64e5a", "#708e34"),
    ("s5", "#0f7f8c", "#ee4fcb"),
    ("s6", "#a762ec", "#e45417"),
    ("s7", "#a8012c", "#b48856"),
    ("s8", "#803b5f", "#acd195"),
    ("s9", "#417647", "#9f97ff"),
];
const HEAT: [Swatch; HEAT_STEPS] = [
    ("h1", "#fff0c2", "#3b2d14"),
    ("h2", "#fed88a", "#5c3f14"),
    ("h3", "#f9b552", "#8a4f14"),
    ("h4", "#b85711", "#c8701f"),
    ("h5", "#993312", "#ef9d4b"),
    ("h6", "#671212", "#ffd593"),
];
/// The text on the first half of the steps, and on the second.
const HEAT_TEXT: [Swatch; 2] = [
    ("heat-text-few", "#1c2420", "#ffffff"),
    ("heat-text-many", "#ffffff", "#121614"),
];

impl Colour {
    fn swatch(self) -> Swatch {
        match self {
            Self::Paper => PAPER,
            Self::Text => TEXT,
            Self::Muted => MUTED,
            Self::Rule => RULE,
            Self::Track => TRACK,
            Self::Grey => GREY,
            Self::Series(index) => SERIES[index % SERIES_COLOURS],
            Self::Level(level) => LEVELS[level as usize],
            Self::Heat(step) => HEAT[step.clamp(1, HEAT_STEPS) - 1],
            Self::HeatText(step) => HEAT_TEXT[usize::from(step > HEAT_STEPS / 2)],
            Self::Sea => SEA,
            Self::Land => LAND,
            Self::Pin => PIN,
            Self::PinText => PIN_TEXT,
        }
    }

    pub(crate) fn hex(self, theme: Theme) -> &'static str {
        let (_, light, dark) = self.swatch();
        match theme {
            Theme::Light => light,
            Theme::Dark => dark,
        }
    }

    fn name(self) -> &'static str {
        self.swatch().0
    }
}

/// The dashes of a line, which tell lines apart without colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dash {
    Solid,
    Dashed,
    Dotted,
    Mixed,
}

impl Dash {
    /// Five series with different colours have the same dashes.
    pub(crate) fn of_series(index: usize) -> Self {
        match index / COLOURED_SERIES % 4 {
            0 => Self::Solid,
            1 => Self::Dashed,
            2 => Self::Dotted,
            _ => Self::Mixed,
        }
    }

    fn class(self) -> &'static str {
        match self {
            Self::Solid => "",
            Self::Dashed => " ch-dashed",
            Self::Dotted => " ch-dotted",
            Self::Mixed => " ch-dash-dotted",
        }
    }

    fn attribute(self) -> Option<&'static str> {
        match self {
            Self::Solid => None,
            Self::Dashed => Some("7 4"),
            Self::Dotted => Some("1.5 4"),
            Self::Mixed => Some("9 4 1.5 4"),
        }
    }
}

/// How a shape is painted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ink {
    /// An area.
    Fill(Colour),
    /// A light area with a contour.
    Outline(Colour),
    /// A disc that is separated from what it covers.
    Disc(Colour),
    /// An area with borders of the colour of the paper.
    Land,
    /// A line of the data.
    Line(Colour, Dash),
    /// A line of a scale.
    Hairline(Colour),
    /// A dotted line that marks a date.
    Mark,
    /// A mark of a target on a bar.
    Target,
    /// Text of 13, 12, 11 or 18 pixels.
    Body(Colour),
    Small(Colour),
    Tiny(Colour),
    Title(Colour),
}

/// The attributes of a shape: a class in pages, the others in images.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Paint {
    pub(crate) class: Option<String>,
    pub(crate) fill: Option<&'static str>,
    pub(crate) fill_opacity: Option<&'static str>,
    pub(crate) stroke: Option<&'static str>,
    pub(crate) stroke_width: Option<&'static str>,
    pub(crate) dash: Option<&'static str>,
    pub(crate) font_size: Option<&'static str>,
}

impl Ink {
    /// Returns the attributes for a page, or for an image with a theme.
    pub(crate) fn paint(self, theme: Option<Theme>) -> Paint {
        match theme {
            None => Paint {
                class: Some(self.class()),
                ..Paint::default()
            },
            Some(theme) => self.attributes(theme),
        }
    }

    fn class(self) -> String {
        let (kind, colour, dash) = match self {
            Self::Fill(colour) => ("fill", colour, Dash::Solid),
            Self::Outline(colour) => ("outline", colour, Dash::Solid),
            Self::Disc(colour) => ("disc", colour, Dash::Solid),
            Self::Land => ("land", Colour::Land, Dash::Solid),
            Self::Line(colour, dash) => ("line", colour, dash),
            Self::Hairline(colour) => ("hairline", colour, Dash::Solid),
            Self::Mark => ("mark", Colour::Muted, Dash::Solid),
            Self::Target => ("target", Colour::Text, Dash::Solid),
            Self::Body(colour) => ("body", colour, Dash::Solid),
            Self::Small(colour) => ("small", colour, Dash::Solid),
            Self::Tiny(colour) => ("tiny", colour, Dash::Solid),
            Self::Title(colour) => ("title", colour, Dash::Solid),
        };
        format!("ch-{kind} ch-{}{}", colour.name(), dash.class())
    }

    fn attributes(self, theme: Theme) -> Paint {
        let none = Paint::default();
        let stroked = |colour: Colour, width, dash| Paint {
            fill: Some("none"),
            stroke: Some(colour.hex(theme)),
            stroke_width: Some(width),
            dash,
            ..Paint::default()
        };
        let text = |colour: Colour, size| Paint {
            fill: Some(colour.hex(theme)),
            font_size: Some(size),
            ..Paint::default()
        };
        match self {
            Self::Fill(colour) => Paint {
                fill: Some(colour.hex(theme)),
                ..none
            },
            Self::Outline(colour) => Paint {
                fill: Some(colour.hex(theme)),
                fill_opacity: Some("0.25"),
                stroke: Some(colour.hex(theme)),
                stroke_width: Some("1.5"),
                ..none
            },
            Self::Disc(colour) => Paint {
                fill: Some(colour.hex(theme)),
                stroke: Some(Colour::Paper.hex(theme)),
                stroke_width: Some("1.5"),
                ..none
            },
            Self::Land => Paint {
                fill: Some(Colour::Land.hex(theme)),
                stroke: Some(Colour::Paper.hex(theme)),
                stroke_width: Some("0.7"),
                ..none
            },
            Self::Line(Colour::Grey, dash) => stroked(Colour::Grey, "1.25", dash.attribute()),
            Self::Line(colour, dash) => stroked(colour, "2", dash.attribute()),
            Self::Hairline(colour) => stroked(colour, "1", None),
            Self::Mark => stroked(Colour::Muted, "1", Some("1 3")),
            Self::Target => stroked(Colour::Text, "2", None),
            Self::Body(colour) => text(colour, "13"),
            Self::Small(colour) => text(colour, "12"),
            Self::Tiny(colour) => text(colour, "11"),
            Self::Title(colour) => text(colour, "18"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::STYLE;

    const THEMES: [Theme; 2] = [Theme::Light, Theme::Dark];

    fn swatches() -> Vec<Swatch> {
        let single = [
            PAPER, TEXT, MUTED, RULE, TRACK, GREY, SEA, LAND, PIN, PIN_TEXT,
        ];
        [&single[..], &LEVELS, &SERIES, &HEAT, &HEAT_TEXT].concat()
    }

    fn linear(hex: &str) -> [f64; 3] {
        [1, 3, 5].map(|start| {
            let channel = u8::from_str_radix(&hex[start..start + 2], 16).unwrap();
            let channel = f64::from(channel) / 255.0;
            if channel <= 0.04045 {
                channel / 12.92
            } else {
                ((channel + 0.055) / 1.055).powf(2.4)
            }
        })
    }

    fn luminance([red, green, blue]: [f64; 3]) -> f64 {
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    /// The contrast ratio of WCAG 2.2.
    fn contrast(a: Colour, b: Colour, theme: Theme) -> f64 {
        let [a, b] = [a, b].map(|colour| luminance(linear(colour.hex(theme))) + 0.05);
        a.max(b) / a.min(b)
    }

    /// Returns CIELAB coordinates of linear RGB.
    fn lab([red, green, blue]: [f64; 3]) -> [f64; 3] {
        let root = |value: f64| {
            if value > 0.008856 {
                value.cbrt()
            } else {
                7.787 * value + 16.0 / 116.0
            }
        };
        let x = root((0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.95047);
        let y = root(luminance([red, green, blue]));
        let z = root((0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.08883);
        [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
    }

    /// Matrices of Machado, Oliveira and Fernandes (2009) for missing cones, in linear RGB.
    const COLOUR_BLIND: [[[f64; 3]; 3]; 3] = [
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ],
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ],
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ],
    ];

    fn distance(a: Colour, b: Colour, theme: Theme, matrix: [[f64; 3]; 3]) -> f64 {
        let [a, b] = [a, b].map(|colour| {
            let rgb = linear(colour.hex(theme));
            lab(matrix.map(|row| {
                let channel: f64 = row.iter().zip(rgb).map(|(a, b)| a * b).sum();
                channel.clamp(0.0, 1.0)
            }))
        });
        let squares = a.iter().zip(b).map(|(a, b)| (a - b) * (a - b));
        squares.sum::<f64>().sqrt()
    }

    #[test]
    fn the_style_sheet_has_the_colours_of_images() {
        let (light, rest) = STYLE
            .split_once("@media (prefers-color-scheme: dark)")
            .unwrap();
        let (dark, _) = rest.split_once("/* Frame */").unwrap();
        for (name, light_colour, dark_colour) in swatches() {
            for (sheet, colour) in [(light, light_colour), (dark, dark_colour)] {
                let declaration = format!("--ch-{name}: {colour};");
                assert!(sheet.contains(&declaration), "{declaration}");
            }
        }
        let single = [TEXT, MUTED, RULE, TRACK, GREY, PIN, PIN_TEXT, LAND];
        for (name, ..) in [&single[..], &LEVELS, &SERIES].concat() {
            let class = format!(".ch-{name} {{ --ch-ink: var(--ch-{name}); }}");
            assert!(STYLE.contains(&class), "{class}");
        }
    }

    #[test]
    fn colours_have_the_contrast_of_wcag_aa() {
        let series = (0..SERIES_COLOURS).map(Colour::Series);
        let levels = [Level::Low, Level::Medium, Level::High].map(Colour::Level);
        let marks: Vec<_> = series
            .chain(levels)
            .chain([Colour::Grey, Colour::Pin])
            .map(|mark| (mark, Colour::Paper, 3.0))
            .collect();
        let texts = [
            (Colour::Text, Colour::Paper, 4.5),
            (Colour::Muted, Colour::Paper, 4.5),
            (Colour::PinText, Colour::Pin, 4.5),
            (Colour::Pin, Colour::Land, 3.0),
            (Colour::Pin, Colour::Sea, 3.0),
        ];
        let heat = (1..=HEAT_STEPS).map(|step| (Colour::HeatText(step), Colour::Heat(step), 4.5));
        for (colour, ground, least) in marks.into_iter().chain(texts).chain(heat) {
            for theme in THEMES {
                let ratio = contrast(colour, ground, theme);
                assert!(
                    ratio >= least,
                    "{colour:?} on {ground:?}, {theme:?}: {ratio:.2}"
                );
            }
        }
    }

    #[test]
    fn the_colour_blind_tell_coloured_series_and_levels_apart() {
        let series: Vec<_> = (0..COLOURED_SERIES).map(Colour::Series).collect();
        let levels = [Level::Low, Level::Medium, Level::High].map(Colour::Level);
        for colours in [&series[..], &levels] {
            for (index, &a) in colours.iter().enumerate() {
                for (&b, theme) in colours[..index].iter().flat_map(|b| THEMES.map(|t| (b, t))) {
                    for matrix in COLOUR_BLIND {
                        let distance = distance(a, b, theme, matrix);
                        assert!(distance > 16.0, "{a:?} and {b:?}, {theme:?}: {distance:.1}");
                    }
                }
            }
        }
    }

    #[test]
    fn levels_and_steps_of_heat_are_ordered_in_greyscale() {
        let levels = [Level::Low, Level::Medium, Level::High].map(Colour::Level);
        let heat: Vec<_> = (1..=HEAT_STEPS).map(Colour::Heat).collect();
        for colours in [&levels[..], &heat] {
            for theme in THEMES {
                let from_paper = |colour: &Colour| contrast(*colour, Colour::Paper, theme);
                for pair in colours.windows(2) {
                    assert!(
                        from_paper(&pair[1]) > 1.2 * from_paper(&pair[0]),
                        "{pair:?}, {theme:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn twenty_series_differ_in_colour_or_dash() {
        let look = |index| (Colour::Series(index).name(), Dash::of_series(index));
        for index in 0..20 {
            assert!(
                (0..index).all(|other| look(other) != look(index)),
                "{index}"
            );
        }
    }
}
