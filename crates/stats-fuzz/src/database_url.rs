use std::ffi::{CStr, CString};
use std::ptr;

use stats_core::WithCauses;
use stats_db::DatabaseUrl;

use crate::{SECRET, assert_short};

/// A database URL. User, password and parameters are not printed, and libpq is given nothing of which its own messages
/// would print them.
pub fn database_url(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let secret_is_hidden = has_hidden_secret(text);
    let parsed = text.parse::<DatabaseUrl>();
    let printed = match &parsed {
        Ok(url) => format!("{url} {url:?}"),
        Err(error) => format!("{} {error:?}", WithCauses(error)),
    };
    assert!(!secret_is_hidden || !printed.contains(SECRET), "{printed}");
    match parsed {
        Err(error) => assert_short(&error.to_string(), text.len() + 500),
        Ok(url @ DatabaseUrl::Sqlite(_)) => {
            assert_eq!(url.to_string().parse::<DatabaseUrl>().ok(), Some(url));
        }
        Ok(_) => {
            let message = libpq_error(text).unwrap_or_default();
            assert!(!secret_is_hidden || !message.contains(SECRET), "{message}");
        }
    }
}

/// Whether [`SECRET`] is only where a PostgreSQL URL has the user, the password or the values of parameters.
pub(crate) fn has_hidden_secret(url: &str) -> bool {
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return false;
    }
    let credentials = url.rfind('@').unwrap_or(0);
    let parameters = url.find("?password=").unwrap_or(url.len());
    let mut secrets = url.match_indices(SECRET).peekable();
    secrets.peek().is_some()
        && secrets.all(|(position, _)| position < credentials || position > parameters)
}

/// The message of libpq about a URL that it cannot parse.
#[expect(unsafe_code, reason = "libpq is written in C")]
fn libpq_error(url: &str) -> Option<String> {
    let url = CString::new(url).expect("U+0000 is refused");
    let mut message = ptr::null_mut();
    // SAFETY: `url` ends with 0. libpq allocates the options or the message, which are freed once and not used later.
    unsafe {
        let options = pq_sys::PQconninfoParse(url.as_ptr(), &raw mut message);
        if !options.is_null() {
            pq_sys::PQconninfoFree(options);
            return None;
        }
        if message.is_null() {
            return Some(String::new());
        }
        let text = CStr::from_ptr(message).to_string_lossy().into_owned();
        pq_sys::PQfreemem(message.cast());
        Some(text)
    }
}
