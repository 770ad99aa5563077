"""A tiny base model of random weights, and what a task needs."""

import json
import os
import sys

sys.dont_write_bytecode = True

import gguf  # noqa: E402
import numpy  # noqa: E402
import pytest  # noqa: E402

HEADS, KEY_HEADS, WIDTH, INNER, LAYERS = 4, 2, 32, 64, 2
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def _byte_words():
    """The characters that stand for bytes in byte-level vocabularies."""
    kept = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in kept]
    return [chr(b) for b in kept] + [chr(256 + n) for n, _ in enumerate(others)]


@pytest.fixture(scope="session")
def base(tmp_path_factory):
    path = tmp_path_factory.mktemp("base") / "tiny.gguf"
    random = numpy.random.default_rng(5)
    writer = gguf.GGUFWriter(str(path), "llama")
    words = [*_byte_words(), "he", "ll", "<|im_start|>", "<|im_end|>"]
    writer.add_block_count(LAYERS)
    writer.add_context_length(512)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KEY_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(words)
    writer.add_token_types([1] * (len(words) - 2) + [3, 3])
    writer.add_token_merges(["h e", "l l"])
    writer.add_bos_token_id(len(words) - 2)
    writer.add_eos_token_id(len(words) - 1)
    writer.add_chat_template(TEMPLATE)

    def put(name, *shape):
        writer.add_tensor(name, (random.standard_normal(shape) * 0.1).astype(numpy.float32))

    put("token_embd.weight", len(words), WIDTH)
    for layer in range(LAYERS):
        stem = f"blk.{layer}"
        put(f"{stem}.attn_q.weight", WIDTH, WIDTH)
        put(f"{stem}.attn_k.weight", WIDTH * KEY_HEADS // HEADS, WIDTH)
        put(f"{stem}.attn_v.weight", WIDTH * KEY_HEADS // HEADS, WIDTH)
        put(f"{stem}.attn_output.weight", WIDTH, WIDTH)
        put(f"{stem}.ffn_gate.weight", INNER, WIDTH)
        put(f"{stem}.ffn_up.weight", INNER, WIDTH)
        put(f"{stem}.ffn_down.weight", WIDTH, INNER)
        put(f"{stem}.attn_norm.weight", WIDTH)
        put(f"{stem}.ffn_norm.weight", WIDTH)
    put("output_norm.weight", WIDTH)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return str(path)


@pytest.fixture
def order(base, tmp_path):
    """Writes a task and its data; gives the file's path."""

    def write(name="task", train=None, held_out=None, **values):
        folder = tmp_path / name
        os.makedirs(folder, exist_ok=True)

        def conversation(number):
            return {
                "messages": [
                    {"role": "system", "content": "Review."},
                    {"role": "user", "content": f"hello {number}"},
                    {"role": "assistant", "content": f"tell me {number % 3}"},
                ]
            }

        for file, items in (
            ("train.jsonl", [conversation(n) for n in range(8)] if train is None else train),
            ("held_out.jsonl", [conversation(9)] if held_out is None else held_out),
        ):
            lines = [i if isinstance(i, str) else json.dumps(i) for i in items]
            (folder / file).write_text("".join(line + "\n" for line in lines), encoding="utf-8")
        task = {
            "version": 1,
            "base": "tiny",
            "base_gguf": base,
            "base_sha256": "aa" * 32,
            "cache": str(tmp_path / "bases"),
            "train": "train.jsonl",
            "held_out": "held_out.jsonl",
            "output": str(tmp_path / f"{name}-adapter"),
            "rank": 2,
            "steps": 6,
            "learning_rate": 0.01,
            "seconds": 120,
            "memory_bytes": 8 << 30,
            "threads": 1,
            **values,
        }
        path = folder / "task.json"
        path.write_text(json.dumps(task), encoding="utf-8")
        return str(path)

    return write
