//! The crates and the tables in docs/architecture.md.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use stats_testing::assert_generated;

use crate::ROOT;

/// The crates of the workspace, and which others each uses.
type Crates = BTreeMap<String, BTreeSet<String>>;

fn crates() -> Crates {
    let folders =
        ["crates", "bins"].map(|folder| fs::read_dir(Path::new(ROOT).join(folder)).unwrap());
    let names = folders.into_iter().flatten().map(|entry| entry.unwrap());
    let manifests = names.map(|entry| {
        let name = entry.file_name().into_string().unwrap();
        let manifest = fs::read_to_string(entry.path().join("Cargo.toml")).unwrap();
        (name, manifest)
    });
    let manifests: BTreeMap<_, _> = manifests
        .filter(|(name, _)| !name.starts_with("stats-testing"))
        .collect();
    let used = |manifest: &str| {
        let (_, rest) = manifest
            .split_once("\n[dependencies]\n")
            .unwrap_or_default();
        let lines = rest.lines().take_while(|line| !line.starts_with('['));
        let names = lines.filter_map(|line| line.split(['.', ' ']).next());
        names
            .filter(|name| manifests.contains_key(*name))
            .map(str::to_owned)
            .collect()
    };
    let crates = manifests.iter();
    crates
        .map(|(name, manifest)| (name.clone(), used(manifest)))
        .collect()
}

/// Whether a crate uses another one, maybe through others.
fn reaches(crates: &Crates, from: &str, to: &str) -> bool {
    from == to || crates[from].iter().any(|next| reaches(crates, next, to))
}

#[test]
fn docs_architecture_md_has_the_crates() {
    let crates = crates();
    let mut picture = "```mermaid\nflowchart TD\n".to_owned();
    for (name, used) in &crates {
        let direct = used.iter().filter(|one| {
            let mut others = used.iter().filter(|other| other != one);
            !others.any(|other| reaches(&crates, other, one))
        });
        for one in direct {
            picture += &format!("    {name} --> {one}\n");
        }
    }
    picture += "```\n";
    assert_generated("docs/architecture.md", "crates", &picture);
}

#[test]
fn docs_architecture_md_names_all_tables() {
    let read = |path: &str| fs::read_to_string(Path::new(ROOT).join(path)).unwrap();
    let page = read("docs/architecture.md");
    let folders = fs::read_dir(Path::new(ROOT).join("migrations/sqlite")).unwrap();
    let mut tables = 0;
    for folder in folders {
        let migration = fs::read_to_string(folder.unwrap().path().join("up.sql")).unwrap();
        for rest in migration.split("CREATE TABLE ").skip(1) {
            let table = rest.split(' ').next().unwrap();
            assert!(page.contains(&format!("`{table}`")), "{table}");
            tables += 1;
        }
    }
    assert!(tables >= 7);
}
