use clap::{Args, Subcommand};
use stats_core::Coordinates;
use stats_db::{ClientChange, Db};

use super::{ClientArgument, display_name};
use crate::stats::publish::publish;
use crate::terminal::Terminal;

/// A change of one property of a client.
#[derive(Debug, Subcommand)]
pub(crate) enum Change {
    /// Let a client authenticate again
    Activate(ClientArgument),
    /// Reject the token of a client; its stats are kept
    Deactivate(ClientArgument),
    /// Allow the stats of a client to be pushed to another instance
    SharingActivate(ClientArgument),
    SharingDeactivate(SharingDeactivate),
    /// While sharing is off, withdraw from other instances what was pushed
    ///
    /// It has an effect when sharing is switched off, by stats-admin, by an administrator or by the front office itself: the
    /// next push tells the instance that REMOTE_STATS_SERVER names to delete all that it got from the client. That is final:
    /// when sharing is enabled again, only new stats are pushed.
    SharingWithdraw(ClientArgument),
    /// While sharing is off, let other instances keep what was pushed (the default)
    SharingKeep(ClientArgument),
    /// Leave the stats of a client out of all figures, at once
    ///
    /// Use it for a client whose stats are wrong or made up. The stats are kept, and the client itself sees them and
    /// figures about them. If the public statistics are a release, a new one is made.
    Exclude(ClientArgument),
    /// Let figures count the stats of an excluded client again
    Include(ClientArgument),
    /// Mark a client as local: its MONARC reports to this instance
    ///
    /// stats pull marks it as remote again, unless it has authenticated here.
    MarkLocal(ClientArgument),
    /// Mark a client as remote: its stats are pulled from another instance
    ///
    /// The filter local_stats_only leaves them out.
    MarkRemote(ClientArgument),
    /// Show a client on the map
    CoordinatesSet(CoordinatesSet),
    /// Remove a client from the map
    CoordinatesUnset(ClientArgument),
}

/// Exclude the stats of a client from pushes
///
/// Other instances keep what was pushed, or the next push withdraws it: see sharing-withdraw.
#[derive(Debug, Args)]
pub(crate) struct SharingDeactivate {
    #[command(flatten)]
    client: ClientArgument,
    /// First do what sharing-withdraw does
    #[arg(long, conflicts_with = "keep")]
    withdraw: bool,
    /// First do what sharing-keep does
    #[arg(long)]
    keep: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CoordinatesSet {
    #[command(flatten)]
    client: ClientArgument,
    /// Degrees north, from -90 to 90
    #[arg(long, allow_negative_numbers = true)]
    latitude: f64,
    /// Degrees east, from -180 to 180
    #[arg(long, allow_negative_numbers = true)]
    longitude: f64,
}

impl Change {
    pub(super) fn run(
        self,
        db: &Db,
        min_clients: u64,
        terminal: &mut Terminal<'_>,
    ) -> anyhow::Result<()> {
        let (client, change) = match self {
            Self::Activate(client) => (client, ClientChange::Active(true)),
            Self::Deactivate(client) => (client, ClientChange::Active(false)),
            Self::SharingActivate(client) => (client, ClientChange::Sharing(true)),
            Self::SharingDeactivate(off) => {
                if off.withdraw || off.keep {
                    let withdraws = ClientChange::Withdraws(off.withdraw);
                    db.change_client(off.client.find(db)?.uuid, &withdraws)?;
                }
                (off.client, ClientChange::Sharing(false))
            }
            Self::SharingWithdraw(client) => (client, ClientChange::Withdraws(true)),
            Self::SharingKeep(client) => (client, ClientChange::Withdraws(false)),
            Self::Exclude(client) => (client, ClientChange::Excluded(true)),
            Self::Include(client) => (client, ClientChange::Excluded(false)),
            Self::MarkLocal(client) => (client, ClientChange::Local(true)),
            Self::MarkRemote(client) => (client, ClientChange::Local(false)),
            Self::CoordinatesSet(set) => {
                let coordinates = Coordinates::new(set.latitude, set.longitude)?;
                (set.client, ClientChange::Coordinates(Some(coordinates)))
            }
            Self::CoordinatesUnset(client) => (client, ClientChange::Coordinates(None)),
        };
        let client = db.change_client(client.find(db)?.uuid, &change)?;
        let state = match change {
            ClientChange::Active(true) => "active".to_owned(),
            ClientChange::Active(false) => "deactivated".to_owned(),
            ClientChange::Sharing(true) => "sharing enabled".to_owned(),
            ClientChange::Sharing(false) if client.withdraws => {
                "sharing disabled; the next push withdraws what was pushed".to_owned()
            }
            ClientChange::Sharing(false) => "sharing disabled".to_owned(),
            ClientChange::Excluded(true) => "excluded from all figures".to_owned(),
            ClientChange::Excluded(false) => "included in figures".to_owned(),
            ClientChange::Withdraws(true) => {
                "while sharing is off, what was pushed is withdrawn".to_owned()
            }
            ClientChange::Withdraws(false) => {
                "while sharing is off, what was pushed stays".to_owned()
            }
            ClientChange::Local(true) => "local".to_owned(),
            ClientChange::Local(false) => "remote".to_owned(),
            ClientChange::Coordinates(Some(place)) => {
                format!("at {}, {}", place.latitude(), place.longitude())
            }
            ClientChange::Coordinates(None) => "not on the map".to_owned(),
        };
        terminal.print(format_args!("{}: {state}", display_name(&client)))?;
        if matches!(change, ClientChange::Excluded(_)) && min_clients > 1 {
            let number = publish(db, min_clients)?.sequence;
            terminal.print(format_args!("The public statistics are release {number}"))?;
        }
        Ok(())
    }
}
