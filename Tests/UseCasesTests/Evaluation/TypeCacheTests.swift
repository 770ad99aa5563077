import Domain
import Foundation
import TestKit
import Testing

@testable import Sandbox
@testable import UseCases

/// What `stet sandbox prepare test` makes for mypy, and what `lint_types.py` takes of it.
@Suite struct TypeCacheTests {
  static let place = "\(TestImages.folder)/test/site/\(TypeCache.folder)"
  static let isThere = FileManager.default.fileExists(atPath: place)
  static let missing: Comment =
    "the image was prepared before it had a cache for mypy: prepare it again"

  /// mypy takes nothing from a cache that was made with other options.
  @Test func itIsMadeWithTheOptionsThatItIsUsedWith() {
    let text = String(decoding: PackageResources.lint_types_py, as: UTF8.self)
    let silent: Set = [
      "--output=json", "--show-column-numbers", "--no-error-summary", "--no-color-output",
      "--hide-error-context", "--cache-dir=",
    ]
    let used = text.matches(of: /"(--[a-z=-]+)"/).map { String($0.1) }
    #expect(Set(used).subtracting(silent) == Set(TypeCache.options))
    #expect(text.contains("\"\(TypeCache.folder)\""))
  }

  @Test(.enabled(if: isThere, missing)) func mypyTakesItInTheSandbox() async throws {
    let program = """
      import io, shutil, sys
      from mypy import main
      shutil.copytree("/image/site/\(TypeCache.folder)", "cache", copy_function=shutil.copyfile)
      with open("judged.py", "w") as file:
          file.write("import json\\nx: int = json.dumps(1)\\n")
      out, error = io.StringIO(), io.StringIO()
      try:
          main.main(args=sys.argv[1:] + ["-v", "--cache-dir=cache", "judged.py"], stdout=out,
                    stderr=error, clean_exit=True)
      except SystemExit:
          pass
      print("Metadata fresh for json:" in error.getvalue(), "Incompatible" in out.getvalue())
      try:
          open("/image/site/\(TypeCache.folder)/x", "w")
      except OSError:
          print("read-only")
      """
    let result = try await LintFixture.sandbox.run(
      SandboxTask(
        .python(program), image: .test, arguments: TypeCache.options,
        limits: SandboxLimits(
          time: .seconds(60), processorTime: .seconds(60), memory: .mebibytes(1_024))))
    #expect(result.outputText == "True True\nread-only\n", "\(result.errorText)")
  }

  /// Code that is named as what lies in the cache, or as a module of the standard library, leaves
  /// nothing for the next.
  @Test(.enabled(if: isThere, missing)) func oneRunLeavesNothingForTheNext() async throws {
    let code = "import json\nx: int = json.dumps(1)\n"
    for _ in 0..<2 {
      let axis = try await LintFixture.axis(TypesEvaluator(), code, in: LintFixture.sandbox)
      #expect(axis.verdict == .fail && axis.value == 1, "\(axis)")
      let other = try await LintFixture.axis(
        TypesEvaluator(), "import stet_modules, json\njson.dumps: int = 3  # type: ignore\n",
        in: LintFixture.sandbox)
      #expect(other.verdict == .fail, "\(other)")
    }
  }
}
