//! Named settings for language models, for those who would rather say what they want than how.

use crate::train::{Preset, Settings, Span};

impl Preset {
    /// All of them.
    pub const ALL: [Preset; 2] = [Preset::Quick, Preset::Best];

    /// Its name, as options and files use it.
    pub fn name(self) -> &'static str {
        match self {
            Preset::Quick => "quick",
            Preset::Best => "best",
        }
    }

    /// What it stands for. Everything else follows from the text, as without a preset.
    pub fn settings(self) -> Settings {
        match self {
            Preset::Quick => Settings {
                hidden_size: Some(128),
                num_layers: Some(2),
                dropout: Some(0.0),
                epochs: Some(3),
                ..Settings::default()
            },
            Preset::Best => {
                Settings { time_limit: Some(Span { seconds: 20.0 * 60.0 }), ..Settings::default() }
            }
        }
    }
}

impl Settings {
    /// The settings with those of their preset, if they name one, where they say nothing themselves.
    #[must_use]
    pub(super) fn with_preset(mut self) -> Settings {
        match self.preset.take() {
            None => self,
            Some(preset) => self.or(preset.settings()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_user_gives_wins_over_the_preset() {
        let given = Settings { preset: Some(Preset::Quick), dropout: Some(0.1), ..Settings::default() };
        let both = given.with_preset();
        assert_eq!((both.dropout, both.hidden_size, both.preset), (Some(0.1), Some(128), None));
    }

    #[test]
    fn presets_are_named_as_files_name_them() {
        for preset in Preset::ALL {
            assert_eq!(toml::Value::try_from(preset).unwrap().as_str(), Some(preset.name()));
        }
    }
}
