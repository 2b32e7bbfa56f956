//! The audit log: one line for each command that changes something, whatever its outcome.
//!
//! It goes to the log file of the service or, without one, to the system log (facility `authpriv`), where `sudo` writes
//! too. On a system without a log there is none.

use std::ffi::OsString;
use std::fmt::Write;
use std::path::Path;

/// The socket of the system log.
#[cfg(unix)]
const SYSTEM_LOG: &str = "/dev/log";

/// A command line without secrets, and who runs it.
pub(crate) struct Audit(String);

impl Audit {
    /// Notes a command line.
    pub(crate) fn of(arguments: &[OsString]) -> Self {
        let mut line = user();
        line.push(':');
        let mut is_secret = false;
        for argument in arguments.iter().skip(1) {
            let argument = argument.to_string_lossy();
            let shown = match is_secret {
                true => "***".to_owned(),
                false => without_secrets(&argument),
            };
            is_secret = is_token(&argument);
            // Writing to a String never fails.
            let _ = write!(line, " {}", shown.escape_debug());
        }
        Self(line)
    }

    /// Writes the line.
    pub(crate) fn write(&self, log_path: Option<&Path>, is_done: bool) {
        let Self(line) = self;
        let outcome = if is_done { "done" } else { "failed" };
        match log_path {
            Some(_) => log::info!("{line}: {outcome}"),
            None => send(&format!("{line}: {outcome}")),
        }
    }
}

/// Whether the next argument is a token.
fn is_token(argument: &str) -> bool {
    argument.starts_with("--") && argument.ends_with("token")
}

/// Removes the token of `--token=TOKEN`, and the user and the password of a URL.
fn without_secrets(argument: &str) -> String {
    match argument.split_once('=') {
        Some((name, _)) if is_token(name) => return format!("{name}=***"),
        _ => {}
    }
    match argument.split_once("://") {
        Some((scheme, rest)) => match rest.rsplit_once('@') {
            Some((_, rest)) => format!("{scheme}://***@{rest}"),
            None => argument.to_owned(),
        },
        None => argument.to_owned(),
    }
}

/// The user of the process, and the one that became it by sudo.
fn user() -> String {
    #[cfg(unix)]
    let user = format!("user {}", rustix::process::getuid().as_raw());
    #[cfg(not(unix))]
    let user = "a user".to_owned();
    match std::env::var("SUDO_USER") {
        Ok(name) => format!("{user} ({})", name.escape_debug()),
        Err(_) => user,
    }
}

#[cfg(unix)]
fn send(line: &str) {
    use std::os::unix::net::UnixDatagram;

    /// Facility `authpriv` and severity `info`, as RFC 3164 numbers them.
    const PRIORITY: u32 = 10 * 8 + 6;

    let message = format!("<{PRIORITY}>stats-admin[{}]: {line}", std::process::id());
    let sent =
        UnixDatagram::unbound().and_then(|socket| socket.send_to(message.as_bytes(), SYSTEM_LOG));
    if let Err(error) = sent {
        log::debug!("{SYSTEM_LOG} does not take the audit line: {error}");
    }
}

#[cfg(not(unix))]
fn send(line: &str) {
    log::debug!("{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_no_secrets() {
        let words = "stats-admin client create --name A --token s3cret --remote-token=s3cret \
                     --remote-token-file t.txt --to postgres://me:s3cr@et@db/stats a\nb";
        let arguments: Vec<_> = words.split(' ').map(OsString::from).collect();
        let Audit(line) = Audit::of(&arguments);
        let (_, line) = line.split_once(": ").unwrap();
        assert_eq!(
            line,
            "client create --name A --token *** --remote-token=*** --remote-token-file t.txt \
             --to postgres://***@db/stats a\\nb"
        );
    }
}
