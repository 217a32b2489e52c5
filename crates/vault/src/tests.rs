//! What sealing promises: it opens in its own place, and nowhere else.

use gangway_domain::id::{DataKeyId, PLATFORM_TENANT, TenantId};
use proptest::prelude::*;
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::*;

fn tenant(number: u128) -> TenantId {
    TenantId::from_uuid(Uuid::from_u128(number))
}

fn key_id(number: u128) -> DataKeyId {
    DataKeyId::from_uuid(Uuid::from_u128(number))
}

fn ring() -> KeyRing {
    KeyRing::new(MasterKey::generate(), vec![])
}

fn data_key() -> DataKey {
    ring().create_data_key(tenant(1), key_id(1)).0
}

fn place() -> Aad<'static> {
    Aad::new(tenant(1), "credential", Uuid::from_u128(7), "secret")
}

#[test]
fn opens_only_in_the_place_it_was_sealed_for() {
    let key = data_key();
    let sealed = key.seal(&place(), b"s3cret");
    assert_eq!(key.open(&place(), &sealed).unwrap().as_slice(), b"s3cret");
    let elsewhere = [
        Aad { tenant: tenant(2), ..place() },
        Aad { kind: "token", ..place() },
        Aad { object: Uuid::from_u128(8).into(), ..place() },
        Aad { object: "7".into(), ..place() },
        Aad { field: "id", ..place() },
        Aad { kind: "credentials", field: "ecret", ..place() },
    ];
    for other in elsewhere {
        assert_eq!(key.open(&other, &sealed), Err(Error::Open), "{other:?}");
    }
}

#[test]
fn an_id_and_a_name_of_the_same_bytes_are_different_objects() {
    let key = data_key();
    let bytes = *b"sixteen letters!";
    let by_id = Aad { object: Uuid::from_bytes(bytes).into(), ..place() };
    let by_name = Aad { object: std::str::from_utf8(&bytes).unwrap().into(), ..place() };
    assert_eq!(key.open(&by_name, &key.seal(&by_id, b"x")), Err(Error::Open));
}

#[test]
fn another_data_key_is_named_in_the_error() {
    let ring = ring();
    let (one, _) = ring.create_data_key(tenant(1), key_id(1));
    let (two, _) = ring.create_data_key(tenant(1), key_id(2));
    let sealed = one.seal(&place(), b"x");
    assert_eq!(sealed.key_id(), key_id(1));
    let error = two.open(&place(), &sealed).unwrap_err();
    assert_eq!(error, Error::OtherDataKey { sealed: key_id(1), offered: key_id(2) });
}

#[test]
fn another_key_under_the_same_id_does_not_open() {
    let sealed = data_key().seal(&place(), b"x");
    assert_eq!(data_key().open(&place(), &sealed), Err(Error::Open));
}

#[test]
fn a_wrapped_key_opens_for_its_tenant_and_id_only() {
    let ring = ring();
    let (key, wrapped) = ring.create_data_key(tenant(1), key_id(1));
    let sealed = key.seal(&place(), b"x");
    let again = ring.unwrap_data_key(tenant(1), key_id(1), &wrapped).unwrap();
    assert_eq!(again.open(&place(), &sealed).unwrap().as_slice(), b"x");
    assert_eq!(ring.unwrap_data_key(tenant(2), key_id(1), &wrapped).unwrap_err(), Error::Unwrap);
    assert_eq!(ring.unwrap_data_key(tenant(1), key_id(2), &wrapped).unwrap_err(), Error::Unwrap);
}

