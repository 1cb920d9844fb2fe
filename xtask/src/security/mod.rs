//! `cargo xtask security`: the table of requirements and tests in `docs/security.md`, made of a list and of the
//! sources.

mod requirements;
mod scan;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, bail};

use requirements::{REQUIREMENTS, Requirement};
use scan::Found;

const PAGE: &str = "docs/security.md";
const BEGIN: &str = "<!-- The table is written by `cargo xtask security`. -->\n";
const END: &str = "<!-- Here it ends. -->\n";

/// Writes the table into the page, unless something is wrong with what it would say.
pub(crate) fn run() -> anyhow::Result<()> {
    let root = root()?;
    let sources = scan::sources(root)?;
    let found = scan::tests(&sources);
    let mut faults = faults(REQUIREMENTS, &found);
    faults
        .extend(scan::unnamed(&sources).iter().map(|file| format!("{file} is compiled with nothing: no mod names it")));
    if !faults.is_empty() {
        bail!("{}", faults.join("\n"));
    }
    let path = root.join(PAGE);
    let page = std::fs::read_to_string(&path).context(PAGE)?;
    std::fs::write(&path, with_table(&page, &table(REQUIREMENTS, &found))?).context(PAGE)?;
    println!("{PAGE}: {} requirements", REQUIREMENTS.len());
    Ok(())
}

fn root() -> anyhow::Result<&'static Path> {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask has no workspace")
}

/// The tests of a requirement, by file and name.
fn tests_of<'f>(requirement: &Requirement, found: &'f [Found]) -> Vec<&'f Found> {
    let holds =
        |test: &&Found| test.number() == Some(requirement.number) || requirement.also.contains(&test.name.as_str());
    found.iter().filter(holds).collect()
}

/// Everything that makes the table untrue.
fn faults(requirements: &[Requirement], found: &[Found]) -> Vec<String> {
    let mut faults = Vec::new();
    let numbers: Vec<u32> = requirements.iter().map(|requirement| requirement.number).collect();
    if !numbers.iter().copied().eq((1..).take(numbers.len())) {
        faults.push("the requirements are not numbered one by one".to_owned());
    }
    for requirement in requirements {
        let number = requirement.number;
        match (tests_of(requirement, found).is_empty(), requirement.open) {
            (true, None) => faults.push(format!("requirement {number} has neither a test nor a reason to be open")),
            (false, Some(_)) => faults.push(format!("requirement {number} has tests, and yet is said to be open")),
            _ => {}
        }
        for name in requirement.also.iter().filter(|name| found.iter().all(|test| test.name != **name)) {
            faults.push(format!("requirement {number} names the test {name}, which there is not"));
        }
    }
    for test in found.iter().filter(|test| test.number().is_some_and(|number| !numbers.contains(&number))) {
        faults.push(format!("{} in {} holds a requirement that there is not", test.name, test.file));
    }
    faults
}

fn table(requirements: &[Requirement], found: &[Found]) -> String {
    let mut table = String::from("| no. | level | what | test |\n|---|---|---|---|\n");
    for requirement in requirements {
        let tests = match requirement.open {
            Some(why) => format!("*open:* {why}"),
            None => links(&tests_of(requirement, found)),
        };
        // Text is written to a string, which does not fail.
        let _ = writeln!(table, "| {} | {} | {} | {tests} |", requirement.number, requirement.level, requirement.what);
    }
    table
}

/// The tests, file by file.
fn links(tests: &[&Found]) -> String {
    let files: BTreeSet<&str> = tests.iter().map(|test| test.file.as_str()).collect();
    let of_file = |file: &&str| {
        let names: Vec<String> =
            tests.iter().filter(|test| test.file == **file).map(|test| format!("`{}`", test.name)).collect();
        let shown = file.rsplit('/').next().unwrap_or(file);
        format!("{} ([{shown}](../{file}))", names.join(", "))
    };
    files.iter().map(of_file).collect::<Vec<_>>().join("; ")
}

