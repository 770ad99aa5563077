import Domain
import Foundation
import Testing

@testable import Storage

@Suite struct PostgresAddressTests {
  @Test(arguments: [
    "mysql://a@b/c", "postgres://u:sec%zzret@h/d", "postgres://u:secret@h:99999/d",
    "postgres://u:secret@h/d?sslmode=maybe", "postgres://u:sec?ret@h/d",
    "postgres://u:secret@h/d?unheard=1", "postgres://u:secret@h/d?connect_timeout=soon",
    "postgres://u:secret@[::1/d", "postgres://u:p@sec@h/d", "postgres://u:12/sec@h/d",
    "postgres://u:1@sec/x@h/d", "postgres://u:secret@h/d?se@c=1", "postgres://u@h/d@sec",
  ])
  func malformedAddressesAreRefusedWithoutThePassword(_ text: String) {
    let error = #expect(throws: StoreError.self) { try PostgresAddress(parsing: text) }
    #expect(error?.code == .refused)
    let told = error?.detail.replacingOccurrences(of: "seconds", with: "")
    #expect(told?.contains("sec") == false, "\(told ?? "")")
  }

  @Test func addressesAreDescribedWithoutThePassword() throws {
    let password = "pass" + "word1"
    for (text, description) in [
      ("postgres://u:\(password)@h:5433/d", "postgres://u@h:5433/d"),
      ("postgresql://u:\(password)@h/d?sslmode=require", "postgres://u@h/d"),
      ("postgres://u%40v:\(password)%40%2F%3F@h/d", "postgres://u@v@h/d"),
      ("postgres:///d?host=h&user=u@v&password=\(password)", "postgres://u@v@h/d"),
      ("postgres:///d?host=/tmp/x&user=u&password=\(password)", "postgres://u@/tmp/x/d"),
    ] {
      let address = try PostgresAddress(parsing: text)
      #expect("\(address)" == description)
      #expect(String(reflecting: address) == description)
      var dumped = ""
      dump(address, to: &dumped)
      #expect(!dumped.contains(password))
    }
  }

  /// Sentences of libpq 14 to 17.
  @Test(arguments: [
    ("no password supplied", true), ("server does not support SSL, but SSL was required", true),
    (
      "root certificate file \"/root/.postgresql/root.crt\" does not exist\nEither provide the "
        + "file or change sslmode to disable server certificate verification.", true
    ),
    ("SSL error: certificate verify failed", true),
    ("server certificate for \"a\" does not match host name \"pg-ssl.internal\"", true),
    (
      "Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?",
      false
    ),
    ("SSL SYSCALL error: EOF detected", false),
    ("SSL SYSCALL error: Connection reset by peer", false),
    ("SSL SYSCALL error: Connection timed out", false),
    ("SSL connection has been closed unexpectedly", false),
    ("SSL error: unexpected eof while reading", false),
    (
      "server closed the connection unexpectedly\n\tThis probably means the server terminated "
        + "abnormally", false
    ),
    ("timeout expired", false),
  ])
  func whatLastsIsToldFromWhatPasses(_ reason: String, _ isRefused: Bool) throws {
    let errors = PostgresErrors(address: try PostgresAddress(parsing: "postgres://u@h/d"))
    let place = "connection to server at \"pg-ssl.internal\" (10.0.0.7), port 5432 failed: "
    let code: StoreError.Code = isRefused ? .refused : .unreachable
    #expect(errors.connecting(place + reason + "\n").code == code)
    // One of two hosts that may come back is worth another attempt.
    let other =
      "connection to server at \"ssl2\" (10.0.0.8), port 5432 failed: Connection refused\n"
    #expect(errors.connecting(other + place + reason + "\n").code == .unreachable)
    #expect(errors.connecting(place + reason + "\n" + place + reason + "\n").code == code)
  }

  @Test(arguments: [
    "could not translate host name \"pg-ssl.internal\" to address: Name or service not known",
    "connection to server on socket \"/run/ssl/.s.PGSQL.5432\" failed: No such file or directory",
    "no connection to the server", "",
  ])
  func aNameThatSpeaksOfSSLIsNoReason(_ words: String) throws {
    let errors = PostgresErrors(address: try PostgresAddress(parsing: "postgres://u@h/d"))
    #expect(errors.connecting(words).code == .unreachable)
  }
}
