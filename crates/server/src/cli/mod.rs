//! The command line. Its flags are pinned: others script against them.

mod sandbox;

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand};
use gangway_domain::principal::Scope;

pub use self::sandbox::{Dialect, PersonioArgs, SandboxCommand};

const EXAMPLES: &str = "\
Examples:
  gangway demo                          try everything: API, worker, a sandbox vendor and a seeded tenant
  gangway serve                         run API, worker and scheduler (needs GANGWAY_MASTER_KEY)
  gangway api, gangway worker           run them apart, as many as needed (needs PostgreSQL and Redis)
  gangway key create --operator         make the first API key
  gangway --config gangway.toml config check
                                        show the effective settings and every mistake in them

Settings come from the file given with --config, then from GANGWAY__SECTION__FIELD; docs/configuration.md lists them.";

/// Self-hosted integration platform for the employee lifecycle.
#[derive(Debug, Parser)]
#[command(name = "gangway", version, after_help = EXAMPLES, propagate_version = true)]
pub struct Cli {
    /// TOML file with settings
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run API, worker and scheduler until Ctrl-C or SIGTERM
    #[command(after_help = "\
Examples:
  GANGWAY_MASTER_KEY=$(openssl rand -base64 32) gangway serve
  DATABASE_URL=postgres://gangway@db.internal/gangway GANGWAY_MASTER_KEY_FILE=/run/secrets/master-key gangway serve

Keep the master key: without it nothing that was stored can be opened.")]
    Serve {
        /// Address of the API [default: 127.0.0.1:8080]
        #[arg(long, value_name = "ADDR", value_parser = address)]
        listen: Option<SocketAddr>,
        /// Where and which database
        #[command(flatten)]
        data: DataArg,
    },
    /// Run the API without a worker, beside other processes, until Ctrl-C or SIGTERM
    #[command(after_help = "\
Examples:
  gangway api --listen 0.0.0.0:8080

Needs database.url and redis.url, the same for all processes of a platform, and one `gangway worker` at least.")]
    Api {
        /// Address of the API [default: 127.0.0.1:8080]
        #[arg(long, value_name = "ADDR", value_parser = address)]
        listen: Option<SocketAddr>,
        /// Where and which database
        #[command(flatten)]
        data: DataArg,
    },
    /// Run jobs and schedules without the API, beside other processes, until Ctrl-C or SIGTERM
    #[command(after_help = "\
Examples:
  gangway worker

Needs database.url and redis.url, the same for all processes of a platform.")]
    Worker {
        /// Where and which database
        #[command(flatten)]
        data: DataArg,
    },
    /// Run everything with a sandbox vendor and a seeded tenant, and print what to try next
    Demo(DemoArgs),
    /// Bring the database's schema up to date, or show what is missing
    Migrate {
        /// Only show
        #[command(subcommand)]
        command: Option<MigrateCommand>,
        /// Where and which database
        #[command(flatten)]
        data: DataArg,
    },
    /// Run an emulator of a vendor
    Sandbox {
        /// Which vendor
        #[command(subcommand)]
        vendor: SandboxCommand,
    },
    /// Create or list tenants
    Tenant {
        /// What to do
        #[command(subcommand)]
        command: TenantCommand,
    },
    /// Create, list or revoke API keys; make data keys independent of previous master keys
    Key {
        /// What to do
        #[command(subcommand)]
        command: KeyCommand,
    },
    /// Read or verify the audit logs
    Audit {
        /// What to do
        #[command(subcommand)]
        command: AuditCommand,
    },
    /// Look at the settings
    Config {
        /// What to do
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Print the API's document
    #[command(about = "Print the OpenAPI document")]
    Openapi,
    /// Check settings, keys, data folder and database, and say what to do about each finding
    Doctor {
        /// Where and which database
        #[command(flatten)]
        data: DataArg,
    },
}

/// The data folder.
#[derive(Debug, Clone, Default, Args)]
pub struct DataArg {
    /// Folder of the embedded database [default: ./gangway-data]
    #[arg(long = "data", value_name = "DIR", global = true)]
    pub folder: Option<PathBuf>,
}

/// Flags of `gangway demo`; what is left out comes from the data folder, then from the defaults.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "\
Examples:
  gangway demo
  gangway demo --people 2000 --seed 7 --data ./big-demo
  gangway demo --dialect guide --data ./guide-demo

A second start takes up the same data, ports and keys. Other flags on old data are refused: use another --data.")]
pub struct DemoArgs {
    /// How many people the sandbox company has [default: 250]
    #[arg(long, value_name = "N", value_parser = people)]
    pub people: Option<usize>,
    /// Seed of the generated people [default: 1]
    #[arg(long, value_name = "S")]
    pub seed: Option<u64>,
    /// Address of the API [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR", value_parser = address)]
    pub listen: Option<SocketAddr>,
    /// Address of the sandbox vendor [default: 127.0.0.1:8090]
    #[arg(long, value_name = "ADDR", value_parser = address)]
    pub sandbox_listen: Option<SocketAddr>,
    /// Where the data lies
    #[command(flatten)]
    pub data: DataArg,
    /// Which description of the vendor the sandbox obeys [default: vendor]
    #[arg(long, value_name = "DIALECT")]
    pub dialect: Option<Dialect>,
}

/// Subcommands of `gangway migrate`.
#[derive(Debug, Subcommand)]
pub enum MigrateCommand {
    /// List migrations, and end with code 1 while some are pending
    Status,
}

/// Subcommands of `gangway tenant`.
#[derive(Debug, Subcommand)]
pub enum TenantCommand {
    /// Create a tenant and print its id
    Create {
        /// Display name, unique
        name: String,
        /// Zone in which the tenant's calendar dates are meant, like Europe/Berlin [default: UTC]
        #[arg(long, value_name = "ZONE")]
        time_zone: Option<String>,
        /// Where and which database
        #[command(flatten)]
        data: DataArg,
    },
    /// List tenants: id, name, state
    List {
        /// Where and which database
        #[command(flatten)]
        data: DataArg,
    },
}

/// Subcommands of `gangway key`.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Create a key and print it, once
    #[command(after_help = "\
Examples:
  gangway key create --operator --name onboarding
  gangway key create --tenant ten_0192… --expires 90d
  gangway key create --tenant ten_0192… --scope records:read --scope sensitive:read")]
    Create {
        /// For whom
        #[command(flatten)]
        owner: KeyOwner,
        /// Display name
        #[arg(long, value_name = "NAME", default_value = "command line")]
        name: String,
        /// When it ends: a time (2027-01-31T00:00:00Z), a day (2027-01-31) or a span (90d, 12h)
        #[arg(long, value_name = "WHEN")]
        expires: Option<String>,
        /// What it may do, once per scope [default: everything of its kind but sensitive:read]
        #[arg(long = "scope", value_name = "SCOPE", value_parser = scope)]
        scopes: Vec<Scope>,
        /// Where and which database
        #[command(flatten)]
        data: DataArg,
    },
    /// List keys: id, name, state; never the key itself
    List {
        /// Whose
        #[command(flatten)]
        owner: KeyOwner,
        /// Where and which database
        #[command(flatten)]
        data: DataArg,
    },
    /// Wrap every tenant's data keys anew under the current master key, also beside a running process
    #[command(after_help = "\
Examples:
  gangway key rewrap --dry-run
  gangway key rewrap

Restart the running processes first, with the new key as GANGWAY_MASTER_KEY and the old one as GANGWAY_MASTER_KEY_PREVIOUS. It may be
interrupted at any time and run again. `gangway doctor` says when the old key is not needed any more.")]
    Rewrap {
        /// Change nothing; only open every data key, and count
        #[arg(long)]
        dry_run: bool,
        /// Where and which database
        #[command(flatten)]
        data: DataArg,
    },
    /// Revoke a key; it stops working within a second
    Revoke {
        /// The key's id (key_…)
        id: String,
        /// Whose
        #[command(flatten)]
        owner: KeyOwner,
        /// Where and which database
        #[command(flatten)]
        data: DataArg,
    },
}

