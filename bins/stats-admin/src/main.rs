#![doc = include_str!("../README.md")]

mod audit;
mod cli;
mod client;
mod db;
mod doctor;
mod exit;
mod listing;
mod mosp;
mod new_file;
mod progress;
mod stats;
mod stop;
mod table;
mod terminal;

use std::process::ExitCode;

fn main() -> ExitCode {
    exit::exit_code(cli::run(std::env::args_os()))
}
