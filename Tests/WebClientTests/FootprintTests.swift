import TestKit
import Testing
import WebClient

#if os(Linux)
  import Glibc

  /// Resident memory of this process in bytes. Source: proc(5), statm, second field.
  private func residentBytes() -> Int? {
    guard let file = fopen("/proc/self/statm", "r") else { return nil }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    guard fgets(&line, CInt(line.count), file) != nil else { return nil }
    let text = String(
      decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let fields = text.split(separator: " ")
    guard fields.count > 1, let pages = Int(fields[1]) else { return nil }
    return pages * Int(sysconf(CInt(_SC_PAGESIZE)))
  }

  @Suite("Footprint")
  struct FootprintTests {
    /// In a process of its own: other tests of this one hold memory as well.
    @Test("memory stays flat over 1,000 failing calls")
    func flatMemory() async {
      await #expect(processExitsWith: .success) {
        let client = WebClient(configuration: WebClientConfiguration(userAgent: "stet/test"))
        let server = try await FaultServer { request in
          switch request.number % 4 {
          case 0: .text(String(repeating: "e", count: 20_000), status: 500)
          case 1: FaultReply(parts: [.bytes([0x61]), .cut], framing: .chunked)
          case 2: .raw("garbage\r\n\r\n")
          default: FaultReply(status: 429, headers: [("Retry-After", "3600")])
          }
        }
        func fail(_ count: Int) async -> Int {
          var failures = 0
          for _ in 0..<count {
            let request = WebRequest(url: server.url, deadline: .seconds(20))
            do { _ = try await client.send(request) } catch { failures += 1 }
          }
          return failures
        }
        #expect(await fail(300) == 300)
        let before = try #require(residentBytes())
        #expect(await fail(1000) == 1000)
        let growth = try #require(residentBytes()) - before
        #expect(growth < 4 << 20, "grew by \(growth) bytes")
        print("footprint: \(before) bytes, then \(growth) more after 1,000 failing calls")
      }
    }
  }
#endif
