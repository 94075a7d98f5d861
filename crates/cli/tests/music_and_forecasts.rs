//! Music and forecasts: training, evaluation, composition, prediction, and errors.

mod support;

use support::TestDir;

const SMALL: &str = "--hidden-size 8 --epochs 2 --threads 1";

/// Two chords in turn, in each of the three parts.
fn rolls() -> String {
    let piece = "[[48,64,67],[],[50,65,69],[48,64,67],[50,65,69],[48]]";
    format!("{{\"train\": [{piece},{piece},{piece}], \"valid\": [{piece}], \"test\": [{piece},{piece}]}}")
}

/// Growth by a tenth every two years, with a season of four steps.
fn series(steps: usize) -> String {
    let value = |t: usize| (1.0 + [0.0, 0.2, 0.4, 0.1][t % 4]) * 100.0 * 1.0125_f64.powi(t as i32);
    let rows = (0..steps).map(|t| format!("{},{:.3},{}\n", 1900 + t, value(t), t % 4));
    format!("year,sold,quarter\n{}", rows.collect::<String>())
}

#[test]
fn music_models_can_be_trained_evaluated_and_sampled() {
    let dir = TestDir::new();
    dir.write("rolls.json", rolls());
    let printed = dir.succeed(&format!("train rolls.json {SMALL} --out run"));
    assert!(printed.contains("task      music: looks like piano rolls"), "{printed}");
    let metrics = |arguments: &str| -> serde_json::Value {
        serde_json::from_str(&dir.succeed(&format!("eval run rolls.json --json {arguments}"))).unwrap()
    };
    assert_eq!((&metrics("")["part"], &metrics("")["frames"]), (&"test".into(), &12.into()));
    assert_eq!(metrics("--part train")["pieces"], 3);
    assert!(metrics("--part all")["nll"].as_f64().unwrap() > 0.0);
    let options = "--length 12 --temperature 1 --seed 5";
    let picture = dir.succeed(&format!("sample run {options} --out a.mid --picture a.svg"));
    assert!(picture.contains("written to a.mid (seed 5)"), "{picture}");
    dir.succeed(&format!("sample run {options} --out b.mid"));
    assert_eq!(dir.read("a.mid"), dir.read("b.mid"));
    assert!(dir.read("a.mid").starts_with(b"MThd") && dir.read("a.svg").starts_with(b"<svg"));
    // The output can be a prompt, and a training set.
    dir.succeed("sample run --prompt a.mid --length 4 --out c.mid --seed 1");
    std::fs::create_dir(dir.at("folder")).unwrap();
    for name in ["a.mid", "b.mid", "c.mid"] {
        dir.write(&format!("folder/{name}"), dir.read(name));
    }
    dir.succeed(&format!("train folder {SMALL} --valid-fraction 0 --transpose 2 --out again"));
    let all: serde_json::Value = serde_json::from_str(&dir.succeed("eval again folder --json")).unwrap();
    assert_eq!((&all["part"], &all["frames"]), (&"all".into(), &40.into()));
}

#[test]
fn forecasters_can_be_trained_evaluated_and_used() {
    let dir = TestDir::new();
    dir.write("series.csv", series(80));
    let printed = dir.succeed(&format!("train series.csv {SMALL} --columns sold --horizon 3 --out run"));
    assert!(printed.contains("task      forecast") && printed.contains("season of 4 steps"), "{printed}");
    assert!(printed.contains("sold is forecast in logarithms"), "{printed}");
    let found: serde_json::Value =
        serde_json::from_str(&dir.succeed("eval run series.csv --json --picture p.svg")).unwrap();
    assert_eq!(
        (&found["from"], &found["steps"], &found["kept_apart"]),
        (&64.into(), &16.into(), &true.into())
    );
    let sold = &found["columns"]["sold"];
    for errors in [sold, &sold["last_value"], &sold["seasonal_naive"], &sold["autoregression"]] {
        let of_steps: Vec<f64> =
            errors["rmse"].as_array().unwrap().iter().map(|rmse| rmse.as_f64().unwrap()).collect();
        assert_eq!(of_steps.len(), 3, "{found}");
        let min = of_steps.iter().copied().fold(f64::INFINITY, f64::min);
        let max = of_steps.iter().copied().fold(0.0, f64::max);
        assert!((min..=max).contains(&errors["rmse_over_horizon"].as_f64().unwrap()), "{found}");
        assert!(errors["mae"][0].as_f64().unwrap() >= 0.0);
    }
    // The expected error of the seasonal baseline.
    let value = |t: usize| (1.0 + [0.0, 0.2, 0.4, 0.1][t % 4]) * 100.0 * 1.0125_f64.powi(t as i32);
    let mean = |f: &dyn Fn(usize) -> f64| (64..80).map(f).sum::<f64>() / 16.0;
    let expected = mean(&|t| value(t) - value(t - 4));
    assert!(
        (sold["seasonal_naive"]["mae"][0].as_f64().unwrap() - expected).abs() < 1e-2,
        "{sold} {expected}"
    );
    assert!(dir.read("p.svg").starts_with(b"<svg"));
    let table = dir.succeed("eval run series.csv");
    assert!(table.contains("last value") && table.contains("AR("), "{table}");
    let all: serde_json::Value =
        serde_json::from_str(&dir.succeed("eval run series.csv --all --json")).unwrap();
    assert_eq!(all["kept_apart"], false);

    let ahead = dir.succeed("predict run");
    assert_eq!(ahead.lines().next(), Some("step,sold_mean,sold_deviation,sold_low,sold_high"));
    assert_eq!(ahead.lines().count(), 4);
    assert_eq!(dir.succeed("predict run series.csv").lines().nth(1).unwrap().split(',').next(), Some("81"));
    assert_eq!(dir.succeed("predict run --horizon 1").lines().count(), 2);
    dir.succeed(&format!(
        "train --task forecast series.csv {SMALL} --quantiles 0.1,0.5,0.9 --season 4 --out both"
    ));
    let ahead = dir.succeed("predict both");
    assert!(ahead.starts_with("step,sold_0.1,sold_0.5,sold_0.9,quarter_0.1,"), "{ahead}");
    let row: Vec<f64> = ahead.lines().nth(1).unwrap().split(',').map(|x| x.parse().unwrap()).collect();
    assert!(row[1] <= row[2] && row[2] <= row[3], "{ahead}");
}

