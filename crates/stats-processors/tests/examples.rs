//! Runs the examples.

#[path = "../examples/all_cores.rs"]
#[expect(dead_code, reason = "the test calls run and not main")]
mod all_cores;
#[path = "../examples/batch_means.rs"]
#[expect(dead_code, reason = "the test calls run and not main")]
mod batch_means;
#[path = "../examples/own_processor.rs"]
#[expect(dead_code, reason = "the test calls run and not main")]
mod own_processor;

#[test]
fn all_cores_lists_the_top_threats() {
    let mut out = Vec::new();
    all_cores::run(&mut out).unwrap();
    let out = String::from_utf8(out).unwrap();
    assert_eq!(out.lines().count(), 5);
    let first = "Failure of a supplier: 3.75 risks, the mean of 12 analyses of 4 clients";
    assert_eq!(out.lines().next(), Some(first));
}

#[test]
fn batch_means_prints_means_and_threats() {
    let mut out = Vec::new();
    batch_means::run(include_bytes!("../examples/batch.json"), &mut out).unwrap();
    let out = String::from_utf8(out).unwrap();
    assert_eq!(
        out,
        "current informational: 53.8 low risks 31.8 medium risks 7.5 high risks\n\
         current operational: 14.0 low risks 3.5 medium risks 5.5 high risks\n\
         residual informational: 69.2 low risks 21.8 medium risks 2.0 high risks\n\
         residual operational: 17.5 low risks 3.0 medium risks 2.5 high risks\n\
         Fraud: 5.0 risks, the mean of 1 analyses\n\
         Exploitation of a software flaw: 4.5 risks, the mean of 2 analyses\n\
         Misconfiguration: 4.5 risks, the mean of 2 analyses\n"
    );
}

#[test]
fn own_processor_runs_next_to_a_built_in_one() {
    let mut out = Vec::new();
    own_processor::run(&mut out).unwrap();
    let out = String::from_utf8(out).unwrap();
    let (own, built_in) = out.split_once('\n').unwrap();
    assert_eq!(
        own,
        r#"threat_maxima: {"b402d4e0-4576-11e9-9173-0800277f0571":45.0}"#
    );
    assert!(built_in.starts_with(
        r#"threat_average_on_date: {"b402d4e0-4576-11e9-9173-0800277f0571":{"2026-11-20":"#
    ));
}
