"""A base model's GGUF as the folder that transformers reads, without torch.

The weights of a quantised file are what llama.cpp computes with, so an adapter that was trained
upon them fits the very model that will be served.
"""

import json
import os
import shutil

from .contract import TrainingFailure

PROJECTIONS = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
NORMS = {"attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm"}
CLASSES = {"llama": "LlamaForCausalLM", "qwen2": "Qwen2ForCausalLM"}


class BaseModel:
    """What a GGUF says of its model."""

    def __init__(self, path):
        import gguf

        try:
            self.reader = gguf.GGUFReader(path)
        except Exception as problem:
            raise TrainingFailure(
                "invalid_data", f"{path} is no GGUF that can be read: {problem}"
            ) from None
        self.path = path
        self.architecture = self.field("general.architecture")
        if self.architecture not in CLASSES:
            raise TrainingFailure(
                "unavailable",
                f"The recipe knows the architectures {', '.join(CLASSES)}; this model is "
                f"{self.architecture}. Give a Hugging Face folder as base_folder instead.",
            )
        self.heads = self.of_model("attention.head_count")
        self.key_heads = self.of_model("attention.head_count_kv", self.heads)

    def field(self, key, default=None):
        found = self.reader.fields.get(key)
        return default if found is None else found.contents()

    def of_model(self, key, default=None):
        return self.field(f"{self.architecture}.{key}", default)

    def heads_of(self, projection):
        """Heads whose rows llama.cpp keeps in another order, or 0."""
        if self.architecture != "llama":
            return 0
        return {"attn_q": self.heads, "attn_k": self.key_heads}.get(projection, 0)

    def shapes(self):
        """Of each projection: rows (output) and columns (input)."""
        shapes = {}
        for tensor in self.reader.tensors:
            parts = tensor.name.split(".")
            if len(parts) == 4 and parts[3] == "weight" and parts[2] in PROJECTIONS:
                columns, rows = (int(n) for n in tensor.shape)
                shapes[(int(parts[1]), parts[2])] = (rows, columns)
        return shapes


def interleaved_to_halves(weights, heads):
    """Undoes the order in which llama.cpp keeps the rows of rotated heads."""
    rest = weights.shape[1:]
    pairs = weights.reshape(heads, weights.shape[0] // heads // 2, 2, *rest)
    return pairs.swapaxes(1, 2).reshape(weights.shape)


def halves_to_interleaved(weights, heads):
    rest = weights.shape[1:]
    halves = weights.reshape(heads, 2, weights.shape[0] // heads // 2, *rest)
    return halves.swapaxes(1, 2).reshape(weights.shape)


def _name(base, name):
    fixed = {
        "token_embd.weight": "model.embed_tokens.weight",
        "output_norm.weight": "model.norm.weight",
        "output.weight": "lm_head.weight",
    }
    if name in fixed:
        return fixed[name], 0
    parts = name.split(".")
    if len(parts) == 4 and parts[0] == "blk":
        kind = {**PROJECTIONS, **NORMS}.get(parts[2])
        if kind:
            return f"model.layers.{parts[1]}.{kind}.{parts[3]}", base.heads_of(parts[2])
    return None, 0


def write_folder(path, folder, kind="float16"):
    """Makes the folder, in one step: what is there is whole."""
    import numpy
    from gguf.quants import dequantize
    from safetensors.numpy import save_file

    from .tokens import write_tokenizer

    base = BaseModel(path)
    weights = {}
    for tensor in base.reader.tensors:
        name, heads = _name(base, tensor.name)
        if name is None:
            # Factors of rotation may be kept as tensors; what else is there is no part we know.
            if tensor.name == "rope_freqs.weight":
                raise TrainingFailure(
                    "unavailable",
                    "This model scales its rotation by a table, which a GGUF does not give back. "
                    "Give a Hugging Face folder as base_folder instead.",
                )
            raise TrainingFailure("unavailable", f"The tensor {tensor.name} is not known.")
        values = dequantize(tensor.data, tensor.tensor_type).astype(numpy.float32)
        if heads:
            values = interleaved_to_halves(values, heads)
        weights[name] = numpy.ascontiguousarray(values.astype(kind))

    fresh = f"{folder}.{os.getpid()}.new"
    shutil.rmtree(fresh, ignore_errors=True)
    os.makedirs(fresh, mode=0o700)
    save_file(weights, os.path.join(fresh, "model.safetensors"), metadata={"format": "pt"})
    with open(os.path.join(fresh, "config.json"), "w", encoding="utf-8") as file:
        json.dump(_configuration(base, "lm_head.weight" not in weights, kind), file, indent=1)
    write_tokenizer(base, fresh)
    shutil.rmtree(folder, ignore_errors=True)
    os.rename(fresh, folder)
    return folder


def _configuration(base, tied, kind):
    vocabulary = len(base.field("tokenizer.ggml.tokens"))
    return {
        "architectures": [CLASSES[base.architecture]],
        "model_type": base.architecture,
        "hidden_size": base.of_model("embedding_length"),
        "intermediate_size": base.of_model("feed_forward_length"),
        "num_hidden_layers": base.of_model("block_count"),
        "num_attention_heads": base.heads,
        "num_key_value_heads": base.key_heads,
        "rms_norm_eps": base.of_model("attention.layer_norm_rms_epsilon"),
        "rope_theta": base.of_model("rope.freq_base", 10000.0),
        "max_position_embeddings": base.of_model("context_length"),
        "vocab_size": vocabulary,
        "tie_word_embeddings": tied,
        "bos_token_id": base.field("tokenizer.ggml.bos_token_id"),
        "eos_token_id": base.field("tokenizer.ggml.eos_token_id"),
        "hidden_act": "silu",
        "attention_bias": False,
        "torch_dtype": kind,
    }
