//! Options of a simulation.

/// Configuration of a simulation.
#[derive(Debug, Clone, Copy)]
pub struct SimulationOptions {
    /// Number of purchases.
    pub orders: u32,
    /// Seed of the purchases and faults.
    pub seed: u64,
    /// Whether to inject faults.
    pub faults: bool,
}
