//! `cargo xtask mutants`: faults are planted in the storage adapters, and the conformance kit must catch each.
//!
//! It tests the tests. A copy of the workspace gets one fault at a time, the kit runs on it, and at least
//! one case has to fail: the one that guards what the fault breaks. A fault that survives is a promise of
//! the ports that nobody checks.

mod faults;
mod kit;
#[cfg(test)]
mod list_tests;
mod tree;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, anyhow, bail};
use clap::ValueEnum;

use xtask::services::Services;
use xtask::tools;

use crate::test::cargo;
use kit::{Kit, Run};
use tree::Tree;

/// What a fault is planted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Adapter {
    /// What all adapters share: the judge of change sets, the rules of challenges and budgets.
    Shared,
    /// The store in memory.
    Memory,
    /// The store in one SQLite file.
    Sqlite,
    /// The store on a PostgreSQL server.
    Postgres,
    /// The limiter in memory.
    Limiter,
}

impl Adapter {
    const fn word(self) -> &'static str {
        match self {
            Self::Shared => "shared",
            Self::Memory => "memory",
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::Limiter => "limiter",
        }
    }

    /// The part of the kit that runs.
    const fn module(self) -> &'static str {
        match self {
            // Memory is the quickest, and no constraint of a database stands behind the rules there.
            Self::Shared | Self::Memory => "memory::",
            Self::Sqlite => "sqlite::",
            Self::Postgres => "postgres::",
            Self::Limiter => "in_process::limiter::",
        }
    }
}

/// A mistake that somebody could make, as a change of source text.
#[derive(Debug)]
pub(crate) struct Fault {
    /// What is wrong, in words.
    name: &'static str,
    /// Where, from the root of the workspace.
    file: &'static str,
    /// The text that stands there, exactly once.
    find: &'static str,
    /// The text that stands there instead.
    replace: &'static str,
    /// A part of the name of the case that must fail.
    caught_by: &'static str,
    /// Whose part of the kit runs.
    adapter: Adapter,
}

impl Fault {
    /// The text of the file with the fault in it.
    fn plant(&self, text: &str) -> anyhow::Result<String> {
        let count = text.matches(self.find).count();
        if count != 1 {
            bail!("the list is stale: what `{}` replaces stands {count} times in {}", self.title(), self.file);
        }
        Ok(text.replacen(self.find, self.replace, 1))
    }

    /// Whether it is in a statement: those are planted while the program runs, so that it is built once for
    /// all of them.
    fn is_statement(&self) -> bool {
        // One that names the statement has to be planted where the name stands.
        ["sqlite/sql.rs", "postgres/sql.rs"].iter().any(|file| self.file.ends_with(file)) && !self.find.contains('"')
    }

    fn title(&self) -> String {
        format!("{}: {}", self.adapter.word(), self.name)
    }
}

/// Which faults are planted, and how.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Only faults whose name contains this.
    #[arg(long)]
    only: Option<String>,
    /// How many are tried at once, each in a copy of its own.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// Only faults of this adapter.
    #[arg(long)]
    adapter: Option<Adapter>,
    /// All faults in statements, and of those that have to be compiled every tenth.
    #[arg(long)]
    pub(crate) quick: bool,
}

impl Options {
    /// What `cargo xtask test` tries.
    pub(crate) const QUICK: Self = Self { only: None, jobs: 1, adapter: None, quick: true };
}

/// What became of a fault.
enum Outcome {
    Caught {
        first: String,
        more: usize,
    },
    Hangs,
    Survived,
    /// Cases fail, but not the one that should.
    FailsElsewhere {
        first: String,
    },
    /// The list is wrong: the text with the fault is no program.
    DoesNotBuild {
        errors: String,
    },
}

impl Outcome {
    const fn is_caught(&self) -> bool {
        matches!(self, Self::Caught { .. } | Self::Hangs)
    }

    fn line(&self, fault: &Fault) -> String {
        let title = fault.title();
        match self {
            Self::Caught { first, more: 0 } => format!("caught    {title}  ({first})"),
            Self::Caught { first, more } => format!("caught    {title}  ({first} and {more} more)"),
            Self::Hangs => format!("caught    {title}  (hangs)"),
            Self::Survived => format!("SURVIVED  {title}  (no case fails, {} should)", fault.caught_by),
            Self::FailsElsewhere { first } => {
                format!("SURVIVED  {title}  ({first} fails, but not {})", fault.caught_by)
            }
            Self::DoesNotBuild { errors } => format!("NO BUILD  {title}\n{errors}"),
        }
    }
}

/// Plants every fault that is asked for; fails if one survives.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let root = root()?;
    for fault in faults::all() {
        fault.plant(&text_of(root, fault)?)?;
    }
    let is_meant = |fault: &&Fault| {
        options.adapter.is_none_or(|adapter| fault.adapter == adapter)
            && options.only.as_ref().is_none_or(|only| fault.title().contains(only.as_str()))
    };
    let mut compiled = 0_usize;
    let is_quick = |fault: &&Fault| {
        compiled += usize::from(!fault.is_statement());
        !options.quick || fault.is_statement() || compiled.is_multiple_of(10)
    };
    let selected: Vec<&Fault> = faults::all().filter(is_meant).filter(is_quick).collect();
    if selected.is_empty() {
        bail!("no fault fits");
    }
    let has_postgres = selected.iter().any(|fault| fault.adapter == Adapter::Postgres);
    if has_postgres {
        tools::ensure()?;
    }
    // Servers only if a fault needs one; they stop when this value goes.
    let services = has_postgres.then(Services::start).transpose()?;
    let environment = services.as_ref().map_or_else(Vec::new, |services| services.environment.clone());
    let features = if has_postgres { "sqlite,postgres,conformance" } else { "sqlite,conformance" };
    let place = Place { root, target: target()?.join("mutants"), features, environment };

    let outcomes = try_all(&place, &selected, options.jobs)?;
    let caught = outcomes.iter().filter(|(_, outcome)| outcome.is_caught()).count();
    println!("== {caught} of {} caught", selected.len());
    for (fault, outcome) in outcomes.iter().filter(|(_, outcome)| !outcome.is_caught()) {
        println!("{}", outcome.line(fault));
    }
    if caught == selected.len() {
        Ok(())
    } else {
        bail!("{} of {} were not caught", selected.len() - caught, selected.len())
    }
}

