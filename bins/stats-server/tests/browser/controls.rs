//! What the controls of each page do.

use fantoccini::key::Key;

use crate::browser::Browser;

#[test]
fn the_form_of_the_statistics_chooses_the_period() {
    let Some(browser) = Browser::start() else {
        return;
    };
    browser.open("/stats?days=30");
    let since = browser.text("main time");
    browser.tab_until("select[name=days]");
    browser.press(Key::End);
    browser.tab_until("form button");
    browser.press(Key::Enter);
    browser.wait_until_at("/stats?days=365");
    assert_ne!(browser.text("main time"), since);
    assert_eq!(browser.text("option:checked"), "The last 365 days");
    browser.hover("form button");
    assert!(
        browser.evaluate::<bool>("return document.querySelector('form button').matches(':hover')")
    );
    assert_eq!(browser.console_messages(), [""; 0]);
}
