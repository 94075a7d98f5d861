//! Built-in texts for a first run without a file, for examples and for tests.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Default length of [`brackets`] in symbols.
pub const BRACKETS_DEFAULT_SYMBOLS: usize = 200_000;

const MAX_DEPTH: u8 = 4;
/// A line of brackets ends at the first return to depth 0 after this many symbols.
const BRACKETS_LINE_SYMBOLS: usize = 60;

/// Cicero's *De finibus bonorum et malorum*, book one: 49 kB of Latin prose, the source of lorem ipsum.
pub fn latin() -> &'static str {
    lipsum::LIBER_PRIMUS
}

/// Three sentences of 15 characters: the smallest task for a recurrent network. The shorter one is padded with a space.
pub fn sentences() -> Vec<String> {
    let sentences = ["hey how are you", "good i am fine", "have a nice day"];
    let longest = sentences.iter().map(|sentence| sentence.len()).max().unwrap_or(0);
    sentences.iter().map(|sentence| format!("{sentence:<longest$}")).collect()
}

/// Nested brackets with the depth written between them, with which single hidden units learn to count:
/// `( 1 ( ) ( 2 ( 3 3 ) ) 1 ) 0 ( )`.
///
/// ```text
/// text  = { line "\n" }
/// line  = item(0) { " " item(0) }
/// item(d) = digit(d) | "(" { " " item(d + 1) } " )"      with brackets only while d < 4
/// digit(d) = the depth d itself: "0", "1", "2", "3" or "4"
/// ```
///
/// Each next token is uniformly random among those allowed: a digit always, `(` at depths 0 to 3, `)` at depths 1 to
/// 4. So a perfect model needs at most 1.1 nats per token, and 0 for spaces. A line ends at depth 0, after the first
/// item that makes it 60 symbols or longer, and the text after the first line that makes it `symbols` or longer. The
/// same seed gives the same text.
pub fn brackets(seed: u64, symbols: usize) -> String {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut text = String::with_capacity(symbols + 2 * BRACKETS_LINE_SYMBOLS);
    let (mut depth, mut line_start) = (0, 0);
    while text.len() < symbols || line_start < text.len() {
        let mut tokens = [char::from(b'0' + depth), ' ', ' '];
        let mut allowed = 1;
        if depth < MAX_DEPTH {
            tokens[allowed] = '(';
            allowed += 1;
        }
        if depth > 0 {
            tokens[allowed] = ')';
            allowed += 1;
        }
        let token = tokens[rng.random_range(0..allowed)];
        match token {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        text.push(token);
        if depth == 0 && text.len() - line_start >= BRACKETS_LINE_SYMBOLS {
            text.push('\n');
            line_start = text.len();
        } else {
            text.push(' ');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latin_text_is_ciceros() {
        assert!(latin().starts_with("Non eram nescius, Brute"));
        assert!(latin().len() > 45_000);
    }

    #[test]
    fn sentences_are_padded_to_the_longest() {
        assert_eq!(sentences(), ["hey how are you", "good i am fine ", "have a nice day"]);
    }

    #[test]
    fn every_line_of_brackets_follows_the_grammar() {
        let text = brackets(7, 20_000);
        assert!(text.ends_with('\n'));
        assert!((20_000..21_000).contains(&text.len()), "{}", text.len());
        for line in text.lines() {
            assert!(line.len() >= BRACKETS_LINE_SYMBOLS);
            let mut depth = 0;
            for token in line.split(' ') {
                match token {
                    "(" => depth += 1,
                    ")" => depth -= 1,
                    digit => assert_eq!(digit, depth.to_string()),
                }
                assert!((0..=4).contains(&depth), "{line}");
            }
            assert_eq!(depth, 0, "{line}");
        }
    }

    #[test]
    fn the_seed_determines_the_brackets() {
        assert_eq!(brackets(1, 500), brackets(1, 500));
        assert_ne!(brackets(1, 500), brackets(2, 500));
        assert_eq!(brackets(1, 0), "");
    }
}
