//! Counts the instructions and the memory of a webhook with valgrind, independent of the load of the machine.
//!
//! `cargo run --release -p cost` compares the counts with the table of `docs/performance/cost.md`. It fails if a count
//! differs by more than [`TOLERANCE`], or if the cost of a body grows faster than its size. With `-- --update` it writes
//! the table.
//!
//! This is a package of its own so that its dependencies have the same features as those of the functions.

// A developer tool: a panic is an acceptable way to fail.
#![allow(unreachable_pub, clippy::unwrap_used, clippy::panic)]

mod work;

use std::fmt::Write as _;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::{env, fs};

use work::{LARGEST, SHAPES, Shape, Step};

/// Permitted difference from the table, in percent.
///
/// Counts vary by 3 % between runs (order of map entries, random numbers), and by 2.5 % on a processor without AVX, where
/// the C library copies differently. Valgrind emulates a processor without SHA instructions, so hashing counts the same
/// everywhere.
const TOLERANCE: u64 = 5;
/// Permitted cost of the second half of the largest body, in percent of the first. Quadratic growth would be 300.
const GROWTH: u64 = 120;

/// The bodies of the table.
const BODIES: [(&str, Shape); 3] = [("0.3 KB", Shape::Small), ("1.7 KB", Shape::Typical), ("128 KiB", Shape::Items)];
/// Body sizes at which growth is checked.
const SIZES: [usize; 3] = [1024, LARGEST / 2, LARGEST];

/// All counted cases, in order: the table, then the growth checks.
fn cases() -> Vec<(Step, Shape, usize)> {
    let table = Step::ALL.into_iter().flat_map(|step| BODIES.map(|(_, shape)| (step, shape, LARGEST)));
    let growing = Step::ALL.into_iter().flat_map(|step| SHAPES.map(|shape| (step, shape)));
    table.chain(growing.flat_map(|(step, shape)| SIZES.map(|size| (step, shape, size)))).collect()
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--count"] => cases().into_iter().for_each(|(step, shape, size)| {
            let work = step.prepare(&shape.body(size));
            // Excludes lazy initialization from the count.
            work();
            counted(&work);
        }),
        ["--repeat", nth, times] => {
            let (step, shape, size) = cases()[nth.parse::<usize>().unwrap()];
            let work = step.prepare(&shape.body(size));
            (0..times.parse().unwrap()).for_each(|_: u32| work());
        }
        ["--update"] => update_table(&table(&instructions())),
        _ => {
            let instructions = instructions();
            let (table, growing) = instructions.split_at(Step::ALL.len() * BODIES.len());
            let is_linear = grows_no_faster_than_the_body(growing);
            let is_documented = is_documented(&self::table(table));
            return if is_linear && is_documented { ExitCode::SUCCESS } else { ExitCode::FAILURE };
        }
    }
    ExitCode::SUCCESS
}

/// Callgrind counts from the start to the end of this function, which it finds by name.
#[inline(never)]
fn counted(work: &dyn Fn()) {
    work();
    // Prevents a tail call, which would end this function early.
    black_box(());
}

/// Counts the instructions of each case. Callgrind writes a file each time `counted` returns.
fn instructions() -> Vec<u64> {
    let directory = next_to_this_program("callgrind");
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir(&directory).unwrap();
    let files = format!("--callgrind-out-file={}", directory.join("out").display());
    let [only, each] = ["--toggle-collect=cost::counted", "--dump-after=cost::counted"];
    valgrind(&["--tool=callgrind", only, each, &files], &["--count"]);
    let total = |nth: usize| {
        let text = fs::read_to_string(directory.join(format!("out.{nth}"))).ok()?;
        text.lines().find_map(|line| line.strip_prefix("totals: ")?.trim().parse().ok())
    };
    let totals: Vec<u64> = (1..=cases().len()).map_while(total).collect();
    assert_eq!(totals.len(), cases().len(), "callgrind did not find `counted`");
    totals
}

/// Bytes that a case allocates: the difference between running it twice and once.
fn allocated(nth: usize) -> u64 {
    let file = format!("--dhat-out-file={}", next_to_this_program("dhat").display());
    let total = |times: &str| -> Option<u64> {
        let output = valgrind(&["--tool=dhat", &file], &["--repeat", &nth.to_string(), times]);
        let (_, total) = output.split_once("Total:")?;
        total.split_once("bytes")?.0.trim().replace(',', "").parse().ok()
    };
    total("2").unwrap() - total("1").unwrap()
}

