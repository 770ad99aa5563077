import Domain
import Foundation
import Testing

@testable import Storage

/// What every `RepositoryRegister` must do. - Parameter register: an empty one.
func repositoryRegisterContract(_ register: any RepositoryRegister) async throws {
  func known(_ name: String, _ installation: Int64? = nil) -> KnownRepository {
    KnownRepository(
      forge: "github", repository: RepositoryName(owner: "Acme", name: name),
      installation: installation)
  }
  #expect(try await register.repositories(after: nil, limit: 9).isEmpty)
  for name in ["b", "A", "c", "b"] { try await register.note(known(name)) }
  // Names are kept as they were written, and ordered without regard to it.
  #expect(try await register.repositories(after: nil, limit: 2) == [known("A"), known("b")])
  #expect(try await register.repositories(after: known("B").key, limit: 2) == [known("c")])
  // Installed anew under another number.
  try await register.note(known("b", 7))
  #expect(try await register.repositories(after: known("a").key, limit: 1) == [known("b", 7)])
  try await register.note(known("b"))
  #expect(try await register.repositories(after: known("a").key, limit: 1) == [known("b")])
  try await register.forget(known("B"))
  #expect(try await register.repositories(after: nil, limit: 9) == [known("A"), known("c")])
}
