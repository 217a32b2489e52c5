//! The vendor's bad luck, one fault at a time: switched on in the sandbox, met by a run, and gone again. Each test looks at the
//! run's end, at what the connection tells its admin, at what is held, and at whether the next run brings everything right.

mod clock;
mod clock_order;
mod credential;
mod limited;
mod outage;
mod paging;
mod stage;
mod transport;
mod values;
