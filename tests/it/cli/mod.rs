//! The command line as a person meets it: help, settings, one-shot commands, `serve`, `demo`, and the README's own block.

mod apart;
mod by_hand;
mod chaos;
mod connections;
mod demo;
mod demo_again;
mod demo_refusals;
mod end_state;
mod help;
mod killed;
mod metrics;
mod one_shot;
mod process;
mod redis;
mod rewrap;
mod sandbox;
mod scripts;
mod serve;
mod settings;
mod three_logins;
mod traces;
mod trouble;
mod unwritable;
