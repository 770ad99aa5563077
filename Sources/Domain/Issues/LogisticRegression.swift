import Foundation

/// A line between yes and no through sparse vectors: the weights whose logistic loss, with a penalty
/// on their squares, is least.
///
/// Found by L-BFGS with backtracking; the function is convex, so that the same examples give the
/// same line. Source: Nocedal and Wright, "Numerical Optimization" (2006), algorithm 7.4.
struct LogisticRegression: Sendable {
  private(set) var weights: [Double]
  private(set) var bias: Double

  struct Settings: Sendable {
    /// Of the examples against the penalty: more follows the examples closer.
    var trust = 6.0
    var iterations = 60
    /// The largest slope at which it is done.
    var tolerance = 1e-4
    /// Weighs a rare answer as much as a frequent one.
    var isBalanced = true
  }

  /// How far on the side of yes a text lies; its logistic function is a probability, not yet
  /// calibrated.
  func score(_ vector: SparseVector) -> Double {
    var sum = bias
    for (place, value) in zip(vector.places, vector.values) {
      sum += weights[Int(place)] * Double(value)
    }
    return sum
  }

  /// - Parameter dimension: places that the vectors may have.
  init(
    _ vectors: [SparseVector], _ answers: [Bool], dimension: Int, _ settings: Settings = Settings()
  ) {
    let problem = Problem(vectors, answers, dimension, settings)
    var point = [Double](repeating: 0, count: dimension + 1)
    var gradient = [Double](repeating: 0, count: dimension + 1)
    var value = problem.value(at: point, gradient: &gradient)
    var memory = StepMemory()
    for _ in 0..<settings.iterations {
      let slope = gradient.reduce(0) { max($0, abs($1)) }
      if slope < settings.tolerance { break }
      var direction = memory.direction(against: gradient)
      var descent = dot(direction, gradient)
      if descent >= 0 {
        direction = gradient.map { -$0 }
        descent = -dot(gradient, gradient)
        memory = StepMemory()
      }
      var step = memory.isEmpty ? 1 / max(1, (-descent).squareRoot()) : 1
      var next = point
      var nextGradient = gradient
      var nextValue = value
      var isBetter = false
      for _ in 0..<30 {
        for index in next.indices { next[index] = point[index] + step * direction[index] }
        nextValue = problem.value(at: next, gradient: &nextGradient)
        if nextValue <= value + 1e-4 * step * descent {
          isBetter = true
          break
        }
        step /= 2
      }
      guard isBetter else { break }
      memory.remember(from: point, gradient, to: next, nextGradient)
      (point, gradient, value) = (next, nextGradient, nextValue)
    }
    bias = point[dimension]
    weights = Array(point[..<dimension])
  }
}

/// The loss and its slope. The bias stands last, and is not held back.
private struct Problem {
  let vectors: [SparseVector]
  let signs: [Double]
  let costs: [Double]
  let dimension: Int

  init(
    _ vectors: [SparseVector], _ answers: [Bool], _ dimension: Int,
    _ settings: LogisticRegression.Settings
  ) {
    self.vectors = vectors
    self.dimension = dimension
    signs = answers.map { $0 ? 1 : -1 }
    let yes = max(1, answers.count { $0 })
    let no = max(1, answers.count - answers.count { $0 })
    let half = Double(answers.count) / 2
    costs = answers.map { answer in
      settings.trust * (settings.isBalanced ? half / Double(answer ? yes : no) : 1)
    }
  }

  func value(at point: [Double], gradient: inout [Double]) -> Double {
    var loss = 0.0
    for index in 0..<dimension {
      gradient[index] = point[index]
      loss += point[index] * point[index]
    }
    loss /= 2
    gradient[dimension] = 0
    point.withUnsafeBufferPointer { point in
      gradient.withUnsafeMutableBufferPointer { gradient in
        for (example, vector) in vectors.enumerated() {
          var score = point[dimension]
          for (place, value) in zip(vector.places, vector.values) {
            score += point[Int(place)] * Double(value)
          }
          let margin = signs[example] * score
          // Written so that neither side overflows.
          loss += costs[example] * (margin > 0 ? log1p(exp(-margin)) : log1p(exp(margin)) - margin)
          let pull = -costs[example] * signs[example] / (1 + exp(min(margin, 700)))
          for (place, value) in zip(vector.places, vector.values) {
            gradient[Int(place)] += pull * Double(value)
          }
          gradient[dimension] += pull
        }
      }
    }
    return loss
  }
}

/// The last steps, which stand for the curve of the function.
private struct StepMemory {
  private static let most = 8
  private var steps: [(step: [Double], turn: [Double], scale: Double)] = []

  var isEmpty: Bool { steps.isEmpty }

  mutating func remember(
    from point: [Double], _ gradient: [Double], to next: [Double], _ nextGradient: [Double]
  ) {
    let step = zip(next, point).map { $0 - $1 }
    let turn = zip(nextGradient, gradient).map { $0 - $1 }
    let curve = dot(step, turn)
    guard curve > 1e-12 else { return }
    steps.append((step, turn, 1 / curve))
    if steps.count > Self.most { steps.removeFirst() }
  }

  func direction(against gradient: [Double]) -> [Double] {
    var direction = gradient.map { -$0 }
    var factors: [Double] = []
    for known in steps.reversed() {
      let factor = known.scale * dot(known.step, direction)
      factors.append(factor)
      add(&direction, known.turn, -factor)
    }
    if let last = steps.last {
      let scale = 1 / (last.scale * dot(last.turn, last.turn))
      for index in direction.indices { direction[index] *= scale }
    }
    for (known, factor) in zip(steps, factors.reversed()) {
      let back = known.scale * dot(known.turn, direction)
      add(&direction, known.step, factor - back)
    }
    return direction
  }
}

private func dot(_ a: [Double], _ b: [Double]) -> Double {
  var sum = 0.0
  for index in a.indices { sum += a[index] * b[index] }
  return sum
}

private func add(_ a: inout [Double], _ b: [Double], _ factor: Double) {
  for index in a.indices { a[index] += factor * b[index] }
}
