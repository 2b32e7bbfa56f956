//! The files that pages load, embedded in the binary.

use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::Path;

use crate::errors::ApiError;

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

    fn name(&self) -> String {
        format!("{}-{:016x}.{}", self.stem, self.version, self.extension)
    }

    /// Returns the absolute path on this site.
    pub(super) fn path(&self) -> String {
        format!("/assets/{}", self.name())
    }
}

/// `GET /assets/{name}`
pub(super) async fn asset(name: Path<String>) -> Result<HttpResponse, ApiError> {
    let asset = ALL.into_iter().find(|asset| asset.name() == *name);
    let asset = asset.ok_or(ApiError::NotFound)?;
    Ok(HttpResponse::Ok()
        .content_type(asset.content_type)
        .insert_header((CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .body(asset.content))
}

/// The hash FNV-1a, which is `const` and good enough to distinguish versions of a file.
const fn fnv1a(bytes: &[u8]) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut position = 0;
    while position < bytes.len() {
        hash = (hash ^ bytes[position] as u64).wrapping_mul(0x0100_0000_01b3);
        position += 1;
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fnv1a_matches_its_test_vectors() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }
}
