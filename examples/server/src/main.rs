//! The ready-made Connect server: one command, no second service.

mod check;
mod demo;
mod dev_mail;
mod parts;
mod run;
mod secret;
mod settings;

use std::process::ExitCode;

use clap::{Arg, ArgAction, Command};

use settings::{OPTIONS, Settings};

fn command() -> Command {
    let mut command = Command::new("connect-server")
        .version(env!("CARGO_PKG_VERSION"))
        .about("A support desk: tickets, conversations, sign-in by e-mail, in one process with one SQLite file.")
        .arg_required_else_help(false)
        .subcommand(Command::new("check").about("Checks settings, database, mail and storage, and says what is wrong"))
        .subcommand(Command::new("migrate").about("Brings the database up to date and ends").arg(
            Arg::new("print").long("print").action(ArgAction::SetTrue).help("Prints the SQL instead of running it"),
        ))
        .arg(
            Arg::new("demo")
                .long("demo")
                .action(ArgAction::SetTrue)
                .help("Fills an empty desk with believable people and tickets"),
        )
        .arg(
            Arg::new("config")
                .long("config")
                .global(true)
                .value_name("FILE")
                .help("A TOML file with settings; its names are those of the options, with _ for -"),
        );
    for option in OPTIONS {
        let default = option.default.map(|default| format!(" [default: {default}]")).unwrap_or_default();
        let argument = Arg::new(option.name)
            .long(option.name.replace('_', "-"))
            .global(true)
            .value_name("VALUE")
            .help(format!("{} [env: {}]{default}", option.help, option.env()));
        command = command.arg(argument);
    }
    command
}

fn main() -> ExitCode {
    let matches = command().get_matches();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("connect-server: no runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    // Of several subcommands' worth of arguments the innermost count; global ones are copied down by clap.
    let innermost = matches.subcommand().map_or(&matches, |(_, inner)| inner);
    let settings = match Settings::load(innermost) {
        Ok(settings) => settings,
        Err(errors) => {
            for error in errors {
                eprintln!("connect-server: {error}");
            }
            return ExitCode::from(2);
        }
    };
    let outcome = runtime.block_on(async {
        match matches.subcommand() {
            Some(("check", _)) => check::check(&settings).await,
            Some(("migrate", inner)) => run::migrate(&settings, inner.get_flag("print")).await,
            _ => run::run(&settings, matches.get_flag("demo")).await,
        }
    });
    // Tasks that still hold on to something must not keep a process that has said it is done.
    runtime.shutdown_timeout(std::time::Duration::from_secs(5));
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("connect-server: {error:#}");
            ExitCode::FAILURE
        }
    }
}
