extension FileSelection {
  /// What a path alone says: lock file, vendored, generated or minified.
  static func reason(byName path: SourcePath) -> SkipReason? {
    let name = path.name.lowercased()
    if lockFiles.contains(name) || lockEndings.contains(where: name.hasSuffix) { return .lockFile }
    let folders = path.description.lowercased().split(separator: "/").dropLast()
    if folders.contains(where: { vendorFolders.contains(String($0)) }) { return .vendored }
    let parents = zip(folders, folders.dropFirst()).map { "\($0)/\($1)" }
    if parents.contains(where: vendorPairs.contains) { return .vendored }
    if folders.contains(where: { generatedFolders.contains(String($0)) }) { return .generated }
    if minifiedEndings.contains(where: name.hasSuffix) { return .minified }
    if generatedNames.contains(name) || generatedEndings.contains(where: name.hasSuffix) {
      return .generated
    }
    return nil
  }

  private static let lockFiles: Set<String> = [
    "package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock",
    "bun.lockb", "deno.lock", "poetry.lock", "pipfile.lock", "uv.lock", "pdm.lock", "pixi.lock",
    "pylock.toml", "conda-lock.yml", "cargo.lock", "go.sum", "go.work.sum", "gopkg.lock",
    "glide.lock", "gemfile.lock", "gems.locked", "composer.lock", "package.resolved",
    "podfile.lock", "cartfile.resolved", "mix.lock", "rebar.lock", "pubspec.lock", "flake.lock",
    "packages.lock.json", "project.assets.json", "paket.lock", "gradle.lockfile",
    "buildscript-gradle.lockfile", "verification-metadata.xml", ".terraform.lock.hcl",
    "chart.lock", "requirements.lock", "stack.yaml.lock", "cabal.project.freeze", "shard.lock",
    "manifest.toml.lock", "module.bazel.lock", "maven_install.json", "conan.lock",
    "vcpkg-lock.json",
    "opam.locked", "elm-stuff.lock", "devbox.lock", "mise.lock", "spago.lock", "berksfile.lock",
    "jsr.lock", "cargo-lock.json", "dub.selections.json",
  ]
  private static let lockEndings = [".opam.locked", "-lock.json.gz", ".lock.hcl"]

  private static let vendorFolders: Set<String> = [
    "vendor", "vendored", "_vendor", "node_modules", "bower_components", "third_party",
    "third-party", "thirdparty", "3rdparty", "pods", "carthage", "godeps", "jspm_packages",
    "site-packages", ".yarn", "externals", "dist", ".venv", "venv", "__pypackages__",
    "deriveddata", ".bundle",
  ]
  private static let vendorPairs: Set<String> = ["sourcepackages/checkouts", ".build/checkouts"]

  private static let generatedFolders: Set<String> = [
    "__snapshots__", "__generated__", ".generated", "generated-sources",
  ]
  private static let generatedNames: Set<String> = ["zz_generated.deepcopy.go"]
  private static let generatedEndings = [
    ".pb.go", ".pb.gw.go", ".pb.cc", ".pb.h", ".pb.swift", ".grpc.swift", ".pb.dart",
    ".pbjson.dart",
    "_pb2.py", "_pb2.pyi", "_pb2_grpc.py", "_pb.js", "_pb.d.ts", "_pb.ts", "_pb.rb",
    "_grpc_web_pb.js", "_generated.go", ".gen.go", "_string.go", "_easyjson.go", ".gen.ts",
    ".generated.ts", ".generated.js", ".generated.swift", ".generated.cs", ".g.dart",
    ".freezed.dart", ".g.cs", ".designer.cs", ".g.i.cs", ".snap", ".ambr", ".js.map", ".css.map",
    ".pbxproj", ".xcuserstate", "_gen.go",
  ]
  private static let minifiedEndings = [
    ".min.js", ".min.css", ".min.mjs", ".min.cjs", ".min.html", "-min.js", ".bundle.js",
  ]
}
