//! What the planner does over time, and what it never does.
#![cfg(test)]

mod converge;
mod properties;
mod scenarios;
mod wrong;

mod sketch;
