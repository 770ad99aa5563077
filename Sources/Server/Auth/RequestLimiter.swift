/// Lets each key do so much a minute, and a burst of it at once.
actor RequestLimiter {
  private struct Bucket {
    var filled: Double
    var at: ContinuousClock.Instant
  }

  private let perSecond: Double
  private let burst: Double
  private let capacity: Int
  private let now: @Sendable () -> ContinuousClock.Instant
  private var buckets: [String: Bucket] = [:]

  /// - Parameter capacity: most keys that are remembered; those that asked longest ago give way.
  init(
    perMinute: Int, burst: Int, capacity: Int = 10_000,
    now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
  ) {
    perSecond = Double(max(1, perMinute)) / 60
    self.burst = Double(max(1, burst))
    self.capacity = max(2, capacity)
    self.now = now
  }

  var keys: Int { buckets.count }

  /// Counts one use. - Returns: `nil` where it is within the limit, else the time to wait.
  func take(_ key: String) -> Duration? {
    let now = now()
    if buckets[key] == nil, buckets.count >= capacity { makeRoom(now) }
    var bucket = buckets[key] ?? Bucket(filled: burst, at: now)
    bucket.filled = filled(bucket, now)
    bucket.at = now
    defer { buckets[key] = bucket }
    guard bucket.filled >= 1 else { return .seconds((1 - bucket.filled) / perSecond) }
    bucket.filled -= 1
    return nil
  }

  private func filled(_ bucket: Bucket, _ now: ContinuousClock.Instant) -> Double {
    let seconds = (now - bucket.at) / .seconds(1)
    return min(burst, bucket.filled + seconds * perSecond)
  }

  /// Forgets who is full again, which changes nothing; then the older half, so that this is rare.
  private func makeRoom(_ now: ContinuousClock.Instant) {
    buckets = buckets.filter { filled($0.value, now) < burst }
    guard buckets.count > capacity / 2 else { return }
    let oldest = buckets.sorted { $0.value.at < $1.value.at }.prefix(buckets.count - capacity / 2)
    for (key, _) in oldest { buckets[key] = nil }
  }

  /// An address of IPv6 counts by its network of 64 bits, as one client has all of it.
  static func key(address: String) -> String {
    guard address.contains(":"), !address.contains(".") else { return address }
    let halves = address.split(separator: "::", maxSplits: 1, omittingEmptySubsequences: false)
    var groups = halves[0].split(separator: ":").map(String.init)
    if halves.count == 2 {
      let rest = halves[1].split(separator: ":").map(String.init)
      groups += Array(repeating: "0", count: max(0, 8 - groups.count - rest.count)) + rest
    }
    return groups.prefix(4).joined(separator: ":")
  }
}
