//! From numbers to pixels, without floats.
//!
//! In: integers. Out: pixels and round steps. Refuses to know units.

/// A straight scale from `min..=max` to `from..=to` pixels.
#[derive(Debug, Clone, Copy)]
pub struct Linear {
    /// The value at `from`.
    pub min: i64,
    /// The value at `to`.
    pub max: i64,
    /// The pixel of `min`.
    pub from: i32,
    /// The pixel of `max`.
    pub to: i32,
}

impl Linear {
    /// The pixel of a value; values outside are put on the edge.
    #[must_use]
    pub fn at(self, value: i64) -> i32 {
        let span = (i128::from(self.max) - i128::from(self.min)).max(1);
        let value = (i128::from(value) - i128::from(self.min)).clamp(0, span);
        let width = i128::from(self.to - self.from);
        self.from + pixel((value * width * 2 + span).div_euclid(2 * span))
    }

    /// Round values, at most `most` steps.
    #[must_use]
    pub fn ticks(self, most: i64) -> Vec<i64> {
        let most = most.max(1);
        let span = self.max.saturating_sub(self.min).max(0);
        let step = round_up((span / most).saturating_add(i64::from(span % most > 0)));
        let first = self.min.div_euclid(step) + i64::from(self.min.rem_euclid(step) > 0);
        let last = self.max.div_euclid(step);
        (first..=last).take(64).map(|i| i * step).collect()
    }
}

/// The least of 1, 2, 5, 10, 20, … that is not below `value`.
#[must_use]
pub fn round_up(value: i64) -> i64 {
    let mut decade = 1i64;
    loop {
        for factor in [1, 2, 5] {
            let step = decade.saturating_mul(factor);
            if step >= value {
                return step;
            }
        }
        decade = decade.saturating_mul(10);
    }
}

/// The greatest of 1, 2, 5, 10, 20, … that is not above `value` (1 for less than 1).
#[must_use]
pub fn round_down(value: i64) -> i64 {
    let up = round_up(value);
    if up <= value { up } else { previous(up) }
}

fn previous(step: i64) -> i64 {
    let lead: i64 = step.to_string().bytes().next().map_or(1, |b| i64::from(b - b'0'));
    if step <= 1 {
        1
    } else if lead == 5 {
        step / 5 * 2
    } else {
        step / 2
    }
}

/// A logarithmic scale from `min..=max` (both positive) to `from..=to` pixels.
#[derive(Debug, Clone, Copy)]
pub struct Log {
    /// The value at `from`.
    pub min: i64,
    /// The value at `to`.
    pub max: i64,
    /// The pixel of `min`.
    pub from: i32,
    /// The pixel of `max`.
    pub to: i32,
}

impl Log {
    /// The pixel of a value; values outside are put on the edge.
    #[must_use]
    pub fn at(self, value: i64) -> i32 {
        let (low, high) = (log2(self.min), log2(self.max));
        let value = log2(value.clamp(self.min, self.max)) - low;
        let width = i64::from(self.to - self.from);
        let span = (high - low).max(1);
        self.from + pixel(i128::from((value * width * 2 + span).div_euclid(2 * span)))
    }

    /// Round values: 1, 2 and 5 of each decade, or only the decades when there are more than three.
    #[must_use]
    pub fn ticks(self) -> Vec<i64> {
        let wide = self.max / self.min.max(1) > 2_000;
        let mut out = Vec::new();
        let mut value = round_up(self.min);
        while value <= self.max {
            let lead = value.to_string().starts_with('1');
            if lead || !wide {
                out.push(value);
            }
            value = round_up(value.saturating_add(1));
        }
        out
    }
}

fn pixel(value: i128) -> i32 {
    i32::try_from(value).unwrap_or(0)
}

/// The binary logarithm in 4096ths, rounded down; 0 for what is below 1.
fn log2(value: i64) -> i64 {
    let value = u64::try_from(value).unwrap_or(1).max(1);
    let whole = 63 - value.leading_zeros();
    let mut mantissa = value << (63 - whole);
    let mut part = 0i64;
    for _ in 0..12 {
        let square = u128::from(mantissa) * u128::from(mantissa);
        let carry = square >> 127 == 1;
        mantissa = u64::try_from(square >> if carry { 64 } else { 63 }).unwrap_or(u64::MAX);
        part = part * 2 + i64::from(carry);
    }
    i64::from(whole) * 4096 + part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_are_near() {
        for value in [1i64, 2, 3, 10, 1000, 999_999_937, i64::MAX] {
            let exact = ((value as f64).log2() * 4096.0).floor() as i64;
            assert!((log2(value) - exact).abs() <= 1, "{value}");
        }
    }

    #[test]
    fn steps_are_round() {
        assert_eq!([1, 3, 6, 11, 50].map(round_up), [1, 5, 10, 20, 50]);
        assert_eq!([0, 1, 3, 9, 11, 50, 99].map(round_down), [1, 1, 2, 5, 10, 50, 50]);
        assert_eq!(Linear { min: 0, max: 3000, from: 0, to: 100 }.ticks(6), [0, 500, 1000, 1500, 2000, 2500, 3000]);
        assert_eq!(Linear { min: 0, max: 3000, from: 10, to: 110 }.at(1500), 60);
        let high = Linear { min: 990, max: 1010, from: 0, to: 100 };
        assert_eq!((high.at(1000), high.at(0), high.at(5000)), (50, 0, 100));
        assert_eq!(high.ticks(4), [990, 995, 1000, 1005, 1010]);
        assert_eq!(Linear { min: -30, max: 45, from: 0, to: 1 }.ticks(4), [-20, 0, 20, 40]);
        let log = Log { min: 1, max: 1000, from: 300, to: 0 };
        assert_eq!((log.at(1), log.at(10), log.at(1000)), (300, 200, 0));
        assert_eq!(log.ticks(), [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]);
    }
}
