import Storage

/// Where the value of a setting comes from.
enum SettingSource: Sendable, Hashable, CustomStringConvertible {
  case byDefault
  /// A settings file and the line in it.
  case file(String, line: Int)
  case envFile(String, line: Int)
  case environment
  case commandLine

  var description: String {
    switch self {
    case .byDefault: "default"
    case .file(let path, let line), .envFile(let path, let line): "\(path):\(line)"
    case .environment: "environment"
    case .commandLine: "command line"
    }
  }
}

/// One setting as it came out.
struct SettingValue: Sendable, Hashable {
  enum Content: Sendable, Hashable {
    case unset
    case plain(String)
    case secret(Secret)
  }
  var content: Content
  var source: SettingSource

  /// As one may show it: a secret masked, and a password inside an address too.
  var shown: String? {
    switch content {
    case .unset: nil
    case .plain(let text): WebAddress.withoutPassword(text)
    case .secret(let secret): secret.description
    }
  }

  /// The value for the program's own use.
  var revealed: String? {
    switch content {
    case .unset: nil
    case .plain(let text): text
    case .secret(let secret): secret.reveal()
    }
  }
}

/// Every setting, read once and found right.
struct Settings: Sendable {
  /// Absolute. It is made when something is first stored there.
  var dataFolder: String
  var database: DatabaseSetting
  /// Who answers, in order; empty where no model is asked.
  var providers: [ModelProvider]
  var service: ServiceSettings
  var github: GitHubSettings
  var notify: NotifySettings
  /// Every setting of `SettingDefinition.all`.
  var values: [String: SettingValue]
  /// What is not wrong and yet not as one would expect; each told once, on standard error.
  var warnings: [String]
  /// The environment that child processes and proxies go by.
  var environment: [String: String]

  /// The value of a setting for the program's own use; secrets come out as they are.
  func value(_ name: String) -> String? { values[name]?.revealed }

  /// The texts that no log may show. A very short one would mask half of every line.
  var secrets: [String] {
    values.values.compactMap { value in
      if case .secret(let secret) = value.content, secret.reveal().utf8.count >= 6 {
        secret.reveal()
      } else {
        nil
      }
    }
  }

  /// Of `STET_SECRET_KEY`, the one to write with first; empty where it is not set.
  var secretKeys: [SecretKey] {
    value("STET_SECRET_KEY").flatMap { try? SecretKeys.keys($0) } ?? []
  }

  func tellWarnings() {
    for warning in warnings { Output.notes.tell("stet: warning: \(warning)") }
  }

  /// The environment with proxies as the settings have them, whatever source they came from.
  var networkEnvironment: [String: String] {
    var environment = environment
    for name in SettingDefinition.proxies {
      environment[name.lowercased()] = nil
      environment[name] = value(name)
    }
    environment["HF_ENDPOINT"] = value("HF_ENDPOINT")
    return environment
  }
}
