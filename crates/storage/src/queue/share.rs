//! What one tenant may have of a worker's slots: a tenant whose vendor is slow must not occupy them all.

use std::collections::BTreeMap;

use gangway_domain::id::TenantId;

/// How many jobs of one tenant a worker runs at most, and how many it runs already.
#[derive(Debug, Clone)]
pub struct TenantShare {
    /// Of one tenant at most; at least one.
    pub at_most: usize,
    /// Running now, by tenant.
    pub held: BTreeMap<TenantId, usize>,
}

impl Default for TenantShare {
    /// No limit.
    fn default() -> Self {
        Self { at_most: usize::MAX, held: BTreeMap::new() }
    }
}

impl TenantShare {
    /// For a worker with so many slots: one is always left to the other tenants, if there are two.
    pub fn of_slots(slots: usize, held: BTreeMap<TenantId, usize>) -> Self {
        Self { at_most: slots.saturating_sub(1).max(1), held }
    }

    /// Whether a tenant has all it may have.
    pub fn has_full(&self) -> bool {
        self.held.values().any(|n| *n >= self.most())
    }

    /// The tenants that have all they may have.
    pub(super) fn full(&self) -> Vec<TenantId> {
        self.held.iter().filter(|(_, n)| **n >= self.most()).map(|(tenant, _)| *tenant).collect()
    }

    /// How many of the free slots can be filled without a look at whose jobs they are.
    pub(super) fn step(&self, free: usize) -> usize {
        let left = self.held.values().map(|n| self.most().saturating_sub(*n)).filter(|left| *left > 0);
        left.min().unwrap_or(usize::MAX).min(self.most()).min(free)
    }

    /// A job of the tenant was claimed.
    pub fn add(&mut self, tenant: TenantId) {
        *self.held.entry(tenant).or_default() += 1;
    }

    fn most(&self) -> usize {
        self.at_most.max(1)
    }
}

#[cfg(test)]
mod tests {
    use gangway_domain::id::PLATFORM_TENANT;

    use super::*;

    #[test]
    fn a_worker_with_one_slot_gives_it_to_anybody() {
        let share = TenantShare::of_slots(1, BTreeMap::new());
        assert_eq!((share.step(1), share.full()), (1, vec![]));
    }

    #[test]
    fn a_step_never_takes_a_tenant_past_its_share() {
        let mut share = TenantShare::of_slots(8, BTreeMap::from([(PLATFORM_TENANT, 5)]));
        assert_eq!(share.step(3), 2);
        share.add(PLATFORM_TENANT);
        share.add(PLATFORM_TENANT);
        assert!(share.has_full());
        assert_eq!((share.step(1), share.full()), (1, vec![PLATFORM_TENANT]));
    }
}
