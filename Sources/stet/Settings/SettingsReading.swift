import Domain
import Foundation
import Jobs
import Storage
import UseCases
import WebClient

/// Settings on their way in: what was found so far, and what is wrong with it.
struct SettingsReading {
  private struct Found {
    var text: String
    var source: SettingSource
  }

  private var found: [String: Found] = [:]
  var problems: [String] = []
  var warnings: [String] = []

  /// A later call wins. An empty value takes back an earlier one, as it does in a shell.
  mutating func set(_ definition: SettingDefinition, _ text: String, _ source: SettingSource) {
    found[definition.name] = Found(text: text, source: source)
  }

  static func unknown(_ name: String) -> String {
    let shown = String(name.prefix(60))
    guard let near = SettingDefinition.nearest(to: name, among: SettingDefinition.byName.keys)
    else { return "\(shown) is not a setting; `stet settings` lists them all." }
    return "\(shown) is not a setting; did you mean \(near)?"
  }

  /// - Returns: `nil` where there is a problem; all of them are in `problems` then.
  mutating func settings(
    home: String, dataHome: String, folder: String, environment: [String: String]
  ) -> Settings? {
    checkForms()
    let providers = readProviders()
    checkProviders(providers)
    checkEmbeddings()
    checkAdapters()
    let dataFolder = path(text("STET_DATA_DIR") ?? dataHome, home: home, folder: folder)
    let database = readDatabase(dataFolder, home: home, folder: folder)
    let github = readGitHub(home: home, folder: folder)
    let notify = readNotify(home: home, folder: folder)
    guard problems.isEmpty, let database else { return nil }

    var values: [String: SettingValue] = [:]
    for definition in SettingDefinition.all {
      let entry = found[definition.name]
      let source = entry?.source ?? .byDefault
      let content: SettingValue.Content =
        switch text(definition.name) {
        case let text? where definition.isSecret: .secret(Secret(text))
        case let text?: .plain(text)
        case nil: .unset
        }
      values[definition.name] = SettingValue(content: content, source: source)
    }
    values["STET_DATA_DIR"]?.content = .plain(dataFolder)
    values["DATABASE_URL"]?.content = .plain(database.shown)
    return Settings(
      dataFolder: dataFolder, database: database, providers: providers,
      service: readService(), github: github, notify: notify, values: values,
      warnings: warnings, environment: environment)
  }

  func text(_ name: String) -> String? {
    found[name].flatMap { $0.text.isEmpty ? nil : $0.text }
  }

  mutating func refuse(_ name: String, _ why: String) {
    let source = found[name].map { " (\($0.source))" } ?? ""
    problems.append("\(name)\(source): \(why)")
  }

  func path(_ text: String, home: String, folder: String) -> String {
    var path = text
    if path == "~" || path.hasPrefix("~/") { path = home + path.dropFirst() }
    if !path.hasPrefix("/") { path = "\(folder)/\(path)" }
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    return path
  }

  // MARK: Forms

