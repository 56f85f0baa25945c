//! GitHub tells of pushes and of people, and is told of builds and deploys: the server against a GitHub on loopback.

mod chain;
mod checks;
mod deliveries;
mod hooks;
mod kept;
mod readme;
mod repositories;
mod shown;
mod wanted;
mod world;
