//! Development commands of Connect: `cargo xtask test`, `cargo xtask load`, and more.

mod crash;
mod fuzz;
mod load;
mod mutants;
mod security;
mod test;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "Development commands of Connect")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs every test of the project; installs or names what they need, starts throwaway servers, stops them.
    Test,
    /// Plants faults in the storage adapters, and proves that the conformance kit catches each.
    Mutants(mutants::Options),
    /// Kills the server again and again under load, and looks for everything that was acknowledged, at every end.
    Crash(crash::Options),
    /// Tries everything that reads from outside with anything at all, for a while each.
    Fuzz {
        /// Further options, such as `--seconds 600 query`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
    /// Writes the table of requirements and tests into docs/security.md.
    Security,
    /// Measures the release server beside a bare one and prints a table.
    Load {
        /// Further options of the harness, such as `--rounds 3 --seconds 2`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Test => test::run(),
        Command::Mutants(options) => mutants::run(&options),
        Command::Crash(options) => crash::run(&options),
        Command::Fuzz { options } => fuzz::run(&options),
        Command::Security => security::run(),
        Command::Load { options } => load::run(&options),
    }
}
