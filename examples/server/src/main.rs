//! The ready-made Connect server: one command, no second service.

mod audit;
mod check;
mod deliveries;
mod demo;
mod dev_mail;
mod heads;
mod moving;
mod parts;
mod run;
mod secret;
mod settings;

use std::path::PathBuf;
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
        .subcommand(
            Command::new("audit").about("The journal as evidence").subcommand_required(true).subcommand(
                Command::new("verify")
                    .about("Checks the seals on the journal, and says where it was altered")
                    .arg(
                        Arg::new("workspace")
                            .long("workspace")
                            .value_name("WORKSPACE")
                            .help("Only this one, by id or slug"),
                    )
                    .arg(
                        Arg::new("heads")
                            .long("heads")
                            .value_name("FILE")
                            .value_parser(clap::value_parser!(PathBuf))
                            .help("Lines that this command printed before: each journal must still have its heads"),
                    ),
            ),
        )
        .subcommand(
            Command::new("deliveries")
                .about("What waits to be sent, or was given up")
                .subcommand_required(true)
                .subcommand(choosing(Command::new("list").about("Prints deliveries, newest first, a line each")))
                .subcommand(
                    choosing(Command::new("retry").about("Queues again what was given up or dropped")).arg(all()),
                )
                .subcommand(choosing(Command::new("drop").about("Drops what waits or was given up")).arg(all())),
        )
        .subcommand(Command::new("vapid-key").about("Prints a new key for messages to browsers"))
        .subcommand(
            Command::new("export")
                .about("Writes a workspace as JSON lines; goes on where an interrupted one ended")
                .arg(Arg::new("workspace").required(true).value_name("WORKSPACE").help("Its id or slug"))
                .arg(file_argument("The file to write; without it the standard output")),
        )
        .subcommand(
            Command::new("import")
                .about("Reads a workspace that was exported; may be repeated after an interruption")
                .arg(file_argument("The file to read; without it the standard input")),
        )
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

/// The arguments that choose deliveries.
fn choosing(command: Command) -> Command {
    let text = |name: &'static str, help: &'static str| Arg::new(name).long(name).value_name("VALUE").help(help);
    command
        .arg(text("workspace", "Only of this workspace, by id or slug; directory for what belongs to none"))
        .arg(text("channel", "Only over this channel, such as mail or webhook"))
        .arg(text("state", "Only in this state: queued, sent, failed or dropped"))
        .arg(Arg::new("id").num_args(0..).value_name("ID").help("Only these"))
}

fn all() -> Arg {
    Arg::new("all").long("all").action(ArgAction::SetTrue).help("All there are")
}

fn file_argument(help: &'static str) -> Arg {
    Arg::new("file").long("file").value_name("FILE").value_parser(clap::value_parser!(PathBuf)).help(help)
}

fn main() -> ExitCode {
    // Several libraries here can speak TLS; they use the one provider of the process. It is set once.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let matches = command().get_matches();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("connect-server: no runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    // Of several subcommands' worth of arguments the innermost count; global ones are copied down by clap.
    let mut innermost = &matches;
    while let Some((_, inner)) = innermost.subcommand() {
        innermost = inner;
    }
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
            Some(("vapid-key", _)) => check::vapid_key(),
            Some(("migrate", inner)) => run::migrate(&settings, inner.get_flag("print")).await,
            Some(("audit", _)) => {
                let workspace = innermost.get_one::<String>("workspace").map(String::as_str);
                audit::verify(&settings, workspace, innermost.get_one::<PathBuf>("heads").map(PathBuf::as_path)).await
            }
            Some(("deliveries", inner)) => {
                let deed = match inner.subcommand_name() {
                    Some("retry") => deliveries::Deed::Retry,
                    Some("drop") => deliveries::Deed::Drop,
                    _ => deliveries::Deed::List,
                };
                deliveries::run(&settings, deed, deliveries::chosen(innermost)?).await
            }
            Some(("export", inner)) => {
                let workspace = inner.get_one::<String>("workspace").map_or("", String::as_str);
                moving::export(&settings, workspace, inner.get_one::<PathBuf>("file").map(PathBuf::as_path)).await
            }
            Some(("import", inner)) => {
                moving::import(&settings, inner.get_one::<PathBuf>("file").map(PathBuf::as_path)).await
            }
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
