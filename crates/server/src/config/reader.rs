//! Reads settings one by one from file and environment, and gathers every mistake instead of stopping at the first.

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    fmt,
    path::Path,
    str::FromStr,
};

use secrecy::SecretString;

use super::{environment::Environment, redact};

/// A mistake in the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The setting, with where it was given.
    pub setting: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub cure: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.setting, self.message, self.cure)
    }
}

/// An effective setting, as `config check` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Its name.
    pub name: String,
    /// Its value; secrets are left out.
    pub value: String,
    /// Where it comes from.
    pub origin: String,
}

enum Given {
    Text(String),
    List(Vec<String>),
}

/// Hands out settings; see the module.
pub(super) struct Reader<'a> {
    environment: &'a Environment,
    file: BTreeMap<String, Given>,
    file_name: String,
    known: BTreeSet<String>,
    problems: Vec<Problem>,
    shown: Vec<Shown>,
}

/// Where a value was found.
struct Found {
    given: Given,
    origin: String,
}

impl<'a> Reader<'a> {
    pub(super) fn new(path: Option<&Path>, environment: &'a Environment) -> Self {
        let mut reader = Self {
            environment,
            file: BTreeMap::new(),
            file_name: path.map(|path| path.display().to_string()).unwrap_or_default(),
            known: BTreeSet::new(),
            problems: Vec::new(),
            shown: Vec::new(),
        };
        if let Some(path) = path {
            reader.read_file(path);
        }
        reader
    }

    /// A setting that is not secret; `override_with` comes from the command line.
    pub(super) fn value<T: FromStr + fmt::Display>(
        &mut self,
        name: &str,
        default: T,
        override_with: Option<T>,
        cure: &str,
    ) -> T {
        let found = self.find(name, None);
        if let Some(value) = override_with {
            self.show(name, value.to_string(), "command line");
            return value;
        }
        let Some(Found { given, origin }) = found else {
            self.show(name, default.to_string(), "default");
            return default;
        };
        match given {
            Given::Text(text) => match text.trim().parse::<T>() {
                Ok(value) => {
                    self.show(name, value.to_string(), &origin);
                    return value;
                }
                Err(_) => self.problem(&origin, format!("`{}` does not fit", text.trim()), cure),
            },
            Given::List(_) => self.problem(&origin, "one value is wanted, not a list".to_owned(), cure),
        }
        default
    }

    /// A text that may be left out.
    pub(super) fn text(&mut self, name: &str, cure: &str) -> Option<String> {
        let given = self.value(name, Optional(None), None, cure);
        given.0
    }

    /// An http or https address that may be left out. Shown without its login, and not quoted when it is a mistake.
    pub(super) fn address(&mut self, name: &str, unset: &str, cure: &str) -> Option<url::Url> {
        const SCHEMES: &[&str] = &["http", "https"];
        let Some(Found { given, origin }) = self.find(name, None) else {
            self.show(name, unset.to_owned(), "default");
            return None;
        };
        if let Given::Text(text) = &given
            && let Some(url) = redact::parse(text.trim(), SCHEMES)
            && let Some(shown) = redact::address(text.trim(), SCHEMES)
        {
            self.show(name, shown, &origin);
            return Some(url);
        }
        self.problem(&origin, "is no http or https address".to_owned(), cure);
        None
    }

    /// A list, empty by default; in the environment its members are separated by commas.
    pub(super) fn list<T: FromStr + fmt::Display>(&mut self, name: &str, cure: &str) -> Vec<T>
    where
        T::Err: fmt::Display,
    {
        self.list_or(name, Vec::new(), cure)
    }

