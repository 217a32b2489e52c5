//! `gangway key rewrap` with the binary: beside a running process, killed in the middle, and without the key it needs.

use std::path::Path;

use gangway_app::{
    App, Config, OperatorCtx,
    ctx::Parts,
    seal::{self, Keys},
    tenants,
    tenants::NewTenant,
};
use gangway_domain::principal::{Principal, Scope};
use gangway_storage::Db;
use gangway_testkit::TestDb;
use gangway_vault::{KeyRing, MasterKey};
use sea_orm::{ConnectionTrait as _, TransactionTrait as _};
use secrecy::{ExposeSecret as _, SecretString};

use super::process::{Finished, Process, finish, free_port, gangway};

/// More than two transactions' worth.
const N_TENANTS: u64 = 120;

fn key() -> SecretString {
    MasterKey::generate().to_base64()
}

fn fingerprint(key: &SecretString) -> String {
    KeyRing::from_base64(key, &[]).unwrap().current_id().to_string()
}

/// A command with these master keys, the current one first.
fn with_keys(arguments: &str, data: &Path, keys: &[&SecretString]) -> tokio::process::Command {
    let mut command = gangway(&format!("{arguments} --data {}", data.display()));
    command.env("GANGWAY_MASTER_KEY", keys[0].expose_secret());
    if let Some(previous) = keys.get(1) {
        command.env("GANGWAY_MASTER_KEY_PREVIOUS", previous.expose_secret());
    }
    command
}

async fn run(arguments: &str, data: &Path, keys: &[&SecretString]) -> Finished {
    finish(with_keys(arguments, data, keys)).await
}

async fn out(arguments: &str, data: &Path, keys: &[&SecretString]) -> String {
    let finished = run(arguments, data, keys).await;
    assert_eq!(finished.code, Some(0), "{arguments}: {}{}", finished.out, finished.err);
    finished.out
}

async fn serve(data: &Path, keys: &[&SecretString]) -> Process {
    let address = format!("127.0.0.1:{}", free_port());
    let process = Process::start(with_keys(&format!("serve --listen {address}"), data, keys));
    gangway_testkit::Client::new(format!("http://{address}")).wait_until_ready().await;
    process
}

#[tokio::test]
async fn a_new_master_key_takes_over_beside_a_running_process() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (old, new) = (key(), key());
    out("tenant create Acme", &data, &[&old]).await;

    let serving = serve(&data, &[&new, &old]).await;
    out("tenant create Borealis", &data, &[&new, &old]).await;
    let looked = out("key rewrap --dry-run", &data, &[&new, &old]).await;
    let expected = [
        "opened 1 of 1 data keys".to_owned(),
        format!("would rewrap 1 data keys under master key {}", fingerprint(&new)),
    ];
    assert_eq!(looked.lines().collect::<Vec<_>>(), expected);
    let doubting = out("doctor", &data, &[&new, &old]).await;
    let needed = format!("warn  data keys: need a previous master key: {} for 1 data key;", fingerprint(&old));
    assert!(doubting.contains(&needed), "{doubting}");

    let done = out("key rewrap", &data, &[&new, &old]).await;
    let last = format!("every data key is wrapped by master key {}; no previous one is needed", fingerprint(&new));
    assert_eq!(done.lines().collect::<Vec<_>>(), ["rewrapped 1 of 1 data keys", &last]);
    assert_eq!(out("key rewrap", &data, &[&new, &old]).await.trim(), last, "once more changes nothing");
    let well = out("doctor", &data, &[&new, &old]).await;
    assert!(well.contains("none needs a previous master key; GANGWAY_MASTER_KEY_PREVIOUS can be dropped"), "{well}");
    assert_eq!(serving.stop().await.0, Some(0));

    let serving = serve(&data, &[&new]).await;
    assert_eq!(out("tenant list", &data, &[&new]).await.lines().count(), 2);
    // The installation's own audit log is chained meanwhile, or a little later, and has a key of its own.
    let well = out("doctor", &data, &[&new]).await;
    let is_well = |n| well.contains(&format!("ok    data keys: {n}, none needs a previous master key\n"));
    assert!(is_well(2) || is_well(3), "{well}");
    assert_eq!(serving.stop().await.0, Some(0));
}

#[tokio::test]
async fn without_the_key_it_needs_it_names_that_key_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (old, new, wrong) = (key(), key(), key());
    out("tenant create Acme", &data, &[&old]).await;
    for keys in [&[&new][..], &[&new, &wrong]] {
        for arguments in ["key rewrap", "key rewrap --dry-run"] {
            let finished = run(arguments, &data, keys).await;
            assert_eq!(finished.code, Some(1), "{}", finished.out);
            assert!(finished.err.contains(&fingerprint(&old)), "{}", finished.err);
            assert_eq!(finished.err.trim().lines().count(), 1, "{}", finished.err);
        }
        let doctor = run("doctor", &data, keys).await;
        let missing =
            format!("fail  data keys: need a master key that is not set: {} for 1 data key;", fingerprint(&old));
        assert!(doctor.code == Some(1) && doctor.out.contains(&missing), "{}", doctor.out);
    }
    out("tenant list", &data, &[&old]).await;
}

/// The use cases on a database, sealing with one master key.
fn application(db: Db, master: &SecretString) -> App {
    App::new(Parts {
        db,
        keys: Keys::new(KeyRing::from_base64(master, &[]).unwrap()),
        registry: gangway_connector::registry(),
        egress: gangway_egress::Client::new(gangway_egress::ClientConfig::default()).unwrap(),
        budgets: gangway_limits::Budgets::new(gangway_limits::Settings::default()),
        clock: std::sync::Arc::new(gangway_domain::SystemClock),
        config: Config::default(),
        rng: std::sync::Mutex::new(App::system_rng()),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_the_next_one_does_the_rest() {
    let Some(db) = TestDb::postgres().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (key(), key());
    let app = application(db.connect().await, &old);
    let operator = OperatorCtx::new(app.clone(), Principal::Cli, Scope::ALL.to_vec());
    for number in 0..N_TENANTS {
        let new = NewTenant { name: format!("Tenant {number}"), time_zone: None };
        tenants::create(&operator, new).await.unwrap();
    }
    let start = || {
        let mut command = with_keys("key rewrap", folder.path(), &[&new, &old]);
        command.env("DATABASE_URL", db.url()).env("DATABASE_MIGRATION_URL", db.owner_url());
        command
    };

    // Its last batch waits for this lock, so that the middle is the middle.
    let owner = sea_orm::Database::connect(db.owner_url()).await.unwrap();
    let lock = owner.begin().await.unwrap();
    let sql = "SELECT 1 FROM data_key ORDER BY tenant_id DESC, id DESC LIMIT 1 FOR UPDATE";
    assert_eq!(lock.execute_unprepared(sql).await.unwrap().rows_affected(), 1);
    let mut killed = Process::start(start());
    killed.read_until("rewrapped 100 of 120 data keys").await;
    killed.kill().await;
    lock.rollback().await.unwrap();
    let by = async |key: &SecretString| {
        let uses = seal::master_key_uses(&app.db).await.unwrap();
        let found = uses.iter().find(|used| used.master_key_id == fingerprint(key));
        found.map_or(0, |found| found.n_data_keys)
    };
    assert_eq!((by(&new).await, by(&old).await), (100, 20));

    let finished = finish(start()).await;
    assert_eq!(finished.code, Some(0), "{}", finished.err);
    assert!(finished.out.starts_with("rewrapped 20 of 20 data keys\n"), "{}", finished.out);
    assert_eq!((by(&new).await, by(&old).await), (N_TENANTS, 0));
}
