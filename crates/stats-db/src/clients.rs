use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta, Utc};
use diesel::dsl::exists;
use diesel::prelude::*;
use stats_core::{Client, ClientId, ClientUuid, Coordinates, NewClient, Role, StoredToken, Token};

use crate::connection::DbConnection;
use crate::rows::{ClientRow, NewClientRow};
use crate::schema::{client, stats};
use crate::tokens;
use crate::types::DbUuid;
use crate::{ClientConflict, Db, DbError, Snapshot};

/// A change of a client.
#[derive(Debug, Clone, PartialEq)]
pub enum ClientChange {
    /// Whether its stats may be pushed to another instance.
    Sharing(bool),
    /// Whether its stats are withdrawn from other instances while sharing is off.
    Withdraws(bool),
    /// Whether it may authenticate.
    Active(bool),
    /// Whether no figure counts its stats.
    Excluded(bool),
    /// Whether its MONARC reports to this instance, as opposed to stats pulled from another one.
    Local(bool),
    /// Its place on the map; `None` removes it.
    Coordinates(Option<Coordinates>),
}

/// The columns of a change; `None` leaves a column unchanged.
#[derive(Default, AsChangeset)]
#[diesel(table_name = client)]
struct Changeset {
    is_sharing_enabled: Option<bool>,
    withdraws: Option<bool>,
    is_active: Option<bool>,
    is_excluded: Option<bool>,
    local: Option<bool>,
    latitude: Option<Option<f64>>,
    longitude: Option<Option<f64>>,
    updated_at: NaiveDateTime,
}

impl From<&ClientChange> for Changeset {
    fn from(change: &ClientChange) -> Self {
        let mut columns = Self {
            updated_at: Utc::now().naive_utc(),
            ..Self::default()
        };
        match change {
            ClientChange::Sharing(is_enabled) => columns.is_sharing_enabled = Some(*is_enabled),
            ClientChange::Withdraws(withdraws) => columns.withdraws = Some(*withdraws),
            ClientChange::Active(is_active) => columns.is_active = Some(*is_active),
            ClientChange::Excluded(is_excluded) => columns.is_excluded = Some(*is_excluded),
            ClientChange::Local(is_local) => columns.local = Some(*is_local),
            ClientChange::Coordinates(place) => {
                columns.latitude = Some(place.map(Coordinates::latitude));
                columns.longitude = Some(place.map(Coordinates::longitude));
            }
        }
        columns
    }
}

/// Precision of `last_seen`, which limits how often a request writes it.
const LAST_SEEN_PRECISION: TimeDelta = TimeDelta::minutes(5);
/// The wait for a connection and a lock to write `last_seen`.
const NOTE_LOCK: Duration = Duration::from_millis(200);

impl Db {
    /// Creates an active client.
    ///
    /// Fails with [`DbError::ClientExists`] if a client has the same name, token or public id. Logs a warning about a
    /// short token.
    pub fn create_client(&self, new: &NewClient) -> Result<Client, DbError> {
        let token = StoredToken::Plain(new.token.clone());
        let token = self.token_storage().store(token);
        let created: Client = self.write(|conn| {
            if let Some(conflict) = find_conflict(conn, new)? {
                return Err(DbError::ClientExists(conflict));
            }
            let row = diesel::insert_into(client::table)
                .values(NewClientRow::new(new, &token, Utc::now().naive_utc()))
                .returning(client::all_columns)
                .get_result::<ClientRow>(conn)?;
            Ok(row.into())
        })?;
        if new.token.is_short() {
            log::warn!(
                "The token of the new client {} has fewer than {} characters and may be guessed: 'stats-admin client \
                 rotate-token' makes a long one",
                created.name,
                Token::RECOMMENDED_LENGTH
            );
        }
        Ok(created)
    }

    /// The client with this public id.
    pub fn client(&self, uuid: ClientUuid) -> Result<Option<Client>, DbError> {
        self.query(|conn| {
            let with_id = client::table.filter(client::uuid.eq(DbUuid(uuid.0)));
            first(with_id.select(client::all_columns).first(conn))
        })
    }

    /// All clients, in the order of their creation.
    pub fn clients(&self) -> Result<Vec<Client>, DbError> {
        self.query(all_clients)
    }

