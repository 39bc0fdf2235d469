//! The report, from a dossier made by hand to bytes.

#[path = "report/sample.rs"]
mod sample;

use quorate::dossier::{Charts, Decision, Dossier};
use quorate::report::{Templates, render};
use sample::{filled, hostile, sample};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

fn files(dossier: &Dossier) -> BTreeMap<String, String> {
    let files = render(dossier, &Templates::default()).expect("renders");
    files.into_iter().map(|(path, bytes)| (path, String::from_utf8(bytes).expect("text"))).collect()
}

/// Checks that tags are balanced and attributes are quoted; gives the tags with their attributes.
fn tags(page: &str, void: &[&str]) -> Vec<String> {
    let (mut open, mut seen): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    let mut rest = page;
    while let Some(at) = rest.find('<') {
        assert!(!rest[..at].contains('>') || open.last().is_some_and(|t| t == "style"), "a bare `>` in {:?}", &rest[..at]);
        let end = rest[at..].find('>').expect("every tag ends") + at;
        let tag = &rest[at + 1..end];
        rest = &rest[end + 1..];
        let name = tag.split([' ', '/']).find(|n| !n.is_empty()).unwrap_or_default().to_ascii_lowercase();
        if let Some(closed) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(closed), "near {:?}", &rest[..rest.len().min(80)].to_string());
        } else if !tag.starts_with(['!', '?']) {
            assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
            seen.push(tag.to_string());
            if !tag.ends_with('/') && !void.contains(&name.as_str()) {
                open.push(name.clone());
            }
            if name == "style" {
                rest = &rest[rest.find("</style>").expect("style ends")..];
            }
        }
    }
    assert!(open.is_empty(), "left open: {open:?}");
    seen
}

const VOID: [&str; 4] = ["meta", "link", "img", "br"];

#[test]
fn rendering_twice_gives_the_same_bytes() {
    for dossier in [sample(), hostile()] {
        assert_eq!(files(&dossier), files(&dossier.clone()));
    }
    let names: Vec<String> = files(&sample()).into_keys().collect();
    let plots = [
        "commit-index-01-leader-crash",
        "counterexample-01-leader-crash",
        "coverage",
        "duplicates",
        "error-budget",
        "failover",
        "fencing-01-leader-crash",
        "latency-01-leader-crash",
        "percentiles-01-leader-crash",
        "takeover-01-leader-crash",
    ];
    let expected = plots.map(|p| format!("charts/{p}.svg")).into_iter();
    assert_eq!(names, expected.chain(["index.html", "report.css", "report.md"].map(String::from)).collect::<Vec<_>>());
}

#[test]
fn the_page_holds_every_gate_and_section() {
    let dossier = sample();
    let all = files(&dossier);
    for page in ["index.html", "report.md"] {
        for gate in &dossier.gates {
            assert!(all[page].contains(&gate.id), "{} on {page}", gate.id);
        }
        for word in [
            "REJECT",
            "This evidence is synthetic",
            "Testing shows the presence of errors, not their absence.",
            "1.200 + 0.450 + 0.350 + 0.600",
            "What it asks, proves and cannot see",
            "The record at snapshot-replay/replay.jsonl:17",
            "Health probe",
            "Clock skews declared in the matrix",
            "Fault-model coverage",
            "Partition matrix: which test runs which row",
            "log.matching",
            "Residual risks and release decision",
            "No test requires history and members.",
            "snapshot-replay/replay.jsonl:17",
        ] {
            assert!(all[page].contains(word), "{word} on {page}");
        }
    }
    for anchor in all["index.html"].split("href=\"#").skip(1).map(|s| s.split('"').next().unwrap_or_default()) {
        assert_eq!(all["index.html"].matches(&format!("id=\"{anchor}\"")).count(), 1, "#{anchor}");
    }
}

