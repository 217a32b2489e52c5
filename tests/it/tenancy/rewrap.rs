//! A new master key takes over: every data key is wrapped anew, beside running processes, and the old one can go.

use std::panic::{AssertUnwindSafe, resume_unwind};

use futures::FutureExt as _;
use gangway_app::{
    App, OperatorCtx,
    seal::{self, Mode, Progress, Rewrapped},
    tenants,
    tenants::NewTenant,
};
use gangway_domain::{
    id::TenantId,
    principal::{Principal, Scope},
};
use gangway_testkit::on_both_databases;
use gangway_vault::MasterKey;
use sea_orm::ConnectionTrait as _;
use secrecy::SecretString;
use uuid::Uuid;

use super::rotation::{Deployment, ring, told, uses};

fn operator(app: &App) -> OperatorCtx {
    OperatorCtx::new(app.clone(), Principal::Cli, Scope::ALL.to_vec())
}

async fn new_tenants(app: &App, n: usize) -> Vec<TenantId> {
    let mut made = Vec::new();
    for number in 0..n {
        let new = NewTenant { name: format!("Tenant {number}"), time_zone: None };
        made.push(tenants::create(&operator(app), new).await.unwrap().id);
    }
    made
}

async fn rewrap(app: &App, mode: Mode) -> (Rewrapped, Vec<Progress>) {
    let mut steps = Vec::new();
    let done = seal::rewrap(&operator(app), mode, |progress| steps.push(progress)).await.unwrap();
    (done, steps)
}

fn fingerprint(key: &SecretString) -> String {
    ring(&[key]).current_id().to_string()
}

fn data_keys(dump: &str) -> Vec<&str> {
    dump.lines().filter(|line| line.starts_with("data_key: ")).collect()
}

