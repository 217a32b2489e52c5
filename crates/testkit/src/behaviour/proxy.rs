//! Readings passed through: every path that the manifest names can be asked for, and a refusal is an answer.

use gangway_connector::{MIN_PAUSE_SECONDS, Pass};
use gangway_egress::Class;

use super::{Harness, account::Size, subject::Subject};

pub(super) async fn run(harness: &Harness) {
    let subject = Subject::start(harness, Size::SMALL).await;
    let paths = harness.emulator.connector().manifest().proxy;
    assert!(!paths.is_empty(), "{}: the ability to pass readings through needs paths in the manifest", subject.name);
    for path in paths.iter().filter(|path| subject.account.has_path(path.template)) {
        let asked = path.template.replace("{id}", "1");
        let context = format!("{}: {asked}", subject.name);
        let pass = Pass::of(&paths, &asked, Class::Interactive).unwrap_or_else(|error| panic!("{context}: {error:?}"));
        assert_eq!(pass.template, path.template, "{context}: an earlier path hides this one");
        let proxy = subject.connection.proxy().expect("the ability was there before");
        let passed = proxy.pass(pass.clone()).await.unwrap_or_else(|error| panic!("{context}: {error:?}"));
        assert!((200..500).contains(&passed.status), "{context}: {}", passed.status);

        subject.advance_s(MIN_PAUSE_SECONDS);
        subject.account.expire_tokens();
        let again = proxy.pass(pass).await.unwrap_or_else(|error| panic!("{context}: {error:?}"));
        assert_eq!(
            (again.status, &again.content_type),
            (passed.status, &passed.content_type),
            "{context}: a new token"
        );
    }
}
