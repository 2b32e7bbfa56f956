//! `--demo`.

use std::io::{BufRead, BufReader, Read};

use reqwest::blocking::Client as Http;
use serde_json::{Value, json};

use crate::support::start;

#[test]
fn the_commands_and_tokens_that_the_demo_prints_work() {
    let mut demo = start(&["--demo"], &[]);
    let mut introduction = BufReader::new(demo.process.stdout.take().unwrap());
    let mut commands = Vec::new();
    let mut tokens = Vec::new();
    for line in introduction.by_ref().lines().map(Result::unwrap) {
        if let Some(command) = line.trim().strip_prefix("curl -H 'X-API-KEY: ") {
            commands.push(command.to_owned());
        } else if let Some((name, token)) = line.trim().rsplit_once("  ") {
            tokens.push((name.trim().to_owned(), token.trim().to_owned()));
        }
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
    assert_eq!(
        tokens.len(),
        13,
        "twelve front offices and the administrator"
    );
    for (name, token) in tokens {
        let request = Http::new().get(format!("{}/api/v1/client/me", demo.base));
        let client: Value = request
            .header("X-API-KEY", token)
            .send()
            .unwrap()
            .json()
            .unwrap();
        assert_eq!(client["name"], name.as_str());
    }
    let on_the_map = demo.get("/map/clients.json");
    assert_eq!(on_the_map.as_array().unwrap().len(), 12);
    demo.signal("INT");
    assert!(demo.wait().success());
}
