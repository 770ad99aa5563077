import Domain

/// Files that are not touched unless a person with the right to names each by its path: what builds,
/// guards or pins the repository, and what says how its tests are run.
struct ProtectedPaths: Sendable {
  private let own: [PathPattern]

  init(_ policy: FixPolicy = FixPolicy()) {
    own = policy.protectedPaths.compactMap { try? PathPattern($0) }
  }

  /// - Returns: the end of a sentence that begins with the path; `nil` where it may be touched.
  func reason(_ path: SourcePath) -> String? {
    for (pattern, reason) in Self.builtIn where pattern.matches(path) { return reason }
    if FileSelection.standard.skipReason(path: path) == .lockFile { return "it is a lock file" }
    if own.contains(where: { $0.matches(path) }) {
      return "the repository's policy protects it"
    }
    return nil
  }

  /// What says who may do what in the repository: naming it takes the right to change that.
  /// - Parameter path: as a person wrote it.
  static func needsMaintainer(_ path: String) -> Bool {
    let path = SourcePath(FixTargets.plain(path))
    return guarding.contains { $0.matches(path) }
  }

  private static let guarding: [PathPattern] =
    builtIn.filter { $0.1 == workflow }.map(\.0)
    + [".stet.yml", "**/CODEOWNERS"].compactMap { try? PathPattern($0) }

  private static let workflow = "it is a workflow"

  private static let builtIn: [(PathPattern, String)] = {
    let policy = "it is the repository's policy"
    let tests = "it says how the tests are run"
    let texts: [(String, String)] = [
      (".github/**", workflow), (".gitlab-ci.yml", workflow), (".gitlab/**", workflow),
      (".circleci/**", workflow), (".buildkite/**", workflow), ("azure-pipelines*.yml", workflow),
      ("bitbucket-pipelines.yml", workflow), ("**/Jenkinsfile", workflow),
      (".travis.yml", workflow),
      (".drone.yml", workflow), ("appveyor.yml", workflow), (".appveyor.yml", workflow),
      ("**/action.yml", workflow), ("**/action.yaml", workflow), (".husky/**", workflow),
      (".woodpecker/**", workflow), (".gitea/**", workflow), (".forgejo/**", workflow),
      (".stet.yml", policy), ("**/CODEOWNERS", policy), ("**/.gitattributes", policy),
      ("**/.gitmodules", policy), ("**/.gitignore", policy), (".pre-commit-config.yaml", policy),
      ("**/pytest.ini", tests), ("**/.pytest.ini", tests), ("**/tox.ini", tests),
      ("**/setup.cfg", tests), ("**/pyproject.toml", tests), ("**/noxfile.py", tests),
      ("**/Makefile", tests), ("**/package.json", tests), ("**/jest.config.*", tests),
      ("**/vitest.config.*", tests), ("**/.coveragerc", tests), ("**/ruff.toml", tests),
      ("**/.ruff.toml", tests), ("**/vitest.workspace.*", tests), ("**/vite.config.*", tests),
      ("**/playwright.config.*", tests), ("**/karma.conf.*", tests), ("**/.mocharc.*", tests),
      ("**/cypress.config.*", tests), ("**/babel.config.*", tests), ("**/.babelrc*", tests),
      ("**/.eslintrc*", tests), ("**/eslint.config.*", tests), ("**/tsconfig*.json", tests),
      ("**/setup.py", tests), ("**/build.rs", tests), ("**/Cargo.toml", tests),
      ("**/Package.swift", tests), ("**/CMakeLists.txt", tests), ("**/pom.xml", tests),
      ("**/build.gradle*", tests), ("**/Rakefile", tests), ("**/justfile", tests),
    ]
    return texts.compactMap { text, reason in
      (try? PathPattern(text)).map { ($0, reason) }
    }
  }()
}
