import Domain
import Foundation

/// Python of ours that runs in the sandbox and reports in JSON.
enum PythonHarness: String {
  /// Reads code and tests without running them.
  case plan = "stet_plan"
  /// Runs tests.
  case tests = "stet_main"
  /// Calls annotated functions with values that it makes up.
  case properties = "stet_properties"
  /// Makes variants of code with one small change each.
  case mutants = "stet_mutants"
  /// Measures how processor time grows with the size of an argument.
  case growth = "stet_growth"

  /// What runs first: makes modules of the texts that came with the task, so that none of them has
  /// to lie in a file that judged code could change.
  private static let boot =
    TrustedPython.alone + """
      import json, sys, types
      task = json.loads(sys.stdin.buffer.read())
      for name, text in task.pop("modules"):
          made = types.ModuleType(name)
          made.__file__ = name + ".py"
          sys.modules[name] = made
          exec(compile(text, name + ".py", "exec"), vars(made))
      sys.modules[task.pop("entry")].main(task)
      """

  /// In the order in which they import each other.
  private var modules: [(name: String, text: [UInt8])] {
    let forms: [(name: String, text: [UInt8])] = [
      ("stet_given", PackageResources.stet_given_py),
      ("stet_forms", PackageResources.stet_forms_py),
    ]
    switch self {
    case .plan:
      return forms + [
        ("stet_coding", PackageResources.stet_coding_py),
        ("stet_plan", PackageResources.stet_plan_py),
      ]
    case .properties:
      return forms + loading + [("stet_properties", PackageResources.stet_properties_py)]
    case .mutants: return [("stet_mutants", PackageResources.stet_mutants_py)]
    case .growth: return forms + loading + [("stet_growth", PackageResources.stet_growth_py)]
    case .tests:
      return forms + loading + [
        ("stet_examples", PackageResources.stet_examples_py),
        ("stet_pytest", PackageResources.stet_pytest_py),
        ("stet_runners", PackageResources.stet_runners_py),
        ("stet_main", PackageResources.stet_main_py),
      ]
    }
  }

  /// What loads the judged module and tells what became of it.
  private var loading: [(name: String, text: [UInt8])] {
    [
      ("stet_tell", PackageResources.stet_tell_py),
      ("stet_cases", PackageResources.stet_cases_py),
      ("stet_guard", PackageResources.stet_guard_py),
      ("stet_worker", PackageResources.stet_worker_py),
    ]
  }

  func task(
    _ values: [String: JSONValue], image: SandboxImage, files: [SandboxFile] = [],
    limits: SandboxLimits
  ) -> SandboxTask {
    var members = values
    members["entry"] = .string(rawValue)
    members["modules"] = .array(
      modules.map { .array([.string($0.name), .string(String(decoding: $0.text, as: UTF8.self))]) })
    // A JSON value is always encodable.
    let input = (try? JSONEncoder().encode(JSONValue.object(members))) ?? Data("{}".utf8)
    return SandboxTask(
      .python(Self.boot), image: image, files: files, input: Array(input), limits: limits)
  }
}

/// Programs of ours that run where judged files lie.
enum TrustedPython {
  /// Comes first in such a program. The working folder leads `sys.path`, so that a judged file named
  /// as a module of the standard library would be run in that module's place, before any guard
  /// stands. `posix` and `sys` are built in and never looked for.
  static let alone = """
    import posix, sys
    sys.path[:] = [
        step for step in sys.path if step not in ("", ".", posix.getcwd())
    ]

    """

  static func program(_ text: [UInt8]) -> String {
    alone + String(decoding: text, as: UTF8.self)
  }
}

extension JSONValue {
  /// Reads a report of ours; `nil` where it has another form, as one that judged code forged may.
  func decoded<Value: Decodable>(as type: Value.Type) -> Value? {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return (try? JSONEncoder().encode(self)).flatMap { try? decoder.decode(type, from: $0) }
  }
}
