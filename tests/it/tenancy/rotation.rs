//! Data keys and master keys change while everything goes on: what was sealed stays readable, in every process.

use std::{
    cell::Cell,
    sync::{Arc, Mutex},
};

use chrono::{DateTime, TimeDelta, Utc};
use gangway_app::{
    App, Config, Ctx, OperatorCtx,
    audit::AuditFilter,
    ctx::Parts,
    jobs::{self, RotateKeys},
    seal::{self, Keys, MasterKeyUse},
    tenants,
    tenants::NewTenant,
};
use gangway_domain::{
    Clock, Code, ManualClock,
    id::{DataKeyId, JobId, TenantId},
    principal::{Principal, Scope},
};
use gangway_limits::{Budgets, Settings};
use gangway_storage::{SystemReason, data_keys::StoredDataKey};
use gangway_testkit::{TestApp, TestDb, eventually, on_both_databases};
use gangway_vault::{Aad, KeyRing, MasterKey, SEAL_LIMIT, SEALS_BEFORE_ROTATION, Sealed};
use secrecy::SecretString;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const BY_COUNT_ONLY: RotateKeys = RotateKeys { max_age_days: 0 };
const DAILY: RotateKeys = RotateKeys { max_age_days: 1 };

const NOW: DateTime<Utc> = DateTime::from_timestamp(1_800_000_000, 0).expect("a time");

/// Longer than what was read of keys is believed.
const A_WHILE: TimeDelta = TimeDelta::minutes(1);

/// Processes of one deployment: applications on one database, with one clock.
pub(super) struct Deployment<'a> {
    db: &'a TestDb,
    clock: ManualClock,
}

impl<'a> Deployment<'a> {
    pub(super) fn on(db: &'a TestDb) -> Self {
        Self { db, clock: ManualClock::new(NOW) }
    }

    pub(super) async fn process(&self, ring: KeyRing) -> App {
        let clock: Arc<dyn Clock> = Arc::new(self.clock.clone());
        let egress = gangway_egress::ClientConfig::default();
        App::new(Parts {
            db: self.db.connect().await,
            keys: Keys::new(ring),
            registry: gangway_connector::registry(),
            egress: gangway_egress::Client::with_clock(egress, Arc::clone(&clock)).unwrap(),
            budgets: Budgets::with_clock(Settings::default(), Arc::clone(&clock)),
            clock,
            config: Config::default(),
            rng: Mutex::new(App::system_rng()),
        })
    }
}

/// A ring of these keys, the current one first.
pub(super) fn ring(keys: &[&SecretString]) -> KeyRing {
    let previous: Vec<_> = keys[1..].iter().copied().cloned().collect();
    KeyRing::from_base64(keys[0], &previous).unwrap()
}

fn operator(app: &App) -> OperatorCtx {
    OperatorCtx::new(app.clone(), Principal::Cli, Scope::ALL.to_vec())
}

async fn new_tenant(app: &App, name: &str) -> TenantId {
    let new = NewTenant { name: name.to_owned(), time_zone: None };
    tenants::create(&operator(app), new).await.unwrap().id
}

async fn ctx(app: &App, tenant: TenantId) -> Ctx {
    operator(app).for_tenant(tenant).await.unwrap()
}

async fn rotate(app: &App, job: RotateKeys) -> u64 {
    let id: JobId = app.new_id();
    let ctx = Ctx::new(app.clone(), Principal::Job(id), app.db.operator_scope(), Vec::new());
    seal::rotate_due(&ctx, &job, &|| false).await.unwrap()
}

/// The tenant's data keys, the one in use last.
async fn stored(app: &App, tenant: TenantId) -> Vec<StoredDataKey> {
    let tx = app.db.begin_system(SystemReason::Doctor).await.unwrap();
    let mut keys = tx.data_keys().list(tenant).await.unwrap();
    // Keys of one millisecond are in no order.
    keys.sort_by_key(|key| !key.is_retired);
    keys
}

async fn add_seals(app: &App, tenant: TenantId, n_seals: u64) {
    let current = stored(app, tenant).await.pop().unwrap();
    let tx = app.db.begin_system(SystemReason::RotateKeys).await.unwrap();
    tx.data_keys().add_seals((tenant, current.id), n_seals).await.unwrap();
    tx.commit().await.unwrap();
}

