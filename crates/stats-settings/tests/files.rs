//! The files that settings name.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail")]

use std::fs;
use std::path::{Path, PathBuf};

use stats_core::WithCauses;
use stats_settings::{Logo, SettingsError, read_logo, read_paragraphs};
use tempfile::TempDir;

const SVG: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"/>"#;
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR...";

/// A file with this content, and the folder in which it is.
fn file(content: impl AsRef<[u8]>) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, content).unwrap();
    (folder, path)
}

fn logo(content: impl AsRef<[u8]>) -> Result<Logo, String> {
    let (_folder, path) = file(content);
    read_logo(&path).map_err(|error| cause(&error, &path, "INSTANCE_LOGO"))
}

fn paragraphs(content: impl AsRef<[u8]>) -> Result<Vec<String>, String> {
    let (_folder, path) = file(content);
    read_paragraphs(&path).map_err(|error| cause(&error, &path, "INSTANCE_TEXT"))
}

/// What follows the file and the key in the message of an error.
fn cause(error: &SettingsError, path: &Path, key: &str) -> String {
    let start = format!("cannot use the file {} ({key}): ", path.display());
    let error = WithCauses(error).to_string();
    error.strip_prefix(&start).unwrap().to_owned()
}

#[test]
fn logos_are_svg_or_png() {
    assert_eq!(logo(PNG), Ok(Logo::Png(PNG.into())));
    for start in [
        "",
        "\u{feff}",
        "\n ",
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- drawn -->\n<!DOCTYPE svg>\n",
    ] {
        let svg = format!("{start}{SVG}");
        assert_eq!(logo(&svg), Ok(Logo::Svg(svg.into_bytes())));
    }
    let prefixed = r#"<s:svg xmlns:s="http://www.w3.org/2000/svg"/>"#;
    assert!(logo(prefixed).is_ok());
}

#[test]
fn other_images_are_refused() {
    let neither = "it is neither an SVG nor a PNG image";
    let not_svg = "its first element is not <svg xmlns=\"http://www.w3.org/2000/svg\">";
    for (content, problem) in [
        (&b"GIF89a"[..], neither),
        (b"\xff\xd8\xff\xe0", neither),
        (b"", neither),
        (b"\x89PNG\r\n\x1a\n", neither),
        (
            b"<html><svg xmlns='http://www.w3.org/2000/svg'/></html>",
            not_svg,
        ),
        (b"<svg/>", not_svg),
        (
            b"<svg xmlns='http://www.w3.org/2000/svg'>",
            "the root node was opened but never closed",
        ),
        (b"<svg>\xff</svg>", "invalid utf-8 sequence"),
    ] {
        let error = logo(content).unwrap_err();
        assert!(error.starts_with(problem), "{error}");
    }
}

#[test]
fn files_have_a_maximum_size() {
    let png = |size: usize| [PNG, &vec![0; size - PNG.len()]].concat();
    assert!(logo(png(256 << 10)).is_ok());
    let error = logo(png((256 << 10) + 1)).unwrap_err();
    assert_eq!(error, "it is larger than 256 KiB");
    assert!(paragraphs("x".repeat(16 << 10)).is_ok());
    let error = paragraphs("x".repeat((16 << 10) + 1)).unwrap_err();
    assert_eq!(error, "it is larger than 16 KiB");
}

#[test]
fn only_regular_files_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let error = read_logo(folder.path()).unwrap_err();
    let error = cause(&error, folder.path(), "INSTANCE_LOGO");
    assert_eq!(error, "it is not a regular file");
    let missing = folder.path().join("missing");
    let error = read_paragraphs(&missing).unwrap_err();
    let error = cause(&error, &missing, "INSTANCE_TEXT");
    assert!(error.starts_with("No such file"), "{error}");
    assert!(read_logo(Path::new("/dev/zero")).is_err());
}

#[test]
fn empty_lines_separate_paragraphs() {
    for (text, expected) in [
        ("", &[][..]),
        ("\n \r\n", &[]),
        ("One", &["One"]),
        ("\u{feff}One\r\nline.\r\n\r\nTwo\r\n", &["One line.", "Two"]),
        (
            "\n\n  One\n\tline.\n \t\n\n\nTwo <b>\n\n",
            &["One line.", "Two <b>"],
        ),
    ] {
        assert_eq!(paragraphs(text).unwrap(), expected, "{text:?}");
    }
}

#[test]
fn texts_are_plain_utf_8() {
    for (content, problem) in [
        (&b"caf\xe9s"[..], "invalid utf-8 sequence"),
        (b"\xff\xfeO\0n\0e\0", "invalid utf-8 sequence"),
        (b"One\0", "it holds a control character"),
        (b"\x1b[1mOne", "it holds a control character"),
    ] {
        let error = paragraphs(content).unwrap_err();
        assert!(error.starts_with(problem), "{error}");
    }
}
