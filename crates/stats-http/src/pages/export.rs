//! Pictures at addresses of their own, for reports and other sites.

use std::str::FromStr;

use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, VARY,
};
use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};
use maud::html;
use serde::Deserialize;
use stats_charts::{Export, PngError, Theme, Width, png};
use stats_core::InvalidValue;

use super::drawing::drawn;
use super::options::Options;
use super::pictures::Picture;
use super::site::{Page, Site};
use super::translation::text;
use crate::errors::ApiError;
use crate::extract::from_query;
use crate::extract::lenient::Number;
use crate::respond::tagged;

/// The pixels of a PNG per pixel of its width.
const SCALE: f32 = 2.0;

/// `GET /chart/{file}`: the picture `name` as `name.svg` or `name.png`, and its table as `name.csv` or `name.html`.
pub(super) async fn chart(request: HttpRequest, site: Site, file: Path<String>) -> HttpResponse {
    match export(&request, &site, &file).await {
        Ok(response) => response,
        Err(error) => site.refuse(&error),
    }
}

/// The type of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Html,
    Csv,
    Svg,
    Png,
}

impl FromStr for Format {
    type Err = ApiError;

    fn from_str(extension: &str) -> Result<Self, ApiError> {
        match extension {
            "html" => Ok(Self::Html),
            "csv" => Ok(Self::Csv),
            "svg" => Ok(Self::Svg),
            "png" => Ok(Self::Png),
            _ => Err(ApiError::NotFound),
        }
    }
}

/// The form of an image.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct ImageQuery {
    /// The width in pixels. A PNG has twice as many, so that it is sharp in print and on fine screens.
    width: ImageWidth,
    theme: ImageTheme,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "Number")]
struct ImageWidth(Width);

impl Default for ImageWidth {
    fn default() -> Self {
        Self(Width::DEFAULT)
    }
}

impl TryFrom<Number> for ImageWidth {
    type Error = InvalidValue;

    fn try_from(Number(number): Number) -> Result<Self, InvalidValue> {
        let width = u16::try_from(number).ok().and_then(Width::new);
        let expected = "a number of pixels from 320 to 2400";
        width
            .map(Self)
            .ok_or_else(|| InvalidValue::new(&number.to_string(), expected))
    }
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ImageTheme {
    #[default]
    Light,
    Dark,
}

impl From<ImageQuery> for Export {
    fn from(
        ImageQuery {
            width: ImageWidth(width),
            theme,
        }: ImageQuery,
    ) -> Self {
        let theme = match theme {
            ImageTheme::Light => Theme::Light,
            ImageTheme::Dark => Theme::Dark,
        };
        Self { theme, width }
    }
}

async fn export(request: &HttpRequest, site: &Site, file: &str) -> Result<HttpResponse, ApiError> {
    let (name, extension) = file.rsplit_once('.').ok_or(ApiError::NotFound)?;
    let picture = Picture::find(name).ok_or(ApiError::NotFound)?;
    if !picture.is_active(site.config().routes) {
        return Err(ApiError::NotFound);
    }
    let format: Format = extension.parse()?;
    let options = Options::of(request)?;
    let image: Export = from_query::<ImageQuery>(request)?.into();
    let question = format!("{} {options:?} {image:?}", request.path());
    let body = drawn(site, question, move |site, source| {
        let texts = site.texts();
        let figure = picture.draw(site, source, options)?;
        let svg = || figure.chart.svg(texts, image);
        Ok(match format {
            Format::Html => {
                let content = html! {
                    h1 { (figure.table.title) }
                    (figure.table.html(texts))
                    (figure.links(site))
                    @if let Some(few) = source.edition.few_clients(texts) { p.note { (few) } }
                    p.note { (site.source(source.edition.today)) }
                };
                let title = text!(texts, "picture-name", picture = picture.name());
                site.frame(&Page {
                    title: Some(title),
                    content,
                })
            }
            Format::Csv => figure.table.csv()?.into(),
            Format::Svg => svg().into(),
            Format::Png => match png(&svg(), SCALE) {
                Ok(png) => png.into(),
                Err(error @ PngError::Size { .. }) => return Err(ApiError::field("width", error)),
                Err(error) => return Err(ApiError::internal(error)),
            },
        })
    })
    .await?;
    let content_type = match format {
        Format::Html => return Ok(site.respond(request, Ok(body))),
        Format::Csv => "text/csv; charset=utf-8",
        Format::Svg => "image/svg+xml",
        Format::Png => "image/png",
    };
    Ok(tagged(request, body, |response| {
        response
            .insert_header((CONTENT_TYPE, content_type))
            // Pages of other sites show the picture, which may be some minutes old there.
            .insert_header((CACHE_CONTROL, "public, max-age=300"))
            .insert_header((ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
            .insert_header((VARY, "accept-language"));
        if format == Format::Csv {
            let disposition = format!("attachment; filename=\"{name}.csv\"");
            response.insert_header((CONTENT_DISPOSITION, disposition));
        }
    }))
}
