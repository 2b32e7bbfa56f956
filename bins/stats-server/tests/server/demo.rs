//! `--demo`.

use std::io::{BufRead, BufReader, Read};

use reqwest::blocking::Client as Http;
use serde_json::{Value, json};

use crate::support::Server;

#[test]
fn the_commands_that_the_demo_prints_work() {
    let mut demo = Server::start(&["--demo"], &[]);
    let mut introduction = BufReader::new(demo.process.stdout.take().unwrap());
    let mut commands = Vec::new();
    for line in introduction.by_ref().lines().map(Result::unwrap) {
        let command = line.trim().strip_prefix("curl -H 'X-API-KEY: ");
        commands.extend(command.map(str::to_owned));
        if line.starts_with("Ctrl-C") {
            break;
        }
    }
    assert_eq!(commands.len(), 4);
    for command in commands {
        let (token, url) = command.split_once("' '").unwrap();
        let request = Http::new().get(url.trim_end_matches('\''));
        let response = request.header("X-API-KEY", token).send().unwrap();
        assert_eq!(response.status(), 200, "{command}");
        let body: Value = response.json().unwrap();
        assert!(body["data"] != json!([]), "{command}: {body}");
    }
    demo.signal("INT");
    assert!(demo.wait().success());
}
