import Domain
import TestKit
import Testing

@testable import Forges

@Suite("Validators of listings on GitHub")
struct ListingValidatorTests {
  @Test("a last page whole each time while it is full: a next one need not change it")
  func fullLastPage() async throws {
    let validators = BenchValidators()
    try await FaultServer.with { request in
      let host = request.header("host") ?? ""
      if request.path.hasSuffix("?page=2") {
        return .json("[\(ForgeBench.comment(101))]", headers: [("ETag", "\"two\"")])
      }
      if request.header("if-none-match") != nil {
        return FaultReply(status: 304, headers: [("ETag", "\"full\"")])
      }
      let page = (1...100).map { ForgeBench.comment($0) }.joined(separator: ",")
      let link = "<http://\(host)/repos/octo/hello/issues/7/comments?page=2>; rel=\"next\""
      let headers = [(name: "ETag", value: "\"full\"")]
      return .json(
        "[\(page)]",
        headers: request.number == 1 ? headers : headers + [(name: "Link", value: link)])
    } _: { server in
      let forge = try ForgeBench.forge(server.url, validators: validators)
      let before = try await forge.comments(on: ForgeBench.reference)
      #expect(before.count == 100)
      #expect(await validators.answers.isEmpty)
      let after = try await forge.comments(on: ForgeBench.reference)
      #expect(after.count == 101)
      #expect(after.last?.id == 101)
    }
  }

  @Test("the link of a 304 rather than the one of before")
  func linkOfNotModified() async throws {
    try await FaultServer.with { request in
      let root = "<http://\(request.header("host") ?? "")/repos/octo/hello/issues/7/comments?page="
      if request.path.contains("?page=") {
        let id = request.path.hasSuffix("=2") ? 2 : 3
        return .json("[\(ForgeBench.comment(id))]")
      }
      if request.header("if-none-match") != nil {
        return FaultReply(
          status: 304, headers: [("Link", root + "3>; rel=\"next\""), ("Content-Type", "x/y")])
      }
      return .json(
        "[\(ForgeBench.comment(1))]",
        headers: [("ETag", "\"one\""), ("Link", root + "2>; rel=\"next\"")])
    } _: { server in
      let forge = try ForgeBench.forge(server.url, validators: BenchValidators())
      let before = try await forge.comments(on: ForgeBench.reference)
      #expect(before.map(\.id) == [1, 2])
      let after = try await forge.comments(on: ForgeBench.reference)
      #expect(after.map(\.id) == [1, 3])
    }
  }
}
