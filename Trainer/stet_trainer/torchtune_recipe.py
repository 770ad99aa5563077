"""LoRA by torchtune: its configuration and its data, written for those who have it."""

import glob
import json
import math
import os
import shutil
import time

from . import data, tool
from .contract import TrainingFailure, finish
from .peft_recipe import base_folder

# torchtune's bar writes `1|12|Loss: 2.345` for epoch, step and loss.
LOSS = r"\d+\|(?P<step>\d+)\|Loss: (?P<loss>\d+\.?\d*)"

# By model type, hidden size and layers: torchtune's builder, and its name of the checkpoint's form.
BUILDERS = {
    ("llama", 4096, 32): ("llama3.lora_llama3_8b", "llama3", "LLAMA3"),
    ("llama", 3072, 28): ("llama3_2.lora_llama3_2_3b", "llama3", "LLAMA3_2"),
    ("llama", 2048, 16): ("llama3_2.lora_llama3_2_1b", "llama3", "LLAMA3_2"),
    ("qwen2", 896, 24): ("qwen2_5.lora_qwen2_5_0_5b", "qwen2_5", "QWEN2"),
    ("qwen2", 1536, 28): ("qwen2_5.lora_qwen2_5_1_5b_base", "qwen2_5", "QWEN2"),
    ("qwen2", 2048, 36): ("qwen2_5.lora_qwen2_5_3b", "qwen2_5", "QWEN2"),
    ("qwen2", 3584, 28): ("qwen2_5.lora_qwen2_5_7b_base", "qwen2_5", "QWEN2"),
}


def run(task):
    began = time.monotonic()
    conversations = data.read(task.train)
    if not conversations:
        raise TrainingFailure("invalid_data", "There are no training examples.")
    model = base_folder(task)
    place = os.path.join(task.work, "torchtune")
    os.makedirs(place, mode=0o700, exist_ok=True)
    # What an earlier run left is of other data, and may count more epochs than this one.
    shutil.rmtree(os.path.join(place, "out"), ignore_errors=True)
    conversations = tool.Shortener(model, int(task.max_tokens)).all(conversations)
    os.makedirs(task.scratch, mode=0o700, exist_ok=True)
    with open(os.path.join(task.scratch, "train.json"), "w", encoding="utf-8") as file:
        json.dump([{"messages": messages} for messages in conversations], file)
    settings = os.path.join(place, "lora.yaml")
    with open(settings, "w", encoding="utf-8") as file:
        # YAML reads JSON.
        json.dump(configuration(task, model, place, len(conversations)), file, indent=1)
    # The library keeps copies of what it reads, elsewhere and for good, unless it is told.
    os.environ["HF_DATASETS_CACHE"] = os.path.join(task.scratch, "cache")
    losses = []
    tune = os.path.join(os.path.dirname(tool.sys.executable), "tune")
    arguments = [tune if os.path.exists(tune) else "tune", "run", "lora_finetune_single_device"]
    tool.run([*arguments, "--config", settings], place, task, losses, LOSS)
    found = sorted(
        glob.glob(os.path.join(place, "out", "epoch_*", "adapter_model.safetensors")),
        key=lambda path: int(os.path.basename(os.path.dirname(path)).split("_")[1]),
    )
    if not found:
        raise TrainingFailure("failed", "torchtune left no adapter_model.safetensors.")
    finish(task.output, losses, time.monotonic() - began, gguf=tool.convert(found[-1], task))


def configuration(task, model, place, count):
    import torch

    with open(os.path.join(model, "config.json"), encoding="utf-8") as file:
        facts = json.load(file)
    key = (facts["model_type"], facts["hidden_size"], facts["num_hidden_layers"])
    if key not in BUILDERS:
        known = ", ".join(sorted(name for name, _, _ in BUILDERS.values()))
        raise TrainingFailure("unavailable", f"torchtune is known to build {known}; not {key}.")
    builder, tokenizer, form = BUILDERS[key]
    if key == ("llama", 4096, 32) and facts.get("rope_scaling"):
        builder = "llama3_1.lora_llama3_1_8b"
    on_gpu = torch.cuda.is_available()
    half = on_gpu and torch.cuda.is_bf16_supported()
    batch = min(int(task.batch), count)
    each = min(int(task.steps), max(1, count // batch))
    return {
        "output_dir": os.path.join(place, "out"),
        "model": {
            "_component_": f"torchtune.models.{builder}",
            "lora_attn_modules": ["q_proj", "k_proj", "v_proj", "output_proj"],
            "apply_lora_to_mlp": True,
            "apply_lora_to_output": False,
            "lora_rank": int(task.rank),
            "lora_alpha": int(task.alpha),
            "lora_dropout": 0.0,
        },
        "tokenizer": _tokenizer(tokenizer, model, int(task.max_tokens)),
        "checkpointer": {
            "_component_": "torchtune.training.FullModelHFCheckpointer",
            "checkpoint_dir": model,
            "checkpoint_files": sorted(
                os.path.basename(p) for p in glob.glob(os.path.join(model, "*.safetensors"))
            ),
            "recipe_checkpoint": None,
            "output_dir": os.path.join(place, "out"),
            "model_type": form,
        },
        "resume_from_checkpoint": False,
        "save_adapter_weights_only": True,
        "dataset": {
            "_component_": "torchtune.datasets.chat_dataset",
            "source": "json",
            "data_files": os.path.join(task.scratch, "train.json"),
            "split": "train",
            "conversation_column": "messages",
            "conversation_style": "openai",
            "train_on_input": False,
            "packed": False,
        },
        "seed": int(task.seed),
        "shuffle": True,
        "batch_size": batch,
        "optimizer": {
            "_component_": "torch.optim.AdamW",
            "lr": task.learning_rate,
            "weight_decay": 0.0,
        },
        "lr_scheduler": {
            "_component_": "torchtune.training.lr_schedulers.get_cosine_schedule_with_warmup",
            "num_warmup_steps": max(1, int(task.steps) // 20),
        },
        "loss": {"_component_": "torchtune.modules.loss.CEWithChunkedOutputLoss"},
        "epochs": math.ceil(task.steps / each),
        "max_steps_per_epoch": each,
        "gradient_accumulation_steps": 1,
        "clip_grad_norm": 1.0,
        "compile": False,
        "metric_logger": {
            "_component_": "torchtune.training.metric_logging.DiskLogger",
            "log_dir": os.path.join(place, "logs"),
        },
        "log_every_n_steps": 1,
        "log_peak_memory_stats": False,
        "device": "cuda" if on_gpu else "cpu",
        "dtype": "bf16" if half else "fp32",
        "enable_activation_checkpointing": on_gpu,
        "enable_activation_offloading": False,
        "profiler": {
            "_component_": "torchtune.training.setup_torch_profiler",
            "enabled": False,
        },
    }


def _tokenizer(kind, model, limit):
    if kind == "llama3":
        path = os.path.join(model, "original", "tokenizer.model")
        return {
            "_component_": "torchtune.models.llama3.llama3_tokenizer",
            "path": path if os.path.exists(path) else os.path.join(model, "tokenizer.model"),
            "max_seq_len": limit,
        }
    return {
        "_component_": "torchtune.models.qwen2_5.qwen2_5_tokenizer",
        "path": os.path.join(model, "vocab.json"),
        "merges_file": os.path.join(model, "merges.txt"),
        "max_seq_len": limit,
    }
