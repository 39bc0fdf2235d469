//! Logarithm and exponential from `+ − × ÷` alone.
//!
//! In: doubles. Out: doubles within a few units of the last place. The library functions `ln` and `exp_m1` may differ in the last bit between
//! machines and versions, and a rounded bound could then differ in its last digit; IEEE 754 fixes the four operations to the bit, so
//! these series give the same bytes everywhere. Refuses to know what the numbers mean.

/// ln 2.
const LN_2: f64 = std::f64::consts::LN_2;

/// ln x for a normal x > 0, as m·ln 2 + 2·artanh((f − 1)/(f + 1)) with x = f·2^m and f near 1.
#[must_use]
pub fn ln(x: f64) -> f64 {
    let (mut f, mut m) = (x, 0.0);
    while f > std::f64::consts::SQRT_2 {
        f /= 2.0;
        m += 1.0;
    }
    while f < std::f64::consts::FRAC_1_SQRT_2 {
        f *= 2.0;
        m -= 1.0;
    }
    let z = (f - 1.0) / (f + 1.0);
    let square = z * z;
    // |z| ≤ 0.172, so 25 terms lie far below the last place; summed from the smallest.
    let sum = (0..25u8).rev().fold(0.0, |sum, i| sum * square + 1.0 / f64::from(2 * i + 1));
    m * LN_2 + 2.0 * z * sum
}

/// e^x − 1 for x ≤ 0: halved until the Taylor series is short, then doubled by e^(2y) − 1 = e·(e + 2) with e = e^y − 1.
#[must_use]
pub fn exp_m1(x: f64) -> f64 {
    if x < -60.0 {
        return -1.0;
    }
    let (mut y, mut halved) = (x, 0u32);
    while y < -0.25 {
        y /= 2.0;
        halved += 1;
    }
    let sum = (1..=16u8).rev().fold(0.0, |sum, i| y / f64::from(i) * (1.0 + sum));
    (0..halved).fold(sum, |e, _| e * (e + 2.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(got: f64, wanted: f64) -> bool {
        (got - wanted).abs() <= 4e-15 * wanted.abs()
    }

    #[test]
    fn as_good_as_the_library() {
        for i in 1..4000u32 {
            let x = f64::from(i) / 4001.0;
            assert!(close(ln(x), x.ln()), "ln {x}");
        }
        for x in [1e-300, 1e-9, 0.05, 0.7, 1.0, 1.5, 2.0, 1e9, 1e300] {
            assert!(close(ln(x), x.ln()), "ln {x}");
        }
        for x in [0.0, -1e-300, -3e-9, -0.001, -0.2, -0.25, -0.3, -1.0, -2.995, -10.0, -59.0, -61.0, -1e9] {
            assert!(close(exp_m1(x), x.exp_m1()), "exp_m1 {x}: {} {}", exp_m1(x), x.exp_m1());
        }
    }
}
