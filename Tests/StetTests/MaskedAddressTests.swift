import Testing

@testable import stet

@Suite struct MaskedAddressTests {
  @Test(arguments: [
    ("https://bob:pw@host/v1", "https://********@host/v1"),
    ("bob:pw@proxy:3128", "********@proxy:3128"),
    ("https://a/v1,https://bob:pw@b/v1", "https://a/v1,https://********@b/v1"),
    ("http://bob:p/w@proxy", "http://********@proxy"),
    ("https://host/v1", "https://host/v1"), ("", ""),
  ])
  func passwordsAreMasked(text: String, shown: String) {
    #expect(WebAddress.withoutPassword(text) == shown)
  }
}
