//! The table against what it should be: a bucket of tokens for each caller, kept apart and for ever.

use super::*;
use proptest::{collection::vec, prelude::*};
use std::{collections::HashMap, thread, time::Duration};

/// The plainest bucket there is.
struct Model {
    tokens: f64,
    seen: u64,
}

impl Model {
    fn take(&mut self, bucket: Bucket, now: u64) -> bool {
        let came_back = (now - self.seen) as f64 / bucket.interval as f64;
        self.seen = now;
        self.tokens = (self.tokens + came_back).min(f64::from(bucket.burst));
        // Sums of fractions are not exact; times are whole milliseconds, so nothing is that near by itself.
        let is_allowed = self.tokens >= 1.0 - 1e-6;
        if is_allowed {
            self.tokens -= 1.0;
        }
        is_allowed
    }
}

const MS: u64 = 1_000_000;

fn bucket(index: usize, interval_ms: u64, burst: u32) -> Bucket {
    Bucket::new(&index.to_string(), interval_ms * MS, burst)
}

fn at(store: &Store, ms: u64) -> Instant {
    store.began + Duration::from_millis(ms)
}

/// One request: how long after the one before, of whom, and which limits it meets.
fn arrivals(keys: u64) -> impl Strategy<Value = Vec<(u64, u64, [bool; 2])>> {
    let pause = prop_oneof![4 => Just(0_u64), 4 => 1..50_u64, 1 => 50..5_000_u64];
    vec((pause, 0..keys, any::<[bool; 2]>()), 1..300)
}

