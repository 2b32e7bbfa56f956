use std::error::Error;
use std::io::{self, Write};
use std::net::TcpListener;
use std::pin::pin;

use actix_web::dev::ServerHandle;
use actix_web::rt::System;
use actix_web::rt::signal::unix::{Signal, SignalKind, signal};
use chrono::Local;
use clap::Parser;
use futures_util::future::select;
use stats_core::{NewClient, Role, Token, function_name};
use stats_db::{ClientConflict, DatabaseUrl, Db, DbError};
use stats_http::{App, HttpConfig, Limits, Routes};
use stats_settings::{Blueprint, HttpUrl, Settings, init_logging};

use crate::demo::Demo;

/// Collects statistics of risk analyses from MONARC front offices, and returns them plain or processed.
///
/// The settings come from the environment and from the TOML file that STATS_CONFIG names.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Arguments {
    /// Serve half a year of made-up stats from a temporary database
    #[arg(long)]
    demo: bool,
    /// Print a settings file with every setting, its default and what it means
    #[arg(long)]
    sample_settings: bool,
}

/// Does what the arguments say, until it is told to stop.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    if arguments.sample_settings {
        return Ok(io::stdout().write_all(Settings::sample().as_bytes())?);
    }
    let settings = Settings::load()?;
    init_logging(settings.log_path.as_deref())?;
    // Before the database: what cannot listen leaves everything as it is.
    let listener = bind(&settings)?;
    if arguments.demo {
        let demo = Demo::prepare(Local::now().date_naive())?;
        demo.introduce(&mut io::stdout(), listener.local_addr()?)?;
        serve(listener, demo.db.clone(), &settings)
    } else {
        serve(listener, open(&settings)?, &settings)
    }
}

/// Opens the database, brings its tables up to date, and sees to it that there is an admin.
fn open(settings: &Settings) -> Result<Db, Box<dyn Error>> {
    let url: DatabaseUrl = settings.database_url.reveal().parse()?;
    if let DatabaseUrl::Sqlite(_) = url {
        Db::create(&url)?;
    }
    let db = Db::open(&url)?;
    if settings.db_auto_migrate {
        for migration in db.migrate()? {
            log::info!(function = function_name!(); "Migrated {url}: {migration}");
        }
    } else {
        db.require_migrated()?;
    }
    if let Some(token) = &settings.admin_token {
        ensure_admin(&db, token)?;
    }
    Ok(db)
}

/// Creates an admin with this token unless there is one.
fn ensure_admin(db: &Db, token: &Token) -> Result<(), Box<dyn Error>> {
    if db.has_admin()? {
        return Ok(());
    }
    let new = NewClient {
        role: Role::Admin,
        token: token.clone(),
        ..NewClient::user("ADMIN".parse()?)
    };
    match db.create_client(&new) {
        Ok(client) => {
            log::info!(function = function_name!(); "Created the admin client {} with ADMIN_TOKEN", client.name);
            Ok(())
        }
        // Another server that started at the same time was first.
        Err(DbError::ClientExists(_)) if db.has_admin()? => Ok(()),
        Err(DbError::ClientExists(ClientConflict::Token)) => {
            Err("ADMIN_TOKEN is the token of a client that is no admin: choose another one".into())
        }
        Err(DbError::ClientExists(_)) => {
            Err("ADMIN_TOKEN is set, but a client called ADMIN is there and no admin: create an admin with \
                 'stats-admin client create --role admin --name <name>'"
                .into())
        }
        Err(error) => Err(error.into()),
    }
}

fn bind(settings: &Settings) -> Result<TcpListener, Box<dyn Error>> {
    let (host, port) = (settings.host.as_str(), settings.port);
    TcpListener::bind((host, port)).map_err(|error| {
        format!("cannot listen on {host}, port {port}: {error}; HOST and PORT set another address")
            .into()
    })
}

fn serve(listener: TcpListener, db: Db, settings: &Settings) -> Result<(), Box<dyn Error>> {
    let config = http_config(settings);
    let address = listener.local_addr()?;
    System::new().block_on(async move {
        let stop_signals = (
            signal(SignalKind::terminate())?,
            signal(SignalKind::interrupt())?,
        );
        let server = stats_http::serve(listener, App::new(db, config))?;
        actix_web::rt::spawn(stop_on(stop_signals, server.handle()));
        log::info!(function = function_name!(); "Listening on http://{address}");
        server.await?;
        log::info!(function = function_name!(); "Stopped");
        Ok(())
    })
}

fn http_config(settings: &Settings) -> HttpConfig {
    let text = |url: &Option<HttpUrl>| url.as_ref().map(ToString::to_string);
    let is_active = |group| settings.active_blueprints.contains(&group);
    HttpConfig {
        contact: settings.admin_email.clone(),
        operator_url: text(&settings.admin_url),
        instance_url: text(&settings.instance_url),
        trusts_proxy: settings.fix_proxy,
        is_registration_open: settings.client_registration_open,
        max_body_bytes: settings.max_body_bytes,
        limits: Limits::default(),
        routes: Routes {
            pages: is_active(Blueprint::Root),
            stats: is_active(Blueprint::Stats),
            map: is_active(Blueprint::Map),
            admin: is_active(Blueprint::Admin),
        },
    }
}

/// Stops the server gracefully on the first signal; the second one ends the program.
async fn stop_on(mut signals: (Signal, Signal), server: ServerHandle) {
    next_of(&mut signals).await;
    log::info!(function = function_name!(); "Stopping once the requests in flight are answered");
    // The future is done when the server is, which nobody here waits for.
    drop(server.stop(true));
    next_of(&mut signals).await;
    log::warn!(function = function_name!(); "Stopped at once");
    std::process::exit(130);
}

async fn next_of((terminate, interrupt): &mut (Signal, Signal)) {
    select(pin!(terminate.recv()), pin!(interrupt.recv())).await;
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_holds_together() {
        Arguments::command().debug_assert();
    }
}
