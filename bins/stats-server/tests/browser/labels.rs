//! Labels of any text stay text, and stay inside.

use std::process::Command;

use chrono::Local;
use serde_json::json;
use stats_testing_http::{ADMIN_TOKEN, Server, isolate};

use crate::browser::Browser;
use crate::pages::FEW_VIEWS;

#[test]
fn labels_of_any_text_stay_text_and_stay_inside() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let database = format!("sqlite://{}/stats.db", folder.path().display());
    let mut command = Command::new(env!("CARGO_BIN_EXE_stats-server"));
    isolate(
        &mut command,
        &[("DATABASE_URL", &database), ("ADMIN_TOKEN", ADMIN_TOKEN)],
    );
    let server = Server::spawn(command);
    let long = "Donaudampfschiff".repeat(6);
    let labels = [
        "<img src=/x onerror=alert(1)> & \"quotes\"",
        &long,
        "التصيد الاحتيالي (12) عبر البريد",
        "🦠 Malware | 🔥",
    ];
    let objects = labels.iter().zip(1..).map(|(label, number)| {
        let uuid = format!("00000000-0000-4000-8000-{number:012}");
        json!({"uuid": uuid, "label2": label, "count": 9 - number, "maxRisk": number, "averageRate": "1.00"})
    });
    let objects: Vec<_> = objects.collect();
    let date = Local::now().date_naive();
    let stat = |kind: &str| json!({"anr": "f1b1a6f5-1a3e-4bb7-9ed8-3e6ba5a9f2c1", "type": kind, "date": date, "data": objects});
    assert_eq!(
        server
            .post(&json!([stat("threat"), stat("vulnerability")]))
            .status(),
        201
    );
    browser.set_base(server.base.clone());
    for view in FEW_VIEWS {
        browser.set_view(view);
        for path in ["/stats", "/evolution", "/", "/chart/threats.html"] {
            browser.open(path);
            let text = browser.text("main");
            for label in labels {
                let without_spaces = |text: &str| text.split_whitespace().collect::<String>();
                assert!(
                    without_spaces(&text).contains(&without_spaces(label)),
                    "{path} ({view}): {label}\n{text}"
                );
            }
            let overflow: i32 = browser.evaluate(
                "const root = document.documentElement; return root.scrollWidth - root.clientWidth",
            );
            assert_eq!(overflow, 0, "{path} ({view})");
            assert_eq!(browser.console_messages(), [""; 0], "{path}");
        }
    }
}
