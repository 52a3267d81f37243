//! Checks of `template.yaml`: its own rules, and its agreement with the code.

mod alarms;
mod api;
mod document;
mod functions;
mod operators;
mod permissions;
mod relay;
mod sources;
mod storage;
mod unsigned;
mod versions;
