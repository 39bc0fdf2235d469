//! The `quorate` command: hands arguments, environment and streams to the library and exits with its code.

use std::io::IsTerminal;
use std::process::ExitCode;

/// The width of the terminal, when the output goes to one.
fn width() -> Option<usize> {
    terminal_size::terminal_size_of(std::io::stdout()).map(|(width, _)| usize::from(width.0))
}

fn main() -> ExitCode {
    let (out, err) = (std::io::stdout().is_terminal(), std::io::stderr().is_terminal());
    let variable = |name: &str| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
    let file = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(Into::into);
    let env = quorate::cli::Env {
        source_date_epoch: std::env::var("SOURCE_DATE_EPOCH").ok(),
        styled: quorate::cli::coloured(variable, err),
        coloured: quorate::cli::coloured(variable, out),
        status: err && variable("TERM").is_none_or(|term| term != "dumb"),
        passphrase: std::env::var("QUORATE_KEY_PASSPHRASE").ok().map(quorate::cli::Secret),
        ask: std::io::stdin().is_terminal().then_some(|question| rpassword::prompt_password(question)),
        ssh_auth_sock: std::env::var("SSH_AUTH_SOCK").ok(),
        step_summary: file("GITHUB_STEP_SUMMARY"),
        step_output: file("GITHUB_OUTPUT"),
        threads: std::thread::available_parallelism().map_or(1, usize::from),
        columns: std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).or_else(width),
    };
    ExitCode::from(quorate::cli::run(std::env::args_os(), &env, &mut std::io::stdout().lock(), &mut std::io::stderr().lock()))
}
