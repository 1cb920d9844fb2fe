//! The corpus, played once: what was found stays mended.

use connect_fuzz::{TARGETS, corpus, mutate};

#[test]
fn every_input_of_the_corpus_keeps_its_promises() {
    for target in TARGETS {
        let inputs = corpus::inputs(target.name).expect("a folder of its own");
        assert!(inputs.len() >= 5, "{} has a few inputs", target.name);
        for (path, input) in inputs {
            println!("{}", path.display());
            (target.play)(&input);
        }
    }
}

#[test]
fn a_few_thousand_inputs_made_of_it_do_so_too() {
    for target in TARGETS {
        let pool: Vec<Vec<u8>> = corpus::inputs(target.name).expect("inputs").into_iter().map(|(_, i)| i).collect();
        let mut dice = mutate::Dice::new(7);
        for _ in 0..2000 {
            (target.play)(&mutate::another(&pool, target.words, &mut dice));
        }
    }
}

#[test]
fn the_corpus_reaches_what_is_good_and_what_is_not() {
    for target in TARGETS {
        let inputs = corpus::inputs(target.name).expect("inputs");
        let outcomes: std::collections::BTreeSet<u64> = inputs.iter().map(|(_, input)| (target.play)(input)).collect();
        assert!(outcomes.len() >= 3, "{}: {} outcomes", target.name, outcomes.len());
    }
}
