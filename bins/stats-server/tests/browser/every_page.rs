//! Rules for every page.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::process::Command;

use fantoccini::key::Key;

use crate::browser::{Browser, is_within};
use crate::pages::{FEW_VIEWS, PAGES, Page, VIEWS, View, site_pages};

/// A function that describes an element for a message.
const DESCRIBE: &str = r#"
    const describe = element => {
        const id = element.id && `#${element.id}`;
        const classes = [...element.classList].map(name => "." + name).join("");
        const text = element.textContent.trim().replace(/\s+/g, " ").slice(0, 40);
        return `<${element.localName}${id}${classes}> "${text}"`;
    };
"#;

/// Opens pages in views, and fails if a check finds problems on any of them.
fn check(
    pages: impl Iterator<Item = &'static Page> + Clone,
    views: &[View],
    find_problems: impl Fn(&Browser, &Page) -> Vec<String>,
) {
    let Some(browser) = Browser::start() else {
        return;
    };
    let mut problems: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for view in views {
        browser.set_view(*view);
        for page in pages.clone() {
            browser.open(page.path);
            for problem in find_problems(&browser, page) {
                let places = problems.entry(problem).or_default();
                places.push(format!("{} ({view})", page.path));
            }
        }
    }
    let problems = problems.iter();
    let problems: Vec<_> = problems
        .map(|(problem, places)| format!("{problem}\n    on {}", places.join(", ")))
        .collect();
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn no_page_writes_to_the_console_or_loads_from_another_origin() {
    check(PAGES.iter(), &FEW_VIEWS, |browser, page| {
        let mut problems = browser.console_messages();
        // Chromium reports the error of an error page.
        let error = format!(
            "SEVERE: {} - Failed to load resource: the server responded with a status of {} ",
            browser.url(page.path),
            page.status
        );
        problems.retain(|message| !message.starts_with(&error));
        let requests = browser.requests();
        assert!(requests.contains(&browser.url(page.path)), "{requests:?}");
        let origin = browser.url("/");
        let foreign = requests.iter().filter(|url| !is_within(url, &origin));
        problems.extend(foreign.map(|url| format!("loads {url}")));
        problems
    });
}

#[test]
fn no_page_scrolls_sideways() {
    check(PAGES.iter(), &FEW_VIEWS, |browser, _| {
        let script = r#"
            const root = document.documentElement;
            if (root.scrollWidth <= root.clientWidth) return [];
            const wide = [...document.body.querySelectorAll("*")]
                .filter(element => element.getBoundingClientRect().right > root.clientWidth + 0.5);
            return [`${root.scrollWidth} px wide: ${wide.slice(0, 5).map(describe).join(", ")}`];
        "#;
        browser.evaluate(&format!("{DESCRIBE}{script}"))
    });
}

#[test]
fn axe_finds_nothing() {
    let axe = OnceCell::new();
    let script = r#"
        const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
        const { violations } = await axe.run({ runOnly: tags, resultTypes: ["violations"] });
        return violations.flatMap(rule => rule.nodes.map(node =>
            `${rule.id}: ${node.target.join(" ")}: ${node.failureSummary.replace(/\s+/g, " ")}`));
    "#;
    check(site_pages(), &VIEWS, |browser, _| {
        browser.run(axe.get_or_init(axe_core));
        browser.evaluate(script)
    });
}

/// The source of axe-core.
fn axe_core() -> String {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/axe-core.sh");
    let output = Command::new(script).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    let path = String::from_utf8(output.stdout).unwrap();
    std::fs::read_to_string(path.trim_end()).unwrap()
}

#[test]
fn the_tabulator_starts_at_a_link_to_the_content_and_outlines_every_control() {
    check(site_pages(), &FEW_VIEWS, |browser, _| walk(browser));
}

/// Presses the tabulator until the focus leaves the page.
fn walk(browser: &Browser) -> Vec<String> {
    let mut problems = Vec::new();
    let step = r#"
        const element = document.activeElement;
        window.reached ??= new Set();
        if (element === document.body || reached.has(element)) return null;
        const problems = [];
        if (!reached.size) {
            const target = element.hash && document.querySelector(element.hash);
            if (!target?.matches("main")) problems.push(`starts at ${describe(element)}`);
        }
        reached.add(element);
        const { bottom, right } = element.getBoundingClientRect();
        if (bottom <= 0 || right <= 0) problems.push(`not visible with the focus: ${describe(element)}`);
        const { outlineStyle, outlineWidth, outlineColor } = getComputedStyle(element);
        if (outlineStyle === "none" || outlineWidth === "0px" || outlineColor === "rgba(0, 0, 0, 0)")
            problems.push(`no outline: ${describe(element)}`);
        return problems;
    "#;
    let step = format!("{DESCRIBE}{step}");
    loop {
        browser.press(Key::Tab);
        match browser.evaluate::<Option<Vec<String>>>(&step) {
            Some(found) => problems.extend(found),
            None => break,
        }
    }
    let missed = r#"
        const controls = "a[href], button, input, select, textarea, summary, [tabindex]";
        // A group of radio buttons is one stop.
        const isReached = control => reached.has(control)
            || control.type === "radio" && [...reached].some(other => other.name === control.name);
        return [...document.querySelectorAll(controls)]
            .filter(control => control.tabIndex >= 0 && !control.disabled)
            .filter(control => control.checkVisibility({ visibilityProperty: true }))
            .filter(control => !isReached(control))
            .map(control => `not reached: ${describe(control)}`);
    "#;
    problems.extend(browser.evaluate::<Vec<String>>(&format!("{DESCRIBE}{missed}")));
    problems
}
