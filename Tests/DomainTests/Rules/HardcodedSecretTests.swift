import Testing

@testable import Domain

@Suite struct HardcodedSecretTests {
  static let value = "Zq7Rk2Vw9Xb4" + "Nc6Td8Yf3Gh5"

  @Test(arguments: [
    ("a.py", "API_KEY = \"§\""), ("a.ts", "const apiSecret = '§';"),
    ("a.go", "password := \"§\""), ("a.yml", "db_password: §"), ("Dockerfile", "ENV TOKEN=§"),
    ("Dockerfile", "ENV AUTH_TOKEN §"), ("a.swift", "let token: String = \"§\""),
    ("a.json", "\"client_secret\": \"§\","), ("run.sh", "export DB_PASSWORD=§"),
  ])
  func `A generated value under a secret's name`(path: String, source: String) {
    RuleCase(path, source.replacing("§", with: Self.value) + "◀").check(HardcodedSecret())
  }

  @Test(arguments: [
    ("a.py", "API_KEY = os.environ[\"API_KEY_§\"]"), ("a.py", "password = \"changeme\""),
    ("a.py", "token_type = \"§\""), ("a.py", "API_KEY = \"your-§\""),
    ("a.py", "password_hash = \"§\""), ("tests/a.py", "token = \"§\""),
    ("a.py", "if token == \"§\":"), ("a.yml", "password: ${{ secrets.§ }}"),
    ("a.py", "secret = load(\"§\")"), ("a.ts", "const token = await fetchToken§()"),
    ("a.md", "password: §"), ("a.py", "token_url = \"https://x.y/§\""),
    ("a.swift", "let secret = \"a plain sentence of some length 123\""),
  ])
  func `Everything else`(path: String, source: String) {
    RuleCase(path, source.replacing("§", with: Self.value)).check(HardcodedSecret())
  }
}
