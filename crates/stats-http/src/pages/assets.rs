//! The files that pages load, embedded in the binary.

use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName};
use actix_web::web::{Bytes, Data, Path};
use stats_charts::{PngError, png};
use stats_core::WithCauses;

use crate::errors::ApiError;
use crate::hash::fnv1a;
use crate::state::App;

/// A file whose name changes with its content, so that browsers can cache it forever.
pub(super) struct Asset {
    /// The file name without version and extension.
    stem: &'static str,
    extension: &'static str,
    content_type: &'static str,
    content: &'static str,
    version: u64,
}

pub(super) static STYLE: Asset = Asset::new(
    "style",
    "css",
    "text/css; charset=utf-8",
    include_str!("style.css"),
);
pub(super) static ICON: Asset =
    Asset::new("icon", "svg", "image/svg+xml", include_str!("icon.svg"));

pub(super) static CHART_STYLE: Asset = Asset::new(
    "chart",
    "css",
    "text/css; charset=utf-8",
    stats_charts::STYLE,
);
pub(super) static CHART_SCRIPT: Asset = Asset::new(
    "chart",
    "js",
    "text/javascript; charset=utf-8",
    stats_charts::SCRIPT,
);

static ALL: [&Asset; 4] = [&STYLE, &ICON, &CHART_STYLE, &CHART_SCRIPT];

impl Asset {
    const fn new(
        stem: &'static str,
        extension: &'static str,
        content_type: &'static str,
        content: &'static str,
    ) -> Self {
        Self {
            stem,
            extension,
            content_type,
            content,
            version: fnv1a(content.as_bytes()),
        }
    }

    /// Returns the absolute path on this site.
    pub(super) fn path(&self) -> String {
        format!(
            "/assets/{}-{:016x}.{}",
            self.stem, self.version, self.extension
        )
    }
}

/// `GET /assets/{name}`
pub(super) async fn asset(app: Data<App>, name: Path<String>) -> Result<HttpResponse, ApiError> {
    const FOREVER: (HeaderName, &str) = (CACHE_CONTROL, "public, max-age=31536000, immutable");
    let path = format!("/assets/{name}");
    let mut response = HttpResponse::Ok();
    response.insert_header(FOREVER);
    if let Some(asset) = ALL.into_iter().find(|asset| asset.path() == path) {
        return Ok(response
            .content_type(asset.content_type)
            .body(asset.content));
    }
    let logo = app.config.logo.as_ref();
    let logo = logo.filter(|logo| logo.path() == path);
    let logo = logo.ok_or(ApiError::NotFound)?;
    Ok(response
        .content_type(logo.content_type())
        .insert_header((CONTENT_SECURITY_POLICY, IMAGE_POLICY))
        .body(logo.content()))
}

/// An SVG image may have styles and pictures of its own. Opened as a document, it runs no script and loads nothing.
const IMAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; \
    form-action 'none'; base-uri 'none'; frame-ancestors 'none'; sandbox";

/// `GET /favicon.ico`, for programs that do not read the link to the icon in a page.
pub(super) async fn favicon() -> Result<HttpResponse, ApiError> {
    static FAVICON: LazyLock<Result<Bytes, PngError>> =
        LazyLock::new(|| Ok(ico(&[16, 32, 48])?.into()));
    match &*FAVICON {
        Ok(icon) => Ok(HttpResponse::Ok()
            .content_type("image/vnd.microsoft.icon")
            .insert_header((CACHE_CONTROL, "public, max-age=86400"))
            .body(icon.clone())),
        Err(error) => Err(ApiError::internal(WithCauses(error).to_string())),
    }
}

/// Draws the icon at several sizes, in pixels, into one file in the ICO format: a header, a directory, and PNG images.
fn ico(sizes: &[u8]) -> Result<Vec<u8>, PngError> {
    const HEADER: usize = 6;
    const ENTRY: usize = 16;
    /// The width and height of the icon.
    const ICON_SIZE: f32 = 32.0;
    let images = sizes
        .iter()
        .map(|size| png(ICON.content, f32::from(*size) / ICON_SIZE));
    let images = images.collect::<Result<Vec<_>, _>>()?;
    let mut offset = (HEADER + ENTRY * images.len()) as u32;
    // Reserved, type (icon), number of images.
    let mut file: Vec<u8> = [0, 1, images.len() as u16].map(u16::to_le_bytes).concat();
    for (size, image) in sizes.iter().zip(&images) {
        let length = image.len() as u32;
        // Width, height, no palette, reserved; one plane, 32 bits per pixel.
        file.extend([*size, *size, 0, 0, 1, 0, 32, 0]);
        file.extend([length, offset].map(u32::to_le_bytes).concat());
        offset += length;
    }
    file.extend(images.concat());
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_favicon_has_an_image_of_each_size() {
        let sizes = [16, 48];
        let file = ico(&sizes).unwrap();
        assert_eq!(file[..6], [0, 0, 1, 0, 2, 0]);
        let number = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap()) as usize;
        let mut end = 6 + 2 * 16;
        for (entry, size) in [6, 22].into_iter().zip(sizes) {
            assert_eq!(file[entry..entry + 8], [size, size, 0, 0, 1, 0, 32, 0]);
            let (length, offset) = (number(entry + 8), number(entry + 12));
            assert_eq!(offset, end);
            let image = &file[offset..offset + length];
            assert!(image.starts_with(b"\x89PNG"));
            // The width and the height in the header of a PNG.
            let side = u32::from(size).to_be_bytes();
            assert_eq!(image[16..24], [side, side].concat());
            end = offset + length;
        }
        assert_eq!(end, file.len());
    }
}
