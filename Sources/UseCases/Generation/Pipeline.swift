public import Domain

/// Where a pipeline that repeats the proof elsewhere runs.
public enum Pipeline: String, Sendable, Hashable, Codable, CaseIterable {
  case github, gitlab, jenkins

  /// What the pipeline's licence check refuses in the code's packages.
  static let refusedLicences = "GPL-3.0;AGPL-3.0;GNU General Public License v3 (GPLv3)"

  /// The pipeline with the packages that its steps install, pinned.
  /// - Parameters:
  ///   - code: file name of the code.
  ///   - source: its text, for the packages that it imports.
  ///   - tests: as they stand beside it; without any, pytest looks for its own.
  public func files(
    _ code: String, source: String = "", tests: [SandboxFile] = []
  ) -> [SandboxFile] {
    // Whatever else a name holds, a shell and YAML might read: pytest finds such a file by itself.
    let named = tests.filter { file in
      file.path.first != "-"
        && file.path.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) }
    }
    return [
      SandboxFile(name, text: text(code, PipelineTests.commands(named, code: code))),
      SandboxFile(
        Self.pins,
        text: Self.requirements(
          of: [source] + tests.map { String(decoding: $0.bytes, as: UTF8.self) })),
    ] + PipelineTests.files(named, code: code)
  }

  private var name: String {
    switch self {
    case .github: ".github/workflows/stet.yml"
    case .gitlab: ".gitlab-ci.yml"
    case .jenkins: "Jenkinsfile"
    }
  }

  private static let pins = "requirements-ci.txt"

  /// Files of its own that no test may be called.
  var names: [String] { [name, Self.pins, PipelineTests.program] }

  private static let requirements = """
    # What the pipeline needs; what else the code needs stands in requirements.txt.
    pytest==8.4.2
    bandit==1.8.6
    pip-licenses==5.0.0

    """

  /// Packages that the sandbox's images have beside these, as they are there for Python 3.11.
  private static let imported = [
    ("hypothesis", "6.170.15"), ("numpy", "2.4.6"), ("pandas", "3.1.1"),
  ]

  private static func requirements(of texts: [String]) -> String {
    let needed = imported.filter { name, _ in texts.contains { imports(name, $0) } }
    return requirements + needed.map { "\($0)==\($1)\n" }.joined()
  }

  private static func imports(_ package: String, _ text: String) -> Bool {
    text.split(whereSeparator: \.isNewline).contains { line in
      let words = line.split { !($0.isLetter || $0.isNumber || $0 == "_") }.map(String.init)
      return switch words.first {
      case "import": words.contains(package)
      case "from": words.dropFirst().first == package
      default: false
      }
    }
  }

  private static let install = [
    "python -m pip install --disable-pip-version-check -r requirements-ci.txt",
    "if [ -f requirements.txt ]; then python -m pip install -r requirements.txt; fi",
  ]
  private static let licences =
    "pip-licenses --from=mixed --ignore-packages pip setuptools wheel --fail-on '\(refusedLicences)'"

  private func text(_ code: String, _ tests: [String]) -> String {
    let scan = "python -m bandit -q -ll \(code)"
    let release = "python -m zipfile -c release.zip \(code)"
    switch self {
    case .github: return Self.github(tests, scan, release)
    case .gitlab: return Self.gitlab(tests, scan, release)
    case .jenkins: return Self.jenkins(tests, scan, release)
    }
  }

  private static func github(_ tests: [String], _ scan: String, _ release: String) -> String {
    let test = tests.joined(separator: "\n" + String(repeating: " ", count: 10))
    return """
      # Written by stet. The proof runs on every push; a release only where a person starts this
      # workflow by hand and ticks the box.
      name: stet
      on:
        push:
        pull_request:
        workflow_dispatch:
          inputs:
            release:
              description: Release this commit
              type: boolean
              default: false
      permissions:
        contents: read
      jobs:
        prove:
          runs-on: ubuntu-latest
          timeout-minutes: 15
          steps:
            - uses: actions/checkout@v4
              with:
                persist-credentials: false
            - uses: actions/setup-python@v5
              with:
                python-version: "3.11"
            - name: Install
              run: |
                \(install[0])
                \(install[1])
            - name: Tests
              run: |
                \(test)
            - name: Security scan
              run: \(scan)
            - name: Licences
              run: |
                \(licences)
        release:
          needs: prove
          if: github.event_name == 'workflow_dispatch' && inputs.release
          runs-on: ubuntu-latest
          timeout-minutes: 15
          steps:
            - uses: actions/checkout@v4
              with:
                persist-credentials: false
            - run: \(release)
            - uses: actions/upload-artifact@v4
              with:
                name: release
                path: release.zip

      """
  }

  private static func gitlab(_ tests: [String], _ scan: String, _ release: String) -> String {
    let test = tests.joined(separator: "\n    - ")
    return """
      # Written by stet. The proof runs on every push; the release waits until a person presses its
      # button.
      stages: [prove, release]
      default:
        image: python:3.11-slim
        timeout: 15 minutes
      .install: &install
        - \(install[0])
        - \(install[1])
      tests:
        stage: prove
        script:
          - *install
          - \(test)
      security:
        stage: prove
        script:
          - *install
          - \(scan)
      licences:
        stage: prove
        script:
          - *install
          - >-
            \(licences)
      release:
        stage: release
        needs: [tests, security, licences]
        rules:
          - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH
            when: manual
        script:
          - \(release)
        artifacts:
          paths: [release.zip]

      """
  }

  private static func jenkins(_ tests: [String], _ scan: String, _ release: String) -> String {
    let test = tests.joined(separator: " && ")
    return """
      // Written by stet. The proof runs on every build; a release only where a person builds with the
      // box ticked and then agrees.
      pipeline {
        agent any
        options { timeout(time: 15, unit: 'MINUTES') }
        parameters {
          booleanParam(name: 'RELEASE', defaultValue: false, description: 'Release this commit')
        }
        stages {
          stage('Install') {
            steps {
              sh 'python3 -m venv .stet-ci'
              sh '. .stet-ci/bin/activate && \(install[0])'
              sh '. .stet-ci/bin/activate && \(install[1])'
            }
          }
          stage('Tests') {
            steps { sh '. .stet-ci/bin/activate && \(test)' }
          }
          stage('Security scan') {
            steps { sh '. .stet-ci/bin/activate && \(scan)' }
          }
          stage('Licences') {
            steps {
              sh ". .stet-ci/bin/activate && \(licences)"
            }
          }
          stage('Release') {
            when { expression { return params.RELEASE } }
            input { message 'Release this commit?' }
            steps {
              sh '. .stet-ci/bin/activate && \(release)'
              archiveArtifacts artifacts: 'release.zip'
            }
          }
        }
      }

      """
  }
}
