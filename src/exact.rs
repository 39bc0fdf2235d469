//! Exact numbers: rationals that never round until they are printed.
//!
//! In: integers and decimal text. Out: decimal strings that are the same on every machine. Refuses to know floats.

use std::cmp::Ordering;
use std::fmt;

/// A rational number, reduced, with a positive denominator. Arithmetic that would overflow gives `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ratio {
    num: i128,
    den: i128,
}

fn gcd(a: i128, b: i128) -> i128 {
    let (mut a, mut b) = (a.unsigned_abs(), b.unsigned_abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    i128::try_from(a).unwrap_or(1)
}

#[expect(clippy::should_implement_trait, reason = "arithmetic that may overflow gives an Option, which the operators cannot")]
impl Ratio {
    /// Zero.
    pub const ZERO: Self = Self { num: 0, den: 1 };
    /// One.
    pub const ONE: Self = Self { num: 1, den: 1 };

    /// `num / den`; `None` when `den` is zero or a sign cannot be turned.
    #[must_use]
    pub fn new(num: i128, den: i128) -> Option<Self> {
        if den == 0 || num == i128::MIN || den == i128::MIN {
            return None;
        }
        let g = gcd(num, den).max(1);
        let sign = if den < 0 { -1 } else { 1 };
        Some(Self { num: sign * num / g, den: sign * den / g })
    }

    /// A whole number.
    #[must_use]
    pub fn int(n: i64) -> Self {
        Self { num: i128::from(n), den: 1 }
    }

    /// Reads `-12.5e3`-like decimal text exactly; at most 30 digits and exponents within ±30.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.replace('_', "");
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((m, e)) => (m, e.parse::<i32>().ok()?),
            None => (text.as_str(), 0),
        };
        let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{part}");
        let plain = digits.trim_start_matches(['+', '-']);
        if plain.is_empty() || plain.len() > 30 || !plain.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let num: i128 = digits.trim_start_matches('+').parse().ok()?;
        let shift = exponent - i32::try_from(part.len()).ok()?;
        if shift.abs() > 30 {
            return None;
        }
        let power = 10i128.checked_pow(shift.unsigned_abs())?;
        if shift >= 0 { Self::new(num.checked_mul(power)?, 1) } else { Self::new(num, power) }
    }

    /// Numerator.
    #[must_use]
    pub fn num(self) -> i128 {
        self.num
    }

    /// Denominator, positive.
    #[must_use]
    pub fn den(self) -> i128 {
        self.den
    }

    /// `self + other`.
    #[must_use]
    pub fn add(self, other: Self) -> Option<Self> {
        let g = gcd(self.den, other.den).max(1);
        let left = self.num.checked_mul(other.den / g)?;
        let right = other.num.checked_mul(self.den / g)?;
        Self::new(left.checked_add(right)?, (self.den / g).checked_mul(other.den)?)
    }

    /// `self − other`.
    #[must_use]
    pub fn sub(self, other: Self) -> Option<Self> {
        self.add(Self { num: -other.num, den: other.den })
    }

    /// `self · other`.
    #[must_use]
    pub fn mul(self, other: Self) -> Option<Self> {
        let (a, b) = (gcd(self.num, other.den).max(1), gcd(other.num, self.den).max(1));
        Self::new((self.num / a).checked_mul(other.num / b)?, (self.den / b).checked_mul(other.den / a)?)
    }

    /// `self / other`; `None` when `other` is zero.
    #[must_use]
    pub fn div(self, other: Self) -> Option<Self> {
        if other.num == 0 { None } else { self.mul(Self::new(other.den, other.num)?) }
    }

    /// The largest whole number not above `self`.
    #[must_use]
    pub fn floor(self) -> i128 {
        self.num.div_euclid(self.den)
    }

    /// Decimal text with `places` digits after the point, rounded half away from zero.
    #[must_use]
    pub fn decimal(self, places: u32) -> String {
        let scale = 10i128.pow(places.min(18));
        let whole = self.num.unsigned_abs() / self.den.unsigned_abs();
        let rest = self.num.unsigned_abs() % self.den.unsigned_abs();
        let scaled =
            rest.checked_mul(scale.unsigned_abs()).map(|r| (r * 2 + self.den.unsigned_abs()) / (2 * self.den.unsigned_abs()));
        let part = scaled.unwrap_or(0);
        let (whole, part) = if part >= scale.unsigned_abs() { (whole + 1, 0) } else { (whole, part) };
        let sign = if self.num < 0 && (whole, part) != (0, 0) { "-" } else { "" };
        if places == 0 {
            format!("{sign}{whole}")
        } else {
            format!("{sign}{whole}.{part:0width$}", width = places.min(18) as usize)
        }
    }
}

impl PartialOrd for Ratio {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ratio {
    /// Compares by continued fractions, so that nothing overflows.
    fn cmp(&self, other: &Self) -> Ordering {
        let (mut a, mut b) = (*self, *other);
        let mut flip = false;
        loop {
            let (x, y) = (a.floor(), b.floor());
            let (p, q) = (a.num - x * a.den, b.num - y * b.den);
            let order = if x != y {
                x.cmp(&y)
            } else if p == 0 || q == 0 {
                p.cmp(&0).cmp(&q.cmp(&0))
            } else {
                (a, b, flip) = (Self { num: a.den, den: p }, Self { num: b.den, den: q }, !flip);
                continue;
            };
            return if flip { order.reverse() } else { order };
        }
    }
}

impl fmt::Display for Ratio {
    /// The shortest exact decimal when there is one of at most 12 places, else 6 rounded places.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = (0..=12u32).find(|&p| (10i128.pow(p)) % self.den == 0);
        f.write_str(&self.decimal(exact.unwrap_or(6)))
    }
}

/// Nanoseconds as seconds with three places, rounded half up: `2.600`.
#[must_use]
pub fn seconds(ns: i64) -> String {
    decimals(ns, 1_000_000_000, 3)
}

/// Nanoseconds as milliseconds with three places: `12.345`.
#[must_use]
pub fn millis(ns: i64) -> String {
    decimals(ns, 1_000_000, 3)
}

fn decimals(ns: i64, unit: i128, places: u32) -> String {
    Ratio::new(i128::from(ns), unit).unwrap_or(Ratio::ZERO).decimal(places)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact() {
        let slo = Ratio::parse("0.999").unwrap();
        let budget = Ratio::ONE.sub(slo).unwrap().mul(Ratio::int(43_200)).unwrap();
        assert_eq!(budget.to_string(), "43.2");
        assert_eq!(Ratio::new(2, 3).unwrap().decimal(4), "0.6667");
        assert_eq!(Ratio::new(-1, 2).unwrap().decimal(0), "-1");
        assert_eq!(Ratio::new(-1, 3).unwrap().decimal(0), "0");
        assert_eq!(Ratio::new(1999, 1000).unwrap().decimal(2), "2.00");
        assert_eq!(seconds(2_600_000_000), "2.600");
    }

    #[test]
    fn comparison_does_not_overflow() {
        let big = Ratio::new(i128::MAX, 3).unwrap();
        let near = Ratio::new(i128::MAX - 1, 3).unwrap();
        assert!(near < big && big > Ratio::ZERO && Ratio::int(-1) < Ratio::ZERO);
        assert_eq!(Ratio::parse("1e-3"), Ratio::new(1, 1000));
        assert_eq!(Ratio::parse("1e-40"), None);
        assert_eq!(Ratio::parse("."), None);
    }
}
