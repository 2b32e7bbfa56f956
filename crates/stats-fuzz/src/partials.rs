use serde_json::Value;
use stats_core::MIN_DATE;
use stats_processors::{Accumulator, Registered, Registry, Shape};

/// A stat that all processors of one type read.
const STATS: [&str; 4] = [
    r#"{"risks":{"current":{"informational":[{"level":"Low risks","value":7}],"operational":[]}}}"#,
    r#"[{"uuid":"b402d4e0-4576-11e9-9173-0800277f0571","label2":"a","count":1,"maxRisk":2,"averageRate":"3"}]"#,
    r#"{"scales":{"impact":[0,4],"likelihood":[0,20],"probability":[0,4]},"risks":{"current":{"operational":{"1":[8]}}}}"#,
    r#"[{"referential":"b402d4e0-4576-11e9-9173-0800277f0571","current":[{"value":1,"controls":[{"measure":"b402d4e0-4576-11e9-9173-0800277f0571"}]}],"target":[]}]"#,
];

/// What a database holds as a stored partial or extract, behind a digit for the processor and a letter: `p` for a
/// partial, another one for an extract.
pub fn partials(data: &[u8]) {
    let [processor, kind, content @ ..] = data else {
        return;
    };
    let registry = Registry::default();
    let processors: Vec<_> = registry.iter().collect();
    let processor = processors[usize::from(processor.wrapping_sub(b'0')) % processors.len()];
    let mut accumulator = processor.start();
    for stat in STATS {
        accumulator.fold(MIN_DATE, [stat]);
    }
    let before = bytes(&accumulator);
    let read = match kind {
        b'p' => accumulator.merge_json(content),
        _ => accumulator.fold_extract(MIN_DATE, content, None),
    };
    match read {
        Err(_) => assert_eq!(bytes(&accumulator), before, "an error changes nothing"),
        Ok(()) => check(processor, accumulator),
    }
}

/// Stored content that can be read may hold any numbers. It is used without a panic, and what is stored again is the same.
fn check(processor: &Registered, mut accumulator: Accumulator) {
    let json = bytes(&accumulator);
    let mut again = processor.start();
    again.merge_json(&json).expect("a written partial is read");
    assert_eq!(bytes(&again), json);
    accumulator
        .merge(&again)
        .expect("the partials have one type");
    for stat in STATS {
        accumulator.fold(MIN_DATE, [stat]);
    }
    let finisher = processor.prepare(&Value::Null).expect("no parameters");
    for shape in [Shape::Series, Shape::Map] {
        let result = finisher.finish(&accumulator, shape);
        let result = result.expect("a result is written");
        serde_json::from_str::<Value>(&result).expect("a result is JSON");
    }
}

fn bytes(accumulator: &Accumulator) -> Vec<u8> {
    accumulator.to_json().expect("a partial is written")
}
