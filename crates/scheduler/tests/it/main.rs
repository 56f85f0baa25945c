//! What the planner does over time, and what it never does.
#![cfg(test)]

mod choices;
mod converge;
mod even;
mod health;
mod hosts;
mod leases;
mod places;
mod properties;
mod rules;
mod scenario;
mod text;
mod unwell;
mod wrong;

mod sketch;
