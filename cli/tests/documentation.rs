//! Checks of the Markdown pages: relative links resolve, and the tests that the guarantees name exist.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// All tracked files with this extension, relative to the workspace.
fn tracked(extension: &str) -> Vec<PathBuf> {
    let mut git = Command::new("git");
    git.arg("-C").arg(workspace()).args(["ls-files", "-z", "--", &format!("*.{extension}")]);
    let output = git.output().unwrap();
    assert!(output.status.success(), "git ls-files failed: {}", String::from_utf8_lossy(&output.stderr));
    let paths: Vec<PathBuf> =
        String::from_utf8(output.stdout).unwrap().split_terminator('\0').map(Into::into).collect();
    assert!(!paths.is_empty(), "no tracked *.{extension}");
    paths
}

fn read(path: &Path) -> String {
    fs::read_to_string(workspace().join(path)).unwrap()
}

fn parse(markdown: &str) -> Parser<'_> {
    Parser::new_ext(markdown, Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES | Options::ENABLE_TASKLISTS)
}

/// The destinations of all links and images.
fn links(markdown: &str) -> Vec<String> {
    let destination = |event| match event {
        Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => Some(dest_url.into_string()),
        _ => None,
    };
    parse(markdown).filter_map(destination).collect()
}

/// The anchors that GitHub generates for the headings.
fn anchors(markdown: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    let mut uses: BTreeMap<String, usize> = BTreeMap::new();
    let mut heading: Option<String> = None;
    for event in parse(markdown) {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => {
                let slug = slug(&heading.take().unwrap());
                let count = uses.entry(slug.clone()).or_default();
                anchors.insert(if *count == 0 { slug } else { format!("{slug}-{count}") });
                *count += 1;
            }
            Event::Text(text) | Event::Code(text) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&text);
                }
            }
            _ => {}
        }
    }
    anchors
}

/// Lower case, without punctuation, and with hyphens in place of spaces.
fn slug(heading: &str) -> String {
    let allowed = |character: &char| character.is_alphanumeric() || matches!(character, ' ' | '-' | '_');
    heading
        .to_lowercase()
        .chars()
        .filter(allowed)
        .map(|character| if character == ' ' { '-' } else { character })
        .collect()
}

/// The problem with a link, if it is relative and does not resolve.
fn problem(page: &Path, link: &str) -> Option<&'static str> {
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (path, anchor) = link.split_once('#').map_or((link, None), |(path, anchor)| (path, Some(anchor)));
    let target = if path.is_empty() { page.to_owned() } else { page.parent().unwrap().join(path) };
    if path.starts_with('/') || !workspace().join(&target).exists() {
        return Some("no such file");
    }
    let is_page = target.extension().is_some_and(|extension| extension == "md");
    let anchor = anchor.filter(|_| is_page)?;
    (!anchors(&read(&target)).contains(anchor)).then_some("no such heading")
}

#[test]
fn relative_links_resolve() {
    let mut broken = Vec::new();
    let mut count = 0;
    for page in tracked("md") {
        for link in links(&read(&page)) {
            count += 1;
            if let Some(problem) = problem(&page, &link) {
                broken.push(format!("{}: {link}: {problem}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "broken links:\n{}", broken.join("\n"));
    assert!(count > 50, "only {count} links found");
}

/// The names in a page of guarantees.
#[derive(Default)]
struct Names {
    /// Paths of functions, such as `retries::retry_is_a_duplicate`.
    functions: BTreeSet<String>,
    /// Other identifiers in the list items that start with "Tests:".
    identifiers: BTreeSet<String>,
}

fn names(markdown: &str) -> Names {
    let is_identifier =
        |text: &str| text.chars().all(|character| character.is_ascii_alphanumeric() || character == '_');
    let mut names = Names::default();
    let mut in_tests = false;
    for event in parse(markdown) {
        match event {
            Event::Start(Tag::Item) | Event::End(TagEnd::Item) => in_tests = false,
            Event::Text(text) if &*text == "Tests:" => in_tests = true,
            Event::Code(code) if code.contains("::") => {
                let is_path = code.split("::").all(|segment| !segment.is_empty() && is_identifier(segment));
                if is_path && !code.contains(char::is_uppercase) {
                    names.functions.insert(code.into_string());
                }
            }
            Event::Code(code) if in_tests && is_identifier(&code) => {
                names.identifiers.insert(code.into_string());
            }
            _ => {}
        }
    }
    names
}

/// Whether a file defines this function, in modules of these names.
fn defines(path: &Path, source: &str, function: &str) -> bool {
    let mut segments: Vec<&str> = function.split("::").collect();
    let name = segments.pop().unwrap();
    let without_extension = path.with_extension("");
    let in_module = |module: &&str| {
        without_extension.iter().any(|component| component == *module) || source.contains(&format!("mod {module} {{"))
    };
    source.contains(&format!("fn {name}(")) && segments.iter().filter(|module| **module != "tests").all(in_module)
}

#[test]
fn tests_named_in_the_guarantees_exist() {
    let names = names(&read(Path::new("docs/design/guarantees.md")));
    assert!(names.functions.len() > 15 && names.identifiers.len() > 5, "the page names too few tests");
    let sources: Vec<(PathBuf, String)> = tracked("rs").into_iter().map(|path| (path.clone(), read(&path))).collect();
    let template = read(Path::new("template.yaml"));
    let is_missing = |function: &&String| !sources.iter().any(|(path, source)| defines(path, source, function));
    let mut missing: Vec<&String> = names.functions.iter().filter(is_missing).collect();
    let is_unknown = |identifier: &&String| {
        let mut texts = sources.iter().map(|(_, source)| source).chain([&template]);
        !texts.any(|text| {
            text.split(|character: char| !character.is_alphanumeric() && character != '_')
                .any(|word| word == **identifier)
        })
    };
    missing.extend(names.identifiers.iter().filter(is_unknown));
    assert!(missing.is_empty(), "docs/design/guarantees.md names tests that do not exist: {missing:#?}");
}

#[test]
fn anchors_match_those_of_github() {
    let page = "# One: `two_three` & *four*\n\n## A\n\n## A\n\nSetext's\n---\n";
    let expected = ["one-two_three--four", "a", "a-1", "setexts"].map(str::to_owned);
    assert_eq!(anchors(page), BTreeSet::from(expected));
}

#[test]
fn reports_missing_files_and_headings() {
    let page = Path::new("docs/deploy.md");
    for (link, expected) in [
        ("https://example.com/missing", None),
        ("../README.md", None),
        ("../README.md#quick-start", None),
        ("../README.md#missing", Some("no such heading")),
        ("README.md", Some("no such file")),
        ("/README.md", Some("no such file")),
    ] {
        assert_eq!(problem(page, link), expected, "{link}");
    }
}
