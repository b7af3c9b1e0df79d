//! A part of the table: rows of eight places. Each caller has two rows to choose from, so that rows fill evenly.

use std::mem;

/// How many places there are in a row: two lines of the cache.
const ROW: usize = 8;

/// How many limits may share tokens in a part, each on its own.
const MAX_SHARED: usize = 32;

#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    key: u64,
    /// When all tokens are back. If that is past, the place is free.
    full_at: u64,
}

#[derive(Debug)]
pub(super) struct Part {
    rows: Vec<[Entry; ROW]>,
    /// Those for whom there was no room; the key is the limit.
    shared: Vec<Entry>,
    /// The latest time that it was asked at.
    latest: u64,
}

/// Where the time of a caller stands.
pub(super) enum Slot<'p> {
    /// It was there.
    Known(&'p mut u64),
    /// A place that was free; somebody may have had it before.
    Free { full_at: &'p mut u64, evicts: bool },
    /// There is no place: it is that of all others without.
    Shared(&'p mut u64),
}

impl Default for Part {
    fn default() -> Self {
        Self {
            rows: vec![[Entry::default(); ROW]],
            shared: Vec::new(),
            latest: 0,
        }
    }
}

impl Part {
    /// Time does not go back, though who has arrived first may ask last: a time that is over must not count twice.
    pub(super) fn not_before(&mut self, now: u64) -> u64 {
        self.latest = self.latest.max(now);
        self.latest
    }

    /// The place of a caller; there are at most as many places as `most`, or the next power of two.
    pub(super) fn find(&mut self, key: u64, limit: u64, now: u64, most: usize) -> Slot<'_> {
        if let Some((row, place)) = self.place_of(key) {
            return Slot::Known(&mut self.rows[row][place].full_at);
        }
        let free = loop {
            if let Some(free) = self.free_place(key, now) {
                break Some(free);
            }
            if self.rows.len() * ROW >= most {
                break None;
            }
            self.grow(now);
        };
        let Some((row, place)) = free else {
            return Slot::Shared(self.shared_by(limit, now));
        };
        // Who had no room until now has taken of the tokens of those without: at most as many as all of them.
        let owed = self.shared.iter().find(|entry| entry.key == limit);
        let full_at = owed.map_or(0, |entry| entry.full_at);
        let entry = &mut self.rows[row][place];
        let evicts = entry.full_at != 0;
        *entry = Entry { key, full_at };
        Slot::Free {
            full_at: &mut entry.full_at,
            evicts,
        }
    }

    /// The time that [`find`](Self::find) has just found.
    pub(super) fn again(&mut self, key: u64, limit: u64) -> &mut u64 {
        match self.place_of(key) {
            Some((row, place)) => &mut self.rows[row][place].full_at,
            None => self.shared_by(limit, 0),
        }
    }

    pub(super) fn held(&self, now: u64) -> usize {
        let entries = self.rows.iter().flatten();
        entries.filter(|entry| entry.full_at > now).count()
    }

    pub(super) fn bytes(&self) -> usize {
        self.rows.capacity() * mem::size_of::<[Entry; ROW]>()
            + self.shared.capacity() * mem::size_of::<Entry>()
    }

    fn place_of(&self, key: u64) -> Option<(usize, usize)> {
        let rows = choices(key).map(|choice| choice & (self.rows.len() - 1));
        rows.into_iter().find_map(|row| {
            let place = self.rows[row].iter().position(|entry| entry.key == key)?;
            Some((row, place))
        })
    }

    /// A free place in the row that has more of them.
    fn free_place(&self, key: u64, now: u64) -> Option<(usize, usize)> {
        let free = |row: &usize| {
            let entries = self.rows[*row].iter();
            entries.filter(|entry| entry.full_at <= now).count()
        };
        let rows = choices(key).map(|choice| choice & (self.rows.len() - 1));
        let row = rows.into_iter().max_by_key(free)?;
        let entries = &self.rows[row];
        // First one that nobody had: then it is known what was forgotten.
        let never = entries.iter().position(|entry| entry.full_at == 0);
        let place = never.or_else(|| entries.iter().position(|entry| entry.full_at <= now))?;
        Some((row, place))
    }

    /// Twice the rows. Who is in one goes to the row of that number in either half, so that everybody finds a place.
    fn grow(&mut self, now: u64) {
        let half = self.rows.len();
        self.rows.reserve_exact(half);
        self.rows.resize(half * 2, [Entry::default(); ROW]);
        for row in 0..half {
            for place in 0..ROW {
                let entry = self.rows[row][place];
                if entry.full_at <= now {
                    self.rows[row][place] = Entry::default();
                    continue;
                }
                let came_by = choices(entry.key)
                    .into_iter()
                    .find(|choice| choice & (half - 1) == row);
                if came_by.is_some_and(|choice| choice & half != 0) {
                    self.rows[row][place] = Entry::default();
                    // The same place: nobody else has come to this row.
                    self.rows[row + half][place] = entry;
                }
            }
        }
    }

    /// The time of those without a place. More limits than there is room for would share that, too.
    fn shared_by(&mut self, limit: u64, now: u64) -> &mut u64 {
        let same = |entry: &Entry| entry.key == limit;
        let known = self.shared.iter().position(same);
        let index = known.unwrap_or_else(|| {
            let fresh = Entry {
                key: limit,
                full_at: 0,
            };
            let free = self.shared.iter().position(|entry| entry.full_at <= now);
            match free {
                Some(free) => {
                    self.shared[free] = fresh;
                    free
                }
                None if self.shared.len() < MAX_SHARED => {
                    self.shared.push(fresh);
                    self.shared.len() - 1
                }
                None => limit as usize % MAX_SHARED,
            }
        });
        &mut self.shared[index].full_at
    }
}

/// The two rows of a caller, of all bits that a number of rows can have.
fn choices(key: u64) -> [usize; 2] {
    // Multiplied by a large odd number, the upper bits depend on all of them.
    let other = key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 24;
    [key as usize, other as usize]
}
