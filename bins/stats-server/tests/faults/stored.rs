//! Rows that SQL stores, as an older server would.

use stats_testing::TestDatabase;
use stats_testing_http::ADMIN_TOKEN;

/// Creates the administrator. The columns are those of the first schema.
pub(crate) fn store_admin(database: &TestDatabase) {
    database.execute(&format!(
        "INSERT INTO client (uuid, name, token, role, is_active, created_at, last_seen) \
         VALUES ('11111111-0000-4000-8000-000000000001', 'ADMIN', '{ADMIN_TOKEN}', 2, true, '2026-01-01 00:00:00', {})",
        // Not due, so that reading writes nothing.
        match database.is_postgres() {
            true => "now() AT TIME ZONE 'UTC'",
            false => "datetime('now')",
        }
    ));
}

/// Stores stats of the administrator with one statement. Those of another `batch` have other ids.
pub(crate) fn store_stats(database: &TestDatabase, batch: usize, count: usize) {
    let document = r#"[{"uuid": "b402d4e0-4576-11e9-9173-0800277f0571", "label2": "Error in use", "count": 12,
        "maxRisk": 36, "averageRate": "2.25"}]"#;
    let columns = "uuid, anr, type, date, data, created_at, client_id";
    database.execute(&match database.is_postgres() {
        true => format!(
            "INSERT INTO stats ({columns}) \
             SELECT (lpad(to_hex({batch}), 8, '0') || '-0000-4000-8000-' || lpad(to_hex(i), 12, '0'))::uuid, \
                 ('33333333-0000-4000-8000-' || lpad(to_hex(i % 200), 12, '0'))::uuid, 'threat', \
                 date '2026-01-01' + (i / 200) % 300, '{document}', now(), 1 FROM generate_series(1, {count}) AS i"
        ),
        false => format!(
            "PRAGMA busy_timeout = 60000; \
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) \
             INSERT INTO stats ({columns}) \
             SELECT printf('%08x-0000-4000-8000-%012x', {batch}, i), \
                 printf('33333333-0000-4000-8000-%012x', i % 200), 'threat', \
                 date('2026-01-01', printf('+%d days', (i / 200) % 300)), '{document}', datetime('now'), 1 FROM n"
        ),
    });
}
