//! Every command of the README and the guides is valid.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Commands of the program in the shell blocks of a page.
fn commands(page: &str) -> Vec<String> {
    let mut commands = vec![];
    let mut block: Option<&str> = None;
    let mut line = String::new();
    for text in page.lines() {
        match (text.strip_prefix("```"), block) {
            (Some(kind), None) => block = Some(kind),
            (Some(_), Some(_)) => block = None,
            (None, Some("sh")) => match text.strip_suffix('\\') {
                Some(start) => line.push_str(start),
                None => {
                    line.push_str(text);
                    commands.extend(parts(&line));
                    line.clear();
                }
            },
            _ => {}
        }
    }
    commands
}

/// Commands of the program in a line.
fn parts(line: &str) -> Vec<String> {
    let (mut parts, mut quote, mut before) = (vec![String::new()], None, ' ');
    for c in line.chars() {
        let last = parts.len() - 1;
        match (c, quote) {
            ('#', None) if before == ' ' => break,
            ('|' | ';' | '&' | '>', None) => parts.push(String::new()),
            ('\'' | '"', None) => {
                quote = Some(c);
                parts[last].push(c);
            }
            (c, open) => {
                quote = open.filter(|&open| open != c);
                parts[last].push(c);
            }
        }
        before = c;
    }
    let start = |part: &String| part.find("refrain ").map(|at| part[at..].to_owned());
    let own = |part: &String| {
        let words = part.trim_start().trim_start_matches("do ");
        words.starts_with("refrain ") || words.starts_with("REFRAIN_")
    };
    parts.iter().filter(|part| own(part)).filter_map(start).collect()
}

#[test]
fn commands_of_the_guides_are_valid() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let guides = fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let pages: Vec<PathBuf> = guides
        .chain([root.join("README.md"), root.join("CONTRIBUTING.md")])
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    let mut count = 0;
    for path in pages {
        for command in commands(&fs::read_to_string(&path).unwrap()) {
            // Options are parsed before the help is printed, and nothing else is done.
            let program = env!("CARGO_BIN_EXE_refrain");
            let line = command.replacen("refrain", program, 1) + " --help";
            let output = Command::new("bash").args(["-c", &line]).env("cell", "lstm").output().unwrap();
            let message = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{}: {command}: {message}", path.display());
            count += 1;
        }
    }
    assert!(count > 60, "only {count} commands were found");
}