#[test]
fn rotation_of_the_master_key_keeps_every_sealed_value() {
    let old = MasterKey::generate().to_base64();
    let new = MasterKey::generate().to_base64();
    let before = KeyRing::from_base64(&old, &[]).unwrap();
    let (key, wrapped) = before.create_data_key(PLATFORM_TENANT, key_id(1));
    let sealed = key.seal(&place(), b"x");

    let during = KeyRing::from_base64(&new, std::slice::from_ref(&old)).unwrap();
    let rewrapped = during.rewrap(PLATFORM_TENANT, key_id(1), &wrapped).unwrap();
    assert_eq!(rewrapped.master_key_id, during.current_id());
    assert_eq!(during.ids().collect::<Vec<_>>(), [during.current_id(), before.current_id()]);

    let after = KeyRing::from_base64(&new, &[]).unwrap();
    let unwrapped = after.unwrap_data_key(PLATFORM_TENANT, key_id(1), &rewrapped).unwrap();
    assert_eq!(unwrapped.open(&place(), &sealed).unwrap().as_slice(), b"x");
    let error = after.unwrap_data_key(PLATFORM_TENANT, key_id(1), &wrapped).unwrap_err();
    assert_eq!(error, Error::UnknownMasterKey(before.current_id()));
}

#[test]
fn a_bad_master_key_is_refused_with_its_reason_and_cure() {
    let good = MasterKey::generate().to_base64();
    let refusal = |text: &str| KeyRing::from_base64(&text.into(), &[]).unwrap_err().to_string();
    let cure = "; make one with `openssl rand -base64 32`";
    assert_eq!(refusal(" \n"), format!("the master key is empty{cure}"));
    assert_eq!(refusal("not base64!"), format!("the master key is not base64{cure}"));
    assert_eq!(refusal("c2hvcnQ="), format!("the master key decodes to 5 bytes instead of 32{cure}"));
    let zeros = format!("{}=", "A".repeat(43));
    assert_eq!(refusal(&zeros), format!("the master key is not random: all its bytes are equal{cure}"));
    let second: [SecretString; 2] = [good.clone(), "x".into()];
    let error = KeyRing::from_base64(&good, &second).unwrap_err().to_string();
    assert_eq!(error, format!("previous master key 2 is not base64{cure}"));
}

#[test]
fn a_master_key_may_come_with_a_line_end_as_files_have_it() {
    let key = MasterKey::generate();
    let text = format!("{}\n", key.to_base64().expose_secret()).into();
    assert_eq!(MasterKey::from_base64("the master key", &text).unwrap().id(), key.id());
}

#[test]
fn a_fingerprint_survives_its_text() {
    let id = MasterKey::generate().id();
    assert_eq!(id.to_string().parse::<MasterKeyId>().unwrap(), id);
    assert_eq!("+123456789abcdef".parse::<MasterKeyId>(), Err(Error::MasterKeyId));
    assert_eq!(id.to_string().replace(char::is_alphanumeric, "é").parse::<MasterKeyId>(), Err(Error::MasterKeyId));
}

#[test]
fn counts_its_seals_and_hands_the_count_over_once() {
    let key = data_key();
    for _ in 0..3 {
        key.seal(&place(), b"x");
    }
    assert_eq!((key.seals(), key.take_seals(), key.seals()), (3, 3, 0));
    key.seal(&place(), b"x");
    key.return_seals(3);
    assert_eq!(key.take_seals(), 4, "what could not be stored counts again");
}

#[test]
fn debug_output_holds_no_key_and_no_ciphertext() {
    let master = MasterKey::generate();
    let text = master.to_base64();
    assert!(!format!("{master:?}{text:?}").contains(text.expose_secret()));
    let key = data_key();
    let sealed = key.seal(&place(), b"x");
    assert_eq!(format!("{sealed:?}"), format!("Sealed {{ key_id: {}, n_bytes: 46 }}", key_id(1)));
    assert_eq!(format!("{key:?}"), format!("DataKey {{ id: {}, .. }}", key_id(1)));
    assert_eq!(format!("{:?}", HashKey::generate()), "HashKey { .. }");
    assert_eq!(format!("{:?}", DeploymentSecret::generate()), "DeploymentSecret { .. }");
}

