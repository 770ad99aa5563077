public import Domain
import Foundation

/// Why a SARIF file cannot be used.
public struct SARIFImportError: Error, Sendable, Equatable, CustomStringConvertible {
  /// One sentence: what is wrong and what to do.
  public var description: String

  public init(_ description: String) { self.description = description }
}

/// Brings the results of any linter in, from a file in SARIF 2.1.0.
///
/// Tolerant where tools differ: missing columns, regions, levels and rules; paths relative to a
/// `uriBaseId`, percent-encoded, or absolute. Suppressed and passed results are left out.
public struct SARIFImport: Sendable {
  public static let largest: ByteCount = .mebibytes(64)
  private static let mostResults = 100_000

  private let root: String

  /// - Parameter root: absolute folder of the repository, which absolute paths are made relative to.
  public init(root: String = "") {
    self.root = root.hasSuffix("/") || root.isEmpty ? root : root + "/"
  }

  /// - Parameters:
  ///   - file: its name, for errors.
  ///   - isChanged: whether this line of the new side of a path is part of the change; a result of
  ///     several lines is asked for by its first.
  /// - Returns: findings without quote or fingerprint; who calls proves them against the diff.
  public func findings(
    in bytes: [UInt8], file: String, isChanged: (String, Int) -> Bool = { _, _ in true }
  ) throws(SARIFImportError) -> [Finding] {
    guard bytes.count <= Self.largest.value else {
      throw SARIFImportError(
        "\(file) has \(bytes.count) bytes, more than the \(Self.largest.value) that are read; give the linter fewer files"
      )
    }
    var syntax = JSONSyntax(bytes)
    if let failure = syntax.firstFailure() {
      throw SARIFImportError(
        "\(file):\(failure.line): not JSON (\(failure.message)); let the linter write its SARIF format"
      )
    }
    let start = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    guard let json = try? JSONDecoder().decode(JSONValue.self, from: Data(bytes[start...])),
      let runs = json["runs"]?.array
    else {
      throw SARIFImportError(
        "\(file): JSON, but not SARIF: it has no list 'runs'; let the linter write its SARIF format"
      )
    }
    if let version = json["version"]?.string, !version.hasPrefix("2.") {
      throw SARIFImportError(
        "\(file): SARIF version \(Defanged.forTerminal(version, oneLine: true, limit: 20)) is not read; version 2.1.0 is"
      )
    }
    var findings: [Finding] = []
    for run in runs {
      let tool = run["tool"]?["driver"]?["name"]?.string ?? "sarif"
      let name = Defanged.oneLine(tool, limit: 60)
      for result in run["results"]?.array ?? [] {
        guard findings.count < Self.mostResults else { return findings }
        if let finding = finding(result, run: run, tool: name),
          isChanged(finding.path, finding.startLine)
        {
          findings.append(finding)
        }
      }
    }
    return findings
  }

  private func finding(_ result: JSONValue, run: JSONValue, tool: String) -> Finding? {
    if let kind = result["kind"]?.string, kind != "fail" { return nil }
    let suppressions = result["suppressions"]?.array ?? []
    if suppressions.contains(where: { ($0["status"]?.string ?? "accepted") == "accepted" }) {
      return nil
    }
    if result["baselineState"]?.string == "absent" { return nil }
    let rule = rule(of: result, run: run)
    guard let severity = severity(result, rule: rule),
      let place = result["locations"]?.array?.first?["physicalLocation"],
      let path = path(place["artifactLocation"], run: run)
    else { return nil }
    let startLine = place["region"]?["startLine"]?.integer ?? 1
    guard startLine > 0, startLine < 100_000_000 else { return nil }
    var line = max(startLine, place["region"]?["endLine"]?.integer ?? startLine)
    // A region that ends in the first column ends with the line before.
    if line > startLine, place["region"]?["endColumn"]?.integer == 1 { line -= 1 }
    let id = result["ruleId"]?.string ?? result["rule"]?["id"]?.string ?? rule?["id"]?.string
    let category = Defanged.oneLine(id ?? tool, limit: 100)
    return Finding(
      path: path, side: .new, startLine: startLine, line: min(line, startLine + 10_000),
      severity: severity, category: category,
      message: message(result, rule: rule) ?? category, quote: "", confidence: 1,
      source: .tool(tool))
  }