  private mutating func checkForms() {
    for definition in SettingDefinition.all {
      guard let text = text(definition.name) else { continue }
      let mayHaveLines = definition.form == .privateKey
      if text.unicodeScalars.contains(where: {
        ($0.value < 0x20 || $0.value == 0x7F) && !(mayHaveLines && ($0 == "\n" || $0 == "\r"))
      }) {
        refuse(definition.name, "it holds a line break or another control character.")
        continue
      }
      switch definition.form {
      case .address: checkAddress(definition.name, text)
      case .addresses:
        for item in text.split(separator: ",") { checkAddress(definition.name, trimmed(item)) }
      case .host:
        let isAddress = WebAddress.parts(text) != nil
        if !isAddress, WebAddress.hostAndPort(text[...]) == nil {
          refuse(definition.name, "it must be host:port or an http or https address.")
        }
      case .secret:
        // A hook's secret is any text; that of GitHub's own examples has spaces.
        if definition.name != "GITHUB_WEBHOOK_SECRET", text.contains(where: \.isWhitespace) {
          refuse(definition.name, "a key has no spaces in it.")
        }
      case .listen:
        if ListenAddress(text) == nil {
          refuse(definition.name, "it must be HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080.")
        }
      case .number(let range):
        if Int(text).map(range.contains) != true {
          refuse(
            definition.name,
            "it must be a whole number from \(range.lowerBound) to \(range.upperBound).")
        }
      case .choice(let words):
        if !words.contains(text.lowercased()) {
          refuse(definition.name, "it must be \(words.joined(separator: ", ")).")
        }
      case .handle:
        if !text.utf8.allSatisfy(Self.isOfHandle) || text.utf8.count > 39 {
          refuse(definition.name, "it must be letters, digits and dashes, without @, at most 39.")
        }
      case .timeZone:
        if !text.utf8.allSatisfy(Self.isOfTimeZone) || TimeZone(identifier: text) == nil {
          refuse(
            definition.name,
            "\"\(text.prefix(40))\" is no time zone; use a name such as UTC or "
              + "Europe/Berlin.")
        }
      case .cron:
        do throws(CronError) { _ = try CronExpression(text) } catch {
          refuse(definition.name, "\(error) Write it as 17 3 * * *.")
        }
      case .criteria:
        do throws(EvaluateError) { _ = try EvaluateCode.criteria(json: text) } catch {
          refuse(definition.name, "\(error.field ?? "it") \(error.detail).")
        }
      case .secretKeys:
        do throws(CommandFailure) { _ = try SecretKeys.keys(text) } catch {
          refuse(definition.name, error.sentence ?? "it cannot be read.")
        }
      case .delays:
        if Self.delays(text) == nil {
          refuse(
            definition.name,
            "it must be 1 to 10 whole numbers from 0 to 86400 with commas between them, such as "
              + "60,120,180.")
        }
      case .text, .folder, .providers, .database, .privateKey: break
      }
    }
  }

  /// Seconds; `nil` where they cannot be read.
  static func delays(_ text: String) -> [Duration]? {
    let items = text.split(separator: ",", omittingEmptySubsequences: false).map {
      Int($0.filter { !$0.isWhitespace })
    }
    guard (1...10).contains(items.count) else { return nil }
    var delays: [Duration] = []
    for item in items {
      guard let item, (0...86_400).contains(item) else { return nil }
      delays.append(.seconds(item))
    }
    return delays
  }

  private mutating func checkAdapters() {
    do throws(AdapterSettings.Problem) {
      let read = try AdapterSettings.read { text($0) }
      guard let provider = read.provider, provider.apiKey != nil,
        let parts = WebAddress.parts(provider.baseURL), parts.scheme == "http",
        !WebAddress.isLoopback(parts.host)
      else { return }
      warnings.append(
        "STET_ADAPTER_KEY goes to \(parts.host) over http, where others on the way can read it; use "
          + "https.")
    } catch {
      refuse(error.setting, error.why)
    }
  }

  private mutating func checkEmbeddings() {
    switch EmbeddingSettings.read({ text($0) }) {
    case .off: break
    case .without(let warning): warnings.append(warning)
    case .wrong(let setting, let why): refuse(setting, why)
    case .on(let read):
      guard read.provider.apiKey != nil, let parts = WebAddress.parts(read.provider.baseURL),
        parts.scheme == "http", !WebAddress.isLoopback(parts.host)
      else { return }
      warnings.append(
        "The key for vectors goes to \(parts.host) over http, where others on the way can read it; "
          + "use https.")
    }
  }

  private mutating func checkAddress(_ name: String, _ text: String) {
    if SettingDefinition.proxies.contains(name) {
      // The one that will use it judges it: a scheme may be left out, and SOCKS is known too.
      for problem in ProxySettings(environment: [name: text]).problems { refuse(name, problem) }
      return
    }
    guard WebAddress.parts(text) == nil else { return }
    let shown = WebAddress.withoutPassword(String(text.prefix(80)))
    refuse(
      name,
      "\"\(shown)\" is not an address; it must be http:// or https:// and a host, such as "
        + "https://models.example/v1.")
  }

