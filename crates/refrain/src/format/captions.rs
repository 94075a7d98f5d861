//! Images and what they show, one caption a line: `file<TAB>text`, the files in a folder.

use std::path::{Path, PathBuf};

use super::read_text;
use super::tabbed::TwoColumns;
use crate::{Error, Result};

/// An image and what it shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caption {
    /// The image: a file that was there when the captions were read.
    pub file: PathBuf,
    /// What it shows; not empty.
    pub text: String,
    /// Where the caption stands in its file, from 1.
    pub line: u64,
}

/// Reads a file of lines `file<TAB>text`, as [`captions_of`] says.
///
/// # Errors
/// As [`read_text`] and [`captions_of`].
pub fn read_captions(path: &Path, folder: &Path) -> Result<Vec<Caption>> {
    captions_of(path, &read_text(path)?, folder)
}

/// The captions in `text`, which came from `path`. The names of files are relative to `folder`; an image may have
/// several captions, one a line. White space around either column is dropped, blank lines are skipped.
///
/// # Errors
/// [`Error::Data`] for a line without a tab, without a file's name or without a text, for a file that is not there,
/// and if there is no line.
pub fn captions_of(path: &Path, text: &str, folder: &Path) -> Result<Vec<Caption>> {
    let rows = TwoColumns { first: "file", second: "text", more_ignored: false }.rows(path, text)?;
    let captions = rows.iter().map(|row| {
        let file = folder.join(row.first);
        if !file.is_file() {
            let message = format!(
                "there is no file {:?} in {}: correct the name, or name the folder of the images",
                row.first,
                if folder.as_os_str().is_empty() { Path::new(".") } else { folder }.display()
            );
            return Err(Error::data(path, row.line, message));
        }
        Ok(Caption { file, text: row.second.into(), line: row.line })
    });
    captions.collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_relative_to_the_folder() {
        let directory = tempfile::tempdir().unwrap();
        let (folder, path) = (directory.path().join("images"), directory.path().join("captions.tsv"));
        std::fs::create_dir_all(folder.join("pets")).unwrap();
        std::fs::write(folder.join("pets/cat 1.png"), "").unwrap();
        std::fs::write(&path, "pets/cat 1.png\ta cat\r\n\npets/cat 1.png\tan animal\ton a mat\n").unwrap();
        let file = folder.join("pets/cat 1.png");
        let expected = [("a cat", 1), ("an animal\ton a mat", 3)];
        let expected = expected.map(|(text, line)| Caption { file: file.clone(), text: text.into(), line });
        assert_eq!(read_captions(&path, &folder).unwrap(), expected);
    }

    #[test]
    fn every_fault_is_said_with_its_line_and_a_remedy() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("a.png"), "").unwrap();
        std::fs::create_dir(directory.path().join("sub")).unwrap();
        let cases = [
            ("a.png\ta\nb.png\tb\n", "x.tsv, line 2: there is no file \"b.png\" in "),
            ("sub\ta folder", "x.tsv, line 1: there is no file \"sub\""),
            ("a\0.png\ta", "x.tsv, line 1: there is no file \"a\\0.png\""),
            ("a.png a", "x.tsv, line 1: has no tab: write file<TAB>text"),
            ("a.png\ta\n\n\ta", "x.tsv, line 3: has an empty file"),
            ("a.png\t \n", "x.tsv, line 1: has an empty text"),
            ("", "x.tsv: is empty: write lines of file<TAB>text"),
        ];
        for (text, expected) in cases {
            let message = captions_of(Path::new("x.tsv"), text, directory.path()).unwrap_err().to_string();
            assert!(message.starts_with(expected), "{text:?}: {message}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in r"([ab./\t\r\n]|\PC){0,60}") {
            let _ = captions_of(Path::new("x.tsv"), &text, Path::new("no such folder"));
        }
    }
}
