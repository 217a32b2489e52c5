//! `limits.<connector>.…`: how often a vendor may be asked, where an operator knows better than the connector's manifest.
//!
//! The words are those of the manifest (`GET /v1/connectors`), and so are the defaults.

use std::{collections::BTreeMap, fmt, str::FromStr};

use gangway_app::config::VendorLimits;
use gangway_connector::{Manifest, WindowLimit};

use super::{range, reader::Reader};

const MOST_REQUESTS: u32 = 100_000;
const LONGEST_SECONDS: u32 = 3_600;
/// Beyond it a limit holds nothing back; more likely two numbers were swapped.
const MOST_PER_SECOND: u32 = 1_000;
const MOST_IN_FLIGHT: u32 = 256;

/// The limits of every connector.
pub(super) fn limits(reader: &mut Reader<'_>) -> BTreeMap<String, VendorLimits> {
    let registry = gangway_connector::registry();
    let connectors: Vec<_> = registry.list().map(|connector| connector.id()).collect();
    reader.members("limits", "connector", &connectors);
    registry.list().map(|connector| (connector.id().to_owned(), of(reader, &connector.manifest()))).collect()
}

fn of(reader: &mut Reader<'_>, Manifest { id, limits, .. }: &Manifest) -> VendorLimits {
    let name = |field: &str| format!("limits.{id}.{field}");
    let paths =
        limits.paths.iter().map(|path| Path { template: path.template.to_owned(), limit: path.limit }).collect();
    let cure = format!(
        "write path=requests/seconds, like /v1/company/employees=15/1, with 1 to {MOST_REQUESTS} requests, 1 to \
         {LONGEST_SECONDS} seconds and at most {MOST_PER_SECOND} requests a second"
    );
    VendorLimits {
        credential: Some(window(reader, &name("credential"), limits.credential)),
        paths: Some(
            reader.list_or(&name("paths"), paths, &cure).into_iter().map(|path| (path.template, path.limit)).collect(),
        ),
        authentication: Some(window(reader, &name("authentication"), limits.authentication)),
        address: limits.address.map(|address| window(reader, &name("address"), address)),
        in_flight: Some(range(reader, &name("in_flight"), limits.in_flight, 1, MOST_IN_FLIGHT)),
    }
}

fn window(reader: &mut Reader<'_>, name: &str, default: WindowLimit) -> WindowLimit {
    let requests = format!("{name}.requests");
    let limit = WindowLimit::new(
        range(reader, &requests, default.requests, 1, MOST_REQUESTS),
        range(reader, &format!("{name}.window_seconds"), default.window_seconds, 1, LONGEST_SECONDS),
    );
    if is_too_fast(limit) {
        let message =
            format!("{} in {} s are more than {MOST_PER_SECOND} a second", limit.requests, limit.window_seconds);
        let cure = format!("write fewer, or a longer {name}.window_seconds");
        reader.problem(&requests, message, &cure);
        return default;
    }
    limit
}

fn is_too_fast(limit: WindowLimit) -> bool {
    limit.requests > limit.window_seconds.saturating_mul(MOST_PER_SECOND)
}

/// `/v1/company/employees=15/1`: 15 requests in one second.
struct Path {
    template: String,
    limit: WindowLimit,
}