/// What all jobs share.
struct Place<'a> {
    root: &'a Path,
    target: PathBuf,
    features: &'static str,
    environment: Vec<(&'static str, String)>,
}

type Tried<'a> = Vec<(&'a Fault, Outcome)>;

fn try_all<'a>(place: &Place, faults: &[&'a Fault], jobs: usize) -> anyhow::Result<Tried<'a>> {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let next = &next;
        let jobs: Vec<_> = (0..jobs.clamp(1, faults.len()))
            .map(|job| {
                scope.spawn(move || {
                    let tried = work(place, faults, job, next).with_context(|| format!("job {job}"));
                    if tried.is_err() {
                        // The others need not go on.
                        next.store(faults.len(), Ordering::SeqCst);
                    }
                    tried
                })
            })
            .collect();
        let mut tried = Vec::new();
        for job in jobs {
            tried.extend(job.join().unwrap_or_else(|_| Err(anyhow!("a job panicked")))?);
        }
        Ok(tried)
    })
}

/// One job: takes the next fault of the list until none is left.
fn work<'a>(place: &Place, faults: &[&'a Fault], job: usize, next: &AtomicUsize) -> anyhow::Result<Tried<'a>> {
    let folder = place.target.join(job.to_string());
    let tree = Tree::copy(place.root, &folder.join("tree"))?;
    let kit = Kit::new(&tree, &folder, place.features, &place.environment)?;
    let program = sound(&kit, faults, job)?;
    let mut tried = Vec::new();
    while let Some(fault) = faults.get(next.fetch_add(1, Ordering::SeqCst)) {
        let outcome = if fault.is_statement() {
            outcome(&kit, &program, fault)
        } else {
            let original = tree.read(fault.file)?;
            tree.write(fault.file, &fault.plant(&original)?)?;
            let outcome = match kit.build()? {
                Ok(program) => outcome(&kit, &program, fault),
                Err(errors) => Ok(Outcome::DoesNotBuild { errors }),
            };
            tree.write(fault.file, &original)?;
            outcome
        };
        let outcome = outcome.with_context(|| fault.title())?;
        println!("{}", outcome.line(fault));
        tried.push((*fault, outcome));
    }
    Ok(tried)
}

/// Without a fault everything must pass: else a failing case would prove nothing.
fn sound(kit: &Kit, faults: &[&Fault], job: usize) -> anyhow::Result<PathBuf> {
    println!("== job {job} builds the kit and runs it without a fault");
    let built = kit.build()?.map_err(|errors| anyhow!("the kit does not build:\n{errors}"))?;
    // A copy that later builds do not write over: the faults in statements are planted in it.
    let program = built.with_extension("sound");
    std::fs::copy(&built, &program)?;
    let mut modules: Vec<&str> = faults.iter().map(|fault| fault.adapter.module()).collect();
    modules.sort_unstable();
    modules.dedup();
    // One by one: what is meant as the time of one adapter's cases is not shared by those of all.
    for module in modules {
        match kit.run(&program, &[module], None)? {
            Run::Passes => {}
            Run::Fails(cases) => bail!("the kit fails without a fault: {}", cases.join(", ")),
            Run::Hangs => bail!("the kit hangs without a fault in {module}"),
        }
    }
    Ok(program)
}

fn outcome(kit: &Kit, program: &Path, fault: &Fault) -> anyhow::Result<Outcome> {
    let module = fault.adapter.module();
    let planted = fault.is_statement().then_some(fault);
    // The case that should fail goes first; only if it passes are all others worth their time.
    let expected = format!("{module}{}", fault.caught_by);
    let mut run = kit.run(program, &[&expected], planted)?;
    if matches!(run, Run::Passes) {
        run = kit.run(program, &[module], planted)?;
    }
    Ok(match run {
        Run::Passes => Outcome::Survived,
        Run::Hangs => Outcome::Hangs,
        Run::Fails(cases) => {
            let short = |case: &String| case.strip_prefix(module).unwrap_or(case).to_owned();
            match cases.iter().find(|case| case.contains(fault.caught_by)) {
                Some(case) => Outcome::Caught { first: short(case), more: cases.len() - 1 },
                // A program that was aborted names no case.
                None => Outcome::FailsElsewhere { first: cases.first().map_or("the program".to_owned(), short) },
            }
        }
    })
}

fn root() -> anyhow::Result<&'static Path> {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask has no workspace")
}

fn text_of(root: &Path, fault: &Fault) -> anyhow::Result<String> {
    let path = root.join(fault.file);
    std::fs::read_to_string(&path).with_context(|| format!("{}: {}", fault.title(), path.display()))
}

/// Where Cargo puts what it builds.
fn target() -> anyhow::Result<PathBuf> {
    let metadata = cargo().args(["metadata", "--format-version=1", "--no-deps"]).output()?;
    let text = String::from_utf8_lossy(&metadata.stdout).into_owned();
    let folder = text.split("\"target_directory\":\"").nth(1).and_then(|rest| rest.split('"').next());
    folder.map(PathBuf::from).context("cargo metadata names no target directory")
}
