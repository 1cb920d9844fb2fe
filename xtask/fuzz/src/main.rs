//! Plays what it makes of the corpus through each target, for a while. An input that breaks a promise is kept in
//! the corpus, where the tests find it from then on.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Parser;
use connect_fuzz::mutate::{Dice, another};
use connect_fuzz::{TARGETS, Target, corpus};

/// Most inputs to go on from.
const POOL: usize = 5000;

#[derive(Parser)]
#[command(about = "Tries everything that reads from outside with anything at all")]
struct Arguments {
    /// For how long each target is tried.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Where the dice begin; the same seed makes the same inputs.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only these targets.
    targets: Vec<String>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if let Some(unknown) = arguments.targets.iter().find(|name| TARGETS.iter().all(|target| target.name != **name)) {
        bail!("there is no target {unknown}");
    }
    let is_asked =
        |target: &&Target| arguments.targets.is_empty() || arguments.targets.iter().any(|name| *name == target.name);
    let mut broken = 0;
    for target in TARGETS.iter().filter(is_asked) {
        broken += usize::from(!play(target, Duration::from_secs(arguments.seconds), arguments.seed)?);
    }
    if broken == 0 { Ok(()) } else { bail!("{broken} of the targets broke a promise") }
}

/// Whether a target kept its promises.
fn play(target: &Target, time: Duration, seed: u64) -> anyhow::Result<bool> {
    let mut pool: Vec<Vec<u8>> = corpus::inputs(target.name)?.into_iter().map(|(_, bytes)| bytes).collect();
    let (mut seen, mut dice, mut runs) = (HashSet::new(), Dice::new(seed), 0_u64);
    let start = Instant::now();
    while start.elapsed() < time {
        let input = another(&pool, target.words, &mut dice);
        runs += 1;
        match catch_unwind(AssertUnwindSafe(|| (target.play)(&input))) {
            Ok(outcome) => {
                if seen.insert(outcome) && pool.len() < POOL {
                    pool.push(input);
                }
            }
            Err(_) => {
                let path = corpus::folder(target.name).join(format!("found-{seed}-{runs}"));
                std::fs::write(&path, &input).with_context(|| path.display().to_string())?;
                println!("{}: broken by input {runs}, kept as {}", target.name, path.display());
                return Ok(false);
            }
        }
    }
    println!("{}: {runs} inputs in {} s, {} outcomes, clean", target.name, start.elapsed().as_secs(), seen.len());
    Ok(true)
}