/// Subcommands of `gangway audit`.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Print a log: place, time, entry, who, did what, to which object
    List {
        /// Whose
        #[command(flatten)]
        owner: KeyOwner,
        /// Where and which database
        #[command(flatten)]
        data: DataArg,
    },
    /// Compute the chains of all logs anew, name the first link of each that does not hold, and end with code 1 if there is one
    Verify {
        /// Where and which database
        #[command(flatten)]
        data: DataArg,
    },
}

/// Whose it is.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = false)]
pub struct KeyOwner {
    /// The operator's
    #[arg(long)]
    pub operator: bool,
    /// A tenant's, by id (ten_…)
    #[arg(long, value_name = "ID")]
    pub tenant: Option<String>,
}

/// Subcommands of `gangway config`.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print the effective settings, secrets left out, and every mistake
    Check {
        /// Where and which database
        #[command(flatten)]
        data: DataArg,
    },
}

impl Command {
    /// The data folder named on the command line.
    pub fn data_folder(&self) -> Option<&PathBuf> {
        let data = match self {
            Self::Serve { data, .. }
            | Self::Api { data, .. }
            | Self::Worker { data }
            | Self::Migrate { data, .. }
            | Self::Doctor { data }
            | Self::Demo(DemoArgs { data, .. })
            | Self::Tenant { command: TenantCommand::Create { data, .. } | TenantCommand::List { data } }
            | Self::Key {
                command:
                    KeyCommand::Create { data, .. }
                    | KeyCommand::List { data, .. }
                    | KeyCommand::Rewrap { data, .. }
                    | KeyCommand::Revoke { data, .. },
            }
            | Self::Audit { command: AuditCommand::List { data, .. } | AuditCommand::Verify { data } }
            | Self::Config { command: ConfigCommand::Check { data } } => data,
            Self::Sandbox { .. } | Self::Openapi => return None,
        };
        data.folder.as_ref()
    }
}

