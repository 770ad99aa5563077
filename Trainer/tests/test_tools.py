"""What is written for other tools, and how what they print is read."""

import json
import os
import re
import sys

import pytest

from stet_trainer import adapter, contract, mlx_recipe, tool, torchtune_recipe


def task(order, **values):
    return contract.Task(order(**values))


def test_mlx_lines_are_read():
    for line in ("Iter 12: Train loss 2.345, Learning Rate 2.000e-04", "    12    2.345 ▼    310"):
        found = re.search(mlx_recipe.LOSS, line)
        assert (found["step"], found["loss"]) == ("12", "2.345")
    for line in ("Iter 1: Val loss 3.1, Val took 0.5s", "     1    val 3.223    2.81s"):
        assert not re.search(mlx_recipe.LOSS, line)


def test_torchtune_lines_are_read():
    text = "1|4|Loss: 2.25:  20%|██        | 4/20 [00:01<00:05]"
    found = re.search(torchtune_recipe.LOSS, text)
    assert (found["step"], found["loss"]) == ("4", "2.25")


def test_a_tools_output_becomes_progress(order, capsys):
    losses = []
    script = (
        "import sys\n"
        "for n in range(1, 4):\n"
        "    sys.stderr.write(f'\\rIter {n}: Train loss {4 - n}.5, rest')\n"
    )
    tool.run([sys.executable, "-c", script], ".", task(order), losses, mlx_recipe.LOSS)
    assert losses == [3.5, 2.5, 1.5]
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3]


def test_examples_are_shortened_before_a_tool_cuts_their_answers(base, tmp_path):
    from stet_trainer.base import write_folder

    model = write_folder(base, str(tmp_path / "model"))
    shortener = tool.Shortener(model, 120)
    question = "".join(chr(97 + n % 26) for n in range(400))
    messages = [
        {"role": "system", "content": "Review."},
        {"role": "user", "content": question},
        {"role": "assistant", "content": "No."},
    ]
    short = shortener.one(messages)
    assert sum(shortener._count(m["content"]) for m in short) <= 120 - shortener.ROOM
    assert short[0] == messages[0] and short[2] == messages[2]
    assert question.startswith(short[1]["content"][:10])
    assert question.endswith(short[1]["content"][-30:])
    assert shortener.one([*messages[:2], {"role": "assistant", "content": "x" * 200}]) is None


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("raise SystemExit('no')", "failed"),
        ("raise RuntimeError('CUDA out of memory.')", "out_of_memory"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "out_of_memory"),
    ],
)
def test_a_tool_that_fails_says_why(order, script, code):
    with pytest.raises(contract.TrainingFailure) as failure:
        tool.run([sys.executable, "-c", script], ".", task(order), [], mlx_recipe.LOSS)
    assert failure.value.code == code


def test_mlx_weights_become_both_forms(order, tmp_path):
    numpy = pytest.importorskip("numpy")
    from safetensors.numpy import save_file

    ordered = task(order)
    path = str(tmp_path / "adapters.safetensors")
    random = numpy.random.default_rng(1)
    a = random.standard_normal((32, 2)).astype(numpy.float32)
    b = random.standard_normal((2, 32)).astype(numpy.float32)
    stem = "model.layers.0.self_attn.q_proj"
    save_file({f"{stem}.lora_a": a, f"{stem}.lora_b": b}, path)
    assert tool.convert(path, ordered) == os.path.join(ordered.output, "adapter.gguf")
    weights = adapter.read_weights(os.path.join(ordered.output, "adapter_model.safetensors"))
    numpy.testing.assert_array_equal(weights[(0, "attn_q", "a")], a.T)
    numpy.testing.assert_array_equal(weights[(0, "attn_q", "b")], b.T)


@pytest.mark.parametrize("fault", ["rank", "shape", "other key", "infinite", "half"])
def test_weights_that_do_not_fit_are_refused(order, tmp_path, fault):
    numpy = pytest.importorskip("numpy")
    from safetensors.numpy import save_file

    rank = 3 if fault == "rank" else 2
    width = 16 if fault == "shape" else 32
    a = numpy.ones((width, rank), dtype=numpy.float32)
    b = numpy.ones((rank, width), dtype=numpy.float32)
    if fault == "infinite":
        b[0, 0] = numpy.inf
    stem = "model.layers.0." + ("self_attn.x_proj" if fault == "other key" else "self_attn.q_proj")
    values = {f"{stem}.lora_a": a} | ({} if fault == "half" else {f"{stem}.lora_b": b})
    path = str(tmp_path / "adapters.safetensors")
    save_file(values, path)
    with pytest.raises(contract.TrainingFailure):
        tool.convert(path, task(order))


def test_torchtune_is_configured_for_llama_3_8b(order, tmp_path):
    pytest.importorskip("torch")
    model = tmp_path / "llama"
    os.makedirs(model)
    facts = {"model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32}
    (model / "config.json").write_text(json.dumps(facts), encoding="utf-8")
    for number in (2, 1):
        (model / f"model-0000{number}-of-00002.safetensors").write_bytes(b"")
    settings = torchtune_recipe.configuration(task(order, steps=20), str(model), "/place", 8)
    assert settings["model"]["_component_"] == "torchtune.models.llama3.lora_llama3_8b"
    assert settings["checkpointer"]["model_type"] == "LLAMA3"
    assert settings["checkpointer"]["checkpoint_files"][0].startswith("model-00001")
    assert settings["epochs"] * settings["max_steps_per_epoch"] >= 20
    assert settings["dataset"]["train_on_input"] is False
    facts["hidden_size"] = 1
    (model / "config.json").write_text(json.dumps(facts), encoding="utf-8")
    with pytest.raises(contract.TrainingFailure):
        torchtune_recipe.configuration(task(order), str(model), "/place", 8)
