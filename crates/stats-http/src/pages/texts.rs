//! Text files for crawlers and other programs.

use actix_web::HttpResponse;
use actix_web::http::header::ContentType;
use actix_web::web::Data;
use chrono::{Days, NaiveDate, Utc};

use super::site::{LICENCE, NAME, VERSION};
use crate::base::Base;
use crate::config::HttpConfig;
use crate::errors::ApiError;
use crate::state::App;

fn text(body: String) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(ContentType::plaintext())
        .body(body)
}

/// `GET /robots.txt`: search engines may index the pages but not the API.
pub(super) async fn robots(base: Base) -> HttpResponse {
    let (api, admin) = (base.link("/api/"), base.link("/admin/"));
    text(format!(
        "User-agent: *\nDisallow: {api}\nDisallow: {admin}\n"
    ))
}

/// `GET /human.txt`
pub(super) async fn human(app: Data<App>) -> HttpResponse {
    let source = &app.config.source_url;
    text(format!(
        "{NAME} {VERSION}\n\n\
         Made by the MONARC project and its contributors.\n\
         Published by NC3 Luxembourg.\n\
         Licence: {LICENCE}\n\
         Source code: {source}\n"
    ))
}

/// Validity of `security.txt`. RFC 9116 recommends less than a year.
const VALID_DAYS: Days = Days::new(180);

/// `GET /.well-known/security.txt` (RFC 9116), if the operator has set a contact.
pub(super) async fn security(app: Data<App>, base: Base) -> Result<HttpResponse, ApiError> {
    let canonical = base.url("/.well-known/security.txt");
    security_text(&app.config, &canonical, Utc::now().date_naive())
        .map(text)
        .ok_or(ApiError::NotFound)
}

fn security_text(config: &HttpConfig, canonical: &str, today: NaiveDate) -> Option<String> {
    let mail = config
        .contact
        .as_ref()
        .map(|contact| format!("mailto:{contact}"));
    // RFC 9116: the first contact is preferred.
    let contacts: Vec<_> = mail
        .iter()
        .chain(&config.operator_url)
        .map(|contact| format!("Contact: {contact}\n"))
        .collect();
    if contacts.is_empty() {
        return None;
    }
    let expires = today.checked_add_days(VALID_DAYS)?;
    Some(format!(
        "{}Expires: {expires}T00:00:00Z\nCanonical: {canonical}\n",
        contacts.concat()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn security_txt_lists_the_contacts_of_the_operator() {
        let day = "2026-11-20".parse().unwrap();
        let (contact, url) = ("info@example.org", "https://example.org/us");
        let canonical = "https://stats.example.org/.well-known/security.txt";
        let text = |contact: Option<&str>, url: Option<&str>| {
            let config = HttpConfig {
                contact: contact.map(str::to_owned),
                operator_url: url.map(str::to_owned),
                ..HttpConfig::default()
            };
            security_text(&config, canonical, day)
        };
        let rest = format!("Expires: 2027-05-19T00:00:00Z\nCanonical: {canonical}\n");
        assert_eq!(
            text(Some(contact), Some(url)),
            Some(format!("Contact: mailto:{contact}\nContact: {url}\n{rest}"))
        );
        assert_eq!(
            text(None, Some(url)),
            Some(format!("Contact: {url}\n{rest}"))
        );
        assert_eq!(text(None, None), None);
    }
}