/// People of a generated company at most: they are all kept in memory, in some 23 KB each.
const MOST_PEOPLE: usize = 500_000;

/// A demo without people would have nothing to show.
fn people(text: &str) -> Result<usize, String> {
    match company(text)? {
        0 => Err("the company needs one person at least".to_owned()),
        people => Ok(people),
    }
}

/// The sandbox alone may be empty.
fn company(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(people) if people <= MOST_PEOPLE => Ok(people),
        Ok(_) => Err(format!("the company has {MOST_PEOPLE} people at most, which take 12 GB of memory")),
        Err(_) => Err("write a number".to_owned()),
    }
}

/// Names are not looked up: what they lead to may change between two starts, and with it who can reach us.
fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| match text.strip_prefix("localhost:") {
        Some(port) => format!("write localhost as an IP address: 127.0.0.1:{port}"),
        None => "write an IP address and a port, like 127.0.0.1:8080".to_owned(),
    })
}

fn scope(text: &str) -> Result<Scope, String> {
    Scope::parse(text).ok_or_else(|| {
        let known: Vec<_> = Scope::ALL.into_iter().map(Scope::as_str).collect();
        format!("the scopes are {}", known.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_holds() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_key_needs_exactly_one_owner() {
        assert!(Cli::try_parse_from(["gangway", "key", "create"]).is_err());
        assert!(Cli::try_parse_from(["gangway", "key", "create", "--operator", "--tenant", "ten_1"]).is_err());
        assert!(Cli::try_parse_from(["gangway", "key", "create", "--operator"]).is_ok());
    }

    #[test]
    fn an_address_by_name_is_refused_with_what_to_write() {
        for (command, flag) in [
            ("serve", "--listen"),
            ("demo", "--listen"),
            ("demo", "--sandbox-listen"),
            ("sandbox personio", "--listen"),
        ] {
            let parse = |address: &'static str| {
                let words = ["gangway"].into_iter().chain(command.split(' ')).chain([flag, address]);
                Cli::try_parse_from(words).map_err(|error| error.to_string())
            };
            assert!(parse("127.0.0.1:8080").is_ok() && parse("[::1]:8080").is_ok(), "{command} {flag}");
            for (wrong, expected) in [
                ("localhost:8081", "write localhost as an IP address: 127.0.0.1:8081"),
                ("api.internal:80", "write an IP address and a port, like 127.0.0.1:8080"),
                ("8080", "write an IP address and a port"),
            ] {
                let error = parse(wrong).unwrap_err();
                assert!(error.contains(expected), "{command} {flag} {wrong}: {error}");
            }
        }
    }

    #[test]
    fn the_settings_file_may_be_named_before_and_after_the_command() {
        for call in ["--config g.toml serve", "serve --config g.toml", "migrate status --config g.toml"] {
            let cli = Cli::try_parse_from(["gangway"].into_iter().chain(call.split(' '))).unwrap();
            assert_eq!(cli.config.as_deref(), Some(std::path::Path::new("g.toml")), "{call}");
        }
    }

    #[test]
    fn a_tenants_zone_is_left_to_the_use_case_that_the_api_has_too() {
        let cli = Cli::try_parse_from(["gangway", "tenant", "create", "Acme"]).unwrap();
        let Command::Tenant { command: TenantCommand::Create { time_zone, .. } } = cli.command else {
            panic!("parsed as another command")
        };
        assert_eq!(time_zone, None);
    }

    #[test]
    fn the_pinned_flags_of_demo_parse() {
        let cli = Cli::try_parse_from([
            "gangway",
            "--config",
            "g.toml",
            "demo",
            "--people",
            "9",
            "--seed",
            "2",
            "--listen",
            "127.0.0.1:1",
            "--sandbox-listen",
            "127.0.0.1:2",
            "--data",
            "d",
            "--dialect",
            "guide",
        ])
        .unwrap();
        let Command::Demo(flags) = cli.command else { panic!("parsed as another command") };
        assert_eq!((flags.people, flags.seed, flags.dialect), (Some(9), Some(2), Some(Dialect::Guide)));
    }
}
