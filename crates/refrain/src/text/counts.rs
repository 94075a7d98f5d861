//! Counts the symbols of a text.

use super::units::Units;

const PAGE: usize = 256;

/// Occurrences per symbol, and their total.
///
/// Counts are in pages of 256 consecutive codes that are allocated on first use: every script is counted as
/// fast as ASCII, and a page takes 2 KiB.
#[derive(Clone, Debug, Default)]
pub struct SymbolCounts {
    pages: Vec<Option<Box<[u64; PAGE]>>>,
    total: u64,
}

impl SymbolCounts {
    /// Counts the symbols of one text in memory.
    pub fn of(units: Units, text: &str) -> Self {
        let mut counts = Self::default();
        counts.add(&units.symbols(text));
        counts
    }

    /// Adds the counts of these symbols.
    ///
    /// # Panics
    /// For a code above 0x10FFFF, which no text contains.
    pub fn add(&mut self, symbols: &[u32]) {
        // Neighbours use different tables: two increments of the same counter in a row would have to wait for the
        // first store.
        let mut low = [[0u64; PAGE]; 4];
        for (index, &symbol) in symbols.iter().enumerate() {
            match low[index % 4].get_mut(symbol as usize) {
                Some(count) => *count += 1,
                None => self.page(symbol)[symbol as usize % PAGE] += 1,
            }
        }
        for symbol in 0..PAGE as u32 {
            let count: u64 = low.iter().map(|table| table[symbol as usize]).sum();
            if count > 0 {
                self.page(symbol)[symbol as usize] += count;
            }
        }
        self.total += symbols.len() as u64;
    }

    /// The page of a symbol, allocated if necessary.
    fn page(&mut self, symbol: u32) -> &mut [u64; PAGE] {
        let page = symbol as usize / PAGE;
        if self.pages.len() <= page {
            assert!(symbol <= char::MAX as u32, "{symbol:#x} is neither a character nor a byte");
            self.pages.resize(page + 1, None);
        }
        self.pages[page].get_or_insert_with(|| Box::new([0; PAGE]))
    }

    /// The number of symbols counted.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The number of occurrences of a symbol.
    pub fn get(&self, symbol: u32) -> u64 {
        match self.pages.get(symbol as usize / PAGE) {
            Some(Some(counts)) => counts[symbol as usize % PAGE],
            _ => 0,
        }
    }

    /// Every symbol that occurred, with its count, in ascending order of code.
    pub fn iter(&self) -> impl Iterator<Item = (u32, u64)> + '_ {
        let pages = self.pages.iter().enumerate().filter_map(|(index, page)| Some((index, page.as_ref()?)));
        pages
            .flat_map(|(index, page)| {
                page.iter().enumerate().map(move |(place, &count)| ((index * PAGE + place) as u32, count))
            })
            .filter(|&(_, count)| count > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_sorted_by_code() {
        let counts = SymbolCounts::of(Units::Char, "b😀aéb");
        let expected =
            [('a', 1), ('b', 2), ('é', 1), ('😀', 1)].map(|(symbol, count)| (symbol as u32, count));
        assert_eq!(counts.iter().collect::<Vec<_>>(), expected);
        assert_eq!(counts.total(), 5);
        assert_eq!(counts.get('b' as u32), 2);
        assert_eq!(counts.get('z' as u32), 0);
        assert_eq!(counts.get(0x10FFFF), 0);
    }

    #[test]
    fn a_byte_text_counts_bytes() {
        let counts = SymbolCounts::of(Units::Byte, "é");
        assert_eq!(counts.iter().collect::<Vec<_>>(), [(0xA9, 1), (0xC3, 1)]);
    }
}
