use std::error::Error;
use std::sync::{Arc, LazyLock};

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::fontdb::{Database, Source};
use resvg::usvg::{Options, Tree};
use thiserror::Error;

/// The most pixels of a PNG: 64 MB of memory while it is made.
const MAX_PIXELS: f32 = 16e6;

/// The font, so that images do not depend on those of the machine.
static FONTS: LazyLock<Arc<Database>> = LazyLock::new(|| {
    let mut fonts = Database::new();
    let font = include_bytes!("../fonts/noto-sans.ttf");
    fonts.load_font_source(Source::Binary(Arc::new(font)));
    fonts.set_sans_serif_family(FAMILY);
    Arc::new(fonts)
});
const FAMILY: &str = "Noto Sans";

/// Why an image could not be turned into a PNG.
#[derive(Debug, Error)]
pub enum PngError {
    /// It is not an SVG image.
    #[error("the image is not SVG")]
    Svg(#[source] resvg::usvg::Error),
    /// It has too many pixels, or none.
    #[error(
        "the image would have {width} x {height} pixels; it may have {} in all",
        MAX_PIXELS
    )]
    Size {
        /// Pixels from left to right.
        width: f32,
        /// Pixels from top to bottom.
        height: f32,
    },
    /// It could not be encoded.
    #[error("cannot encode the PNG")]
    Encode(#[source] Box<dyn Error + Send + Sync>),
}

/// Draws an SVG image, such as [`Chart::svg`](crate::Chart::svg) returns, as a PNG. `scale` is the number of pixels of the
/// PNG per pixel of the image, for instance 2 for print.
///
/// # Errors
///
/// Fails if `svg` is not SVG, or if the PNG would have no pixels or more than 16 million.
pub fn png(svg: &str, scale: f32) -> Result<Vec<u8>, PngError> {
    let options = Options {
        font_family: FAMILY.to_owned(),
        fontdb: FONTS.clone(),
        ..Options::default()
    };
    let tree = Tree::from_str(svg, &options).map_err(PngError::Svg)?;
    let size = tree.size();
    let (width, height) = (
        (size.width() * scale).ceil(),
        (size.height() * scale).ceil(),
    );
    let too_large = || PngError::Size { width, height };
    // NaN is in no range.
    if !(0.0..=MAX_PIXELS).contains(&(width * height)) {
        return Err(too_large());
    }
    let mut pixels = Pixmap::new(width as u32, height as u32).ok_or_else(too_large)?;
    resvg::render(
        &tree,
        Transform::from_scale(scale, scale),
        &mut pixels.as_mut(),
    );
    pixels
        .encode_png()
        .map_err(|error| PngError::Encode(error.into()))
}