const OBJECT: Uuid = Uuid::from_u128(1);

async fn sealed(ctx: &Ctx, text: &str) -> Vec<u8> {
    let keys = ctx.app().keys.tenant(ctx.app(), ctx.scope()).await.unwrap();
    keys.seal("note", OBJECT, "text", text.as_bytes())
}

async fn opened(ctx: &Ctx, sealed: &[u8]) -> gangway_app::Result<String> {
    let app = ctx.app();
    let keys = app.keys.tenant(app, ctx.scope()).await?;
    let tx = app.db.begin_read(ctx.scope()).await?;
    let clear = keys.open(&tx, "note", OBJECT, "text", sealed).await?;
    tx.commit().await?;
    Ok(String::from_utf8(clear.to_vec()).unwrap())
}

fn key_of(sealed: &[u8]) -> DataKeyId {
    Sealed::from_bytes(sealed).unwrap().key_id()
}

async fn record_hash(ctx: &Ctx) -> [u8; 32] {
    ctx.app().keys.tenant(ctx.app(), ctx.scope()).await.unwrap().hash_key().hash(b"a record")
}

/// An error with its causes.
pub(super) fn told(error: gangway_app::Error) -> String {
    format!("{:#}", anyhow::Error::new(error))
}

pub(super) async fn uses(app: &App) -> Vec<(String, u64)> {
    let uses = seal::master_key_uses(&app.db).await.unwrap();
    uses.into_iter().map(|MasterKeyUse { master_key_id, n_data_keys }| (master_key_id, n_data_keys)).collect()
}

