//! The list of faults against the sources it is about.

use std::collections::BTreeSet;

use super::{faults, kit, root, text_of, tree};

#[test]
fn each_fault_fits_its_file() {
    let root = root().expect("a workspace");
    for fault in faults::all() {
        let text = text_of(root, fault).expect("the file is there");
        let planted = fault.plant(&text).expect("its text stands there once");
        assert_ne!(planted, text, "{} changes nothing", fault.title());
    }
}

#[test]
fn each_fault_has_a_name_of_its_own() {
    let mut seen = BTreeSet::new();
    for fault in faults::all() {
        assert!(seen.insert(fault.title()), "{} is there twice", fault.title());
    }
}

#[test]
fn each_fault_names_a_case_of_the_kit() {
    let path = root().expect("a workspace").join("connect-store/src/conformance/mod.rs");
    let cases = std::fs::read_to_string(path).expect("the kit");
    for fault in faults::all() {
        for part in fault.caught_by.split("::").filter(|part| !part.is_empty()) {
            assert!(cases.contains(part), "{}: the kit has no {part}", fault.title());
        }
    }
}

#[test]
fn members_are_read_from_the_manifest() {
    let manifest = "[workspace]\nmembers = [\n    \"a\",\n    \"b/c\",\n]\ndefault-members = [\n    \"a\",\n]\n";
    assert_eq!(tree::members(manifest), ["a", "b/c"]);
}

#[test]
fn failed_cases_are_read_from_the_output() {
    let output = "running 2 tests\ntest memory::a::b ... ok\ntest memory::a::c ... FAILED\n\nfailures:\n";
    assert_eq!(kit::failed(output), ["memory::a::c"]);
}
