//! What an operator does leaves a trace in the log of whom it concerns.

use gangway_app::{
    PageRequest,
    audit::{self, AuditFilter},
};
use gangway_testkit::{TestApp, on_both_databases};

on_both_databases! {
    async fn setting_a_tenant_up_is_in_its_audit_log(db: TestDb) {
        let app = TestApp::on(db).unpaced().start().await;
        let acme = app.onboard("Acme").await;
        let ctx = app.operator().for_tenant(acme.tenant.parse().unwrap()).await.unwrap();
        let log = audit::list(&ctx, &AuditFilter::default(), PageRequest { limit: 50, after: None }).await.unwrap();
        let entries: Vec<_> = log.items.into_iter().map(|listed| listed.entry).collect();
        let actions: Vec<_> = entries.iter().map(|entry| entry.action.as_str()).collect();
        assert_eq!(actions, ["tenant.create", "key.create", "connection.create", "connection.check", "connection.discover"]);
        assert!(entries[0].principal.starts_with("key:key_"), "{:?}", entries[0].principal);
        assert_eq!(entries[0].object, acme.tenant);
        assert!(entries[0].request.is_some());
        app.stop().await;
    }
}
