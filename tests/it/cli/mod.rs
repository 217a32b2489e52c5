//! The command line as a person meets it: help, settings, one-shot commands, `serve`, `demo`, and the README's own block.

mod by_hand;
mod demo;
mod demo_refusals;
mod help;
mod one_shot;
mod process;
mod sandbox;
mod serve;
mod settings;