    /// A list with another default; what is given replaces it as a whole.
    pub(super) fn list_or<T: FromStr + fmt::Display>(&mut self, name: &str, default: Vec<T>, cure: &str) -> Vec<T>
    where
        T::Err: fmt::Display,
    {
        let Some(Found { given, origin }) = self.find(name, None) else {
            self.show(name, listed(&default), "default");
            return default;
        };
        let texts = match given {
            Given::Text(text) => split(&text),
            Given::List(texts) => texts,
        };
        let mut values = Vec::new();
        for text in texts {
            match text.parse::<T>() {
                Ok(value) => values.push(value),
                Err(error) => self.problem(&origin, format!("`{}`: {error}", redact::quoted(&text)), cure),
            }
        }
        self.show(name, listed(&values), &origin);
        values
    }

    /// Refuses every setting in a section whose next word is none of these.
    pub(super) fn members(&mut self, section: &str, what: &str, members: &[&str]) {
        let variables = self.environment.settings().map(|variable| (variable.to_owned(), setting_of(variable)));
        let in_file = self.file.keys().map(|name| (format!("{name} in {}", self.file_name), name.clone()));
        for (setting, name) in in_file.chain(variables).collect::<Vec<_>>() {
            let Some((member, _)) = name.strip_prefix(section).and_then(|rest| rest.strip_prefix('.')?.split_once('.'))
            else {
                continue;
            };
            if !members.contains(&member) {
                let verb = if members.len() == 1 { "is" } else { "are" };
                self.problem(
                    &setting,
                    format!("there is no {what} `{member}`"),
                    &format!("there {verb}: {}", members.join(", ")),
                );
                self.known.insert(name);
            }
        }
    }

    /// A secret: also by its plain variable (`DATABASE_URL`), and each way also as a file that holds it.
    pub(super) fn secret(&mut self, name: &str, plain: &str, show: fn(&str) -> String) -> Option<SecretString> {
        let direct = self.find(name, Some(plain));
        let by_file = self.find(&format!("{name}_file"), Some(&format!("{plain}_FILE")));
        let (text, origin) = match (direct, by_file) {
            (Some(direct), Some(by_file)) => {
                let message = format!("given twice, as {} and as {}", direct.origin, by_file.origin);
                self.problem(name, message, "keep one of them");
                return None;
            }
            (Some(Found { given: Given::Text(text), origin }), None) => (text, origin),
            (None, Some(Found { given: Given::Text(path), origin })) => match std::fs::read_to_string(path.trim()) {
                Ok(text) => (text, origin),
                Err(error) => {
                    let message = format!("cannot read {}: {error}", path.trim());
                    self.problem(&origin, message, "name a readable file that holds nothing but the secret");
                    return None;
                }
            },
            (Some(found), None) | (None, Some(found)) => {
                self.problem(&found.origin, "one value is wanted, not a list".to_owned(), "give one text");
                return None;
            }
            (None, None) => {
                self.show(name, "not set".to_owned(), "default");
                return None;
            }
        };
        let text = text.trim();
        if text.is_empty() {
            self.problem(&origin, "is empty".to_owned(), "give a value, or remove it");
            return None;
        }
        self.show(name, show(text), &origin);
        Some(SecretString::from(text))
    }

