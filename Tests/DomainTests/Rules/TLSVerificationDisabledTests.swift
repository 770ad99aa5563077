import Testing

@testable import Domain

@Suite struct TLSVerificationDisabledTests {
  @Test(arguments: [
    RuleCase(
      "a.py",
      """
      requests.get(url, verify=False)◀
      ctx = ssl._create_unverified_context()◀
      ctx.check_hostname = False◀
      ctx.verify_mode = ssl.CERT_NONE◀
      """),
    RuleCase(
      "a.py",
      """
      requests.get(url, verify=True)
      def get(url, verify=False):
      # verify=False
      jwt.decode(t, verify=False)
      if ctx.check_hostname == False:
      s = 'verify=False'
      """),
    RuleCase(
      "a.ts",
      """
      const agent = new Agent({ rejectUnauthorized: false })◀
      process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'◀
      new Agent({ rejectUnauthorized: true })
      """),
    RuleCase(
      "a.go",
      """
      c := &tls.Config{InsecureSkipVerify: true}◀
      c := &tls.Config{InsecureSkipVerify: skip}
      """),
    RuleCase(
      "a.sh",
      """
      curl -k https://a.b◀
      curl -fsSLk https://a.b◀
      wget --no-check-certificate x◀
      git config http.sslVerify false◀
      curl -fsSL https://a.b
      curl -K conf x
      # curl -k x
      curl -o k x
      """),
    RuleCase(
      "tests/test_a.py",
      """
      get(url, verify=False)
      """),
    RuleCase(
      "a.md",
      """
      curl -k https://a.b
      """),
  ])
  func `Fires where marked and nowhere else`(source: RuleCase) {
    source.check(TLSVerificationDisabled())
  }
}