/// The page with this table in the place of its own.
fn with_table(page: &str, table: &str) -> anyhow::Result<String> {
    let parts = page.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let (before, after) = parts.with_context(|| format!("{PAGE} has no place for the table"))?;
    Ok(format!("{before}{BEGIN}\n{table}\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_says_what_the_sources_do() {
        let root = root().expect("a workspace");
        let sources = scan::sources(root).expect("the sources");
        assert_eq!(scan::unnamed(&sources), Vec::<&str>::new(), "what is not compiled holds nothing");
        let found = scan::tests(&sources);
        assert_eq!(faults(REQUIREMENTS, &found), Vec::<String>::new());
        let page = std::fs::read_to_string(root.join(PAGE)).expect(PAGE);
        let made = with_table(&page, &table(REQUIREMENTS, &found)).expect("a place for the table");
        assert!(page == made, "{PAGE} is not up to date: run `cargo xtask security`");
    }

    #[test]
    fn what_is_untrue_is_told() {
        let of = |number, also, open| Requirement { number, level: 1, what: "w", also, open };
        let test = |name: &str| Found { file: "a/b.rs".to_owned(), name: name.to_owned() };
        let found = [test("sec_02_held"), test("sec_05_of_nothing"), test("another")];
        let requirements =
            [of(1, &[], None), of(2, &["another"], None), of(3, &["gone"], None), of(4, &["another"], Some("why"))];
        let told = faults(&requirements, &found);
        assert_eq!(told.len(), 5, "{told:?}");
        for (fault, part) in told.iter().zip(["1 has neither", "3 has neither", "gone", "4 has tests", "sec_05"]) {
            assert!(fault.contains(part), "{fault}");
        }
        assert_eq!(faults(&requirements[1..2], &found[..1])[0], "the requirements are not numbered one by one");
        let rows = table(&[of(1, &["another", "sec_02_held"], None), of(2, &[], Some("why"))], &found);
        assert!(
            rows.ends_with(
                "| 1 | 1 | w | `sec_02_held`, `another` ([b.rs](../a/b.rs)) |\n| 2 | 1 | w | *open:* why |\n"
            ),
            "{rows}"
        );
    }

    #[test]
    fn tests_are_told_from_other_functions() {
        let ignored = format!("#[test]\n{}]\nfn five() {{}}\n", scan::IGNORED);
        let source = "#[test]\nfn one() {}\nfn two() {}\n#[tokio::test(flavor = \"x\")]\n// Why.\nasync fn three<T>() {}\npub async fn four() {}\n";
        let source = format!("{ignored}{source}");
        assert_eq!(scan::in_source(&source, false), ["one", "three"], "a test that is ignored is none");
        assert_eq!(scan::in_source(&source, true), ["one", "three", "four"]);
    }

    #[test]
    fn a_file_that_no_module_names_is_told() {
        let source = |file: &str, text: &str| (file.to_owned(), text.to_owned());
        let sources = scan::Sources::from([
            source(
                "a/src/lib.rs",
                "pub mod one;\npub(crate) mod two;\n// mod three;\n#[path = \"odd_tests.rs\"]\nmod tests;\n",
            ),
            source("a/src/one.rs", "mod inner;\n"),
            source("a/src/one/inner.rs", ""),
            source("a/src/one/lost.rs", "#[test]\nfn never() {}\n"),
            source("a/src/two/mod.rs", ""),
            source("a/src/three.rs", ""),
            source("a/src/odd_tests.rs", ""),
            source("a/tests/alone.rs", "mod kit;\n"),
            source("a/tests/kit/mod.rs", ""),
            source("a/tests/http/main.rs", "mod one;\n"),
            source("a/tests/http/one.rs", ""),
            source("a/tests/http/two.rs", ""),
            source("a/src/bin/x/main.rs", ""),
        ]);
        assert_eq!(scan::unnamed(&sources), ["a/src/one/lost.rs", "a/src/three.rs", "a/tests/http/two.rs"]);
    }

    #[test]
    fn a_page_without_a_place_is_left_alone() {
        assert!(with_table("no marks", "t").is_err());
        let page = format!("a{BEGIN}old{END}z");
        assert_eq!(with_table(&page, "new").ok(), Some(format!("a{BEGIN}\nnew\n{END}z")));
    }
}
