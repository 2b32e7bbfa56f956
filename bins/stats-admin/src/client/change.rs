use std::error::Error;
use std::io::{BufRead, Write};

use clap::{Args, Subcommand};
use stats_core::{Coordinates, Token};
use stats_db::{ClientChange, Db};

use super::{Whom, capitalised};
use crate::terminal::Terminal;

/// What can be changed about a client, and what can be asked about it.
#[derive(Debug, Subcommand)]
pub(crate) enum Change {
    /// Let a client authenticate again
    Activate(Whom),
    /// Refuse a client from now on, and keep its stats
    Deactivate(Whom),
    /// Give a client a new random token, and print it; the old one is void at once
    RotateToken(Whom),
    /// Allow the stats of a client to be pushed to another instance
    SharingActivate(Whom),
    /// Keep the stats of a client from being pushed to another instance
    SharingDeactivate(Whom),
    /// Tell whether the stats of a client may be pushed: True or False
    IsSharingEnabled(Whom),
    /// Show a client on the map
    CoordinatesSet(CoordinatesSet),
    /// Take a client off the map
    CoordinatesUnset(Whom),
}

#[derive(Debug, Args)]
pub(crate) struct CoordinatesSet {
    #[command(flatten)]
    whom: Whom,
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
        terminal: &mut Terminal<impl BufRead, impl Write>,
    ) -> Result<(), Box<dyn Error>> {
        let none = ClientChange::default();
        let (whom, change) = match self {
            Self::IsSharingEnabled(whom) => {
                let client = whom.find(db)?;
                return Ok(terminal.say(capitalised(client.is_sharing_enabled))?);
            }
            Self::Activate(whom) => (
                whom,
                ClientChange {
                    is_active: Some(true),
                    ..none
                },
            ),
            Self::Deactivate(whom) => (
                whom,
                ClientChange {
                    is_active: Some(false),
                    ..none
                },
            ),
            Self::RotateToken(whom) => (
                whom,
                ClientChange {
                    token: Some(Token::generate()),
                    ..none
                },
            ),
            Self::SharingActivate(whom) => (
                whom,
                ClientChange {
                    is_sharing_enabled: Some(true),
                    ..none
                },
            ),
            Self::SharingDeactivate(whom) => (
                whom,
                ClientChange {
                    is_sharing_enabled: Some(false),
                    ..none
                },
            ),
            Self::CoordinatesSet(CoordinatesSet {
                whom,
                latitude,
                longitude,
            }) => {
                let place = Coordinates::new(latitude, longitude)?;
                (
                    whom,
                    ClientChange {
                        coordinates: Some(Some(place)),
                        ..none
                    },
                )
            }
            Self::CoordinatesUnset(whom) => (
                whom,
                ClientChange {
                    coordinates: Some(None),
                    ..none
                },
            ),
        };
        let client = db
            .change_client(whom.uuid, &change)
            .map_err(|error| whom.explain(error))?;
        let name = &client.name;
        if let Some(token) = change.token {
            terminal.say(format_args!("Token: {}", token.reveal()))?;
        }
        if let Some(is_active) = change.is_active {
            terminal.say(format_args!(
                "{name}: {}",
                if is_active { "active" } else { "deactivated" }
            ))?;
        }
        if let Some(is_enabled) = change.is_sharing_enabled {
            terminal.say(format_args!(
                "{name}: sharing {}",
                if is_enabled { "enabled" } else { "disabled" }
            ))?;
        }
        match change.coordinates {
            Some(Some(place)) => {
                terminal.say(format_args!(
                    "{name}: at {}, {}",
                    place.latitude(),
                    place.longitude()
                ))?;
            }
            Some(None) => terminal.say(format_args!("{name}: off the map"))?,
            None => {}
        }
        Ok(())
    }
}
