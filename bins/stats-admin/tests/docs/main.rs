//! Runs the commands of the documentation.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod crates;
mod links;

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use stats_db::Db;
use stats_testing::TestDatabase;
use stats_testing_http::{Page, Programs};

/// The folder of the repository.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Makes a test of each page, and the list of all.
macro_rules! pages {
    ($($test:ident: $path:literal,)*) => {
        const PAGES: &[&str] = &[$($path),*];
        $(
            #[test]
            fn $test() {
                run($path);
            }
        )*
    };
}

pages! {
    api: "docs/api.md",
    configuration: "docs/configuration.md",
    readme: "README.md",
}

fn run(path: &str) {
    static PROGRAMS: OnceLock<Programs> = OnceLock::new();
    let programs = PROGRAMS.get_or_init(|| Programs::with_admin(env!("CARGO_BIN_EXE_stats-admin")));
    let page = Page::read(path);
    if !page.needs_postgres() {
        return page.run(programs, None);
    }
    if let Some(database) = TestDatabase::postgres() {
        Db::create(&database.url().parse().unwrap()).unwrap();
        page.run(programs, Some(database.url()));
    }
}

/// The paths of all pages in the repository.
fn pages() -> Vec<String> {
    let docs = Path::new(ROOT).join("docs");
    let names = fs::read_dir(docs).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let pages = names.filter(|name| name.ends_with(".md"));
    let pages = pages.map(|name| format!("docs/{name}"));
    pages.chain(["README.md".to_owned()]).collect()
}

#[test]
fn the_pages_with_commands_are_run() {
    let all = pages();
    for page in &all {
        assert_eq!(
            Page::read(page).has_commands(),
            PAGES.contains(&page.as_str()),
            "{page}: list it in {} if it has blocks of sh, and only then",
            file!()
        );
    }
    for page in PAGES {
        assert!(all.iter().any(|name| name == page), "there is no {page}");
    }
}

#[test]
fn the_readme_lists_all_pages() {
    let readme = fs::read_to_string(Path::new(ROOT).join("README.md")).unwrap();
    for page in pages().iter().filter(|page| *page != "README.md") {
        assert!(readme.contains(&format!("]({page})")), "{page}");
    }
}
