//! Pictures with their tables, as pages and files show them.

use chrono::NaiveDate;
use maud::{Markup, html};
use stats_charts::{Chart, DateForm, Label, Locale, NumberForm, Value};
use stats_processors::Average;

use super::options::Options;
use super::pictures::Picture;
use super::site::Site;
use super::translation::{Texts, text};
use crate::csv::{Field, csv};
use crate::errors::ApiError;

/// A picture and its table.
pub(super) struct Figure {
    pub(super) picture: Picture,
    /// The choices that give this figure at its address.
    pub(super) options: Options,
    pub(super) chart: Box<dyn Chart>,
    pub(super) table: Table,
}

/// The numbers of a picture.
pub(super) struct Table {
    /// The title of the picture.
    pub(super) title: String,
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Vec<Entry>>,
}

/// A cell of a [`Table`].
pub(super) enum Entry {
    Text(Label),
    Date(NaiveDate),
    /// A mean, which may be missing.
    Number(Option<Value>, NumberForm),
    Count(u64),
}

impl Figure {
    /// Returns the picture, with links to its table and its files.
    pub(super) fn html(&self, site: &Site) -> Markup {
        html! {
            div.figure {
                (self.chart.html(site.texts()))
                (self.links(site))
            }
        }
    }

    /// Returns the links to the table and the files.
    pub(super) fn links(&self, site: &Site) -> Markup {
        let texts = site.texts();
        html! {
            ul.files aria-label=(text!(texts, "figure-files", title = self.table.title.as_str())) {
                li { a href=(self.address(site, "html")) { (text!(texts, "figure-table")) } }
                @for (extension, name) in [("csv", "CSV"), ("svg", "SVG"), ("png", "PNG")] {
                    li { a href=(self.address(site, extension)) { (name) } }
                }
            }
        }
    }

    fn address(&self, site: &Site, extension: &str) -> String {
        let path = format!("/chart/{}.{extension}", self.picture.name());
        // A file is in the language of the page that links to it.
        site.file_link(&path, self.options)
    }
}

impl Table {
    pub(super) fn html(&self, texts: &Texts) -> Markup {
        html! {
            div.scroll role="region" aria-labelledby="table" tabindex="0" {
                table {
                    caption #table { (self.title) }
                    thead {
                        tr {
                            @for (position, column) in self.columns.iter().enumerate() {
                                th.number[self.is_number(position)] scope="col" { (column) }
                            }
                        }
                    }
                    tbody {
                        @for row in &self.rows {
                            tr {
                                @for (position, entry) in row.iter().enumerate() {
                                    @if position == 0 {
                                        th scope="row" { (entry.html(texts)) }
                                    } @else {
                                        td.number[self.is_number(position)] { (entry.html(texts)) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    /// Returns the table for programs: dates as in ISO 8601, numbers with a decimal point.
    pub(super) fn csv(&self) -> Result<Vec<u8>, ApiError> {
        let header: Vec<Field> = self
            .columns
            .iter()
            .map(|column| column.as_str().into())
            .collect();
        let rows = self
            .rows
            .iter()
            .map(|row| row.iter().map(Entry::field).collect());
        csv([header].into_iter().chain(rows)).map_err(ApiError::internal)
    }

    fn is_number(&self, position: usize) -> bool {
        let first = self.rows.first().and_then(|row| row.get(position));
        matches!(first, Some(Entry::Number(..) | Entry::Count(_)))
    }
}

impl Entry {
    /// Returns the numbers of analyses and clients behind a mean.
    pub(super) fn counts(mean: Average) -> [Self; 2] {
        [Self::Count(mean.analyses()), Self::Count(mean.clients())]
    }

    /// Returns a name without a language.
    pub(super) fn text(text: impl Into<Label>) -> Self {
        Self::Text(text.into())
    }

    fn field(&self) -> Field {
        match self {
            Self::Text(label) => label.text.as_str().into(),
            Self::Date(date) => (*date).into(),
            Self::Number(number, _) => number.map(Value::get).into(),
            Self::Count(count) => (*count).into(),
        }
    }

    fn html(&self, texts: &Texts) -> Markup {
        match self {
            Self::Text(label) => html! { bdi lang=[label.language] { (label.text) } },
            Self::Date(date) => {
                html! { time datetime=(date) { (texts.date(*date, DateForm::Full)) } }
            }
            Self::Number(None, _) => html! { (NONE) },
            Self::Number(Some(value), form) => html! { (texts.number(*value, *form)) },
            Self::Count(count) => html! { (texts.decimal(*count as f64, 0)) },
        }
    }
}

/// The text for a missing number.
const NONE: &str = "–";
