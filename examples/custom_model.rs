//! A user-written model: a bank account that must never be overdrawn.
//!
//! `cargo run --example custom_model`
#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use quorate::judge::linearizability::{Call, Kind, Model, OpOutcome, Operation, Settings, Verdict, check_model, explain};

/// What a client can ask of the account, with the answer it got.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Account {
    Deposit(u64),
    /// Took the amount, or was refused for lack of money.
    Withdraw(u64, bool),
    Balance(u64),
}

/// The account starts empty.
struct Bank;

impl Model for Bank {
    type State = u64;
    type Op = Account;

    fn initial(&self) -> u64 {
        0
    }

    fn step(&self, balance: &u64, op: &Account) -> Option<u64> {
        match *op {
            Account::Deposit(amount) => Some(balance + amount),
            Account::Withdraw(amount, true) => balance.checked_sub(amount),
            Account::Withdraw(amount, false) => (*balance < amount).then_some(*balance),
            Account::Balance(seen) => (*balance == seen).then_some(*balance),
        }
    }

    fn observes_only(&self, op: &Account) -> bool {
        matches!(op, Account::Balance(_) | Account::Withdraw(_, false))
    }
}

fn call(row: u32, op: Account, invoke: i64, ret: i64, outcome: OpOutcome) -> Call<Account> {
    // Kind and value are only shown in a counterexample.
    let (kind, value) = match op {
        Account::Deposit(amount) => (Kind::Increment, amount as i64),
        Account::Withdraw(amount, _) => (Kind::Increment, -(amount as i64)),
        Account::Balance(seen) => (Kind::ReadCounter, seen as i64),
    };
    Call { op, shown: Operation { row, outcome, ..Operation::ok(kind, value, invoke, ret) } }
}

fn main() {
    use OpOutcome::{Ok, Unknown};
    let mut calls = vec![
        call(0, Account::Deposit(10), 0, 10, Ok),
        call(1, Account::Withdraw(7, true), 20, 40, Ok),
        // Timed out: may have happened at any time from 25 on, or never.
        call(2, Account::Deposit(5), 25, i64::MAX, Unknown),
        call(3, Account::Withdraw(7, true), 30, 50, Ok),
        call(4, Account::Balance(1), 60, 70, Ok),
    ];
    let settings = Settings::default();
    assert_eq!(check_model(&Bank, &calls, &settings), Verdict::Linearizable);
    println!("linearizable: the deposit that timed out did happen");

    calls.push(call(5, Account::Balance(8), 80, 90, Ok));
    match check_model(&Bank, &calls, &settings) {
        Verdict::Violation(example) => println!("violation: {}", explain(&example)),
        other => println!("unexpected: {other:?}"),
    }
}