impl FromStr for Path {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (template, limit) = text.split_once('=').ok_or("says no limit")?;
        let (requests, seconds) = limit.split_once('/').ok_or("says no window")?;
        let template = template.trim();
        if !template.starts_with('/') || template.contains(|letter: char| letter.is_whitespace() || letter == '?') {
            return Err("begins with no path");
        }
        let number = |text: &str, most: u32| text.trim().parse().ok().filter(|number| (1..=most).contains(number));
        let requests = number(requests, MOST_REQUESTS).ok_or("the number of requests is out of range")?;
        let seconds = number(seconds, LONGEST_SECONDS).ok_or("the number of seconds is out of range")?;
        let limit = WindowLimit::new(requests, seconds);
        if is_too_fast(limit) {
            return Err("is too many a second");
        }
        Ok(Self { template: template.to_owned(), limit })
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}/{}", self.template, self.limit.requests, self.limit.window_seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, Loaded, Overrides, load};

    fn load_text(text: &str, environment: &Environment) -> Loaded {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
        load(Some(file.path()), environment, &Overrides::default())
    }

    fn personio(loaded: &Loaded) -> &VendorLimits {
        &loaded.config.limits["personio"]
    }

    fn shown<'a>(loaded: &'a Loaded, name: &str) -> &'a str {
        &loaded.shown.iter().find(|shown| shown.name == name).unwrap().value
    }

    #[test]
    fn the_manifest_is_the_default_and_is_shown() {
        let loaded = load(None, &Environment::default(), &Overrides::default());
        assert_eq!(loaded.problems, []);
        let manifest = gangway_connector::registry().get("personio").unwrap().manifest().limits;
        let limits = personio(&loaded);
        assert_eq!(limits.credential, Some(manifest.credential));
        assert_eq!(limits.authentication, Some(manifest.authentication));
        assert_eq!((limits.address, limits.in_flight), (manifest.address, Some(manifest.in_flight)));
        assert_eq!(shown(&loaded, "limits.personio.credential.requests"), "200");
        let paths = manifest.paths.iter().map(|path| (path.template.to_owned(), path.limit)).collect::<Vec<_>>();
        assert_eq!(limits.paths.as_deref(), Some(&paths[..]));
        let shown = shown(&loaded, "limits.personio.paths");
        assert!(shown.starts_with("/v1/company/employees=15/1, /v2/"), "{shown}");
    }

    #[test]
    fn file_and_environment_set_single_numbers() {
        let text = "[limits.personio]\nin_flight = 3\ncredential.requests = 100\naddress = {requests = 500, window_seconds = 30}\n";
        let environment = Environment::of([
            ("GANGWAY__LIMITS__PERSONIO__CREDENTIAL__REQUESTS", "90"),
            ("GANGWAY__LIMITS__PERSONIO__PATHS", "/v1/company/employees=10/1, /v1/company/time-offs/{id}=60/60"),
        ]);
        let loaded = load_text(text, &environment);
        assert_eq!(loaded.problems, []);
        let limits = personio(&loaded);
        assert_eq!(limits.in_flight, Some(3));
        assert_eq!(limits.credential, Some(WindowLimit::new(90, 60)));
        assert_eq!(limits.address, Some(WindowLimit::new(500, 30)));
        let paths = [("/v1/company/employees", 10, 1), ("/v1/company/time-offs/{id}", 60, 60)];
        let paths = paths.map(|(template, requests, s)| (template.to_owned(), WindowLimit::new(requests, s)));
        assert_eq!(limits.paths.as_deref(), Some(&paths[..]));
    }

    #[test]
    fn an_empty_list_leaves_no_path_limited() {
        let loaded = load_text("[limits.personio]\npaths = []\n", &Environment::default());
        assert_eq!(loaded.problems, []);
        assert_eq!(personio(&loaded).paths, Some(Vec::new()));
        assert_eq!(shown(&loaded, "limits.personio.paths"), "none");
    }

    #[test]
    fn nonsense_is_refused_all_at_once_by_name_and_with_its_cure() {
        let text = r#"
            [limits.persona]
            in_flight = 1
            [limits.personio]
            requests = 100
            in_flight = 0
            paths = ["employees=1/1", "/a", "/b=1", "/c=0/1", "/d=1/9999", "/e=5000/1", "/f=5/1"]
            credential = {requests = 0, window_seconds = 86400}
            authentication.requests = -1
            address = {requests = 60000, window_seconds = 1}
        "#;
        let loaded = load_text(text, &Environment::of([("GANGWAY__LIMITS__NOBODY__CREDENTIAL__REQUESTS", "1")]));
        let mut told: Vec<_> = loaded
            .problems
            .iter()
            .map(|problem| {
                assert!(!problem.cure.is_empty());
                let setting = problem.setting.split(" in ").next().unwrap();
                format!("{setting}: {}; {}", problem.message, problem.cure)
            })
            .collect();
        told.sort_unstable();
        let path = "write path=requests/seconds, like /v1/company/employees=15/1, with 1 to 100000 requests, 1 to 3600 \
                    seconds and at most 1000 requests a second";
        let expected = [
            "GANGWAY__LIMITS__NOBODY__CREDENTIAL__REQUESTS: there is no connector `nobody`; there is: personio"
                .to_owned(),
            "limits.persona.in_flight: there is no connector `persona`; there is: personio".to_owned(),
            "limits.personio.address.requests: 60000 in 1 s are more than 1000 a second; write fewer, or a longer \
             limits.personio.address.window_seconds"
                .to_owned(),
            "limits.personio.authentication.requests: `-1` does not fit; write a number from 1 to 100000".to_owned(),
            "limits.personio.credential.requests: 0 is out of range; write a number from 1 to 100000".to_owned(),
            "limits.personio.credential.window_seconds: 86400 is out of range; write a number from 1 to 3600"
                .to_owned(),
            "limits.personio.in_flight: 0 is out of range; write a number from 1 to 256".to_owned(),
            format!("limits.personio.paths: `/a`: says no limit; {path}"),
            format!("limits.personio.paths: `/b=1`: says no window; {path}"),
            format!("limits.personio.paths: `/c=0/1`: the number of requests is out of range; {path}"),
            format!("limits.personio.paths: `/d=1/9999`: the number of seconds is out of range; {path}"),
            format!("limits.personio.paths: `/e=5000/1`: is too many a second; {path}"),
            format!("limits.personio.paths: `employees=1/1`: begins with no path; {path}"),
            "limits.personio.requests: there is no such setting; did you mean limits.personio.address.requests?"
                .to_owned(),
        ];
        assert_eq!(told, expected);
    }
}
