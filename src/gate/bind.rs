//! Binds the names of gates, profiles and kinds that people wrote to what exists.
//!
//! In: contract and matrix. Out: faults at the spans of unknown names, refused exclusions and refused waivers.

use super::{CRITERIA, DECLARED, FOUNDATIONS, PROFILES, Profile, asked, gate, gates};
use crate::contract::{Contract, Endpoint, Matrix};
use crate::error::{Fault, nearest, unknown};
use crate::evidence::kinds::{KINDS, OpKind};
use std::collections::BTreeSet;

/// The profile of a contract, or faults for every name that is unknown or may not be used so.
///
/// # Errors
/// All faults.
pub fn bind(contract: &Contract, matrix: &Matrix) -> Result<&'static Profile, Vec<Fault>> {
    let mut faults = Vec::new();
    let families: BTreeSet<&str> = gates().iter().map(|g| g.family()).collect();
    let profile = PROFILES.iter().find(|p| p.name == contract.release.profile.value);
    faults.extend(unknown(&contract.release.profile, "profile", PROFILES.iter().map(|p| p.name)));
    for family in &contract.release.families {
        faults.extend(unknown(family, "family of gates", families.iter().copied()));
    }
    let ids: Vec<&str> = gates().iter().map(|g| g.id).collect();
    let exclusions = contract.exclusions.iter().map(|e| &e.gate);
    let waivers = contract.waivers.iter().map(|w| &w.gate);
    let risks = contract.risks.iter().filter_map(|r| r.gate.as_ref());
    for name in exclusions.chain(waivers).chain(risks) {
        faults.extend(unknown(name, "gate", ids.iter().copied()));
    }
    for exclusion in &contract.exclusions {
        let required = profile.is_some_and(|p| gate(&exclusion.gate.value).is_some_and(|g| asked(contract, p, g)));
        if required && FOUNDATIONS.contains(&exclusion.gate.value.as_str()) {
            let message = format!("gate `{}` cannot be excluded: every other verdict rests on it", exclusion.gate.value);
            faults.push(Fault::at(exclusion.gate.span, message, "required"));
        }
        let known = gate(&exclusion.gate.value);
        if let (false, Some(profile)) = (required || exclusion.gate.value == DECLARED || known.is_none(), profile) {
            let message = format!("gate `{}` is excluded and nobody asks for it", exclusion.gate.value);
            let help = format!("neither profile {} nor `families` has it: take the exclusion out", profile.name);
            faults.push(Fault::at(exclusion.gate.span, message, "not asked for").help(help));
        }
        let criterion = CRITERIA.iter().find(|c| c.gates.contains(&exclusion.gate.value.as_str()));
        if let (true, Some(criterion)) = (required, criterion) {
            let message = format!(
                "gate `{}` cannot be excluded: it carries acceptance criterion {}",
                exclusion.gate.value, criterion.number
            );
            faults.push(Fault::at(exclusion.gate.span, message, "required").help(criterion.text));
        }
    }
    for waiver in &contract.waivers {
        if gate(&waiver.gate.value).is_some_and(|g| g.safety) {
            let message = format!("gate `{}` refuses waivers: it guards safety", waiver.gate.value);
            faults.push(Fault::at(waiver.gate.span, message, "cannot be waived"));
        }
    }
    for endpoint in &contract.endpoints {
        faults.extend(operations(endpoint));
    }
    for name in matrix.tests.iter().flat_map(|t| &t.requires).chain(&matrix.idle) {
        faults.extend(unknown(name, "evidence kind", KINDS.iter().map(|k| k.name)));
    }
    match profile {
        Some(profile) if faults.is_empty() => Ok(profile),
        _ => Err(faults),
    }
}

/// Operations of an endpoint that no history can record, and those named twice.
fn operations(endpoint: &Endpoint) -> Vec<Fault> {
    let known = || OpKind::WORDS.iter().copied();
    let mut seen = BTreeSet::new();
    let mut faults = Vec::new();
    for word in &endpoint.operations {
        let at = |message: String| Fault::at(endpoint.name.span, message, "its operations");
        if !known().any(|k| k == word) {
            let help = match nearest(word, known()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known: {}", known().collect::<Vec<_>>().join(", ")),
            };
            faults.push(at(format!("endpoint {} serves an unknown operation `{word}`", endpoint.name.value)).help(help));
        } else if !seen.insert(word.as_str()) {
            faults.push(at(format!("endpoint {} names the operation `{word}` twice", endpoint.name.value)));
        }
    }
    faults
}
