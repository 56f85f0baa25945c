//! Where things are in a list, by a hash of each.

/// A table from hashes to places. Nobody walks through it, so that no order comes out of it; it is laid out in the same way
/// each time.
pub(super) struct Slots {
    /// A power of two of them, of which a third is free: the first one looked at is nearly always the right one.
    slots: Vec<Slot>,
}

#[derive(Clone, Copy)]
struct Slot {
    hash: u64,
    /// `FREE`, or a place.
    at: u32,
}

const FREE: u32 = u32::MAX;

impl Slots {
    /// Room for so many, and no more than that.
    pub(super) fn for_at_most(count: usize) -> Self {
        let free = Slot { hash: 0, at: FREE };
        Self {
            slots: vec![free; (count + count / 2 + 1).next_power_of_two()],
        }
    }

    /// Adds a place. More than there is room for are not found again.
    pub(super) fn insert(&mut self, hash: u64, at: usize) {
        let from = self.first(hash);
        let (before, after) = self.slots.split_at_mut(from);
        let free = after.iter_mut().chain(before).find(|slot| slot.at == FREE);
        if let (Some(slot), Ok(at)) = (free, u32::try_from(at)) {
            *slot = Slot { hash, at };
        }
    }

    /// The places that were added with this hash.
    pub(super) fn having(&self, hash: u64) -> impl Iterator<Item = usize> {
        let (before, after) = self.slots.split_at(self.first(hash));
        after
            .iter()
            .chain(before)
            .take_while(|slot| slot.at != FREE)
            .filter(move |slot| slot.hash == hash)
            .map(|slot| slot.at as usize)
    }

    fn first(&self, hash: u64) -> usize {
        // The mask is smaller than the number of slots, and so is what it leaves.
        usize::try_from(hash & (self.slots.len() as u64 - 1)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_found_by_its_hash_and_nothing_else() {
        let mut slots = Slots::for_at_most(100);
        // Some of them have one hash, and many share the first slot.
        let hash = |at: usize| (at as u64 / 3) << 32;
        for at in 0..100 {
            slots.insert(hash(at), at);
        }
        for at in 0..100 {
            let found: Vec<usize> = slots.having(hash(at)).collect();
            let first = at / 3 * 3;
            assert_eq!(found, (first..100.min(first + 3)).collect::<Vec<_>>());
        }
        assert_eq!(slots.having(7).count(), 0);
        assert_eq!(Slots::for_at_most(0).having(0).count(), 0);
    }
}
