//! The tables. Columns that an older service may have left NULL are nullable.

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::sql::PortableUuid;

    client (id) {
        id -> Integer,
        uuid -> PortableUuid,
        name -> Nullable<Text>,
        token -> Nullable<Text>,
        role -> Nullable<Integer>,
        latitude -> Nullable<Double>,
        longitude -> Nullable<Double>,
        last_seen -> Nullable<Timestamp>,
        local -> Nullable<Bool>,
        is_sharing_enabled -> Nullable<Bool>,
        created_at -> Nullable<Timestamp>,
        updated_at -> Nullable<Timestamp>,
        is_active -> Nullable<Bool>,
        is_excluded -> Nullable<Bool>,
        withdraws -> Nullable<Bool>,
    }
}

diesel::table! {
    client_token (token) {
        token -> Text,
        client_id -> Integer,
        valid_until -> Timestamp,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::sql::{PortableJson, PortableUuid};

    stats (uuid) {
        uuid -> PortableUuid,
        anr -> PortableUuid,
        #[sql_name = "type"]
        kind -> Text,
        date -> Date,
        data -> PortableJson,
        created_at -> Nullable<Timestamp>,
        client_id -> Nullable<Integer>,
        seq -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::sql::PortableUuid;

    stats_tombstone (seq) {
        seq -> BigInt,
        client_id -> Integer,
        uuid -> PortableUuid,
        anr -> Nullable<PortableUuid>,
        arrival -> Nullable<BigInt>,
        deleted_at -> Timestamp,
    }
}

diesel::table! {
    push_progress (remote, client_id) {
        remote -> Text,
        client_id -> Integer,
        seq -> BigInt,
        offered -> BigInt,
        told -> BigInt,
        withdrawn -> BigInt,
    }
}

diesel::table! {
    push_untold (remote, client_id, seq) {
        remote -> Text,
        client_id -> Integer,
        seq -> BigInt,
    }
}

diesel::table! {
    push_waiting (remote, client_id, seq) {
        remote -> Text,
        client_id -> Integer,
        seq -> BigInt,
        reason -> Nullable<Text>,
    }
}

diesel::table! {
    push_run (remote) {
        remote -> Text,
        finished_at -> Timestamp,
        completed_at -> Nullable<Timestamp>,
        failures -> Integer,
        sent -> BigInt,
        refused -> BigInt,
        message -> Nullable<Text>,
        told -> BigInt,
        untold -> BigInt,
    }
}

diesel::table! {
    stats_change (id) {
        id -> Integer,
        counter -> BigInt,
    }
}

diesel::table! {
    stats_day (kind, date) {
        #[sql_name = "type"]
        kind -> Text,
        date -> Date,
        version -> BigInt,
        count -> BigInt,
    }
}

diesel::table! {
    stats_partial (kind, scope, format, date) {
        #[sql_name = "type"]
        kind -> Text,
        date -> Date,
        scope -> Integer,
        format -> Text,
        format_version -> BigInt,
        version -> BigInt,
        partial -> Binary,
    }
}

diesel::table! {
    public_release (id) {
        id -> Integer,
        sequence -> BigInt,
        day -> Date,
        made_at -> Timestamp,
        min_clients -> BigInt,
        formats -> Text,
        figures -> Text,
    }
}

diesel::table! {
    public_release_day (kind, format, date) {
        #[sql_name = "type"]
        kind -> Text,
        format -> Text,
        date -> Date,
        format_version -> BigInt,
        version -> BigInt,
        partial -> Binary,
        local_partial -> Nullable<Binary>,
        published -> BigInt,
        withheld -> BigInt,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    client,
    client_token,
    stats,
    stats_day,
    stats_tombstone,
    push_progress,
    push_untold,
    push_waiting
);
