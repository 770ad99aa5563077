import Foundation

/// A LoRA adapter of one projection, written byte by byte, sound or not.
public struct AdapterSample: Sendable {
  public var seed: UInt64
  public var rank = 2
  public var width = 8
  public var alpha = 4
  /// `llama` or another architecture of llama.cpp.
  public var architecture = "llama"
  /// What the weights say that they were trained upon.
  public var baseHash: String?
  /// Replaces every number of the second matrix.
  public var constant: Float?
  public var hasGGUF = true
  /// Replaces members of `adapter_config.json`, as JSON.
  public var settings: [String: String] = [:]

  public init(_ seed: UInt64) { self.seed = seed }

  /// A base model's file that it fits.
  public func base() -> [UInt8] {
    gguf(
      texts: ["general.architecture": "llama"], floats: [:],
      tensors: [("blk.0.attn_q.weight", [width, width], numbers(width * width, from: 1))])
  }

  /// Writes the three files of an adapter into the folder, which is made.
  public func write(_ folder: String) throws {
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true)
    func put(_ name: String, _ bytes: [UInt8]) throws {
      try Data(bytes).write(to: URL(fileURLWithPath: folder).appending(path: name))
    }
    try put("adapter_config.json", Array(configuration.utf8))
    try put("adapter_model.safetensors", safetensors)
    if hasGGUF { try put("adapter.gguf", adapterGGUF) }
  }

  private var a: [Float] { numbers(rank * width, from: seed &* 2 &+ 1) }
  private var b: [Float] {
    let made = numbers(width * rank, from: seed &* 2 &+ 2)
    return constant.map { [Float](repeating: $0, count: made.count) } ?? made
  }

  private var configuration: String {
    var members = [
      "alpha_pattern": "{}", "base_model_name_or_path": "\"sample\"", "bias": "\"none\"",
      "lora_alpha": "\(alpha)", "peft_type": "\"LORA\"", "r": "\(rank)",
      "target_modules": "[\"q_proj\"]", "task_type": "\"CAUSAL_LM\"",
    ]
    members.merge(settings) { $1 }
    let lines = members.sorted { $0.key < $1.key }.map { "\"\($0.key)\": \($0.value)" }
    return "{\(lines.joined(separator: ", "))}"
  }

  private var safetensors: [UInt8] {
    let stem = "base_model.model.model.layers.0.self_attn.q_proj"
    let size = 4 * rank * width
    let hash = baseHash.map { ",\"base_sha256\":\"\($0)\"" } ?? ""
    let header =
      "{\"__metadata__\":{\"format\":\"pt\"\(hash)},"
      + "\"\(stem).lora_A.weight\":{\"dtype\":\"F32\",\"shape\":[\(rank),\(width)],"
      + "\"data_offsets\":[0,\(size)]},"
      + "\"\(stem).lora_B.weight\":{\"dtype\":\"F32\",\"shape\":[\(width),\(rank)],"
      + "\"data_offsets\":[\(size),\(2 * size)]}}"
    return Self.little(UInt64(header.utf8.count)) + Array(header.utf8) + Self.bytes(a)
      + Self.bytes(b)
  }

  private var adapterGGUF: [UInt8] {
    gguf(
      texts: [
        "general.type": "adapter", "general.architecture": architecture, "adapter.type": "lora",
      ],
      floats: ["adapter.lora.alpha": Float(alpha)],
      tensors: [
        ("blk.0.attn_q.weight.lora_a", [width, rank], a),
        ("blk.0.attn_q.weight.lora_b", [rank, width], b),
      ])
  }

  private func numbers(_ count: Int, from seed: UInt64) -> [Float] {
    var state = seed &* 6_364_136_223_846_793_005 &+ 1
    return (0..<count).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Float(state >> 40) / Float(1 << 24) - 0.5
    }
  }

  /// GGUF, version 3. Source: ggml's docs/gguf.md.
  private func gguf(
    texts: [String: String], floats: [String: Float],
    tensors: [(name: String, shape: [Int], values: [Float])]
  ) -> [UInt8] {
    func text(_ text: String) -> [UInt8] {
      Self.little(UInt64(text.utf8.count)) + Array(text.utf8)
    }
    var bytes = Array("GGUF".utf8) + Self.little(UInt32(3)) + Self.little(UInt64(tensors.count))
    bytes += Self.little(UInt64(texts.count + floats.count))
    for (key, value) in texts.sorted(by: { $0.key < $1.key }) {
      bytes += text(key) + Self.little(UInt32(8)) + text(value)
    }
    for (key, value) in floats.sorted(by: { $0.key < $1.key }) {
      bytes += text(key) + Self.little(UInt32(6)) + Self.little(value.bitPattern)
    }
    var data: [UInt8] = []
    for tensor in tensors {
      bytes += text(tensor.name) + Self.little(UInt32(tensor.shape.count))
      for size in tensor.shape { bytes += Self.little(UInt64(size)) }
      bytes += Self.little(UInt32(0)) + Self.little(UInt64(data.count))
      data += Self.bytes(tensor.values)
      data += [UInt8](repeating: 0, count: (32 - data.count % 32) % 32)
    }
    bytes += [UInt8](repeating: 0, count: (32 - bytes.count % 32) % 32)
    return bytes + data
  }

  private static func little<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }

  private static func bytes(_ values: [Float]) -> [UInt8] {
    values.flatMap { little($0.bitPattern) }
  }
}
