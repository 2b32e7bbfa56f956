use std::io::{self, Write};
use std::net::SocketAddr;

use chrono::{Days, NaiveDate};
use stats_core::{Client, Coordinates, NewClient, Role, Stat};
use stats_db::{ClientChange, DatabaseUrl, Db};
use stats_sample::Sample;
use tempfile::TempDir;

/// A temporary database with made-up stats. Dropping this value deletes it.
pub(crate) struct Demo {
    pub(crate) db: Db,
    admin: Client,
    offices: Vec<Client>,
    _folder: TempDir,
}

/// Name, latitude, longitude and number of analyses of each front office.
const OFFICES: [(&str, f64, f64, u32); 3] = [
    ("Clinic of the North", 50.05, 6.02, 2),
    ("City Hall", 49.61, 6.13, 3),
    ("Steelworks", 49.49, 5.98, 1),
];
/// Half a year.
const DAYS: u64 = 183;
/// Chosen for the look of its charts.
const SEED: u64 = 20;

impl Demo {
    /// Fills a database with half a year of stats, which ends with `today`.
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
        let admin = db.create_client(&admin)?;
        let start = today - Days::new(DAYS - 1);
        let mut analyses = Sample::new(SEED).analyses(u32::MAX, start);
        let mut offices = Vec::new();
        for (name, latitude, longitude, analyses_of_office) in OFFICES {
            let office = db.create_client(&NewClient::user(name.parse()?))?;
            let coordinates = Coordinates::new(latitude, longitude)?;
            let change = ClientChange::Coordinates(Some(coordinates));
            let office = db.change_client(office.uuid, &change)?;
            for analysis in analyses.by_ref().take(analyses_of_office as usize) {
                let stats = analysis.stats(start.iter_days().take(DAYS as usize));
                let stats: Vec<Stat> = stats.map(Stat::from).collect();
                db.insert_stats(office.id, &stats)?;
            }
            offices.push(office);
        }
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
            writeln!(out, "  {:<20} {}", client.name, client.token.reveal())?;
        }
        writeln!(out, "\nCtrl-C stops it and deletes the database.")?;
        out.flush()
    }
}
