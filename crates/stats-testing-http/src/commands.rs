use std::fmt::Write;

use clap::{Arg, Command};

/// Describes a program as Markdown: a section for each group of commands, with the options of each command.
pub fn commands(mut program: Command) -> String {
    program.build();
    let mut text = format!("## {}\n", program.get_name());
    describe(&program, &mut text);
    text
}

/// Appends the description, the usage and the options of a command, and then its subcommands.
fn describe(command: &Command, text: &mut String) {
    let about = command.get_long_about().or_else(|| command.get_about());
    let about = about.map(ToString::to_string).unwrap_or_default();
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ");
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        "\n{}\n\n```text\n{usage}\n```\n",
        escape(&sentences(&about))
    );
    let arguments = command.get_arguments().filter(|argument| {
        !argument.is_hide_set() && !["help", "version"].contains(&argument.get_id().as_str())
    });
    let rows: String = arguments.map(row).collect();
    if !rows.is_empty() {
        let _ = write!(text, "\n| option | meaning |\n|---|---|\n{rows}");
    }
    for subcommand in command.get_subcommands() {
        if subcommand.get_name() == "help" || subcommand.is_hide_set() {
            continue;
        }
        // "stats-admin client create" without the program is the heading.
        let name = subcommand
            .get_bin_name()
            .unwrap_or_else(|| subcommand.get_name());
        let name = name.split_once(' ').map_or(name, |(_, name)| name);
        let level = if name.contains(' ') { "####" } else { "###" };
        let _ = write!(text, "\n{level} {name}\n");
        describe(subcommand, text);
    }
}

/// The row of an option or argument in a table.
fn row(argument: &Arg) -> String {
    let values = argument.get_value_names().unwrap_or_default();
    let values = values.iter().map(|value| format!("<{value}>"));
    let values = match argument.get_num_args() {
        Some(number) if number.takes_values() => values.collect::<Vec<_>>().join(" "),
        _ => String::new(),
    };
    let short = argument.get_short().map(|short| format!("-{short}"));
    let long = argument.get_long().map(|long| format!("--{long}"));
    let names: Vec<_> = short.into_iter().chain(long).collect();
    let name = format!("{} {values}", names.join(", "));
    let help = argument.get_long_help().or_else(|| argument.get_help());
    let mut help = sentences(&help.map(ToString::to_string).unwrap_or_default());
    let possible = argument.get_possible_values();
    let possible = possible.iter().filter(|value| !value.is_hide_set());
    let possible: Vec<_> = possible.map(|value| value.get_name()).collect();
    if !possible.is_empty() && !values_are_flags(argument) {
        let _ = write!(help, " One of {}.", possible.join(", "));
    }
    let defaults = argument.get_default_values().iter();
    let defaults: Vec<_> = defaults.map(|value| value.to_string_lossy()).collect();
    if !defaults.is_empty() && !values_are_flags(argument) {
        let _ = write!(help, " Default: {}.", defaults.join(", "));
    }
    let required = if argument.is_required_set() {
        " Required."
    } else {
        ""
    };
    let help = escape(&help).replace('|', "\\|").replace('\n', " ");
    format!("| `{}` | {help}{required} |\n", name.trim())
}

/// Whether clap gives an option values of its own: those of a flag.
fn values_are_flags(argument: &Arg) -> bool {
    !argument.get_action().takes_values()
}

/// Ends each paragraph with a full stop, which clap removes.
fn sentences(text: &str) -> String {
    let paragraphs = text.split("\n\n").map(|paragraph| {
        let paragraph = paragraph.trim();
        let is_open = paragraph.ends_with(|c: char| c.is_alphanumeric() || ")>\"".contains(c));
        format!("{paragraph}{}", if is_open { "." } else { "" })
    });
    paragraphs.collect::<Vec<_>>().join("\n\n")
}

/// Escapes what Markdown would take for HTML or emphasis.
fn escape(text: &str) -> String {
    text.replace('<', "\\<").replace('*', "\\*")
}

#[cfg(test)]
mod tests {
    use clap::{ArgAction, arg, builder::PossibleValuesParser};

    use super::*;

    #[test]
    fn a_program_is_described_with_its_commands_and_options() {
        let create = Command::new("create")
            .about("Create a thing named <name>")
            .arg(arg!(--name <NAME> "The name").required(true))
            .arg(
                arg!(--kind <KIND> "The kind")
                    .value_parser(PossibleValuesParser::new(["a", "b"]))
                    .default_value("a"),
            )
            .arg(arg!(-y --yes "Do not ask, a|b").action(ArgAction::SetTrue))
            .arg(arg!([FILE] "The file").required(false));
        let program = Command::new("program")
            .version("1")
            .about("Do things.")
            .long_about("Do things.\n\nMany of them")
            .subcommand_required(true)
            .subcommand(
                Command::new("thing")
                    .about("Manage things")
                    .subcommand(create),
            );
        assert_eq!(
            commands(program),
            "## program\n\nDo things.\n\nMany of them.\n\n```text\nprogram <COMMAND>\n```\n\n\
             ### thing\n\nManage things.\n\n```text\nprogram thing [COMMAND]\n```\n\n\
             #### thing create\n\nCreate a thing named \\<name>.\n\n\
             ```text\nprogram thing create [OPTIONS] --name <NAME> [FILE]\n```\n\n\
             | option | meaning |\n|---|---|\n\
             | `--name <NAME>` | The name. Required. |\n\
             | `--kind <KIND>` | The kind. One of a, b. Default: a. |\n\
             | `-y, --yes` | Do not ask, a\\|b. |\n\
             | `<FILE>` | The file. |\n"
        );
    }
}