  /// `TimeZone` also takes offsets and abbreviations, which hide what summer does.
  private static func isOfTimeZone(_ byte: UInt8) -> Bool {
    isOfHandle(byte) || byte == UInt8(ascii: "/") || byte == UInt8(ascii: "_")
      || byte == UInt8(ascii: "+")
  }

  private static func isOfHandle(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
      true
    default: false
    }
  }

  private func trimmed(_ text: Substring) -> String {
    var text = text.drop(while: \.isWhitespace)
    while text.last?.isWhitespace == true { text.removeLast() }
    return String(text)
  }

  // MARK: Providers

  private mutating func readProviders() -> [ModelProvider] {
    var providers: [ModelProvider] = []
    var saysNone = false
    let items = (text("LLM_PROVIDER") ?? "").split(separator: ",", omittingEmptySubsequences: false)
    for item in items {
      let name = trimmed(item).lowercased()
      if name.isEmpty, items.count > 1 {
        // Models and addresses are matched by place, so a hole is never just left out.
        refuse("LLM_PROVIDER", "a name is missing between two commas.")
      } else if name == "none" {
        saysNone = true
      } else if let provider = ModelProvider(rawValue: name) {
        providers.append(provider)
      } else if !name.isEmpty {
        let near = SettingDefinition.nearest(to: name, among: ModelProvider.names)
        let hint = near.map { " Did you mean \($0)?" } ?? ""
        refuse(
          "LLM_PROVIDER",
          "\"\(name.prefix(40))\" is not a known provider; use "
            + ModelProvider.names.joined(separator: ", ") + ".\(hint)")
      }
    }
    if saysNone, !providers.isEmpty {
      refuse("LLM_PROVIDER", "none cannot stand beside a provider.")
    }
    return providers
  }

  private mutating func checkProviders(_ providers: [ModelProvider]) {
    for (place, provider) in providers.enumerated() {
      if let key = provider.neededKey, text(key) == nil {
        warnings.append(
          "\(key) is not set, so \(provider.rawValue) is not asked; what needs no model is done "
            + "the built-in way.")
      }
      if provider.needsModel, item(place, of: "LLM_MODEL") == nil {
        problems.append(
          "LLM_MODEL is not set; give the name of a model that "
            + "\(provider.rawValue) serves.")
      }
      if provider.needsAddress, item(place, of: "LLM_BASE_URL") == nil {
        problems.append(
          "LLM_BASE_URL is not set; \(provider.rawValue) needs the server's address, such as "
            + "http://127.0.0.1:8000/v1.")
      }
      checkProtection(of: provider, at: place)
    }
  }

  private mutating func checkProtection(of provider: ModelProvider, at place: Int) {
    let own = provider.addresses.compactMap { text($0) }.first
    guard let key = provider.key, text(key) != nil,
      let parts = (item(place, of: "LLM_BASE_URL") ?? own).flatMap(WebAddress.parts),
      parts.scheme == "http", !WebAddress.isLoopback(parts.host)
    else { return }
    warnings.append(
      "\(key) goes to \(parts.host) over http, where others on the way can read it; use https.")
  }

  private func item(_ place: Int, of name: String) -> String? {
    let items = (text(name) ?? "").split(separator: ",", omittingEmptySubsequences: false)
    guard place < items.count else { return nil }
    let item = trimmed(items[place])
    return item.isEmpty ? nil : item
  }

  // MARK: Database

  private mutating func readDatabase(
    _ dataFolder: String, home: String, folder: String
  ) -> DatabaseSetting? {
    let text = text("DATABASE_URL") ?? "sqlite:"
    do throws(CommandFailure) {
      return try DatabaseSetting(text, dataFolder: dataFolder) {
        path($0, home: home, folder: folder)
      }
    } catch {
      refuse("DATABASE_URL", error.sentence ?? "it cannot be read.")
      return nil
    }
  }
}
