//! `inspect`, `serve` and `train --live`.

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};

use serde_json::Value;
use support::TestDir;

/// Asserts that the message contains all parts.
fn expect(message: &str, parts: &[&str]) {
    parts.iter().for_each(|part| assert!(message.contains(part), "{part} in {message}"));
}

const SMALL: &str =
    "--hidden-size 12 --num-layers 2 --epochs 2 --batch-size 8 --seq-length 16 --sample-every 0";

/// A text with markup, which pages must escape.
const HOSTILE: &str = "the cat</script><script>alert(1)</script> sat \"on\" a mat\n";

fn dir() -> TestDir {
    let dir = TestDir::new();
    dir.write("hostile.txt", HOSTILE.repeat(12));
    dir.succeed(&format!("train text.txt --out run {SMALL}"));
    dir
}

#[test]
fn reports_are_complete_and_escape_markup() {
    let dir = dir();
    dir.succeed("inspect run hostile.txt --out report.html");
    let page = String::from_utf8(dir.read("report.html")).unwrap();
    // The page's own elements: the data, the planes (h, c and four gates of two layers) and one script.
    assert_eq!(page.matches("<script").count(), 2 + 2 * 6 + 1);
    assert_eq!(page.matches("</script").count(), 2 + 2 * 6 + 1);
    for part in ["Content-Security-Policy", "default-src 'none'", "id=\"plane-1-c\"", "\\u003c"] {
        assert!(page.contains(part), "{part}");
    }
    for marker in
        ["<!--POLICY-->", "/*STYLE*/", "<!--DATA-->", "/*SCRIPT*/", "http-equiv=\"refresh\"", "src=\"http"]
    {
        assert!(!page.contains(marker), "{marker}");
    }
}

#[test]
fn figures_and_tables_are_written_in_every_format() {
    let dir = dir();
    for (name, start) in
        [("a.png", &b"\x89PNG"[..]), ("a.svg", b"<svg"), ("a.json", b"{\"model\":{\"name\":\"run\"")]
    {
        dir.succeed(&format!("inspect run text.txt --length 60 --out {name}"));
        assert!(dir.read(name).starts_with(start), "{name}");
    }
    for view in ["surprise", "gates", "gradients", "path"] {
        dir.succeed(&format!("inspect run text.txt --length 300 --view {view} --out {view}.svg"));
        assert!(dir.read(&format!("{view}.svg")).ends_with(b"</svg>\n"), "{view}");
    }
    let table =
        dir.succeed("inspect run text.txt --length 5 --format csv --layer 2 --plane f --unit 3 --unit 0");
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!((lines[0], lines.len()), ("step,token,f0,f3", 6));
    assert!(lines[1].split(',').skip(2).all(|x| (0.0..1.0).contains(&x.parse::<f64>().unwrap())), "{table}");
    let found = dir.succeed("inspect run text.txt --format csv --view finder");
    assert!(found.starts_with("property,layer,plane,unit,r,") && found.contains("\nspace,"), "{found}");
    let coloured = dir.succeed("inspect run --text the --format text");
    assert!(coloured.contains("\u{1b}[38;2;") && coloured.starts_with("layer "), "{coloured}");
    // The gradients of a second model.
    dir.succeed(&format!("train text.txt --cell rnn --out other {SMALL}"));
    let reach = dir.succeed("inspect run text.txt --lags 20 --compare other --view gradients --format csv");
    assert_eq!(reach.lines().filter(|line| line.starts_with("other,")).count(), 20);
    // Without a text: the validation set of the run.
    dir.succeed("inspect run --length 20 --out held.json");
    assert_eq!(json(&dir.read("held.json"))["tokens"].as_array().unwrap().len(), 20);
}

#[test]
fn annotations_are_compared_with_the_units() {
    let dir = dir();
    let count = 500;
    let values: Vec<String> = (0..count).map(|i| ((i / 7) % 2).to_string()).collect();
    dir.write("sevens.txt", values.join("\n"));
    let found =
        dir.succeed("inspect run text.txt --length 500 --annotate sevens.txt --format csv --view finder");
    assert!(found.contains("\nsevens,"), "{found}");
    dir.write("short.txt", "1 2 3");
    let message = dir.fail("inspect run text.txt --length 500 --annotate short.txt --format csv", 1);
    expect(&message, &["short.txt: has 3 numbers", "500 tokens"]);
    dir.write("words.txt", "1\n0 x");
    let message = dir.fail("inspect run text.txt --annotate words.txt --format csv", 1);
    expect(&message, &["words.txt, line 2", "\"x\" is not a number"]);
}

