/// The words of a text, for comparing texts by them.
enum WordSets {
  /// In lower case, split at everything that is no letter or digit, and at humps: `parseURLPath` is
  /// `parse`, `url`, `path`. Scripts without spaces give one word for each character.
  static func words(_ text: String) -> [String] {
    var words: [String] = []
    var word: [Unicode.Scalar] = []
    func end() {
      guard !word.isEmpty else { return }
      var view = String.UnicodeScalarView()
      view.append(contentsOf: word)
      words.append(String(view).lowercased())
      word = []
    }
    let scalars = Array(text.unicodeScalars)
    for (index, scalar) in scalars.enumerated() {
      guard scalar.properties.isAlphabetic || isDigit(scalar) else {
        end()
        continue
      }
      if isIdeographic(scalar) {
        end()
        words.append(String(scalar))
        continue
      }
      if let last = word.last, scalar.properties.isUppercase {
        let next = index + 1 < scalars.count ? scalars[index + 1] : nil
        // A hump, or the last letter of an abbreviation that begins the next word.
        if last.properties.isLowercase || isDigit(last)
          || last.properties.isUppercase && next?.properties.isLowercase == true
        {
          end()
        }
      }
      word.append(scalar)
    }
    end()
    return words
  }

  /// Of those in either, the share that is in both; 1 for two empty ones.
  static func likeness(_ a: Set<String>, _ b: Set<String>) -> Double {
    if a.isEmpty, b.isEmpty { return 1 }
    let both = a.intersection(b).count
    return Double(both) / Double(a.count + b.count - both)
  }

  /// Independent of the process, unlike `Hasher`. Source: Fowler, Noll, Vo, FNV-1a, 64 bits.
  static func hash(_ text: String, _ seed: UInt64 = 0) -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325 ^ (seed &* 0x9e37_79b9_7f4a_7c15)
    for byte in text.utf8 {
      hash ^= UInt64(byte)
      hash = hash &* 0x100_0000_01b3
    }
    // The low bits of FNV alone mix badly.
    hash ^= hash >> 32
    hash = hash &* 0xd6e8_feb8_6659_fd93
    return hash ^ hash >> 32
  }

  private static func isDigit(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.numericType != nil
  }

  /// Han, kana, and the like.
  private static func isIdeographic(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x3040...0x30FF, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xF900...0xFAFF, 0x20000...0x3FFFF:
      true
    default: false
    }
  }
}

/// Vectors of texts by their words alone: no model is asked. Two texts lie near each other where they
/// use the same rarer words and identifiers.
///
/// Each word falls into one of the vector's places by its hash, with a sign by another, so that
/// chance meetings cancel out. Source: Weinberger et al., "Feature Hashing for Large Scale Multitask
/// Learning", 2009.
public enum HashedWords {
  public static let name = "hashed-words-1"
  public static let dimension = 512

  /// Of length 1; all zeros for a text without words.
  /// - Complexity: O(bytes).
  public static func vector(_ text: String) -> [Float] {
    var counts: [String: Int] = [:]
    let words = WordSets.words(text)
    for (index, word) in words.enumerated() {
      counts[word, default: 0] += 1
      if index > 0 { counts[words[index - 1] + " " + word, default: 0] += 1 }
    }
    var vector = [Float](repeating: 0, count: dimension)
    for (word, count) in counts {
      let hash = WordSets.hash(word)
      // What is written often says little more than what is written once, and short words less.
      let weight = logarithm(count) * (word.utf8.count < 3 ? 0.3 : 1)
      vector[Int(hash % UInt64(dimension))] += hash >> 63 == 0 ? weight : -weight
    }
    let length = vector.reduce(Float(0)) { $0 + $1 * $1 }.squareRoot()
    return length > 0 ? vector.map { $0 / length } : vector
  }

  /// 1 + log2, in whole and half steps: nothing here needs more, and Domain needs no C library.
  private static func logarithm(_ count: Int) -> Float {
    var rest = count
    var result: Float = 1
    while rest >= 2 {
      result += 1
      rest /= 2
    }
    return result
  }
}
