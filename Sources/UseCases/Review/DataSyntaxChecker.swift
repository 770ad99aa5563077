public import Domain
import TOMLKit
import Yams

/// Checks JSON, YAML and TOML by parsing them in this process.
///
/// JSON is strict (RFC 8259). YAML may be many documents with unknown tags; a template
/// (`{{ … }}`, `{% … %}`) and what could overwhelm the parser are `.unknown`.
public struct DataSyntaxChecker: SyntaxChecker {
  private static let largest: ByteCount = .mebibytes(8)

  public init() {}

  public func check(
    _ text: [UInt8], language: Language, path: SourcePath
  ) async -> SyntaxVerdict {
    guard text.count <= Self.largest.value else { return .unknown }
    switch language {
    case .json: return json(text, path)
    case .yaml: return yaml(text)
    case .toml: return toml(text)
    default: return .unknown
    }
  }

  /// Files that are JSON by name and allow comments by custom.
  private static let commented: Set<String> = [
    "tsconfig.json", "jsconfig.json", "settings.json", "launch.json", "tasks.json",
    "extensions.json", "keybindings.json", "devcontainer.json", ".eslintrc.json",
    "api-extractor.json",
    "language-configuration.json",
  ]

  private func json(_ text: [UInt8], _ path: SourcePath) -> SyntaxVerdict {
    let name = path.name
    if Self.commented.contains(name) || name.hasPrefix("tsconfig.") { return .unknown }
    var scanner = JSONSyntax(text)
    guard let failure = scanner.firstFailure() else { return .parses }
    return .broken(line: failure.line, message: failure.message)
  }

  private func yaml(_ bytes: [UInt8]) -> SyntaxVerdict {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      return .broken(line: nil, message: "not UTF-8")
    }
    if text.contains("{{") || text.contains("{%") { return .unknown }
    if YAMLHazards.tooDeepLine(text) != nil || YAMLHazards.mayHashAliases(text) { return .unknown }
    do {
      for _ in try Yams.compose_all(yaml: text) {}
      return .parses
    } catch let error as YamlError {
      let place = YAMLHazards.place(of: error)
      return .broken(line: place.line, message: place.problem)
    } catch {
      return .broken(line: nil, message: "not valid YAML")
    }
  }

  private func toml(_ bytes: [UInt8]) -> SyntaxVerdict {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      return .broken(line: nil, message: "not UTF-8")
    }
    if YAMLHazards.tooDeepLine(text) != nil || text.utf8.contains(0) { return .unknown }
    do {
      _ = try TOMLTable(string: text)
      return .parses
    } catch let error as TOMLParseError {
      return .broken(line: error.source.begin.line, message: error.description)
    } catch {
      return .broken(line: nil, message: "not valid TOML")
    }
  }
}
