import Testing

@testable import Domain

@Suite struct HardcodedSecretTests {
  static let value = "Zq7Rk2Vw9Xb4" + "Nc6Td8Yf3Gh5"

  @Test(arguments: [
    ("a.py", "API_KEY = \"V\""), ("a.ts", "const apiSecret = 'V';"),
    ("a.go", "password := \"V\""), ("a.yml", "db_password: V"), ("Dockerfile", "ENV TOKEN=V"),
    ("Dockerfile", "ENV AUTH_TOKEN V"), ("a.swift", "let token: String = \"V\""),
    ("a.json", "\"client_secret\": \"V\","), ("run.sh", "export DB_PASSWORD=V"),
  ])
  func `A generated value under a secret's name`(path: String, source: String) {
    RuleCase(path, source.replacing("V", with: Self.value) + "◀").check(HardcodedSecret())
  }

  @Test(arguments: [
    ("a.py", "API_KEY = os.environ[\"API_KEY_V\"]"), ("a.py", "password = \"changeme\""),
    ("a.py", "token_type = \"V\""), ("a.py", "API_KEY = \"your-V\""),
    ("a.py", "password_hash = \"V\""), ("tests/a.py", "token = \"V\""),
    ("a.py", "if token == \"V\":"), ("a.yml", "password: ${{ secrets.V }}"),
    ("a.py", "secret = load(\"V\")"), ("a.ts", "const token = await fetchTokenV()"),
    ("a.md", "password: V"), ("a.py", "token_url = \"https://x.y/V\""),
    ("a.swift", "let secret = \"a plain sentence of some length 123\""),
  ])
  func `Everything else`(path: String, source: String) {
    RuleCase(path, source.replacing("V", with: Self.value)).check(HardcodedSecret())
  }
}
