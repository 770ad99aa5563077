import Domain

extension JSONValue {
  /// A number of tokens as a server states it. A server may state anything; what is added up here
  /// stays between nothing and what no answer can hold.
  var tokens: Int? { integer.map { min(max($0, 0), 1 << 40) } }
}
