//! What the connector's list of endpoints says of the sandbox and of the suite, held against both.

use gangway_connector::personio::{Endpoint, Supported, endpoints};

use super::emulator::answered;

fn names<'a>(chosen: impl Iterator<Item = &'a Endpoint>) -> Vec<String> {
    chosen.map(|Endpoint { method, path, .. }| format!("{method} {path}")).collect()
}

/// Holds what the list calls tested of a version against what the suite has got answers from.
pub(super) fn assert_tested(version: &str) {
    let answered = answered();
    let is_answered =
        |one: &&Endpoint| answered.iter().any(|(method, path)| (method.as_str(), *path) == (one.method, one.path));
    let claimed = endpoints().iter().filter(|one| one.is_tested && one.path.starts_with(version));
    let wrong = names(claimed.filter(|one| !is_answered(one)));
    assert_eq!(wrong, Vec::<String>::new(), "endpoints.tsv calls these tested, and the suite does not ask for them");
    let missing = names(endpoints().iter().filter(|one| !one.is_tested && is_answered(one)));
    assert_eq!(missing, Vec::<String>::new(), "endpoints.tsv does not say that these are tested");
}

#[test]
fn what_is_called_emulated_is_what_the_sandbox_answers() {
    let wrong = endpoints().iter().filter(|one| one.is_emulated != gangway_sandbox::serves(one.method, one.path));
    assert_eq!(names(wrong), Vec::<String>::new(), "endpoints.tsv is wrong about what the sandbox answers");
    let untested = endpoints().iter().filter(|one| one.supported == Supported::Yes && !one.is_tested);
    // The second address of the attributes is asked for only by those who find nothing at the first; giving a token back is tried in the connector's
    // own tests.
    assert_eq!(names(untested), ["GET /v1/company/employees/custom-attributes", "POST /v2/auth/revoke"]);
}