fn model_of(
    models: &mut HashMap<(usize, u64), Model>,
    limit: usize,
    key: u64,
    burst: u32,
) -> &mut Model {
    models.entry((limit, key)).or_insert(Model {
        tokens: f64::from(burst),
        seen: 0,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_caller_has_a_bucket_of_its_own(
        arrivals in arrivals(20),
        interval in 1..200_u64,
        burst in 1..10_u32,
    ) {
        let store = Store::default();
        let bucket = bucket(0, interval, burst);
        let (mut now, mut models) = (0, HashMap::new());
        for (pause, key, _) in arrivals {
            now += pause;
            let mut ask = [Ask::new(0, bucket, store.key(bucket.limit, 0, &key.to_le_bytes()))];
            let is_allowed = store.take(at(&store, now), 1_000_000, &mut ask);
            let model = model_of(&mut models, 0, key, burst);
            prop_assert_eq!(is_allowed, model.take(bucket, now * MS));
            let [ask] = ask;
            prop_assert_eq!(ask.left, (model.tokens + 1e-6) as u64);
            prop_assert_eq!(ask.is_refused(), !is_allowed);
            // Who waits as long as is said is let in, who comes a little sooner is not.
            if ask.is_refused() {
                prop_assert!(ask.wait <= bucket.interval);
                let missing = (1.0 - model.tokens) * bucket.interval as f64;
                prop_assert!((ask.wait as f64 - missing).abs() < 1_000.0);
            }
        }
        prop_assert_eq!(store.shared(), 0);
    }

    #[test]
    fn a_request_takes_of_all_its_limits_or_of_none(
        arrivals in arrivals(5),
        limits in [(1..200_u64, 1..10_u32), (1..200_u64, 1..10_u32)],
    ) {
        let store = Store::default();
        let buckets = [0, 1].map(|index| bucket(index, limits[index].0, limits[index].1));
        let (mut now, mut models) = (0, HashMap::new());
        for (pause, key, meets) in arrivals {
            now += pause;
            let met: Vec<usize> = (0..2).filter(|index| meets[*index]).collect();
            let ask = |index: &usize| {
                let bucket = buckets[*index];
                Ask::new(*index, bucket, store.key(bucket.limit, 0, &key.to_le_bytes()))
            };
            let mut asks: Vec<Ask> = met.iter().map(ask).collect();
            let is_allowed = store.take(at(&store, now), 1_000_000, &mut asks);
            let mut all = true;
            for index in &met {
                let model = model_of(&mut models, *index, key, buckets[*index].burst);
                all &= model.take(buckets[*index], now * MS);
                // As if it had not: taken back below, if another refuses.
                model.seen = now * MS;
            }
            prop_assert_eq!(is_allowed, all);
            for ask in &asks {
                let model = model_of(&mut models, ask.limit, key, buckets[ask.limit].burst);
                if !is_allowed && !ask.is_refused() {
                    model.tokens += 1.0;
                }
                prop_assert_eq!(ask.left, (model.tokens + 1e-6) as u64);
            }
        }
    }

    /// In a table that is much too small: whoever is allowed something would be so with a bucket of its own.
    #[test]
    fn who_makes_room_for_others_gains_nothing(
        arrivals in arrivals(100),
        interval in 1..200_u64,
        burst in 1..6_u32,
    ) {
        let store = Store::with_parts(1);
        let bucket = bucket(0, interval, burst);
        let (mut now, mut models) = (0, HashMap::new());
        for (pause, key, _) in arrivals {
            now += pause;
            let mut ask = [Ask::new(0, bucket, store.key(bucket.limit, 0, &key.to_le_bytes()))];
            let is_allowed = store.take(at(&store, now), 4, &mut ask);
            let model = model_of(&mut models, 0, key, burst);
            let tokens = model.tokens;
            let would_be = model.take(bucket, now * MS);
            prop_assert!(!is_allowed || would_be, "{tokens} tokens, and {key} was let in");
            if would_be && !is_allowed {
                model.tokens += 1.0;
            }
        }
        prop_assert!(store.bytes() < 2_000);
    }
}

#[test]
fn those_without_room_share_their_tokens() {
    let store = Store::with_parts(1);
    let bucket = bucket(0, 1_000, 3);
    let take = |key: u64, ms: u64| {
        let mut ask = [Ask::new(
            0,
            bucket,
            store.key(bucket.limit, 0, &key.to_le_bytes()),
        )];
        store.take(at(&store, ms), 4, &mut ask)
    };
    // Eight places, and all are in need of them.
    assert!((0..8).all(|key| take(key, 0)));
    let allowed = (8..100).filter(|key| take(*key, 0)).count();
    assert_eq!(allowed, 3, "as many as one caller");
    // Those who have a place still have their own.
    assert!((0..8).all(|key| take(key, 0) && take(key, 0) && !take(key, 0)));
    // Once all tokens are back, there is room, and newcomers have all of theirs.
    assert!((100..108).all(|key| (0..3).all(|_| take(key, 10_000))));
    assert!(!take(100, 10_000));
    assert_eq!(store.evicted(), 8);
}

#[test]
fn callers_at_once_get_no_more_than_one_after_the_other() {
    let store = Store::default();
    let (one, other) = (bucket(0, 60_000, 1_000), bucket(1, 60_000, 700));
    // All at the same time: no token comes back.
    let now = at(&store, 5);
    let callers = || {
        let by_one = store.key(one.limit, 0, b"caller");
        let by_other = store.key(other.limit, 0, b"caller");
        let allowed = (0..500).filter(|turn| {
            let mut asks = vec![Ask::new(0, one, by_one)];
            // Every other one meets both limits, in either order.
            match turn % 4 {
                0 => asks.push(Ask::new(1, other, by_other)),
                1 => asks.insert(0, Ask::new(1, other, by_other)),
                _ => {}
            }
            store.take(now, 1_000_000, &mut asks)
        });
        allowed.count()
    };
    let allowed: usize = thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(callers)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum()
    });
    // 4,000 have asked.
    assert_eq!(allowed, 1_000);
    assert_eq!(store.shared(), 0);
}

#[test]
fn a_limit_that_was_lowered_blocks_nobody_for_longer_than_it_would_itself() {
    let store = Store::default();
    let key = store.key(7, 0, b"caller");
    let take = |bucket: Bucket, ms: u64| {
        let mut ask = [Ask::new(0, bucket, key)];
        (
            store.take(at(&store, ms), 1_000_000, &mut ask),
            ask[0].wait / MS,
        )
    };
    let slow = bucket(0, 3_600_000, 100);
    assert!((0..100).all(|_| take(slow, 0).0) && !take(slow, 0).0);
    let fast = bucket(0, 1_000, 5);
    assert_eq!(take(fast, 0), (false, 1_000));
    assert_eq!(take(fast, 1_000), (true, 0));
}

#[test]
fn who_arrived_first_and_asks_last_gets_no_time_twice() {
    let store = Store::default();
    let bucket = bucket(0, 1_000, 2);
    let key = store.key(bucket.limit, 0, b"caller");
    let take = |ms: u64| store.take(at(&store, ms), 1_000_000, &mut [Ask::new(0, bucket, key)]);
    assert!(take(10_000) && take(10_000) && !take(10_000));
    assert!((0..20).all(|_| !take(0)));
    assert!(!take(10_999) && take(11_000) && !take(11_000));
}
