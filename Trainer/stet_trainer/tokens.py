"""The tokenizer that a GGUF carries, in the form of the `tokenizers` library."""

import json
import os

from .contract import TrainingFailure

# How text is cut before merging: facts of the models, as llama.cpp names them in
# `tokenizer.ggml.pre`. Source: the models' published tokenizer.json.
_ENGLISH = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_WORD = r"[^\r\n\p{L}\p{N}]?\p{L}+"
_REST = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
SPLITS = {
    "qwen2": rf"{_ENGLISH}|{_WORD}|\p{{N}}|{_REST}",
    "llama-bpe": rf"{_ENGLISH}|{_WORD}|\p{{N}}{{1,3}}|{_REST}",
}
DIGITS = {"smollm"}

CONTROL, USER_DEFINED = 3, 4


def write_tokenizer(base, folder):
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers

    kind = base.field("tokenizer.ggml.model")
    cut = base.field("tokenizer.ggml.pre")
    if kind != "gpt2" or cut not in {*SPLITS, *DIGITS}:
        raise TrainingFailure(
            "unavailable",
            f"The recipe does not know the tokenizer {kind}/{cut}. Give a Hugging Face folder as "
            "base_folder instead.",
        )
    tokens = base.field("tokenizer.ggml.tokens")
    kinds = base.field("tokenizer.ggml.token_type")
    merges = [tuple(m.split(" ", 1)) for m in base.field("tokenizer.ggml.merges")]
    tokenizer = Tokenizer(
        models.BPE(vocab={t: i for i, t in enumerate(tokens)}, merges=merges, fuse_unk=False)
    )
    if cut in SPLITS:
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(SPLITS[cut]), "isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Digits(individual_digits=True),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
            ]
        )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(
        [
            AddedToken(t, special=True, normalized=False)
            for t, k in zip(tokens, kinds)
            if k == CONTROL
        ]
    )
    tokenizer.add_tokens(
        [
            AddedToken(t, special=False, normalized=False)
            for t, k in zip(tokens, kinds)
            if k == USER_DEFINED
        ]
    )
    tokenizer.save(os.path.join(folder, "tokenizer.json"))
    # The same in the older form, which torchtune reads.
    with open(os.path.join(folder, "vocab.json"), "w", encoding="utf-8") as file:
        json.dump({t: i for i, t in enumerate(tokens)}, file, ensure_ascii=False)
    with open(os.path.join(folder, "merges.txt"), "w", encoding="utf-8") as file:
        file.write("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))

    def token(key, default=None):
        number = base.field(f"tokenizer.ggml.{key}")
        return default if number is None else tokens[number]

    end = token("eos_token_id")
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": token("bos_token_id"),
        "eos_token": end,
        "pad_token": token("padding_token_id", end),
        "chat_template": base.field("tokenizer.chat_template"),
        "model_max_length": base.of_model("context_length"),
        "clean_up_tokenization_spaces": False,
    }
    with open(os.path.join(folder, "tokenizer_config.json"), "w", encoding="utf-8") as file:
        json.dump(settings, file)