#[test]
fn pages_are_well_formed_and_fetch_nothing_else() {
    for dossier in [sample(), hostile()] {
        let all = files(&dossier);
        for tag in tags(&all["index.html"], &VOID) {
            let name = tag.split(' ').next().unwrap_or_default();
            assert!(!["script", "iframe", "object", "form", "base", "video"].contains(&name), "{tag}");
            let names: String = tag.split('"').step_by(2).collect();
            assert!(!names.contains(" style=") && !names.contains(" on"), "{tag}");
            for link in ["href=\"", "src=\""] {
                if let Some(target) = tag.split(link).nth(1).and_then(|t| t.split('"').next()) {
                    let own = target.starts_with('#') || target == "report.css" || target.starts_with("charts/");
                    assert!(own, "{tag}");
                    assert!(!target.starts_with("charts/") || all.contains_key(target), "{target} is written");
                }
            }
        }
        for (path, svg) in all.iter().filter(|f| f.0.ends_with(".svg")) {
            let seen = tags(svg, &[]);
            assert!(seen[0].starts_with("svg ") && seen[1].starts_with("title") && seen[2].starts_with("desc"), "{path}");
            assert!(seen[0].contains("role=\"img\"") && !svg.contains("style=") && !svg.contains("href"), "{path}");
        }
    }
}

