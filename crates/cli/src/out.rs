//! Standard output. A closed pipe (`| head`) is not an error.

use std::io::{self, ErrorKind, Write};

pub(crate) use refrain::thousands;

use crate::failure::Failure;

/// Writes `bytes` and flushes.
pub(crate) fn write(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => Failure::Closed,
        _ => Failure::Error(refrain::Error::Io {
            action: "write",
            path: "standard output".into(),
            source: error,
        }),
    })
}

pub(crate) fn line(text: &str) -> Result<(), Failure> {
    write(format!("{text}\n").as_bytes())
}
