//! Reads the golden files that `generate.py` wrote: named arrays computed by PyTorch, one to a line.
//!
//! Included by the tests that need it, with `mod golden;` here or `#[path = "../../kernels/tests/golden/mod.rs"]`
//! from a neighbouring crate. A malformed file is an error in the repository, so everything here panics and names the
//! file and the array at fault.

// Each test binary that includes this module uses only a part of it.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// One array, row-major.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Array {
    /// Its dimensions, outermost first.
    pub(crate) shape: Vec<usize>,
    /// `shape.iter().product()` values.
    pub(crate) values: Vec<f32>,
}

/// The arrays of one golden file, by name.
#[derive(Debug)]
pub(crate) struct Golden {
    path: PathBuf,
    arrays: BTreeMap<String, Array>,
}

impl Golden {
    /// Reads `<case>.golden` from the folder of this file, for a test of any crate in the workspace.
    pub(crate) fn case(case: &str) -> Golden {
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a crate lives in a folder");
        Golden::read(crates.join("kernels/tests/golden").join(format!("{case}.golden")))
    }

    /// Reads a golden file.
    pub(crate) fn read(path: impl AsRef<Path>) -> Golden {
        let path = path.as_ref().to_owned();
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut arrays = BTreeMap::new();
        for (index, line) in text.lines().enumerate() {
            if line.starts_with('#') {
                continue;
            }
            let (name, array) = parse(line)
                .unwrap_or_else(|message| panic!("{}, line {}: {message}", path.display(), index + 1));
            let twice = arrays.insert(name.clone(), array);
            assert!(twice.is_none(), "{} contains `{name}` twice", path.display());
        }
        Golden { path, arrays }
    }

    /// Whether the case has an array of this name: a case without bias has no `bias_ih_l0`.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.arrays.contains_key(name)
    }

    /// The array of this name.
    pub(crate) fn array(&self, name: &str) -> &Array {
        self.arrays.get(name).unwrap_or_else(|| panic!("{} has no array `{name}`", self.path.display()))
    }

    /// The dimensions of an array.
    pub(crate) fn shape(&self, name: &str) -> &[usize] {
        &self.array(name).shape
    }

    /// The values of an array, row-major.
    pub(crate) fn values(&self, name: &str) -> &[f32] {
        &self.array(name).values
    }

    /// The values of an array in f64, for the reference.
    pub(crate) fn values_f64(&self, name: &str) -> Vec<f64> {
        self.values(name).iter().map(|&value| f64::from(value)).collect()
    }

    /// The values of an array of lengths or ids.
    pub(crate) fn integers(&self, name: &str) -> Vec<usize> {
        let whole = |&value: &f32| {
            assert!(value >= 0.0 && value.fract() == 0.0, "`{name}` holds {value}, which is not a count");
            value as usize
        };
        self.values(name).iter().map(whole).collect()
    }

    /// The arrays in order of their names.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Array)> {
        self.arrays.iter().map(|(name, array)| (name.as_str(), array))
    }
}

/// One line: `name dim dim ... : value value ...`.
fn parse(line: &str) -> Result<(String, Array), String> {
    let (head, tail) = line.split_once(" : ").ok_or("expected `name dims : values`")?;
    let mut head = head.split_whitespace();
    let name = head.next().ok_or("the array has no name")?.to_owned();
    let shape = head
        .map(|size| size.parse().map_err(|error| format!("`{name}`: dimension `{size}`: {error}")))
        .collect::<Result<Vec<usize>, String>>()?;
    let values = tail
        .split_whitespace()
        .map(|value| value.parse().map_err(|error| format!("`{name}`: value `{value}`: {error}")))
        .collect::<Result<Vec<f32>, String>>()?;
    let expected = shape.iter().product::<usize>();
    if values.len() != expected {
        return Err(format!("`{name}` of shape {shape:?} has {} values, expected {expected}", values.len()));
    }
    Ok((name, Array { shape, values }))
}
