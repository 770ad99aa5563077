/// A generator over the closure that a use case is given for randomness.
struct RandomBits: RandomNumberGenerator {
  let bits: () -> UInt64
  func next() -> UInt64 { bits() }
}
