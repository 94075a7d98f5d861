//! Stop sequences.

/// Searches a stream for stop sequences; text that may become one is pending.
#[derive(Clone, Debug)]
pub(super) struct Stop {
    stops: Vec<Vec<u8>>,
    pending: Vec<u8>,
}

impl Stop {
    pub(super) fn new(stops: &[String]) -> Self {
        let stops =
            stops.iter().filter(|stop| !stop.is_empty()).map(|stop| stop.clone().into_bytes()).collect();
        Self { stops, pending: vec![] }
    }

    /// Takes the next bytes and appends to `text` those that cannot belong to a stop sequence; returns whether a stop
    /// sequence was found, before which the text then ends.
    pub(super) fn push(&mut self, bytes: &[u8], text: &mut Vec<u8>) -> bool {
        self.pending.extend_from_slice(bytes);
        let found = |stop: &Vec<u8>| self.pending.windows(stop.len()).position(|window| window == stop);
        if let Some(at) = self.stops.iter().filter_map(found).min() {
            self.pending.truncate(at);
            self.finish(text);
            return true;
        }
        let may_begin = |at: &usize| self.stops.iter().any(|stop| stop.starts_with(&self.pending[*at..]));
        let keep = (0..self.pending.len()).find(may_begin).unwrap_or(self.pending.len());
        text.extend(self.pending.drain(..keep));
        false
    }

    /// Appends the pending text to `text`.
    pub(super) fn finish(&mut self, text: &mut Vec<u8>) {
        text.append(&mut self.pending);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_sequence_may_arrive_in_parts() {
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
    fn the_first_of_several_stop_sequences_ends_the_text() {
        let mut text = vec![];
        assert!(Stop::new(&["late".to_owned(), "y".to_owned()]).push(b"very late", &mut text));
        assert_eq!(text, b"ver");
    }

    #[test]
    fn pending_text_is_returned_at_the_end() {
        let mut stop = Stop::new(&["END".to_owned(), String::new()]);
        let mut text = vec![];
        assert!(!stop.push(b"xEN", &mut text));
        assert_eq!(text, b"x");
        stop.finish(&mut text);
        assert_eq!(text, b"xEN");
    }
}