#[test]
fn hostile_words_stay_words() {
    let all = files(&hostile());
    for (path, text) in all.iter().filter(|f| f.0 != "report.css") {
        let text = text.replace("\\<", "");
        assert!(!text.contains("<script") && !text.contains("<img src=x"), "{path}");
        assert!(!text.contains(['\u{202e}', '\u{7}']), "{path}");
        assert!(!text.contains(&"W".repeat(700)), "{path}");
        assert!(!path.contains(['<', '|', ' ']), "{path}");
    }
    assert!(all["index.html"].contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(all["index.html"].contains("\\u{202e}gnp.exe"));
    assert!(all["index.html"].contains("{{ 7*7 }}"));
    let page = markdown_html(&all["report.md"]);
    assert!(own_links_only(&page) && !page.contains("<script"), "a link or a script came out of Markdown");
    assert!(!page.contains("<h1>h") && !page.contains("http://evil.example\""));
    let plots = all.keys().filter(|path| path.ends_with(".svg")).count();
    assert_eq!(page.matches("<img").count(), plots, "only plots are pictures");
    let columns = |line: &str| line.replace("\\|", "").matches('|').count();
    let lines: Vec<&str> = all["report.md"].lines().collect();
    for pair in lines.windows(2).filter(|p| p[0].starts_with('|') && p[1].starts_with('|')) {
        assert_eq!(columns(pair[0]), columns(pair[1]), "{pair:?}");
    }
}

/// Whether every link of a page made from Markdown leads to a heading of the same page.
fn own_links_only(page: &str) -> bool {
    page.split("<a ").skip(1).all(|rest| rest.starts_with("href=\"#"))
}

/// Words that break out of HTML, of Markdown, of tables, of terminals and of shells, each put into every field at once.
#[test]
fn no_field_lets_a_word_out() {
    let long = "W".repeat(1 << 14);
    let words = [
        "<script>alert(1)</script><img src=x onerror=alert(1)>",
        "</style></title></textarea>--><svg onload=alert(1)>",
        "\"><b x=\"' onmouseover='alert(1)",
        "| a | b |\n| --- | --- |\n\n# heading\n\n```\nfence\n~~~\n<!--",
        "[l](javascript:alert(1)) ![p](http://evil.example/p.png) <http://evil.example> http://evil.example www.evil.example",
        "[l]: http://evil.example\n[l] [^1] $x$ @team",
        "\u{202e}gnp.exe \u{2066}\u{200b}\u{ad}\u{feff}\u{1b}[31mred\u{1b}]8;;http://evil.example\u{7}\u{9b}2J",
        "{{ 7*7 }} {% raw %} {# x #} ${{ github.token }} $(id) `id` ' ; -- \\ \\| \\`",
        "a`b``c```d",
        "1. x\n- y\n> z\n    code\n\tcode\n***\n===\n---",
        "",
        long.as_str(),
    ];
    for word in words {
        let shown: String = word.chars().take(30).collect();
        let all = files(&filled(word));
        let (html, md) = (&all["index.html"], &all["report.md"]);
        for tag in tags(html, &VOID) {
            let names: String = tag.split('"').step_by(2).collect();
            assert!(!names.contains(" on") && !tag.starts_with("script") && !tag.starts_with("b "), "{shown:?}: {tag}");
            assert!(
                !tag.contains("evil") || tag.starts_with("span") || tag.starts_with("div") || tag.starts_with("a "),
                "{shown:?}: {tag}"
            );
        }
        for text in [html, md] {
            let hidden = |c: char| {
                c.is_control() && c != '\n' || matches!(c, '\u{202e}' | '\u{2066}' | '\u{200b}' | '\u{ad}' | '\u{feff}')
            };
            assert!(!text.contains(hidden), "{shown:?}: a hidden character");
            assert!(text.len() < 2 << 20, "{shown:?}: {} bytes", text.len());
        }
        let page = markdown_html(md);
        assert!(own_links_only(&page), "{shown:?}: a link came out of Markdown");
        assert!(
            !page.contains("<script")
                && !page.contains("<svg")
                && !page.contains("<pre>")
                && !page.contains("<blockquote>\n<p>z"),
            "{shown:?}"
        );
        assert_eq!(
            page.matches("<img").count(),
            files(&sample()).keys().filter(|f| f.ends_with(".svg")).count(),
            "{shown:?}: pictures"
        );
        assert_eq!(page.matches("<h1>").count(), 1, "{shown:?}: headings");
    }
}

/// A word of 131,072 letters in every field is shown as text, cut, with how many characters were left out.
#[test]
fn a_very_long_word_is_cut_and_counted() {
    let all = files(&filled(&"W".repeat(1 << 17)));
    for (path, text) in &all {
        let longest = text.split(|c| c != 'W').map(str::len).max().unwrap_or_default();
        assert!(longest <= 20_000 && text.len() < 2 << 20, "{path}: {longest} of {} bytes", text.len());
    }
    for page in ["index.html", "report.md"] {
        let counted = all[page].split("W… (").skip(1).filter_map(|rest| rest.split_once(" more characters)"));
        let left: Vec<usize> = counted.map(|(n, _)| n.replace(',', "").parse().expect("a number")).collect();
        assert!(left.len() > 60 && left.iter().all(|n| (10_000..1 << 22).contains(n)), "{page}: {left:?}");
    }
}

/// Lists and tables are capped and say so: a release with tens of thousands of files, tests and rows stays readable.
#[test]
fn every_table_is_capped_and_says_how_much_is_shown() {
    let mut dossier = sample();
    let many = 3_000;
    dossier.declared[0].rows = (0..many).map(|i| (format!("label {i}"), format!("value {i}"))).collect();
    dossier.tests = (0..many).map(|i| quorate::dossier::TestFacts { id: format!("t{i}"), ..dossier.tests[0].clone() }).collect();
    dossier.artifacts = (0..many)
        .map(|i| quorate::dossier::ArtifactFacts { path: format!("f{i}.jsonl"), ..dossier.artifacts[0].clone() })
        .collect();
    dossier.artifacts[many - 1].state = "empty".into();
    for gate in &mut dossier.gates {
        let Some(first) = gate.tests.first().cloned() else { continue };
        gate.tests = (0..many).map(|i| quorate::dossier::TestJudgement { test: format!("t{i}"), ..first.clone() }).collect();
    }
    let all = files(&dossier);
    for page in ["index.html", "report.md"] {
        for words in
            ["Shown 200 of 3,000 rows.", "Shown 1,000 of 3,000 files.", "Shown 40 of 3,000 tests.", "Shown 60 of 3,000 rows."]
        {
            assert!(all[page].contains(words), "{words} on {page}");
        }
        assert!(all[page].contains("f2999.jsonl"), "a file that is not whole is shown whatever else is left out");
        assert!(all[page].len() < 3 << 20, "{page}: {} bytes", all[page].len());
    }
}

/// A report of `--dump-view` is what templates see, and `docs/templates.md` shows templates that render from it.
#[test]
fn the_templates_of_the_documentation_render() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/templates.md")).expect("docs/templates.md");
    let mut seen = 0;
    for block in page.split("```jinja\n").skip(1) {
        let (text, _) = block.split_once("```").expect("the block ends");
        let (name, text) = text.split_once('\n').expect("a first line");
        let name = name.trim_start_matches("{# ").trim_end_matches(" #}");
        let mut templates = Templates::default();
        templates.replace(name, text).expect("a template that can be replaced");
        let files = render(&sample(), &templates).expect("renders");
        let made = files.iter().find(|f| f.0 == if name.ends_with(".md") { "report.md" } else { "index.html" }).expect("made");
        let made = String::from_utf8_lossy(&made.1);
        assert!(made.contains("recovery.replay-fits") && made.contains("REJECT"), "{name}: {made}");
        seen += 1;
    }
    assert!(seen >= 2, "the page shows templates");
    let context: serde_json::Value =
        serde_json::from_slice(&quorate::report::context(&sample(), &Templates::default()).expect("a context")).expect("JSON");
    let keys: Vec<&String> = context["v"].as_object().expect("an object").keys().collect();
    for key in keys {
        assert!(page.contains(&format!("| `{key}` |")), "docs/templates.md names `v.{key}`");
    }
    assert!(context["css"].is_string() && context["policy"].is_string());
}

