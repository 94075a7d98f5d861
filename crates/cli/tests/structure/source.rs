//! Parses Rust source files as far as imports need it: tokens and paths.

/// A name imported by `use`.
pub(crate) struct Use {
    /// As written, without `self` or `*` at the end.
    pub(crate) path: Vec<String>,
    /// Name in this module.
    pub(crate) name: String,
    /// Whether it is re-exported by `pub use`.
    pub(crate) public: bool,
}

/// A module of a file.
#[derive(Default)]
pub(crate) struct Scope {
    /// Path within the file; empty for the file itself.
    pub(crate) inline: Vec<String>,
    pub(crate) uses: Vec<Use>,
    /// Paths of at least two names, in code.
    pub(crate) paths: Vec<Vec<String>>,
    /// Single names in code.
    pub(crate) words: Vec<String>,
}

/// The modules of a file, starting with the file itself, without tests.
pub(crate) fn scopes(text: &str) -> Vec<Scope> {
    let tokens = without_tests(&tokens(text));
    let mut done = vec![];
    // The open modules, with the number of braces around them.
    let mut open = vec![(Scope::default(), 0)];
    let (mut i, mut depth) = (0, 0);
    while i < tokens.len() {
        let next = |ahead: usize| tokens.get(i + ahead).map_or("", |token| &token[..]);
        let scope = &mut open.last_mut().expect("the file itself").0;
        match next(0) {
            "use" if next(1) != "<" => {
                let end = i + tokens[i..].iter().position(|token| token == ";").expect("`use` ends in `;`");
                let public = i > 0 && ["pub", ")"].contains(&&tokens[i - 1][..]);
                flatten(&mut tokens[i + 1..end].iter().map(|token| &token[..]), &[], public, &mut scope.uses);
                i = end;
            }
            "mod" if next(2) == "{" => {
                let inline = scope.inline.iter().cloned().chain([next(1).to_owned()]).collect();
                open.push((Scope { inline, ..Scope::default() }, depth));
                i += 1;
            }
            "mod" => i += 1,
            "{" => depth += 1,
            "}" => {
                depth -= 1;
                if open.len() > 1 && open.last().is_some_and(|(_, outside)| *outside == depth) {
                    done.extend(open.pop().map(|(scope, _)| scope));
                }
            }
            // Fields and methods are not modules or items.
            token if is_name(token) && !(i > 0 && tokens[i - 1] == ".") => {
                let mut path = vec![token.to_owned()];
                while next(2 * path.len() - 1) == "::" && is_name(next(2 * path.len())) {
                    path.push(next(2 * path.len()).to_owned());
                }
                i += 2 * (path.len() - 1);
                match path.len() {
                    1 => scope.words.append(&mut path),
                    _ => scope.paths.push(path),
                }
            }
            _ => {}
        }
        i += 1;
    }
    done.extend(open.into_iter().map(|(scope, _)| scope));
    done.reverse();
    done
}

/// Flattens a tree `a::{b, c::{self, d as e}}` with the names before it.
fn flatten<'t>(
    tokens: &mut impl Iterator<Item = &'t str>,
    before: &[String],
    public: bool,
    uses: &mut Vec<Use>,
) {
    loop {
        let (mut path, mut alias, mut is_leaf) = (before.to_vec(), None, false);
        let end = loop {
            match tokens.next() {
                Some("{") => {
                    flatten(tokens, &path, public, uses);
                    is_leaf = false;
                }
                Some("as") => alias = tokens.next(),
                Some("::") => {}
                // At the end it is the name before it, at the start the module itself.
                Some("self") if !path.is_empty() => is_leaf = true,
                end @ (Some("," | "}") | None) => break end,
                Some(name) => {
                    path.push(name.to_owned());
                    is_leaf = true;
                }
            }
        };
        if is_leaf {
            let name = alias.or(path.last().map(|last| &last[..])).unwrap_or_default().to_owned();
            path.retain(|name| name != "*");
            uses.push(Use { path, name, public });
        }
        if end != Some(",") {
            return;
        }
    }
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Names, `::` and single characters, without comments and literals.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = vec![];
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let name = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        let length = match first {
            _ if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            _ if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            '"' => quoted(rest),
            '\'' => character(rest),
            _ if name > 0 && ["r", "br", "cr"].contains(&&rest[..name]) && raw(&rest[name..]) > 0 => {
                name + raw(&rest[name..])
            }
            _ if name > 0 => {
                tokens.push(rest[..name].to_owned());
                name
            }
            ':' if rest.starts_with("::") => {
                tokens.push("::".to_owned());
                2
            }
            _ => {
                if !first.is_whitespace() {
                    tokens.push(first.to_string());
                }
                first.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    tokens
}

/// The length of the string literal at the start of a text.
fn quoted(text: &str) -> usize {
    let mut escaped = false;
    let end = text[1..].find(|c| {
        let is_end = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        is_end
    });
    end.map_or(text.len(), |end| end + 2)
}

/// The length of the character literal at the start of a text; 1 for a lifetime.
fn character(text: &str) -> usize {
    let mut chars = text[1..].char_indices();
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), Some((escaped, _))) => {
            text[escaped + 2..].find('\'').map_or(text.len(), |end| escaped + 2 + end + 1)
        }
        (Some(_), Some((end, '\''))) => end + 2,
        _ => 1,
    }
}

/// The length of a raw string after its prefix; 0 if it is not one.
fn raw(text: &str) -> usize {
    let signs = text.find(|c| c != '#').unwrap_or(0);
    if !text[signs..].starts_with('"') {
        return 0;
    }
    let end = format!("\"{}", &text[..signs]);
    text[signs + 1..].find(&end).map_or(text.len(), |at| signs + 1 + at + end.len())
}

/// The tokens without attributes and test items.
fn without_tests(tokens: &[String]) -> Vec<String> {
    let mut kept: Vec<String> = vec![];
    let mut i = 0;
    while i < tokens.len() {
        let is_attribute = tokens[i] == "#" && tokens.get(i + 1).is_some_and(|next| next == "[");
        if !is_attribute {
            kept.push(tokens[i].clone());
            i += 1;
            continue;
        }
        let end = closing(tokens, i + 1);
        let attribute: Vec<&str> = tokens[i..end].iter().map(|token| &token[..]).collect();
        let is_test = attribute.starts_with(&["#", "[", "cfg", "(", "test", ")"])
            || attribute.starts_with(&["#", "[", "cfg", "(", "all", "(", "test", ","])
            || attribute == ["#", "[", "test", "]"];
        i = if is_test { item_end(tokens, end) } else { end };
    }
    kept
}

/// The position after the item at `i` with its further attributes.
fn item_end(tokens: &[String], mut i: usize) -> usize {
    while i < tokens.len() {
        match &tokens[i][..] {
            ";" => return i + 1,
            "{" => return closing(tokens, i),
            "[" | "(" => i = closing(tokens, i),
            _ => i += 1,
        }
    }
    i
}

/// The position after the bracket that closes the one at `i`.
fn closing(tokens: &[String], mut i: usize) -> usize {
    let mut depth = 0;
    while i < tokens.len() {
        match &tokens[i][..] {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        i += 1;
        if depth == 0 {
            break;
        }
    }
    i
}
