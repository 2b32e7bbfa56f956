use actix_web::web::Bytes;

use crate::hash::fnv1a;

/// The logo of an instance. Clones share its content.
#[derive(Debug, Clone)]
pub struct Logo {
    format: Format,
    content: Bytes,
    version: u64,
}

#[derive(Debug, Clone, Copy)]
enum Format {
    Svg,
    Png,
}

impl Logo {
    /// A logo from an SVG image.
    pub fn svg(content: Vec<u8>) -> Self {
        Self::new(Format::Svg, content)
    }

    /// A logo from a PNG image.
    pub fn png(content: Vec<u8>) -> Self {
        Self::new(Format::Png, content)
    }

    fn new(format: Format, content: Vec<u8>) -> Self {
        Self {
            format,
            version: fnv1a(&content),
            content: content.into(),
        }
    }

    pub(crate) fn content_type(&self) -> &'static str {
        match self.format {
            Format::Svg => "image/svg+xml",
            Format::Png => "image/png",
        }
    }

    /// Returns the image.
    pub(crate) fn content(&self) -> Bytes {
        self.content.clone()
    }

    /// Returns the absolute path on this site, which changes with the content.
    pub(crate) fn path(&self) -> String {
        let extension = match self.format {
            Format::Svg => "svg",
            Format::Png => "png",
        };
        format!("/assets/logo-{:016x}.{extension}", self.version)
    }
}
