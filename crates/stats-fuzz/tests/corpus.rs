//! Runs the inputs that fuzzers found, and mutations of them.

use std::collections::BTreeSet;
use std::fs;
use std::panic;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use stats_fuzz::{TARGETS, Target};

/// How long each target gets mutated inputs. With all targets on two cores that is some seconds.
const TIME: Duration = Duration::from_secs(1);
const MAX_LENGTH: usize = 4096;
/// Limits of the corpus of a target.
const MAX_FILES: usize = 120;
const MAX_BYTES: usize = 200 << 10;

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

fn names(directory: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(directory).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.collect()
}

/// The inputs of a target, ordered by name.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let directory = fuzz().join("corpus").join(target);
    let names = names(&directory).into_iter();
    names
        .map(|name| {
            let content = fs::read(directory.join(&name)).unwrap();
            (name, content)
        })
        .collect()
}

/// Runs an input. If it fails, tells how to run it again.
fn run(target: &str, check: Target, origin: &str, input: &[u8]) {
    if let Err(cause) = panic::catch_unwind(|| check(input)) {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{target}.input"));
        fs::write(&path, input).unwrap();
        eprintln!(
            "{target} fails with {origin}. To keep the input for all later runs:\n  cp {} {}",
            path.display(),
            fuzz().join("corpus").join(target).join("NAME").display()
        );
        panic::resume_unwind(cause);
    }
}

/// A changed input: with other bytes, without some, or with a piece of another input or of the dictionary.
fn mutate(random: &mut StdRng, input: &[u8], pieces: &[&[u8]]) -> Vec<u8> {
    let mut input = input.to_vec();
    for _ in 0..random.random_range(1..5) {
        let start = random.random_range(0..=input.len());
        let end = (start + random.random_range(0..16)).min(input.len());
        match random.random_range(0..5) {
            0 => input[start..end].fill(random.random()),
            1 => drop(input.drain(start..end)),
            2 => {
                let piece = input[start..end].to_vec();
                input.splice(start..start, piece);
            }
            3 => {
                let characters = b"{}[]\",:\\/@%=&?#.-+0189aeu \n\0\xFF";
                input.insert(start, *characters.choose(random).unwrap());
            }
            _ => {
                let piece = pieces.choose(random).unwrap();
                let from = random.random_range(0..=piece.len());
                let to = random.random_range(from..=piece.len());
                input.splice(start..end, piece[from..to].iter().copied());
            }
        }
    }
    input.truncate(MAX_LENGTH);
    input
}

/// Runs the corpus of a target, then mutations of it from a fixed seed.
fn check(target: &str) {
    const SEED: u64 = 1;
    let (_, check) = TARGETS
        .into_iter()
        .find(|(name, _)| *name == target)
        .unwrap();
    let corpus = corpus(target);
    for (name, input) in &corpus {
        run(target, check, name, input);
    }
    let pieces: Vec<_> = corpus.iter().map(|(_, input)| input.as_slice()).collect();
    let mut random = StdRng::seed_from_u64(SEED);
    let started = Instant::now();
    let mut mutations = 0;
    while started.elapsed() < TIME {
        let input = pieces.choose(&mut random).unwrap();
        let input = mutate(&mut random, input, &pieces);
        run(
            target,
            check,
            &format!("mutation {mutations} of seed {SEED}"),
            &input,
        );
        mutations += 1;
    }
    println!("{target}: {} files, {mutations} mutations", corpus.len());
}

macro_rules! targets {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                check(stringify!($name));
            }
        )*

        const TESTED: &[&str] = &[$(stringify!($name)),*];
    };
}

targets! { arguments csv database_url documents headers mask partials payload settings }

#[test]
fn each_target_has_a_test_a_fuzzer_and_a_small_corpus() {
    let targets: BTreeSet<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(
        targets,
        TESTED.iter().map(|name| (*name).to_owned()).collect()
    );
    assert_eq!(targets, names(&fuzz().join("corpus")));
    let fuzzers: BTreeSet<_> = targets.iter().map(|name| format!("{name}.rs")).collect();
    assert_eq!(fuzzers, names(&fuzz().join("fuzz_targets")));
    let manifest = fs::read_to_string(fuzz().join("Cargo.toml")).unwrap();
    for target in &targets {
        let source = fs::read_to_string(fuzz().join(format!("fuzz_targets/{target}.rs"))).unwrap();
        assert!(
            source.contains(&format!("stats_fuzz::{target}(data)")),
            "{target}"
        );
        assert!(
            manifest.contains(&format!("name = \"{target}\"")),
            "{target}"
        );
        let corpus = corpus(target);
        let bytes: usize = corpus.iter().map(|(_, input)| input.len()).sum();
        assert!(
            (1..=MAX_FILES).contains(&corpus.len()),
            "{target}: {} files",
            corpus.len()
        );
        assert!(bytes <= MAX_BYTES, "{target}: {bytes} bytes");
    }
}
