#![doc = include_str!("../README.md")]

mod about;
mod answer;
mod api;
mod app;
mod errors;
mod processing;
mod public;
mod request;

pub use app::{App, HttpConfig, serve};
