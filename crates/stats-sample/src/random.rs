use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, SeedableRng};
use uuid::Uuid;

/// A pseudorandom generator with the same output on every platform and with every release of rand.
///
/// rand guarantees a stable output of this generator, but not of ranges, so ranges are computed here. Integers only:
/// float functions differ between platforms.
pub(crate) struct Random(Xoshiro256PlusPlus);

impl Random {
    /// Stream number `stream` of `seed`.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        // A large odd factor separates adjacent seeds and streams.
        const FACTOR: u64 = 0xD1B5_4A32_D192_ED03;
        let seed = seed.wrapping_mul(FACTOR).wrapping_add(stream);
        Self(Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number from 0 to `end - 1`; 0 if `end` is 0.
    pub(crate) fn below(&mut self, end: u32) -> u32 {
        // The upper half of the 64-bit product is uniform below `end`.
        ((u64::from(self.0.next_u32()) * u64::from(end)) >> 32) as u32
    }

    /// A number from `first` to `last`.
    pub(crate) fn between(&mut self, first: u32, last: u32) -> u32 {
        first + self.below(last - first + 1)
    }

    /// True with probability 1/`n`.
    pub(crate) fn one_in(&mut self, n: u32) -> bool {
        self.below(n) == 0
    }

    /// One of `numbers`; repeat a number to give it more weight.
    pub(crate) fn one_of<const N: usize>(&mut self, numbers: [u32; N]) -> u32 {
        numbers[self.below(N as u32) as usize]
    }

    /// A version 4 UUID.
    pub(crate) fn uuid(&mut self) -> Uuid {
        let bytes = (u128::from(self.number()) << 64) | u128::from(self.number());
        uuid::Builder::from_random_bytes(bytes.to_be_bytes()).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_depends_only_on_seed_and_stream() {
        let first = |seed, stream| Random::new(seed, stream).number();
        assert_eq!(first(1, 2), first(1, 2));
        assert_ne!(first(1, 2), first(1, 3));
        assert_ne!(first(1, 2), first(2, 1));
        assert_eq!(
            Random::new(0, 0).uuid().to_string(),
            "53175d61-490b-43df-a1da-6f3dc380d507"
        );
    }

    #[test]
    fn ranges_are_uniform() {
        let mut random = Random::new(7, 0);
        let mut counts = [0; 5];
        for _ in 0..10_000 {
            counts[random.between(1, 5) as usize - 1] += 1;
        }
        assert!(
            counts.iter().all(|count| (1800..2200).contains(count)),
            "{counts:?}"
        );
        assert_eq!(random.below(0), 0);
    }
}