on_both_databases! {
    async fn after_it_nothing_needs_the_old_master_key(db: TestDb) {
        let (old, new) = (MasterKey::generate().to_base64(), MasterKey::generate().to_base64());
        let deployment = Deployment::on(&db);
        let before = deployment.process(ring(&[&old])).await;
        let tenants = new_tenants(&before, 3).await;
        let budget = before.keys.budget_key(&before, "client").await.unwrap();
        let mut values = Vec::new();
        for tenant in &tenants {
            let ctx = operator(&before).for_tenant(*tenant).await.unwrap();
            let keys = before.keys.tenant(&before, ctx.scope()).await.unwrap();
            values.push((*tenant, keys.seal("note", Uuid::nil(), "text", b"x"), keys.hash_key().hash(b"a record")));
        }

        let running = deployment.process(ring(&[&new, &old])).await;
        let dump = db.dump().await;
        let (looked, _) = rewrap(&running, Mode::DryRun).await;
        assert_eq!((looked.n_rewrapped, looked.uses), (4, vec![(fingerprint(&old), 4)].into_iter().map(as_use).collect()));
        assert_eq!(data_keys(&db.dump().await), data_keys(&dump), "a dry run changes nothing");

        let beside = deployment.process(ring(&[&new, &old])).await;
        let (done, steps) = rewrap(&beside, Mode::Write).await;
        assert_eq!((done.n_rewrapped, done.damaged.len(), done.current.clone()), (4, 0, fingerprint(&new)));
        assert_eq!(steps, [Progress { n_done: 4, n_total: 4 }], "three tenants and the platform");
        assert_eq!(uses(&beside).await, [(fingerprint(&new), 4)]);
        assert_eq!(rewrap(&beside, Mode::Write).await.0, Rewrapped { n_rewrapped: 0, ..done }, "once more changes nothing");

        let after = deployment.process(ring(&[&new])).await;
        assert!(after.keys.missing_master_keys(&after).await.unwrap().is_empty());
        assert_eq!(after.keys.budget_key(&after, "client").await.unwrap(), budget, "the deployment's secret opens");
        for app in [&after, &running, &before] {
            for (tenant, value, hash) in &values {
                let ctx = operator(app).for_tenant(*tenant).await.unwrap();
                let keys = match app.keys.tenant(app, ctx.scope()).await {
                    Ok(keys) => keys,
                    Err(error) => panic!("{}", told(error)),
                };
                let tx = app.db.begin_read(ctx.scope()).await.unwrap();
                let clear = keys.open(&tx, "note", Uuid::nil(), "text", value).await.unwrap();
                assert_eq!((clear.as_slice(), keys.hash_key().hash(b"a record")), (&b"x"[..], *hash));
            }
        }
    }

    async fn stopped_in_the_middle_it_goes_on(db: TestDb) {
        let (old, new) = (MasterKey::generate().to_base64(), MasterKey::generate().to_base64());
        let deployment = Deployment::on(&db);
        let before = deployment.process(ring(&[&old])).await;
        let tenants = new_tenants(&before, 110).await;
        let app = deployment.process(ring(&[&new, &old])).await;
        let operator_ctx = operator(&app);
        // It ends where it tells of its progress, however fast the database is.
        let work = seal::rewrap(&operator_ctx, Mode::Write, |progress| resume_unwind(Box::new(progress)));
        let stopped = AssertUnwindSafe(work).catch_unwind().await.unwrap_err();
        assert_eq!(stopped.downcast_ref(), Some(&Progress { n_done: 50, n_total: 110 }));
        let mut found = uses(&app).await;
        found.sort_by_key(|(_, n)| *n);
        let done = found.iter().find(|(key, _)| *key == fingerprint(&new)).unwrap().1;
        assert!((50..110).contains(&done), "in the middle: {found:?}");

        let (rest, steps) = rewrap(&app, Mode::Write).await;
        assert_eq!((rest.n_rewrapped, steps.last().unwrap().n_total), (110 - done, 110 - done));
        let after = deployment.process(ring(&[&new])).await;
        for tenant in tenants {
            let ctx = operator(&after).for_tenant(tenant).await.unwrap();
            after.keys.tenant(&after, ctx.scope()).await.unwrap();
        }
    }

    async fn two_at_once_do_each_key_once(db: TestDb) {
        let (old, new) = (MasterKey::generate().to_base64(), MasterKey::generate().to_base64());
        let deployment = Deployment::on(&db);
        new_tenants(&deployment.process(ring(&[&old])).await, 60).await;
        let one = deployment.process(ring(&[&new, &old])).await;
        let other = deployment.process(ring(&[&new, &old])).await;
        let ((here, _), (there, _)) = tokio::join!(rewrap(&one, Mode::Write), rewrap(&other, Mode::Write));
        assert_eq!(here.n_rewrapped + there.n_rewrapped, 60);
        assert_eq!(uses(&one).await, [(fingerprint(&new), 60)]);
    }

    async fn a_damaged_row_is_named_and_holds_up_no_other(db: TestDb) {
        let (old, new) = (MasterKey::generate().to_base64(), MasterKey::generate().to_base64());
        let deployment = Deployment::on(&db);
        let before = deployment.process(ring(&[&old])).await;
        let tenants = new_tenants(&before, 3).await;
        let owner = sea_orm::Database::connect(db.owner_url()).await.unwrap();
        let id = tenants[1].uuid();
        let (id, bytes) = if db.is_postgres() {
            (format!("'{id}'"), "'\\x00'::bytea")
        } else {
            (format!("X'{}'", id.simple()), "X'00'")
        };
        let sql = format!("UPDATE data_key SET wrapped = {bytes} WHERE tenant_id = {id}");
        assert_eq!(owner.execute_unprepared(&sql).await.unwrap().rows_affected(), 1);

        let app = deployment.process(ring(&[&new, &old])).await;
        for (mode, left) in [(Mode::DryRun, 3), (Mode::Write, 1)] {
            let (done, _) = rewrap(&app, mode).await;
            assert_eq!((done.n_rewrapped, done.damaged.len(), done.damaged[0].0), (2, 1, tenants[1]));
            assert!(uses(&app).await.contains(&(fingerprint(&old), left)));
        }
    }

    async fn a_missing_master_key_is_named_before_anything_changes(db: TestDb) {
        let keys = [(); 3].map(|()| MasterKey::generate().to_base64());
        let [old, lost, new] = &keys;
        let deployment = Deployment::on(&db);
        new_tenants(&deployment.process(ring(&[old])).await, 1).await;
        let of_lost = deployment.process(ring(&[lost])).await;
        let name = NewTenant { name: "Lost".to_owned(), time_zone: None };
        tenants::create(&operator(&of_lost), name).await.unwrap();

        let app = deployment.process(ring(&[new, old])).await;
        let error = seal::rewrap(&operator(&app), Mode::Write, |_| ()).await.unwrap_err();
        let error = told(error);
        assert!(error.contains(&format!("wrapped by master key {}", fingerprint(lost))), "{error}");
        assert!(!uses(&app).await.iter().any(|(key, _)| *key == fingerprint(new)));
    }
}

fn as_use((master_key_id, n_data_keys): (String, u64)) -> seal::MasterKeyUse {
    seal::MasterKeyUse { master_key_id, n_data_keys }
}
