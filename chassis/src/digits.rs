//! Ids as numbers and as hexadecimal digits, two by two: they are read, made and written for each request.

/// The two digits of each byte.
static DIGITS: [[u8; 2]; 256] = {
    let digits = b"0123456789abcdef";
    let mut all = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        all[byte] = [digits[byte >> 4], digits[byte & 15]];
        byte += 1;
    }
    all
};

/// What each lower-case digit is worth; more than 15 of what is none.
static VALUES: [u8; 256] = {
    let mut values = [u8::MAX; 256];
    let mut value = 0;
    while value < 16 {
        values[DIGITS[value][1] as usize] = value as u8;
        value += 1;
    }
    values
};

/// The digits of these bytes.
#[inline]
pub(crate) fn written<const N: usize>(bytes: [u8; N]) -> [[u8; 2]; N] {
    bytes.map(|byte| DIGITS[usize::from(byte)])
}

/// The number that these digits are, of which there are 16 at most; none if one is no lower-case hexadecimal digit.
#[inline]
pub(crate) fn read<const N: usize>(digits: [u8; N]) -> Option<u64> {
    const { assert!(N <= 16) };
    let (mut number, mut seen) = (0, 0);
    for digit in digits {
        let value = VALUES[usize::from(digit)];
        // Whether all of them are digits is asked once, in the end.
        seen |= value;
        number = (number << 4) | u64::from(value & 15);
    }
    (seen <= 15).then_some(number)
}

/// A bijection of 64 bits (the finaliser of SplitMix64, <https://prng.di.unimi.it/splitmix64.c>): ids do not repeat, and
/// do not count aloud.
#[inline]
pub(crate) fn scrambled(seed: u64, number: u64) -> u64 {
    let mut id = seed.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    id = (id ^ (id >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    id = (id ^ (id >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    id ^ (id >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(number in any::<u64>()) {
            let digits = written(number.to_be_bytes());
            let text = format!("{number:016x}");
            prop_assert_eq!(digits.as_flattened(), text.as_bytes());
            let digits: [u8; 16] = digits.as_flattened().try_into().unwrap();
            prop_assert_eq!(read(digits), Some(number));
        }

        #[test]
        fn what_is_no_digit_is_refused(text in any::<[u8; 8]>()) {
            let is_digits = text.iter().all(|byte| b"0123456789abcdef".contains(byte));
            prop_assert_eq!(read(text).is_some(), is_digits);
        }
    }
}
