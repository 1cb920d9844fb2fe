//! Development commands of Connect: `cargo xtask test`, `cargo xtask load`.

mod load;
mod services;
mod test;
mod tools;

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
        Command::Load { options } => load::run(&options),
    }
}
