//! JUnit XML as Jenkins, GitLab and most others read it.
//!
//! In: a dossier. Out: a suite a family, a case a gate. A failed gate is a failure, an inconclusive one an error, a waived or excluded one
//! skipped with its reason: none of them can be taken for passed. There are no times: a package has no clock.

use super::{Ended, Place, asked, details, ended};
use crate::dossier::{Dossier, GateFacts};
use crate::error::{Error, ErrorKind, visible};
use crate::report::text::line;
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};
use std::collections::BTreeMap;
use std::io;

type Xml = Writer<Vec<u8>>;

pub(super) fn junit(dossier: &Dossier, _: &Place) -> Result<Vec<u8>, Error> {
    write(dossier).map_err(|e| Error::plain(ErrorKind::Internal, format!("junit: {e}")))
}

fn write(dossier: &Dossier) -> io::Result<Vec<u8>> {
    let mut families: BTreeMap<&str, Vec<&GateFacts>> = BTreeMap::new();
    for gate in asked(dossier) {
        families.entry(gate.id.split('.').next().unwrap_or_default()).or_default().push(gate);
    }
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let release = format!("{} {}", dossier.release.service, dossier.release.version);
    let all: Vec<&GateFacts> = families.values().flatten().copied().collect();
    let suites = xml.create_element("testsuites").with_attribute(("name", text(&format!("quorate: {release}")).as_str()));
    suites
        .with_attributes(counts(&all).iter().map(|(k, v)| (*k, v.as_str())))
        .write_inner_content(|xml| families.iter().try_for_each(|(family, gates)| suite(xml, dossier, family, gates)))?;
    let mut bytes = xml.into_inner();
    bytes.push(b'\n');
    Ok(bytes)
}

/// Of a run that came to no decision: one case, which is in error.
pub(super) fn error(name: &str, message: &str, body: &str) -> Result<Vec<u8>, Error> {
    let (message, body) = (text(message), body.lines().map(visible).collect::<Vec<_>>().join("\n"));
    let counts = [("tests", "1"), ("failures", "0"), ("errors", "1")];
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 2);
    let mut write = || -> io::Result<()> {
        xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
        let suites = xml.create_element("testsuites").with_attribute(("name", "quorate")).with_attributes(counts);
        suites.write_inner_content(|xml| {
            let suite = xml.create_element("testsuite").with_attribute(("name", name)).with_attributes(counts);
            let case = |xml: &mut Xml| {
                let element = xml.create_element("testcase").with_attributes([("classname", name), ("name", "judged")]);
                let error = |xml: &mut Xml| {
                    let element = xml.create_element("error").with_attributes([("type", "error"), ("message", &message)]);
                    element.write_text_content(BytesText::new(&body)).map(drop)
                };
                element.write_inner_content(error).map(drop)
            };
            suite.with_attribute(("skipped", "0")).write_inner_content(case).map(drop)
        })?;
        Ok(())
    };
    write().map_err(|e| Error::plain(ErrorKind::Internal, format!("junit: {e}")))?;
    let mut bytes = xml.into_inner();
    bytes.push(b'\n');
    Ok(bytes)
}

/// Text as an XML document may hold it.
fn text(text: &str) -> String {
    visible(&line(text))
}

fn counts(gates: &[&GateFacts]) -> [(&'static str, String); 3] {
    let of = |which: Ended| gates.iter().filter(|g| ended(g) == which).count().to_string();
    [("tests", gates.len().to_string()), ("failures", of(Ended::Failed)), ("errors", of(Ended::Unproven))]
}

fn suite(xml: &mut Xml, dossier: &Dossier, family: &str, gates: &[&GateFacts]) -> io::Result<()> {
    let skipped = gates.iter().filter(|g| matches!(ended(g), Ended::Waived | Ended::Skipped)).count().to_string();
    let element = xml.create_element("testsuite").with_attribute(("name", format!("quorate.{family}").as_str()));
    let element = element.with_attributes(counts(gates).iter().map(|(k, v)| (*k, v.as_str())));
    element.with_attribute(("skipped", skipped.as_str())).write_inner_content(|xml| {
        let properties = [
            ("decision", dossier.decision.word().to_string()),
            ("contract.sha256", dossier.contract.sha256.clone()),
            ("profile", text(&dossier.release.profile)),
        ];
        xml.create_element("properties").write_inner_content(|xml| {
            properties.iter().try_for_each(|(name, value)| {
                xml.create_element("property")
                    .with_attributes([("name", *name), ("value", value.as_str())])
                    .write_empty()
                    .map(drop)
            })
        })?;
        gates.iter().try_for_each(|gate| case(xml, family, gate))
    })?;
    Ok(())
}

fn case(xml: &mut Xml, family: &str, gate: &GateFacts) -> io::Result<()> {
    let class = format!("quorate.{family}");
    let element = xml.create_element("testcase").with_attributes([("classname", class.as_str()), ("name", gate.id.as_str())]);
    let why = text(&gate.why);
    let body = details(gate).iter().map(|l| visible(l)).collect::<Vec<_>>().join("\n");
    element.write_inner_content(|xml| match ended(gate) {
        Ended::Passed => xml.create_element("system-out").write_text_content(BytesText::new(&format!("{why}\n{body}"))).map(drop),
        Ended::Failed => reason(xml, "failure", gate, &why, &body),
        Ended::Unproven => reason(xml, "error", gate, &why, &body),
        Ended::Waived => skipped(xml, &format!("waived, not passed: {why}")),
        Ended::Skipped => skipped(xml, &why),
    })?;
    Ok(())
}

fn reason(xml: &mut Xml, tag: &str, gate: &GateFacts, why: &str, body: &str) -> io::Result<()> {
    let element = xml.create_element(tag).with_attributes([("type", gate.verdict.word()), ("message", why)]);
    element.write_text_content(BytesText::new(body)).map(drop)
}

fn skipped(xml: &mut Xml, why: &str) -> io::Result<()> {
    xml.create_element("skipped").with_attribute(("message", why)).write_empty().map(drop)
}