#[test]
fn record_hashes_survive_storage_and_differ_between_tenants() {
    let (one, other) = (HashKey::generate(), HashKey::generate());
    let stored = HashKey::from_secret_bytes(one.to_secret_bytes().as_slice()).unwrap();
    assert_eq!(one.hash(b"record"), stored.hash(b"record"));
    assert_ne!(one.hash(b"record"), other.hash(b"record"));
    assert_ne!(one.hash(b"record"), one.hash(b"recorD"));
    assert!(one.matches(b"record", &one.hash(b"record")) && !one.matches(b"record", &[0; 3]));
    let short = HashKey::from_secret_bytes(&[1; 31]).unwrap_err();
    assert_eq!(short.to_string(), "a stored hash key must have 32 bytes but has 31");
}

#[test]
fn budget_keys_depend_on_the_client_and_the_deployment_and_share_nothing_with_record_hashes() {
    let secret = DeploymentSecret::generate();
    let stored = DeploymentSecret::from_secret_bytes(secret.to_secret_bytes().as_slice()).unwrap();
    assert_eq!(secret.budget_key("client"), stored.budget_key("client"));
    assert_ne!(secret.budget_key("client"), secret.budget_key("client2"));
    assert_ne!(secret.budget_key("client"), DeploymentSecret::generate().budget_key("client"));
    let hash_key = HashKey::from_secret_bytes(secret.to_secret_bytes().as_slice()).unwrap();
    assert_ne!(secret.budget_key("client"), hash_key.hash(b"client"));
}

proptest! {
    #[test]
    fn any_value_comes_back(plaintext in proptest::collection::vec(any::<u8>(), 0..2_000), object in ".*", field in ".*") {
        let key = data_key();
        let place = Aad::new(tenant(1), "thing", object.as_str(), &field);
        let sealed = Sealed::from_bytes(key.seal(&place, &plaintext).as_bytes()).unwrap();
        let opened = key.open(&place, &sealed).unwrap();
        prop_assert_eq!(opened.as_slice(), plaintext);
    }

    #[test]
    fn no_flipped_bit_opens(plaintext in proptest::collection::vec(any::<u8>(), 0..100), position in any::<prop::sample::Index>(), bit in 0..8) {
        let key = data_key();
        let mut bytes = key.seal(&place(), &plaintext).into_bytes();
        let position = position.index(bytes.len());
        bytes[position] ^= 1_u8 << bit;
        let opened = Sealed::from_bytes(&bytes).and_then(|sealed| key.open(&place(), &sealed));
        prop_assert!(opened.is_err());
    }

    #[test]
    fn no_bytes_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), versioned in any::<bool>()) {
        let key = data_key();
        if let (true, Some(first)) = (versioned, bytes.first_mut()) {
            *first = 1;
        }
        if let Ok(sealed) = Sealed::from_bytes(&bytes) {
            prop_assert!(key.open(&place(), &sealed).is_err());
            prop_assert_eq!(sealed.as_bytes(), bytes.as_slice());
        }
        let ring = ring();
        let wrapped = WrappedDataKey { master_key_id: ring.current_id(), bytes };
        prop_assert!(ring.unwrap_data_key(tenant(1), key_id(1), &wrapped).is_err());
    }

    #[test]
    fn no_master_key_text_panics(text in ".*") {
        drop(KeyRing::from_base64(&text.clone().into(), &[]));
        drop(text.parse::<MasterKeyId>());
    }

    #[test]
    fn places_that_share_their_letters_stay_apart(text in "[a-c]{2,8}", cut in 1_usize..8, other_cut in 1_usize..8) {
        let (cut, other_cut) = (cut.min(text.len() - 1), other_cut.min(text.len() - 1));
        let place_cut_at = |at: usize| Aad::new(tenant(1), &text[..at], Uuid::nil(), &text[at..]);
        let same = place_cut_at(cut).encode(key_id(1)) == place_cut_at(other_cut).encode(key_id(1));
        prop_assert_eq!(same, cut == other_cut);
    }
}