fn markdown_html(text: &str) -> String {
    let mut out = String::new();
    pulldown_cmark::html::push_html(&mut out, pulldown_cmark::Parser::new_ext(text, pulldown_cmark::Options::all()));
    out
}

#[test]
fn the_policy_names_the_digest_of_the_style_sheet_and_nothing_is_inline() {
    let all = files(&sample());
    let sheet = &all["report.css"];
    assert!(!all["index.html"].contains("<style"), "Jenkins' policy blocks inline styles");
    let digest = Sha256::digest(sheet.as_bytes());
    let policy = all["index.html"].split("sha256-").nth(1).and_then(|s| s.split("&#39;").next()).expect("digest");
    assert_eq!(decode(policy), digest.as_slice());
    assert!(!sheet.contains("url(") && !sheet.contains("@import") && !sheet.contains("http"));
}

fn decode(text: &str) -> Vec<u8> {
    let value = |b: u8| match b {
        b'A'..=b'Z' => b - b'A',
        b'a'..=b'z' => b - b'a' + 26,
        b'0'..=b'9' => b - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let bits: Vec<u8> = text.bytes().filter(|b| *b != b'=').flat_map(|b| (0..6).rev().map(move |i| value(b) >> i & 1)).collect();
    bits.chunks_exact(8).map(|c| c.iter().fold(0, |n, b| n << 1 | b)).collect()
}

#[test]
fn colours_have_enough_contrast() {
    let css = &files(&sample())["report.css"];
    let luminance = |hex: &str| {
        let part = |i: usize| {
            let c = f64::from(u8::from_str_radix(&hex[i..i + 2], 16).expect("hex")) / 255.0;
            if c <= 0.03928 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * part(0) + 0.7152 * part(2) + 0.0722 * part(4)
    };
    let roots: Vec<&str> = css.split(":root {").skip(1).map(|s| s.split('}').next().unwrap_or_default()).collect();
    assert_eq!(roots.len(), 3, "light, dark and print");
    for root in roots {
        let tone = |name: &str| root.split(&format!("--{name}: #")).nth(1).map(|s| luminance(&s[..6])).expect(name);
        for paper in ["paper", "faint", "pass-wash", "fail-wash", "open-wash"] {
            for ink in ["ink", "quiet", "pass", "fail", "open", "none", "link"] {
                let (a, b) = (tone(paper).max(tone(ink)), tone(paper).min(tone(ink)));
                assert!((a + 0.05) / (b + 0.05) >= 4.5, "{ink} on {paper}");
            }
        }
    }
}

#[test]
fn without_data_there_is_a_sentence_and_no_plot() {
    let mut dossier = sample();
    dossier.charts = Charts::default();
    dossier.decision = Decision::Inconclusive;
    dossier.gates.clear();
    dossier.tests.clear();
    dossier.artifacts.clear();
    let all = files(&dossier);
    assert_eq!(all.len(), 3);
    for page in ["index.html", "report.md"] {
        assert!(all[page].contains("No plot of latency over time:") && all[page].contains("No plot of failover phases:"));
        assert!(all[page].contains("INCONCLUSIVE") && !all[page].contains("This evidence is synthetic"));
    }
    tags(&all["index.html"], &VOID);
}

#[test]
fn templates_can_be_replaced_and_are_named_by_digest() {
    let mut templates = Templates::default();
    assert!(templates.overrides().next().is_none() && templates.digests().len() == Templates::names().len());
    let before = templates.digests();
    templates.replace("report.md", "{{ v.title }}\r\n").expect("known");
    assert_ne!(before, templates.digests());
    let md = |t: &Templates| render(&sample(), t).map(|f| f.into_iter().find(|f| f.0 == "report.md").map(|f| f.1));
    assert_eq!(md(&templates).expect("renders").as_deref(), Some("command-service 2026.11.0: reject\n".as_bytes()));
    templates.replace("report.md", "{{ v.tilte }}").expect("known");
    let fault = md(&templates).expect_err("unknown name").render(&quorate::source::Sources::default(), false);
    assert!(fault.contains("report.md:1:4") && fault.contains("undefined value `v.tilte`"), "{fault}");
    assert!(templates.replace("report.htm", "").is_err());
    assert!(templates.replace("report.css", "</STYLE><script>").is_err());
}

/// What others wrote into a package is rendered by `verify`: deep expressions and short ones that ask for gigabytes end in an error or in a page, never in an abort.
#[test]
fn templates_of_others_cannot_end_the_program() {
    let dossier = sample();
    let long = |part: &str, n: usize, end: &str| format!("{{{{ {}{end} }}}}", part.repeat(n));
    let deep = [
        long("not ", 30_000, "1"),
        long("1+", 60_000, "1"),
        format!("{{{{ 'a'{} }}}}", "|upper".repeat(20_000)),
        "{{ \"a\"|indent(3000000000) }}".to_string(),
        "{{ \"a\"|center(3000000000) }}".to_string(),
        "{% set x = 'a'|replace('a', 'a' * 9000000) %}{{ x|replace('a', x) }}".to_string(),
    ];
    for text in deep {
        let mut templates = Templates::default();
        templates.replace("report.md", &text).expect("a template");
        let rendered = quorate::report::render(&dossier, &templates);
        assert!(rendered.is_ok() || rendered.is_err_and(|e| !e.faults.is_empty()), "{}", &text[..40.min(text.len())]);
    }
    let too_long = "x".repeat((128 << 10) + 1);
    assert!(Templates::default().replace("report.md", &too_long).is_err());
}

#[test]
fn the_markdown_stays_as_it_is() {
    insta::assert_snapshot!(files(&sample())["report.md"]);
}

/// Writes the sample where `QUORATE_SAMPLE` says, to be looked at.
#[test]
fn the_sample_can_be_looked_at() {
    let Some(out) = std::env::var_os("QUORATE_SAMPLE") else { return };
    let accept = Dossier { decision: Decision::Accept, ..sample() };
    let open = Dossier { decision: Decision::Inconclusive, ..sample() };
    for (name, dossier) in [("sample", sample()), ("hostile", hostile()), ("accept", accept), ("open", open)] {
        for (path, text) in files(&dossier) {
            let path = std::path::Path::new(&out).join(name).join(path);
            std::fs::create_dir_all(path.parent().expect("parent")).expect("folder");
            std::fs::write(path, text).expect("written");
        }
    }
}
