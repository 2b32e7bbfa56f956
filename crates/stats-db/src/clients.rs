use chrono::{NaiveDateTime, TimeDelta, Utc};
use diesel::prelude::*;
use stats_core::{Client, ClientId, ClientUuid, Coordinates, NewClient, Role, Token};

use crate::connection::DbConnection;
use crate::rows::{ClientRow, NewClientRow};
use crate::schema::{client, stats};
use crate::types::DbUuid;
use crate::{ClientConflict, Db, DbError, Snapshot};

/// What is to be changed about a client; what is `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ClientChange {
    /// Whether its stats may be pushed to another instance.
    pub is_sharing_enabled: Option<bool>,
    /// Whether it may authenticate.
    pub is_active: Option<bool>,
    /// Its secret.
    pub token: Option<Token>,
    /// Where it is shown on the map; `Some(None)` takes it off the map.
    pub coordinates: Option<Option<Coordinates>>,
}

#[derive(AsChangeset)]
#[diesel(table_name = client)]
struct Changeset<'a> {
    is_sharing_enabled: Option<bool>,
    is_active: Option<bool>,
    token: Option<&'a str>,
    latitude: Option<Option<f64>>,
    longitude: Option<Option<f64>>,
    updated_at: NaiveDateTime,
}

/// `last_seen` is kept to within this time, so that reading does not turn into writing.
const LAST_SEEN_PRECISION: TimeDelta = TimeDelta::minutes(5);

impl Db {
    /// Creates a local, active client.
    ///
    /// Fails with [`DbError::ClientExists`] when one has the same name, token or public id.
    pub fn create_client(&self, new: &NewClient) -> Result<Client, DbError> {
        self.write(|conn| {
            if let Some(conflict) = find_conflict(conn, new)? {
                return Err(DbError::ClientExists(conflict));
            }
            let row = diesel::insert_into(client::table)
                .values(NewClientRow::new(new, Utc::now().naive_utc()))
                .returning(client::all_columns)
                .get_result::<ClientRow>(conn)?;
            Ok(row.into())
        })
    }

    /// The client with this token, active or not.
    pub fn client_by_token(&self, token: &Token) -> Result<Option<Client>, DbError> {
        let found = client::table
            .filter(client::token.eq(token.reveal()))
            .select(client::all_columns)
            .first::<ClientRow>(&mut *self.reader()?)
            .optional()?;
        Ok(found.map(Client::from))
    }

    /// The client with this public id.
    pub fn client(&self, uuid: ClientUuid) -> Result<Option<Client>, DbError> {
        let found = client::table
            .filter(client::uuid.eq(DbUuid(uuid.0)))
            .select(client::all_columns)
            .first::<ClientRow>(&mut *self.reader()?)
            .optional()?;
        Ok(found.map(Client::from))
    }

    /// All clients, in the order of their creation.
    pub fn clients(&self) -> Result<Vec<Client>, DbError> {
        all_clients(&mut *self.reader()?)
    }

    /// Whether there is a client with the role of an admin.
    pub fn has_admin(&self) -> Result<bool, DbError> {
        let admins = client::table.filter(client::role.eq(Role::Admin.number()));
        Ok(diesel::select(diesel::dsl::exists(admins)).get_result(&mut *self.reader()?)?)
    }

    /// Changes a client, and gives it as it is then.
    ///
    /// Fails with [`DbError::NoSuchClient`], or with [`DbError::ClientExists`] when another one has the new token.
    pub fn change_client(
        &self,
        uuid: ClientUuid,
        change: &ClientChange,
    ) -> Result<Client, DbError> {
        let changeset = Changeset {
            is_sharing_enabled: change.is_sharing_enabled,
            is_active: change.is_active,
            token: change.token.as_ref().map(Token::reveal),
            latitude: change
                .coordinates
                .map(|place| place.map(Coordinates::latitude)),
            longitude: change
                .coordinates
                .map(|place| place.map(Coordinates::longitude)),
            updated_at: Utc::now().naive_utc(),
        };
        self.write(|conn| {
            if let Some(token) = &change.token {
                let others = client::table
                    .filter(client::token.eq(token.reveal()))
                    .filter(client::uuid.ne(DbUuid(uuid.0)));
                if diesel::select(diesel::dsl::exists(others)).get_result(conn)? {
                    return Err(DbError::ClientExists(ClientConflict::Token));
                }
            }
            diesel::update(client::table.filter(client::uuid.eq(DbUuid(uuid.0))))
                .set(&changeset)
                .returning(client::all_columns)
                .get_result::<ClientRow>(conn)
                .optional()?
                .map(Client::from)
                .ok_or(DbError::NoSuchClient)
        })
    }

    /// Deletes a client and all its stats; tells how many those were.
    pub fn delete_client(&self, uuid: ClientUuid) -> Result<usize, DbError> {
        self.write(|conn| {
            let id: i32 = client::table
                .filter(client::uuid.eq(DbUuid(uuid.0)))
                .select(client::id)
                .first(conn)
                .optional()?
                .ok_or(DbError::NoSuchClient)?;
            let deleted =
                diesel::delete(stats::table.filter(stats::client_id.eq(id))).execute(conn)?;
            diesel::delete(client::table.find(id)).execute(conn)?;
            Ok(deleted)
        })
    }

    /// Notes that a client has just authenticated, unless that was noted a short while ago or somebody is writing:
    /// nobody waits for it.
    pub fn note_seen(&self, seen: &Client) -> Result<(), DbError> {
        let now = Utc::now().naive_utc();
        let is_recent = seen
            .last_seen
            .is_some_and(|last| now.signed_duration_since(last) < LAST_SEEN_PRECISION);
        if is_recent {
            return Ok(());
        }
        let Some(mut conn) = self.idle_writer() else {
            return Ok(());
        };
        let ClientId(id) = seen.id;
        diesel::update(client::table.find(id))
            .set(client::last_seen.eq(now))
            .execute(&mut *conn)?;
        Ok(())
    }
}

impl Snapshot<'_> {
    /// All clients, in the order of their creation.
    pub fn clients(&mut self) -> Result<Vec<Client>, DbError> {
        all_clients(self.conn)
    }
}

fn all_clients(conn: &mut DbConnection) -> Result<Vec<Client>, DbError> {
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
    let (uuid, name, token) = (DbUuid(new.uuid.0), new.name.as_str(), new.token.reveal());
    let same = client::uuid.eq(uuid).or(client::name
        .eq(name)
        .or(client::token.eq(token))
        .assume_not_null());
    let found: Vec<(DbUuid, Option<String>)> = client::table
        .filter(same)
        .select((client::uuid, client::name))
        .load(conn)?;
    // The name is what people know a client by, so it comes first.
    Ok(
        if found
            .iter()
            .any(|(_, known)| known.as_deref() == Some(name))
        {
            Some(ClientConflict::Name)
        } else if found.iter().any(|(known, _)| *known == uuid) {
            Some(ClientConflict::Uuid)
        } else {
            found.first().map(|_| ClientConflict::Token)
        },
    )
}
