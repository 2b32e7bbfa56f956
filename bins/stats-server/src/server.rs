use std::io::{self, Write};
use std::net::TcpListener;
use std::path::Path;
use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::rt::System;
use actix_web::rt::signal::unix::{Signal, SignalKind, signal};
use actix_web::rt::time::sleep;
use anyhow::{Context, bail};
use chrono::Local;
use clap::{CommandFactory, Parser};
use futures_util::future::select;
use stats_core::{NewClient, Role, Token};
use stats_db::{ClientConflict, DatabaseUrl, Db, DbError, Options, Timeouts};
use stats_http::{App, Drain, HttpConfig, Limits, Routes};
use stats_remote::{HttpOptions, Mosp, RemoteError};
use stats_settings::{
    Blueprint, HttpUrl, LoadedSettings, LogFile, Logo, SETTINGS_FILE, Settings, init_logging,
    read_logo, read_paragraphs,
};

use crate::demo::Demo;
use crate::manual::Manual;
use crate::notify;

/// Collect statistics of risk analyses from MONARC front offices and serve them, plain or processed.
///
/// The settings come from the environment and from the TOML file that STATS_CONFIG names; without it, from
/// /etc/stats-server/stats.toml, if that exists.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Arguments {
    /// Serve half a year of made-up stats from a temporary database, without the settings in /etc
    #[arg(long)]
    demo: bool,
    /// Print the settings and check whether the server can run with them; 'stats-admin doctor' checks a running one
    ///
    /// Changes nothing. The output and the exit code are those of a Nagios plugin: 0 if all is well, 1 for a warning, 2
    /// for a failure, 3 if the settings cannot be read.
    #[arg(long, conflicts_with_all = ["demo", "sample_settings"])]
    check: bool,
    /// With --check, print JSON
    #[arg(long, requires = "check")]
    json: bool,
    /// Print a settings file that documents every setting and its default
    #[arg(long)]
    sample_settings: bool,
    #[command(flatten)]
    manual: Manual,
}

/// The time for reading the newest rows of a SQLite file.
const CHECK_TIMEOUT: Duration = Duration::from_secs(10);

