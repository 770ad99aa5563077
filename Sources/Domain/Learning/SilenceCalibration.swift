import Foundation

/// How likely a person is to say something about a hunk, from what they did about hunks like it.
public struct SilenceCalibration: Sendable, Hashable, Codable {
  /// Of the logistic curve over the vote.
  public var slope: Double
  public var offset: Double
  /// Nothing is said below this probability.
  public var threshold: Double
  /// Held-out hunks that it was fitted to; 0: nobody's figures.
  public var hunks: Int

  public init(slope: Double, offset: Double, threshold: Double, hunks: Int) {
    self.slope = slope
    self.offset = offset
    self.threshold = threshold
    self.hunks = hunks
  }

  /// Where there is too little to fit to: the vote itself, nearly.
  public static let usual = SilenceCalibration(slope: 4, offset: -2, threshold: 0.4, hunks: 0)
  /// Fewer held-out hunks, or fewer than a quarter of that of either kind, fit nothing.
  public static let fewest = 20

  /// 0 to 1.
  public func probability(_ vote: Double) -> Double {
    1 / (1 + exponential(-(slope * vote + offset)))
  }

  /// The share of the neighbours that spoke, the nearer the weightier; `nil` without neighbours.
  /// - Parameter neighbours: cosine and whether they spoke.
  public static func vote(_ neighbours: [(score: Float, spoke: Bool)]) -> Double? {
    guard let nearest = neighbours.map({ Double($0.score) }).max() else { return nil }
    var sum = 0.0
    var spoken = 0.0
    for neighbour in neighbours {
      // A tenth farther counts about a third.
      let weight = exponential((Double(neighbour.score) - nearest) * 11)
      sum += weight
      if neighbour.spoke { spoken += weight }
    }
    return spoken / sum
  }

  /// Fits the curve by Newton's method with a little ridge, and the threshold that gives the best
  /// balance of precision and recall (F1) on the same hunks. Source: Platt, "Probabilistic Outputs
  /// for Support Vector Machines", 1999.
  public static func fitted(
    to samples: [(vote: Double, spoke: Bool)]
  ) -> SilenceCalibration {
    let spoken = samples.count { $0.spoke }
    guard samples.count >= fewest, min(spoken, samples.count - spoken) * 4 >= fewest else {
      return usual
    }
    // Platt's targets keep the curve from growing steep on few samples.
    let high = (Double(spoken) + 1) / (Double(spoken) + 2)
    let low = 1 / (Double(samples.count - spoken) + 2)
    var result = usual
    for _ in 0..<50 {
      var (gs, go, ss, so, oo) = (0.0, 0.0, 1e-3, 0.0, 1e-3)
      for sample in samples {
        let p = result.probability(sample.vote)
        let error = p - (sample.spoke ? high : low)
        let weight = max(p * (1 - p), 1e-6)
        gs += error * sample.vote
        go += error
        ss += weight * sample.vote * sample.vote
        so += weight * sample.vote
        oo += weight
      }
      let determinant = ss * oo - so * so
      guard abs(determinant) > 1e-12 else { break }
      let ds = (oo * gs - so * go) / determinant
      let d = (ss * go - so * gs) / determinant
      result.slope -= min(max(ds, -2), 2)
      result.offset -= min(max(d, -2), 2)
      if abs(ds) + abs(d) < 1e-6 { break }
    }
    result.threshold = bestThreshold(
      samples.map { (result.probability($0.vote), $0.spoke) }, spoken: spoken)
    result.hunks = samples.count
    return result
  }

  private static func bestThreshold(
    _ samples: [(probability: Double, spoke: Bool)], spoken: Int
  ) -> Double {
    let ordered = samples.sorted { $0.probability > $1.probability }
    var best = (value: -1.0, threshold: usual.threshold)
    var hits = 0
    for (index, sample) in ordered.enumerated() {
      if sample.spoke { hits += 1 }
      // Those of one probability are taken or left together.
      if index + 1 < ordered.count, ordered[index + 1].probability == sample.probability {
        continue
      }
      let value = 2 * Double(hits) / Double(index + 1 + spoken)
      if value > best.value { best = (value, sample.probability) }
    }
    return best.threshold
  }
}

/// `exp` of the C library that Foundation brings.
private func exponential(_ value: Double) -> Double { Foundation.exp(value) }
