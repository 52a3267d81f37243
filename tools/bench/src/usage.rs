//! CPU time and memory of a process, from the kernel.

use std::time::Duration;

use local::lambda_emulator::LambdaEmulator;
use nix::time::clock_getcpuclockid;
use nix::unistd::Pid;

use crate::Error;

/// CPU time of a process, all threads included.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    /// From the kernel's clock of the process, in nanoseconds.
    pub(crate) cpu: Duration,
    /// User mode, in ticks of usually 10 ms: precise enough for a share.
    pub(crate) user: u64,
    /// Kernel mode, in ticks.
    pub(crate) system: u64,
}

impl Usage {
    pub(crate) fn of(pid: Option<u32>) -> Result<Self, Error> {
        let pid = pid.ok_or("the process has ended")?;
        let cpu = clock_getcpuclockid(Pid::from_raw(pid.try_into()?))?.now()?.into();
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let (user, system) = ticks(&stat).ok_or("cannot parse /proc/PID/stat")?;
        Ok(Self { cpu, user, system })
    }

    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            cpu: self.cpu.saturating_sub(before.cpu),
            user: self.user - before.user,
            system: self.system - before.system,
        }
    }
}

/// `utime` and `stime`: fields 14 and 15. Field 2, the name in parentheses, may contain any character.
fn ticks(stat: &str) -> Option<(u64, u64)> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

/// Peak resident memory (`VmHWM`), in bytes.
pub(crate) fn peak_memory(function: &LambdaEmulator) -> Result<u64, Error> {
    let pid = function.pid().ok_or("the process has ended")?;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    Ok(1024 * kilobytes(&status, "VmHWM").ok_or("no VmHWM in /proc/PID/status")?)
}

fn kilobytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_ticks_if_process_name_contains_parentheses() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 100 0 0 0 12 34 0 0 20 0 1 0 99 1 2";
        assert_eq!(ticks(stat), Some((12, 34)));
    }

    #[test]
    fn finds_memory_by_exact_name() {
        let status = "Name:\twebhook\nVmHWM:\t    7788 kB\nVmRSS:\t    7000 kB\n";
        assert_eq!(kilobytes(status, "VmHWM"), Some(7788));
        assert_eq!(kilobytes(status, "Vm"), None);
    }
}
