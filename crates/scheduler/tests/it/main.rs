//! What the planner does over time, and what it never does.
#![cfg(test)]

mod converge;
mod health;
mod places;
mod properties;
mod rules;
mod scenario;
mod text;
mod wrong;

mod sketch;
