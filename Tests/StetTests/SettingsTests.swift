import Foundation
import LanguageModels
import Testing

@testable import stet

@Suite struct SettingsTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func reader(_ environment: [String: String] = [:]) -> SettingsReader {
    SettingsReader(
      environment: environment.merging(["HOME": folder.path]) { own, _ in own },
      folder: folder.path)
  }

  private func problems(_ reader: SettingsReader) throws -> String {
    let failure = try #require(throws: CommandFailure.self) { try reader.read() }
    #expect(failure.status == .misuse)
    return failure.sentence ?? ""
  }

  @Test func defaultsStandWhereNothingIsSet() throws {
    let settings = try reader().read()
    #expect(settings.dataFolder == "\(folder.path)/.local/share/stet")
    #expect(settings.database.file == "\(folder.path)/.local/share/stet/stet.db")
    #expect(settings.providers.isEmpty)
    #expect(settings.warnings.isEmpty)
    #expect(settings.values["LLM_MODEL"]?.source == .byDefault)
  }

  @Test func commandLineOverEnvironmentOverEnvFileOverFile() throws {
    let file = try folder.write(
      "llm_model: f\nLLM_PROVIDER: ollama\nOLLAMA_HOST: file:1\nDATABASE_URL: sqlite:f.db\n",
      to: ".config/stet/stet.yaml")
    var reader = reader(["LLM_MODEL": "from-environment", "OLLAMA_HOST": "environment:2"])
    let envFile = try folder.write(
      "LLM_MODEL=x\nOLLAMA_HOST=x\nDATABASE_URL=sqlite:e.db\n", to: "my.env")
    reader.envFile = envFile
    reader.arguments = ["LLM_MODEL=from-command-line"]
    let settings = try reader.read()
    #expect(settings.value("LLM_MODEL") == "from-command-line")
    #expect(settings.value("OLLAMA_HOST") == "environment:2")
    #expect(settings.database.file == "\(folder.path)/e.db")
    #expect(settings.providers == [.served(.ollama)])
    #expect(settings.values["LLM_MODEL"]?.source == .commandLine)
    #expect(settings.values["OLLAMA_HOST"]?.source == .environment)
    #expect(settings.values["DATABASE_URL"]?.source == .envFile(envFile, line: 3))
    #expect(settings.values["LLM_PROVIDER"]?.source == .file(file, line: 2))
  }

  @Test func allProblemsAreToldTogether() throws {
    let file = try folder.write(
      "LLM_PROVIDR: openai\nllm_base_url: not an address\nSTET_DATADIR: /x\n", to: "s.yaml")
    var reader = reader(["LLM_PROVIDER": "opnai", "OLLAMA_HOST": "a b"])
    reader.settingsFile = file
    reader.arguments = ["NOTHING", "OPENAI_API_KEY=abc"]
    let text = try problems(reader)
    #expect(text.contains("7 settings are wrong"))
    for part in [
      "s.yaml:1: LLM_PROVIDR is not a setting; did you mean LLM_PROVIDER?",
      "s.yaml:3: STET_DATADIR is not a setting; did you mean STET_DATA_DIR?",
      "LLM_BASE_URL (\(file):2): \"not an address\" is not an address",
      "LLM_PROVIDER (environment): \"opnai\" is not a known provider", "Did you mean openai?",
      "OLLAMA_HOST (environment)", "--set takes NAME=VALUE",
      "--set OPENAI_API_KEY: other users can read a command line",
    ] { #expect(text.contains(part), "\(part) is missing from: \(text)") }
    #expect(!text.contains("abc"))
  }

  @Test(arguments: [
    ("- a\n- b\n", "NAME: value"), ("LLM_MODEL: [a, {b: c}]\n", "line 1: LLM_MODEL"),
    ("LLM_MODEL: \"open\n", "not valid YAML"), ("LLM_MODEL: a\nLLM_MODEL: b\n", "twice"),
    ("LLM_MODEL: a\nllm_model: b\n", "twice, first at line 1"),
  ])
  func badFileIsAProblem(_ text: String, _ part: String) throws {
    var reader = reader()
    reader.settingsFile = try folder.write(text, to: "bad.yaml")
    #expect(try problems(reader).contains(part))
  }

  @Test func namedFileThatIsMissingIsAProblemAndTheUsualOneIsNot() throws {
    var reader = reader()
    reader.settingsFile = "none.yaml"
    reader.envFile = "none.env"
    let text = try problems(reader)
    #expect(text.contains("--config none.yaml: there is no such file"))
    #expect(text.contains("--env-file none.env: there is no such file"))
  }

  @Test func nothingIsReadFromTheFolderUnderReview() throws {
    let checkout = try TemporaryFolder()
    let hostile = "OPENAI_BASE_URL: http://thief.example/v1\nLLM_PROVIDER: openai\n"
    for name in [
      "stet.yaml", ".stet.yaml", "stet/stet.yaml", ".config/stet/stet.yaml", ".stet.yml",
    ] {
      try checkout.write(hostile, to: name)
    }
    try checkout.write("OPENAI_BASE_URL=http://thief.example/v1\n", to: ".env")
    var reader = reader(["XDG_CONFIG_HOME": "."])
    reader.folder = checkout.path
    let settings = try reader.read()
    #expect(settings.value("OPENAI_BASE_URL") == nil)
    #expect(settings.providers.isEmpty)
    #expect(settings.warnings.contains { $0.contains("XDG_CONFIG_HOME is not an absolute path") })
  }

  @Test func missingKeyIsOneWarning() throws {
    let settings = try reader(["LLM_PROVIDER": "openai,local"]).read()
    #expect(settings.providers == [.served(.openai), .local])
    #expect(settings.warnings.count == 1)
    #expect(settings.warnings.first?.contains("OPENAI_API_KEY is not set") == true)
  }

  @Test(arguments: [
    ("vllm", "LLM_MODEL is not set"), ("openai-compatible", "LLM_BASE_URL is not set"),
    ("none,openai", "none cannot stand beside a provider"),
  ])
  func providerWithoutWhatItNeeds(_ provider: String, _ part: String) throws {
    #expect(try problems(reader(["LLM_PROVIDER": provider])).contains(part))
  }

  @Test(arguments: [
    ("postgres://u:hidden@h:0/d", "port"), ("postgres://u:hidden@h/d?nonsense=1", "nonsense"),
    ("postgresql://u:hid%2", "%"), ("postgres://u:hidden@h/d?sslmode=maybe", "sslmode"),
    ("mysql://h/d", "must be sqlite:PATH"), ("sqlite::memory:", "names no file"),
  ])
  func databasesThatCannotBe(_ url: String, _ part: String) throws {
    let text = try problems(reader(["DATABASE_URL": url]))
    #expect(text.contains(part))
    #expect(!text.contains("hidden"))
  }

  @Test(arguments: [
    ("sqlite:/a/b.db", "/a/b.db"), ("sqlite:///a/b.db", "/a/b.db"),
    ("sqlite:", "HOME/.local/share/stet/stet.db"), ("sqlite:~/x.db", "HOME/x.db"),
    ("sqlite:x.db", "HOME/x.db"),
  ])
  func databaseFiles(_ url: String, _ path: String) throws {
    let wanted = path.hasPrefix("HOME") ? folder.path + path.dropFirst(4) : path
    #expect(try reader(["DATABASE_URL": url]).read().database.file == wanted)
  }

  @Test func unknownNamesInTheEnvironmentAreOnlyWarnings() throws {
    let settings = try reader([
      "STET_DATADIR": "/x", "STET_TEST_ANY": "1", "OTHER": "y",
    ]).read()
    #expect(settings.warnings.count == 1)
    #expect(settings.warnings.first?.contains("did you mean STET_DATA_DIR?") == true)
  }

  @Test func keyInAFileThatOthersCanReadIsAWarning() throws {
    let key = "k" + "ey-of-a-test"
    var reader = reader()
    reader.settingsFile = try folder.write(
      "MISTRAL_API_KEY: \(key)\n", to: "open.yaml", mode: 0o644)
    #expect(try reader.read().warnings.contains { $0.contains("chmod 600") })
    reader.settingsFile = try folder.write("MISTRAL_API_KEY: \(key)\n", to: "closed.yaml")
    #expect(try reader.read().warnings.isEmpty)
  }

  @Test(arguments: [
    ("http://models.example/v1", 1), ("http://127.0.0.1:9/v1", 0), ("https://models.example/v1", 0),
  ])
  func keyOverHTTPIsAWarning(_ url: String, _ count: Int) throws {
    let key = "k" + "ey"
    let settings = try reader([
      "LLM_PROVIDER": "openai", "OPENAI_API_KEY": key, "OPENAI_BASE_URL": url,
    ]).read()
    #expect(settings.warnings.count == count)
  }

  @Test func secretsNeverPrint() throws {
    let key = ["not", "to", "be", "seen"].joined(separator: "-")
    let settings = try reader([
      "OPENAI_API_KEY": key, "HTTPS_PROXY": "http://user:\(key)@proxy.example:1",
    ]).read()
    let value = try #require(settings.values["OPENAI_API_KEY"])
    // A proxy is not a secret as a whole; its password is masked where it is shown.
    #expect(settings.values["HTTPS_PROXY"]?.shown == "http://********@proxy.example:1")
    var dumped = ""
    dump(value, to: &dumped)
    for text in ["\(value)", String(reflecting: value), dumped, value.shown ?? ""] {
      #expect(!text.contains(key))
    }
    #expect(value.revealed == key)
  }

  @Test func lowerCaseProxiesComeFirst() throws {
    let settings = try reader([
      "https_proxy": "http://small.example:1", "HTTPS_PROXY": "http://large.example:2",
    ]).read()
    #expect(settings.value("HTTPS_PROXY") == "http://small.example:1")
    #expect(settings.networkEnvironment["HTTPS_PROXY"] == "http://small.example:1")
    #expect(settings.networkEnvironment["https_proxy"] == nil)
  }

  @Test(arguments: [
    ("A=b", "b"), ("export A = 'b c'", "b c"), ("A=\"x\\n\\\"y\\\"\"", "x\n\"y\""),
    ("A=b # no", "b"), ("A=b#yes", "b#yes"), ("A=", ""), ("A='#x'", "#x"),
  ])
  func envFileLines(_ line: String, _ value: String) throws {
    let entries = try SettingsFiles.assignments("# first\n\n\(line)\n")
    #expect(entries == [FileEntry(name: "A", value: value, line: 3)])
  }

  @Test(arguments: ["A", "=b", "A='b"])
  func envFileLinesThatAreWrong(_ line: String) {
    #expect(throws: SettingsFiles.Reading.self) { try SettingsFiles.assignments(line) }
  }
}

@Suite struct WebAddressTests {
  @Test(arguments: [
    "https://a.example", "http://127.0.0.1:8080/v1", "http://[::1]:9/", "https://u:p@h/x",
    "HTTPS://A.example",
  ])
  func right(_ text: String) { #expect(WebAddress.parts(text) != nil) }

  @Test(arguments: [
    "", "a.example", "ftp://a", "http://", "http:///x", "http://a:0", "http://a:65536",
    "http://a:b", "http://a b", "http://[::1", "http://a\n", "http://a/ x", "file:///etc/passwd",
  ])
  func wrong(_ text: String) { #expect(WebAddress.parts(text) == nil) }

  @Test(arguments: [("", "abc", 3), ("LLM_MODLE", "LLM_MODEL", 1), ("kitten", "sitting", 3)])
  func distances(_ a: String, _ b: String, _ distance: Int) {
    #expect(EditDistance.between(Array(a.utf8), Array(b.utf8)) == distance)
  }
}
