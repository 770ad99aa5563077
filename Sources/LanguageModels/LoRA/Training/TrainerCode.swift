import Crypto
import Domain

/// The package of `Trainer/`, which is compiled in and written out where Python finds it.
enum TrainerCode {
  static let oldSet = "requirements_torch1.txt"
  static let newSet = "requirements_torch2.txt"

  private static let files: [(name: String, bytes: [UInt8])] = [
    ("__init__.py", PackageResources.__init___py), ("__main__.py", PackageResources.__main___py),
    ("adapter.py", PackageResources.adapter_py), ("base.py", PackageResources.base_py),
    ("contract.py", PackageResources.contract_py), ("data.py", PackageResources.data_py),
    ("limits.py", PackageResources.limits_py), ("mlx_recipe.py", PackageResources.mlx_recipe_py),
    ("peft_recipe.py", PackageResources.peft_recipe_py), ("tokens.py", PackageResources.tokens_py),
    ("torchtune_recipe.py", PackageResources.torchtune_recipe_py),
    ("tool.py", PackageResources.tool_py),
    (oldSet, PackageResources.requirements_torch1_txt),
    (newSet, PackageResources.requirements_torch2_txt),
  ]

  /// A new version of a set is another environment.
  static func mark(of set: String) -> String {
    let bytes = files.first { $0.name == set }?.bytes ?? []
    return String(Hexadecimal.of(SHA256.hash(data: bytes)).prefix(12))
  }

  /// Writes what differs. Two versions of Stet do not overwrite each other's.
  /// - Returns: the folder that holds the package.
  static func write(below root: String) throws(LocalModelError) -> String {
    var hasher = SHA256()
    for file in files { hasher.update(data: file.bytes) }
    let folder = "\(root)/code-\(Hexadecimal.of(hasher.finalize()).prefix(12))"
    try StoredFile.makeFolder(folder + "/stet_trainer")
    for file in files {
      let path = "\(folder)/stet_trainer/\(file.name)"
      if StoredFile.read(path) != file.bytes { try StoredFile.replace(path, with: file.bytes) }
    }
    return folder
  }
}
