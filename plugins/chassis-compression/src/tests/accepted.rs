//! Whatever a client writes, it gets what it accepts, and all of it.

use super::*;
use proptest::prelude::*;
use std::collections::HashMap;
use tokio::runtime::Builder;

/// An item of the header: what people write, and what nobody should.
fn item() -> impl Strategy<Value = String> {
    let coding = prop_oneof![
        4 => prop::sample::select(vec!["gzip", "br", "zstd", "identity", "*", "x-gzip"]),
        1 => prop::sample::select(vec!["deflate", "GZIP", "compress", ""]),
    ];
    let weight = prop_oneof![
        2 => Just(String::new()),
        4 => (0..=1_000_u32).prop_map(|weight| format!(";q={}", f64::from(weight) / 1_000.0)),
        2 => Just("; q=0".to_owned()),
        1 => Just(";Q=1.000".to_owned()),
    ];
    (coding, weight).prop_map(|(coding, weight)| format!("{coding}{weight}"))
}

/// The weights of a header, read in the most simple way.
fn weights(header: &str) -> HashMap<String, f64> {
    let mut all: HashMap<String, f64> = HashMap::new();
    for item in header.split(',') {
        let item = item.trim().to_ascii_lowercase();
        let (coding, weight) = item.split_once(';').unwrap_or((&item, "q=1"));
        let weight: f64 = weight.trim().trim_start_matches("q=").parse().unwrap();
        let coding = match coding {
            "x-gzip" => "gzip",
            coding => coding,
        };
        let known = all.entry(coding.to_owned()).or_insert(weight);
        *known = known.max(weight);
    }
    all
}

proptest! {
    #[test]
    fn an_answer_is_acceptable_and_whole(
        items in prop::collection::vec(item(), 0..6),
        length in 0..3_000_usize,
    ) {
        let header = items.join(", ");
        let runtime = Builder::new_current_thread().enable_time().build().unwrap();
        let answer = runtime.block_on(async {
            let app = start("{}").await;
            get(&app, &format!("/text/{length}"), &header).await
        });
        let (plain, coding) = read(&answer);
        prop_assert_eq!(plain, text(length));
        let weights = weights(&header);
        let of = |coding: &str| weights.get(coding).or(weights.get("*")).copied();
        let ours = ["zstd", "br", "gzip"].map(|coding| of(coding).unwrap_or(0.0));
        let best = ours.into_iter().fold(0.0, f64::max);
        match coding {
            Some(coding) => {
                // It is one that is liked best, and no plain one is liked better.
                prop_assert_eq!(of(coding), Some(best), "{}", header);
                prop_assert!(best > 0.0);
                prop_assert!(weights.get("identity").is_none_or(|plain| *plain <= best));
            }
            None if of("identity") == Some(0.0) => {
                prop_assert!(best == 0.0 || length == 0, "{} was refused: {}", length, header);
            }
            None => {}
        }
    }
}
