//! The lines of all functions.

use super::*;

mod all_lines;
mod lines;
