//! Checks imports: there are no cycles between files of a crate, and the modules of the library are ordered so that each
//! imports only from earlier ones.
//!
//! A name counts as imported from the file that defines it, not from a `mod.rs` that re-exports it. Names of enclosing
//! modules (`super::NAME`, defined in the `mod.rs`) do not count as imports.

mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use source::Scope;

/// The modules of the library in the order of `docs/design.md`; those on one line may import from each other.
const ORDER: [&[&str]; 17] = [
    &["number"],
    &["error", "note"],
    &["text", "format"],
    &["data"],
    &["params"],
    &["layer"],
    &["model"],
    &["store"],
    &["session"],
    &["sample"],
    &["metric", "picture"],
    &["option"],
    &["inspect"],
    &["train"],
    &["bench"],
    &["task"],
    &["any"],
];

/// Exceptions: importing file, imported file, reason. At most three.
const ALLOWED: [(&str, &str, &str); 0] = [];

const CRATES: [(&str, &str, &str); 3] = [
    ("refrain_kernels", "kernels", "lib.rs"),
    ("refrain", "refrain", "lib.rs"),
    ("refrain_cli", "cli", "main.rs"),
];

/// The path of a module, starting with its crate.
type Route = Vec<String>;

#[derive(Default)]
struct Module {
    file: String,
    /// Imported and re-exported names, with the paths of their origins.
    names: BTreeMap<String, Route>,
}

/// All modules of all crates, and the imports of their files.
#[derive(Default)]
struct Tree {
    modules: BTreeMap<Route, Module>,
    imports: BTreeSet<(String, String)>,
}

impl Tree {
    fn read(crates: &Path) -> Self {
        let mut tree = Self::default();
        let mut found = vec![];
        for (name, folder, root) in CRATES {
            let source = crates.join(folder).join("src");
            let mut files = vec![];
            rust_files(&source, "", &mut files);
            for file in files {
                let text = fs::read_to_string(source.join(&file)).unwrap();
                let at = route(name, &file, root);
                for scope in source::scopes(&text) {
                    let at: Route = at.iter().chain(&scope.inline).cloned().collect();
                    let file = format!("crates/{folder}/src/{file}");
                    tree.modules.insert(at.clone(), Module { file, names: BTreeMap::new() });
                    found.push((at, scope));
                }
            }
        }
        for (at, scope) in &found {
            for used in &scope.uses {
                if let Some(route) = tree.absolute(at, &used.path) {
                    let names = &mut tree.modules.get_mut(at).expect("a module that was found").names;
                    names.insert(used.name.clone(), route);
                }
            }
        }
        for (at, scope) in &found {
            tree.add_imports(at, scope);
        }
        tree
    }

    fn add_imports(&mut self, at: &Route, scope: &Scope) {
        let from = self.modules[at].file.clone();
        // A re-export is an import only if the name is used here, too.
        let taken = scope.uses.iter().filter(|used| !used.public || scope.words.contains(&used.name));
        for path in taken.map(|used| &used.path).chain(&scope.paths) {
            let to = self.absolute(at, path).and_then(|route| self.file_of(&route, 0));
            // Names of enclosing modules do not count.
            let is_around = |to: &String| (1..=at.len()).any(|n| self.modules[&at[..n]].file == *to);
            if let Some(to) = to.filter(|to| !is_around(to)) {
                self.imports.insert((from.clone(), to));
            }
        }
    }

    /// Resolves a path that occurs in a module; `None` outside of the crates.
    fn absolute(&self, at: &Route, path: &[String]) -> Option<Route> {
        let (first, rest) = path.split_first()?;
        let start = match &first[..] {
            "crate" => at[..1].to_vec(),
            "self" => at.clone(),
            "super" => at[..at.len() - 1].to_vec(),
            _ if self.modules.contains_key(&child(at, first)) => child(at, first),
            _ if self.modules[at].names.contains_key(first) => self.modules[at].names[first].clone(),
            _ => CRATES.iter().find(|(name, ..)| name == first).map(|_| vec![first.clone()])?,
        };
        match rest.first().is_some_and(|next| next == "super") {
            true => self.absolute(&start, rest),
            false => Some(start.iter().chain(rest).cloned().collect()),
        }
    }

    /// The file that defines an item; `None` for a module of several files.
    fn file_of(&self, route: &[String], depth: usize) -> Option<String> {
        assert!(depth < 20, "{route:?} is a re-export of itself");
        let mut at = route[..1].to_vec();
        for (i, name) in route.iter().enumerate().skip(1) {
            let (next, module) = (child(&at, name), &self.modules[&at]);
            let is_module = self.modules.contains_key(&next);
            match module.names.get(name) {
                Some(origin) if i + 1 == route.len() || !is_module => {
                    let whole: Route = origin.iter().chain(&route[i + 1..]).cloned().collect();
                    return self.file_of(&whole, depth + 1);
                }
                _ if is_module => at = next,
                _ => return Some(module.file.clone()),
            }
        }
        let file = &self.modules[&at].file;
        (!["/mod.rs", "/lib.rs"].iter().any(|face| file.ends_with(face))).then(|| file.clone())
    }