on_both_databases! {
    async fn a_data_key_of_ninety_days_is_replaced_and_what_it_sealed_stays_readable(db: TestDb) {
        let deployment = Deployment::on(&db);
        let master = MasterKey::generate().to_base64();
        let app = deployment.process(ring(&[&master])).await;
        let tenant = ctx(&app, new_tenant(&app, "Acme").await).await;
        let (old, hash) = (sealed(&tenant, "old").await, record_hash(&tenant).await);

        deployment.clock.advance(TimeDelta::days(90) - A_WHILE);
        assert_eq!(rotate(&app, RotateKeys::default()).await, 0);
        deployment.clock.advance(A_WHILE);
        assert_eq!(rotate(&app, RotateKeys::default()).await, 1);
        assert_eq!(rotate(&app, RotateKeys::default()).await, 0);

        deployment.clock.advance(A_WHILE);
        let new = sealed(&tenant, "new").await;
        assert_ne!(key_of(&new), key_of(&old));
        assert_eq!((opened(&tenant, &old).await.unwrap(), opened(&tenant, &new).await.unwrap()), ("old".into(), "new".into()));
        let restarted = deployment.process(ring(&[&master])).await;
        let after = ctx(&restarted, tenant.tenant()).await;
        assert_eq!(record_hash(&after).await, hash, "records are compared by it");
        assert_eq!((opened(&after, &old).await.unwrap(), opened(&after, &new).await.unwrap()), ("old".into(), "new".into()));
        let log = gangway_app::audit::list(&tenant, &AuditFilter::default(), gangway_storage::PageRequest { limit: 9, after: None }).await.unwrap();
        let entry = log.items.iter().map(|listed| &listed.entry).find(|entry| entry.action == "data-key.rotate").unwrap();
        assert!(entry.object == key_of(&new).to_string() && entry.principal.starts_with("job:"), "{entry:?}");
    }

    async fn seals_are_counted_over_processes_and_a_key_that_sealed_much_is_replaced(db: TestDb) {
        let deployment = Deployment::on(&db);
        let master = MasterKey::generate().to_base64();
        let one = deployment.process(ring(&[&master])).await;
        let other = deployment.process(ring(&[&master])).await;
        let tenant = new_tenant(&one, "Acme").await;
        let (here, there) = (ctx(&one, tenant).await, ctx(&other, tenant).await);
        for _ in 0..3 {
            sealed(&here, "x").await;
            sealed(&there, "x").await;
        }
        for app in [&one, &other, &one] {
            seal::store_counts(app).await.unwrap();
        }
        assert_eq!(stored(&one, tenant).await[0].seals, 7, "the hash key, and three values from each process");

        add_seals(&one, tenant, SEALS_BEFORE_ROTATION - 8).await;
        assert_eq!(rotate(&one, BY_COUNT_ONLY).await, 0);
        sealed(&there, "x").await;
        seal::store_counts(&other).await.unwrap();
        assert_eq!(rotate(&one, BY_COUNT_ONLY).await, 1);
        let keys = stored(&one, tenant).await;
        assert_eq!(keys.iter().map(|key| (key.is_retired, key.seals)).collect::<Vec<_>>(), [
            (true, SEALS_BEFORE_ROTATION),
            (false, 1)
        ]);
    }

    async fn a_process_that_ends_leaves_no_seal_uncounted(db: TestDb) {
        let app = Deployment::on(&db).process(ring(&[&MasterKey::generate().to_base64()])).await;
        let tenant = ctx(&app, new_tenant(&app, "Acme").await).await;
        sealed(&tenant, "x").await;
        let stop = CancellationToken::new();
        stop.cancel();
        gangway_worker::run(app.clone(), gangway_worker::WorkerConfig::default(), stop).await.unwrap();
        assert_eq!(stored(&app, tenant.tenant()).await[0].seals, 2);
    }

    async fn a_key_that_sealed_as_much_as_it_may_seals_no_more(db: TestDb) {
        let deployment = Deployment::on(&db);
        let app = deployment.process(ring(&[&MasterKey::generate().to_base64()])).await;
        let tenant = ctx(&app, new_tenant(&app, "Acme").await).await;
        let before = sealed(&tenant, "before").await;
        add_seals(&app, tenant.tenant(), SEAL_LIMIT - 3).await;
        deployment.clock.advance(A_WHILE);
        sealed(&tenant, "the last but one").await;
        let refused = app.keys.tenant(&app, tenant.scope()).await.unwrap_err();
        assert!(refused.code == Code::Unavailable && refused.is_transient, "{refused:?}");
        assert!(refused.message.contains(&key_of(&before).to_string()), "{refused}");

        assert_eq!(rotate(&app, BY_COUNT_ONLY).await, 1);
        assert_ne!(key_of(&sealed(&tenant, "after").await), key_of(&before));
        assert_eq!(opened(&tenant, &before).await.unwrap(), "before");
    }

    async fn a_process_meets_a_key_that_another_has_just_made(db: TestDb) {
        let deployment = Deployment::on(&db);
        let master = MasterKey::generate().to_base64();
        let one = deployment.process(ring(&[&master])).await;
        let other = deployment.process(ring(&[&master])).await;
        let tenant = new_tenant(&one, "Acme").await;
        let (here, there) = (ctx(&one, tenant).await, ctx(&other, tenant).await);
        deployment.clock.advance(TimeDelta::days(2));
        let old = sealed(&there, "old").await;
        assert_eq!(rotate(&one, DAILY).await, 1);
        let new = sealed(&here, "new").await;
        assert_ne!(key_of(&old), key_of(&new));

        // No time has passed: there, what was read of the keys still counts.
        let meanwhile = sealed(&there, "meanwhile").await;
        assert_eq!(key_of(&meanwhile), key_of(&old));
        assert_eq!(opened(&there, &new).await.unwrap(), "new");
        assert_eq!(key_of(&sealed(&there, "then").await), key_of(&new), "the new key seals as soon as it is known");
        assert_eq!(opened(&here, &meanwhile).await.unwrap(), "meanwhile");
    }

    async fn two_processes_read_and_write_while_keys_are_replaced(db: TestDb) {
        let deployment = Deployment::on(&db);
        let master = MasterKey::generate().to_base64();
        let one = deployment.process(ring(&[&master])).await;
        // Its clock stands still: it learns of keys by the values that it meets, and in no other way.
        let other = Deployment::on(&db).process(ring(&[&master])).await;
        let tenant = new_tenant(&one, "Acme").await;
        let values = Mutex::new(vec![sealed(&ctx(&one, tenant).await, "0").await]);
        let is_over = Cell::new(false);
        let work = async |app: &App| {
            let ctx = ctx(app, tenant).await;
            while !is_over.get() {
                let value = sealed(&ctx, "a value").await;
                let last = { values.lock().unwrap().last().unwrap().clone() };
                opened(&ctx, &last).await.unwrap();
                values.lock().unwrap().push(value);
            }
        };
        let rotation = async {
            let mut n_rotated = 0;
            for _ in 0..5 {
                // Counted from the rotation before: work may run ahead of it.
                let enough = values.lock().unwrap().len() + 10;
                eventually("work between two rotations", async || values.lock().unwrap().len() >= enough).await;
                deployment.clock.advance(TimeDelta::days(1));
                n_rotated += rotate(&one, DAILY).await;
            }
            let first = key_of(&values.lock().unwrap()[0]);
            eventually("work with a new key", async || values.lock().unwrap().iter().any(|value| key_of(value) != first)).await;
            is_over.set(true);
            n_rotated
        };
        let ((), (), n_rotated) = tokio::join!(work(&one), work(&other), rotation);
        assert_eq!(n_rotated, 5);
        let values = values.into_inner().unwrap();
        let (here, there) = (ctx(&one, tenant).await, ctx(&other, tenant).await);
        deployment.clock.advance(A_WHILE);
        let newest = sealed(&here, "the newest").await;
        opened(&there, &newest).await.unwrap();
        assert_eq!(key_of(&sealed(&there, "x").await), key_of(&newest));
        let late = ctx(&deployment.process(ring(&[&master])).await, tenant).await;
        for value in &values {
            opened(&late, value).await.unwrap();
        }
    }

    async fn workers_that_rotate_at_once_make_one_key(db: TestDb) {
        let deployment = Deployment::on(&db);
        let master = MasterKey::generate().to_base64();
        let one = deployment.process(ring(&[&master])).await;
        let other = deployment.process(ring(&[&master])).await;
        let tenant = new_tenant(&one, "Acme").await;
        deployment.clock.advance(TimeDelta::days(1));
        let (here, there) = tokio::join!(rotate(&one, DAILY), rotate(&other, DAILY));
        assert_eq!(here + there, 1);
        assert_eq!(stored(&one, tenant).await.iter().map(|key| key.is_retired).collect::<Vec<_>>(), [true, false]);
    }

    async fn a_tenant_notices_nothing_of_it(db: TestDb) {
        let app = TestApp::on(db).clock_at(NOW).start().await;
        let tenant = app.onboard("Acme").await;
        app.sync(&tenant, "employees", "full").await;
        let events = app.client.list(&tenant.key, "/v1/events").await;
        let id = tenant.tenant.parse().unwrap();
        add_seals(&app.app, id, SEALS_BEFORE_ROTATION).await;
        jobs::enqueue_platform_once(&app.app, app.app.new_id(), &BY_COUNT_ONLY).await.unwrap();
        app.run_jobs_until_idle().await;
        assert_eq!(stored(&app.app, id).await.iter().map(|key| key.is_retired).collect::<Vec<_>>(), [true, false]);

        app.clock.as_ref().unwrap().advance(A_WHILE);
        let check = format!("/v1/connections/{}/check", tenant.connection);
        assert_eq!(app.client.post(&tenant.key, &check, &json!({})).await.expect(200)["ok"], true);
        let again = app.sync(&tenant, "employees", "full").await;
        assert_eq!((&again["counts"]["seen"], &again["counts"]["unchanged"]), (&json!(12), &json!(12)), "{again}");
        let later = app.client.list(&tenant.key, "/v1/events").await;
        assert!(later.starts_with(&events) && later.len() > events.len(), "{later:#?}");
        app.stop().await;
    }

    async fn a_key_that_nobody_has_is_named(db: TestDb) {
        let deployment = Deployment::on(&db);
        let master = MasterKey::generate().to_base64();
        let app = deployment.process(ring(&[&master])).await;
        let tenant = ctx(&app, new_tenant(&app, "Acme").await).await;
        let id: DataKeyId = app.new_id();
        let (lost, _) = ring(&[&master]).create_data_key(tenant.tenant(), id);
        let value = lost.seal(&Aad::new(tenant.tenant(), "note", OBJECT, "text"), b"x");
        let error = told(opened(&tenant, value.as_bytes()).await.unwrap_err());
        assert!(error.contains(&format!("sealed with data key {id}, which its tenant does not have")), "{error}");
        assert_eq!(opened(&tenant, &sealed(&tenant, "y").await).await.unwrap(), "y", "and the others stay readable");
    }
}
