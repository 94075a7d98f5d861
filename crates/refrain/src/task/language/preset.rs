//! Presets: named settings for language models.

use crate::train::{Preset, Settings, Span};

impl Preset {
    /// All presets.
    pub const ALL: [Preset; 2] = [Preset::Quick, Preset::Best];

    /// Name in options and files.
    pub fn name(self) -> &'static str {
        match self {
            Preset::Quick => "quick",
            Preset::Best => "best",
        }
    }

    /// Its settings. All others have their usual defaults.
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
    /// Fills in the settings of the preset, if there is one.
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
    fn explicit_settings_override_the_preset() {
        let given = Settings { preset: Some(Preset::Quick), dropout: Some(0.1), ..Settings::default() };
        let both = given.with_preset();
        assert_eq!((both.dropout, both.hidden_size, both.preset), (Some(0.1), Some(128), None));
    }

    #[test]
    fn preset_names_match_their_names_in_files() {
        for preset in Preset::ALL {
            assert_eq!(toml::Value::try_from(preset).unwrap().as_str(), Some(preset.name()));
        }
    }
}
