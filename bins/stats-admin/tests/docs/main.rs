//! Runs the commands of the documentation.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod architecture;
mod links;

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use serde_json::Value;
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
    restoring: "docs/restoring.md",
}

/// Pages whose commands a script runs, because they need other programs.
const RUN_BY_SCRIPTS: &[(&str, &str)] = &[
    ("docs/deployment.md", "scripts/test-package.sh"),
    ("docs/migrating.md", "scripts/python-peer/page.py"),
];

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
fn the_commands_of_all_pages_are_run() {
    let mut run: Vec<_> = PAGES.to_vec();
    for (page, script) in RUN_BY_SCRIPTS {
        let script = fs::read_to_string(Path::new(ROOT).join(script)).unwrap();
        let name = page.trim_start_matches("docs/");
        assert!(script.contains(name), "{page}");
        run.push(page);
    }
    let pages = pages();
    let with_commands = pages.iter().filter(|page| Page::read(page).has_commands());
    let mut with_commands: Vec<_> = with_commands.map(String::as_str).collect();
    run.sort_unstable();
    with_commands.sort_unstable();
    assert_eq!(
        run,
        with_commands,
        "list the pages with blocks of sh in {}",
        file!()
    );
}

#[test]
fn the_page_on_the_api_names_every_route() {
    let read = |name: &str| fs::read_to_string(Path::new(ROOT).join(name)).unwrap();
    let specification: Value = serde_json::from_str(&read("docs/openapi.json")).unwrap();
    let page = read("docs/api.md");
    for path in specification["paths"].as_object().unwrap().keys() {
        let path = path.strip_prefix("/api/v1").unwrap_or(path);
        assert!(page.contains(path), "{path}");
    }
}

#[test]
fn the_readme_lists_all_pages() {
    let readme = fs::read_to_string(Path::new(ROOT).join("README.md")).unwrap();
    for page in pages().iter().filter(|page| *page != "README.md") {
        assert!(readme.contains(&format!("]({page})")), "{page}");
    }
}
