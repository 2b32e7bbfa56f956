//! The links of the documentation.

use std::fs;
use std::path::Path;

use crate::{ROOT, pages};

/// The lines of a page outside of fenced blocks.
fn prose(page: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    page.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

/// The targets of the links of a page, without those to other sites.
fn links(page: &str) -> impl Iterator<Item = &str> {
    let targets = prose(page).flat_map(|line| line.split("](").skip(1));
    let targets = targets.filter_map(|rest| Some(rest.split_once(')')?.0));
    targets.filter(|target| !target.starts_with("http"))
}

/// Whether a page has a heading to which GitHub gives this name.
fn has_anchor(page: &str, anchor: &str) -> bool {
    let headings = prose(page).filter(|line| line.starts_with('#'));
    let mut names = headings.map(|heading| {
        let heading = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = heading
            .chars()
            .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.collect::<String>().replace(' ', "-")
    });
    names.any(|name| name == anchor)
}

#[test]
fn links_lead_to_files_and_headings() {
    let mut broken = Vec::new();
    for name in pages() {
        let path = Path::new(ROOT).join(&name);
        let page = fs::read_to_string(&path).unwrap();
        for link in links(&page) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => path.clone(),
                file => path.parent().unwrap().join(file),
            };
            let has_anchor = anchor.is_empty()
                || fs::read_to_string(&target).is_ok_and(|page| has_anchor(&page, anchor));
            if !target.exists() || !has_anchor {
                broken.push(format!("{name}: {link}"));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn links_and_headings_are_found() {
    let page = "# The a-b *c* d!\nSee [x](y.md#z) and [site](https://example.org), [w](#v).\n```\n# e [x](f)\n```\n";
    assert_eq!(links(page).collect::<Vec<_>>(), ["y.md#z", "#v"]);
    assert!(has_anchor(page, "the-a-b-c-d"));
    assert!(!has_anchor(page, "e-xf"));
}
