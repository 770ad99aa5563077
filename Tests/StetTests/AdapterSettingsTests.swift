import Domain
import LanguageModels
import Testing

@testable import stet

/// Who trains adapters and who serves them, as settings say it.
@Suite struct AdapterSettingsTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func reader(_ environment: [String: String]) -> SettingsReader {
    SettingsReader(
      environment: environment.merging(["HOME": folder.path]) { own, _ in own },
      folder: folder.path)
  }

  @Test func nobodyTrainsUnlessSomebodyIsNamed() async throws {
    let wiring = Wiring(try reader([:]).read())
    #expect(wiring.loraTrainer == nil)
    #expect(wiring.adapters == nil)
    await wiring.close()
  }

  @Test(arguments: [
    (["STET_TRAINER": "peft"], "peft"), (["STET_TRAINER": "MLX"], "mlx"),
    (["STET_TRAINER": "torchtune"], "torchtune"),
    (["STET_TRAINER": "command", "STET_TRAINER_COMMAND": "train --well"], "command"),
  ])
  func theNamedOneTrainsAndLlamaServes(
    _ environment: [String: String], _ name: String
  ) async throws {
    let wiring = Wiring(try reader(environment).read())
    #expect(wiring.loraTrainer?.name == name)
    #expect(wiring.adapters?.server is LlamaAdapterServer)
    await wiring.close()
  }

  @Test func otherServersAreTakenWithTheirBase() async throws {
    var environment = [
      "STET_TRAINER": "peft", "STET_ADAPTER_SERVER": "vllm", "STET_ADAPTER_BASE": "org/coder-7b",
      "STET_ADAPTER_BASE_FOLDER": "/models/coder", "STET_ADAPTER_URL": "http://127.0.0.1:8000/v1",
      "STET_TRAINER_STEPS": "7", "STET_TRAINER_MINUTES": "2", "STET_TRAINER_MEMORY": "100",
    ]
    let settings = try reader(environment).read()
    let read = try AdapterSettings.read { settings.value($0) }
    #expect(read.base == "org/coder-7b")
    #expect(read.steps == 7)
    #expect(read.time == .seconds(120))
    #expect(read.memory == .mebibytes(100))
    let wiring = Wiring(settings)
    #expect(wiring.adapters?.server is VLLMAdapterServer)
    await wiring.close()
    environment["STET_ADAPTER_SERVER"] = "named"
    let other = Wiring(try reader(environment).read())
    #expect(other.adapters?.server is NamedAdapterServer)
    await other.close()
  }

  @Test(arguments: [
    (["STET_TRAINER": "somebody"], "STET_TRAINER"),
    (["STET_TRAINER": "command"], "STET_TRAINER_COMMAND"),
    (["STET_TRAINER_STEPS": "0"], "STET_TRAINER_STEPS"),
    (["STET_ADAPTER_SERVER": "vllm"], "STET_ADAPTER_BASE"),
    (["STET_ADAPTER_SERVER": "vllm", "STET_ADAPTER_BASE": "m"], "STET_ADAPTER_URL"),
    (["STET_ADAPTER_BASE": "unknown-7b"], "STET_ADAPTER_BASE"),
    (
      [
        "STET_TRAINER": "peft", "STET_ADAPTER_SERVER": "named", "STET_ADAPTER_BASE": "m",
        "STET_ADAPTER_URL": "http://127.0.0.1:1/v1",
      ], "STET_ADAPTER_BASE_FOLDER"
    ),
  ])
  func whatCannotBeIsTold(_ environment: [String: String], _ named: String) throws {
    let reader = reader(environment)
    let failure = try #require(throws: CommandFailure.self) { try reader.read() }
    #expect(failure.status == .misuse)
    #expect(failure.sentence?.contains(named) == true)
  }

  @Test func aKeyThatWouldGoInTheClearIsWarnedOf() throws {
    let settings = try reader([
      "STET_ADAPTER_SERVER": "vllm", "STET_ADAPTER_BASE": "m", "STET_ADAPTER_KEY": "a-key",
      "STET_ADAPTER_URL": "http://models.example/v1",
    ]).read()
    #expect(settings.warnings.contains { $0.contains("STET_ADAPTER_KEY") })
    #expect(settings.values["STET_ADAPTER_KEY"]?.shown?.contains("a-key") == false)
  }
}
