//! Writes the sample evidence of `quorate init`: `cargo run --release --example generate_starters -- templates/init`.
//!
//! In: a folder. Out: for each profile the native evidence files of its starter. A replicated log is the simulation of the worked contract with
//! smaller tests; the queue and the ensemble are small simulations of their own. Every file says that it is synthetic. No clock; the same bytes every time.

#[path = "command_service/clients.rs"]
mod clients;
#[path = "starters/ensemble.rs"]
mod ensemble;
#[path = "command_service/faults.rs"]
mod faults;
#[path = "command_service/lines.rs"]
mod lines;
#[path = "command_service/meter.rs"]
mod meter;
#[path = "command_service/plan.rs"]
mod plan;
#[path = "command_service/protocol.rs"]
mod protocol;
#[path = "starters/queue.rs"]
mod queue;
#[path = "command_service/record.rs"]
mod record;
#[path = "command_service/rng.rs"]
mod rng;
#[path = "command_service/sim.rs"]
mod sim;
#[path = "starters/tests.rs"]
mod tests;
#[path = "command_service/world.rs"]
mod world;

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(root) = std::env::args_os().nth(1).map(PathBuf::from) else {
        return complain("give the folder to write to: templates/init");
    };
    let evidence = |profile: &str| root.join(profile).join("evidence");
    let wrote = log(&evidence("replicated-log"))
        .and_then(|()| queue::write(&evidence("fenced-queue")))
        .and_then(|()| ensemble::write(&evidence("coordination-ensemble")));
    match wrote {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(&format!("cannot write the evidence: {error}")),
    }
}

fn log(root: &Path) -> io::Result<()> {
    for plan in tests::PLANS {
        sim::simulate(plan).rec.write(&root.join(plan.test), plan.test, plan.kinds)?;
    }
    Ok(())
}

#[expect(clippy::print_stderr, reason = "a program that tells why it stopped")]
fn complain(message: &str) -> ExitCode {
    eprintln!("error: {message}");
    ExitCode::from(70)
}
