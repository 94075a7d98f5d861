//! The settings of a run: flags, defaults from a configuration file, absolute paths, an output directory.

use std::path::{Path, PathBuf};

use refrain::train::{Example, Settings};

use crate::args::Args;
use crate::failure::Failure;

/// The settings of the command line, and of `--config` for those that are not given.
pub(super) fn complete(args: &Args) -> Result<Settings, Failure> {
    let mut settings = args.settings.clone();
    if let Some(file) = &args.config {
        let mut base = Settings::read(file)?;
        // Data on the command line replace the data of the file, whether files or an example.
        if settings.data.is_some() || settings.example.is_some() {
            (base.data, base.example) = (None, None);
        }
        settings = settings.or(base);
    }
    // So that a run can be resumed from any working directory.
    settings.data = settings.data.map(|files| files.iter().map(|file| absolute(file)).collect());
    settings.valid = settings.valid.map(|file| absolute(&file));
    settings.images = settings.images.map(|folder| absolute(&folder));
    settings.out = Some(settings.out.clone().unwrap_or_else(|| free_directory(&settings)));
    Ok(settings)
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// `runs/play` for play.txt; `runs/play-2` if that exists.
fn free_directory(settings: &Settings) -> PathBuf {
    let name = match (settings.data.iter().flatten().next(), settings.example) {
        (Some(file), _) => file.file_stem().map_or("text".into(), |stem| stem.to_string_lossy().into_owned()),
        (None, example) => format!("{:?}", example.unwrap_or(Example::Latin)).to_lowercase(),
    };
    let candidates = (1..).map(|n| if n == 1 { name.clone() } else { format!("{name}-{n}") });
    let free = candidates.map(|name| Path::new("runs").join(name)).find(|path| !path.exists());
    free.unwrap_or_else(|| Path::new("runs").join(&name))
}
