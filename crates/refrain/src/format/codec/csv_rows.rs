//! The rows of a CSV file (RFC 4180: commas between fields, quotes around fields that contain commas), with their
//! lines.

use csv::{Reader, ReaderBuilder, StringRecord, Trim};

use crate::{Error, Place, Result};

/// Iterates over the rows of a CSV file without blank ones: each row's line, from 1, and its fields without surrounding
/// spaces. A row with another number of fields than the first one is an [`Error::Input`].
pub(super) struct Rows<'a> {
    place: &'a Place,
    text: &'a str,
    reader: Reader<&'a [u8]>,
    columns: Option<usize>,
    /// Start of the last row: its line and its byte.
    line: u64,
    byte: usize,
}

impl<'a> Rows<'a> {
    /// The rows of `text`, from the file `place`.
    pub(super) fn new(place: &'a Place, text: &'a str) -> Self {
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .trim(Trim::All)
            .from_reader(text.as_bytes());
        Rows { place, text, reader, columns: None, line: 1, byte: 0 }
    }

    /// The line of a row that starts at `byte` according to `csv`, which counts blank lines, and the second half of a
    /// CRLF, only after the row that follows them.
    fn line_at(&mut self, byte: usize) -> u64 {
        let bytes = self.text.as_bytes();
        let skipped = bytes[byte..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let newlines = bytes[self.byte..byte + skipped].iter().filter(|&&byte| byte == b'\n').count();
        self.line += newlines as u64;
        self.byte = byte + skipped;
        self.line
    }
}

impl Iterator for Rows<'_> {
    type Item = Result<(u64, StringRecord)>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut row = StringRecord::new();
        loop {
            match self.reader.read_record(&mut row) {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    let found = format!("cannot be read ({error})");
                    return Some(Err(Error::malformed(self.place, found, "save it as CSV")));
                }
            }
            let byte = row.position().map_or(0, |position| position.byte() as usize);
            let line = self.line_at(byte);
            if row.len() == 1 && row[0].is_empty() {
                continue;
            }
            let quoted = self.text[self.byte..].starts_with('"');
            if self.columns.is_none() && row.len() == 1 && row[0].contains(';') && !quoted {
                let remedy = "use commas between fields, and points in numbers";
                let found = "has semicolons but no commas";
                return Some(Err(Error::malformed(self.place.at(line), found, remedy)));
            }
            let expected = *self.columns.get_or_insert(row.len());
            if row.len() == expected {
                return Some(Ok((line, row)));
            }
            let unclosed = row.iter().any(|field| field.contains('\n'));
            let remedy = match unclosed {
                true => "close the quote that continues in the next line",
                false => "separate fields by commas, and quote fields that contain a comma",
            };
            let plural = if row.len() == 1 { "" } else { "s" };
            let found = format!("has {} column{plural} where the first row has {expected}", row.len());
            return Some(Err(Error::malformed(self.place.at(line), found, remedy)));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows(text: &str) -> Result<Vec<(u64, Vec<String>)>> {
        Rows::new(&Place::of("x.csv"), text)
            .map(|row| row.map(|(line, row)| (line, row.iter().map(str::to_owned).collect())))
            .collect()
    }

    #[test]
    fn every_row_has_its_line_for_all_line_ends() {
        for newline in ["\n", "\r\n"] {
            let text = "\na,b\n1, 2\n\n  \n\"x\ny\",\"say \"\"z\"\"\"\n5,6".replace('\n', newline);
            let both = format!("x{newline}y");
            let expected = [(2, ["a", "b"]), (3, ["1", "2"]), (6, [&both, "say \"z\""]), (8, ["5", "6"])];
            let expected = expected.map(|(line, row)| (line, row.map(str::to_owned).to_vec()));
            assert_eq!(rows(&text).unwrap(), expected);
        }
    }

    #[test]
    fn a_row_of_another_width_is_refused_with_its_line() {
        let message = rows("a,b\r\n1,2\r\n\r\n1,2,3\r\n").unwrap_err().to_string();
        assert!(message.starts_with("x.csv, line 4: has 3 columns where the first row has 2"), "{message}");
        assert_eq!(rows("\"price; EUR\"\n1\n").unwrap().len(), 2);
        let message = rows("a;b\n1;2\n").unwrap_err().to_string();
        assert!(message.starts_with("x.csv, line 1: has semicolons but no commas"), "{message}");
        let message = rows("a,b\n\"1,2\n3,4\n").unwrap_err().to_string();
        assert!(message.starts_with("x.csv, line 2: has 1 column where"), "{message}");
        assert!(message.ends_with("close the quote that continues in the next line"), "{message}");
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[a,\"\r\n é1.]*") {
            let _ = rows(&text);
        }
    }
}
