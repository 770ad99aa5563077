import Domain
import Foundation
import Jobs
import TestKit
import Testing
import WebClient

/// The data folder's disk is full, and has space again. It needs root, to mount a small disk.
@Suite struct ServeDiskTests {
  @Test func aFullDiskLosesNothing() async throws {
    let program = try ProgramRunning()
    let disk = program.folder.path + "/disk"
    let mounted = try program.shell(
      "mkdir \"$0\" && mount -t tmpfs -o size=3m,mode=0700 tmpfs \"$0\"", [disk])
    guard mounted.status == 0 else {
      print("skipped: a disk of its own cannot be mounted here (\(mounted.error))")
      return
    }
    defer { _ = try? program.shell("umount --lazy \"$0\"", [disk]) }
    let service = try await ServiceRunning(data: disk)
    let posting = ServicePosting(service)
    let running = try await service.start()

    var accepted = 0
    var refused: GitHubDelivery?
    for number in 0..<200 {
      let delivery = Self.delivery(number)
      let answer = try await service.deliver(delivery)
      if answer.status != 202 {
        #expect(answer.status == 503, "\(String(decoding: answer.body, as: UTF8.self))")
        let type = answer.headers["content-type"]
        #expect(type?.hasPrefix("application/problem+json") == true)
        refused = delivery
        break
      }
      accepted += 1
      if number == 3 {
        _ = try program.shell("dd if=/dev/zero of=\"$0\"/fill bs=4k 2>/dev/null", [disk])
      }
    }
    let again = try #require(refused, "the disk never was full")
    #expect(accepted > 3)
    #expect(try await service.ask("GET", "/healthz").status == 200)
    #expect(running.process.isRunning, "\(running.log)")

    try FileManager.default.removeItem(atPath: disk + "/fill")
    #expect(try await service.deliver(again).status == 202)
    #expect(try await service.deliver(posting.delivery()).status == 202)
    try await service.idles(atLeast: accepted + 3)
    #expect(try await service.jobs().count == accepted + 3)
    posting.expectPostedOnce()
    await service.closeDatabase()
    try await running.killed()
  }

  /// An event that asks for nothing, and that does not compress.
  private static func delivery(_ number: Int) -> GitHubDelivery {
    let noise = (0..<15_000).map { _ in UInt8.random(in: 0...255) }
    let text = Data(noise).base64EncodedString()
    return GitHubDelivery(
      payload: Array("{\"number\":\(number),\"noise\":\"\(text)\"}".utf8), event: "made_up")
  }
}
