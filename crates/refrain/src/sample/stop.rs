//! The texts that end a stream.

/// Watches a stream for texts that end it, and holds back what may yet become one.
#[derive(Clone, Debug)]
pub(super) struct Stop {
    stops: Vec<Vec<u8>>,
    held: Vec<u8>,
}

impl Stop {
    pub(super) fn new(stops: &[String]) -> Self {
        let stops =
            stops.iter().filter(|stop| !stop.is_empty()).map(|stop| stop.clone().into_bytes()).collect();
        Self { stops, held: vec![] }
    }

    /// Takes the next bytes and appends to `text` those that no stop can begin with any more; says whether a stop
    /// is met, before which the text then ends.
    pub(super) fn push(&mut self, bytes: &[u8], text: &mut Vec<u8>) -> bool {
        self.held.extend_from_slice(bytes);
        let found = |stop: &Vec<u8>| self.held.windows(stop.len()).position(|window| window == stop);
        if let Some(at) = self.stops.iter().filter_map(found).min() {
            self.held.truncate(at);
            self.finish(text);
            return true;
        }
        let may_begin = |at: &usize| self.stops.iter().any(|stop| stop.starts_with(&self.held[*at..]));
        let keep = (0..self.held.len()).find(may_begin).unwrap_or(self.held.len());
        text.extend(self.held.drain(..keep));
        false
    }

    /// Appends what is held back to `text`.
    pub(super) fn finish(&mut self, text: &mut Vec<u8>) {
        text.append(&mut self.held);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_ends_the_text_before_it_however_it_arrives() {
        let mut stop = Stop::new(&["END".to_owned(), "\n\n".to_owned()]);
        let mut text = vec![];
        let mut written = |bytes: &str| {
            let met = stop.push(bytes.as_bytes(), &mut text);
            (met, text.len())
        };
        assert_eq!(written("a"), (false, 1));
        assert_eq!(written("E"), (false, 1));
        assert_eq!(written("N"), (false, 1));
        assert_eq!(written("b"), (false, 4));
        assert_eq!(written("\n"), (false, 4));
        assert_eq!(written("E"), (false, 5));
        assert_eq!(written("ND!"), (true, 5));
        assert_eq!(text, b"aENb\n");
    }

    #[test]
    fn the_first_of_several_stops_ends_the_text() {
        let mut text = vec![];
        assert!(Stop::new(&["late".to_owned(), "y".to_owned()]).push(b"very late", &mut text));
        assert_eq!(text, b"ver");
    }

    #[test]
    fn what_was_held_back_comes_at_the_end() {
        let mut stop = Stop::new(&["END".to_owned(), String::new()]);
        let mut text = vec![];
        assert!(!stop.push(b"xEN", &mut text));
        assert_eq!(text, b"x");
        stop.finish(&mut text);
        assert_eq!(text, b"xEN");
    }
}
