use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, SeedableRng};
use uuid::Uuid;

/// Chance that falls the same way for the same numbers, on every platform.
///
/// The generator is one that rand keeps portable; how rand makes ranges of its output may change with a release, so that
/// is done here. All in integers, since the functions of floats differ between platforms.
pub(crate) struct Dice(Xoshiro256PlusPlus);

impl Dice {
    /// The dice number `stream` of those that `seed` gives.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        // An odd factor far from any number in use keeps neighbouring seeds and streams apart.
        const FACTOR: u64 = 0xD1B5_4A32_D192_ED03;
        let seed = seed.wrapping_mul(FACTOR).wrapping_add(stream);
        Self(Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    /// Any number.
    pub(crate) fn number(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number from 0 to `end - 1`, or 0 where there is none.
    pub(crate) fn below(&mut self, end: u32) -> u32 {
        let high_half = u64::from(self.0.next_u32());
        // The product of two 32-bit numbers, of which the upper half is less than `end`.
        ((high_half * u64::from(end)) >> 32) as u32
    }

    /// A number from `first` to `last`.
    pub(crate) fn between(&mut self, first: u32, last: u32) -> u32 {
        first + self.below(last - first + 1)
    }

    /// True once in `n` times.
    pub(crate) fn once_in(&mut self, n: u32) -> bool {
        self.below(n) == 0
    }

    /// One of a few numbers, each as likely as it is often among them.
    pub(crate) fn one_of<const N: usize>(&mut self, numbers: [u32; N]) -> u32 {
        let index = self.below(N as u32) as usize;
        numbers[index]
    }

    /// A UUID of version 4.
    pub(crate) fn uuid(&mut self) -> Uuid {
        let bytes = (u128::from(self.number()) << 64) | u128::from(self.number());
        uuid::Builder::from_random_bytes(bytes.to_be_bytes()).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_numbers_give_the_same_dice_and_others_do_not() {
        assert_eq!(Dice::new(1, 2).number(), Dice::new(1, 2).number());
        assert_ne!(Dice::new(1, 2).number(), Dice::new(1, 3).number());
        assert_ne!(Dice::new(1, 2).number(), Dice::new(2, 1).number());
        assert_eq!(
            Dice::new(0, 0).uuid().to_string(),
            "53175d61-490b-43df-a1da-6f3dc380d507"
        );
    }

    #[test]
    fn every_number_of_a_range_comes_up_about_as_often() {
        let mut dice = Dice::new(7, 0);
        let mut counts = [0; 5];
        for _ in 0..10_000 {
            counts[dice.between(1, 5) as usize - 1] += 1;
        }
        assert!(
            counts.iter().all(|count| (1800..2200).contains(count)),
            "{counts:?}"
        );
        assert_eq!(dice.below(0), 0);
    }
}
