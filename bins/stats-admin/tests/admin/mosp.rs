//! `stats-admin mosp`.

use serde_json::Value;
use stats_testing_http::{Remote, answer};

use crate::support::{message, program, run_program};

const OBJECT: &str = "f3caa83b-28fb-49fd-b7ad-6e4cd1aaad07";

#[test]
fn is_object_published_prints_true_or_false() {
    let run = |url: &str, option: &str| {
        let line = format!("mosp_is_object_published --uuid {OBJECT}{option}");
        // The command needs no database.
        run_program(&mut program(&[("MOSP_URL", url)], &line), "")
    };
    let ask = |body: &str, option: &str| {
        let remote = Remote::answering(answer("200 OK", body));
        let outcome = run(&remote.url(), option);
        let head = &remote.requests()[0].head;
        assert!(
            head.starts_with(&format!("GET /api/v2/object/?uuid={OBJECT} ")),
            "{head}"
        );
        outcome
    };
    let published =
        format!(r#"{{"data": [{{"name": "é", "json_object": {{"uuid": "{OBJECT}"}}}}]}}"#);
    assert_eq!(ask(&published, "").stdout, "True\n");
    let verbose = ask(&published, " -v").stdout;
    let object: Value = serde_json::from_str(verbose.strip_suffix("True\n").unwrap()).unwrap();
    assert_eq!(object["name"], "é");
    let missing = ask(r#"{"data": []}"#, " -v");
    assert_eq!((missing.code, missing.stdout.as_str()), (0, "False\n"));

    message(&ask("<html>", ""), 1);
    let away = message(&run("http://127.0.0.1:1", ""), 75);
    assert!(
        away.starts_with("cannot connect to http://127.0.0.1:1/: "),
        "{away}"
    );
}
