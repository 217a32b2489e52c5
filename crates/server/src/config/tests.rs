//! Settings are found, mistakes are gathered, secrets are hidden.

use std::io::Write as _;

use super::*;

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn load_text(text: &str, environment: &Environment) -> Loaded {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    load(Some(file.path()), environment, &Overrides::default())
}

fn settings_of(loaded: &Loaded) -> Vec<&str> {
    loaded.problems.iter().map(|problem| problem.setting.split(" in ").next().unwrap()).collect()
}

#[test]
fn defaults_need_nothing() {
    let loaded = load(None, &Environment::default(), &Overrides::default());
    assert_eq!(loaded.problems, []);
    assert_eq!(loaded.config.listen, DEFAULT_LISTEN);
    assert!(!loaded.config.keys.is_set());
    assert!(loaded.config.database.auto_migrate);
}

#[test]
fn the_environment_wins_over_the_file_and_the_command_line_over_both() {
    let environment = Environment::of([("GANGWAY__SERVER__LISTEN", "127.0.0.1:2")]);
    let loaded = load_text("[server]\nlisten = \"127.0.0.1:1\"\ndata = \"x\"\n", &environment);
    assert_eq!((loaded.config.listen.port(), loaded.config.data.to_str()), (2, Some("x")));
    let overrides = Overrides { listen: Some("127.0.0.1:3".parse().unwrap()), ..Overrides::default() };
    assert_eq!(load(None, &environment, &overrides).config.listen.port(), 3);
}

#[test]
fn every_mistake_is_told_at_once() {
    let text = "[server]\nlisten = \"nowhere\"\nlissen = 1\n[worker]\nconcurrency = 0\n[connector]\nallowed_origins = [\"x\"]\n";
    let environment = Environment::of([
        ("GANGWAY__LOG__FORMAT", "xml"),
        ("GANGWAY__NO__SUCH", "1"),
        ("DATABASE_URL", "mysql://root@db/x"),
        ("GANGWAY_MASTER_KEY", "c2hvcnQ="),
        ("GANGWAY_MASTER_KEY_PREVIOUS_FLE", "/x"),
        // Of a platform that has a service of our name.
        ("GANGWAY_SERVICE_HOST", "10.0.0.1"),
    ]);
    let loaded = load_text(text, &environment);
    let mut settings = settings_of(&loaded);
    settings.sort_unstable();
    assert_eq!(
        settings,
        [
            "GANGWAY_MASTER_KEY_PREVIOUS_FLE",
            "GANGWAY__LOG__FORMAT",
            "GANGWAY__NO__SUCH",
            "connector.allowed_origins",
            "database.url",
            "keys.master (GANGWAY_MASTER_KEY)",
            "server.lissen",
            "server.listen",
            "worker.concurrency",
        ]
    );
    let key = loaded.problems.iter().find(|problem| problem.setting.starts_with("keys.master")).unwrap().to_string();
    assert!(
        key.ends_with(": the master key decodes to 5 bytes instead of 32; make one with `openssl rand -base64 32`")
    );
    assert_eq!(key.matches("openssl").count(), 1, "the cure is told once: {key}");
    let unknown = loaded.problems.iter().find(|problem| problem.setting.starts_with("server.lissen")).unwrap();
    assert_eq!(unknown.cure, "did you mean server.listen?");
}

#[test]
fn a_secret_may_come_from_a_file() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "{KEY}").unwrap();
    let path = file.path().to_str().unwrap();
    let loaded = load(None, &Environment::of([("GANGWAY_MASTER_KEY_FILE", path)]), &Overrides::default());
    assert_eq!(loaded.problems, []);
    assert!(loaded.config.keys.ring().is_ok());
    let both = Environment::of([("GANGWAY_MASTER_KEY_FILE", path), ("GANGWAY_MASTER_KEY", KEY)]);
    assert_eq!(load(None, &both, &Overrides::default()).problems.len(), 1);
}

#[test]
fn nothing_secret_is_shown() {
    let environment = Environment::of([
        ("GANGWAY_MASTER_KEY", KEY),
        ("DATABASE_URL", "postgres://gangway:hunter2@db/x?sslpassword=hunter3"),
        ("REDIS_URL", "redis://:hunter4@cache/0"),
    ]);
    let loaded = load(None, &environment, &Overrides::default());
    assert_eq!(loaded.problems, []);
    let shown = format!("{:?} {:?}", loaded.shown, loaded.config);
    for secret in ["hunter", KEY] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(shown.contains("postgres://db/x"), "{shown}");
}

#[test]
fn a_mistake_in_the_file_does_not_quote_its_line() {
    let loaded = load_text("[database]\nurl = \"postgres://a:hunter2@b\n", &Environment::default());
    assert_eq!(loaded.problems.len(), 1);
    assert!(!loaded.problems[0].to_string().contains("hunter2"));
    assert!(loaded.problems[0].message.starts_with("line 2"), "{}", loaded.problems[0]);
}

#[test]
fn a_system_login_alone_is_refused() {
    let environment = Environment::of([("GANGWAY__DATABASE__SYSTEM_URL", "postgres://a@b/c")]);
    let loaded = load(None, &environment, &Overrides::default());
    assert_eq!(settings_of(&loaded), ["database.system_url"]);
    assert!(!loaded.config.database.auto_migrate);
}
