"""An adapter in the two forms that servers read: PEFT's folder and llama.cpp's GGUF."""

import json
import os
import re
import shutil

from .base import PROJECTIONS, BaseModel, halves_to_interleaved
from .contract import TrainingFailure

NAMES = {peft: gguf for gguf, peft in PROJECTIONS.items()}
_KEY = re.compile(
    r"(?:^|\.)layers\.(\d+)\.((?:self_attn|mlp)\.\w+_proj)\.lora_([abAB])(?:\.default)?(\.weight)?$"
)


def read_weights(path):
    """Weights by layer, projection and `a` or `b`, in PEFT's orientation, float32.

    MLX keeps the transposes and ends its names without `.weight`.
    """
    import numpy
    from safetensors import safe_open

    weights = {}
    try:
        with safe_open(path, "np") as file:
            for key in file.keys():
                match = _KEY.search(key)
                if not match or NAMES.get(match[2]) is None:
                    raise TrainingFailure("failed", f"{path} holds {key}, which is no LoRA weight.")
                values = file.get_tensor(key).astype(numpy.float32)
                if not match[4]:
                    values = values.T
                place = (int(match[1]), NAMES[match[2]], match[3].lower())
                weights[place] = numpy.ascontiguousarray(values)
    except TrainingFailure:
        raise
    except Exception as problem:
        raise TrainingFailure("failed", f"{path} cannot be read: {problem}") from None
    return weights


def check(weights, rank, shapes):
    """Refuses what does not fit the base model."""
    import numpy

    if not weights:
        raise TrainingFailure("failed", "The training left no weights.")
    for (layer, projection, side), values in weights.items():
        fits = shapes.get((layer, projection))
        wanted = fits and ((rank, fits[1]) if side == "a" else (fits[0], rank))
        if values.shape != wanted:
            raise TrainingFailure(
                "failed", f"Layer {layer} {projection} {side} is {values.shape}, not {wanted}."
            )
        if not numpy.isfinite(values).all():
            raise TrainingFailure(
                "failed", "The training diverged: a weight is no finite number. Lower the rate."
            )
        other = (layer, projection, "b" if side == "a" else "a")
        if other not in weights:
            raise TrainingFailure("failed", f"Layer {layer} {projection} lacks its other half.")


def write(weights, folder, task):
    """Writes `adapter_config.json`, `adapter_model.safetensors` and, with a GGUF base,
    `adapter.gguf`. The same weights give the same bytes, so that the same adapter has one name."""
    import numpy

    base = BaseModel(task.base_gguf) if task.base_gguf else None
    if base:
        check(weights, int(task.rank), base.shapes())
    fresh = f"{folder}.{os.getpid()}.new"
    shutil.rmtree(fresh, ignore_errors=True)
    os.makedirs(fresh, mode=0o700)
    named = {}
    for (layer, projection, side), values in weights.items():
        key = f"base_model.model.model.layers.{layer}.{PROJECTIONS[projection]}"
        named[f"{key}.lora_{side.upper()}.weight"] = values.astype(numpy.float32)
    metadata = {"format": "pt", "base": task.base}
    if task.base_sha256:
        metadata["base_sha256"] = task.base_sha256
    write_safetensors(named, os.path.join(fresh, "adapter_model.safetensors"), metadata)
    with open(os.path.join(fresh, "adapter_config.json"), "w", encoding="utf-8") as file:
        json.dump(configuration(weights, task), file, indent=1, sort_keys=True)
    if base:
        write_gguf(weights, os.path.join(fresh, "adapter.gguf"), base, task)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(os.path.dirname(folder), mode=0o700, exist_ok=True)
    os.rename(fresh, folder)


def write_safetensors(tensors, path, metadata):
    """As the library writes them, but for the order of what it keeps in none: the same weights
    must have the same bytes. Source: the safetensors format, "Format"."""
    header, offset = {"__metadata__": metadata}, 0
    for name, values in sorted(tensors.items()):
        end = offset + values.nbytes
        header[name] = {
            "dtype": "F32",
            "shape": list(values.shape),
            "data_offsets": [offset, end],
        }
        offset = end
    text = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little"))
        file.write(text)
        for _, values in sorted(tensors.items()):
            file.write(values.astype("<f4").tobytes())


def configuration(weights, task):
    projections = sorted({PROJECTIONS[p].split(".")[1] for _, p, _ in weights})
    return {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": task.base,
        "r": int(task.rank),
        "lora_alpha": int(task.alpha),
        "lora_dropout": 0.0,
        "bias": "none",
        "fan_in_fan_out": False,
        "inference_mode": True,
        "init_lora_weights": True,
        "modules_to_save": None,
        "target_modules": projections,
    }


def write_gguf(weights, path, base, task):
    import gguf
    import numpy

    writer = gguf.GGUFWriter(path, base.architecture)
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, float(task.alpha))
    for (layer, projection, side), values in sorted(weights.items()):
        heads = base.heads_of(projection)
        # The rows of an output are kept as llama.cpp keeps those of the weight itself.
        if side == "b" and heads:
            values = halves_to_interleaved(values, heads)
        writer.add_tensor(
            f"blk.{layer}.{projection}.weight.lora_{side}", numpy.ascontiguousarray(values)
        )
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
