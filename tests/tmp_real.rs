use quorate::contract::{parse_contract, parse_matrix};
use quorate::error::{Error, ErrorKind};
use quorate::evidence::read::{Files, read};
use quorate::gate::{PROFILES, ReleaseCx, judge};
use quorate::source::Sources;
use std::fs; use std::io::Read; use std::path::PathBuf;
struct Folder(PathBuf);
impl Files for Folder {
    fn open(&self, path: &str) -> std::io::Result<Option<Box<dyn Read + Send>>> {
        match fs::File::open(self.0.join(path)) { Ok(f) => Ok(Some(Box::new(f))), Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None), Err(e) => Err(e) }
    }
}
#[test]
fn real() {
    for name in ["etcd-failover", "fenced-queue"] {
        let dir = PathBuf::from(std::env::var("CONTRACTS").unwrap_or("/work/main/contracts".into())).join(name);
        let mut sources = Sources::default();
        let (ct, mt) = (fs::read_to_string(dir.join("contract.toml")).unwrap(), fs::read_to_string(dir.join("matrix.toml")).unwrap());
        let (c, m) = (sources.add("contract.toml", &ct), sources.add("matrix.toml", &mt));
        let shown = |faults| Error { kind: ErrorKind::Contract, faults }.render(&sources, false);
        let contract = parse_contract(c, &ct).map_err(shown).unwrap_or_else(|e| panic!("{e}"));
        let matrix = parse_matrix(m, &mt, Some(&contract)).map_err(shown).unwrap_or_else(|e| panic!("{e}"));
        let profile = PROFILES.iter().find(|p| p.name == contract.release.profile.value).unwrap();
        let root = PathBuf::from(std::env::var("EVIDENCE").unwrap_or("/work/main/evidence".into())).join(name);
        let evidence = match read(&matrix, &Folder(root), 2) { Ok(e) => e, Err(e) => { println!("{}", e.render(&sources, false)); continue } };
        let digests = ["".into(), "".into()];
        let cx = ReleaseCx { contract: &contract, matrix: &matrix, evidence: &evidence, sources: &sources, digests: &digests };
        for o in judge(&cx, profile).iter().filter(|o| ["fencing", "recovery", "commands"].contains(&o.gate.family())) {
            println!("{name} {} {}: {}", o.gate.id, o.verdict.word(), o.why);
            for t in &o.tests { println!("    {} {} judged {}: {} [{} | {} | {}]", t.test, t.judgement.verdict.word(), t.judgement.judged, t.judgement.why, t.judgement.objective, t.judgement.measured, t.judgement.margin);
              for f in &t.judgement.figures { println!("        {}: {} {} ({})", f.id, f.substitution, f.unit, f.formula); }
              for f in t.judgement.findings.iter().take(3) { println!("        - {} {:?} {:?}", f.claim, f.data, f.sources.iter().map(|s| format!("{}:{:?}", s.path, s.line)).collect::<Vec<_>>()); } }
        }
    }
}
