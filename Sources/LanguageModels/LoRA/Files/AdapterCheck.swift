import Crypto
import Domain

/// Looks at what a trainer left, byte by byte and not by what it says, and names it by its content.
enum AdapterCheck {
  static let configuration = "adapter_config.json"
  static let weights = "adapter_model.safetensors"
  static let gguf = "adapter.gguf"

  /// The adapter's name, once everything about it holds.
  static func checked(
    _ folder: String, base: BaseModelFiles
  ) async throws(AdapterFault) -> AdapterName {
    let settings = try settings(folder)
    let tensors = try SafeTensors("\(folder)/\(weights)")
    if let theirs = tensors.metadata["base_sha256"], let ours = base.sha256, theirs != ours {
      throw AdapterFault(
        .otherBase,
        "it was trained upon other weights (\(theirs.prefix(12))…) than those of \(base.name)")
    }
    let model = try base.gguf.map { (path) throws(AdapterFault) in try GGUFHeader(path) }
    let pairs = try pairs(tensors, rank: settings.rank)
    if let model { try fits(pairs, model, base.name) }
    try moves(tensors, pairs)
    if StoredFile.exists("\(folder)/\(gguf)") {
      try sameAsGGUF("\(folder)/\(gguf)", pairs, settings, model)
    } else if base.gguf != nil {
      throw AdapterFault(.corrupt, "\(gguf) is missing, without which llama.cpp cannot serve it")
    }
    return try await name(of: folder)
  }

  /// The SHA-256 over the hashes of its files.
  static func name(of folder: String) async throws(AdapterFault) -> AdapterName {
    var hasher = SHA256()
    hasher.update(data: Array("stet adapter 1\n".utf8))
    for file in [configuration, weights, gguf] {
      let path = "\(folder)/\(file)"
      guard file != gguf || StoredFile.exists(path) else { continue }
      do throws(LocalModelError) {
        hasher.update(data: Array("\(file) \(try await StoredFile.sha256(of: path))\n".utf8))
      } catch {
        throw AdapterFault(.corrupt, error.detail)
      }
    }
    guard let name = AdapterName(Hexadecimal.of(hasher.finalize())) else {
      throw AdapterFault(.corrupt, "it cannot be named")
    }
    return name
  }

  // MARK: Its parts

  private struct Settings {
    var rank: Int
    var alpha: Double
  }

  private static func settings(_ folder: String) throws(AdapterFault) -> Settings {
    guard let bytes = StoredFile.read("\(folder)/\(configuration)"),
      let value = try? JSONParser.value(of: bytes)
    else { throw AdapterFault(.corrupt, "\(configuration) is missing or no JSON") }
    guard value["peft_type"]?.string == "LORA", let rank = value["r"]?.integer,
      (1...512).contains(rank), let alpha = value["lora_alpha"]?.number, alpha > 0, alpha < 65_536
    else {
      throw AdapterFault(.corrupt, "\(configuration) is not that of a LoRA adapter of PEFT")
    }
    // What would be left out in silence by one server or another.
    if value["use_dora"] == .bool(true) || value["use_rslora"] == .bool(true)
      || (value["bias"]?.string ?? "none") != "none"
      || !(value["modules_to_save"]?.array ?? []).isEmpty
    {
      throw AdapterFault(.corrupt, "\(configuration) asks for more than plain LoRA")
    }
    return Settings(rank: rank, alpha: alpha)
  }

  /// One projection of one layer: `output × input` is what the two matrices make.
  private struct Pair {
    var input: Int
    var output: Int
    var b: SafeTensors.Tensor
    var a: SafeTensors.Tensor
  }

  private static let projections = [
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
  ]

