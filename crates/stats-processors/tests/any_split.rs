//! However stats are split, ordered, merged and sent around, the result is the same to the last byte.

use chrono::{Days, NaiveDate};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};
use stats_core::{MIN_DATE, StatsType};
use stats_processors::{Accumulator, ProcessorError, Registered, Shape, all};

type Stat = (NaiveDate, String);

/// What somebody may have written where a number is expected.
fn number() -> impl Strategy<Value = Value> {
    prop_oneof![
        6 => (0_u32..100).prop_map(Value::from),
        6 => (0_u32..500).prop_map(|hundredths| format!("{}", f64::from(hundredths) / 100.0).into()),
        2 => any::<f64>().prop_map(Value::from),
        2 => select(vec![json!(1e16), json!(-1e16), json!(1e-9), json!("1e288"), json!(-1e288), json!(0.1)]),
        1 => select(vec![json!(null), json!("NaN"), json!(""), json!(true), json!([]), json!(1e300)]),
    ]
}

fn label() -> impl Strategy<Value = Value> {
    select(vec![
        json!("a"),
        json!("b"),
        json!("é"),
        json!(""),
        json!(null),
        json!(5),
    ])
}

fn element() -> impl Strategy<Value = Value> {
    let uuid = select(vec![
        "b402d4e0-4576-11e9-9173-0800277f0571",
        "B402D4E0-4576-11E9-9173-0800277F0571",
        "0a02d4e0-4576-11e9-9173-0800277f0571",
        "0a02d4e0457611e991730800277f0571",
        "zz",
    ]);
    (uuid, number(), number(), number(), label(), label()).prop_map(
        |(uuid, count, max_risk, average_rate, label1, label4)| {
            json!({
                "uuid": uuid, "count": count, "maxRisk": max_risk, "averageRate": average_rate,
                "label1": label1, "label4": label4,
            })
        },
    )
}

fn objects() -> impl Strategy<Value = Value> {
    proptest::collection::vec(element(), 0..4).prop_map(Value::from)
}

fn risks() -> impl Strategy<Value = Value> {
    let level = select(vec!["Low risks", "Medium risks", "High risks", "Odd"]);
    let reading =
        (level, number()).prop_map(|(level, value)| json!({"level": level, "value": value}));
    let kind = select(vec!["informational", "operational", "other"]);
    let levels = proptest::collection::vec(reading, 0..4).prop_map(Value::from);
    let kinds = proptest::collection::hash_map(kind, levels, 0..3).prop_map(|kinds| json!(kinds));
    let state = select(vec!["current", "residual", "other"]);
    proptest::collection::hash_map(state, kinds, 0..3).prop_map(|states| json!({"risks": states}))
}

/// Stats of few days, so that they meet: good ones, ones with bad parts, and ones that are cut off.
fn stats(stats_type: StatsType) -> impl Strategy<Value = Vec<Stat>> {
    let data = match stats_type {
        StatsType::Risk => risks().boxed(),
        _ => objects().boxed(),
    };
    let cut = proptest::option::weighted(0.1, any::<Index>());
    let stat = (0_u64..4, data, cut).prop_map(|(days, data, cut)| {
        let date = MIN_DATE + Days::new(days);
        let mut data = data.to_string();
        if let Some(cut) = cut {
            data = data.chars().take(cut.index(data.len())).collect();
        }
        (date, data)
    });
    proptest::collection::vec(stat, 0..30)
}

/// How the stats come: a permutation, to which accumulator each goes, and how these are merged.
#[derive(Debug, Clone)]
struct Plan {
    stats: Vec<Stat>,
    homes: Vec<Index>,
    merges: Vec<(Index, Index, bool)>,
}

/// Stats in one order, and a plan with the same in another.
fn plan(stats_type: StatsType) -> impl Strategy<Value = (Vec<Stat>, Plan)> {
    stats(stats_type)
        .prop_flat_map(|stats| {
            let homes = proptest::collection::vec(any::<Index>(), stats.len());
            (
                Just(stats.clone()),
                Just(stats).prop_shuffle(),
                homes,
                merges(),
            )
        })
        .prop_map(|(stats, shuffled, homes, merges)| {
            let plan = Plan {
                stats: shuffled,
                homes,
                merges,
            };
            (stats, plan)
        })
}

const ACCUMULATORS: usize = 6;

fn merges() -> impl Strategy<Value = Vec<(Index, Index, bool)>> {
    proptest::collection::vec(any::<(Index, Index, bool)>(), ACCUMULATORS - 1)
}

fn follow(processor: &Registered, plan: &Plan) -> Result<Box<dyn Accumulator>, ProcessorError> {
    let mut accumulators: Vec<_> = (0..ACCUMULATORS).map(|_| processor.start()).collect();
    for ((date, data), home) in plan.stats.iter().zip(&plan.homes) {
        accumulators[home.index(ACCUMULATORS)].fold(*date, data);
    }
    for (from, to, as_json) in &plan.merges {
        let other = accumulators.swap_remove(from.index(accumulators.len()));
        let to = to.index(accumulators.len());
        if *as_json {
            accumulators[to].merge_json(&other.to_json()?)?;
        } else {
            accumulators[to].merge(other)?;
        }
    }
    Ok(accumulators.remove(0))
}

fn plans() -> impl Strategy<Value = (&'static Registered, (Vec<Stat>, Plan))> {
    select(all().iter().collect::<Vec<_>>())
        .prop_flat_map(|processor| (Just(processor), plan(processor.stats_type())))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn every_plan_gives_the_same_bytes((processor, (stats, plan)) in plans()) {
        let mut one_by_one = processor.start();
        for (date, data) in &stats {
            one_by_one.fold(*date, data);
        }
        let planned = follow(processor, &plan)?;
        prop_assert_eq!(planned.skipped(), one_by_one.skipped());
        prop_assert_eq!(planned.is_empty(), one_by_one.is_empty());
        let finish = processor.prepare(&Value::Null)?;
        for shape in [Shape::Series, Shape::Map] {
            let result = finish.finish(planned.as_ref(), shape)?;
            prop_assert!(!result.contains("null"), "{}", result);
            prop_assert_eq!(result, finish.finish(one_by_one.as_ref(), shape)?);
        }
        prop_assert_eq!(String::from_utf8(planned.to_json()?)?, String::from_utf8(one_by_one.to_json()?)?);
    }

    #[test]
    fn no_text_makes_it_panic(data in any::<String>(), processor in select(all().iter().collect::<Vec<_>>())) {
        let mut accumulator = processor.start();
        accumulator.fold(MIN_DATE, &data);
        prop_assert!(accumulator.is_empty());
    }
}