#[test]
fn invalid_inspections() {
    let dir = dir();
    for (arguments, parts) in [
        ("--layer 3", &["--layer", "layers 1 to 2"][..]),
        ("--plane z", &["--plane z", "h, i, o"]),
        ("--layer 1 --unit 12", &["--unit 12", "units 0 to 11"]),
        ("--out a.pdf", &["unsupported output format pdf", ".html"]),
        ("--length 0", &["--length is 0"]),
        ("--view finder --out a.svg", &["--format csv"]),
        ("--unit 3 --out a.html", &["--unit is an option of figures"]),
        ("--out a.svg --format png", &["--format png", ".svg"]),
        ("--item 2 --out a.json", &["--item is not used by the language task, only by classify"]),
    ] {
        let form = if arguments.contains("--out") { "" } else { " --format csv" };
        expect(&dir.fail(&format!("inspect run text.txt{form} {arguments}"), 2), parts);
    }
    expect(&dir.fail("inspect run missing.txt", 1), &["missing.txt: no such file"]);
    expect(&dir.fail("serve run --host nowhere", 2), &["--host nowhere", "127.0.0.1"]);
}

#[test]
fn other_tasks_can_be_inspected() {
    let dir = dir();
    let line = |i: usize| match i % 2 {
        0 => format!("kind\ta fine film {i}\n"),
        _ => format!("unkind\ta dull plot {i}\n"),
    };
    let kinds: String = (0..60).map(line).collect();
    dir.write("kinds.tsv", &kinds);
    let small = "--hidden-size 8 --epochs 4 --batch-size 8";
    dir.succeed(&format!("train kinds.tsv --out kinds {small}"));
    dir.write("new.txt", "a fine plot\na dull film\n");
    dir.succeed("inspect kinds new.txt --item 2 --out kinds.json");
    let kinds = json(&dir.read("kinds.json"));
    assert_eq!(kinds["tokens"].as_array().unwrap().len(), 3);
    assert_eq!(kinds["layers"][1]["name"], "layer 1 backwards");
    for way in ["occlusion", "gradient_x_input"] {
        assert_eq!(kinds["contributions"][way].as_array().unwrap().len(), 3);
    }
    expect(&dir.fail("inspect kinds new.txt --item 3", 2), &["--item 3", "there are 2"]);
    expect(&dir.fail("inspect kinds new.txt --out a.png", 2), &["classifier", ".html"]);
    dir.succeed("inspect kinds new.txt --out kinds.html");
    assert!(String::from_utf8(dir.read("kinds.html")).unwrap().contains("\"contributions\":{"));

    let pairs: String = (0..40).map(|i| format!("{}{}\t{} {}\n", i / 9, i % 9, i % 9, i / 9)).collect();
    dir.write("pairs.tsv", &pairs);
    dir.succeed(&format!("train --task translate pairs.tsv --out pairs {small}"));
    dir.write("source.txt", "34\n");
    dir.succeed("inspect pairs source.txt --out pairs.json");
    let attention = &json(&dir.read("pairs.json"))["attention"];
    let rows = attention["weights"].as_array().unwrap();
    assert_eq!(rows.len(), attention["targets"].as_array().unwrap().len());
    for row in rows {
        let sum: f64 = row.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).sum();
        assert!((sum - 1.0).abs() < 1e-5, "{row}");
    }

    let tagged = "the\tDET\ncat\tNOUN\nsat\tVERB\n\n".repeat(20);
    dir.write("tags.conll", &tagged);
    dir.succeed(&format!("train tags.conll --valid-fraction 0 --out tags {small}"));
    dir.write("words.txt", "the cat sat\n");
    dir.succeed("inspect tags words.txt --out tags.json");
    let tags = json(&dir.read("tags.json"));
    assert_eq!((&tags["tokens"][1], tags["tags"]["steps"].as_array().unwrap().len()), (&"cat".into(), 3));

    let frames = "[[60,64],[62,65],[64,67],[65,69]]";
    dir.write("rolls.json", format!("{{\"train\":[{0},{0}],\"valid\":[{0}],\"test\":[{0}]}}", frames));
    dir.succeed(&format!("train rolls.json --out rolls {small}"));
    dir.succeed("inspect rolls rolls.json --out roll.json");
    let roll = &json(&dir.read("roll.json"))["roll"];
    assert_eq!(
        (roll["frames"].as_array().unwrap().len(), roll["probability"][0].as_array().unwrap().len()),
        (4, 88)
    );
}

