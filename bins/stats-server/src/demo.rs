use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::mpsc::sync_channel;
use std::thread;

use chrono::NaiveDate;
use stats_core::{Coordinates, NewClient, NewStat, Role, Stat};
use stats_db::{ClientChange, DatabaseUrl, Db};
use stats_sample::{Office, Story};
use tempfile::TempDir;

/// A temporary database with made-up stats. Dropping this value deletes it.
pub(crate) struct Demo {
    pub(crate) db: Db,
    admin: NewClient,
    offices: Vec<NewClient>,
    _folder: TempDir,
}

impl Demo {
    /// Fills a database with the stats of [`Story::HALF_YEAR`], which ends with `today`.
    pub(crate) fn prepare(today: NaiveDate) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("stats-demo-").tempdir()?;
        let url = DatabaseUrl::sqlite(folder.path().join("stats.db"));
        Db::create(&url)?;
        let db = Db::open(&url)?;
        db.migrate()?;
        let admin = NewClient {
            role: Role::Admin,
            ..NewClient::user("ADMIN".parse()?)
        };
        db.create_client(&admin)?;
        // Generating the stats takes as long as storing them, so both are done at once.
        let (sender, receiver) = sync_channel(1);
        let offices = thread::scope(|scope| {
            scope.spawn(move || {
                // Fails if storing has failed.
                Story::HALF_YEAR
                    .told(today)
                    .try_for_each(|told| sender.send(told))
            });
            let offices = receiver.into_iter();
            let offices = offices.map(|(office, stats)| store(&db, office, stats));
            offices.collect::<anyhow::Result<Vec<_>>>()
        })?;
        Ok(Self {
            db,
            admin,
            offices,
            _folder: folder,
        })
    }

    /// Prints the address, example requests and the tokens of the clients.
    pub(crate) fn introduce(&self, out: &mut impl Write, address: SocketAddr) -> io::Result<()> {
        let base = format!("http://{address}");
        writeln!(
            out,
            "The MONARC Stats Service, with half a year of made-up stats in a temporary database.\n"
        )?;
        writeln!(
            out,
            "Open {base}/ in a browser. The API is at {base}/api/v1/, for example:"
        )?;
        let token = self.offices.first().unwrap_or(&self.admin).token.reveal();
        for path in [
            "client/me",
            "stats/?type=risk&get_last=true",
            "stats/processed/?type=risk&processor=risk_averages",
            "stats/processed/?type=threat&processor=threat_average_on_date&local_stats_only=1",
        ] {
            writeln!(out, "  curl -H 'X-API-KEY: {token}' '{base}/api/v1/{path}'")?;
        }
        writeln!(out, "\nThe tokens of the clients:")?;
        for client in self.offices.iter().chain([&self.admin]) {
            writeln!(out, "  {:<30} {}", client.name, client.token.reveal())?;
        }
        writeln!(out, "\nCtrl-C stops it and deletes the database.")?;
        out.flush()
    }
}

/// Creates the client of a front office and stores its stats in one transaction.
fn store(db: &Db, office: &Office, stats: Vec<NewStat>) -> anyhow::Result<NewClient> {
    let new = NewClient::user(office.name.parse()?);
    let client = db.create_client(&new)?;
    let coordinates = Coordinates::new(office.latitude, office.longitude)?;
    let change = ClientChange::Coordinates(Some(coordinates));
    db.change_client(client.uuid, &change)?;
    let stats: Vec<_> = stats.into_iter().map(Stat::from).collect();
    db.insert_stats(client.id, &stats)?;
    Ok(new)
}
