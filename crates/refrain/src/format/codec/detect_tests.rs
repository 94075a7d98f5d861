use std::io::Write;

use proptest::prelude::*;

use super::*;

/// The detected format of a file with this name and content, `Err` if it is refused.
fn detect_named(name: &str, content: &[u8]) -> Result<DetectedFormat> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(name);
    fs::write(&path, content).unwrap();
    detect_format(&path)
}

fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(|index| line(index) + "\n").collect()
}

#[test]
fn each_format_is_detected_by_name_or_content() {
    let conll = "German JJ B-MISC\ncall NN O\nto TO O\n\nBritish JJ B-MISC\nlamb NN O\nnow TO O\n";
    let id = "1\tGo\tgo\tVERB\tVB\t_\t0\troot\t_\t_\n";
    let cases = [
        // By name, whatever the content.
        ("x.conllu", "".to_owned(), DataFormat::Conllu, "its name ends in .conllu"),
        ("x.Conllu.gz", "".into(), DataFormat::Conllu, "its name ends in .conllu"),
        ("x.ts", "@data".into(), DataFormat::TimeSeries, "its name ends in .ts"),
        ("x.npz", "PK".into(), DataFormat::Npz, "its name ends in .npz"),
        ("x.conll03", "a\n".into(), DataFormat::Conll, "its name ends in .conll03"),
        ("x.iob2", "a X".into(), DataFormat::Conll, "its name ends in .iob2"),
        // JSON.
        (
            "x.json",
            "{ \"train\": [[[60]]], \"valid\": []}".into(),
            DataFormat::Rolls,
            "its JSON starts with \"train\"",
        ),
        ("x.json", "{\"test\":[]".into(), DataFormat::Rolls, "\"test\""),
        ("x.json", "{\"training\": 1}".into(), DataFormat::Text, "its JSON does not start with train"),
        ("x.json", "[1, 2]".into(), DataFormat::Text, "its JSON does not"),
        ("x.txt", "{\"train\": [[[60]]]}".into(), DataFormat::Text, "its lines have no columns"),
        // Columns with blank lines between sentences.
        ("x.txt", format!("# text = Go\n{id}"), DataFormat::Conllu, "its lines have ten columns"),
        ("x.txt", id.replace('1', "one"), DataFormat::Pairs, "1 distinct text before"),
        (
            "x.txt",
            conll.into(),
            DataFormat::Conll,
            "its lines have 3 columns, and blank lines between sentences",
        ),
        ("x.tsv", conll.replace(' ', "\t"), DataFormat::Conll, "its lines have 3 columns"),
        ("x.txt", "a b\nc d\n\na d\ne f\n".into(), DataFormat::Text, "its lines have no columns"),
        ("x.txt", "the cat sat\nthe dog ran\n\nhe ran off\n".into(), DataFormat::Text, ""),
        ("x.tsv", "a cat\tune chatte\na dog\tun chien\n\na cow\tune vache\n".into(), DataFormat::Pairs, ""),
        // Two columns.
        (
            "x.tsv",
            "ham\tsee you\nspam\twin\nham\tlater\nspam\tnow".into(),
            DataFormat::LabelledText,
            "2 labels before the tab in the first 4 lines",
        ),
        ("x", lines(40, |i| format!("{}\ttext {i}", i % 7)), DataFormat::LabelledText, "7 labels before"),
        ("x", lines(4, |i| format!("ham\ttext {i}")), DataFormat::LabelledText, "1 label "),
        (
            "x",
            lines(9000, |i| format!("class{}\ttext", i % 150)),
            DataFormat::LabelledText,
            "150 labels before the tab in the first 5,000 lines",
        ),
        (
            "x",
            "ham\tsee you\nspam win\n".repeat(9) + &"ham\tyes\n".repeat(81),
            DataFormat::LabelledText,
            "1 label before the tab in the first 99 lines",
        ),
        (
            "x.tsv",
            "Go.\tVa !\nRun!\tCours !\nRun!\tCourez !\n".into(),
            DataFormat::Pairs,
            "2 distinct texts before",
        ),
        (
            "x.tsv",
            lines(3000, |i| format!("word{}\tmot {i}", i / 3)),
            DataFormat::Pairs,
            "1,000 distinct texts before the tab in the first 3,000 lines",
        ),
        ("x.tsv", "a b\tc\n".repeat(100), DataFormat::Pairs, "1 distinct"),
        (
            "x.tsv",
            "a.png\ta cat\npets/b.JPG\ta dog\n".into(),
            DataFormat::Captions,
            "its lines start with the name of an image and a tab",
        ),
        // Tables.
        (
            "x.csv",
            "\"Month\",\"Passengers\"\r\n\"1949-01\",112\r\n\"1949-02\",118\r\n".into(),
            DataFormat::Series,
            "1 column of numbers",
        ),
        ("x.csv", "YEAR;SUN\n1700;5\n1701;\n".into(), DataFormat::Series, "2 columns of numbers"),
        ("x.csv", "a,b\n1,NA\n2,3\n".into(), DataFormat::Series, "2 columns of numbers"),
        ("x.csv", "0,0,5,13\n0,0,0,12\n".into(), DataFormat::Series, "4"),
        ("x.csv", "1\n2\n3\n".into(), DataFormat::Series, "1"),
        ("x.tra", "47,100,8\n0,89,8\n".into(), DataFormat::Series, "3"),
        (
            "x.csv",
            "Sequence,Label,x\na,0,1\n".into(),
            DataFormat::LongTable,
            "its first columns are Sequence and Label",
        ),
        (
            "x.csv",
            "\"ID\",\"class\",x\n1,0,1\n".into(),
            DataFormat::LongTable,
            "its first columns are ID and class",
        ),
        (
            "x.csv",
            "who,what,x\n1,a,1\n1,a,2\n2,b,3\n2,b,4\n".into(),
            DataFormat::LongTable,
            "its first column repeats in consecutive rows",
        ),
        ("x.csv", "who,what,x\n1,a,1\n1,b,2\n2,b,3\n2,b,4\n".into(), DataFormat::Series, ""),
        ("x.csv", "who,what,x\n1,a,1\n1,a,2\n2,b,3\n2,b,4\n1,a,3\n1,a,4\n".into(), DataFormat::Series, ""),
        (
            "x.csv",
            "day,name,x\n2020-01-01,Wed,1\n2020-01-01,Wed,2\n2020-01-02,Thu,3\n2020-01-02,Thu,4\n".into(),
            DataFormat::Series,
            "",
        ),
        ("x.csv", "text,label\nhello,ham\nwin,spam\n".into(), DataFormat::Text, "no column has only numbers"),
        ("x.csv", "text,label\n".into(), DataFormat::Text, ""),
        // Anything else.
        (
            "x.txt",
            "ROMEO:\nBut soft, what light\n\nJULIET:\nAy me\n".into(),
            DataFormat::Text,
            "its lines have no columns",
        ),
        ("x.txt", "\tindented\n\tlines\n".into(), DataFormat::Text, ""),
        ("x.txt", "one, 1\ntwo, too\n".into(), DataFormat::Text, ""),
        ("x.txt", "a\tb\nno\nno\n".into(), DataFormat::Text, ""),
        ("x.txt", "é".repeat(600_000), DataFormat::Text, ""),
        ("noname", "word".into(), DataFormat::Text, ""),
    ];
    for (name, content, format, why) in cases {
        let detected = detect_named(name, content.as_bytes()).unwrap();
        assert_eq!(detected.format, format, "{name}: {content:.60?}: {}", detected.why);
        assert!(detected.why.contains(why), "{name}: {content:.60?}: {}", detected.why);
    }
}

