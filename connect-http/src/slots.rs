//! Places for requests that last: so many in all, and so many for one person.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use connect_core::Actor;

/// Places that are taken and given back.
#[derive(Debug, Clone)]
pub(crate) struct Slots {
    taken: Arc<Mutex<HashMap<Actor, usize>>>,
    all: usize,
    each: usize,
}

/// A place. It is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    taken: Arc<Mutex<HashMap<Actor, usize>>>,
    holder: Actor,
}

impl Slots {
    /// So many places in all, and at most so many for one person.
    pub(crate) fn new(all: usize, each: usize) -> Self {
        Self { taken: Arc::default(), all, each }
    }

    /// Takes a place, if there is one for this person. Programs with keys of theirs take of the same ones: a person
    /// can have any number of keys.
    pub(crate) fn take(&self, holder: Actor) -> Option<Slot> {
        let mut taken = locked(&self.taken);
        if taken.values().sum::<usize>() >= self.all {
            return None;
        }
        let own = taken.entry(holder).or_insert(0);
        if *own >= self.each {
            return None;
        }
        *own += 1;
        Some(Slot { taken: self.taken.clone(), holder })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = locked(&self.taken);
        if let Some(own) = taken.get_mut(&self.holder) {
            *own -= 1;
            if *own == 0 {
                taken.remove(&self.holder);
            }
        }
    }
}

fn locked(taken: &Mutex<HashMap<Actor, usize>>) -> MutexGuard<'_, HashMap<Actor, usize>> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_limited_and_given_back() {
        let slots = Slots::new(3, 2);
        let [ada, bob, eve] = [1, 2, 3].map(|n| Actor::User(connect_core::UserId::from_bits(n)));
        let first = slots.take(ada).expect("free");
        let _second = slots.take(ada).expect("free");
        assert!(slots.take(ada).is_none(), "two for one person");
        let _third = slots.take(bob).expect("free");
        assert!(slots.take(eve).is_none(), "three in all");
        drop(first);
        assert!(slots.take(eve).is_some(), "a place that was given back");
    }
}
