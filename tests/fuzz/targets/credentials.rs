//! Configs and credentials, sealed values, keys and their texts.

use std::sync::OnceLock;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use gangway_domain::id::{DataKeyId, TenantId};
use gangway_egress::Origin;
use gangway_vault::{Aad, DataKey, KeyRing, MasterKey, Sealed, api_key};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use uuid::Uuid;

use super::{Target, texts, vendor::personio, way};

pub(super) const TARGET: Target = Target { name: "credentials", seeds, run };

const PLAINTEXT: &[u8] = b"what was sealed";

struct Vault {
    key: DataKey,
    sealed: Vec<u8>,
}

fn vault() -> &'static Vault {
    static VAULT: OnceLock<Vault> = OnceLock::new();
    VAULT.get_or_init(|| {
        let ring = KeyRing::new(MasterKey::generate(), Vec::new());
        let (key, _) = ring.create_data_key(tenant(), DataKeyId::from_uuid(Uuid::from_u128(7)));
        let sealed = key.seal(&place(), PLAINTEXT).into_bytes();
        Vault { key, sealed }
    })
}

fn tenant() -> TenantId {
    TenantId::from_uuid(Uuid::from_u128(1))
}

fn place() -> Aad<'static> {
    Aad::new(tenant(), "credential", Uuid::from_u128(2), "secret")
}

/// The first byte says what the rest is taken for.
fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = texts(&[
        r#"a{"client_id":"papi-1","client_secret":"papi-2"}"#,
        r#"b{"base_url":"https://api.personio.de/v1","page_size":100}"#,
        r#"b{"base_url":"https://user@api.personio.de:443/x/../y?z#w"}"#,
        "dMDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    ]);
    seeds.push([b"c", vault().sealed.as_slice()].concat());
    seeds.push(format!("e{}", api_key::generate(api_key::Kind::Tenant).expose_secret()).into_bytes());
    seeds
}

fn run(input: &[u8]) -> u64 {
    let (kind, rest) = input.split_first().map_or((0, input), |(kind, rest)| (*kind, rest));
    match kind % 5 {
        2 => credential(rest),
        3 => config(rest),
        4 => sealed(rest),
        0 => master_key(rest),
        _ => key(rest),
    }
}

fn credential(input: &[u8]) -> u64 {
    let connector = personio();
    let text = String::from_utf8_lossy(input);
    let judged = serde_json::from_str::<Value>(&text).map(|value| connector.check_credential(&value));
    let identity = connector.credential_identity(&SecretString::from(text.as_ref()));
    match judged {
        Ok(Ok(())) => {
            assert!(identity.is_ok(), "a credential that was found good has no identity");
            way((2, "good"))
        }
        Ok(Err(problems)) => {
            assert!(!problems.is_empty(), "refused without a reason");
            way((2, problems.iter().map(|problem| problem.message.clone()).collect::<Vec<_>>()))
        }
        Err(_) => way((2, "no JSON")),
    }
}

fn config(input: &[u8]) -> u64 {
    let connector = personio();
    let Ok(value) = serde_json::from_slice::<Value>(input) else { return way((3, "no JSON")) };
    let judged = connector.check_config(&value);
    let url = connector.base_url(&value);
    assert_eq!(judged.is_ok(), url.is_ok(), "the address of a config is as good as the config: {judged:?}");
    if let (Ok(url), Some(text)) = (&url, value.get("base_url").and_then(Value::as_str)) {
        // What is stored and shown names the place where the credential goes.
        let origin = Origin::of(url).map(|origin| origin.to_string());
        let host = url.host_str().unwrap_or_default();
        assert!(text.to_ascii_lowercase().contains(host), "{text} leads to {origin:?}");
    }
    match judged {
        Ok(()) => way((3, url.map(|url| url.path().len()).ok())),
        Err(problems) => way((3, problems.iter().map(|problem| problem.message.clone()).collect::<Vec<_>>())),
    }
}

fn sealed(input: &[u8]) -> u64 {
    let Vault { key, sealed } = vault();
    let Ok(found) = Sealed::from_bytes(input) else { return way((4, "no envelope")) };
    match key.open(&place(), &found) {
        Ok(clear) => {
            assert!(input == sealed.as_slice() && clear.as_slice() == PLAINTEXT, "a value that was changed opens");
            way((4, "opens"))
        }
        Err(error) => way((4, error.to_string().len())),
    }
}

fn master_key(input: &[u8]) -> u64 {
    let text = SecretString::from(String::from_utf8_lossy(input).as_ref());
    match MasterKey::from_base64("GANGWAY_MASTER_KEY", &text) {
        Ok(key) => {
            let bytes = BASE64.decode(text.expose_secret().trim()).unwrap_or_default();
            assert_eq!(bytes.len(), 32, "a key of another length");
            way((0, key.to_base64().expose_secret().len()))
        }
        Err(error) => {
            let said = error.to_string();
            assert!(input.len() < 12 || !said.as_bytes().windows(input.len()).any(|part| part == input), "{said}");
            way((0, said.len()))
        }
    }
}

fn key(input: &[u8]) -> u64 {
    let text = String::from_utf8_lossy(input);
    let parsed = api_key::parse(&text);
    way((1, parsed.map(|key| key.kind() as u8).map_err(|error| error.to_string())))
}
