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
    var iterations = 40
    /// The length of the slope at which it is done.
    var tolerance = 0.02
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

  init(weights: [Double], bias: Double) {
    self.weights = weights
    self.bias = bias
  }

  static func logarithm(_ number: Float) -> Float { log(number) }

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
      if dot(gradient, gradient).squareRoot() < settings.tolerance { break }
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
        next = point
        add(&next, direction, step)
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
  /// All vectors one after the other, and where each begins.
  private var places: [Int32] = []
  private var values: [Float] = []
  private var starts: [Int] = [0]
  private let signs: [Double]
  private let costs: [Double]
  private let dimension: Int

  init(
    _ vectors: [SparseVector], _ answers: [Bool], _ dimension: Int,
    _ settings: LogisticRegression.Settings
  ) {
    self.dimension = dimension
    for vector in vectors {
      places += vector.places
      values += vector.values
      starts.append(places.count)
    }
    signs = answers.map { $0 ? 1 : -1 }
    let yes = max(1, answers.count { $0 })
    let no = max(1, answers.count - answers.count { $0 })
    let half = Double(answers.count) / 2
    costs = answers.map { answer in
      settings.trust * (settings.isBalanced ? half / Double(answer ? yes : no) : 1)
    }
  }

  func value(at point: [Double], gradient: inout [Double]) -> Double {
    var loss = dot(point, point) - point[dimension] * point[dimension]
    loss /= 2
    gradient = point
    gradient[dimension] = 0
    // Plain loops over memory: this is where all the time goes.
    point.withUnsafeBufferPointer { point in
      gradient.withUnsafeMutableBufferPointer { gradient in
        places.withUnsafeBufferPointer { places in
          values.withUnsafeBufferPointer { values in
            for example in signs.indices {
              let end = starts[example + 1]
              var score = point[dimension]
              var entry = starts[example]
              while entry < end {
                score += point[Int(places[entry])] * Double(values[entry])
                entry += 1
              }
              let margin = signs[example] * score
              // Written so that neither side overflows.
              let miss = margin > 0 ? log1p(exp(-margin)) : log1p(exp(margin)) - margin
              loss += costs[example] * miss
              let pull = -costs[example] * signs[example] / (1 + exp(min(margin, 700)))
              entry = starts[example]
              while entry < end {
                gradient[Int(places[entry])] += pull * Double(values[entry])
                entry += 1
              }
              gradient[dimension] += pull
            }
          }
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
    var step = next
    add(&step, point, -1)
    var turn = nextGradient
    add(&turn, gradient, -1)
    let curve = dot(step, turn)
    guard curve > 1e-12 else { return }
    steps.append((step, turn, 1 / curve))
    if steps.count > Self.most { steps.removeFirst() }
  }

  func direction(against gradient: [Double]) -> [Double] {
    var direction = gradient
    add(&direction, gradient, -2)
    var factors: [Double] = []
    for known in steps.reversed() {
      let factor = known.scale * dot(known.step, direction)
      factors.append(factor)
      add(&direction, known.turn, -factor)
    }
    if let last = steps.last {
      let scale = 1 / (last.scale * dot(last.turn, last.turn))
      let unscaled = direction
      add(&direction, unscaled, scale - 1)
    }
    for (known, factor) in zip(steps, factors.reversed()) {
      let back = known.scale * dot(known.turn, direction)
      add(&direction, known.step, factor - back)
    }
    return direction
  }
}

private func dot(_ a: [Double], _ b: [Double]) -> Double {
  a.withUnsafeBufferPointer { a in
    b.withUnsafeBufferPointer { b in
      var sum = 0.0
      var index = 0
      while index < a.count {
        sum += a[index] * b[index]
        index += 1
      }
      return sum
    }
  }
}

private func add(_ a: inout [Double], _ b: [Double], _ factor: Double) {
  a.withUnsafeMutableBufferPointer { a in
    b.withUnsafeBufferPointer { b in
      var index = 0
      while index < a.count {
        a[index] += factor * b[index]
        index += 1
      }
    }
  }
}
