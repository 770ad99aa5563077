"""The recipe as Stet runs it: a program that is given a task's file."""

import json
import os
import signal
import subprocess
import sys

import numpy
import pytest
from safetensors.numpy import load_file

pytest.importorskip("torch")
pytest.importorskip("peft")

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": PACKAGE,
    "PYTHONDONTWRITEBYTECODE": "1",
    "OPENBLAS_NUM_THREADS": "1",
}


def start(path, recipe="peft"):
    return subprocess.Popen(
        [sys.executable, "-m", "stet_trainer", recipe, path],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    )


def run(path, recipe="peft"):
    program = start(path, recipe)
    out, _ = program.communicate(timeout=300)
    return program.returncode, [json.loads(line) for line in out.splitlines()]


def of(events, name):
    return [event for event in events if event["event"] == name]


def test_it_learns_and_leaves_both_forms(order):
    status, events = run(order(steps=30))
    assert status == 0
    steps = of(events, "progress")
    assert [e["step"] for e in steps] == list(range(1, 31))
    done = of(events, "done")[0]
    assert done["losses"] == [e["loss"] for e in steps]
    assert sum(done["losses"][-5:]) < sum(done["losses"][:5])
    assert done["held_out"]["adapter"] < done["held_out"]["base"]
    files = sorted(os.listdir(done["folder"]))
    assert files == ["adapter.gguf", "adapter_config.json", "adapter_model.safetensors"]


def test_the_same_task_gives_the_same_bytes(order):
    contents = []
    for name in ("first", "second"):
        _, events = run(order(name=name))
        folder = of(events, "done")[0]["folder"]
        contents.append([open(f"{folder}/{f}", "rb").read() for f in sorted(os.listdir(folder))])
    assert contents[0] == contents[1]


def test_another_persons_adapter_is_measured_beside(order):
    _, events = run(order(name="other"))
    other = of(events, "done")[0]["folder"]
    _, events = run(order(name="own", compare_with=other, steps=20))
    held_out = of(events, "done")[0]["held_out"]
    assert held_out["adapter"] < held_out["other"]


def test_an_interrupted_training_goes_on_as_if_nothing_had_been(order):
    _, events = run(order(name="whole", steps=60))
    whole = of(events, "done")[0]
    path = order(name="parted", steps=60)
    program = start(path)
    lines = []
    for line in program.stdout:
        lines.append(json.loads(line))
        if lines[-1].get("step") == 7:
            program.send_signal(signal.SIGTERM)
    assert program.wait(timeout=120) == 6
    assert lines[-1]["code"] == "cancelled"
    status, events = run(path)
    assert status == 0
    parted = of(events, "done")[0]
    assert of(events, "progress")[0]["step"] > 7, of(events, "note")
    assert parted["losses"] == whole["losses"]
    for file in os.listdir(whole["folder"]):
        with (
            open(f"{whole['folder']}/{file}", "rb") as a,
            open(f"{parted['folder']}/{file}", "rb") as b,
        ):
            assert a.read() == b.read(), file


@pytest.mark.parametrize("damage", ["cut", "other task", "rubbish"])
def test_a_checkpoint_that_does_not_fit_is_left_out(order, damage):
    path = order(steps=60)
    program = start(path)
    for line in program.stdout:
        if '"step": 5,' in line:
            program.send_signal(signal.SIGTERM)
    program.wait(timeout=120)
    checkpoint = os.path.join(os.path.dirname(path), "work", "checkpoint.safetensors")
    assert os.path.exists(checkpoint)
    if damage == "other task":
        path = order(steps=59)
    else:
        with open(checkpoint, "r+b") as file:
            if damage == "cut":
                file.truncate(100)
            else:
                file.write(b"rubbish")
    status, events = run(path)
    assert status == 0
    assert of(events, "progress")[0]["step"] == 1


