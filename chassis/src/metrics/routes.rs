//! What came of requests, by route, method and status. A route keeps its figures as long as a generation has it; the path of
//! a request only ever adds to a few numbers.

use super::buckets::{Distribution, empty};
use http::{Method, StatusCode};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak,
        atomic::{
            AtomicI64, AtomicU16, AtomicU64,
            Ordering::{AcqRel, Acquire, Relaxed},
        },
    },
    time::Duration,
};

/// The routes of the generations that are there.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    known: Mutex<BTreeMap<Arc<str>, Weak<RouteFigures>>>,
    bounds: OnceLock<Bounds>,
}

#[derive(Clone, Debug)]
struct Bounds {
    seconds: Arc<[f64]>,
    nanos: Arc<[u64]>,
}

/// Where the requests of one route are counted in one generation.
#[derive(Debug)]
pub(crate) struct RouteMeter {
    figures: Arc<RouteFigures>,
    active: AtomicI64,
}

/// What came of the requests of one route, whatever their method and generation.
#[derive(Debug)]
pub(crate) struct RouteFigures {
    route: Arc<str>,
    bounds: Bounds,
    methods: [OnceLock<Box<Chunk>>; METHODS.len()],
    meters: Mutex<Vec<Weak<RouteMeter>>>,
    /// How many requests took longer than they may.
    expired: AtomicU64,
}

/// Few routes have more than these statuses; one that has gets another chunk.
const SLOTS: usize = 4;

#[derive(Debug)]
struct Chunk {
    slots: [Slot; SLOTS],
    next: OnceLock<Box<Self>>,
}

/// The answers of one status.
#[derive(Debug)]
struct Slot {
    /// 0 as long as nobody has it.
    status: AtomicU16,
    nanos: AtomicU64,
    counts: Box<[AtomicU64]>,
}

/// The methods that have a name here.
const METHODS: [&str; 10] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE", "OTHER",
];

/// The place of a method; clients can invent as many as they like, and these are one.
pub(crate) fn method_index(method: &Method) -> usize {
    match *method {
        Method::GET => 0,
        Method::HEAD => 1,
        Method::POST => 2,
        Method::PUT => 3,
        Method::PATCH => 4,
        Method::DELETE => 5,
        Method::OPTIONS => 6,
        Method::CONNECT => 7,
        Method::TRACE => 8,
        _ => 9,
    }
}

/// A request that is under way, until it is dropped.
#[derive(Debug)]
pub(crate) struct Active(Arc<RouteMeter>);

impl Active {
    #[inline]
    pub(crate) fn new(meter: &Arc<RouteMeter>) -> Self {
        meter.active.fetch_add(1, Relaxed);
        Self(Arc::clone(meter))
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.0.active.fetch_sub(1, Relaxed);
    }
}

impl Routes {
    pub(super) fn begin(&self, seconds: &Arc<[f64]>) {
        self.bounds.get_or_init(|| Bounds::of(seconds));
    }

    /// A meter for a route in a generation. The figures go on, if a generation is there that has the route.
    pub(crate) fn meter(&self, route: &str) -> Arc<RouteMeter> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(figures) = known.get(route).and_then(Weak::upgrade) {
            return RouteMeter::of(figures);
        }
        known.retain(|_, figures| figures.strong_count() > 0);
        let bounds = self.bounds.get().cloned();
        let bounds = bounds.unwrap_or_else(|| Bounds::of(&Arc::default()));
        let figures = Arc::new(RouteFigures::new(route.into(), bounds));
        known.insert(Arc::clone(&figures.route), Arc::downgrade(&figures));
        RouteMeter::of(figures)
    }

    pub(crate) fn all(&self) -> Vec<Arc<RouteFigures>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.values().filter_map(Weak::upgrade).collect()
    }
}

impl Bounds {
    fn of(seconds: &Arc<[f64]>) -> Self {
        let nanos = |bound: &f64| {
            let bound = Duration::try_from_secs_f64(*bound).unwrap_or(Duration::MAX);
            whole_nanos(bound)
        };
        Self {
            nanos: seconds.iter().map(nanos).collect(),
            seconds: Arc::clone(seconds),
        }
    }
}

fn whole_nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// What came of the requests of one method and status.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) method: &'static str,
    pub(crate) status: u16,
    pub(crate) took: Distribution,
}

impl RouteMeter {
    fn of(figures: Arc<RouteFigures>) -> Arc<Self> {
        let active = AtomicI64::new(0);
        let meter = Arc::new(Self { figures, active });
        let mut meters = meter.figures.meters();
        meters.retain(|meter| meter.strong_count() > 0);
        meters.push(Arc::downgrade(&meter));
        drop(meters);
        meter
    }

    /// One that nobody looks at.
    pub(crate) fn unseen() -> Arc<Self> {
        Self::of(Arc::new(RouteFigures::new(
            "".into(),
            Bounds::of(&Arc::default()),
        )))
    }

    pub(crate) fn route(&self) -> &Arc<str> {
        &self.figures.route
    }

    /// How many requests are under way that entered the generation.
    pub(crate) fn active(&self) -> i64 {
        self.active.load(Relaxed)
    }

    /// A request took longer than it may.
    pub(crate) fn count_expired(&self) {
        self.figures.expired.fetch_add(1, Relaxed);
    }