#[test]
fn captioners_and_forecasters_can_be_inspected() {
    let dir = dir();
    let small = "--hidden-size 8 --epochs 3 --batch-size 8";
    let vectors: String =
        (0..60).map(|i| format!("{},{},{}\n", i % 2, i % 7, ["one", "two"][i % 2])).collect();
    dir.write("vectors.csv", &vectors);
    dir.succeed(&format!("train --task caption vectors.csv --out captions {small}"));
    dir.write("new.csv", "1,3\n0,2\n");
    dir.succeed("inspect captions new.csv --item 2 --out caption.json");
    let caption = json(&dir.read("caption.json"));
    let steps = caption["tokens"].as_array().unwrap().len();
    let predictions = &caption["predictions"];
    assert!(steps > 0 && predictions["surprise"][0].is_null(), "{caption}");
    for list in ["surprise", "top"] {
        assert_eq!(predictions[list].as_array().unwrap().len(), steps, "{caption}");
    }

    let growing = |t: usize| 50.0 * (0.02 * t as f64).exp() * (1.2 + (t as f64 * 0.5).sin());
    let series: String = (0..120).map(|t| format!("{}\n", growing(t))).collect();
    dir.write("series.csv", format!("level\n{series}"));
    dir.succeed(&format!("train series.csv --horizon 3 --out series {small}"));
    let printed = dir.succeed("predict series --json");
    dir.succeed("inspect series --out series.json");
    let inspected = json(&dir.read("series.json"));
    let (shown, printed) = (&inspected["series"], json(printed.lines().next().unwrap().as_bytes()));
    let read = shown["values"].as_array().unwrap();
    assert_eq!(
        (read.len(), &inspected["tokens"][read.len() - 1]),
        (inspected["tokens"].as_array().unwrap().len(), &"120".into())
    );
    let last = read[read.len() - 1][0].as_f64().unwrap();
    assert!((last / growing(119) - 1.0).abs() < 1e-9, "{last}");
    assert_eq!(shown["expected"].as_array().unwrap().len(), 3);
    for i in 0..3 {
        let at = |list: &str| shown[list][i][0].as_f64().unwrap();
        assert!(at("lowest") < at("expected") && at("expected") < at("highest"), "{shown} {printed}");
    }
}

/// A server that is killed when it is dropped.
struct Served {
    child: Child,
    address: String,
}

impl Served {
    fn start(dir: &TestDir, arguments: &str) -> Self {
        let mut command = dir.command(arguments.split_whitespace());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = loop {
            let line = lines.next().unwrap().unwrap();
            if let Some((_, rest)) = line.split_once("http://") {
                break rest.split('/').next().unwrap().to_owned();
            }
        };
        // The program must not block on a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address }
    }

    /// Sends a request. Returns the status and the whole response.
    fn send(&self, request: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = vec![];
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.split_whitespace().nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        (status, answer)
    }

    fn get(&self, path: &str) -> (u16, String) {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address))
    }

    fn post(&self, path: &str, body: &str) -> (u16, String) {
        self.send(&format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        ))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

/// The JSON body of a response.
fn body(answer: &str) -> Value {
    json(answer.split_once("\r\n\r\n").unwrap().1.as_bytes())
}