    /// Whether any client is an admin.
    pub fn has_admin(&self) -> Result<bool, DbError> {
        self.query(|conn| {
            let admins = client::table.filter(client::role.eq(Role::Admin.number()));
            diesel::select(exists(admins)).get_result(conn)
        })
    }

    /// Changes a client. Returns the changed client.
    ///
    /// Fails with [`DbError::NoSuchClient`].
    pub fn change_client(
        &self,
        uuid: ClientUuid,
        change: &ClientChange,
    ) -> Result<Client, DbError> {
        self.write(|conn| {
            diesel::update(client::table.filter(client::uuid.eq(DbUuid(uuid.0))))
                .set(Changeset::from(change))
                .returning(client::all_columns)
                .get_result::<ClientRow>(conn)
                .optional()?
                .map(Client::from)
                .ok_or(DbError::NoSuchClient)
        })
    }

    /// Deletes a client and all its stats. Returns the number of stats. No tombstones remain: other instances are not told.
    ///
    /// Deactivates the client first, then deletes its stats in several transactions. After an error the client and the
    /// remaining stats stay; deleting the client again continues.
    pub fn delete_client(&self, uuid: ClientUuid) -> Result<usize, DbError> {
        let ClientId(id) = self.change_client(uuid, &ClientChange::Active(false))?.id;
        let mut deleted = 0;
        loop {
            let found = self.read(|snapshot| snapshot.find_stats_of(ClientId(id)))?;
            if found.is_empty() {
                break;
            }
            deleted += self.purge_found(&found)?;
        }
        self.write(|conn| {
            // A batch that was authenticated before may have arrived in between.
            let late = diesel::delete(stats::table.filter(stats::client_id.eq(id)));
            deleted += late.execute(conn)?;
            diesel::delete(client::table.find(id)).execute(conn)?;
            Ok(deleted)
        })
    }

    /// Whether [`Db::note_seen`] would write: at most once in a few minutes.
    pub fn is_note_due(seen: &Client) -> bool {
        let age = seen.last_seen.map(|last| Utc::now().naive_utc() - last);
        // The clock may have been wrong when it was seen "in the future".
        age.is_none_or(|age| age.abs() >= LAST_SEEN_PRECISION)
    }

    /// Updates `last_seen` of a client, at most once in a few minutes. Does nothing if no connection for writing
    /// becomes free soon, and fails soon if another program holds a lock.
    pub fn note_seen(&self, seen: &Client) -> Result<(), DbError> {
        if !Self::is_note_due(seen) {
            return Ok(());
        }
        let now = Utc::now().naive_utc();
        self.try_write(NOTE_LOCK, |conn| {
            Ok(diesel::update(client::table.find(seen.id.0))
                .set(client::last_seen.eq(now))
                .execute(conn)?)
        })?;
        Ok(())
    }
}

impl Snapshot<'_> {
    /// All clients, in the order of their creation.
    pub fn clients(&mut self) -> Result<Vec<Client>, DbError> {
        self.run(|conn| Ok(all_clients(conn)?))
    }
}

fn first(found: QueryResult<ClientRow>) -> QueryResult<Option<Client>> {
    Ok(found.optional()?.map(Client::from))
}

fn all_clients(conn: &mut DbConnection) -> QueryResult<Vec<Client>> {
    let rows = client::table
        .select(client::all_columns)
        .order(client::id)
        .load::<ClientRow>(conn)?;
    Ok(rows.into_iter().map(Client::from).collect())
}

fn find_conflict(
    conn: &mut DbConnection,
    new: &NewClient,
) -> Result<Option<ClientConflict>, DbError> {
    let (uuid, name) = (DbUuid(new.uuid.0), new.name.as_str());
    let same = client::uuid
        .eq(uuid)
        .or(client::name.eq(name).assume_not_null());
    let found: Vec<(DbUuid, Option<String>)> = client::table
        .filter(same)
        .select((client::uuid, client::name))
        .load(conn)?;
    // Report the name first, because users identify a client by its name.
    let has_name = |(_, known): &(_, Option<String>)| known.as_deref() == Some(name);
    Ok(if found.iter().any(has_name) {
        Some(ClientConflict::Name)
    } else if !found.is_empty() {
        Some(ClientConflict::Uuid)
    } else if tokens::is_taken(conn, &new.token)? {
        Some(ClientConflict::Token)
    } else {
        None
    })
}
