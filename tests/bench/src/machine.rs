//! What the machine gives at the time: the price of a durable write, and the work of others.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Instant;

use crate::{Result, stats};

/// Median microseconds of a 4 KiB write followed by fdatasync, in the given folder.
pub fn fdatasync_us(folder: &Path) -> Result<f64> {
    const PAGE: usize = 4096;
    const PAGES: u64 = 64;
    let path = folder.join("fdatasync.bin");
    let file = File::create(&path)?;
    // A write-ahead log is overwritten in place most of the time, so the file has its length before.
    file.write_all_at(&vec![0; PAGE * PAGES as usize], 0)?;
    file.sync_all()?;
    let mut times = Vec::new();
    for number in 0..200_u64 {
        let page = [number as u8; PAGE];
        let started = Instant::now();
        file.write_all_at(&page, number % PAGES * PAGE as u64)?;
        file.sync_data()?;
        times.push(started.elapsed().as_secs_f64() * 1e6);
    }
    drop(file);
    fs::remove_file(path)?;
    Ok(stats::median(&times))
}

/// Resident memory of a process in MiB.
pub fn resident_mib(pid: u32) -> Result<f64> {
    status_mib(pid, "VmRSS:")
}

/// The most resident memory that a process had since `forget_peak`, in MiB.
pub fn peak_mib(pid: u32) -> Result<f64> {
    status_mib(pid, "VmHWM:")
}

/// Has the peak of a process begin anew with what it has now.
pub fn forget_peak(pid: u32) -> Result<()> {
    Ok(fs::write(format!("/proc/{pid}/clear_refs"), "5")?)
}

fn status_mib(pid: u32, key: &str) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    let kib: f64 = line.ok_or("no such key in /proc")?.trim().trim_end_matches(" kB").parse()?;
    Ok(kib / 1024.0)
}

/// Processor time that a process used since its start, in clock ticks, of which Linux has a hundred a second; that of its
/// children does not count.
pub fn processor_ticks(pid: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    Ok(times_of_process(&stat).take(2).sum())
}

/// utime, stime, cutime and cstime of a process, in clock ticks.
fn times_of_process(stat: &str) -> impl Iterator<Item = f64> + '_ {
    // The name in parentheses may hold spaces; the times are fields 14 to 17.
    let fields = stat.rsplit(')').next().unwrap_or_default();
    fields.split_whitespace().skip(11).take(4).filter_map(|n| n.parse().ok())
}

/// Processor time since boot, in clock ticks.
pub struct Cpu {
    all: f64,
    busy: f64,
    /// Ours and that of all children that have ended.
    own: f64,
}

impl Cpu {
    /// What was used so far.
    pub fn now() -> Result<Self> {
        let stat = fs::read_to_string("/proc/stat")?;
        let line = stat.lines().next().ok_or("empty /proc/stat")?;
        // user nice system idle iowait irq softirq steal; guest time is in user already.
        let ticks: Vec<f64> =
            line.split_whitespace().skip(1).take(8).filter_map(|n| n.parse().ok()).collect();
        let &[user, nice, system, idle, iowait, irq, softirq, steal] = ticks.as_slice() else {
            return Err("unknown /proc/stat".into());
        };
        let busy = user + nice + system + irq + softirq + steal;

        let stat = fs::read_to_string("/proc/self/stat")?;
        Ok(Self { all: busy + idle + iowait, busy, own: times_of_process(&stat).sum() })
    }

    /// The share of the machine that others used since then. Call it when all children have ended.
    pub fn foreign_percent_since(&self) -> Result<f64> {
        let now = Self::now()?;
        let foreign = (now.busy - self.busy) - (now.own - self.own);
        Ok((100.0 * foreign / (now.all - self.all)).max(0.0))
    }
}
