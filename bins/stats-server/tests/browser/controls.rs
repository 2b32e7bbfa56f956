//! What the controls of each page do.

use fantoccini::key::Key;

use crate::browser::Browser;

/// The number of elements.
fn count(browser: &Browser, css: &str) -> usize {
    browser.evaluate(&format!("return document.querySelectorAll({css:?}).length"))
}

/// Moves the mouse to an element until it has a tooltip: scrolling to the element hides the first one.
fn hover_until_tip(browser: &Browser, css: &str, beside: &str) {
    for _ in 0..20 {
        browser.hover(css);
        if count(browser, ".ch-tip:not([hidden])") == 1 {
            return;
        }
        browser.hover(beside);
    }
}

#[test]
fn the_form_of_the_statistics_chooses_what_is_shown() {
    let Some(browser) = Browser::start() else {
        return;
    };
    browser.open("/stats?days=30");
    let threats = browser.text(".figure:nth-child(3) h2");
    browser.tab_until("select[name=days]");
    browser.press(Key::End);
    browser.tab_until("select[name=by]");
    browser.press(Key::End);
    browser.tab_until("select[name=order]");
    browser.press(Key::End);
    browser.tab_until("select[name=top]");
    browser.press(Key::Home);
    browser.tab_until("select[name=weight]");
    browser.press(Key::End);
    browser.tab_until("form button");
    browser.press(Key::Enter);
    browser.wait_until_at("/stats?days=365&by=max_risk&order=lowest&top=5&weight=client");
    let meaning = "Each client counts once.";
    assert!(browser.text(".figure:nth-child(3)").contains(meaning));
    assert_ne!(browser.text(".figure:nth-child(3) h2"), threats);
    assert_eq!(browser.text("option:checked"), "The last 365 days");
    assert_eq!(count(&browser, ".figure:nth-child(3) tbody tr"), 5);
    assert_eq!(browser.console_messages(), [""; 0]);
}

#[test]
fn the_legend_hides_and_shows_lines() {
    let Some(browser) = Browser::start() else {
        return;
    };
    browser.open("/evolution?top=20");
    // Whether the lines of the third picture are drawn.
    let drawn = || -> Vec<bool> {
        browser.evaluate(
            "const plot = document.querySelectorAll('.ch-lines')[2].querySelector('.ch-plot');
             return [...plot.querySelectorAll('[data-values]')]
                 .sort((a, b) => a.classList[0].slice(4) - b.classList[0].slice(4))
                 .map(line => getComputedStyle(line).display !== 'none')",
        )
    };
    assert_eq!(drawn(), [true; 20]);
    browser.run(
        "document.querySelectorAll('.ch-lines')[2].querySelector('input[type=checkbox]').focus()",
    );
    browser.press(Key::Space);
    let mut expected = [true; 20];
    expected[0] = false;
    assert_eq!(drawn(), expected);
    browser.run("document.querySelectorAll('.ch-lines')[2].querySelector('.ch-invert').focus()");
    browser.press(Key::Enter);
    assert_eq!(drawn(), expected.map(|is_drawn| !is_drawn));
    assert_eq!(browser.console_messages(), [""; 0]);
}

#[test]
fn a_tooltip_reads_all_lines_at_a_date_by_pointer_and_by_keyboard() {
    let Some(browser) = Browser::start() else {
        return;
    };
    browser.open("/evolution");
    assert_eq!(count(&browser, ".ch-tip:not([hidden])"), 0);
    hover_until_tip(&browser, ".ch-lines .ch-canvas", ".ch-lines .ch-unit");
    assert_eq!(count(&browser, ".ch-tip:not([hidden]) .ch-tip-row"), 6);
    let pointed = browser.text(".ch-tip");
    assert!(pointed.contains("analyses of"), "{pointed}");
    browser.tab_until(".ch-slider");
    browser.press(Key::Home);
    let first = browser.text(".ch-tip");
    browser.press(Key::Right);
    let second = browser.text(".ch-tip");
    assert!(first != second && first != pointed, "{first} {second}");
    let spoken: String =
        browser.evaluate("return document.activeElement.getAttribute('aria-valuetext')");
    let date = second.lines().next().unwrap();
    assert!(spoken.starts_with(date), "{spoken}: {second}");
    browser.press(Key::Escape);
    assert_eq!(count(&browser, ".ch-tip:not([hidden])"), 0);
    assert_eq!(browser.console_messages(), [""; 0]);
}

#[test]
fn pins_say_the_top_threat_on_hover_and_focus() {
    let Some(browser) = Browser::start() else {
        return;
    };
    browser.open("/map");
    hover_until_tip(&browser, ".ch-place circle", ".ch-map h2");
    let pointed = browser.text(".ch-tip");
    assert!(
        pointed.contains("Threat: ") && pointed.contains("Vulnerability: "),
        "{pointed}"
    );
    browser.press(Key::Escape);
    browser.tab_until(".ch-place");
    let focused = browser.text(".ch-tip");
    assert_eq!(focused, pointed);
    browser.tab_until("select[name=view]");
    browser.press(Key::End);
    browser.tab_until("form button");
    browser.press(Key::Enter);
    browser.wait_until_at("/map?view=world");
    assert_eq!(count(&browser, ".ch-world"), 1);
    assert_eq!(browser.console_messages(), [""; 0]);
}

#[test]
fn the_language_is_remembered_across_links() {
    let Some(browser) = Browser::start() else {
        return;
    };
    browser.open("/stats?days=90&by=rate");
    browser.tab_until("footer a[lang=de]");
    browser.press(Key::Enter);
    browser.wait_until_at("/stats?by=rate&days=90&lang=de");
    assert_eq!(browser.text("option:checked"), "Letzte 90 Tage");
    browser.tab_until("header a[href^='/compliance']");
    browser.press(Key::Enter);
    browser.wait_until_at("/compliance?lang=de");
    browser.tab_until(".files a");
    browser.press(Key::Enter);
    let language: String = browser.evaluate("return document.documentElement.lang");
    assert_eq!(language, "de");
    assert_eq!(browser.console_messages(), [""; 0]);
}
