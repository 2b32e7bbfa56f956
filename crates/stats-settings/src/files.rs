//! The files that settings name.

use std::error::Error;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::str;

use roxmltree::{Document, ParsingOptions};

use crate::SettingsError;

/// Maximum size of a logo, in bytes.
const MAX_LOGO: usize = 256 << 10;
/// Maximum size of a text, in bytes.
const MAX_TEXT: usize = 16 << 10;

/// Maximum size of a secret, in bytes.
const MAX_SECRET: usize = 4 << 10;

/// An image file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Logo {
    /// An SVG image.
    Svg(Vec<u8>),
    /// A PNG image.
    Png(Vec<u8>),
}

/// Reads the file of `INSTANCE_LOGO`.
///
/// # Errors
///
/// Fails if the file cannot be read, is larger than 256 KiB, or is neither an SVG nor a PNG image.
pub fn read_logo(path: &Path) -> Result<Logo, SettingsError> {
    read("INSTANCE_LOGO", path, MAX_LOGO, logo)
}

/// Reads the file of `INSTANCE_TEXT`. Returns its paragraphs without line breaks.
///
/// # Errors
///
/// Fails if the file cannot be read, is larger than 16 KiB, or is not plain text in UTF-8.
pub fn read_paragraphs(path: &Path) -> Result<Vec<String>, SettingsError> {
    read("INSTANCE_TEXT", path, MAX_TEXT, |bytes| paragraphs(&bytes))
}

type AnyError = Box<dyn Error + Send + Sync>;

fn read<T>(
    key: &str,
    path: &Path,
    max_size: usize,
    parse: impl FnOnce(Vec<u8>) -> Result<T, AnyError>,
) -> Result<T, SettingsError> {
    let parsed = read_at_most(path, max_size).and_then(parse);
    parsed.map_err(|source| SettingsError::File {
        key: key.to_owned(),
        path: path.to_owned(),
        source,
    })
}

/// Reads the secret that a file contains. A line break at its end does not belong to it.
pub(crate) fn read_secret(key: &str, path: &Path) -> Result<String, SettingsError> {
    read(key, path, MAX_SECRET, |bytes| {
        let text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8")?;
        let secret = text.strip_suffix('\n').unwrap_or(&text);
        Ok(secret.strip_suffix('\r').unwrap_or(secret).to_owned())
    })
}

fn read_at_most(path: &Path, max_size: usize) -> Result<Vec<u8>, AnyError> {
    // Opening a named pipe would wait for its writer.
    if !fs::metadata(path)?.is_file() {
        return Err("it is not a regular file".into());
    }
    let mut bytes = Vec::new();
    let mut file = File::open(path)?.take(max_size as u64 + 1);
    file.read_to_end(&mut bytes)?;
    if bytes.len() > max_size {
        return Err(format!("it is larger than {} KiB", max_size >> 10).into());
    }
    Ok(bytes)
}

fn logo(bytes: Vec<u8>) -> Result<Logo, AnyError> {
    const PNG_START: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    if bytes.starts_with(PNG_START) {
        return Ok(Logo::Png(bytes));
    }
    require_svg(&bytes)?;
    Ok(Logo::Svg(bytes))
}

/// The byte order mark in UTF-8.
const BOM: &[u8] = "\u{feff}".as_bytes();

fn require_svg(bytes: &[u8]) -> Result<(), AnyError> {
    let start = bytes.strip_prefix(BOM).unwrap_or(bytes);
    if !start.trim_ascii_start().starts_with(b"<") {
        return Err("it is neither an SVG nor a PNG image".into());
    }
    // Drawing programs write a document type declaration.
    let options = ParsingOptions {
        allow_dtd: true,
        ..ParsingOptions::default()
    };
    let document = Document::parse_with_options(str::from_utf8(bytes)?, options)?;
    // Browsers draw no other element, and none without the namespace.
    let root = ("http://www.w3.org/2000/svg", "svg");
    if !document.root_element().has_tag_name(root) {
        return Err(format!("its first element is not <{} xmlns=\"{}\">", root.1, root.0).into());
    }
    Ok(())
}

fn paragraphs(bytes: &[u8]) -> Result<Vec<String>, AnyError> {
    let text = str::from_utf8(bytes.strip_prefix(BOM).unwrap_or(bytes))?;
    if text.contains(|c: char| c.is_control() && !"\r\n\t".contains(c)) {
        return Err("it holds a control character".into());
    }
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    let paragraphs = lines.split(|line| line.is_empty());
    let paragraphs = paragraphs.map(|lines| lines.join(" "));
    Ok(paragraphs
        .filter(|paragraph| !paragraph.is_empty())
        .collect())
}