/// Runs this program under valgrind. Returns the output of valgrind.
fn valgrind(tool: &[&str], program: &[&str]) -> String {
    let mut command = Command::new("valgrind");
    command.args(tool).arg(env::current_exe().unwrap()).args(program).env_clear().stdout(Stdio::null());
    let output = command.output().unwrap_or_else(|error| panic!("valgrind: {error}"));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{text}");
    text
}

fn next_to_this_program(extension: &str) -> PathBuf {
    env::current_exe().unwrap().with_extension(extension)
}

fn grows_no_faster_than_the_body(counts: &[u64]) -> bool {
    let mut is_linear = true;
    let cases = cases();
    let growing = &cases[cases.len() - counts.len()..];
    for (cases, counts) in growing.chunks(SIZES.len()).zip(counts.chunks(SIZES.len())) {
        let (first, second) = (counts[1] - counts[0], counts[2] - counts[1]);
        let (step, shape, _) = cases[0];
        if second * 100 > first * GROWTH {
            is_linear = false;
            println!(
                "{}, {shape:?}: grows faster than the body: {first} for the first half of 128 KiB, {second} for the second",
                step.name()
            );
        }
    }
    is_linear
}

/// The counts of a table: instructions per step and body, then the bytes allocated for the largest body.
///
/// Allocations for smaller bodies vary with the order of map entries.
fn table(instructions: &[u64]) -> Vec<u64> {
    let mut counts = Vec::new();
    for nth in 0..Step::ALL.len() {
        counts.extend(&instructions[nth * BODIES.len()..][..BODIES.len()]);
        counts.push(allocated((nth + 1) * BODIES.len() - 1));
    }
    counts
}

/// The table in Markdown.
fn markdown(counts: &[u64]) -> String {
    let mut table = format!(
        "| Instructions | {} | Bytes allocated, 128 KiB |\n|---|--:|--:|--:|--:|\n",
        BODIES.map(|(size, _)| size).join(" | ")
    );
    for (step, counts) in Step::ALL.iter().zip(counts.chunks(BODIES.len() + 1)) {
        let cells: Vec<String> = counts.iter().map(|count| with_separators(*count)).collect();
        writeln!(table, "| {} | {} |", step.name(), cells.join(" | ")).unwrap();
    }
    table
}

fn page_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/performance/cost.md")
}

/// Splits the page into the text before the table, the table, and the text after it.
fn split_page(page: &str) -> (&str, &str, &str) {
    let (before, rest) = page.split_once("<!-- instructions -->\n\n").unwrap();
    let (table, after) = rest.split_once("\n<!-- end of instructions -->").unwrap();
    (before, table, after)
}

/// Whether the counts are those of the page, within the tolerance.
fn is_documented(counts: &[u64]) -> bool {
    let page = fs::read_to_string(page_path()).unwrap();
    let (_, documented, _) = split_page(&page);
    let expected: Vec<u64> =
        documented.split('|').filter_map(|cell| cell.trim().replace(',', "").parse().ok()).collect();
    println!("{}", markdown(counts));
    let is_close = |(count, expected): (&u64, &u64)| count.abs_diff(*expected) * 100 <= expected * TOLERANCE;
    let is_documented = expected.len() == counts.len() && counts.iter().zip(&expected).all(is_close);
    if !is_documented {
        println!("A count differs by more than {TOLERANCE} % from docs/performance/cost.md:\n\n{documented}");
        println!("If the change is intended: cargo run --release -p cost -- --update");
    }
    is_documented
}

/// Writes the table into the page.
fn update_table(counts: &[u64]) {
    let page = fs::read_to_string(page_path()).unwrap();
    let (before, _, after) = split_page(&page);
    let table = markdown(counts);
    println!("{table}");
    let page = format!("{before}<!-- instructions -->\n\n{table}\n<!-- end of instructions -->{after}");
    fs::write(page_path(), page).unwrap();
}

/// Formats `1234567` as `1,234,567`.
fn with_separators(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().filter_map(|group| str::from_utf8(group).ok()).collect();
    groups.join(",")
}