  private func rule(of result: JSONValue, run: JSONValue) -> JSONValue? {
    let rules = run["tool"]?["driver"]?["rules"]?.array ?? []
    if let index = result["ruleIndex"]?.integer ?? result["rule"]?["index"]?.integer,
      rules.indices.contains(index)
    {
      return rules[index]
    }
    guard let id = result["ruleId"]?.string else { return nil }
    return rules.first { $0["id"]?.string == id }
  }

  /// - Returns: `nil` for level `none`.
  private func severity(_ result: JSONValue, rule: JSONValue?) -> Severity? {
    let level = result["level"]?.string ?? rule?["defaultConfiguration"]?["level"]?.string
    switch level {
    case "error": return .error
    case "note": return .note
    case "none": return nil
    default: return .warning
    }
  }

  private func message(_ result: JSONValue, rule: JSONValue?) -> String? {
    let message = result["message"]
    var text = message?["text"]?.string ?? message?["markdown"]?.string
    if text == nil, let id = message?["id"]?.string {
      text = rule?["messageStrings"]?[id]?["text"]?.string
    }
    text = text ?? rule?["shortDescription"]?["text"]?.string
    guard var text, !text.isEmpty else { return nil }
    for (index, argument) in (message?["arguments"]?.array ?? []).prefix(20).enumerated() {
      text = text.replacing("{\(index)}", with: argument.string ?? "")
    }
    return Defanged.oneLine(text)
  }

  /// A path relative to the root, or `nil` for one outside of it.
  private func path(_ location: JSONValue?, run: JSONValue) -> String? {
    var location = location
    if location?["uri"] == nil, let index = location?["index"]?.integer,
      let artifacts = run["artifacts"]?.array, artifacts.indices.contains(index)
    {
      location = artifacts[index]["location"]
    }
    guard let uri = location?["uri"]?.string, !uri.isEmpty else { return nil }
    var whole = uri
    if !isAbsolute(uri), let base = location?["uriBaseId"]?.string,
      let prefix = self.base(of: base, run: run, depth: 0)
    {
      whole = prefix.hasSuffix("/") || prefix.isEmpty ? prefix + uri : prefix + "/" + uri
    }
    return relative(decoded(whole))
  }

  /// `originalUriBaseIds` may build on each other; unknown ones are the root.
  private func base(of id: String, run: JSONValue, depth: Int) -> String? {
    guard depth < 8, let base = run["originalUriBaseIds"]?[id] else { return nil }
    let uri = base["uri"]?.string ?? ""
    guard !isAbsolute(uri), let parent = base["uriBaseId"]?.string else { return uri }
    let prefix = self.base(of: parent, run: run, depth: depth + 1) ?? ""
    return prefix.hasSuffix("/") || prefix.isEmpty ? prefix + uri : prefix + "/" + uri
  }

  private func isAbsolute(_ uri: String) -> Bool { uri.hasPrefix("/") || uri.contains("://") }

  private func relative(_ uri: String) -> String? {
    var path = Substring(uri)
    if path.lowercased().hasPrefix("file://") {
      path = path.dropFirst(7)
      // `file://host/path`: the host is ours or none.
      if !path.hasPrefix("/") { path = path[(path.firstIndex(of: "/") ?? path.endIndex)...] }
    } else if path.contains("://") {
      return nil
    }
    if path.hasPrefix("/") {
      guard !root.isEmpty, path.hasPrefix(root) else { return nil }
      path = path.dropFirst(root.count)
    }
    var parts: [Substring] = []
    for part in path.split(separator: "/") where part != "." {
      if part == ".." {
        if parts.isEmpty { return nil }
        parts.removeLast()
      } else {
        parts.append(part)
      }
    }
    return parts.isEmpty ? nil : parts.joined(separator: "/")
  }

  /// Percent-decoding; what is no pair of hex digits stays.
  private func decoded(_ uri: String) -> String {
    let bytes = Array(uri.utf8)
    var output: [UInt8] = []
    var index = 0
    while index < bytes.count {
      if bytes[index] == UInt8(ascii: "%"), index + 2 < bytes.count,
        let byte = UInt8(
          String(decoding: bytes[(index + 1)...(index + 2)], as: UTF8.self), radix: 16)
      {
        output.append(byte)
        index += 3
      } else {
        output.append(bytes[index])
        index += 1
      }
    }
    return String(decoding: output, as: UTF8.self)
  }
}