#[test]
fn files_without_a_format_are_refused_with_a_remedy() {
    for (name, content, expected) in [
        ("x.txt", &b""[..], "x.txt: is empty: give a file"),
        ("x.csv", b"\n \r\n", "x.csv: is empty"),
        ("x.txt.gz", b"plain", "cannot be unpacked"),
        ("x.PNG", b"", "x.PNG: is a single image: give the folder"),
        ("x.mid", b"MThd", "x.mid: is a single MIDI file"),
    ] {
        let message = detect_named(name, content).unwrap_err().to_string();
        assert!(message.contains(expected), "{name}: {message}");
    }
    assert!(matches!(detect_format(Path::new("no such file")), Err(Error::Io { .. })));
}

#[test]
fn packed_files_are_detected_like_plain_ones() {
    let mut encoder = flate2::write::GzEncoder::new(vec![], Default::default());
    // Longer than the inspected part, which ends within a line and a character.
    encoder.write_all(lines(200_000, |i| format!("{}\tça {i}", ["ham", "spam"][i % 2])).as_bytes()).unwrap();
    assert_eq!(
        detect_named("x.tsv.gz", &encoder.finish().unwrap()).unwrap().format,
        DataFormat::LabelledText
    );
}

#[test]
fn folders_are_detected_by_the_majority_of_their_files() {
    let folder = |files: &[&str]| {
        let directory = tempfile::tempdir().unwrap();
        for file in files {
            let path = directory.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        detect_format(directory.path())
    };
    for (files, format, why) in [
        (&["a.png", "b.JPEG", "c.jpg", "names.tsv"][..], DataFormat::ImageFolder, "it contains 3 images"),
        (&["train/cat/a.png", ".thumbs/b.mid", "._c.mid"], DataFormat::ImageFolder, "it contains 1 images"),
        (&["a.mid", "b.MIDI", "cover.png"], DataFormat::MidiFolder, "it contains 2 MIDI files"),
    ] {
        assert_eq!(folder(files).unwrap(), DetectedFormat::new(format, why));
    }
    for files in [&[][..], &["a.txt"], &["1/2/3/a.png"]] {
        let message = folder(files).unwrap_err().to_string();
        assert!(message.contains("is a folder with neither images"), "{message}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn no_file_panics(
        bytes in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..60),
            r#"([ab1#,;"{ \t\r\n]|\PC){0,60}"#.prop_map(String::into_bytes),
        ],
        name in r"x([.](tsv|csv|json|conll|conllu|gz|csv[.]gz|png|txt))?",
    ) {
        let _ = detect_named(&name, &bytes);
    }
}
