//! Which settings file is read. The environment is that of the process, so each case starts this program again.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail")]

use std::env;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::Command;

use stats_core::WithCauses;
use stats_settings::LoadedSettings;

/// The child process of the tests, not a test itself.
#[test]
fn child() {
    let Some(default_file) = env::var_os("CHILD_DEFAULT_FILE") else {
        return;
    };
    let default_file = Path::new(&default_file);
    let default_file = Some(default_file).filter(|path| *path != Path::new(""));
    let result = match LoadedSettings::load(default_file) {
        Ok(loaded) => format!("{} from {:?}", loaded.settings.port, loaded.file),
        Err(error) => WithCauses(&error).to_string(),
    };
    writeln!(io::stdout(), "= {result}").unwrap();
}

/// What the child printed.
fn load(default_file: &str, stats_config: Option<&str>) -> String {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "child", "--nocapture"]);
    command.env_clear().env("CHILD_DEFAULT_FILE", default_file);
    command.envs(stats_config.map(|path| ("STATS_CONFIG", path)));
    let output = String::from_utf8(command.output().unwrap().stdout).unwrap();
    let line = output.lines().find_map(|line| line.split_once("= "));
    line.ok_or(&output).unwrap().1.to_owned()
}

#[test]
fn stats_config_replaces_the_default_file_which_may_be_missing() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (system, own, missing) = (path("system.toml"), path("own.toml"), path("missing.toml"));
    fs::write(&system, "PORT = 1").unwrap();
    fs::write(&own, "PORT = 2").unwrap();
    for (default_file, stats_config, expected) in [
        ("", None, "5000 from None".to_owned()),
        (&missing, None, "5000 from None".to_owned()),
        (&system, None, format!("1 from Some({system:?})")),
        (&system, Some(""), format!("1 from Some({system:?})")),
        (&system, Some(&own), format!("2 from Some({own:?})")),
        ("", Some(&own), format!("2 from Some({own:?})")),
        (
            &system,
            Some("/dev/null"),
            r#"5000 from Some("/dev/null")"#.to_owned(),
        ),
        (
            &system,
            Some(&missing),
            format!(
                "cannot read the settings file {missing}; STATS_CONFIG can name another one: No such file or directory \
                 (os error 2)"
            ),
        ),
        // A file that exists and cannot be read is not ignored.
        (
            folder.path().to_str().unwrap(),
            None,
            format!(
                "cannot read the settings file {}; STATS_CONFIG can name another one: Is a directory (os error 21)",
                folder.path().display()
            ),
        ),
    ] {
        assert_eq!(load(default_file, stats_config), expected);
    }
}
