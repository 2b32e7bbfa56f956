//! The pages that tests open, and the views in which they look at them.

use std::fmt;

/// A page of the service.
pub(crate) struct Page {
    pub(crate) path: &'static str,
    /// The status of the response.
    pub(crate) status: u16,
    pub(crate) frame: Frame,
}

/// What surrounds the content of a page.
#[derive(PartialEq, Eq)]
pub(crate) enum Frame {
    /// The header and the footer of the site.
    Site,
    /// Swagger UI, which is not ours: it is neither translated nor accessible.
    SwaggerUi,
}

/// All pages.
pub(crate) const PAGES: &[Page] = &[
    page("/"),
    page("/stats"),
    page("/evolution"),
    page("/map"),
    page("/cartography"),
    page("/compliance"),
    page("/chart/threats-over-time.html"),
    page("/about"),
    page("/about/more"),
    page("/help"),
    Page {
        status: 404,
        ..page("/no-such-page")
    },
    Page {
        frame: Frame::SwaggerUi,
        ..page("/api/v1/")
    },
];

const fn page(path: &'static str) -> Page {
    Page {
        path,
        status: 200,
        frame: Frame::Site,
    }
}

/// The pages with the frame of the site.
pub(crate) fn site_pages() -> impl Iterator<Item = &'static Page> + Clone {
    PAGES.iter().filter(|page| page.frame == Frame::Site)
}

/// A width and a colour scheme.
#[derive(Clone, Copy)]
pub(crate) struct View {
    /// In CSS pixels.
    pub(crate) width: u32,
    pub(crate) scheme: &'static str,
}

const fn view(width: u32, scheme: &'static str) -> View {
    View { width, scheme }
}

pub(crate) const VIEWS: [View; 6] = [
    view(320, "light"),
    view(320, "dark"),
    view(768, "light"),
    view(768, "dark"),
    view(1440, "light"),
    view(1440, "dark"),
];
/// Each width and each scheme.
pub(crate) const FEW_VIEWS: [View; 3] =
    [view(320, "light"), view(768, "dark"), view(1440, "light")];

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} px, {}", self.width, self.scheme)
    }
}
