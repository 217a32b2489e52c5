//! A secret and a salary put through every flow appear nowhere in clear: no log, span, error, job, row, file or write-ahead
//! log, in no encoding. Leaks that are planted are found, so that a blind search would be noticed.

mod flows;
mod planted;
