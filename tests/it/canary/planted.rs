//! The controls: leaks planted in each place that the search looks at are found there.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use gangway_testkit::{Disk, LogCapture, Needle, SERVER_LOG, on_both_databases};
use sea_orm::{ConnectionTrait as _, Database, DatabaseConnection, DbBackend};

use super::{search::Search, values::text};

on_both_databases! {
    async fn a_leak_into_a_row_is_found_in_the_rows_and_in_every_kind_of_file(db: TestDb) {
        let disk = Disk::of(&db).await;
        // Stays open: SQLite takes its write-ahead log away with the last connection.
        let connection = Database::connect(db.owner_url()).await.unwrap();
        if !db.is_postgres() {
            connection.execute_unprepared("PRAGMA journal_mode = WAL").await.unwrap();
        }
        let (short, long) = (text("short"), text("long"));
        // A value may lie across two pages; not all of several do.
        for turn in 0..3 {
            plant(&connection, 2 * turn, &STANDARD.encode(format!("{{\"note\": \"{short}\"}}"))).await;
            // So long that PostgreSQL would compress it, and the end of the canary with it.
            plant(&connection, 2 * turn + 1, &format!("{}{long}{}", "z".repeat(5000), "y".repeat(5000))).await;
        }
        for (name, canary) in [("short", &short), ("long", &long)] {
            let mut search = Search::new([(name, canary.as_str())], &[]);
            search.look_at_database(&db, &disk).await;
            let finds = search.finds();
            let mut kinds = vec!["the rows"];
            match (disk.is_known(), db.is_postgres()) {
                (true, true) => kinds.extend(["/base/", "/pg_wal/", SERVER_LOG]),
                (true, false) => kinds.push("gangway.sqlite-wal"),
                (false, _) => {}
            }
            for kind in kinds {
                let is_found = finds.iter().any(|find| find.contains(kind));
                assert!(is_found, "{name} in {kind}: {finds:#?}");
            }
        }
        connection.close().await.unwrap();
    }
}

/// Writes a text where texts are kept, past the application.
async fn plant(connection: &DatabaseConnection, turn: u32, leak: &str) {
    let id = format!("{turn:032x}");
    let (tenant, id) = if connection.get_database_backend() == DbBackend::Postgres {
        ("'00000000-0000-0000-0000-000000000000'".to_owned(), format!("'{id}'"))
    } else {
        ("zeroblob(16)".to_owned(), format!("x'{id}'"))
    };
    let leak = leak.replace('\'', "''");
    let sql = format!(
        "INSERT INTO audit_entry (tenant_id, id, principal, action, object, detail, at)
         VALUES ({tenant}, {id}, 'cli', 'test', 'x', '{leak}', 0)"
    );
    connection.execute_unprepared(&sql).await.unwrap();
}

#[test]
fn a_leak_into_a_log_a_span_or_a_cause_is_found() {
    #[derive(Debug)]
    struct Cause;
    impl std::fmt::Display for Cause {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("outer")
        }
    }
    impl std::error::Error for Cause {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            static INNER: std::sync::OnceLock<std::io::Error> = std::sync::OnceLock::new();
            Some(INNER.get_or_init(|| std::io::Error::other("canary-cause/Ty5-77ab")))
        }
    }
    let logs = LogCapture::install();
    let span = tracing::debug_span!("planted", key = %STANDARD.encode("canary-span/Ty5-77ab"));
    span.in_scope(|| {
        tracing::trace!(value = ?"canary-event/Ty5-77ab".as_bytes(), "planted");
        tracing::error!(error = &Cause as &(dyn std::error::Error + 'static), "planted");
    });
    let logged = logs.text();
    for leak in ["canary-span/Ty5-77ab", "canary-event/Ty5-77ab", "canary-cause/Ty5-77ab"] {
        assert!(!Needle::new(leak).find_in(logged.as_bytes()).is_empty(), "{leak} in {logged}");
    }
}
