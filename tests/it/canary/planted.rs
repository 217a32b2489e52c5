//! The controls: leaks planted in each place that the search looks at are found there.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use gangway_testkit::{LogCapture, Needle, on_both_databases};
use sea_orm::{ConnectionTrait as _, Database};

const LEAK: &str = "canary-planted/Ty5#\"ß-77ab";

on_both_databases! {
    async fn a_leak_into_a_row_is_found(db: TestDb) {
        let connection = Database::connect(db.owner_url()).await.unwrap();
        let hidden = STANDARD.encode(format!("{{\"note\": \"{LEAK}\"}}"));
        let nil = if db.is_postgres() { "'00000000-0000-0000-0000-000000000000'" } else { "zeroblob(16)" };
        let sql = format!(
            "INSERT INTO audit_entry (tenant_id, id, principal, action, object, detail, at)
             VALUES ({nil}, {nil}, 'cli', 'test', 'x', '{hidden}', 0)"
        );
        connection.execute_unprepared(&sql).await.unwrap();
        assert_eq!(Needle::new(LEAK).find_in(db.dump().await.as_bytes()).len(), 1);
        if !db.is_postgres() {
            let in_files = db.files().iter().any(|file| !Needle::new(LEAK).find_in(&std::fs::read(file).unwrap()).is_empty());
            assert!(in_files, "the database file or its write-ahead log");
        }
        connection.close().await.unwrap();
    }
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
    let text = logs.text();
    for leak in ["canary-span/Ty5-77ab", "canary-event/Ty5-77ab", "canary-cause/Ty5-77ab"] {
        assert!(!Needle::new(leak).find_in(text.as_bytes()).is_empty(), "{leak} in {text}");
    }
}
