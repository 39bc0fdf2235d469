//! Writes the synthetic evidence of the worked contract: `cargo run --release --example generate_command_service -- evidence/command-service`.
//!
//! In: a folder. Out: one folder of native evidence files a test, made by a small simulation of a replicated log of five members with
//! clients, a protected resource and faults. The same bytes every time: seeded chance, no clock. It knows nothing of gates.

#[path = "command_service/clients.rs"]
mod clients;
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
#[path = "command_service/record.rs"]
mod record;
#[path = "command_service/rng.rs"]
mod rng;
#[path = "command_service/sim.rs"]
mod sim;
#[path = "command_service/tests.rs"]
mod tests;
#[path = "command_service/world.rs"]
mod world;

use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(root) = std::env::args_os().nth(1).map(PathBuf::from) else {
        return complain("give the folder to write to, such as evidence/command-service");
    };
    for plan in tests::PLANS {
        let sim = sim::simulate(plan);
        if let Err(error) = sim.rec.write(&root.join(plan.test), plan.test, plan.kinds) {
            return complain(&format!("cannot write the evidence of {}: {error}", plan.test));
        }
    }
    ExitCode::SUCCESS
}

#[expect(clippy::print_stderr, reason = "a program that tells why it stopped")]
fn complain(message: &str) -> ExitCode {
    eprintln!("error: {message}");
    ExitCode::from(70)
}
