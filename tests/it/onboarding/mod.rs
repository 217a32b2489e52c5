//! The main job through the API, on both databases: onboard, connect, check, discover, sync, read.

mod audit;
mod capabilities;
mod dialects;
mod main_job;
mod versions;
