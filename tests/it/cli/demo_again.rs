//! A demo that is started again after its owner changed what the first start made.

use serde_json::json;

use super::{
    demo::{LAST, demo},
    end_state::{client, line},
    process::{Process, finish, gangway},
};

const FLAGS: &str = "--people 3 --listen 127.0.0.1:0 --sandbox-listen 127.0.0.1:0";

#[tokio::test(flavor = "multi_thread")]
async fn renamed_things_are_taken_up_and_a_revoked_key_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut first = Process::start(demo(&data, FLAGS));
    let lines = first.read_until(LAST).await;
    let api = client(&lines);
    let (operator, tenant) = (line(&lines, "operator key: "), line(&lines, "tenant key: "));
    let id = |row: &serde_json::Value| row["id"].as_str().unwrap().to_owned();
    let tenants = format!("/v1/tenants/{}", id(&api.list(operator, "/v1/tenants").await[0]));
    api.patch(operator, &tenants, &json!({"name": "Blue Harbour"})).await.expect(200);
    let connection = id(&api.list(tenant, "/v1/connections").await[0]);
    let renamed = json!({"name": "People"});
    api.patch(tenant, &format!("/v1/connections/{connection}"), &renamed).await.expect(200);
    // One of the same name that a person made is none of the demo's business.
    let own =
        api.post(tenant, "/v1/keys", &json!({"name": "demo"})).await.expect(201)["key"].as_str().unwrap().to_owned();
    let mine = api.list(tenant, "/v1/keys").await.iter().map(id).next().unwrap();
    api.delete(tenant, &format!("/v1/keys/{mine}")).await.expect(204);
    first.stop().await;

    let mut second = Process::start(demo(&data, ""));
    let again = second.read_until(LAST).await;
    assert!(line(&again, "tenant: ").starts_with("Blue Harbour ("), "{again:#?}");
    assert_eq!(line(&again, "operator key: "), operator, "it still works");
    let replaced = line(&again, "tenant key: ");
    assert_ne!(replaced, tenant);
    line(&again, "the tenant key of earlier starts no longer works");
    let curls: Vec<_> = again.iter().filter(|line| line.trim_start().starts_with("curl ")).collect();
    assert!(curls.len() == 5 && !curls.iter().any(|line| line.contains(tenant)), "{curls:#?}");

    let api = client(&again);
    assert_eq!(api.list(operator, "/v1/tenants").await.len(), 1);
    let connections = api.list(replaced, "/v1/connections").await;
    assert_eq!((connections.len(), &connections[0]["name"]), (1, &json!("People")), "{connections:#?}");
    assert_eq!(api.list(replaced, "/v1/syncs").await.len(), 3);
    assert_eq!(api.list(&own, "/v1/employees").await.len(), 3, "a person's own key is left alone");
    second.stop().await;

    // Its master key is in the folder, so nobody need set one to look at it.
    let doctor = finish(gangway(&format!("doctor --data {}", data.display()))).await;
    assert_eq!(doctor.code, Some(0), "{}", doctor.out);
    assert!(doctor.out.contains(&format!("in {}", data.join("master.key").display())), "{}", doctor.out);
}
