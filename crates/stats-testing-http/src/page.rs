use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, NaiveDate, NaiveDateTime};
use serde_json::{Deserializer, Value};
use uuid::Uuid;

use crate::Programs;

/// Upper bound of the time for all commands of a page.
const TIMEOUT: Duration = Duration::from_secs(120);

/// A page of the documentation, whose commands can be run.
///
/// Its commands are the fenced blocks with the info string `sh`. Blocks with another one, such as `console` or
/// `sh not tested`, are not run. A `json` block after commands is the last JSON value that they print, an `output` block
/// all that they print, see [`Page::run`].
pub struct Page {
    name: String,
    blocks: Vec<Block>,
}

/// A fenced block.
#[derive(Debug, PartialEq)]
struct Block {
    info: String,
    text: String,
    /// The number of the line after the opening fence.
    line: usize,
}

impl Page {
    /// Reads a page by its path in the repository.
    pub fn read(name: &str) -> Self {
        let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(name);
        let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{name}: {error}"));
        let blocks = blocks(&text);
        for block in &blocks {
            assert!(
                !["bash", "shell"].contains(&block.info.as_str()),
                "{name}, line {}: commands are in blocks of sh, or of console if they are not run",
                block.line
            );
        }
        Self {
            name: name.to_owned(),
            blocks,
        }
    }

    /// Whether it has commands to run.
    pub fn has_commands(&self) -> bool {
        self.blocks.iter().any(|block| block.info == "sh")
    }

    /// Whether its commands use an empty PostgreSQL database.
    pub fn needs_postgres(&self) -> bool {
        let mut blocks = self.blocks.iter();
        blocks.any(|block| block.info == "sh" && block.text.contains("POSTGRES_URL"))
    }

    /// Runs the commands in order, in one bash that stops at the first failure, in an empty folder.
    ///
    /// The environment has `PATH`, with the programs, and `POSTGRES_URL` if there is one, but no settings. The ports 5000
    /// to 5009 are replaced by free ones. After a line that starts a server in the background, the next one waits until
    /// the server listens. curl fails if the status of an answer is 400 or above, unless the answer is compared. All
    /// processes are killed at the end.
    ///
    /// Output is compared with tolerance: texts that vary from run to run by their kind (UUIDs, dates, times and
    /// versions), a documented text that ends with `…` with the beginning of the actual one, and a documented list that
    /// ends with `"…"` likewise.
    ///
    /// # Panics
    ///
    /// If a command fails, with its block and output, or if the output differs.
    pub fn run(&self, programs: &Programs, postgres_url: Option<&str>) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let state = folder.path();
        for (name, curlrc) in [
            ("strict", "silent\nshow-error\nfail-with-body\n"),
            ("lenient", "silent\nshow-error\n"),
        ] {
            fs::create_dir(state.join(name)).expect("a folder");
            fs::write(state.join(name).join(".curlrc"), curlrc).expect("a file");
        }
        for name in ["home", "work"] {
            fs::create_dir(state.join(name)).expect("a folder");
        }
        let mut ports = Ports::default();
        let main_port = ports.free('0');
        fs::write(state.join("script"), self.script(state, &mut ports)).expect("a script");

        let mut command = Command::new("bash");
        let path = std::env::var("PATH").unwrap_or_default();
        command
            .arg(state.join("script"))
            .current_dir(state.join("work"))
            .env_clear()
            .env("PATH", format!("{}:{path}", programs.path().display()))
            .env("HOME", state.join("home"))
            .env("LC_ALL", "C.UTF-8")
            .env("PORT", main_port.to_string())
            // Nothing outside this machine is asked, and no file of this machine is read.
            .env("STATS_CONFIG", "/dev/null")
            .env("MOSP_URL", "http://127.0.0.1:9")
            .env("REMOTE_STATS_SERVER", "http://127.0.0.1:9")
            .envs(postgres_url.map(|url| ("POSTGRES_URL", url)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(state.join("bash.err")).expect("a file"))
            .process_group(0);
        let mut bash = Group(command.spawn().expect("bash"));
        let is_success = bash.wait();
        drop(bash);
        assert!(is_success, "{}", self.failure(state));
        self.compare(state, &ports);
    }

