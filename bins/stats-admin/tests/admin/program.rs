//! Arguments, settings, and the commands that need no database.

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
    for (url, expected) in [
        ("mysql://localhost/x", "DATABASE_URL in the environment"),
        (
            "postgres://me:sesame@127.0.0.1:1/x",
            "cannot connect to the database postgres://127.0.0.1:1/x",
        ),
        ("sqlite:///no/such/folder/stats.db", "does not exist"),
    ] {
        let outcome = run_program(&mut program(&[("DATABASE_URL", url)], "client list"), "");
        let message = message(&outcome, 1);
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