    /// A request was answered.
    #[inline]
    pub(crate) fn count(&self, method: usize, status: StatusCode, took: Duration) {
        self.figures.count(method, status, took);
    }
}

impl RouteFigures {
    fn new(route: Arc<str>, bounds: Bounds) -> Self {
        Self {
            route,
            bounds,
            methods: Default::default(),
            meters: Mutex::default(),
            expired: AtomicU64::new(0),
        }
    }

    fn meters(&self) -> MutexGuard<'_, Vec<Weak<RouteMeter>>> {
        self.meters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn route(&self) -> &str {
        &self.route
    }

    /// How many requests took longer than they may.
    pub(crate) fn expired(&self) -> u64 {
        self.expired.load(Relaxed)
    }

    /// How many requests are under way, in all generations.
    pub(crate) fn active(&self) -> i64 {
        let meters = self.meters();
        let meters = meters.iter().filter_map(Weak::upgrade);
        meters.map(|meter| meter.active()).sum()
    }

    /// A request was answered.
    #[inline]
    fn count(&self, method: usize, status: StatusCode, took: Duration) {
        let nanos = whole_nanos(took);
        let bounds = &self.bounds.nanos;
        // Most requests are in the first buckets.
        let bucket = bounds.iter().position(|bound| nanos <= *bound);
        let bucket = bucket.unwrap_or(bounds.len());
        let Some(slot) = self.slot(method, status.as_u16()) else {
            return;
        };
        if let Some(count) = slot.counts.get(bucket) {
            count.fetch_add(1, Relaxed);
            slot.nanos.fetch_add(nanos, Relaxed);
        }
    }

    #[inline]
    fn slot(&self, method: usize, status: u16) -> Option<&Slot> {
        let lock = self.methods.get(method)?;
        let chunk = match lock.get() {
            Some(chunk) => chunk,
            None => self.chunk(lock),
        };
        let first = &chunk.slots[0];
        if first.status.load(Acquire) == status {
            return Some(first);
        }
        Some(self.other_slot(chunk, status))
    }

    #[cold]
    fn chunk<'a>(&self, lock: &'a OnceLock<Box<Chunk>>) -> &'a Chunk {
        lock.get_or_init(|| Box::new(Chunk::new(self.bounds.nanos.len())))
    }

    /// The slot of a status, or the first that is free, for ever from now on.
    fn other_slot<'a>(&self, mut chunk: &'a Chunk, status: u16) -> &'a Slot {
        loop {
            for slot in &chunk.slots {
                let taken = slot.status.compare_exchange(0, status, AcqRel, Acquire);
                if taken.is_ok() || taken == Err(status) {
                    return slot;
                }
            }
            chunk = match chunk.next.get() {
                Some(next) => next,
                None => self.chunk(&chunk.next),
            };
        }
    }

    /// All that was counted.
    pub(crate) fn read(&self) -> Vec<Answered> {
        let mut all = Vec::new();
        for (method, lock) in METHODS.iter().zip(&self.methods) {
            let mut chunk = lock.get();
            while let Some(at) = chunk {
                for slot in &at.slots {
                    let status = slot.status.load(Acquire);
                    if status != 0 {
                        all.push(Answered {
                            method,
                            status,
                            took: self.distribution(slot),
                        });
                    }
                }
                chunk = at.next.get();
            }
        }
        all.sort_by_key(|answered| (answered.method, answered.status));
        all
    }

    fn distribution(&self, slot: &Slot) -> Distribution {
        Distribution {
            bounds: Arc::clone(&self.bounds.seconds),
            counts: slot
                .counts
                .iter()
                .map(|count| count.load(Relaxed))
                .collect(),
            sum: Duration::from_nanos(slot.nanos.load(Relaxed)).as_secs_f64(),
        }
    }
}

impl Chunk {
    fn new(bounds: usize) -> Self {
        Self {
            slots: std::array::from_fn(|_| Slot {
                status: AtomicU16::new(0),
                nanos: AtomicU64::new(0),
                counts: empty(bounds),
            }),
            next: OnceLock::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_has_its_numbers_however_many_there_are() {
        let routes = Routes::default();
        routes.begin(&[0.001, 1.0].into());
        let meter = routes.meter("/a");
        for status in 200..250 {
            let status = StatusCode::from_u16(status).expect("it is one");
            meter.count(0, status, Duration::from_micros(500));
            meter.count(method_index(&Method::POST), status, Duration::from_secs(2));
        }
        let read = meter.figures.read();
        assert_eq!(read.len(), 100);
        assert!(
            read[..50]
                .iter()
                .all(|one| one.method == "GET" && one.took.counts == [1, 0, 0])
        );
        assert!(
            read[50..]
                .iter()
                .all(|one| one.method == "POST" && one.took.counts == [0, 0, 1])
        );
        assert_eq!(read[99].status, 249);
    }

    #[test]
    fn a_route_keeps_its_figures_while_a_generation_has_it() {
        let routes = Routes::default();
        let (first, second) = (routes.meter("/a"), routes.meter("/a"));
        assert!(Arc::ptr_eq(&first.figures, &second.figures));
        let (one, _other) = (Active::new(&first), Active::new(&second));
        assert_eq!(routes.all()[0].active(), 2);
        drop((one, first));
        assert_eq!((routes.all()[0].active(), second.active()), (1, 1));
        drop((_other, second));
        assert!(routes.all().is_empty());
    }
}
