import Foundation
import Yams

/// What a file says, before it is known whether the names and values are right.
struct FileEntry: Sendable, Equatable {
  var name: String
  var value: String
  /// 1-based.
  var line: Int
}

/// Reads the two forms of file that hold settings.
enum SettingsFiles {
  static let sizeLimit = 1 << 20

  enum Reading: Error, Equatable {
    case missing
    /// One sentence without the file's name.
    case refused(String)
  }

  static func text(_ path: String) throws(Reading) -> String {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw .missing
    }
    if isFolder.boolValue { throw .refused("it is a folder") }
    guard let handle = FileHandle(forReadingAtPath: path) else {
      throw .refused("it may not be read by this user")
    }
    defer { try? handle.close() }
    let data: Data
    do {
      data = try handle.read(upToCount: sizeLimit + 1) ?? Data()
    } catch {
      throw .refused("reading it failed")
    }
    guard data.count <= sizeLimit else { throw .refused("it is larger than 1 MiB") }
    guard let text = String(validating: data, as: UTF8.self) else {
      throw .refused("it is not UTF-8 text")
    }
    return text
  }

  /// Whether others than the owner may read a file.
  static func isOpenToOthers(_ path: String) -> Bool {
    let facts = try? FileManager.default.attributesOfItem(atPath: path)
    guard let mode = facts?[.posixPermissions] as? Int else { return false }
    return mode & 0o077 != 0
  }

  /// A mapping of names to scalars, or to lists of scalars, which are joined by commas.
  static func yaml(_ text: String) throws(Reading) -> [FileEntry] {
    let root: Node?
    do {
      root = try Yams.compose(yaml: text)
    } catch let error as YamlError {
      throw .refused("it is not valid YAML\(place(of: error))")
    } catch {
      throw .refused("it is not valid YAML")
    }
    guard let root, root.null == nil || root.mapping != nil else { return [] }
    guard let mapping = root.mapping else {
      throw .refused("it must hold lines of the form NAME: value")
    }
    var entries: [FileEntry] = []
    for (key, node) in mapping {
      let line = key.mark?.line ?? 1
      guard let name = key.scalar?.string else {
        throw .refused("line \(line) has a name that is not a word")
      }
      if let scalar = node.scalar {
        let isNull = scalar.style == .plain && ["", "~", "null"].contains(scalar.string)
        entries.append(FileEntry(name: name, value: isNull ? "" : scalar.string, line: line))
      } else if let items = node.sequence?.map(\.scalar?.string), !items.contains(nil) {
        let joined = items.compactMap(\.self).joined(separator: ",")
        entries.append(FileEntry(name: name, value: joined, line: line))
      } else {
        throw .refused("line \(line): \(name) must be one value, or a list of values")
      }
    }
    return entries
  }

  /// The parser's words may quote the text, and so a secret; only the place is told.
  private static func place(of error: YamlError) -> String {
    switch error {
    case .scanner(_, _, let mark, _), .parser(_, _, let mark, _), .composer(_, _, let mark, _):
      return " at line \(mark.line)"
    case .duplicatedKeysInMapping(_, let context):
      return ": a name stands there twice, at line \(context.mark.line)"
    default:
      return ""
    }
  }

  /// Lines of `NAME=VALUE`, with or without `export`; `#` begins a comment; quotes are taken off,
  /// and inside double ones `\n`, `\"` and `\\` are read. Nothing is expanded.
  static func assignments(_ text: String) throws(Reading) -> [FileEntry] {
    var entries: [FileEntry] = []
    var number = 0
    for line in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
      number += 1
      var rest = line.drop(while: \.isWhitespace)
      if rest.isEmpty || rest.first == "#" { continue }
      if rest.hasPrefix("export ") { rest = rest.dropFirst(7).drop(while: \.isWhitespace) }
      guard let equals = rest.firstIndex(of: "="), equals != rest.startIndex else {
        throw .refused("line \(number) is not of the form NAME=VALUE")
      }
      let name = trimmed(rest[..<equals])
      let value = trimmed(rest[rest.index(after: equals)...])
      guard let plain = unquoted(value) else {
        throw .refused("line \(number) has a quotation mark that is not closed")
      }
      entries.append(FileEntry(name: name, value: plain, line: number))
    }
    return entries
  }

  private static func trimmed(_ text: Substring) -> String {
    var text = text.drop(while: \.isWhitespace)
    while text.last?.isWhitespace == true { text.removeLast() }
    return String(text)
  }

  private static func unquoted(_ text: String) -> String? {
    guard let quote = text.first, quote == "\"" || quote == "'" else {
      // A comment needs a space before it, for `#` may be part of a password.
      var plain: [Character] = []
      for character in text {
        if character == "#", plain.last?.isWhitespace == true { break }
        plain.append(character)
      }
      return trimmed(Substring(String(plain)))
    }
    var plain = ""
    var characters = text.dropFirst()
    while let character = characters.popFirst() {
      if character == quote { return plain }
      if character == "\\", quote == "\"", let next = characters.popFirst() {
        plain.append(next == "n" ? "\n" : next)
      } else {
        plain.append(character)
      }
    }
    return nil
  }
}