/// Runs the program until a signal stops it.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let output = &mut io::stdout();
    if arguments.sample_settings {
        output.write_all(Settings::sample().as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(text) = arguments.manual.text(Arguments::command())? {
        output.write_all(&text)?;
        return Ok(ExitCode::SUCCESS);
    }
    if arguments.check {
        let report = stats_doctor::examine(&stats_doctor::Options::default());
        report.print(output, arguments.json)?;
        return Ok(ExitCode::from(report.exit_code()));
    }
    let default_file = Some(Path::new(SETTINGS_FILE)).filter(|_| !arguments.demo);
    let LoadedSettings { settings, file, .. } = LoadedSettings::load(default_file)?;
    let log_file = init_logging(settings.log_path.as_deref())?;
    log::info!(
        "stats-server {}, {}, {}",
        env!("CARGO_PKG_VERSION"),
        file.map_or_else(
            || "no settings file".to_owned(),
            |path| format!("settings file {}", path.display())
        ),
        match arguments.demo {
            true => "temporary database".to_owned(),
            false => format!("database {}", settings.database_url.absolute()),
        },
    );
    let config = http_config(&settings)?;
    // Before the database is opened, so that a server that cannot listen does not migrate it.
    let listener = bind(&settings)?;
    allow_connections(config.limits.connections);
    if arguments.demo {
        let demo = Demo::prepare(Local::now().date_naive())?;
        demo.introduce(output, listener.local_addr()?)?;
        // Without MOSP, which does not know made-up objects.
        let app = App::new(demo.db.clone(), config);
        serve(
            listener,
            app,
            demo.db.clone(),
            log_file,
            settings.shutdown_delay,
        )?;
    } else {
        let db = open(&settings)?;
        if settings.public_min_clients == 1 {
            log::info!(
                "Single stats can be worked out from the public statistics, because PUBLIC_MIN_CLIENTS is 1: 3 or more is \
                 recommended"
            );
        }
        let app = App::new(db.clone(), config);
        let app = match mosp(&settings) {
            Ok(mosp) => app.with_mosp(mosp),
            Err(error) => {
                let error = anyhow::Error::new(error);
                log::warn!("Names of objects are not looked up at MOSP: {error:#}");
                app
            }
        };
        serve(listener, app, db, log_file, settings.shutdown_delay)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Opens the database, migrates it, and creates the administrator.
fn open(settings: &Settings) -> anyhow::Result<Db> {
    let url = &settings.database_url;
    if let DatabaseUrl::Sqlite(_) = url {
        Db::create(url)?;
    }
    let options = Options {
        timeouts: Timeouts::server(),
        connections: settings.database_connections,
        replica: settings.database_read_url.clone(),
    };
    let db = Db::open_with(url, options)?.with_token_storage(settings.token_storage);
    db.require_pool_mode()?;
    if settings.db_auto_migrate {
        notify::migrating();
        for migration in db.migrate()? {
            log::info!("Migrated {url}: {migration}");
        }
    } else {
        db.require_migrated()?;
    }
    if let DatabaseUrl::Sqlite(_) = url {
        // A truncated file looks intact until its end is read.
        db.check(CHECK_TIMEOUT)?;
    }
    if let Some(token) = &settings.admin_token {
        ensure_admin(&db, token)?;
    }
    Ok(db)
}

/// Creates an administrator with this token if there is none. Otherwise warns unless the token is that of an active
/// administrator.
fn ensure_admin(db: &Db, token: &Token) -> anyhow::Result<()> {
    if !db.has_admin()? && create_admin(db, token)? {
        return Ok(());
    }
    let owner = db.client_by_token(token)?;
    if !owner.is_some_and(|client| client.is_admin() && client.is_active) {
        log::warn!(
            "ADMIN_TOKEN is ignored: an administrator exists, and it is not the token of an active one. Unset it, or \
             set it to a new token from 'stats-admin client rotate-token <NAME>' ('stats-admin client list' shows the \
             names)"
        );
    }
    Ok(())
}

/// Creates an administrator with this token. Returns `false` if another server, starting at the same time, created one.
fn create_admin(db: &Db, token: &Token) -> anyhow::Result<bool> {
    let new = NewClient {
        role: Role::Admin,
        token: token.clone(),
        ..NewClient::user("ADMIN".parse()?)
    };
    match db.create_client(&new) {
        Ok(client) => {
            log::info!("Created the administrator {} with ADMIN_TOKEN", client.name);
            Ok(true)
        }
        Err(DbError::ClientExists(_)) if db.has_admin()? => Ok(false),
        Err(DbError::ClientExists(ClientConflict::Token)) => bail!(
            "ADMIN_TOKEN is the token of a client that is not an administrator: set it to another one"
        ),
        Err(DbError::ClientExists(_)) => bail!(
            "cannot create an administrator with ADMIN_TOKEN, because a client that is not one has the name ADMIN: \
             create an administrator with 'stats-admin client create --role admin --name <name>'"
        ),
        Err(error) => Err(error.into()),
    }
}

fn bind(settings: &Settings) -> anyhow::Result<TcpListener> {
    let (host, port) = (settings.host.as_str(), settings.port);
    TcpListener::bind((host, port)).with_context(|| {
        format!("cannot listen on {host}, port {port} (HOST and PORT set another address)")
    })
}

fn serve(
    listener: TcpListener,
    app: App,
    db: Db,
    log_file: Option<LogFile>,
    shutdown_delay: Duration,
) -> anyhow::Result<()> {
    let address = listener.local_addr()?;
    System::new().block_on(async move {
        let stop_signals = (
            signal(SignalKind::terminate())?,
            signal(SignalKind::interrupt())?,
        );
        let hangups = signal(SignalKind::hangup())?;
        let drain = app.drain();
        let server = stats_http::serve(listener, app)?;
        let stopping = stop_on(stop_signals, server.handle(), drain, shutdown_delay);
        actix_web::rt::spawn(stopping);
        let status = format!("Listening on http://{address}");
        actix_web::rt::spawn(reopen_log_on(hangups, log_file, status.clone()));
        actix_web::rt::spawn(notify::feed_watchdog(db));
        log::info!("{status}");
        notify::ready(&status);
        server.await?;
        log::info!("Stopped");
        Ok(())
    })
}

fn mosp(settings: &Settings) -> Result<Mosp, RemoteError> {
    let options = HttpOptions {
        timeout: Duration::from_secs(20),
        // A referential with its measures has less than one.
        max_response_bytes: 8 << 20,
        ..HttpOptions::default()
    };
    let token = settings.mosp_token.clone();
    Mosp::new(settings.mosp_url.as_str(), token, options)
}

/// Raises the soft limit of open files, which is low on many systems. Each connection takes one file.
fn allow_connections(connections: usize) {
    /// Files of the database, the log and the libraries.
    const OTHERS: u64 = 100;
    let wanted = connections as u64 + OTHERS;
    match rlimit::increase_nofile_limit(wanted) {
        Ok(allowed) if allowed < wanted => log::warn!(
            "Only {allowed} files may be open at once, and many connections can use them up. Allow {wanted}, with \
             LimitNOFILE in a systemd unit or with 'ulimit -n'"
        ),
        Ok(_) => {}
        Err(error) => log::warn!("Cannot raise the limit of open files: {error}"),
    }
}

/// Reads the files that the settings name.
fn http_config(settings: &Settings) -> anyhow::Result<HttpConfig> {
    let text = |url: &Option<HttpUrl>| url.as_ref().map(ToString::to_string);
    let is_active = |group| settings.active_blueprints.contains(&group);
    let logo = settings
        .instance_logo
        .as_deref()
        .map(read_logo)
        .transpose()?;
    let paragraphs = settings.instance_text.as_deref().map(read_paragraphs);
    Ok(HttpConfig {
        name: settings.instance_name.clone(),
        logo: logo.map(|logo| match logo {
            Logo::Svg(content) => stats_http::Logo::svg(content),
            Logo::Png(content) => stats_http::Logo::png(content),
        }),
        text: paragraphs.transpose()?.unwrap_or_default(),
        source_url: settings.source_url.to_string(),
        contact: settings.admin_email.clone(),
        operator_url: text(&settings.admin_url),
        instance_url: text(&settings.instance_url),
        trusts_proxy: settings.fix_proxy,
        is_registration_open: settings.client_registration_open,
        max_body_bytes: settings.max_body_bytes,
        cache_bytes: settings.cache_bytes,
        visitor_requests_per_minute: settings.visitor_requests_per_minute,
        public_min_clients: settings.public_min_clients,
        logs_requests: settings.log_requests,
        limits: Limits::default(),
        routes: Routes {
            pages: is_active(Blueprint::Root),
            stats: is_active(Blueprint::Stats),
            map: is_active(Blueprint::Map),
            admin: is_active(Blueprint::Admin),
        },
    })
}

/// On the first signal, drains the server for `delay` and stops it gracefully. Exits the process on the second one.
async fn stop_on(
    mut signals: (Signal, Signal),
    server: ServerHandle,
    drain: Drain,
    delay: Duration,
) {
    next_of(&mut signals).await;
    actix_web::rt::spawn(stop_after(delay, server, drain));
    next_of(&mut signals).await;
    log::warn!("Stopped at once");
    std::process::exit(130);
}

async fn stop_after(delay: Duration, server: ServerHandle, drain: Drain) {
    drain.begin();
    if !delay.is_zero() {
        let seconds = delay.as_secs();
        let status =
            format!("Stopping in {seconds} s: /health is 503, so that balancers go elsewhere");
        log::info!("{status}");
        notify::stopping(&status, delay);
        sleep(delay).await;
    }
    let status = "Stopping once the requests in flight are answered";
    log::info!("{status}");
    notify::stopping(status, Duration::ZERO);
    server.stop(true).await;
}

async fn next_of((terminate, interrupt): &mut (Signal, Signal)) {
    select(pin!(terminate.recv()), pin!(interrupt.recv())).await;
}

/// Reopens the log file on each SIGHUP, which logrotate sends after renaming it. systemd waits for the end of a reload
/// with `Type=notify-reload`.
async fn reopen_log_on(mut hangups: Signal, log_file: Option<LogFile>, status: String) {
    while hangups.recv().await.is_some() {
        notify::reloading();
        match log_file.as_ref().map(LogFile::reopen) {
            Some(Ok(())) => log::info!("Reopened the log file"),
            Some(Err(error)) => {
                let error = anyhow::Error::new(error);
                log::error!("The log stays in the old file: {error:#}");
            }
            None => log::info!("Ignored SIGHUP: there is no log file to reopen (LOG_PATH)"),
        }
        notify::ready(&status);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_definition_is_valid() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn docs_commands_md_is_up_to_date() {
        let section = stats_testing_http::commands(Arguments::command());
        stats_testing::assert_generated("docs/commands.md", "stats-server", &section);
    }
}
