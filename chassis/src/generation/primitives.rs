//! What the cell and the list are made of that threads meet at. `tests/model` compiles these files with others in their
//! place, of which `loom` tries every order.

pub(super) use arc_swap::ArcSwapOption as Swap;
pub(super) use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