    /// The commands of all blocks. Each block has its output in files of its own.
    fn script(&self, state: &Path, ports: &mut Ports) -> String {
        let state = state.display();
        let mut script = format!(
            "set -euo pipefail\n\
             runner_block() {{\n\
                 echo \"$1\" >{state}/block\n\
                 exec >{state}/$1.out 2>{state}/$1.err\n\
                 export CURL_HOME={state}/$2\n\
             }}\n\
             runner_wait() {{\n\
                 while [ -n \"$(jobs -r)\" ] && ! (exec 3<>/dev/tcp/127.0.0.1/${{1#:}}) 2>/dev/null; do sleep 0.02; done\n\
             }}\n\
             runner_end() {{\n\
                 local jobs=$(jobs -p)\n\
                 [ -z \"$jobs\" ] || {{ kill $jobs && wait $jobs; }} 2>/dev/null || true\n\
             }}\n\
             trap 'printf %s \"$BASH_COMMAND\" >{state}/command' ERR\n\
             trap runner_end EXIT\n"
        );
        for (number, block) in self.commands() {
            let curl = if self.expected(number).is_some() {
                "lenient"
            } else {
                "strict"
            };
            let text = wait_for_servers(&block.text);
            // Writing to a String cannot fail.
            let _ = write!(script, "runner_block {number} {curl}\n{text}\n");
        }
        ports.replace(&script)
    }

    /// The blocks of commands with their numbers.
    fn commands(&self) -> impl Iterator<Item = (usize, &Block)> {
        let blocks = self.blocks.iter().enumerate();
        blocks.filter(|(_, block)| block.info == "sh")
    }

    /// The block with what a block of commands prints.
    fn expected(&self, number: usize) -> Option<&Block> {
        let next = self.blocks.get(number + 1)?;
        ["json", "output"]
            .contains(&next.info.as_str())
            .then_some(next)
    }

    fn failure(&self, state: &Path) -> String {
        let read = |name: &str| fs::read_to_string(state.join(name)).unwrap_or_default();
        let mut message = self.name.clone();
        let failed: Option<usize> = read("block").trim().parse().ok();
        if let Some((number, block)) =
            failed.and_then(|number| Some((number, self.blocks.get(number)?)))
        {
            let _ = write!(
                message,
                ", line {}, block {number} failed or did not end in {TIMEOUT:?}:\n{}\ncommand: {}\nstandard output:\n{}\n\
                 standard error:\n{}",
                block.line,
                block.text,
                read("command"),
                read(&format!("{number}.out")),
                read(&format!("{number}.err")),
            );
        }
        let _ = write!(message, "\n{}", read("bash.err"));
        // Servers write to the output of the block that started them.
        for (number, block) in self.commands() {
            let log = read(&format!("{number}.err"));
            if failed != Some(number) && !log.is_empty() {
                let _ = write!(message, "\nstandard error of line {}:\n{log}", block.line);
            }
        }
        message
    }

    fn compare(&self, state: &Path, ports: &Ports) {
        for (number, _) in self.commands() {
            let Some(expected) = self.expected(number) else {
                continue;
            };
            let printed =
                fs::read_to_string(state.join(format!("{number}.out"))).unwrap_or_default();
            let place = format!("{}, line {}", self.name, expected.line);
            let documented = ports.replaced(&expected.text);
            let difference = if expected.info == "output" {
                text_difference(&documented, &printed)
            } else {
                let documented =
                    last_json(&documented).unwrap_or_else(|| panic!("{place}: this is not JSON"));
                let actual = last_json(&printed);
                actual.map_or(Some("there is no JSON at the end".to_owned()), |actual| {
                    difference(&documented, &actual)
                })
            };
            if let Some(difference) = difference {
                panic!("{place}: {difference}\nThe commands print:\n{printed}");
            }
        }
    }
}

