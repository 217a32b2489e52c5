//! What can happen to an account and to the engine that reads it. A seed is a list of steps; a step holds its own dice, so that
//! leaving others out does not change it.

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

/// Steps of a seed, the quiet time at the end apart.
const STEPS: u32 = 24;

/// One thing that happens. A number names somebody: the one in that place, modulo how many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// So many people come.
    Hire(u32),
    /// Somebody's name is another.
    Rename(u32),
    /// Somebody's size is another.
    Resize(u32),
    /// Somebody's salary is another.
    Raise(u32),
    /// Somebody leaves the company, and stays in the account.
    Leave(u32),
    /// Somebody is deleted.
    Remove(u32),
    /// All but every third are deleted.
    RemoveMany,
    /// Nobody is left.
    RemoveAll,
    /// Somebody who was deleted is hired again, under a new id.
    Rehire(u32),
    /// Somebody who was deleted is there again.
    Reappear(u32),
    /// The credential loses the right to an attribute.
    Withdraw,
    /// It has it again.
    Grant,
    /// The credential may no longer list the attributes.
    ForbidDiscovery,
    /// It may again.
    AllowDiscovery,
    /// The credential may no longer see somebody.
    Hide(u32),
    /// Listings leave somebody out, and a single read shows them.
    Unlist(u32),
    /// Everybody is seen again.
    ShowAll,
    /// Somebody's record cannot be read.
    Spoil(u32),
    /// Every record can.
    Mend,
    /// The next calls fail, one by one.
    Fail { n: u32, kind: u32 },
    /// The next single reads fail.
    FailSingle { n: u32, kind: u32 },
    /// The account has no single reads.
    DropSingles,
    /// It has them again.
    OfferSingles,
    /// Our own budget is used up for some calls.
    Starve(u32),
    /// Listings claim another total.
    Miscount(u32),
    /// Listings count well again.
    Count,
    /// Pages are of another size.
    Pages(u32),
    /// Somebody asks for a run.
    Start { is_full: bool },
    /// A worker takes a job, and is asked to stop after so many calls.
    Work { calls: u32 },
    /// Workers take jobs until none is due.
    Drain,
    /// A worker dies between a page and its commit.
    Crash,
    /// A worker stalls between a page and its commit, and another one takes its job and ends it.
    Stall,
    /// Time passes, and the clock starts what is due.
    Pass { hours: u32 },
    /// The clock is set.
    Jump { is_back: bool },
    /// The tenant selects the salary, or no longer.
    Choose { is_selected: bool },
    /// The tenant has a field fed by the size, or no longer.
    Map { is_mapped: bool },
    /// How many deletions are believed without a human.
    Believe { most: u32 },
    /// A human says yes to what is held.
    Release,
    /// Or no.
    Refuse,
}

/// The steps of a seed.
pub(super) fn of(seed: u64) -> Vec<Step> {
    let mut dice = StdRng::seed_from_u64(seed);
    let mut steps = vec![Step::Hire(dice.random_range(1..9))];
    if dice.random_range(0..4) > 0 {
        steps.extend([Step::Start { is_full: true }, Step::Drain]);
    }
    let n = dice.random_range(1..=STEPS);
    steps.extend((0..n).map(|_| one(&mut dice)));
    steps
}

fn one(dice: &mut StdRng) -> Step {
    let mut upto = |most: u32| dice.random_range(0..most);
    match upto(68) {
        0..=2 => Step::Hire(1 + upto(3)),
        3..=5 => Step::Rename(upto(1_000)),
        6..=7 => Step::Resize(upto(1_000)),
        8 => Step::Raise(upto(1_000)),
        9..=10 => Step::Leave(upto(1_000)),
        11..=14 => Step::Remove(upto(1_000)),
        15 => Step::RemoveMany,
        16 => Step::RemoveAll,
        17..=18 => Step::Rehire(upto(1_000)),
        19..=20 => Step::Reappear(upto(1_000)),
        21 => Step::Withdraw,
        22 => Step::Grant,
        23 => Step::ForbidDiscovery,
        24 => Step::AllowDiscovery,
        25 => Step::Hide(upto(1_000)),
        26 => Step::Unlist(upto(1_000)),
        27 => Step::ShowAll,
        28 => Step::Spoil(upto(1_000)),
        29 => Step::Mend,
        30..=31 => Step::Fail { n: 1 + upto(4), kind: upto(1_000) },
        32 => Step::FailSingle { n: 1 + upto(4), kind: upto(1_000) },
        33 => Step::Starve(1 + upto(3)),
        34 => Step::Miscount(upto(12)),
        35 => Step::Count,
        36 => Step::Pages(1 + upto(5)),
        37..=40 => Step::Start { is_full: upto(2) == 0 },
        41..=45 => Step::Work { calls: 1 + upto(3) },
        46..=49 => Step::Drain,
        50..=51 => Step::Crash,
        52..=53 => Step::Stall,
        54..=56 => Step::Pass { hours: 1 + upto(40) },
        57 => Step::Jump { is_back: upto(2) == 0 },
        58..=59 => Step::Choose { is_selected: upto(2) == 0 },
        60 => Step::Believe { most: upto(12) },
        61..=62 => Step::Release,
        63 => Step::Refuse,
        64 => Step::DropSingles,
        65 => Step::OfferSingles,
        _ => Step::Map { is_mapped: upto(2) == 0 },
    }
}
