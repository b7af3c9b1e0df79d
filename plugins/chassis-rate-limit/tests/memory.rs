//! What a million callers take, as the allocator has seen it. Alone in its process, so that nobody else is counted.

// The table itself: through HTTP, a million requests would take too long.
use chassis_rate_limit::store::{Ask, Bucket, Store};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::{alloc::System, time::Duration};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const MIB: usize = 1 << 20;

#[tokio::test(flavor = "current_thread")]
async fn a_million_callers_take_no_more_than_64_mib() {
    let now = tokio::time::Instant::now() + Duration::from_secs(1);
    let region = Region::new(ALLOCATOR);
    let used = || {
        let stats = region.change();
        stats.bytes_allocated - stats.bytes_deallocated
    };
    let store = Store::default();
    let bucket = Bucket::new("client", 1_000_000_000, 2);
    let allows = |caller: u32| {
        let key = store.key(bucket.limit, 4, &caller.to_be_bytes());
        store.take(now, 1_000_000, &mut [Ask::new(0, bucket, key)])
    };
    let mut most = 0;
    for caller in 0..1_000_000 {
        assert!(allows(caller));
        if caller % 1_000 == 0 {
            most = most.max(used());
        }
    }
    most = most.max(used());
    assert!(most < 64 * MIB, "{} MiB", most / MIB);
    // It knows what it takes.
    assert!(store.bytes().abs_diff(used()) < MIB / 16);
    // And they are all in it: of two tokens each has one, but for the few who shared theirs.
    let shared = store.shared();
    assert!(shared < 100, "{shared}");
    assert!(store.held().await as u64 >= 1_000_000 - shared);
    let again = (0..1_000_000).filter(|caller| allows(*caller)).count();
    let third = (0..1_000_000).filter(|caller| allows(*caller)).count();
    assert!(
        again as u64 >= 1_000_000 - 2 * shared && third == 0,
        "{again}, {third}"
    );
    // Of three million more, most find no room: they take no more, and nothing from those who have.
    let others = (1_000_000..4_000_000)
        .filter(|caller| allows(*caller))
        .count();
    assert!(used() < 64 * MIB, "{} MiB", used() / MIB);
    assert!(others < 1_200_000, "{others}");
    assert!((0..1_000).all(|caller| !allows(caller)));
}
