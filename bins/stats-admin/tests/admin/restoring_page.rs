//! Runs the commands of `docs/restoring.md`.

use std::process::Command;

use stats_testing::TestDatabase;

use crate::support::{arguments, run_program};

const PAGE: &str = include_str!("../../../../docs/restoring.md");

/// The databases that the page creates.
const DATABASES: [&str; 3] = ["stats_restored", "stats_moved", "stats_from_dump"];

/// The commands of the page, in order.
fn blocks() -> Vec<&'static str> {
    let blocks = PAGE.split("\n```sh\n").skip(1);
    blocks
        .map(|block| block.split_once("```\n").unwrap().0)
        .collect()
}

fn run(blocks: &[&str], server: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let script = format!("set -euo pipefail\n{}", blocks.concat());
    let mut command = Command::new("bash");
    arguments(&mut command, &[("POSTGRES_URL", server)], "-c");
    command.arg(&script).current_dir(folder.path());
    let programs = std::path::Path::new(env!("CARGO_BIN_EXE_stats-admin"));
    let programs = programs.parent().unwrap().display();
    let path = std::env::var("PATH").unwrap();
    command.env("PATH", format!("{programs}:{path}"));
    let outcome = run_program(&mut command, "");
    assert_eq!(outcome.code, 0, "{script}: {outcome:?}");
    outcome.stdout
}

#[test]
fn sqlite() {
    let without_server = |block: &&&str| !block.contains("POSTGRES_URL");
    let blocks = blocks();
    let blocks: Vec<_> = blocks.iter().take_while(without_server).copied().collect();
    assert!(blocks.len() >= 4);
    let printed = run(&blocks, "");
    assert!(
        printed.contains("restored from backups/stats-2"),
        "{printed}"
    );
}

#[test]
fn postgres() {
    let Some(database) = TestDatabase::postgres() else {
        return;
    };
    let (server, _) = database.url().rsplit_once('/').unwrap();
    let drop_all = || {
        for name in DATABASES {
            database.execute_on_server(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        }
    };
    drop_all();
    let printed = run(&blocks(), server);
    drop_all();
    for (text, number) in [
        ("restored from backups/stats-2", 2),
        ("holds the same as", 2),
        // The stat in the backup, restored, and from the dump.
        ("  risk           f1b1a6f5-", 3),
        ("0 stats imported, 1 stat skipped", 1),
    ] {
        assert_eq!(printed.matches(text).count(), number, "{text}: {printed}");
    }
}