    pub(super) const fn environment(&self) -> &'a Environment {
        self.environment
    }

    pub(super) fn problem(&mut self, setting: &str, message: String, cure: &str) {
        self.problems.push(Problem { setting: setting.to_owned(), message, cure: cure.to_owned() });
    }

    /// Finds settings that nobody asked for, and ends.
    pub(super) fn finish(mut self) -> (Vec<Shown>, Vec<Problem>) {
        let from_file = self.file.keys().filter(|name| !self.known.contains(*name));
        let mut unknown: Vec<_> =
            from_file.map(|name| (format!("{name} in {}", self.file_name), name.clone())).collect();
        for variable in self.environment.settings() {
            let name = setting_of(variable);
            if !self.known.contains(&name) {
                unknown.push((variable.to_owned(), name));
            }
        }
        for (setting, name) in unknown {
            let cure = nearest(&name, &self.known).map_or_else(
                || "remove it; docs/configuration.md lists all".to_owned(),
                |near| format!("did you mean {near}?"),
            );
            self.problems.push(Problem { setting, message: "there is no such setting".to_owned(), cure });
        }
        (self.shown, self.problems)
    }

    fn show(&mut self, name: &str, value: String, origin: &str) {
        self.shown.push(Shown { name: name.to_owned(), value, origin: origin.to_owned() });
    }

    fn find(&mut self, name: &str, plain: Option<&str>) -> Option<Found> {
        self.known.insert(name.to_owned());
        let variable = variable_of(name);
        let by_name = self.environment.get(&variable).map(|text| (text, variable.as_str()));
        let by_plain = plain.and_then(|plain| Some((self.environment.get(plain)?, plain)));
        if let (Some((one, _)), Some((other, plain))) = (by_name, by_plain)
            && one != other
        {
            let message = format!("given twice, as {variable} and as {plain}");
            self.problem(name, message, "keep one of them");
        }
        if let Some((text, origin)) = by_name.or(by_plain) {
            let found = Found { given: Given::Text(text.to_owned()), origin: origin.to_owned() };
            return Some(found);
        }
        let origin = format!("{name} in {}", self.file_name);
        let given = match self.file.get(name)? {
            Given::Text(text) => Given::Text(text.clone()),
            Given::List(texts) => Given::List(texts.clone()),
        };
        Some(Found { given, origin })
    }

    fn read_file(&mut self, path: &Path) {
        let cure = "correct the file; docs/configuration.md has an example";
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => {
                return self.problem(
                    "--config",
                    format!("cannot read {}: {error}", path.display()),
                    "name a readable file",
                );
            }
        };
        match text.parse::<toml::Table>() {
            Ok(table) => self.flatten("", table),
            // The library quotes the line, which may hold a secret.
            Err(error) => {
                let line =
                    error.span().map_or(1, |span| text.get(..span.start).unwrap_or_default().lines().count().max(1));
                let message = format!("line {line} is not TOML: {}", error.message());
                self.problem(&path.display().to_string(), message, cure);
            }
        }
    }

    fn flatten(&mut self, prefix: &str, table: toml::Table) {
        for (key, value) in table {
            let name = if prefix.is_empty() { key } else { format!("{prefix}.{key}") };
            let given = match value {
                toml::Value::Table(table) => {
                    self.flatten(&name, table);
                    continue;
                }
                toml::Value::Array(values) => Given::List(values.iter().map(plain_text).collect()),
                value => Given::Text(plain_text(&value)),
            };
            self.file.insert(name, given);
        }
    }
}

/// A text, or none.
struct Optional(Option<String>);

impl FromStr for Optional {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(Some(text.to_owned()).filter(|text| !text.is_empty())))
    }
}

impl fmt::Display for Optional {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_deref().unwrap_or("none"))
    }
}

fn plain_text(value: &toml::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn listed(values: &[impl fmt::Display]) -> String {
    let text = values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if text.is_empty() { "none".to_owned() } else { text }
}

/// Members of a list written in one line.
pub(super) fn split(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned).collect()
}

fn variable_of(name: &str) -> String {
    format!("GANGWAY__{}", name.to_uppercase().replace('.', "__"))
}

fn setting_of(variable: &str) -> String {
    variable.trim_start_matches("GANGWAY__").to_lowercase().replace("__", ".")
}

/// The known name that shares the most with a mistyped one: its last part, or all but two letters.
fn nearest(name: &str, known: &BTreeSet<String>) -> Option<String> {
    let field = name.rsplit('.').next().unwrap_or(name);
    let letters = |text: &str| text.bytes().filter(u8::is_ascii_lowercase).collect::<BTreeSet<_>>();
    known
        .iter()
        .filter(|candidate| {
            candidate.rsplit('.').next() == Some(field)
                || (candidate.len().abs_diff(name.len()) <= 2
                    && letters(candidate).symmetric_difference(&letters(name)).count() <= 2)
        })
        .min_by_key(|candidate| candidate.len().abs_diff(name.len()))
        .cloned()
}
