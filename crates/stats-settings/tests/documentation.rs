//! The list of settings in the documentation.

use stats_settings::Settings;
use stats_testing::assert_generated;

#[test]
fn docs_configuration_md_is_up_to_date() {
    let mut table = "| setting | default | meaning |\n|---|---|---|\n".to_owned();
    // The first paragraph of the sample file is about the file.
    for setting in Settings::sample().split("\n\n").skip(1) {
        let lines = setting
            .lines()
            .map(|line| line.trim_start_matches('#').trim());
        let lines: Vec<_> = lines.collect();
        let (setting, meaning) = lines.split_last().expect("a setting");
        let (key, default) = setting.split_once(" = ").expect("a key and its default");
        let default = match default {
            "\"\"" => String::new(),
            default => format!("`{default}`"),
        };
        let meaning = meaning.join(" ").replace('<', "\\<").replace('|', "\\|");
        table += &format!("| `{key}` | {default} | {meaning} |\n");
    }
    assert_generated("docs/configuration.md", "settings", &table);
}
