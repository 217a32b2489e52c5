//! The flows in this process, where every log and span can be seen whatever its level.

use gangway_testkit::{Disk, LogCapture, TestApp, on_both_databases};

use super::{
    search::Search,
    stage::{Stage, vendor},
    values::Canaries,
};

on_both_databases! {
    async fn a_secret_and_a_salary_leave_no_trace_in_clear(db: TestDb) {
        let logs = LogCapture::install();
        let disk = Disk::of(&db).await;
        let canaries = Canaries::new();
        let app = TestApp::on(db).sandbox(vendor(&canaries)).unpaced().start().await;
        let operator = app.operator_key().await;
        let settle = async || app.run_jobs_until_idle().await;
        let mut stage = Stage { client: &app.client, sandbox: &app.sandbox, canaries: &canaries, settle, keys: vec![operator] };
        let answers = stage.play().await;

        let mut search = Search::new(canaries.named(), &stage.keys);
        search.look_at("the answers", &answers);
        search.look_at("logs and spans", logs.text().as_bytes());
        search.look_at_database(&app.db, &disk).await;
        let files = disk.written().await;
        assert!(app.db.is_postgres() || files.iter().any(|file| file.to_string_lossy().ends_with("-wal")), "{files:?}");
        assert_eq!(search.finds(), Vec::<String>::new());
        app.stop().await;
    }
}
