//! Flags of the sandbox.

use std::net::SocketAddr;

use clap::{Args, Subcommand, ValueEnum};
use gangway_egress::Origin;

use super::{address, company};

/// Vendors that can be emulated.
#[derive(Debug, Subcommand)]
pub enum SandboxCommand {
    /// Personio's API, versions 1 and 2
    #[command(after_help = "\
Examples:
  gangway sandbox personio
  gangway sandbox personio --people 20000 --seed 3 --no-rate-limit
  gangway sandbox personio --dialect guide --company 'Blue Harbour'
  gangway sandbox personio --webhook-speed 1000 --webhook-origin https://hooks.example.org")]
    Personio(PersonioArgs),
}

/// Flags of `gangway sandbox personio`.
#[derive(Debug, Args)]
pub struct PersonioArgs {
    /// Address to listen on
    #[arg(long, value_name = "ADDR", value_parser = address, default_value = "127.0.0.1:8090")]
    pub listen: SocketAddr,
    /// How many people the company has
    #[arg(long, value_name = "N", value_parser = company, default_value_t = 250)]
    pub people: usize,
    /// Seed of the generated people
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// The company's name; ids and credentials derive from it and the seed
    #[arg(long, value_name = "NAME", default_value = "Acme")]
    pub company: String,
    /// Which description of the vendor is obeyed
    #[arg(long, value_enum, value_name = "DIALECT", default_value_t = Dialect::Vendor)]
    pub dialect: Dialect,
    /// Refuse nobody for asking too often
    #[arg(long)]
    pub no_rate_limit: bool,
    /// Divide the waits between attempts to send a webhook, which last up to 40 hours, by this
    #[arg(long, value_name = "FACTOR", value_parser = clap::value_parser!(u32).range(1..=1_000_000), default_value_t = 1)]
    pub webhook_speed: u32,
    /// Send webhooks to this origin too, beside this machine; may be given several times
    #[arg(long, value_name = "ORIGIN", value_parser = clap::value_parser!(Origin))]
    pub webhook_origin: Vec<Origin>,
}

/// Descriptions of the vendor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Dialect {
    /// The vendor's official bodies, limits and oddities
    Vendor,
    /// What a widespread third-party guide says
    Guide,
}

impl From<Dialect> for gangway_sandbox::Dialect {
    fn from(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Vendor => Self::Vendor,
            Dialect::Guide => Self::Guide,
        }
    }
}