    /// Groups of files that import each other.
    fn cycles(&self) -> Vec<BTreeSet<&str>> {
        let mut reached: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (from, _) in &self.imports {
            let mut open = vec![&from[..]];
            let seen = reached.entry(from).or_default();
            while let Some(at) = open.pop() {
                let next = self.imports.iter().filter(|(from, _)| from == at).map(|(_, to)| &to[..]);
                open.extend(next.filter(|to| seen.insert(to)));
            }
        }
        let both = |a: &str, b: &str| reached.get(b).is_some_and(|reached| reached.contains(a));
        let group = |a: &str| reached[a].iter().copied().filter(|b| both(a, b)).collect::<BTreeSet<_>>();
        let groups: BTreeSet<_> =
            reached.keys().map(|a| group(a)).filter(|group| !group.is_empty()).collect();
        groups.into_iter().collect()
    }

    /// Imports from later modules of the library.
    fn later(&self) -> Vec<(&str, &str)> {
        let all = self.imports.iter().map(|(from, to)| (&from[..], &to[..]));
        all.filter(|(from, to)| matches!((place(from), place(to)), (Some(from), Some(to)) if from < to))
            .collect()
    }
}

fn child(at: &[String], name: &str) -> Route {
    at.iter().cloned().chain([name.to_owned()]).collect()
}

/// The source files of a folder, by their relative paths, without test modules.
fn rust_files(folder: &Path, below: &str, files: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let is_test = ["tests.rs", "_tests.rs", "_against_hardware.rs", "tile_emulator.rs"];
        if entry.path().is_dir() {
            rust_files(&entry.path(), &format!("{below}{name}/"), files);
        } else if name.ends_with(".rs") && !is_test.iter().any(|end| name.ends_with(end)) {
            files.push(format!("{below}{name}"));
        }
    }
}

/// The module path of a file.
fn route(of_crate: &str, file: &str, root: &str) -> Route {
    let module = if file == root { "" } else { file.trim_end_matches(".rs").trim_end_matches("/mod") };
    let names = module.split('/').filter(|name| !name.is_empty()).map(str::to_owned);
    [of_crate.to_owned()].into_iter().chain(names).collect()
}

/// Position in the order of a file of the library; `None` for `lib.rs` and files of other crates.
fn place(file: &str) -> Option<usize> {
    let below = file.strip_prefix("crates/refrain/src/").filter(|below| *below != "lib.rs")?;
    let module = below.split('/').next().unwrap_or_default().trim_end_matches(".rs");
    let place = ORDER.iter().position(|together| together.contains(&module));
    Some(place.unwrap_or_else(|| panic!("the module `{module}` is missing in ORDER")))
}

#[test]
fn only_paths_in_code_are_found() {
    let text = r###"
        use crate::a::{self, B, c::{D as E, F},};
        pub(crate) use g::*; // use crate::comment::X;
        /// `crate::docs::X`
        fn f<'a>(x: &'a str) -> H { let y = ("use crate::x::Y; \" z::Z", '"', '\'', r#"crate::"raw"::X"#); self::i::j(y) }
        mod inner { fn k() { super::l(); x.m::<N>() } }
        #[cfg(test)] #[path = "x.rs"] mod tests { use crate::test::X; }
        #[cfg(test)] fn only([_; 2]: [u8; 2]) { crate::test::X }
        #[derive(Debug)] struct O(p::Q);
    "###;
    let scopes = source::scopes(text);
    let uses: Vec<_> = scopes[0].uses.iter().map(|u| (u.path.join("::"), &u.name[..], u.public)).collect();
    let expected =
        [("crate::a", "a"), ("crate::a::B", "B"), ("crate::a::c::D", "E"), ("crate::a::c::F", "F")];
    let expected = expected.map(|(path, name)| (path.to_owned(), name, false));
    assert_eq!(uses, [&expected[..], &[("g".to_owned(), "*", true)]].concat());
    let paths = |of: usize| scopes[of].paths.iter().map(|path| path.join("::")).collect::<Vec<_>>();
    assert_eq!((paths(0), paths(1)), (vec!["self::i::j".into(), "p::Q".into()], vec!["super::l".to_owned()]));
    assert_eq!((scopes.len(), &scopes[1].inline[..]), (2, &["inner".to_owned()][..]));
}

#[test]
fn imports_follow_the_order_of_modules() {
    let tree = Tree::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    assert!(tree.imports.len() > 500, "only {} imports were found", tree.imports.len());
    let mut report = String::new();
    let cycles = tree.cycles();
    for cycle in &cycles {
        writeln!(report, "cycle of {} files:", cycle.len()).unwrap();
        for (from, to) in &tree.imports {
            if cycle.contains(&from[..]) && cycle.contains(&to[..]) {
                writeln!(report, "    {from} -> {to}").unwrap();
            }
        }
    }
    let (allowed, later): (Vec<_>, Vec<_>) = tree
        .later()
        .into_iter()
        .partition(|import| ALLOWED.iter().any(|(from, to, _)| (*from, *to) == *import));
    for (from, to) in &later {
        writeln!(report, "from a later module: {from} -> {to}").unwrap();
    }
    assert!(
        ALLOWED.len() <= 3 && allowed.len() == ALLOWED.len(),
        "ALLOWED has too many entries, or outdated ones"
    );
    assert!(
        cycles.is_empty() && later.is_empty(),
        "{} cycles, {} later\n{report}",
        cycles.len(),
        later.len()
    );
}