  /// By llama.cpp's name of the weight, such as `blk.3.attn_q.weight`.
  private static func pairs(
    _ file: SafeTensors, rank: Int
  ) throws(AdapterFault) -> [String: Pair] {
    var halves: [String: [String: SafeTensors.Tensor]] = [:]
    for (key, tensor) in file.tensors {
      guard let place = place(key) else {
        throw AdapterFault(.corrupt, "\(key) is no LoRA weight of a known projection")
      }
      halves[place.weight, default: [:]][place.side] = tensor
    }
    guard !halves.isEmpty else { throw AdapterFault(.corrupt, "it holds no weights") }
    var pairs: [String: Pair] = [:]
    for (weight, sides) in halves {
      guard let a = sides["A"], let b = sides["B"], a.shape[0] == rank, b.shape[1] == rank else {
        throw AdapterFault(
          .corrupt, "\(weight) lacks a half, or its rank is not the configuration's \(rank)")
      }
      pairs[weight] = Pair(input: a.shape[1], output: b.shape[0], b: b, a: a)
    }
    return pairs
  }

  /// `base_model.model.model.layers.3.self_attn.q_proj.lora_A.weight`
  private static func place(_ key: String) -> (weight: String, side: String)? {
    let parts = key.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 9, parts[0] == "base_model", parts[1...3] == ["model", "model", "layers"],
      let layer = Int(parts[4]), (0..<1000).contains(layer),
      let projection = projections["\(parts[5]).\(parts[6])"],
      parts[7] == "lora_A" || parts[7] == "lora_B", parts[8] == "weight"
    else { return nil }
    return ("blk.\(layer).\(projection).weight", parts[7] == "lora_A" ? "A" : "B")
  }

  private static func fits(
    _ pairs: [String: Pair], _ model: GGUFHeader, _ name: String
  ) throws(AdapterFault) {
    for (weight, pair) in pairs {
      guard let tensor = model.tensors[weight] else {
        throw AdapterFault(.otherBase, "\(name) has no \(weight)")
      }
      guard tensor.shape == [pair.input, pair.output] else {
        throw AdapterFault(
          .otherBase,
          "\(weight) of \(name) is \(tensor.shape), and the adapter's \([pair.input, pair.output])")
      }
    }
  }

  /// Every number is one, and at least one pair changes something.
  private static func moves(
    _ file: SafeTensors, _ pairs: [String: Pair]
  ) throws(AdapterFault) {
    var moved = false
    for (weight, pair) in pairs {
      let a = file.content(of: pair.a)
      let b = file.content(of: pair.b)
      if a == .notFinite || b == .notFinite {
        throw AdapterFault(.corrupt, "\(weight) holds what is no finite number: training diverged")
      }
      if a == .finite, b == .finite { moved = true }
    }
    if !moved {
      throw AdapterFault(.withoutEffect, "all its weights are zero: nothing was learned")
    }
  }

  /// llama.cpp's file must be of the same adapter, as far as its form tells.
  private static func sameAsGGUF(
    _ path: String, _ pairs: [String: Pair], _ settings: Settings, _ model: GGUFHeader?
  ) throws(AdapterFault) {
    let file = try GGUFHeader(path)
    guard file.texts["general.type"] == "adapter", file.texts["adapter.type"] == "lora" else {
      throw AdapterFault(.corrupt, "\(gguf) is no LoRA adapter")
    }
    let architecture = file.texts["general.architecture"]
    if let model, architecture != model.texts["general.architecture"] {
      throw AdapterFault(
        .otherBase,
        "\(gguf) is for \(architecture ?? "no architecture"), and the base is "
          + "\(model.texts["general.architecture"] ?? "unknown")")
    }
    guard file.numbers["adapter.lora.alpha"] == Double(Float(settings.alpha)),
      file.tensors.count == 2 * pairs.count
    else {
      throw AdapterFault(.corrupt, "\(gguf) and \(weights) are of different adapters")
    }
    for (weight, pair) in pairs {
      let wanted = [
        "\(weight).lora_a": [pair.input, settings.rank],
        "\(weight).lora_b": [settings.rank, pair.output],
      ]
      for (key, shape) in wanted {
        guard let tensor = file.tensors[key], tensor.shape == shape, tensor.type <= 1 else {
          throw AdapterFault(.corrupt, "\(gguf) lacks \(key) in the shape \(shape)")
        }
        let size = shape[0] * shape[1] * (tensor.type == 0 ? 4 : 2)
        guard tensor.offset >= 0, tensor.offset <= file.dataSize - size else { throw .truncated }
      }
    }
  }
}
