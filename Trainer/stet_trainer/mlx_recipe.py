"""LoRA by `mlx_lm`: for Apple's processors, and for others in float32 (`mlx[cpu]`)."""

import glob
import json
import os
import shutil
import time

from . import data, tool
from .contract import TrainingFailure, finish, say
from .peft_recipe import TARGETS, base_folder

# mlx_lm writes `12    2.345 ▼    310    1.2k` in colours, and older ones of it
# `Iter 12: Train loss 2.345, Learning Rate …`.
LOSS = r"(?:^\s*|Iter )(?P<step>\d+)(?:: Train loss |\s+)(?P<loss>\d+\.\d+)(?: [▲▼]|,)"
SAVE_EVERY = 25


def run(task):
    began = time.monotonic()
    conversations = data.read(task.train)
    if not conversations:
        raise TrainingFailure("invalid_data", "There are no training examples.")
    held_out = data.read(task.held_out) if task.held_out else []
    # It trains in the precision of the file, and half of it is too little to learn in.
    model = base_folder(task, "float32")
    place = os.path.join(task.work, "mlx")
    start, weights, losses = _earlier(task, place)
    shortened = tool.Shortener(model, int(task.max_tokens))
    folder = os.path.join(task.scratch, "data")
    _write_data(folder, shortened.all(conversations), shortened.some(held_out))
    adapters = os.path.join(place, f"from-{start:07d}")
    os.makedirs(adapters, mode=0o700, exist_ok=True)
    settings = os.path.join(place, "lora.json")
    with open(settings, "w", encoding="utf-8") as file:
        # YAML reads JSON.
        json.dump(_settings(task, model, folder, adapters, start, weights, conversations), file)
    if start < task.steps:
        try:
            arguments = tool.python_module("mlx_lm", "lora", "--config", settings)
            tool.run(arguments, place, task, losses, LOSS, first=start)
        finally:
            with open(os.path.join(place, "losses.json"), "w", encoding="utf-8") as file:
                json.dump({"fingerprint": task.fingerprint(), "losses": losses}, file)
    gguf = tool.convert(os.path.join(adapters, "adapters.safetensors"), task)
    finish(task.output, losses, time.monotonic() - began, gguf=gguf)


def _settings(task, model, folder, adapters, start, weights, conversations):
    return {
        "model": model,
        "train": True,
        "data": folder,
        "fine_tune_type": "lora",
        "optimizer": "adamw",
        "mask_prompt": True,
        "num_layers": -1,
        "batch_size": min(int(task.batch), len(conversations)),
        "iters": int(task.steps) - start,
        "learning_rate": task.learning_rate,
        "steps_per_report": 1,
        "steps_per_eval": int(task.steps) + 1,
        "val_batches": 1,
        "save_every": SAVE_EVERY,
        "max_seq_length": int(task.max_tokens),
        "adapter_path": adapters,
        "resume_adapter_file": weights,
        "seed": int(task.seed) + start,
        "lora_parameters": {
            "keys": [f"{'self_attn' if t[1] == '_' else 'mlp'}.{t}" for t in TARGETS],
            "rank": int(task.rank),
            "scale": task.alpha / task.rank,
            "dropout": 0.0,
        },
    }


def _write_data(folder, conversations, held_out):
    os.makedirs(folder, mode=0o700, exist_ok=True)
    # It wants examples to validate with, and does it once before the first step.
    for name, items in (("train", conversations), ("valid", held_out or conversations[:1])):
        with open(os.path.join(folder, f"{name}.jsonl"), "w", encoding="utf-8") as file:
            for messages in items:
                file.write(json.dumps({"messages": messages}) + "\n")


def _earlier(task, place):
    """The step that an earlier run came to, its weights and its losses."""
    try:
        with open(os.path.join(place, "losses.json"), encoding="utf-8") as file:
            state = json.load(file)
        if not task.resume or state["fingerprint"] != task.fingerprint():
            raise ValueError("another task")
    except (OSError, ValueError, KeyError):
        shutil.rmtree(place, ignore_errors=True)
        os.makedirs(place, mode=0o700)
        return 0, None, []
    best, weights = 0, None
    for path in glob.glob(os.path.join(place, "from-*", "*_adapters.safetensors")):
        start = int(os.path.basename(os.path.dirname(path)).split("-")[1])
        step = start + int(os.path.basename(path).split("_")[0])
        if best < step < task.steps:
            best, weights = step, path
    if weights:
        say("note", text=f"going on after step {best}")
    return best, weights, list(state["losses"])[:best]
