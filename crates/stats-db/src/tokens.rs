//! The tokens of clients: finding a client by its token, rotation, and conversion to hashes.

use chrono::{NaiveDateTime, Utc};
use diesel::connection::SimpleConnection;
use diesel::dsl::exists;
use diesel::prelude::*;
use stats_core::{Client, ClientId, ClientUuid, StoredToken, Token, TokenHash, TokenStorage};

use crate::connection::{Access, Connector, DbConnection};
use crate::rows::ClientRow;
use crate::schema::{client, client_token};
use crate::types::DbUuid;
use crate::{DatabaseUrl, Db, DbError, Timeouts};

/// The texts under which a token may be stored.
struct Forms {
    plain: String,
    hashed: String,
}

impl Forms {
    fn of(token: &Token) -> Self {
        Self {
            plain: token.reveal().to_owned(),
            hashed: TokenHash::of(token).to_string(),
        }
    }
}

impl Db {
    /// The client with this token, active or not. The token may be stored plain or as a hash, and may be one that
    /// [`Db::rotate_token`] replaced and that is still valid.
    pub fn client_by_token(&self, token: &Token) -> Result<Option<Client>, DbError> {
        let Forms { plain, hashed } = &Forms::of(token);
        let found = self.query(|conn| {
            client::table
                .filter(client::token.eq(plain).or(client::token.eq(hashed)))
                .select(client::all_columns)
                .first::<ClientRow>(conn)
                .optional()
        })?;
        let found = match found {
            Some(row) => Some(row),
            None => self.query(|conn| {
                let owner = old_tokens(plain, hashed).select(client_token::client_id);
                client::table
                    .filter(client::id.eq_any(owner))
                    .select(client::all_columns)
                    .first(conn)
                    .optional()
            })?,
        };
        Ok(found.map(Client::from))
    }

    /// Gives a client a new random token, and returns it. The old one stays valid until `keep_old_until` (UTC), or is
    /// rejected from now on. Of the tokens that earlier rotations kept, none stays valid.
    pub fn rotate_token(
        &self,
        uuid: ClientUuid,
        keep_old_until: Option<NaiveDateTime>,
    ) -> Result<Token, DbError> {
        let token = Token::generate();
        let new = self
            .token_storage()
            .store(StoredToken::Plain(token.clone()));
        let now = Utc::now().naive_utc();
        self.write(|conn| {
            let (id, old): (i32, Option<String>) = client::table
                .filter(client::uuid.eq(DbUuid(uuid.0)))
                .select((client::id, client::token))
                .first(conn)
                .optional()?
                .ok_or(DbError::NoSuchClient)?;
            let own = client_token::client_id.eq(id);
            let expired = client_token::valid_until.le(now);
            diesel::delete(client_token::table.filter(own.or(expired))).execute(conn)?;
            let old = old.and_then(StoredToken::from_storage);
            if let Some((old, valid_until)) = old.zip(keep_old_until) {
                let old = self.token_storage().store(old).to_storage();
                diesel::insert_into(client_token::table)
                    .values((
                        client_token::token.eq(old),
                        client_token::client_id.eq(id),
                        client_token::valid_until.eq(valid_until),
                    ))
                    .execute(conn)?;
            }
            diesel::update(client::table.find(id))
                .set((
                    client::token.eq(new.to_storage()),
                    client::updated_at.eq(now),
                ))
                .execute(conn)?;
            Ok(())
        })?;
        Ok(token)
    }

    /// Until when (UTC) the token of a client before the last rotation is valid; `None` if it is not.
    pub fn old_token_expiry(
        &self,
        ClientId(id): ClientId,
    ) -> Result<Option<NaiveDateTime>, DbError> {
        self.query(|conn| {
            client_token::table
                .filter(client_token::client_id.eq(id))
                .filter(client_token::valid_until.gt(Utc::now().naive_utc()))
                .select(client_token::valid_until)
                .first(conn)
                .optional()
        })
    }

    /// Replaces all plain tokens by their hashes in one transaction. Returns their number.
    ///
    /// Then rewrites a SQLite file, because free parts of it have copies of tokens. Writers wait for that, readers do not.
    /// After an error, another call rewrites it.
    pub fn hash_tokens(&self) -> Result<usize, DbError> {
        let hashed = self.write(|conn| {
            let current: Vec<(i32, Option<String>)> = client::table
                .select((client::id, client::token))
                .load(conn)?;
            let old: Vec<String> = client_token::table.select(client_token::token).load(conn)?;
            let mut hashed = 0;
            for (id, token) in current {
                if let Some(hash) = token.and_then(hash_of_plain) {
                    hashed += diesel::update(client::table.find(id))
                        .set(client::token.eq(hash))
                        .execute(conn)?;
                }
            }
            for token in old {
                if let Some(hash) = hash_of_plain(token.clone()) {
                    hashed += diesel::update(client_token::table.find(token))
                        .set(client_token::token.eq(hash))
                        .execute(conn)?;
                }
            }
            Ok(hashed)
        })?;
        if let DatabaseUrl::Sqlite(_) = self.url() {
            let connector = Connector::new(self.url(), Access::Write, &Timeouts::default());
            let mut conn = connector.open()?.conn;
            // The WAL has old pages too.
            conn.batch_execute("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)")?;
        }
        Ok(hashed)
    }
}

/// The hash for the database if `token` is stored plain.
fn hash_of_plain(token: String) -> Option<String> {
    match StoredToken::from_storage(token)? {
        StoredToken::Hashed(_) => None,
        plain @ StoredToken::Plain(_) => Some(TokenStorage::Hashed.store(plain).to_storage()),
    }
}

/// The tokens before the last rotation that are still valid and stored in one of these forms.
#[diesel::dsl::auto_type(no_type_alias)]
fn old_tokens<'a>(plain: &'a String, hashed: &'a String) -> _ {
    let now: NaiveDateTime = Utc::now().naive_utc();
    client_token::table
        .filter(
            client_token::token
                .eq(plain)
                .or(client_token::token.eq(hashed)),
        )
        .filter(client_token::valid_until.gt(now))
}

/// Whether a client may authenticate with this token.
pub(crate) fn is_taken(conn: &mut DbConnection, token: &Token) -> QueryResult<bool> {
    let Forms { plain, hashed } = &Forms::of(token);
    let current = client::table.filter(client::token.eq(plain).or(client::token.eq(hashed)));
    Ok(diesel::select(exists(current)).get_result(conn)?
        || diesel::select(exists(old_tokens(plain, hashed))).get_result(conn)?)
}
