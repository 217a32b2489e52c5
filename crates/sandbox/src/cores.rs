//! Work that every person needs once, shared among the cores when there are many people.

use std::num::NonZero;
use std::thread;

/// Fewer people than this are not worth a thread.
const PER_THREAD: usize = 2_000;

/// Calls `each` with every item and its place, and returns the results in the items' order.
pub(crate) fn map<I: Sync, O: Send>(items: &[I], each: impl Fn(usize, &I) -> O + Sync) -> Vec<O> {
    let n_items = share(items.len());
    let part = |(n, items): (usize, &[I])| {
        let places = n * n_items..;
        places.zip(items).map(|(place, item)| each(place, item)).collect::<Vec<O>>()
    };
    let mut parts = items.chunks(n_items).enumerate();
    let own = parts.next();
    thread::scope(|scope| {
        let part = &part;
        let others: Vec<_> = parts.map(|one| scope.spawn(move || part(one))).collect();
        let mut results = own.map(part).unwrap_or_default();
        for other in others {
            results.extend(other.join().expect("the work on a person does not panic"));
        }
        results
    })
}

/// Calls `each` with a share of the items on every core.
pub(crate) fn for_shares<I: Send>(items: &mut [I], each: impl Fn(&mut [I]) + Sync) {
    let n_items = share(items.len());
    let mut parts = items.chunks_mut(n_items);
    let own = parts.next().unwrap_or_default();
    thread::scope(|scope| {
        for part in parts {
            scope.spawn(|| each(part));
        }
        each(own);
    });
}

fn share(n_items: usize) -> usize {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    n_items.div_ceil(cores.min(n_items / PER_THREAD).max(1)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_worked_on_once_and_in_order() {
        for n in [0, 1, 2_000, 9_001] {
            let items: Vec<usize> = (0..n).collect();
            assert!(map(&items, |place, item| (place, *item)).into_iter().eq(items.iter().map(|item| (*item, *item))));
            let mut counts = vec![0; n];
            for_shares(&mut counts, |share| share.iter_mut().for_each(|count| *count += 1));
            assert!(counts.iter().all(|count| *count == 1));
        }
    }
}