#[test]
fn completions_equal_those_of_sample() {
    let dir = dir();
    let served = Served::start(&dir, "serve run --port 0");
    assert_eq!(served.get("/health").0, 200);
    assert_eq!(body(&served.get("/v1/models").1)["data"][0]["id"], "run");
    let (status, answer) = served.post(
        "/v1/completions",
        r#"{"prompt":"the ","max_tokens":40,"temperature":0.7,"seed":3,"logprobs":5}"#,
    );
    let answer = body(&answer);
    let text = answer["choices"][0]["text"].as_str().unwrap();
    assert_eq!(status, 200);
    let command =
        ["sample", "run", "--prompt", "the ", "--length", "40", "--temperature", "0.7", "--seed", "3"];
    let sampled = support::text(&dir.run_with(command).stdout);
    assert_eq!(sampled, format!("the {text}"));
    let logprobs = &answer["choices"][0]["logprobs"];
    assert_eq!(
        logprobs["tokens"].as_array().unwrap().iter().map(|t| t.as_str().unwrap()).collect::<String>(),
        text
    );
    assert_eq!(logprobs["top_logprobs"][0].as_object().unwrap().len(), 5);
    assert_eq!(
        (&answer["usage"]["completion_tokens"], &answer["choices"][0]["finish_reason"]),
        (&40.into(), &"length".into())
    );
    let (_, stream) = served.post(
        "/v1/completions",
        r#"{"prompt":"the ","max_tokens":40,"temperature":0.7,"seed":3,"stream":true}"#,
    );
    let events: Vec<&str> = stream.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
    assert_eq!(events.last(), Some(&"[DONE]"));
    let streamed: String = events[..events.len() - 1]
        .iter()
        .map(|event| json(event.as_bytes())["choices"][0]["text"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(streamed, text);
    let (_, several) =
        served.post("/v1/completions", r#"{"prompt":["the","a"],"n":2,"max_tokens":3,"seed":3,"echo":true}"#);
    let several = body(&several);
    assert_eq!(several["choices"].as_array().unwrap().len(), 4);
    assert!(several["choices"][2]["text"].as_str().unwrap().starts_with('a'));
    // Tokens of the prompt are not counted.
    assert_eq!(several["usage"]["completion_tokens"], 4 * 3);
    let nothing = body(&served.post("/v1/completions", r#"{"prompt":"the","max_tokens":0}"#).1);
    assert_eq!(
        (&nothing["usage"]["completion_tokens"], &nothing["choices"][0]["text"]),
        (&0.into(), &"".into())
    );
}

#[test]
fn a_text_is_recorded_and_its_planes_can_be_fetched() {
    let dir = dir();
    let served = Served::start(&dir, "serve run --port 0");
    let (status, page) = served.get("/");
    assert!(
        status == 200
            && page.to_lowercase().contains("content-security-policy")
            && page.contains("\"host\":\"serve\"")
    );
    let text = serde_json::json!({ "text": HOSTILE.repeat(8) }).to_string();
    let trace = body(&served.post("/api/trace", &text).1);
    assert_eq!(trace["tokens"].as_array().unwrap().len(), 8 * HOSTILE.chars().count());
    let id = trace["id"].as_str().unwrap();
    assert_eq!(served.get(&format!("/api/trace/{id}/plane?layer=1&name=c")).0, 200);
    assert_eq!(served.get(&format!("/api/trace/{id}/plane?layer=7&name=c")).0, 404);
    let more = body(&served.get(&format!("/api/trace/{id}/more")).1);
    assert!(more["finder"]["properties"].is_array() && more["gradients"]["series"].is_array());
    assert_eq!(served.get("/api/trace/99/plane?layer=0&name=h").0, 404);
    assert!(body(&served.get("/api/info").1)["sample_text"].as_str().unwrap().len() > 100);
}

#[test]
fn models_of_other_tasks_take_typed_text() {
    let dir = dir();
    let small = "--hidden-size 8 --epochs 3 --batch-size 8";
    let kinds: String = (0..40).map(|i| format!("{}\ta film {i}\n", ["kind", "unkind"][i % 2])).collect();
    dir.write("kinds.tsv", &kinds);
    dir.succeed(&format!("train kinds.tsv --out kinds {small}"));
    dir.write("tags.conll", "the\tDET\ncat\tNOUN\nsat\tVERB\n\n".repeat(20));
    dir.succeed(&format!("train tags.conll --valid-fraction 0 --out tags {small}"));
    dir.write("pairs.tsv", (0..40).map(|i| format!("{i}\t{} x\n", 50 - i)).collect::<String>());
    dir.succeed(&format!("train --task translate pairs.tsv --out pairs {small}"));
    for (model, own) in [("kinds", "contributions"), ("tags", "tags"), ("pairs", "attention")] {
        let served = Served::start(&dir, &format!("serve {model} --port 0"));
        assert_eq!(body(&served.get("/api/info").1)["sample_text"], "");
        let (status, answer) = served.post("/api/trace", r#"{"text":"a\ncat"}"#);
        assert_eq!(status, 200, "{answer}");
        let trace = body(&answer);
        assert!(trace[own].is_object(), "{trace}");
        let (id, plane) = (trace["id"].as_str().unwrap(), "plane?layer=0&name=h");
        assert_eq!(served.get(&format!("/api/trace/{id}/{plane}")).0, 200);
        assert_eq!(served.get(&format!("/api/trace/{id}/more")).0, 200);
        assert_eq!(served.post("/api/trace", r#"{"text":" \n "}"#).0, 400, "{model}");
        let (status, answer) = served.post("/v1/completions", "{}");
        assert!(status == 404 && answer.contains("does not support completions"), "{answer}");
    }
    let frames = "[[60,64],[62,65],[64,67],[65,69]]";
    dir.write("rolls.json", format!("{{\"train\":[{0},{0}],\"valid\":[{0}],\"test\":[{0}]}}", frames));
    dir.succeed(&format!("train rolls.json --out rolls {small}"));
    expect(&dir.fail("serve rolls", 2), &["music model", "refrain inspect"]);
}

#[test]
fn invalid_requests_get_an_error() {
    let dir = dir();
    let served = Served::start(&dir, "serve run --port 0");
    for (body, part) in [
        ("{", "invalid body"),
        ("[1]", "invalid body"),
        (r#"{"prompt":7}"#, "expected a prompt"),
        (r#"{"temperature":"hot"}"#, "invalid body"),
        (r#"{"temperature":-1}"#, "`temperature` is -1"),
        (r#"{"prompt":"\u0001"}"#, "does not contain"),
        (r#"{"n":0}"#, "prompts × n is 0"),
        (r#"{"max_tokens":100001}"#, "max_tokens is 100001"),
        (r#"{"suffix":"end"}"#, "suffix"),
        (r#"{"top_p":2}"#, "`top_p` is 2"),
    ] {
        let (status, answer) = served.post("/v1/completions", body);
        assert!(
            status == 400 && answer.contains(part) && answer.contains("invalid_request_error"),
            "{body}: {answer}"
        );
    }
    assert_eq!(served.post("/api/trace", r#"{"text":""}"#).0, 400);
    assert_eq!(served.get("/nowhere").0, 404);
    assert_eq!(served.get("/v1/completions").0, 405);
    // Far more than the socket buffers hold: the error arrives nevertheless, on every path.
    let long = "x".repeat(12 << 20);
    assert_eq!(served.post("/api/trace", &long).0, 413);
    assert_eq!(served.post("/nowhere", &long).0, 413);
    let foreign = "GET /health HTTP/1.1\r\nHost: elsewhere.example\r\nConnection: close\r\n\r\n";
    assert_eq!(served.send(foreign).0, 403);
    let plain = "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}";
    assert_eq!(served.send(plain).0, 415);
    assert_eq!(served.send("\u{1}\u{2}\u{3}\r\n\r\n").0, 400);
    // Many silent clients, and some that disconnect during a stream.
    let silent: Vec<TcpStream> = (0..300).map(|_| TcpStream::connect(&served.address).unwrap()).collect();
    for _ in 0..20 {
        let mut gone = TcpStream::connect(&served.address).unwrap();
        let body = r#"{"max_tokens":100000,"stream":true}"#;
        let head = format!(
            "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}",
            body.len()
        );
        gone.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).unwrap();
        gone.read_exact(&mut [0; 16]).unwrap();
    }
    assert_eq!(served.post("/v1/completions", r#"{"max_tokens":5}"#).0, 200);
    drop(silent);
}

#[test]
fn the_live_page_does_not_change_the_run() {
    let dir = dir();
    let served = Served::start(
        &dir,
        &format!(
            "train text.txt --out shown --live=0 --tensorboard --time-limit 30s {}",
            SMALL.replace("--epochs 2", "--epochs 2000")
        ),
    );
    let mut stream = TcpStream::connect(&served.address).unwrap();
    stream.write_all(b"GET /api/live/events HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut lines = BufReader::new(stream).lines();
    let mut seen = std::collections::BTreeSet::new();
    while !["start", "step", "valid", "probe"].iter().all(|name| seen.contains(*name)) {
        let line = lines.next().unwrap().unwrap();
        if let Some(event) = line.strip_prefix("data: ") {
            let event = json(event.as_bytes());
            if event["event"] == "probe" {
                let probe = body(&served.get("/api/live/probe").1);
                assert_eq!(probe["tokens"].as_array().unwrap().len(), 400);
                let plane =
                    body(&served.get(&format!("/api/live/probe/{}?layer=1&name=c", event["index"])).1);
                assert_eq!(plane["scale"].as_array().unwrap().len(), 12);
            }
            seen.insert(event["event"].as_str().unwrap().to_owned());
        }
    }
    drop(lines);
    assert!(served.get("/").1.contains("\"host\":\"live\""));
    drop(served);
    let files = std::fs::read_dir(dir.at("shown").join("tensorboard")).unwrap().count();
    assert_eq!(files, 1);
    // Bit-identical to a run without a page.
    dir.succeed(&format!("train text.txt --out watched --live=0 {SMALL}"));
    assert_eq!(dir.read("watched/model.safetensors"), dir.read("run/model.safetensors"));
}
