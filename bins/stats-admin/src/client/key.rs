use std::io::{self, Write};
use std::str::FromStr;

use anyhow::{Context, anyhow};
use clap::Args;
use stats_core::{Client, ClientUuid, InvalidValue};
use stats_db::Db;

use super::display_name;

/// What names a client on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ClientKey {
    /// Its UUID.
    Uuid(ClientUuid),
    /// Its name or its UUID.
    NameOrUuid(String),
}

impl FromStr for ClientKey {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        match text.trim() {
            "" => Err(InvalidValue::message("it is empty")),
            _ => Ok(Self::NameOrUuid(text.to_owned())),
        }
    }
}

/// The client of a command that is about one client.
#[derive(Debug, Args)]
pub(crate) struct ClientArgument {
    /// Name or UUID of the client
    // Clap does not require an argument that conflicts with a given one.
    #[arg(value_name = "CLIENT", required = true, conflicts_with = "uuid")]
    client: Option<ClientKey>,
    /// The form of the Python service
    #[arg(long, value_parser = parse_uuid, hide = true)]
    uuid: Option<ClientKey>,
}

fn parse_uuid(text: &str) -> Result<ClientKey, InvalidValue> {
    text.parse().map(ClientKey::Uuid)
}

impl ClientArgument {
    pub(super) fn find(&self, db: &Db) -> anyhow::Result<Client> {
        let key = self.client.as_ref().or(self.uuid.as_ref());
        key.context("no client is named")?.find(db)
    }

    #[cfg(test)]
    pub(super) fn named(name: &str) -> Self {
        Self {
            client: Some(ClientKey::NameOrUuid(name.to_owned())),
            uuid: None,
        }
    }
}

impl ClientKey {
    /// Finds the client, or fails with an error that names similar clients.
    pub(crate) fn find(&self, db: &Db) -> anyhow::Result<Client> {
        let clients = db.clients()?;
        let found = self.select(&clients)?;
        if let Self::NameOrUuid(key) = self
            && found.name != *key
            && clients.iter().any(|client| client.name == *key)
        {
            // Standard output may be read by a program.
            writeln!(
                io::stderr(),
                "stats-admin: {key} is the UUID of the client {}, which is meant here, and the name of another one",
                display_name(found)
            )?;
        }
        Ok(found.clone())
    }

    /// A UUID comes before a name, and an exact name before one in other capital or small letters.
    fn select<'a>(&self, clients: &'a [Client]) -> anyhow::Result<&'a Client> {
        let (uuid, name) = match self {
            Self::Uuid(uuid) => (Some(*uuid), None),
            Self::NameOrUuid(key) => (key.parse().ok(), Some(key)),
        };
        let with_uuid = clients.iter().find(|client| Some(client.uuid) == uuid);
        let Some(name) = name else {
            return with_uuid.ok_or_else(|| self.unknown(&[]));
        };
        let with_name = || clients.iter().find(|client| client.name == *name);
        if let Some(found) = with_uuid.or_else(with_name) {
            return Ok(found);
        }
        let lower_case = name.to_lowercase();
        let has_name = |client: &&Client| client.name.to_lowercase() == lower_case;
        let found: Vec<_> = clients.iter().filter(has_name).collect();
        match found[..] {
            [] if uuid.is_some() => Err(self.unknown(&[])),
            [] => Err(self.unknown(&similar(clients, &lower_case))),
            [found] => Ok(found),
            _ => Err(self.unknown(&found)),
        }
    }

    fn unknown(&self, similar: &[&Client]) -> anyhow::Error {
        let key = match self {
            Self::Uuid(uuid) => uuid.to_string(),
            Self::NameOrUuid(key) if key.parse::<ClientUuid>().is_ok() => key.clone(),
            Self::NameOrUuid(key) => format!("'{}'", key.escape_debug()),
        };
        let names = similar.iter().map(|client| display_name(client));
        let names: Vec<_> = names.map(|name| format!("'{name}'")).collect();
        let question = match names.is_empty() {
            true => String::new(),
            false => format!("did you mean {}? ", names.join(" or ")),
        };
        anyhow!("there is no client {key}; {question}'stats-admin client list' lists all clients")
    }
}

/// The clients whose names resemble a name in small letters, the most similar first.
fn similar<'a>(clients: &'a [Client], name: &str) -> Vec<&'a Client> {
    const SIMILAR: f64 = 0.8;
    const MAX: usize = 3;
    let similarity = |client: &'a Client| {
        let other = client.name.to_lowercase();
        let contains = !other.is_empty() && (other.contains(name) || name.contains(&other));
        let similarity = strsim::jaro_winkler(name, &other);
        (contains || similarity >= SIMILAR).then_some((similarity, client))
    };
    let mut found: Vec<_> = clients.iter().filter_map(similarity).collect();
    found.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    found.truncate(MAX);
    found.into_iter().map(|(_, client)| client).collect()
}

#[cfg(test)]
mod tests {
    use stats_core::{ClientId, Role};

    use super::*;

    fn client(name: &str, uuid: ClientUuid) -> Client {
        Client {
            id: ClientId(1),
            uuid,
            name: name.to_owned(),
            token: None,
            role: Role::User,
            coordinates: None,
            is_local: true,
            is_sharing_enabled: true,
            withdraws: false,
            is_active: true,
            is_excluded: false,
            last_seen: None,
            created_at: None,
        }
    }

    /// The position of the selected client, or the suggestions of the error.
    fn select(clients: &[Client], key: ClientKey) -> Result<usize, String> {
        let position = |found: &Client| clients.iter().position(|client| client == found).unwrap();
        key.select(clients).map(position).map_err(|error| {
            let error = error.to_string();
            let end = "'stats-admin client list' lists all clients";
            let suggestions = error.strip_suffix(end).unwrap();
            suggestions.split_once("; ").unwrap().1.to_owned()
        })
    }

    #[test]
    fn a_uuid_comes_before_a_name_and_an_exact_name_before_others() {
        let [one, two, three] = [(); 3].map(|()| ClientUuid::random());
        let unused = ClientUuid::random().to_string();
        let clients = [
            client("CASES", one),
            client("Cases", two),
            client(&one.to_string(), three),
            client(&unused, ClientUuid::random()),
            client("Économie", ClientUuid::random()),
            client("", ClientUuid::random()),
        ];
        for (key, expected) in [
            (one.to_string().as_str(), Ok(0)),
            (&one.to_string().to_uppercase(), Ok(0)),
            (&one.0.simple().to_string(), Ok(0)),
            (&three.to_string(), Ok(2)),
            (&unused, Ok(3)),
            ("CASES", Ok(0)),
            ("Cases", Ok(1)),
            ("cases", Err("did you mean 'CASES' or 'Cases'? ")),
            ("éCONOMIE", Ok(4)),
            ("Économi", Err("did you mean 'Économie'? ")),
            ("economie", Err("did you mean 'Économie'? ")),
            ("The Économie", Err("did you mean 'Économie'? ")),
            ("quite another", Err("")),
            ("7d9ab4f1-2c21-4a39-a0ae-8c6f0c8f7a39", Err("")),
        ] {
            let found = select(&clients, key.parse().unwrap());
            assert_eq!(found, expected.map_err(str::to_owned), "{key}");
        }
        assert_eq!(select(&clients, ClientKey::Uuid(two)), Ok(1));
        let named = unused.parse().map(ClientKey::Uuid).unwrap();
        assert_eq!(select(&clients, named), Err(String::new()));
        assert!(" ".parse::<ClientKey>().is_err());
    }
}
