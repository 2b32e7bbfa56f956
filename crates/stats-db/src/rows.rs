//! Rows of the tables, and their conversion to domain types.

use chrono::{NaiveDate, NaiveDateTime};
use diesel::prelude::*;
use stats_core::{
    AnalysisId, Client, ClientId, ClientUuid, Coordinates, NewClient, RawJson, Role, Stat, StatId,
    StoredToken,
};

use crate::schema::{client, stats};
use crate::types::{DbUuid, JsonText};

/// All columns in the order of the table: `as_returning` does not support a `MultiConnection`.
#[derive(Queryable)]
pub(crate) struct ClientRow {
    id: i32,
    uuid: DbUuid,
    name: Option<String>,
    token: Option<String>,
    role: Option<i32>,
    latitude: Option<f64>,
    longitude: Option<f64>,
    last_seen: Option<NaiveDateTime>,
    local: Option<bool>,
    is_sharing_enabled: Option<bool>,
    created_at: Option<NaiveDateTime>,
    _updated_at: Option<NaiveDateTime>,
    is_active: Option<bool>,
    is_excluded: Option<bool>,
    withdraws: Option<bool>,
}

impl From<ClientRow> for Client {
    /// NULLs from an older service become its defaults, except for sharing, which needs consent.
    fn from(row: ClientRow) -> Self {
        let coordinates = row.latitude.zip(row.longitude);
        Self {
            id: ClientId(row.id),
            uuid: ClientUuid(row.uuid.0),
            name: row.name.unwrap_or_default(),
            token: row.token.and_then(StoredToken::from_storage),
            role: Role::from_number(row.role),
            coordinates: coordinates
                .and_then(|(latitude, longitude)| Coordinates::new(latitude, longitude).ok()),
            is_local: row.local.unwrap_or(true),
            is_sharing_enabled: row.is_sharing_enabled.unwrap_or(false),
            withdraws: row.withdraws.unwrap_or(false),
            is_active: row.is_active.unwrap_or(true),
            is_excluded: row.is_excluded.unwrap_or(false),
            last_seen: row.last_seen,
            created_at: row.created_at,
        }
    }
}

#[derive(Insertable)]
#[diesel(table_name = client, treat_none_as_default_value = false)]
pub(crate) struct NewClientRow<'a> {
    uuid: DbUuid,
    name: &'a str,
    token: String,
    role: i32,
    local: bool,
    is_sharing_enabled: bool,
    created_at: NaiveDateTime,
    is_active: bool,
}

impl<'a> NewClientRow<'a> {
    pub(crate) fn new(new: &'a NewClient, token: &StoredToken, now: NaiveDateTime) -> Self {
        Self {
            uuid: DbUuid(new.uuid.0),
            name: new.name.as_str(),
            token: token.to_storage(),
            role: new.role.number(),
            local: new.is_local,
            is_sharing_enabled: new.is_sharing_enabled,
            created_at: now,
            is_active: true,
        }
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = stats)]
pub(crate) struct StatRow {
    uuid: DbUuid,
    anr: DbUuid,
    kind: String,
    date: NaiveDate,
    data: JsonText<'static>,
}

impl StatRow {
    /// The stat; `None` if its type is unknown.
    pub(crate) fn into_stat(self) -> Option<Stat> {
        Some(Stat {
            uuid: StatId(self.uuid.0),
            analysis: AnalysisId(self.anr.0),
            stats_type: self.kind.parse().ok()?,
            date: self.date,
            data: RawJson::from_storage(self.data.0.into_owned()),
        })
    }
}

#[derive(Insertable)]
#[diesel(table_name = stats, treat_none_as_default_value = false)]
pub(crate) struct NewStatRow<'a> {
    uuid: DbUuid,
    anr: DbUuid,
    kind: &'static str,
    date: NaiveDate,
    data: JsonText<'a>,
    created_at: NaiveDateTime,
    client_id: i32,
}

impl<'a> NewStatRow<'a> {
    pub(crate) fn new(stat: &'a Stat, owner: ClientId, now: NaiveDateTime) -> Self {
        Self {
            uuid: DbUuid(stat.uuid.0),
            anr: DbUuid(stat.analysis.0),
            kind: stat.stats_type.as_str(),
            date: stat.date,
            data: JsonText(stat.data.as_str().into()),
            created_at: now,
            client_id: owner.0,
        }
    }
}