/// The first line that differs between a documented text and an actual one. Words are compared like texts in JSON.
fn text_difference(documented: &str, actual: &str) -> Option<String> {
    let words = |line: &str| {
        line.split([' ', ','])
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let (mut documented, mut actual) = (documented.lines(), actual.lines());
    loop {
        let pair = (documented.next(), actual.next());
        let is_same = match pair {
            (None, None) => return None,
            (Some(documented), Some(actual)) => {
                let (documented, actual) = (words(documented), words(actual));
                documented.len() == actual.len()
                    && documented
                        .iter()
                        .zip(&actual)
                        .all(|(one, other)| is_same_text(one, other))
            }
            _ => false,
        };
        if !is_same {
            let [documented, actual] = [pair.0, pair.1].map(Option::unwrap_or_default);
            return Some(format!("documented: {documented}; actual: {actual}"));
        }
    }
}

/// The last of the JSON values at the end of a text.
fn last_json(text: &str) -> Option<Value> {
    let lines = text.match_indices('\n').map(|(position, _)| position + 1);
    let mut starts = [0].into_iter().chain(lines).map(|start| &text[start..]);
    starts.find_map(|text| {
        let values = Deserializer::from_str(text).into_iter::<Value>();
        values.collect::<Result<Vec<_>, _>>().ok()?.pop()
    })
}

/// Extracts the fenced blocks of a page, without the indentation of their fences.
fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = (1..).zip(text.lines());
    while let Some((number, line)) = lines.next() {
        let fence = line.trim_start();
        let indentation = line.len() - fence.len();
        let ticks = fence.len() - fence.trim_start_matches('`').len();
        if ticks < 3 {
            continue;
        }
        let mut block = Block {
            info: fence[ticks..].trim().to_owned(),
            text: String::new(),
            line: number + 1,
        };
        let content = lines.by_ref().map(|(_, line)| line);
        for line in content.take_while(|line| !line.trim().starts_with(&fence[..ticks])) {
            let (indent, _) = line.split_at(indentation.min(line.len() - line.trim_start().len()));
            block.text += &line[indent.len()..];
            block.text.push('\n');
        }
        blocks.push(block);
    }
    blocks
}

/// Adds a line after each command that starts a server in the background, which waits until it listens.
fn wait_for_servers(text: &str) -> String {
    let mut result = String::new();
    let mut command = String::new();
    for line in text.lines() {
        result += line;
        result.push('\n');
        command += line;
        if line.ends_with('\\') {
            continue;
        }
        let code = command.split(" #").next().unwrap_or_default().trim_end();
        if code.ends_with(" &") && code.contains("stats-server") {
            let port = code.split_once("PORT=").map_or("5000", |(_, port)| {
                port.split(|c: char| !c.is_ascii_digit())
                    .next()
                    .unwrap_or_default()
            });
            let _ = writeln!(result, "runner_wait :{port}");
        }
        command.clear();
    }
    result
}

/// Free ports in place of 5000 to 5009, by the last digit.
#[derive(Default)]
struct Ports(BTreeMap<char, u16>);

impl Ports {
    /// The port in place of 500 and `digit`.
    fn free(&mut self, digit: char) -> u16 {
        *self.0.entry(digit).or_insert_with(free_port)
    }

    /// Replaces the ports, and chooses those that have no replacement.
    fn replace(&mut self, text: &str) -> String {
        for digit in '0'..='9' {
            if text.contains(&format!("500{digit}")) {
                self.free(digit);
            }
        }
        self.replaced(text)
    }

    fn replaced(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (digit, port) in &self.0 {
            for before in [':', '='] {
                let port = format!("{before}{port}");
                text = text.replace(&format!("{before}500{digit}"), &port);
            }
        }
        text
    }
}

/// A port below those that the operating system chooses, so that only another page can take it.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = (std::process::id() % 100) as u16 * 100;
    for _ in 0..1000 {
        let port = 10_000 + (first + NEXT.fetch_add(1, Ordering::Relaxed)) % 10_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("there is no free port");
}

/// A process and all that it starts. Dropping this value kills them.
struct Group(Child);

