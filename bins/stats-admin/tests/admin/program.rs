//! Arguments, settings, and the commands that need no database.

use stats_testing::TestDatabase;

use crate::support::{Outcome, message, program, run_program};

fn run(line: &str) -> Outcome {
    run_program(
        &mut program(&[("DATABASE_URL", "mysql://nothing")], line),
        "",
    )
}

#[test]
fn wrong_arguments_exit_with_2() {
    for (line, reason) in [
        ("client", "Usage: stats-admin client"),
        ("client lst", "similar subcommand exists: 'list'"),
        ("client create", "--name <NAME>"),
        ("client create --name ", "'' is not a name"),
        (
            "client create --name x --role boss",
            "'boss' is not a role (user or admin)",
        ),
        ("client create --name x --uuid zz", "'zz' is not a UUID"),
        ("client_activate", "<CLIENT>"),
        (
            "client activate x --uuid 11111111-0000-4000-8000-000000000001",
            "cannot be used with",
        ),
        ("client activate --uuid CASES", "'CASES' is not a UUID"),
        ("client rotate-token x --keep-old 0", "0 is not in 1..=365"),
        (
            "stats push --remote-token x --remote-token-file y",
            "cannot be used with",
        ),
        ("stats purge --nb-month 0", "0 is not in 1..=1200"),
        ("stats purge --nb-month -1", "unexpected argument '-1'"),
        ("stats purge --nb-month 1201", "1201 is not in 1..=1200"),
        ("stats remove-duplicate", "--type <TYPE>"),
        (
            "stats remove-duplicate --type bogus",
            "'bogus' is not one of risk",
        ),
        (
            "stats remove-duplicate --type risk --nb-month 0",
            "0 is not in 1..=1200",
        ),
        (
            "stats export --date-from tomorrow",
            "'tomorrow' is not a date (YYYY-MM-DD)",
        ),
        ("stats export --format xml", "possible values: jsonl, csv"),
        ("stats pull", "--client <CLIENT>"),
    ] {
        let outcome = run(line);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (2, ""), "{line}");
        assert!(outcome.stderr.contains(reason), "{line}: {outcome:?}");
    }
}

#[test]
fn wrong_settings_are_named_without_their_secrets() {
    for (url, code, expected) in [
        ("mysql://localhost/x", 1, "DATABASE_URL in the environment"),
        (
            "postgres://me:sesame@127.0.0.1:1/x",
            75,
            "cannot connect to the database postgres://127.0.0.1:1/x",
        ),
        ("sqlite:///no/such/folder/stats.db", 1, "does not exist"),
    ] {
        let outcome = run_program(&mut program(&[("DATABASE_URL", url)], "client list"), "");
        let message = message(&outcome, code);
        assert!(message.contains(expected), "{message}");
        assert!(!message.contains("sesame"), "{message}");
    }
}

#[test]
fn help_completions_and_manual_need_no_database() {
    let folder = tempfile::tempdir().unwrap();
    for (line, expected) in [
        ("--help", "client_create is client create"),
        ("--version", env!("CARGO_PKG_VERSION")),
        ("client --help", "rotate-token"),
        ("client_coordinates_set --help", "Degrees north"),
        ("completions bash", "rotate-token"),
        ("man", ".TH stats-admin 1"),
        (&format!("man {}", folder.path().display()), ""),
    ] {
        let outcome = run(line);
        assert!(
            outcome.code == 0 && outcome.stdout.contains(expected),
            "{line}: {outcome:?}"
        );
    }
    assert!(folder.path().join("stats-admin-client-create.1").exists());
    let message = message(&run("man /no/such/folder"), 1);
    assert!(
        message.starts_with("cannot write manual pages to /no/such/folder: "),
        "{message}"
    );
}

#[test]
fn each_command_that_changes_something_leaves_a_line_in_the_log() {
    let database = TestDatabase::sqlite();
    database.migrated();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stats.log");
    let environment = [
        ("DATABASE_URL", database.url()),
        ("LOG_PATH", path.to_str().unwrap()),
        ("SUDO_USER", "alice"),
    ];
    let token = "x".repeat(40);
    for (line, code) in [
        (format!("client create --name CASES --token {token}"), 0),
        ("client list".to_owned(), 0),
        ("client exclude CASES".to_owned(), 0),
        ("client exclude NOBODY".to_owned(), 1),
        ("stats export".to_owned(), 0),
        ("stats purge --yes".to_owned(), 0),
        ("db upgrade".to_owned(), 0),
    ] {
        let outcome = run_program(&mut program(&environment, &line), "");
        assert_eq!(outcome.code, code, "{line}: {outcome:?}");
    }
    let log = std::fs::read_to_string(&path).unwrap();
    assert!(!log.contains(&token), "{log}");
    let lines = log
        .lines()
        .filter(|line| line.contains(" INFO stats_admin::audit "));
    let lines: Vec<_> = lines
        .map(|line| line.split_once(" (alice): ").unwrap().1)
        .collect();
    assert_eq!(
        lines,
        [
            "client create --name CASES --token ***: done",
            "client exclude CASES: done",
            "client exclude NOBODY: failed",
            "stats purge --yes: done",
            "db upgrade: done",
        ]
    );
}
