#![doc = include_str!("../README.md")]

mod address;
mod admin;
mod answers;
mod api;
mod base;
mod bodies;
mod config;
mod connections;
mod errors;
mod extract;
mod function_name;
mod limits;
mod mask;
mod metrics;
mod middleware;
mod names;
mod pages;
mod period;
mod processing;
mod public;
mod rate_limit;
mod refusals;
mod resource;
mod respond;
mod routes;
mod server;
mod service;
mod spec;
mod state;
mod swagger_ui;
mod turns;

pub use config::{HttpConfig, Routes};
pub use limits::{Limits, Share};
pub use server::serve;
pub use state::App;
