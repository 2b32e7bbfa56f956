//! Serves a custom processor beside the built-in ones, from an empty temporary database.
//!
//! ```text
//! cargo run -p stats-http --example serve_own_processor
//! curl 'http://127.0.0.1:5000/stats/threats.json?processor=threat_maxima'
//! ```

use std::error::Error;
use std::net::TcpListener;

use stats_db::{Db, Timeouts};
use stats_http::{App, HttpConfig, serve};
use stats_processors::Registry;

// Reuse the processor of the example in stats-processors.
#[path = "../../stats-processors/examples/own_processor.rs"]
#[expect(dead_code, reason = "only the processor is used")]
mod processor;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let url = format!("sqlite://{}", folder.path().join("stats.db").display()).parse()?;
    Db::create(&url)?;
    let db = Db::open_with(&url, Timeouts::server())?;
    db.migrate()?;
    let server = serve(TcpListener::bind("127.0.0.1:5000")?, app(db)?)?;
    Ok(actix_web::rt::System::new().block_on(server)?)
}

pub(crate) fn app(db: Db) -> Result<App, Box<dyn Error>> {
    let mut processors = Registry::default();
    processors.register::<processor::ThreatMaxima>()?;
    Ok(App::new(db, HttpConfig::default()).with_processors(processors))
}