def test_no_time_is_told_and_what_was_learned_is_kept(order):
    path = order(steps=1_000_000, seconds=8)
    status, events = run(path)
    assert status == 5
    assert events[-1]["code"] == "out_of_time"
    assert os.path.exists(os.path.join(os.path.dirname(path), "work", "checkpoint.safetensors"))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux's limits")
@pytest.mark.parametrize("taking", ["bytearray(600 << 20)", "torch.zeros(150 << 20)"])
def test_no_memory_is_told(taking):
    script = (
        "import torch\n"
        "from stet_trainer import contract, limits\n"
        "try:\n"
        "    limits.limit_memory(400 << 20)\n"
        f"    taken = {taking}\n"
        "except BaseException as problem:\n"
        "    contract.fail(contract.as_failure(problem))\n"
    )
    program = subprocess.run(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, env=ENVIRONMENT
    )
    assert program.returncode == 4
    assert json.loads(program.stdout)["code"] == "out_of_memory"


@pytest.mark.parametrize(
    "values",
    [
        {"train": []},
        {"train": ["no json"]},
        {"train": [{"messages": []}]},
        {"train": [{"messages": [{"role": "user", "content": "x"}]}]},
        {"train": [{"messages": [{"role": "assistant", "content": "x"}] * 2}]},
        {"rank": 0},
        {"steps": "many"},
        {"version": 2},
        {"base_gguf": "nowhere.gguf"},
    ],
)
def test_bad_input_is_told(order, values):
    status, events = run(order(**values))
    assert status == 2
    assert events[-1]["event"] == "error"
    assert events[-1]["code"] == "invalid_data"


def test_answers_that_are_too_long_fall_out(order):
    long = {
        "messages": [
            {"role": "user", "content": "x"},
            {"role": "assistant", "content": "y " * 400},
        ]
    }
    status, events = run(order(train=[long], max_tokens=64))
    assert (status, events[-1]["code"]) == (2, "invalid_data")


def test_the_prompt_is_cut_in_its_middle(order, tmp_path):
    from stet_trainer import data

    class Letters:
        eos_token = "."

        def apply_chat_template(self, messages, tokenize, add_generation_prompt=False):
            return "|".join(m["content"] for m in messages) + "|"

        def encode(self, text, add_special_tokens):
            return list(text)

    encoder = data.Encoder(Letters(), 40)
    middle = "".join(chr(97 + n % 26) for n in range(90))
    prompt, answer = encoder.encode(
        [{"role": "user", "content": middle}, {"role": "assistant", "content": "fine"}]
    )
    assert len(prompt) + len(answer) == 40
    assert "".join(prompt) == middle[:8] + (middle + "|")[-27:]
    assert "".join(answer) == "fine|"


def test_the_two_forms_are_the_same_adapter(order):
    """In llama.cpp's form the rows of rotated heads stand in another order, and nothing else
    differs."""
    import gguf

    from stet_trainer.base import interleaved_to_halves

    _, events = run(order())
    folder = of(events, "done")[0]["folder"]
    weights = load_file(f"{folder}/adapter_model.safetensors")
    reader = gguf.GGUFReader(f"{folder}/adapter.gguf")
    tensors = {t.name: t.data.reshape(tuple(reversed(t.shape))) for t in reader.tensors}
    assert len(tensors) == len(weights) == 2 * 7 * 2
    stem = "base_model.model.model.layers.1"
    for mine, theirs, heads in (
        ("self_attn.q_proj", "attn_q", 4),
        ("self_attn.k_proj", "attn_k", 2),
        ("mlp.down_proj", "ffn_down", 0),
    ):
        a = tensors[f"blk.1.{theirs}.weight.lora_a"]
        b = tensors[f"blk.1.{theirs}.weight.lora_b"]
        numpy.testing.assert_array_equal(a, weights[f"{stem}.{mine}.lora_A.weight"])
        if heads:
            b = interleaved_to_halves(b, heads)
        numpy.testing.assert_array_equal(b, weights[f"{stem}.{mine}.lora_B.weight"])
