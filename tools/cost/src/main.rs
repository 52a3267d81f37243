//! What a webhook costs in instructions and in memory, counted by valgrind: the same on a busy machine as on a quiet one.
//!
//! `cargo run --release -p cost` compares the counts with the tables of `docs/performance/cost.md`, and fails if one has moved by more
//! than [`TOLERANCE`], or if the cost of a body grows faster than its size. With `UPDATE_COST=1` it writes the tables anew.
//!
//! A package of its own, and no benchmark of another one: so it is built of what the functions are built of, with the
//! features that they have.

// A program without an outside, which may stop where it stands.
#![allow(unreachable_pub, clippy::unwrap_used, clippy::panic)]

mod work;

use std::fmt::Write as _;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::{env, fs};

use work::{LARGEST, SHAPES, Shape, Step};

/// How far a count may be from the table, in percent. From run to run it moves by 3 (the order in which a map is written,
/// random numbers), on a processor without AVX by 2.5, since the C library copies in other ways there. Valgrind plays a
/// processor without SHA instructions, so hashing, which has other code for those, is counted alike everywhere.
const TOLERANCE: u64 = 5;
/// What the second half of the largest body may cost, in percent of the first. With a square it would be 300.
const GROWTH: u64 = 120;

/// The bodies of the table.
const BODIES: [(&str, Shape); 3] = [("0.3 KB", Shape::Small), ("1.7 KB", Shape::Typical), ("128 KiB", Shape::Items)];
/// The sizes at which growth is looked at.
const SIZES: [usize; 3] = [1024, LARGEST / 2, LARGEST];

/// All that is counted, in this order: the table, then what grows.
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
            // What is made once, and kept, is none of it.
            work();
            counted(&work);
        }),
        ["--repeat", nth, times] => {
            let (step, shape, size) = cases()[nth.parse::<usize>().unwrap()];
            let work = step.prepare(&shape.body(size));
            (0..times.parse().unwrap()).for_each(|_: u32| work());
        }
        _ => {
            let instructions = instructions();
            let (table, growing) = instructions.split_at(Step::ALL.len() * BODIES.len());
            let is_linear = grows_no_faster_than_the_body(growing);
            let is_documented = is_documented(table);
            return if is_linear && is_documented { ExitCode::SUCCESS } else { ExitCode::FAILURE };
        }
    }
    ExitCode::SUCCESS
}

/// Callgrind knows it by its name: it counts from its begin to its end.
#[inline(never)]
fn counted(work: &dyn Fn()) {
    work();
    // Or it would end where the work begins: a jump would do.
    black_box(());
}

/// The instructions of each case. Callgrind writes a file whenever `counted` has ended.
fn instructions() -> Vec<u64> {
    let directory = beside_this_program("callgrind");
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
    assert_eq!(totals.len(), cases().len(), "callgrind does not find `counted`");
    totals
}

/// The bytes that a case allocates: how much more a program does that does it twice than one that does it once.
fn allocated(nth: usize) -> u64 {
    let file = format!("--dhat-out-file={}", beside_this_program("dhat").display());
    let total = |times: &str| -> Option<u64> {
        let told = valgrind(&["--tool=dhat", &file], &["--repeat", &nth.to_string(), times]);
        let (_, total) = told.split_once("Total:")?;
        total.split_once("bytes")?.0.trim().replace(',', "").parse().ok()
    };
    total("2").unwrap() - total("1").unwrap()
}

/// Runs this program once more, under valgrind. Gives what valgrind says.
fn valgrind(tool: &[&str], program: &[&str]) -> String {
    let mut command = Command::new("valgrind");
    command.args(tool).arg(env::current_exe().unwrap()).args(program).env_clear().stdout(Stdio::null());
    let ended = command.output().unwrap_or_else(|error| panic!("valgrind: {error}"));
    let told = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(ended.status.success(), "{told}");
    told
}

fn beside_this_program(extension: &str) -> PathBuf {
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
            println!("{}, {shape:?}: {first} for the first half of 128 KiB, {second} for the second", step.name());
        }
    }
    is_linear
}

/// Whether the table of `docs/performance/cost.md` says so, or nearly so. It has a column more, for what the last body
/// allocates: that of the others moves with the order in which a map is written.
fn is_documented(instructions: &[u64]) -> bool {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/performance/cost.md");
    let text = fs::read_to_string(&path).unwrap();
    let (begin, end) = ("<!-- instructions -->\n\n", "\n<!-- end of instructions -->");
    let (before, rest) = text.split_once(begin).unwrap();
    let (documented, after) = rest.split_once(end).unwrap();
    let expected: Vec<u64> =
        documented.split('|').filter_map(|cell| cell.trim().replace(',', "").parse().ok()).collect();

    let mut counts: Vec<u64> = Vec::new();
    let mut table =
        format!("| Instructions | {} | and bytes |\n|---|--:|--:|--:|--:|\n", BODIES.map(|(size, _)| size).join(" | "));
    for (nth, step) in Step::ALL.into_iter().enumerate() {
        let before_these = counts.len();
        counts.extend(&instructions[nth * BODIES.len()..][..BODIES.len()]);
        counts.push(allocated((nth + 1) * BODIES.len() - 1));
        let cells: Vec<String> = counts[before_these..].iter().map(|count| in_groups(*count)).collect();
        writeln!(table, "| {} | {} |", step.name(), cells.join(" | ")).unwrap();
    }
    println!("{table}");
    if env::var_os("UPDATE_COST").is_some() {
        fs::write(&path, format!("{before}{begin}{table}{end}{after}")).unwrap();
        return true;
    }
    let near = |(count, expected): (&u64, &u64)| count.abs_diff(*expected) * 100 <= expected * TOLERANCE;
    let is_documented = expected.len() == counts.len() && counts.iter().zip(&expected).all(near);
    if !is_documented {
        println!("One of these is more than {TOLERANCE} % away from docs/performance/cost.md:\n\n{documented}");
        println!("If that is meant: UPDATE_COST=1 cargo run --release -p cost");
    }
    is_documented
}

/// `1234567` as `1,234,567`.
fn in_groups(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().filter_map(|group| str::from_utf8(group).ok()).collect();
    groups.join(",")
}
