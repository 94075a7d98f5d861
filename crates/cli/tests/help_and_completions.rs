//! Help fits its readers, and man pages, completions and the table of options come from the program.

mod support;

use support::TestDir;

/// What the program prints in a terminal of 80 columns.
fn printed(arguments: &str) -> String {
    let dir = TestDir::new();
    let mut command = dir.command(arguments.split_whitespace());
    let output = command.env("COLUMNS", "80").output().unwrap();
    assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn assert_fits(arguments: &str, lines: usize) {
    let help = printed(arguments);
    assert!(help.lines().count() <= lines, "{arguments}: {} lines\n{help}", help.lines().count());
    for line in help.lines() {
        assert!(line.chars().count() <= 80, "{arguments}: {line:?} is wider than 80 columns");
    }
}

#[test]
fn short_help_fits_one_screen() {
    assert_fits("-h", 24);
    assert_fits("help", 24);
    assert_fits("train -h", 48);
    for command in ["sample", "predict", "eval", "inspect", "serve", "info", "bench", "completions", "man"] {
        assert_fits(&format!("{command} -h"), 60);
    }
}

#[test]
fn help_has_the_words_that_people_search_for() {
    let train = printed("train --help");
    for word in [
        "Random seed",
        "Early-stopping",
        "Fine-tune",
        "overfitting",
        "Warm-up",
        "Weight decay",
        "Embedding dimension",
        "checkpoint",
        "Peak learning rate",
        "Dropout probability",
        "Batch size",
        "Validation set",
    ] {
        assert!(train.contains(word), "no {word:?} in {train}");
    }
    assert!(printed("predict --help").contains("Beam width"));
    assert!(printed("sample --help").contains("Stop sequence"));
}

#[test]
fn help_of_a_task_lists_what_the_task_uses() {
    let classify = printed("help train classify");
    assert_eq!(classify, printed("train --task classify --help"));
    assert_eq!(classify, printed("train --task=classify -h"));
    assert!(classify.contains("--pooling") && classify.contains("--seed"), "{classify}");
    assert!(!classify.contains("--crf") && !classify.contains("--horizon"), "{classify}");
    assert!(printed("help train").contains("--crf"));
    assert!(printed("help completions").contains("bash"));
}

#[test]
fn the_table_of_options_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/options.md");
    let stored = std::fs::read_to_string(path).unwrap();
    assert!(printed("help options") == stored, "run: refrain help options > docs/options.md");
}

#[test]
fn man_pages_are_printed() {
    let page = printed("man");
    assert!(page.contains(".TH refrain 1") && page.contains("inspect"), "{page}");
    let page = printed("man train");
    assert!(
        page.contains("refrain\\-train") && page.contains("hidden\\-size") && page.contains("Random seed"),
        "{page}"
    );
}

#[test]
fn completions_know_tasks_cells_presets_and_files() {
    let bash = printed("completions bash");
    for names in
        ["language classify tag caption translate music forecast", "rnn gru lstm", "quick best", "compgen -f"]
    {
        assert!(bash.contains(names), "no {names:?}");
    }
    let zsh = printed("completions zsh");
    assert!(zsh.contains("(rnn gru lstm)") && zsh.contains("_files"), "{zsh}");
    let fish = printed("completions fish");
    assert!(fish.contains("language") && fish.contains("hidden-size"), "{fish}");
}
