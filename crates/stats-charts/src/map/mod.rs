mod camera;
mod groups;
mod outline;

use maud::{Markup, html};

use self::camera::Camera;
use self::groups::{Group, group};
use crate::draw::{Anchor, Area, Moved, Short};
use crate::image::{FONT, LINE, Sheet, description, image, text_lines};
use crate::ink::{Colour, Ink};
use crate::text::wrap;
use crate::{Caption, Chart, Export, Label, Locale};

/// Pins on the outlines of countries. Pins that would overlap are grouped. Each has the number of its entry in the list
/// under the map.
#[derive(Debug, Clone, PartialEq)]
pub struct Map {
    /// What is said about the chart.
    pub caption: Caption,
    /// The part of the world.
    pub view: View,
    /// The pins. Those outside the view are not shown.
    pub pins: Vec<Pin>,
}

/// A part of the world.
#[derive(Debug, Clone, PartialEq)]
pub enum View {
    /// All of it without Antarctica.
    World,
    /// Europe from Iceland to the Caucasus.
    Europe,
    /// The surroundings of places: about 150 kilometres or more, and the world if they are far from each other or if there
    /// are none.
    Around(Vec<Coordinates>),
}

/// A place on a [`Map`].
#[derive(Debug, Clone, PartialEq)]
pub struct Pin {
    /// Where it is.
    pub at: Coordinates,
    /// What is there.
    pub title: Label,
    /// What is said about it, in lines.
    pub description: Vec<Label>,
}

/// A place on earth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coordinates {
    latitude: f64,
    longitude: f64,
}

impl Coordinates {
    /// Returns `None` unless the latitude is from -90 to 90 degrees and the longitude from -180 to 180.
    pub fn new(latitude: f64, longitude: f64) -> Option<Self> {
        let is_valid = (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude);
        is_valid.then_some(Self {
            latitude,
            longitude,
        })
    }

    /// Degrees to the north.
    pub fn latitude(self) -> f64 {
        self.latitude
    }

    /// Degrees to the east.
    pub fn longitude(self) -> f64 {
        self.longitude
    }
}

/// The width of the coordinates of land in a page, which the browser scales.
const PAGE_WIDTH: f64 = 1000.0;
/// The radius of a pin in pixels, and that of a group.
const PIN: f64 = 8.0;
const GROUP: f64 = 11.0;

impl Chart for Map {
    fn html(&self, _: &dyn Locale) -> Markup {
        let camera = Camera::new(&self.view);
        let groups = group(&self.pins, camera);
        let view_box = format!("0 0 {PAGE_WIDTH} {}", (PAGE_WIDTH * camera.ratio()).round());
        html! {
            figure.ch-chart.ch-map {
                (self.caption.figcaption())
                @if self.pins.is_empty() {
                    (self.caption.empty_html())
                } @else {
                    div.ch-body {
                        // The picture is an element of its own, because pins within an image could not have the focus.
                        svg.ch-canvas.ch-world[camera.is_world()] {
                            svg role="img" width="100%" height="100%" viewBox=(view_box) preserveAspectRatio="none" {
                                (description(&self.caption))
                                path.ch-land d=(camera.land(PAGE_WIDTH)) {}
                            }
                            @for (index, group) in groups.iter().enumerate() {
                                g.ch-place role="img" tabindex="0" aria-label=(group.name()) {
                                    (group.shapes(Area::Page, index))
                                }
                            }
                        }
                        ol.ch-places {
                            @for group in &groups {
                                li {
                                    @for pin in &group.pins {
                                        div {
                                            strong { (pin.title.html()) }
                                            @for line in &pin.description { span.ch-detail { (line.html()) } }
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    fn svg(&self, _: &dyn Locale, export: Export) -> String {
        let camera = Camera::new(&self.view);
        image(&self.caption, export, |sheet| {
            if self.pins.is_empty() {
                sheet.empty(&self.caption);
            } else {
                self.draw(sheet, camera);
            }
        })
    }
}

impl Map {
    fn draw(&self, sheet: &mut Sheet, camera: Camera) {
        let groups = group(&self.pins, camera);
        let (width, height) = (sheet.width, (sheet.width * camera.ratio()).round());
        sheet.push(height, |area| {
            let Area::Image(frame, _) = area else {
                return Markup::default();
            };
            let (sea, land) = (area.paint(Ink::Fill(Colour::Sea)), area.paint(Ink::Land));
            let view_box = format!("0 0 {} {}", width.round(), height);
            html! {
                svg x=(Short(frame.left)) y=(Short(frame.top)) width=(Short(width)) height=(Short(height))
                    viewBox=(view_box) {
                    rect fill=[sea.fill] width=(Short(width)) height=(Short(height)) {}
                    path fill=[land.fill] stroke=[land.stroke] stroke-width=[land.stroke_width]
                        d=(camera.land(width)) {}
                }
                @for (index, group) in groups.iter().enumerate() { (group.shapes(area, index)) }
            }
        });
        sheet.skip(12.0);
        for (index, group) in groups.iter().enumerate() {
            const NUMBER: f64 = 28.0;
            let room = (sheet.width - NUMBER) / FONT;
            let ink = |colour| Ink::Body(colour);
            let mut lines = Vec::new();
            for pin in &group.pins {
                lines.extend(
                    wrap(&pin.title.text, room)
                        .into_iter()
                        .map(|line| (ink(Colour::Text), line)),
                );
                let details = pin
                    .description
                    .iter()
                    .flat_map(|line| wrap(&line.text, room));
                lines.extend(details.map(|line| (ink(Colour::Muted), line)));
            }
            sheet.push(LINE * lines.len() as f64 + 6.0, |area| html! {
                @let number = area.part(NUMBER - 8.0, 0.0, 0.0, 0.0);
                (text_lines(number, ink(Colour::Text), FONT, &[(index + 1).to_string()], Anchor::End))
                @for (position, (ink, line)) in lines.iter().enumerate() {
                    @let place = area.part(NUMBER, LINE * position as f64, 0.0, 0.0);
                    (text_lines(place, *ink, FONT, std::slice::from_ref(line), Anchor::Start))
                }
            });
        }
    }
}

impl Group<'_> {
    /// Returns the titles of the pins.
    fn name(&self) -> String {
        let titles: Vec<_> = self
            .pins
            .iter()
            .map(|pin| pin.title.text.as_str())
            .collect();
        titles.join(", ")
    }

    fn shapes(&self, area: Area, index: usize) -> Markup {
        let radius = if self.pins.len() > 1 { GROUP } else { PIN };
        let centre = Moved {
            right: 0.0,
            down: 4.0,
            anchor: Anchor::Middle,
        };
        html! {
            (area.disc(Ink::Disc(Colour::Pin), self.at, radius))
            (area.text(Ink::Tiny(Colour::PinText), self.at, centre, &(index + 1).to_string()))
        }
    }
}
