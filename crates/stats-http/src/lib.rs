#![doc = include_str!("../README.md")]

mod address;
mod admin;
mod answers;
mod api;
mod audit;
mod base;
mod bodies;
mod config;
mod connections;
mod csv;
mod drain;
mod errors;
mod extract;
mod function_name;
mod hash;
mod language;
mod limits;
mod logo;
mod mask;
mod metrics;
mod middleware;
mod names;
mod pages;
mod period;
mod places;
mod processing;
mod public;
mod rate_limit;
mod refusals;
mod releases;
mod resource;
mod respond;
mod routes;
mod server;
mod service;
mod spec;
mod state;
mod swagger_ui;
mod turns;
mod wrong_tokens;

#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub use api::fuzzing;
pub use config::{HttpConfig, Routes};
pub use drain::Drain;
pub use limits::{Limits, Share};
pub use logo::Logo;
pub use server::serve;
pub use state::App;