#[test]
fn counts_with_zeros_are_transformed_by_square_roots() {
    let dir = TestDir::new();
    let counts = |min: i32| -> String {
        let rows = (0..90_i32).map(|t| format!("{t},{}\n", (t % 9 - 4).pow(2) * (1 + t % 2) + min));
        format!("day,seen\n{}", rows.collect::<String>())
    };
    dir.write("counts.csv", counts(0));
    dir.write("below.csv", counts(-1));
    let printed = dir.succeed(&format!("train counts.csv {SMALL} --horizon 2 --out run"));
    assert!(printed.contains("seen is forecast in square roots"), "{printed}");
    let ahead = dir.succeed("predict run");
    for row in ahead.lines().skip(1) {
        let row: Vec<f64> = row.split(',').map(|x| x.parse().unwrap()).collect();
        assert!(row[3] >= 0.0 && row[3] <= row[1] && row[1] <= row[4], "{ahead}");
    }
    let table = dir.succeed("eval run counts.csv");
    assert!(table.contains("nats per value") && !table.contains("inf") && !table.contains("NaN"), "{table}");
    let message = dir.fail("eval run below.csv", 1);
    assert!(
        message.contains("step 5, column \"seen\": is -1, but the column was never negative in training"),
        "{message}"
    );
}

#[test]
fn invalid_data_are_reported() {
    let dir = TestDir::new();
    dir.write("rolls.json", rolls());
    dir.write("low.json", "{\"train\": [[[60], [20]]]}");
    dir.write("series.csv", series(80));
    dir.write("nan.csv", "t,x\n1,2\n2,NaN\n3,4\n");
    dir.write("row.csv", "t,x\n1,2\n");
    dir.write("zero.csv", format!("{}1980,0,1\n", series(80)));
    let refused = [
        ("train --task music low.json", 1, "20 is not a note of a piano"),
        ("train --task music rolls.json --transpose 13", 2, "--transpose is 13: give 0 to 12"),
        ("train --task music rolls.json --steps-per-quarter 0", 2, "--steps-per-quarter is 0: give 1 to 960"),
        (
            "train --task music rolls.json --bidirectional true",
            2,
            "--bidirectional is not used by the music task",
        ),
        ("train text.txt --task music", 1, "music comes as JSON"),
        ("train nan.csv --task forecast", 1, "line 3"),
        ("train row.csv --task forecast", 1, "give a longer series"),
        ("train --task forecast series.csv --columns bought", 1, "there is no column \"bought\""),
        ("train --task forecast series.csv --horizon 0", 2, "horizon is 0"),
        ("train --task forecast series.csv --horizon 70", 1, "give a longer series"),
        ("train --task forecast series.csv --season 70", 2, "season is 70"),
        ("train --task forecast series.csv --test-fraction 1", 2, "test-fraction is 1"),
        ("train --task forecast series.csv --quantiles 0.9,0.1", 2, "increasing numbers"),
        (
            "train --task forecast series.csv --valid series.csv",
            2,
            "--valid is not used by the forecast task",
        ),
    ];
    for (arguments, code, expected) in refused {
        let message = dir.fail(&format!("{arguments} --out run"), code);
        assert!(message.contains(expected), "{arguments}: {message}");
    }
    dir.succeed(&format!("train rolls.json {SMALL} --out music"));
    dir.succeed(&format!("train series.csv {SMALL} --columns sold --out forecast"));
    let refused = [
        ("eval music rolls.json --part dev", 2, "dev"),
        ("eval music low.json", 1, "20 is not a note of a piano"),
        ("sample music --top-k 3", 2, "--top-k is not used by the music task, only by language"),
        ("sample music --length 0", 2, "--length is 0"),
        ("sample music --temperature -1", 2, "temperature is -1"),
        ("sample music --prompt rolls.json", 1, "not a MIDI file"),
        ("sample music --tempo 2", 2, "--tempo is 2: give 4 to 1000"),
        ("sample forecast", 2, "this is a forecaster: use `refrain predict`"),
        ("predict music", 2, "refrain sample"),
        ("predict forecast --horizon 2", 2, "1 to 1 steps ahead"),
        ("predict forecast row.csv", 1, "there is no column \"sold\""),
        ("eval forecast zero.csv", 1, "step 81, column \"sold\": is 0"),
    ];
    for (arguments, code, expected) in refused {
        let message = dir.fail(arguments, code);
        assert!(message.contains(expected), "{arguments}: {message}");
    }
}
