/// Two lines through the same examples, whose scores are added: one as the examples stand, and one
/// where each place is weighed by how much more it stands in texts of yes than in texts of no. Short
/// texts and few examples favour the second, long ones the first; together they are better than either.
///
/// Source: Wang and Manning, "Baselines and Bigrams" (2012), NBSVM, with a logistic loss.
struct NaiveBayesLines: Sendable {
  private let plain: LogisticRegression
  private let weighed: LogisticRegression
  /// By place: the logarithm of the two shares' ratio.
  private let ratios: [Float]

  init(_ vectors: [SparseVector], _ answers: [Bool], dimension: Int) {
    var yes = [Float](repeating: 1, count: dimension)
    var no = yes
    for (vector, answer) in zip(vectors, answers) {
      for (place, value) in zip(vector.places, vector.values) {
        if answer { yes[Int(place)] += value } else { no[Int(place)] += value }
      }
    }
    let (all, none) = (yes.reduce(0, +), no.reduce(0, +))
    let ratios = zip(yes, no).map { LogisticRegression.logarithm(($0 / all) / ($1 / none)) }
    plain = LogisticRegression(vectors, answers, dimension: dimension)
    weighed = LogisticRegression(
      vectors.map { vector in
        SparseVector(
          places: vector.places,
          values: zip(vector.places, vector.values).map { ratios[Int($0)] * $1 })
      }, answers, dimension: dimension)
    self.ratios = ratios
  }

  /// Of both lines, to be brought to one scale.
  func scores(_ vector: SparseVector) -> (plain: Double, weighed: Double) {
    var second = weighed.bias
    for (place, value) in zip(vector.places, vector.values) {
      second += weighed.weights[Int(place)] * Double(ratios[Int(place)] * value)
    }
    return (plain.score(vector), second)
  }

  /// Both as one line, each score divided by its scale.
  func joined(_ scales: (plain: Double, weighed: Double)) -> LogisticRegression {
    LogisticRegression(
      weights: plain.weights.indices.map { place in
        plain.weights[place] / scales.plain
          + weighed.weights[place] * Double(ratios[place]) / scales.weighed
      }, bias: plain.bias / scales.plain + weighed.bias / scales.weighed)
  }

  /// How far scores lie from their mean, usually: what makes those of two lines one scale.
  static func scale(_ scores: [Double]) -> Double {
    let mean = scores.reduce(0, +) / Double(max(1, scores.count))
    let square = scores.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    let spread = (square / Double(max(1, scores.count))).squareRoot()
    return spread > 1e-9 ? spread : 1
  }
}
