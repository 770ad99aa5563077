import Foundation
import Storage

/// The exact search of `SQLVectorIndex` over vectors of a file, beside a plain loop.
///
///     VectorBench FILE COUNT DIMENSION QUESTIONS TOP
///
/// FILE holds COUNT + QUESTIONS vectors of DIMENSION floats in the machine's order. Prints one line
/// of JSON: seconds of each question both ways, and the places that were found.
@main struct VectorBench {
  static func main() throws {
    let arguments = CommandLine.arguments
    let numbers = arguments.dropFirst(2).compactMap { Int($0) }
    guard arguments.count == 6, numbers.count == 4 else {
      FileHandle.standardError.write(
        Data("VectorBench FILE COUNT DIMENSION QUESTIONS TOP\n".utf8))
      exit(2)
    }
    let (count, dimension, questions, top) = (numbers[0], numbers[1], numbers[2], numbers[3])
    let all = try floats(arguments[1])
    guard all.count == (count + questions) * dimension else {
      FileHandle.standardError.write(Data("The file has another length.\n".utf8))
      exit(2)
    }
    func vector(_ row: Int) -> [Float] { Array(all[row * dimension..<(row + 1) * dimension]) }
    let digits = String(count).utf8.count
    let keys = (0..<count).map { row in
      let text = String(row)
      return String(repeating: "0", count: digits - text.utf8.count) + text
    }
    let block = VectorBlock(keys: keys, dimension: dimension, vector: vector)
    _ = block.nearest(to: vector(count), count: top)
    let clock = ContinuousClock()
    var found: [[Int]] = []
    var times: [Double] = []
    var plainTimes: [Double] = []
    var isSame = true
    for question in 0..<questions {
      let asked = vector(count + question)
      var places: [Int] = []
      times.append(
        seconds(
          clock.measure { places = block.nearest(to: asked, count: top).map(\.place) }))
      var plainPlaces: [Int] = []
      plainTimes.append(
        seconds(
          clock.measure { plainPlaces = plain(all, count, dimension, asked, top) }))
      if Set(places) != Set(plainPlaces) { isSame = false }
      found.append(places)
    }
    struct Report: Encodable {
      var search: [Double]
      var loop: [Double]
      var places: [[Int]]
      var same: Bool
    }
    let report = Report(search: times, loop: plainTimes, places: found, same: isSame)
    FileHandle.standardOutput.write(try JSONEncoder().encode(report) + Data("\n".utf8))
  }

  private static func floats(_ path: String) throws -> [Float] {
    let data = try Data(contentsOf: URL(filePath: path), options: .alwaysMapped)
    return [Float](unsafeUninitializedCapacity: data.count / 4) { buffer, count in
      count = data.copyBytes(to: buffer) / 4
    }
  }

  private static func seconds(_ duration: Duration) -> Double { duration / .seconds(1) }

  /// As one writes it first: one number after the other, then a sort.
  private static func plain(
    _ all: [Float], _ count: Int, _ dimension: Int, _ asked: [Float], _ top: Int
  ) -> [Int] {
    var scores: [(Float, Int)] = []
    scores.reserveCapacity(count)
    for row in 0..<count {
      var score: Float = 0
      for place in 0..<dimension { score += all[row * dimension + place] * asked[place] }
      scores.append((score, row))
    }
    scores.sort { $0.0 == $1.0 ? $0.1 < $1.1 : $0.0 > $1.0 }
    return scores.prefix(top).map(\.1)
  }
}