impl Group {
    /// Waits until the process has ended or the time is up, and returns whether it succeeded.
    fn wait(&mut self) -> bool {
        let start = Instant::now();
        while start.elapsed() < TIMEOUT {
            if let Some(status) = self.0.try_wait().expect("a child process") {
                return status.success();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        false
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let group = format!("-{}", self.0.id());
        let mut kill = Command::new("kill");
        kill.args(["-KILL", "--", &group]).stderr(Stdio::null());
        let _ = kill.status();
        let _ = self.0.wait();
    }
}

/// The first difference between a documented JSON value and an actual one, with the tolerance of [`Page::run`].
fn difference(documented: &Value, actual: &Value) -> Option<String> {
    match (documented, actual) {
        (Value::Object(documented), Value::Object(actual)) => {
            let names = |object: &serde_json::Map<String, Value>| {
                object.keys().cloned().collect::<Vec<_>>().join(", ")
            };
            let mut actual_fields = actual.iter();
            for (name, value) in documented {
                let same = actual.get_key_value(name).or_else(|| {
                    // Dates and UUIDs as names.
                    actual_fields.find(|(actual, _)| is_same_text(name, actual))
                });
                match same {
                    Some((_, actual)) => {
                        if let Some(difference) = difference(value, actual) {
                            return Some(format!("{name}: {difference}"));
                        }
                    }
                    None => return Some(format!("there is no {name} among {}", names(actual))),
                }
            }
            (documented.len() != actual.len()).then(|| {
                format!(
                    "documented: {}; actual: {}",
                    names(documented),
                    names(actual)
                )
            })
        }
        (Value::Array(documented), Value::Array(actual)) => {
            let is_open = documented.last().is_some_and(|last| last == "…");
            let length = documented.len() - usize::from(is_open);
            if actual.len() < length || (!is_open && actual.len() != length) {
                return Some(format!(
                    "documented: {length} elements; actual: {}",
                    actual.len()
                ));
            }
            let pairs = documented.iter().take(length).zip(actual).enumerate();
            let mut differences = pairs.filter_map(|(index, (documented, actual))| {
                Some(format!("{index}: {}", difference(documented, actual)?))
            });
            differences.next()
        }
        (Value::String(documented), Value::String(actual)) if is_same_text(documented, actual) => {
            None
        }
        (Value::Number(documented), Value::Number(actual))
            if documented.as_f64() == actual.as_f64() =>
        {
            None
        }
        _ => (documented != actual).then(|| format!("documented: {documented}; actual: {actual}")),
    }
}

fn is_same_text(documented: &str, actual: &str) -> bool {
    if let Some(start) = documented.strip_suffix('…') {
        return actual.starts_with(start);
    }
    let kinds: [fn(&str) -> bool; 4] = [
        |text| Uuid::parse_str(text).is_ok(),
        |text| text.parse::<NaiveDate>().is_ok(),
        |text| text.parse::<NaiveDateTime>().is_ok() || DateTime::parse_from_rfc3339(text).is_ok(),
        |text| {
            let numbers = text.split('.');
            text.matches('.').count() == 2
                && numbers
                    .into_iter()
                    .all(|number| number.parse::<u32>().is_ok())
        },
    ];
    documented == actual || kinds.iter().any(|is| is(documented) && is(actual))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn blocks_have_the_text_between_fences() {
        let text = "Run:\n\n```sh\na &&\n  b\n```\n\n```json\n{}\n```\n1. Then\n   ```sh not tested\n   c\n   ```\n\
                    ````text\n```sh\n````\n";
        let found = blocks(text);
        let found: Vec<_> = found
            .iter()
            .map(|block| (block.info.as_str(), block.text.as_str(), block.line))
            .collect();
        assert_eq!(
            found,
            [
                ("sh", "a &&\n  b\n", 4),
                ("json", "{}\n", 9),
                ("sh not tested", "c\n", 13),
                ("text", "```sh\n", 16),
            ]
        );
    }

    /// Runs a page, and returns the message of its failure.
    fn run(text: &str) -> Result<(), String> {
        let page = Page {
            name: "page.md".to_owned(),
            blocks: blocks(text),
        };
        let result = std::panic::catch_unwind(|| page.run(&Programs::none(), None));
        result.map_err(|message| *message.downcast::<String>().unwrap())
    }

    #[test]
    fn commands_share_a_shell_and_an_empty_folder() {
        let text = "```sh\nA=$(ls -A | wc -l)\n```\n```console\n$ false\n```\n```sh\n\
                    echo \"[$A, \\\"${DATABASE_URL-none}\\\"]\"\n```\n```json\n[0, \"none\"]\n```\n";
        assert_eq!(run(text), Ok(()));
    }

    #[test]
    fn a_failure_names_the_line_and_has_the_output() {
        for (commands, expected) in [
            (
                "echo out; echo err >&2; (exit 3) | cat",
                ["line 5", "out", "err"],
            ),
            (
                "echo \"$UNKNOWN\"",
                ["line 5", "UNKNOWN", "unbound variable"],
            ),
            ("fi", ["line 5", "syntax error", "fi"]),
        ] {
            let error = run(&format!("```sh\ntrue\n```\n```sh\n{commands}\n```\n")).unwrap_err();
            for expected in expected {
                assert!(error.contains(expected), "{commands}: {error}");
            }
        }
        let error = run("```sh\necho '[1]'\n```\n```json\n[2]\n```\n").unwrap_err();
        assert!(
            error.contains("line 5: 0: documented: 2; actual: 1"),
            "{error}"
        );
        let error = run("```sh\necho 1\n```\n```output\n2\n```\n").unwrap_err();
        assert!(
            error.contains("line 5: documented: 2; actual: 1"),
            "{error}"
        );
    }

    #[test]
    fn background_processes_end_with_the_page() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        let text = format!("```sh\nsleep 1000 &\necho $! >{}\n```\n", file.display());
        assert_eq!(run(&text), Ok(()));
        let pid = fs::read_to_string(file).unwrap();
        assert!(!Path::new("/proc").join(pid.trim()).exists());
    }

    #[test]
    fn the_last_json_at_the_end_counts() {
        for (text, expected) in [
            ("created\n{\"a\": 1}{\n\"a\": 2}\n", Some(json!({"a": 2}))),
            ("[1]", Some(json!([1]))),
            ("[1]\nx\n", None),
            ("", None),
        ] {
            assert_eq!(last_json(text), expected, "{text}");
        }
    }

    #[test]
    fn commands_after_a_server_wait_until_it_listens() {
        assert_eq!(
            wait_for_servers(
                "stats-server & # on port 5000\nA=1 PORT=5001 \\\n  stats-server &\nstats-server && b\nb &\n"
            ),
            "stats-server & # on port 5000\nrunner_wait :5000\nA=1 PORT=5001 \\\n  stats-server &\nrunner_wait :5001\n\
             stats-server && b\nb &\n"
        );
    }

    #[test]
    fn texts_are_compared_by_line_and_word() {
        let documented = "2026-01-01,x y\n204\n";
        assert_eq!(text_difference(documented, "2027-01-01,x y\n204"), None);
        for (actual, expected) in [
            (
                "2027-01-01,x z\n204",
                "documented: 2026-01-01,x y; actual: 2027-01-01,x z",
            ),
            ("2027-01-01,x y", "documented: 204; actual: "),
            ("2027-01-01,x y\n204\n1", "documented: ; actual: 1"),
        ] {
            assert_eq!(
                text_difference(documented, actual).as_deref(),
                Some(expected)
            );
        }
    }

    #[test]
    fn values_that_vary_are_compared_by_kind() {
        let uuid = "f1b1a6f5-1a3e-4bb7-9ed8-3e6ba5a9f2c1";
        let other = "b402d4e0-4576-11e9-9173-0800277f0571";
        for (documented, actual) in [
            (
                json!({"a": uuid, "b": "2026-01-01"}),
                json!({"b": "2030-12-31", "a": other}),
            ),
            (
                json!({"2026-01-01": {uuid: 1}}),
                json!({"2027-01-01": {other: 1.0}}),
            ),
            (
                json!({"at": "2026-01-01T00:00:00Z"}),
                json!({"at": "2027-01-01T10:00:00+00:00"}),
            ),
            (json!("0.1.0"), json!("0.12.3")),
            (json!("Ab…"), json!("Abc")),
            (json!([1, "…"]), json!([1, 2, 3])),
            (json!([1, "…"]), json!([1])),
        ] {
            assert_eq!(
                difference(&documented, &actual),
                None,
                "{documented} {actual}"
            );
        }
        for (documented, actual, expected) in [
            (
                json!({"a": 1}),
                json!({"a": 2}),
                "a: documented: 1; actual: 2",
            ),
            (json!({"a": 1}), json!({"b": 1}), "there is no a among b"),
            (
                json!({"a": 1}),
                json!({"a": 1, "b": 1}),
                "documented: a; actual: a, b",
            ),
            (
                json!([[1], 2]),
                json!([[3], 2]),
                "0: 0: documented: 1; actual: 3",
            ),
            (
                json!([1]),
                json!([1, 2]),
                "documented: 1 elements; actual: 2",
            ),
            (
                json!([1, 2, "…"]),
                json!([1]),
                "documented: 2 elements; actual: 1",
            ),
            (
                json!(uuid),
                json!("x"),
                &format!("documented: \"{uuid}\"; actual: \"x\""),
            ),
            (
                json!("Ab…"),
                json!("A"),
                "documented: \"Ab…\"; actual: \"A\"",
            ),
            (
                json!({"2026-01-01": 1}),
                json!({"x": 1}),
                "there is no 2026-01-01 among x",
            ),
        ] {
            assert_eq!(difference(&documented, &actual).as_deref(), Some(expected));
        }
    }
}
